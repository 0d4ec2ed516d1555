"""Embeddings: texts in batches, bodies out, vectors back in their places."""

from __future__ import annotations

import base64
import json
import math
import re
import sys
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsgvo import PROVIDERS
from dsgvo.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    CapabilityError,
    ConfigurationError,
    ContextWindowExceededError,
    InternalServerError,
    RateLimitError,
    RequestTooLargeError,
    UnprocessableEntityError,
)
from dsgvo.wire.embeddings import (
    Batch,
    EmbeddingResult,
    batches,
    check_count,
    check_texts,
    decode_embeddings,
    is_too_large,
    may_refuse_base64,
    require_embeddings,
)
from tests.core.support import raised

PROVIDER = PROVIDERS["meingpt"]


def b64(*numbers: float) -> str:
    return base64.b64encode(array("f", numbers).tobytes()).decode()


def row(index: int | None, vector: Any) -> dict[str, Any]:
    where = {} if index is None else {"index": index}
    return {"object": "embedding", **where, "embedding": vector}


def decode(answer: Any, count: int = 2, start: int = 0, **kwargs: Any) -> EmbeddingResult:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    batch = Batch(start, [f"Text {i}" for i in range(count)])
    return decode_embeddings(PROVIDER, body, batch, **kwargs)


A, B = [0.5, -1.0], [0.25, 2.0]
GOOD: dict[str, list[dict[str, Any]]] = {
    "in order": [row(0, A), row(1, B)],
    "shuffled": [row(1, B), row(0, A)],
    "base64": [row(0, b64(*A)), row(1, b64(*B))],
    "base64 shuffled": [row(1, b64(*B)), row(0, b64(*A))],
    "mixed": [row(0, b64(*A)), row(1, B)],
    "without indexes": [row(None, A), row(None, B)],
    "whole numbers": [row(0, A), row(1, [0.25, 2])],
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD.keys())
def test_each_vector_comes_to_its_text(data: list[dict[str, Any]]) -> None:
    result = decode({"data": data, "model": "m", "usage": {"total_tokens": 4}}, dimensions=2)
    assert result == EmbeddingResult([A, B], "m", {"total_tokens": 4})
    assert all(type(number) is float for vector in result.vectors for number in vector)


def test_a_model_and_usage_of_another_type_are_left_out() -> None:
    for model in (7, None, ["m"]):
        assert decode({"data": [row(0, A)], "model": model}, 1).model is None
    for usage in (7, "4", [4], None):
        assert decode({"data": [row(0, A)], "usage": usage}, 1).usage is None


def test_numbers_as_large_as_they_get_are_numbers() -> None:
    single, double = (2 - 2**-23) * 2.0**127, sys.float_info.max
    result = decode({"data": [row(0, b64(single, -single)), row(1, [double, -double])]})
    assert result.vectors == [[single, -single], [double, -double]]


