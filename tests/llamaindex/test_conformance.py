"""The suite for each vendor."""

from typing import ClassVar

import llamaindex_dsgvo
from llamaindex_dsgvo import InnoGPT, InnoGPTEmbedding, MeinGPT, MeinGPTEmbedding, Neuroflash
from tests.llamaindex.conformance import EmbeddingConformance, LLMConformance
from tests.vendors import THINKING_MODEL


class TestInnoGPT(LLMConformance):
    """GPT-5 answers with a stream, whatever was asked for."""

    llm_class, embedding_class = InnoGPT, InnoGPTEmbedding
    llm_arguments: ClassVar = {"model": "gpt-5"}


class TestMeinGPT(LLMConformance):
    llm_class, embedding_class = MeinGPT, MeinGPTEmbedding
    llm_arguments: ClassVar = {"model": "gpt-4o"}


class TestNeuroflash(LLMConformance):
    """JSON schemas are the way to structured output here; embeddings come from another vendor."""

    llm_class, embedding_class = Neuroflash, MeinGPTEmbedding
    llm_arguments: ClassVar = {"model": "openai/gpt-4.1-mini"}


class TestSovrGPT(LLMConformance):
    """A model that thinks; embeddings come from another vendor."""

    llm_class, embedding_class = llamaindex_dsgvo.SovrGPT, InnoGPTEmbedding
    llm_arguments: ClassVar = {"model": THINKING_MODEL}


class TestInnoGPTEmbedding(EmbeddingConformance):
    embedding_class = InnoGPTEmbedding
    embedding_arguments: ClassVar = {"embed_batch_size": 2, "dimensions": 256}


class TestMeinGPTEmbedding(EmbeddingConformance):
    embedding_class = MeinGPTEmbedding
