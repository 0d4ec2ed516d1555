"""The suite for LlamaIndex's LLMs, replayed: no server, and the network cut."""

from __future__ import annotations

from typing import Any, ClassVar

from llamaindex_dsgvo import (
    InnoGPT,
    InnoGPTEmbedding,
    MeinGPT,
    MeinGPTEmbedding,
    Neuroflash,
    SovrGPT,
)
from tests.llamaindex import conformance
from tests.llamaindex.support import THINKING_MODEL


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
    """JSON schemas are the way to structured output here; embeddings come from another vendor."""

    provider = "neuroflash"
    llm_class = Neuroflash
    llm_arguments: ClassVar[dict[str, Any]] = {"model": "openai/gpt-4.1-mini"}
    embedding_class = MeinGPTEmbedding


class TestSovrGPT(LLMConformance):
    """A model that thinks; embeddings come from another vendor."""

    provider = "sovrgpt"
    llm_class = SovrGPT
    llm_arguments: ClassVar[dict[str, Any]] = {"model": THINKING_MODEL}
    embedding_class = InnoGPTEmbedding