BAD: dict[str, tuple[Any, str]] = {
    "missing": ([row(0, A)], "expected 2 vectors, got 1"),
    "none": ([], "expected 2 vectors, got 0"),
    "too many": ([row(0, A), row(1, B), row(2, B)], "expected 2 vectors, got 3"),
    "doubled": ([row(0, A), row(0, B)], "index 0 came twice"),
    "index beyond": ([row(0, A), row(2, B)], "expected indexes 0 to 1, got 2"),
    "index below": ([row(0, A), row(-1, B)], "got -1"),
    "index is text": ([row(0, A), {"index": "1", "embedding": B}], "got '1'"),
    "index is null": ([row(0, A), {"index": None, "embedding": B}], "got None"),
    "lengths differ": ([row(0, A), row(1, [1.0])], "different lengths: [1, 2]"),
    "empty vectors": ([row(0, []), row(1, [])], "different lengths: [0]"),
    "wrong dimensions": ([row(0, [1.0]), row(1, [1.0])], "expected 2 dimensions, got 1"),
    "null in a vector": ([row(0, A), row(1, [1.0, None])], "index 1 is unreadable"),
    "text in a vector": ([row(0, A), row(1, [1.0, "2"])], "index 1 is unreadable"),
    "too large a number": ([row(0, A), row(1, [1.0, 10**400])], "index 1 is unreadable"),
    "null vector": ([row(0, A), row(1, None)], "index 1 is unreadable"),
    "no vector": ([row(0, A), {"index": 1}], "index 1 is unreadable"),
    "nested": ([row(0, A), row(1, [B])], "index 1 is unreadable"),
    "an object": ([row(0, A), row(1, {"0": 1.0})], "index 1 is unreadable"),
    "broken base64": ([row(0, A), row(1, "x")], "index 1 is unreadable"),
    "base64 with white space": ([row(0, A), row(1, b64(*B) + "\n")], "index 1 is unreadable"),
    "not a number": ([row(0, A), row(1, [1.0, math.nan])], "index 1 is unreadable"),
    "infinity": ([row(0, [-math.inf, 1.0]), row(1, B)], "index 0 is unreadable"),
    "not a number in base64": ([row(0, b64(math.nan, 1)), row(1, B)], "index 0 is unreadable"),
    "infinity in base64": ([row(0, A), row(1, b64(1, math.inf))], "index 1 is unreadable"),
    "minus infinity in base64": ([row(0, b64(1, -math.inf)), row(1, B)], "index 0 is unreadable"),
    "base64 of half a float": ([row(0, A), row(1, "AAAA")], "index 1 is unreadable"),
    "text outside ASCII": ([row(0, A), row(1, "äöü=")], "index 1 is unreadable"),
    "a row that is no object": ([row(0, A), [1.0]], "not of the documented shape"),
    "a row that is null": ([None, None], "not of the documented shape"),
    "data is an object": ({"0": A}, "no data"),
    "data is null": (None, "no data"),
}


@pytest.mark.parametrize(("data", "said"), BAD.values(), ids=BAD.keys())
def test_vectors_that_do_not_fit_their_texts(data: Any, said: str) -> None:
    answer = {"data": data}
    error = raised(APIResponseError, decode, answer, start=7, dimensions=2, request_id="r-1")
    assert said in str(error)
    assert "embedding texts 7 to 8" in str(error)
    assert (error.provider, error.request_id) == ("meingpt", "r-1")


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"", APIResponseError, "an empty body"),
        (b"<html><title>Anmelden</title>", APIResponseError, "a web page titled 'Anmelden'"),
        (b'{"data": [', APIResponseError, "breaks off or is malformed"),
        (b"[]", APIResponseError, "expected a JSON object"),
        (b"{}", APIResponseError, "no data"),
        (b"OK", APIResponseError, "text that is not JSON"),
        (b'{"data":' * 300, APIResponseError, "JSON nested deeper than 200 levels"),
        ({"error": {"message": "x", "code": "invalid_api_key"}}, AuthenticationError, "401: x"),
        ({"status": "error", "message": "x"}, APIStatusError, "200: x"),
        ({"error": "x", "code": "429"}, RateLimitError, "429: x"),
        ({"errors": [{"field": "input", "message": "x"}]}, APIStatusError, "200: input: x"),
        ({"errors": "x"}, APIStatusError, "200: x"),
        ({"error": "refused: Meine Diagnose"}, APIStatusError, "meinGPT: 200: refused: ***"),
    ],
)
def test_what_is_no_answer(body: Any, kind: type[APIError], said: str) -> None:
    hidden = lambda: ["Meine Diagnose"]  # noqa: E731
    error = raised(kind, decode, body, request_id="r-1", secrets=hidden)
    assert said in str(error)
    assert error.request_id == "r-1"
    assert error.status_code == (
        200 if kind in {APIResponseError, APIStatusError} else int(said[:3])
    )


