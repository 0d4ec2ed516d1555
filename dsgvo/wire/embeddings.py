"""Embeddings: batches of texts, request bodies, and vectors read back into their places."""

from __future__ import annotations

import re
from array import array
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from math import isfinite
from sys import byteorder
from typing import Any, Literal, TypeAlias, cast, get_args

from dsgvo.errors import (
    APIError,
    APIResponseError,
    BadRequestError,
    CapabilityError,
    ConfigurationError,
    ContextWindowExceededError,
    RequestTooLargeError,
    UnprocessableEntityError,
)
from dsgvo.providers import PROVIDERS, Provider
from dsgvo.wire.arguments import among, as_number, is_given, is_list, shown
from dsgvo.wire.errors import read_object
from dsgvo.wire.residency import model_id

__all__ = [
    "MAX_BATCH_BYTES",
    "MAX_BATCH_TEXTS",
    "Batch",
    "EmbeddingResult",
    "OnEmpty",
    "ReadAhead",
    "batches",
    "check_count",
    "check_encoding",
    "check_texts",
    "cut",
    "decode_embeddings",
    "differing",
    "is_too_large",
    "may_refuse_base64",
    "require_embeddings",
    "require_list",
    "what_came",
]

MAX_BATCH_TEXTS = 128
"""Texts a request, unless the user says otherwise."""

MAX_BATCH_BYTES = 512 * 1024
"""UTF-8 bytes of text a request: well below the 300,000 tokens that OpenAI's API takes at once."""

# Inferred from OpenAI's API and common gateways; the vendors do not document their wording.
_TOO_LARGE = re.compile(
    r"too (?:long|large|many|big)|\bmax|exceed|at most|limit|up to|batch"
    r"|(?:more|less|fewer|larger|greater) than|≤|<="
    r"|zu (?:lang|groß|gross|viele)|höchst|überschr|übersteig|begrenz|grenze"
    r"|nicht mehr als|weniger als|nur \d|only \d",
    re.I,
)
_NUMBER = re.compile(r"(?<![\d.,])\d{1,6}(?![\d.,]*\d)", re.ASCII)
_NAMED_BLANKS = 10
_MAY_REFUSE_BASE64 = frozenset({400, 415, 422, 500, 501})


OnEmpty: TypeAlias = Literal["error", "zero", "skip"]
"""What becomes of a blank text: an error, a vector of zeros, or none."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of one request, and the index of the first among all texts.

    ``zeros`` are the places, among the batch's vectors, of those for blank texts.
    """

    start: int
    texts: Sequence[str] = field(repr=False)
    zeros: Sequence[int] = field(default=(), repr=False)

    def halves(self) -> tuple[Batch, Batch]:
        """Return the two halves of a batch that was too large."""
        middle = len(self.texts) // 2
        return (
            Batch(self.start, self.texts[:middle]),
            Batch(self.start + middle, self.texts[middle:]),
        )

    def named(self, noun: str) -> str:
        """Return which of all it holds, such as "texts 0 to 9"."""
        if len(self.texts) == 1:
            return f"{noun} {self.start}"
        return f"{noun}s {self.start} to {self.start + len(self.texts) - 1}"

    def blanks(self) -> str | None:
        """Say which texts are white space alone: servers refuse them without naming them."""
        found = [str(at) for at, text in enumerate(self.texts, self.start) if not text.strip()]
        if not found:
            return None
        named = ", ".join(found[:_NAMED_BLANKS]) + ", …" * (len(found) > _NAMED_BLANKS)
        return (
            f"white space alone, which servers refuse: texts[{named}]; leave it out, or pass "
            "on_empty='zero'"
        )

    def __str__(self) -> str:
        return self.named("text")


@dataclass(slots=True)
class EmbeddingResult:
    """Vectors of one request in the order of its texts, and what the vendor counted."""

    vectors: list[Any]
    model: str | None
    usage: dict[str, Any] | None


