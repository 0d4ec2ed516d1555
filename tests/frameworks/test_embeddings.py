"""Embedding models of both frameworks: order, batches, and what is refused."""

import pytest

from dsgvo import errors
from dsgvo.emulator import Delay, Server, ShuffleVectors
from dsgvo.transport._pools import runtime
from tests.calls import bodies
from tests.frameworks.support import EACH, Way

TEXTS = [f"Satz Nummer {number} über den Datenschutz." for number in range(10)]


@pytest.mark.covers("innogpt, meingpt", "endpoint POST */embeddings")
@pytest.mark.covers("meingpt", "parameter dimensions of embeddings, 1 or more", "Public")
@pytest.mark.parametrize(
    ("provider", "model", "length"),
    [("innogpt", "text-embedding-3-small", 1536), ("meingpt", "text-embedding-3-large", 3072)],
)
def test_plain_texts_go_out_and_the_documented_model_is_the_default(
    server: Server, way: Way, provider: str, model: str, length: int
) -> None:
    vectors = way.embed(way.embeddings(provider), ["Guten Tag", "Ade"])
    assert [(len(vector), type(vector[0])) for vector in vectors] == [(length, float)] * 2
    sent = {"model": model, "input": ["Guten Tag", "Ade"], "encoding_format": "base64"}
    assert bodies(server) == [sent]
    small = way.embeddings(provider, dimensions=16, extra_body={"user": "rag"})
    assert len(way.embed_query(small, "Guten Tag")) == 16
    assert bodies(server)[1] == sent | {"dimensions": 16, "input": ["Guten Tag"], "user": "rag"}
    server.refuse(provider, "encoding_format")  # numbers are asked for, and that is remembered
    vector = way.embed_query(small, "Ade")
    assert way.turned().embed(small, ["Ade"]) == [vector]
    assert ["encoding_format" in body for body in bodies(server)[2:]] == [True, False, False]


def test_batches_run_side_by_side_and_come_back_in_order(server: Server, way: Way) -> None:
    small = way.embeddings("innogpt", dimensions=16)
    expected = [way.embed_query(small, text) for text in TEXTS]
    server.script("innogpt", ShuffleVectors(seed=3))
    assert (way.embed(small, TEXTS), way.embed(small, [])) == (expected, [])
    server.clear()
    batched = way.embeddings("innogpt", dimensions=16, batch_size=3, max_concurrency=2)
    server.script("innogpt", Delay(0.2))  # the first batch comes last
    assert way.embed(batched, TEXTS) == expected
    sent = sorted(body["input"] for body in bodies(server))
    assert sent == sorted(TEXTS[at : at + 3] for at in range(0, 10, 3))


def test_a_blank_query_is_an_error_and_no_text_goes_without_a_vector(way: Way) -> None:
    with pytest.raises(errors.ConfigurationError, match="blank"):
        way.embed_query(way.embeddings("innogpt", on_empty="zero"), " ")
    with pytest.raises(errors.ConfigurationError, match="by place"):
        way.embeddings("innogpt", on_empty="skip")


def test_progress_is_shown_on_wish(way: Way, capsys: pytest.CaptureFixture[str]) -> None:
    shown = {"show_progress": True}
    model = way.embeddings("innogpt", batch_size=4, **(shown if way.is_langchain else {}))
    method = "embed_documents" if way.is_langchain else "get_text_embedding_batch"
    way.mode.call(model, method, iter(TEXTS), **({} if way.is_langchain else shown))
    assert ("10text" if way.is_langchain else "100%") in capsys.readouterr().err


@EACH
def test_an_adaptive_rate_is_shared_by_objects_of_one_key(way: Way) -> None:
    one, two = (way.embeddings("innogpt", dimensions=16, rate_limit="adaptive") for _ in range(2))
    assert way.embed(one, TEXTS) == way.embed(two, TEXTS)
    assert len(runtime.gates) == 1
