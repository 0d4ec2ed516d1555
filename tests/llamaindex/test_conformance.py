"""The suite for each vendor."""

from __future__ import annotations

from typing import ClassVar

from dsgvo import PROVIDERS
from llamaindex_dsgvo import (
    InnoGPT,
    InnoGPTEmbedding,
    MeinGPT,
    MeinGPTEmbedding,
    Neuroflash,
    SovrGPT,
)
from tests.llamaindex.conformance import EmbeddingConformance, LLMConformance
from tests.vendors import THINKING_MODEL


class TestInnoGPT(LLMConformance):
    """GPT-5 answers with a stream, whatever was asked for."""

    provider, llm_class, embedding_class = "innogpt", InnoGPT, InnoGPTEmbedding
    llm_arguments: ClassVar = {"model": "gpt-5"}


class TestMeinGPT(LLMConformance):
    provider, llm_class, embedding_class = "meingpt", MeinGPT, MeinGPTEmbedding
    llm_arguments: ClassVar = {"model": "gpt-4o"}


class TestNeuroflash(LLMConformance):
    """JSON schemas are the way to structured output here; embeddings come from another vendor."""

    provider, llm_class, embedding_class = "neuroflash", Neuroflash, MeinGPTEmbedding
    llm_arguments: ClassVar = {"model": "openai/gpt-4.1-mini"}


class TestSovrGPT(LLMConformance):
    """A model that thinks; embeddings come from another vendor."""

    provider, llm_class, embedding_class = "sovrgpt", SovrGPT, InnoGPTEmbedding
    llm_arguments: ClassVar = {"model": THINKING_MODEL}


class TestInnoGPTEmbedding(EmbeddingConformance):
    embedding_class = InnoGPTEmbedding
    embedding_arguments: ClassVar = {"embed_batch_size": 2, "dimensions": 256}


class TestMeinGPTEmbedding(EmbeddingConformance):
    embedding_class = MeinGPTEmbedding


def test_every_provider_is_covered() -> None:
    # Those of this file: other suites have subclasses of their own.
    here = [cls for cls in LLMConformance.__subclasses__() if cls.__module__ == __name__]
    assert {cls.provider for cls in here} == set(PROVIDERS)