def require_embeddings(
    provider: Provider, model: str | None, *, allow_undocumented: bool = False
) -> str:
    """Return the embedding model to ask: the one given, or the one that the vendor's page names.

    Args:
        provider: Who will be asked.
        model: The model's id, if the user gave one.
        allow_undocumented: Use the OpenAI-shaped path of a vendor that documents no embeddings.

    Raises:
        CapabilityError: If the vendor documents no embeddings; the message names those that do.
        ConfigurationError: If no model is given and none is documented, or it cannot be one.
    """
    support = provider.embeddings
    if not support.documented and not allow_undocumented:
        others = [other.title for other in PROVIDERS.values() if other.embeddings.documented]
        raise CapabilityError(
            f"{provider.title} documents no embeddings ({provider.page}); "
            f"{' and '.join(others)} do. If your account has them all the same, pass "
            "allow_undocumented=True",
            provider=provider.name,
        )
    model = model if is_given(model) else support.default_model
    if model is None:
        raise ConfigurationError(
            f"model is missing: {provider.title} documents no embedding model; pass model=…",
            provider=provider.name,
        )
    return model_id(model)


def check_encoding(encoding_format: str | None) -> None:
    """Refuse a form of vectors that there is not.

    Raises:
        ConfigurationError: If it is none of OpenAI's two.
    """
    if not among(encoding_format, (None, "base64", "float")):
        raise ConfigurationError(f"encoding_format={shown(encoding_format)}: 'base64' or 'float'")


def check_count(argument: str, value: int) -> None:
    """Refuse what is not a whole number of 1 or more.

    Raises:
        ConfigurationError: With the argument and its value.
    """
    number = as_number(value)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ConfigurationError(f"{argument}={shown(value)} is out of range: use 1 or more")


def check_texts(
    texts: Iterable[str], start: int = 0, *, argument: str = "texts", empty: bool = False
) -> None:
    """Refuse what is not a text to send; ``empty`` says that it may have no letter.

    Raises:
        ConfigurationError: If a text is empty, not a string or no Unicode; the message names its
            index.
    """
    require_list(argument, texts)
    for index, text in enumerate(texts, start):
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"{argument}[{index}] is a {type(text).__name__}, not a str")
        if not text and not empty:
            raise ConfigurationError(f"{argument}[{index}] is empty: leave it out")
        try:
            text.encode()
        except UnicodeEncodeError:  # as out of PDFs
            said = "is no valid Unicode: text.encode(errors='replace').decode()"
            raise ConfigurationError(f"{argument}[{index}] {said}") from None


def require_list(argument: str, value: object) -> None:
    """Refuse what is no list of texts: of a str the letters would be sent, of a dict the keys.

    Raises:
        ConfigurationError: If it is none.
    """
    if isinstance(value, str) or not is_list(value):
        kind = "single str" if isinstance(value, str) else type(value).__name__
        raise ConfigurationError(f"{argument} is a {kind}: pass a list of texts")


def batches(
    texts: Iterable[str],
    *,
    max_texts: int = MAX_BATCH_TEXTS,
    max_bytes: int = MAX_BATCH_BYTES,
    argument: str = "texts",
    on_empty: OnEmpty = "error",
) -> Iterator[Batch]:
    """Cut texts into requests, by count and by bytes, reading no further than needed.

    A text of more than ``max_bytes`` goes alone. Empty ones are refused, or blank ones left out
    of the requests and noted in ``zeros`` or nowhere, as ``on_empty`` says. A sequence is checked
    as a whole before the first batch is given; a generator as it is read.

    Raises:
        ConfigurationError: As :func:`check_texts`, and if a bound is below 1.

    Examples:
        >>> [batch.texts for batch in batches(["a", "b", "c"], max_texts=2)]
        [['a', 'b'], ['c']]
    """
    for name, value in (("batch_size", max_texts), ("max_batch_bytes", max_bytes)):
        check_count(name, value)
    require_list(argument, texts)
    if not among(on_empty, get_args(OnEmpty)):
        raise ConfigurationError(f"on_empty={shown(on_empty)}: 'error', 'zero' or 'skip'")
    checked, refused = isinstance(texts, Sequence), on_empty == "error"
    if checked:
        check_texts(texts, argument=argument, empty=not refused)
    return cut(texts, max_texts, max_bytes, None if checked and refused else on_empty)


