"""Embeddings in what LlamaIndex alone has: caches, rate limiters, callbacks, many workers."""

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


def test_a_cache(mode: Mode, server: Server) -> None:
    model = InnoGPTEmbedding(dimensions=8, embeddings_cache=SimpleKVStore())
    with pytest.raises(errors.ConfigurationError, match=r"texts\[7\] is empty"):
        mode.call(model, "get_text_embedding_batch", [*TEXTS[:7], "", "x"])
    first = mode.call(model, "get_text_embedding_batch", TEXTS)
    again = mode.call(model, "get_text_embedding_batch", [*TEXTS, "neu"])
    assert again[:10] == first
    assert [body["input"] for body in bodies(server)] == [TEXTS, ["neu"]]


def test_callbacks_and_a_rate_limiter_see_each_batch_once(mode: Mode) -> None:
    counter = TokenCountingHandler(tokenizer=lambda text: text.split())
    settings: Any = {"embed_batch_size": 4, "callback_manager": CallbackManager([counter])}
    limiter = TokenBucketRateLimiter(requests_per_minute=600)
    for model in (InnoGPTEmbedding(**settings), InnoGPTEmbedding(**settings, rate_limiter=limiter)):
        mode.call(model, "get_text_embedding_batch", TEXTS)
        assert [event.prompt for event in counter.embedding_token_counts] == TEXTS
        assert counter.total_embedding_token_count == 20
        counter.reset_counts()


def test_arguments() -> None:
    model = EMBEDDINGS["sovrgpt"](model="eigenes", allow_undocumented=True)
    assert model.model_name == "eigenes"
    with pytest.raises(errors.ConfigurationError, match="embed_batch_size"):
        InnoGPTEmbedding(embed_batch_size=5000)


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
