"""Embeddings: texts in batches, bodies out, vectors back in their places."""

import base64
import json
import math
import sys
from array import array
from typing import Any, cast

import pytest

from dsgvo import PROVIDERS, errors
from dsgvo.wire import embeddings as wire
from tests.core.support import raised


def b64(*numbers: float) -> str:
    return base64.b64encode(array("f", numbers).tobytes()).decode()


def row(index: int | None, vector: Any) -> dict[str, Any]:
    where = {} if index is None else {"index": index}
    return {"object": "embedding", **where, "embedding": vector}


def decode(answer: Any, count: int = 2, start: int = 0, **kwargs: Any) -> wire.EmbeddingResult:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    batch = wire.Batch(start, [f"Text {i}" for i in range(count)])
    return wire.decode_embeddings(PROVIDERS["meingpt"], body, batch, **kwargs)


A, B = [0.5, -1.0], [0.25, 2.0]


def rows(*vectors: Any) -> list[dict[str, Any]]:
    return [row(index, vector) for index, vector in enumerate(vectors)]


@pytest.mark.parametrize("dimensions", [None, 2])
def test_each_vector_comes_to_its_text_in_any_order_and_encoding(dimensions: int | None) -> None:
    usage: dict[str, Any] = {"total_tokens": 4}
    given = {"data": [row(2, A), row(0, b64(*B)), row(1, [1, 2])], "model": "m", "usage": usage}
    expected = wire.EmbeddingResult([B, [1.0, 2.0], A], "m", usage)
    assert decode(given, count=3, dimensions=dimensions) == expected
    for more in ({}, {"index": 0}, {"index": None}):  # as LiteLLM numbers those of Gemini
        unnumbered = {"data": [row(None, A) | more, row(None, b64(*B)) | more]}
        assert decode(unnumbered).vectors == [A, B]
        assert decode(unnumbered, arrays=True).vectors == [array("f", A), array("f", B)]


def test_numbers_are_floats_and_what_is_of_another_type_is_left_out() -> None:
    single, double = (2 - 2**-23) * 2.0**127, sys.float_info.max
    result = decode({"data": rows(b64(single, -single), [double, -double])})
    assert result.vectors == [[single, -single], [double, -double]]
    raised(errors.APIResponseError, decode, {"data": rows(A, [1e39, 1.0])}, arrays=True)
    for odd in (7, None, [4]):
        result = decode({"data": rows(A, [0.25, 2]), "model": odd, "usage": odd})
        assert result == wire.EmbeddingResult([A, B], None, None)
        assert all(type(number) is float for vector in result.vectors for number in vector)


UNREADABLE: list[Any] = [
    *([1.0, number] for number in ("2", 10**400, math.nan, -math.inf, True)),
    *(None, [B], b64(*B) + "\n", "AAAA", "äöü="),
    *(b64(1, number) for number in (math.nan, -math.inf)),
]
# rows → what is said of them
BAD: list[tuple[Any, str]] = [
    *((rows(A, vector), "the vector at index 1 is unreadable") for vector in UNREADABLE),
    ([row(0, A), {"index": 1}], "index 1 is unreadable"),
    *((rows(*[A] * count), f"expected 2 vectors, got {count}") for count in (0, 1, 3)),
    ([row(1, A), row(1, B)], "index 1 came twice"),
    *(
        ([row(0, A), {"index": index, "embedding": B}], f"expected indexes 0 to 1, got {shown}")
        for index, shown in ((2, 2), (-1, -1), ("Befund", "a str"), (None, None))
    ),
    (rows(A, [1.0]), "different lengths: [1, 2]"),
    (rows([], []), "the vectors are empty"),
    (rows([1.0], [1.0]), "expected 2 dimensions, got 1"),
    ([row(0, A), [1.0]], "the vector at place 1 is not of the documented shape"),
    ({"0": A}, "no data"),
]


@pytest.mark.parametrize(("data", "said"), BAD)
def test_vectors_that_do_not_fit_their_texts(data: Any, said: str) -> None:
    error = raised(errors.APIResponseError, decode, {"data": data}, start=7, dimensions=2)
    named = (said in str(error), "embedding texts 7 to 8" in str(error), error.provider)
    assert named == (True, True, "meingpt")


RESPONSE = errors.APIResponseError
NO_ANSWER: list[tuple[Any, type[errors.APIError], str]] = [
    (b"<html><title>Anmelden</title>", RESPONSE, "expected JSON, got a web page titled 'Anmelden'"),
    (b"[]", RESPONSE, "expected a JSON object"),
    ({"error": {"message": "x", "code": "invalid_api_key"}}, errors.AuthenticationError, "401: x"),
    ({"error": "refused"}, errors.APIStatusError, "200: refused"),
]


def test_what_is_no_answer() -> None:
    for body, kind, said in NO_ANSWER:
        error = raised(kind, decode, body)
        where = "embedding texts 0 to 1: " if kind is RESPONSE else ""
        assert str(error).startswith(f"meinGPT: {where}{said}")
        assert error.status_code == (401 if kind is errors.AuthenticationError else 200)


# texts, bounds → batches: the first text's index, the texts, the places of blank ones
CUT: list[tuple[str, dict[str, Any], list[tuple[int, str, list[int]]]]] = [
    ("", {}, []),
    ("aaa b cc dd", {"max_bytes": 4}, [(0, "aaa b", []), (2, "cc dd", [])]),
    ("ü ü ü", {"max_bytes": 5}, [(0, "ü ü", []), (2, "ü", [])]),
    ("a bbbbb c", {"max_bytes": 3}, [(0, "a", []), (1, "bbbbb", []), (2, "c", [])]),
    ("a a a a a", {"max_texts": 2}, [(0, "a a", []), (2, "a a", []), (4, "a", [])]),
    ("a _ b _", {"on_empty": "skip"}, [(0, "a b", [])]),
    ("_ a _ _ b c", {"on_empty": "zero", "max_texts": 2}, [(0, "a b", [0, 2, 3]), (5, "c", [])]),
    ("_ _", {"on_empty": "skip"}, []),
]


