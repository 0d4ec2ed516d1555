"""Embedding models of both frameworks: order, batches, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from dsgvo import errors
from dsgvo.emulator import Delay, DropVectors, DuplicateVectors, Server, ShuffleVectors, Status
from tests.calls import bodies
from tests.frameworks.support import Way

TEXTS = [f"Satz Nummer {number} über den Datenschutz." for number in range(10)]


@pytest.fixture
def small(way: Way) -> Any:
    """A model whose vectors are short."""
    return way.embeddings("innogpt", dimensions=16)


@pytest.mark.parametrize(
    ("provider", "model", "length"),
    [("innogpt", "text-embedding-3-small", 1536), ("meingpt", "text-embedding-3-large", 3072)],
)
def test_plain_texts_go_out_and_the_documented_model_is_the_default(
    server: Server, way: Way, provider: str, model: str, length: int
) -> None:
    vectors = way.embed(way.embeddings(provider), ["Guten Tag", "Ade"])
    assert [len(vector) for vector in vectors] == [length, length]
    assert all(isinstance(number, float) for number in vectors[0])
    sent = {"model": model, "input": ["Guten Tag", "Ade"], "encoding_format": "base64"}
    assert bodies(server) == [sent]


@pytest.mark.covers("meingpt", "parameter dimensions of embeddings, 1 or more", "Public")
@pytest.mark.parametrize("provider", ["innogpt", "meingpt"])
def test_a_server_without_base64_is_asked_for_numbers_and_remembered(
    server: Server, way: Way, provider: str
) -> None:
    server.refuse(provider, "encoding_format")
    model = way.embeddings(provider, dimensions=16)
    vector = way.embed_query(model, "Guten Tag")
    assert way.embed(model, ["Guten Tag"]) == [vector]
    assert len(vector) == 16
    assert [body["dimensions"] for body in bodies(server)] == [16, 16, 16]
    assert ["encoding_format" in body for body in bodies(server)] == [True, False, False]


def test_batches_run_side_by_side_and_come_back_in_order(
    server: Server, way: Way, small: Any
) -> None:
    expected = [way.embed_query(small, text) for text in TEXTS]
    server.script("innogpt", ShuffleVectors(seed=3))
    assert way.embed(small, TEXTS) == expected
    server.clear()
    batched = way.embeddings("innogpt", dimensions=16, batch_size=3, max_concurrency=2)
    server.script("innogpt", Delay(0.2))  # the first batch comes last
    assert way.embed(batched, TEXTS) == expected
    sent = sorted(body["input"] for body in bodies(server))
    assert sent == sorted(TEXTS[at : at + 3] for at in range(0, 10, 3))


def test_a_batch_that_is_too_large_is_halved(server: Server, way: Way, small: Any) -> None:
    expected = way.embed(small, TEXTS)
    server.limit_embeddings("innogpt", texts=3)
    assert way.embed(small, TEXTS) == expected
    assert sorted(len(body["input"]) for body in bodies(server)) == [2, 2, 3, 3, 5, 10, 10]


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (DropVectors(1), errors.APIResponseError, "texts 0 to 9.*expected 10 vectors, got 9"),
        (DuplicateVectors(), errors.APIResponseError, "texts 0 to 9"),
        (Status(400, message="no"), errors.BadRequestError, "400: no"),
    ],
)
def test_what_is_no_answer(
    server: Server, way: Way, small: Any, fault: Any, kind: type[Exception], says: str
) -> None:
    server.script("innogpt", fault, fault)  # a refusal is asked again without base64
    with pytest.raises(kind, match=says):
        way.embed(small, TEXTS)


def test_no_text_costs_no_request_and_an_empty_one_is_named(
    server: Server, way: Way, small: Any
) -> None:
    assert way.embed(small, []) == []
    batched = way.embeddings("innogpt", batch_size=2)
    with pytest.raises(errors.ConfigurationError, match=r"texts\[7\] is empty: leave it out"):
        way.embed(batched, [*TEXTS[:7], "", "x"])
    with pytest.raises(errors.ConfigurationError, match=r"texts\[0\] is empty"):
        way.embed_query(small, "")
    assert server.requests == []


@pytest.mark.parametrize(
    ("provider", "settings", "kind", "says"),
    [
        ("innogpt", {"dimension": 5}, errors.ConfigurationError, "did you mean 'dimensions'"),
        ("sovrgpt", {}, errors.CapabilityError, "innoGPT and meinGPT do"),
        (
            "neuroflash",
            {"model": "e5"},
            errors.CapabilityError,
            r"^neuroflash documents no embeddings \(neuroflash: Chat-.*allow_undocumented=True$",
        ),
        (
            "sovrgpt",
            {"allow_undocumented": True},
            errors.ConfigurationError,
            "model is missing: SovrGPT documents no",
        ),
    ],
)
def test_what_is_refused_when_the_object_is_made(
    server: Server, way: Way, provider: str, settings: Any, kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        way.embeddings(provider, **settings)
    assert server.requests == []


def test_undocumented_embeddings_that_are_not_there(way: Way) -> None:
    model = way.embeddings("sovrgpt", model="e5", allow_undocumented=True)
    with pytest.raises(errors.NotFoundError):
        way.embed_query(model, "Guten Tag")


def test_one_object_serves_loop_after_loop(way: Way, small: Any) -> None:
    [expected] = way.embed(small, ["Guten Tag"])
    for other in (way, way.turned(), way):
        assert other.embed_query(small, "Guten Tag") == expected


def test_a_blank_text_among_many_has_a_vector_of_zeros_if_wished(server: Server, way: Way) -> None:
    model = way.embeddings("innogpt", dimensions=16, on_empty="zero")
    first, blank, last = way.embed(model, ["Guten Tag", " ", "Ade"])
    assert blank == [0.0] * 16
    assert any(first)
    assert any(last)
    assert [body["input"] for body in bodies(server)] == [["Guten Tag", "Ade"]]
    with pytest.raises(errors.ConfigurationError, match="is empty"):
        way.embed(way.embeddings("innogpt"), ["Guten Tag", ""])
