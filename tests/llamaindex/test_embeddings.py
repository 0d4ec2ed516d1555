"""Embeddings in what LlamaIndex alone has: caches, rate limiters, callbacks, many workers."""

from __future__ import annotations

from pathlib import Path

import llama_index.core
import pytest
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import MetadataMode
from llama_index.core.storage.kvstore import SimpleKVStore

from dsgvo import errors
from dsgvo.emulator import Server
from llamaindex_dsgvo import InnoGPTEmbedding
from tests.llamaindex.support import DOCUMENTS, EMBEDDINGS, Mode, bodies, documents

TEXTS = [f"Absatz {number}" for number in range(10)]


def test_a_cache(mode: Mode, server: Server) -> None:
    model = InnoGPTEmbedding(dimensions=8, embeddings_cache=SimpleKVStore())
    with pytest.raises(errors.ConfigurationError, match=r"texts\[7\] is empty"):
        mode.call(model, "get_text_embedding_batch", [*TEXTS[:7], "", "x"])
    first = mode.call(model, "get_text_embedding_batch", TEXTS)
    again = mode.call(model, "get_text_embedding_batch", [*TEXTS, "neu"])
    assert again[:10] == first
    assert [body["input"] for body in bodies(server)] == [TEXTS, ["neu"]]


def test_arguments() -> None:
    model = EMBEDDINGS["sovrgpt"](model="eigenes", allow_undocumented=True)
    assert model.model_name == "eigenes"
    with pytest.raises(errors.ConfigurationError, match="embed_batch_size"):
        InnoGPTEmbedding(embed_batch_size=5000)


@pytest.mark.slow
def test_ingestion_in_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    # A worker process would download tiktoken's file, which LlamaIndex brings along.
    brought = Path(llama_index.core.__file__).parent / "_static" / "tiktoken_cache"
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(brought))
    model = InnoGPTEmbedding(dimensions=8)
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(), model], disable_cache=True)
    nodes = pipeline.run(documents=documents(), num_workers=2)
    assert sorted(node.metadata["file"] for node in nodes) == sorted(DOCUMENTS)
    texts = [node.get_content(MetadataMode.EMBED) for node in nodes]
    assert [node.embedding for node in nodes] == model.get_text_embedding_batch(texts)