@given(st.permutations(range(6)), st.lists(st.booleans(), min_size=6, max_size=6))
def test_any_order_and_either_encoding(order: list[int], encoded: list[bool]) -> None:
    vectors = [[float(i), i / 2] for i in range(6)]
    data = [
        row(index, b64(*vectors[index]) if encoded[index] else vectors[index]) for index in order
    ]
    assert decode({"data": data}, count=6).vectors == vectors


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9), max_size=9),
    st.integers(1, 4),
    st.integers(1, 20),
    st.booleans(),
)
def test_batches_hold_every_text_once_and_keep_the_bounds(
    texts: list[str], max_texts: int, max_bytes: int, as_generator: bool
) -> None:
    source = iter(texts) if as_generator else texts
    cut = list(batches(source, max_texts=max_texts, max_bytes=max_bytes))
    assert [text for batch in cut for text in batch.texts] == texts
    assert all(texts[batch.start] == batch.texts[0] for batch in cut)
    for batch in cut:
        assert 1 <= len(batch.texts) <= max_texts
        size = sum(len(text.encode()) for text in batch.texts)
        assert size <= max_bytes or len(batch.texts) == 1


@pytest.mark.parametrize("as_generator", [False, True])
@pytest.mark.parametrize(
    ("texts", "bounds", "cut"),
    [
        (["a"] * 5, {"max_bytes": 2}, [["a", "a"], ["a", "a"], ["a"]]),
        (["aaa", "b", "c", "dd"], {"max_bytes": 4}, [["aaa", "b"], ["c", "dd"]]),
        (["ü", "ü", "ü"], {"max_bytes": 5}, [["ü", "ü"], ["ü"]]),
        (["a", "bbbbb", "c"], {"max_bytes": 3}, [["a"], ["bbbbb"], ["c"]]),
        (["a"] * 5, {"max_texts": 2}, [["a", "a"], ["a", "a"], ["a"]]),
    ],
)
def test_batches_are_as_full_as_the_bounds_let_them(
    texts: list[str], bounds: dict[str, Any], cut: list[list[str]], as_generator: bool
) -> None:
    source = iter(texts) if as_generator else texts
    assert [batch.texts for batch in batches(source, **bounds)] == cut


def test_a_generator_is_read_no_further_than_needed() -> None:
    read: list[int] = []

    def texts() -> Any:
        for i in range(100):
            read.append(i)
            yield f"Text {i}"

    first = next(batches(texts(), max_texts=3))
    assert first.texts == ["Text 0", "Text 1", "Text 2"]
    assert len(read) == 4  # the fourth shows that the batch is full


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["a", ""], "texts[1] is empty"),
        (["a", "b", None], "texts[2] is a NoneType"),
        (["a", 7], "texts[1] is a int"),
        ("abc", "single str"),
    ],
)
def test_what_is_no_text_is_refused_by_its_index(texts: Any, said: str) -> None:
    assert said in str(raised(ConfigurationError, batches, texts))
    if len(texts) == 3 and texts != "abc":  # a generator's texts are checked as they are read
        cut = batches(iter(texts), max_texts=1)
        assert next(cut).texts == ["a"]
        assert said in str(raised(ConfigurationError, list, cut))


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
def test_bounds_of_a_batch_and_dimensions(value: Any) -> None:
    for name, call in (
        ("batch_size", lambda: batches(["a"], max_texts=value)),
        ("max_batch_bytes", lambda: batches(["a"], max_bytes=value)),
        ("dimensions", lambda: check_count("dimensions", value)),
    ):
        assert f"{name}={value!r}" in str(raised(ConfigurationError, call))


def test_check_texts_lets_texts_pass() -> None:
    check_texts(["a", " "])
    error = raised(ConfigurationError, check_texts, ["a", ""], start=5)
    assert "texts[6] is empty" in str(error)


