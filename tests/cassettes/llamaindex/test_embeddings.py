"""The suite for LlamaIndex's embeddings, replayed: no server, and the network cut."""

from __future__ import annotations

from typing import Any, ClassVar

from llamaindex_dsgvo import (
    InnoGPTEmbedding,
    MeinGPTEmbedding,
    NeuroflashEmbedding,
    SovrGPTEmbedding,
)
from tests.llamaindex import conformance


class EmbeddingConformance(conformance.EmbeddingConformance):
    embedding_arguments: ClassVar[dict[str, Any]] = {"dimensions": 256}
    not_here = "test_ingestion_in_other_processes"  # no cassette plays in another process


class TestInnoGPT(EmbeddingConformance):
    provider = "innogpt"
    embedding_class = InnoGPTEmbedding


class TestMeinGPT(EmbeddingConformance):
    provider = "meingpt"
    embedding_class = MeinGPTEmbedding


class Undocumented(EmbeddingConformance):
    """The vendor's page has no embeddings; an account may have them all the same."""

    embedding_arguments: ClassVar[dict[str, Any]] = {
        "model_name": "text-embedding-3-small",
        "dimensions": 256,
        "allow_undocumented": True,
    }


class TestNeuroflash(Undocumented):
    provider = "neuroflash"
    embedding_class = NeuroflashEmbedding


class TestSovrGPT(Undocumented):
    provider = "sovrgpt"
    embedding_class = SovrGPTEmbedding