def test_batches_are_as_full_as_the_bounds_let_them() -> None:
    for texts, bounds, cut in CUT:
        given = [text.replace("_", " ") for text in texts.split()]
        expected = [wire.Batch(start, words.split(), zeros) for start, words, zeros in cut]
        for source in (given, iter(given)):
            assert list(wire.batches(source, **bounds)) == expected
    texts = iter("abcde")
    assert next(wire.batches(texts, max_texts=3)) == wire.Batch(0, ["a", "b", "c"], [])
    assert next(texts) == "e"  # the fourth shows that the batch is full


BAD_TEXTS: list[tuple[Any, str]] = [
    (["a", "b", ""], "texts[2] is empty: leave it out"),
    (["a", "b", None], "texts[2] is a NoneType, not a str"),
    (["a", "b", "\ud83d"], "texts[2] is no valid Unicode: text.encode(errors='replace').decode()"),
    ("abc", "texts is a single str: pass a list of texts"),
    ({"a": "b"}, "texts is a dict: pass a list of texts"),
]


def test_what_is_no_text_is_refused_by_its_index() -> None:
    for texts, said in BAD_TEXTS:
        for how in ("error",) if "empty" in said else ("error", "skip"):
            error = raised(errors.ConfigurationError, wire.batches, texts, on_empty=how)
            assert str(error) == said
        if isinstance(texts, list):  # a generator's texts are checked as they are read
            cut = wire.batches(iter(cast("list[Any]", texts)), max_texts=1)
            assert next(cut).texts == ["a"]
            assert str(raised(errors.ConfigurationError, list, cut)) == said
    wire.check_texts(["a", " "])
    assert "x is a int" in str(raised(errors.ConfigurationError, wire.check_texts, 7, argument="x"))
    wrong = raised(errors.ConfigurationError, wire.batches, ["a"], on_empty="x")
    assert str(wrong) == "on_empty='x': 'error', 'zero' or 'skip'"
    blank = wire.batches(["", " "], on_empty="zero")
    assert "all are blank" in str(raised(errors.ConfigurationError, list, blank))
    for value in (0, "3", True):
        for argument, name in (("max_texts", "batch_size"), ("max_bytes", "max_batch_bytes")):
            error = raised(errors.ConfigurationError, wire.batches, ["a"], **{argument: value})
            assert str(error) == f"{name}={value!r} is out of range: use 1 or more"


SMALLER = [
    *(errors.RequestTooLargeError("x"), errors.ContextWindowExceededError("x")),
    errors.BadRequestError("x", code="limit_exceeded"),
    errors.BadRequestError("innoGPT: 400: 3 erlaubt: 400: x", status_code=400),
    errors.UnprocessableEntityError("input: at most 96 items"),
    errors.BadRequestError("Requested 576000 tokens, max 300000 tokens per request"),
    *map(errors.BadRequestError, ("batch size", "Es sind höchstens 16 Texte erlaubt", "Platz: 1")),
]
NOT_SMALLER = [
    errors.BadRequestError("innoGPT: 400: erlaubt: 4", status_code=400),
    errors.BadRequestError("X4: 3: oops", status_code=3),
    *map(errors.BadRequestError, ("since version 1.2.3", "unknown model", "0 frei")),
    errors.RateLimitError("rate limit exceeded"),
]
FLOATS = [errors.APIStatusError("x", status_code=status) for status in (400, 500)]
NO_FLOATS = [errors.ContextWindowExceededError("x", status_code=400)]
NO_FLOATS += [errors.APIStatusError("x", status_code=401), errors.APIConnectionError("x")]


def test_halves_of_a_batch_and_which_errors_they_or_floats_may_avoid() -> None:
    batch, four = wire.Batch(10, ["a", "b", "c"]), wire.Batch(0, ["a", "b", "c", "d"])
    assert batch.halves() == (wire.Batch(10, ["a"]), wire.Batch(11, ["b", "c"]))
    assert four.halves() == (wire.Batch(0, ["a", "b"]), wire.Batch(2, ["c", "d"]))
    assert [str(batch), str(batch.halves()[0])] == ["texts 10 to 12", "text 10"]
    assert repr(wire.Batch(0, ["Geheim"])) == "Batch(start=0)"
    assert [error for error in SMALLER + NOT_SMALLER if wire.is_too_large(error, four)] == SMALLER
    assert not wire.is_too_large(SMALLER[3])
    assert [error for error in FLOATS + NO_FLOATS if wire.may_refuse_base64(error)] == FLOATS


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_embedding_model_to_ask_and_a_vendor_without_one(provider: str) -> None:
    spec = PROVIDERS[provider]
    assert wire.require_embeddings(spec, "m", allow_undocumented=True) == "m"
    if spec.embeddings.documented:
        found = [wire.require_embeddings(spec, model) for model in (None, "m")]
        assert found == [spec.embeddings.default_model, "m"]
        return
    refused = raised(errors.CapabilityError, wire.require_embeddings, spec, "m")
    assert "documents no embeddings" in str(refused)
    given: Any = {"model": None, "allow_undocumented": True}
    missing = raised(errors.ConfigurationError, wire.require_embeddings, spec, **given)
    assert "model is missing" in str(missing)
    assert refused.provider == missing.provider == provider
