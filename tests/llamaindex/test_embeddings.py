"""Embeddings: order, batches, several requests at once, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from llama_index.core.storage.kvstore import SimpleKVStore

from dsgvo import errors
from dsgvo.emulator import Server
from llamaindex_dsgvo import InnoGPTEmbedding
from tests.llamaindex.support import EMBEDDINGS, Mode, bodies

TEXTS = [f"Absatz {number}" for number in range(10)]


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