def test_halves_and_what_a_batch_is_called() -> None:
    batch = Batch(10, ["a", "b", "c"])
    assert batch.halves() == (Batch(10, ["a"]), Batch(11, ["b", "c"]))
    four = Batch(0, ["a", "b", "c", "d"])
    assert four.halves() == (Batch(0, ["a", "b"]), Batch(2, ["c", "d"]))
    assert [str(batch), str(batch.halves()[0])] == ["texts 10 to 12", "text 10"]
    assert repr(Batch(0, ["Geheim"])) == "Batch(start=0)"


@pytest.mark.parametrize(
    ("error", "smaller"),
    [
        (RequestTooLargeError("x"), True),
        (ContextWindowExceededError("x"), True),
        (BadRequestError("maximum of 2048 inputs"), True),
        (BadRequestError("input is too long"), True),
        (UnprocessableEntityError("input: at most 96 items"), True),
        (BadRequestError("x", code="limit_exceeded"), True),
        (BadRequestError("Zu viele Eingaben"), True),
        (BadRequestError("Es sind höchstens 16 Texte erlaubt"), True),
        (BadRequestError("Die Anfrage überschreitet die erlaubte Größe"), True),
        (UnprocessableEntityError("input: pass fewer than 33 texts"), True),
        (BadRequestError("batch size"), True),
        (BadRequestError("innoGPT: 400: erlaubt: 3", status_code=400), True),
        (BadRequestError("innoGPT: 400: erlaubt: 4", status_code=400), False),
        (BadRequestError("X4: 3: oops", status_code=3), False),
        (BadRequestError("since version 1.2.3"), False),
        (BadRequestError("unknown model"), False),
        (RateLimitError("rate limit exceeded"), False),
        (InternalServerError("too large"), False),
    ],
)
def test_which_errors_a_smaller_batch_may_avoid(error: Any, smaller: bool) -> None:
    assert is_too_large(error, Batch(0, ["a"] * 4)) is smaller


@pytest.mark.parametrize(
    ("error", "floats"),
    [
        (BadRequestError("upstream could not be read", status_code=400), True),
        (UnprocessableEntityError("encoding_format", status_code=422), True),
        (APIStatusError("x", status_code=415), True),
        (InternalServerError("x", status_code=500), True),
        (ContextWindowExceededError("x", status_code=400), False),
        (AuthenticationError("x", status_code=401), False),
        (RateLimitError("x", status_code=429), False),
        (InternalServerError("x", status_code=503), False),
        (APIResponseError("x", status_code=200), False),
        (APIConnectionError("x"), False),
    ],
)
def test_which_errors_floats_may_avoid(error: Any, floats: bool) -> None:
    assert may_refuse_base64(error) is floats


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_embedding_model_to_ask(provider: str) -> None:
    spec = PROVIDERS[provider]
    assert require_embeddings(spec, "m", allow_undocumented=True) == "m"
    if spec.embeddings.documented:
        assert require_embeddings(spec, None) == spec.embeddings.default_model
        assert require_embeddings(spec, "m") == "m"


@pytest.mark.parametrize(
    "provider", [n for n, p in PROVIDERS.items() if not p.embeddings.documented]
)
def test_a_vendor_without_embeddings_names_those_that_have_them(provider: str) -> None:
    spec = PROVIDERS[provider]
    error = raised(CapabilityError, require_embeddings, spec, "m")
    said = str(error)
    assert said.startswith(f"{spec.title} documents no embeddings ({spec.page}); ")
    others = [other.title for other in PROVIDERS.values() if other.embeddings.documented]
    assert f"; {' and '.join(others)} do. " in said
    assert said.endswith("pass allow_undocumented=True")
    assert error.provider == provider
    missing = raised(ConfigurationError, require_embeddings, spec, None, allow_undocumented=True)
    assert re.match(r"model is missing: .*pass model=", str(missing))
    assert missing.provider == provider
