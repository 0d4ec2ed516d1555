"""Embeddings: order, batches, several requests at once, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from llama_index.core.storage.kvstore import SimpleKVStore

from dsgvo import errors
from dsgvo.emulator import Delay, DropVectors, Server, ShuffleVectors
from llamaindex_dsgvo import InnoGPTEmbedding, MeinGPTEmbedding
from tests.llamaindex.support import EMBEDDINGS, Mode, bodies

TEXTS = [f"Absatz {number}" for number in range(10)]


def test_shapes(mode: Mode) -> None:
    for model, length in (
        (InnoGPTEmbedding(), 1536),
        (MeinGPTEmbedding(), 3072),
        (MeinGPTEmbedding(dimensions=64), 64),
    ):
        vectors = mode.call(model, "get_text_embedding_batch", TEXTS)
        assert [len(vector) for vector in vectors] == [length] * 10
        assert all(isinstance(number, float) for number in vectors[0])


def test_vectors_out_of_order(mode: Mode, server: Server) -> None:
    model = InnoGPTEmbedding(dimensions=32)
    expected = mode.call(model, "get_text_embedding_batch", TEXTS)
    server.script("innogpt", ShuffleVectors())
    assert mode.call(model, "get_text_embedding_batch", TEXTS) == expected


def test_missing_vectors(mode: Mode, server: Server) -> None:
    server.script("innogpt", DropVectors())
    with pytest.raises(errors.APIResponseError, match="expected 10 vectors, got 9"):
        mode.call(InnoGPTEmbedding(), "get_text_embedding_batch", TEXTS)


def test_batches_in_order_and_at_once(mode: Mode, server: Server) -> None:
    model = MeinGPTEmbedding(dimensions=32, embed_batch_size=3, num_workers=4)
    expected = [mode.call(model, "get_text_embedding", text) for text in TEXTS]
    server.clear()
    server.script("meingpt", Delay(0.3))  # the first batch comes last
    assert mode.call(model, "get_text_embedding_batch", TEXTS) == expected
    assert sorted(len(body["input"]) for body in bodies(server)) == [1, 3, 3, 3]


def test_batches_that_are_too_large_are_halved(mode: Mode, server: Server) -> None:
    server.limit_embeddings("meingpt", texts=4)
    vectors = mode.call(MeinGPTEmbedding(dimensions=8), "get_text_embedding_batch", TEXTS)
    assert len(vectors) == 10


def test_nothing_to_embed(mode: Mode, server: Server) -> None:
    assert mode.call(InnoGPTEmbedding(), "get_text_embedding_batch", []) == []
    assert server.requests == []


@pytest.mark.parametrize("method", ["get_query_embedding", "get_text_embedding"])
def test_an_empty_text(mode: Mode, server: Server, method: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=r"texts\[0\] is empty"):
        mode.call(InnoGPTEmbedding(), method, "")
    assert server.requests == []


def test_an_empty_text_far_behind_is_found_before_anything_is_sent(
    mode: Mode, server: Server
) -> None:
    cached = InnoGPTEmbedding(embed_batch_size=2, embeddings_cache=SimpleKVStore())
    for model in (InnoGPTEmbedding(embed_batch_size=2), cached):
        with pytest.raises(errors.ConfigurationError, match=r"texts\[7\] is empty"):
            mode.call(model, "get_text_embedding_batch", [*TEXTS[:7], "", "x"])
    assert server.requests == []


def test_progress(mode: Mode, capsys: pytest.CaptureFixture[str]) -> None:
    model = InnoGPTEmbedding(embed_batch_size=2)
    mode.call(model, "get_text_embedding_batch", TEXTS, show_progress=True)
    assert "Generating embeddings" in capsys.readouterr().err


def test_a_cache(mode: Mode, server: Server) -> None:
    model = InnoGPTEmbedding(dimensions=8, embeddings_cache=SimpleKVStore())
    first = mode.call(model, "get_text_embedding_batch", TEXTS)
    again = mode.call(model, "get_text_embedding_batch", [*TEXTS, "neu"])
    assert again[:10] == first
    assert [body["input"] for body in bodies(server)] == [TEXTS, ["neu"]]


def test_a_rate_limiter(mode: Mode) -> None:
    limiter = TokenBucketRateLimiter(requests_per_minute=600)
    model = InnoGPTEmbedding(dimensions=8, rate_limiter=limiter, embed_batch_size=5)
    assert len(mode.call(model, "get_text_embedding_batch", TEXTS)) == 10


def test_callbacks_see_each_batch_once(mode: Mode) -> None:
    counter = TokenCountingHandler(tokenizer=lambda text: text.split())
    model = InnoGPTEmbedding(embed_batch_size=4, callback_manager=CallbackManager([counter]))
    mode.call(model, "get_text_embedding_batch", TEXTS)
    assert [event.prompt for event in counter.embedding_token_counts] == TEXTS
    assert counter.total_embedding_token_count == 20


@pytest.mark.parametrize("provider", ["neuroflash", "sovrgpt"])
def test_undocumented_embeddings_are_refused_when_the_object_is_made(provider: str) -> None:
    with pytest.raises(errors.CapabilityError, match="innoGPT and meinGPT do"):
        EMBEDDINGS[provider]()
    with pytest.raises(errors.ConfigurationError, match="model"):
        EMBEDDINGS[provider](allow_undocumented=True)


def test_arguments(server: Server) -> None:
    model = EMBEDDINGS["sovrgpt"](model="eigenes", allow_undocumented=True)
    assert model.model_name == "eigenes"
    with pytest.raises(errors.ConfigurationError, match="did you mean 'dimensions'"):
        EMBEDDINGS["innogpt"](dimension=5)
    with pytest.raises(errors.ConfigurationError, match="embed_batch_size"):
        InnoGPTEmbedding(embed_batch_size=5000)
    InnoGPTEmbedding(additional_kwargs={"user": "rag"}).get_query_embedding("Hallo")
    assert bodies(server)[0]["user"] == "rag"


def test_many_texts_do_not_open_many_connections(server: Server) -> None:
    model = InnoGPTEmbedding(dimensions=8, embed_batch_size=1, num_workers=3)
    seen: list[int] = []

    async def embed() -> list[Any]:
        watcher = asyncio.create_task(watch())
        vectors = await model.aget_text_embedding_batch([f"Text {n}" for n in range(40)])
        watcher.cancel()
        return vectors

    async def watch() -> None:
        while True:
            seen.append(server.open_connections)
            await asyncio.sleep(0.001)

    assert len(asyncio.run(embed())) == 40
    assert max(seen) <= 3