def cut(
    texts: Iterable[str], max_texts: int, max_bytes: int, on_empty: OnEmpty | None = None
) -> Iterator[Batch]:
    """Cut texts as :func:`batches` does; without ``on_empty`` they are not checked."""
    start, size, zeros = 0, 0, list[int]()
    current: list[str] = []
    for index, text in enumerate(texts):
        if on_empty in {"zero", "skip"} and isinstance(text, str) and not text.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
            if on_empty == "zero":
                zeros.append(len(current) + len(zeros))
            continue
        if on_empty is not None:
            check_texts((text,), index)
        length = len(text.encode("utf-8", "surrogatepass"))
        if current and (len(current) == max_texts or size + length > max_bytes):
            yield Batch(start, current, zeros)
            start, size, current, zeros = index, 0, [], []
        current.append(text)
        size += length
    if current:
        yield Batch(start, current, zeros)
    elif zeros:
        raise ConfigurationError("texts: all are blank, so nothing says how long a vector is")


class ReadAhead:
    """Batches that are read before those under way are done; where reading fails, that ends them.

    What was asked for by then is paid for, and so the error is raised after it.
    """

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._error: Exception | None = None

    def next(self) -> Batch | None:
        """Return the next batch, if there is one."""
        try:
            return next(self._batches, None)
        except Exception as error:  # noqa: BLE001 - it is raised at the end
            self._error = error
            return None

    def end(self) -> None:
        """Raise what reading has failed with."""
        if self._error is not None:
            raise self._error


def decode_embeddings(
    provider: Provider,
    body: bytes,
    batch: Batch,
    *,
    dimensions: int | None = None,
    arrays: bool = False,
) -> EmbeddingResult:
    """Read an embeddings answer and put each vector to its text, by ``index``.

    Returns:
        One vector a text, each a list of floats of the same length; with ``arrays``, an
        ``array("f")`` of them, made without Python floats where the answer has base64.

    Raises:
        APIStatusError: If the body is an error under a success status.
        APIResponseError: If vectors are missing, doubled, unreadable or of the wrong length.
    """

    def fail(what: str) -> APIResponseError:
        return APIResponseError(
            f"{provider.title}: embedding {batch}: {what}",
            provider=provider.name,
            status_code=200,
        )

    answer = read_object(provider, body, fail)
    data = answer.get("data")
    expected = len(batch.texts)
    if not isinstance(data, list):
        raise fail("the answer has no data")
    rows = cast("list[dict[str, Any]]", data)
    if len(rows) != expected:
        raise fail(f"expected {expected} vectors, got {len(rows)}")
    # In base64 there are no words to look for, and looking takes as long as reading.
    came = (row.get("embedding") for row in rows if isinstance(row, dict))  # pyright: ignore[reportUnnecessaryIsInstance]
    words = any(isinstance(one, list) for one in came) and (b"true" in body or b"false" in body)
    found = _by_index(rows, fail, arrays=arrays, words=words)
    lengths = set[int]()
    if differs := differing(provider, found, lengths, f"embedding {batch}: "):
        raise differs
    if 0 in lengths:
        raise fail("the vectors are empty")
    if dimensions is not None and lengths != {dimensions}:
        raise fail(f"expected {shown(dimensions)} dimensions, got {lengths.pop()}")
    usage, model = answer.get("usage"), answer.get("model")
    return EmbeddingResult(
        found,
        model if isinstance(model, str) else None,
        cast("dict[str, Any]", usage) if isinstance(usage, dict) else None,
    )


def differing(
    provider: Provider, vectors: Iterable[Sized], lengths: set[int], where: str = ""
) -> APIResponseError | None:
    """Return an error if vectors are not as long as each other and as those of ``lengths``.

    A gateway has then asked another model. Their lengths are added to ``lengths``.
    """
    lengths.update(map(len, vectors))
    if len(lengths) < 2:
        return None
    said = f"{provider.title}: {where}vectors of different lengths: {sorted(lengths)}"
    return APIResponseError(said, provider=provider.name, status_code=200)


