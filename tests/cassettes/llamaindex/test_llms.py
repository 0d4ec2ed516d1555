"""The suite for LlamaIndex's LLMs, replayed: no server, and the network cut."""

from __future__ import annotations

from typing import Any, ClassVar

from llama_index.core.base.embeddings.base import BaseEmbedding

from dsgvo.emulator import vectors
from llamaindex_dsgvo import (
    InnoGPT,
    InnoGPTEmbedding,
    MeinGPT,
    MeinGPTEmbedding,
    Neuroflash,
    SovrGPT,
)
from tests.llamaindex import conformance
from tests.vendors import THINKING_MODEL


class LocalEmbedding(BaseEmbedding):
    """Vectors made here, for a vendor that has none: its cassettes call nobody else."""

    dimensions: int

    def _get_text_embedding(self, text: str) -> list[float]:
        return vectors.embed(text, self.dimensions).tolist()

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class LLMConformance(conformance.LLMConformance):
    # Vectors just long enough to tell the suite's documents apart keep the cassettes small.
    embedding_arguments: ClassVar[dict[str, Any]] = {"dimensions": 256}


class TestInnoGPT(LLMConformance):
    provider = "innogpt"
    llm_class = InnoGPT
    llm_arguments: ClassVar[dict[str, Any]] = {"model": "claude-4-5-sonnet"}
    embedding_class = InnoGPTEmbedding


class TestMeinGPT(LLMConformance):
    provider = "meingpt"
    llm_class = MeinGPT
    llm_arguments: ClassVar[dict[str, Any]] = {"model": "gpt-4o"}
    embedding_class = MeinGPTEmbedding


class TestNeuroflash(LLMConformance):
    """JSON schemas are the way to structured output here."""

    provider = "neuroflash"
    llm_class = Neuroflash
    llm_arguments: ClassVar[dict[str, Any]] = {"model": "openai/gpt-4.1-mini"}
    embedding_class = LocalEmbedding


class TestSovrGPT(LLMConformance):
    """A model that thinks."""

    provider = "sovrgpt"
    llm_class = SovrGPT
    llm_arguments: ClassVar[dict[str, Any]] = {"model": THINKING_MODEL}
    embedding_class = LocalEmbedding
