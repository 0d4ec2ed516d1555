"""Embeddings in what LlamaIndex alone has: caches, rate limiters, callbacks, many workers."""

import pytest
from llama_index.core.storage.kvstore import SimpleKVStore

from dsgvo import errors
from dsgvo.emulator import Server
from llamaindex_dsgvo import InnoGPTEmbedding
from tests.llamaindex.support import Mode, bodies

TEXTS = [f"Absatz {number}" for number in range(10)]


def test_a_cache(mode: Mode, server: Server) -> None:
    model = InnoGPTEmbedding(dimensions=8, embeddings_cache=SimpleKVStore())
    with pytest.raises(errors.ConfigurationError, match=r"texts\[7\] is empty"):
        mode.call(model, "get_text_embedding_batch", [*TEXTS[:7], "", "x"])
    first = mode.call(model, "get_text_embedding_batch", iter(TEXTS))
    assert mode.call(model, "get_text_embedding_batch", [*TEXTS, "neu"])[:10] == first
    assert [body["input"] for body in bodies(server)] == [TEXTS, ["neu"]]