def _by_index(
    rows: list[dict[str, Any]],
    fail: Callable[[str], APIResponseError],
    *,
    arrays: bool,
    words: bool,
) -> list[Any]:
    expected = len(rows)
    vectors: list[Any] = [None] * expected
    # LiteLLM has numbered all of Gemini's 0, which says as little as no number.
    unnumbered = any(
        all(isinstance(row, dict) and row.get("index", "") == number for row in rows)  # pyright: ignore[reportUnnecessaryIsInstance]
        for number in (0, None)
    )
    for position, row in enumerate(rows):
        if not isinstance(row, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise fail(f"the vector at place {position} is not of the documented shape")
        index = position if unnumbered else row.get("index", position)
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < expected:
            raise fail(f"expected indexes 0 to {expected - 1}, got {what_came(index)}")
        if vectors[index] is not None:
            raise fail(f"index {index} came twice")
        try:
            # Popped, so that the memory of what is read serves the vectors to come.
            vectors[index] = _vector(row.pop("embedding", None), arrays=arrays, words=words)
        except (TypeError, ValueError, OverflowError, Base64Error):
            raise fail(f"the vector at index {index} is unreadable") from None
    return vectors


def what_came(index: object) -> str:
    """Return what is in the place of an index; a text, which may be a prompt, by its type."""
    shows = index is None or isinstance(index, int | float)
    return f"{index!r:.40}" if shows else f"a {type(index).__name__}"


def _vector(value: object, *, arrays: bool, words: bool) -> array[float] | list[float]:
    if words and isinstance(value, list) and bool in set(map(type, cast("list[object]", value))):
        raise TypeError
    numbers = _numbers(cast("object", value))
    if arrays and numbers.typecode == "d":
        numbers = array("f", numbers)  # what is beyond its range becomes infinity
    # A vector store that takes a NaN finds nothing any more. Looking at each number would cost as
    # much as reading it, so those with the highest byte of NaN and infinity are looked for first.
    size = numbers.itemsize
    highest = numbers.tobytes()[size - 1 if byteorder == "little" else 0 :: size]
    if (0x7F in highest or 0xFF in highest) and not all(map(isfinite, numbers)):
        raise ValueError
    return numbers if arrays else numbers.tolist()


def _numbers(value: object) -> array[float]:
    if isinstance(value, str):
        numbers = array("f", a2b_base64(value, strict_mode=True))  # the lowest byte comes first
        if byteorder == "big":
            numbers.byteswap()
        return numbers
    if isinstance(value, list):
        # The array refuses null and text, and makes floats of whole numbers and of truth values.
        return array("d", cast("list[float]", value))
    raise TypeError


def is_too_large(error: APIError, batch: Batch | None = None) -> bool:
    """Return whether a smaller batch may succeed where this one failed.

    Args:
        error: The failure.
        batch: What failed. A message that names a smaller number than its texts may mean a limit,
            in whatever words; asking again then costs a few requests if it does not.
    """
    if isinstance(error, RequestTooLargeError | ContextWindowExceededError):
        return True
    if not isinstance(error, BadRequestError | UnprocessableEntityError):
        return False
    said = f"{error.code} {error.message.removeprefix(_prefix(error))}"
    if _TOO_LARGE.search(said):
        return True
    texts = len(batch.texts) if batch is not None else 0
    return any(0 < int(number) < texts for number in _NUMBER.findall(said))


def _prefix(error: APIError) -> str:
    """Return what our own words put before the vendor's: title and status."""
    before, status, _ = error.message.partition(f": {error.status_code}: ")
    return before + status if status else ""


def may_refuse_base64(error: APIError) -> bool:
    """Return whether asking for vectors as lists of numbers may succeed where base64 failed.

    Gateways put it in words of their own, or fail on it unawares, so the words do not count.
    """
    return error.status_code in _MAY_REFUSE_BASE64 and not isinstance(
        error, ContextWindowExceededError
    )
