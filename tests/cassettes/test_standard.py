"""The standard suites of both frameworks, replayed for one vendor each: the network is cut."""

from typing import Any, ClassVar

import pytest

from llamaindex_dsgvo import MeinGPT, MeinGPTEmbedding
from tests.cassettes.conftest import Tape
from tests.langchain import test_embeddings, test_standard_chat
from tests.llamaindex import conformance, support
from tests.llamaindex.fixtures import nothing_in_settings, own_event_loop

__all__ = ["nothing_in_settings", "own_event_loop"]
pytestmark = pytest.mark.usefixtures("cassette")


@pytest.fixture
def mode() -> support.Mode:
    return support.Mode("async")


@pytest.fixture
def server(cassette: Tape) -> Tape:
    """What stands in for the emulator, of which there is none."""
    return cassette


class TestLangChainChat(test_standard_chat.TestInnoGPT):
    provider, suite = "innogpt", "langchain-standard-chat"


class TestLangChainEmbeddings(test_embeddings.TestInnoGPT):
    provider, suite = "innogpt", "langchain-standard-embeddings"
    embedding_model_params: ClassVar = {"dimensions": 8}


class TestLLM(conformance.LLMConformance):
    provider, suite = "meingpt", "llamaindex-standard-llm"
    llm_class, embedding_class = MeinGPT, MeinGPTEmbedding
    llm_arguments: ClassVar[dict[str, Any]] = {"model": "gpt-4o"}
    embedding_arguments: ClassVar[dict[str, Any]] = {"dimensions": 256}


class TestEmbedding(conformance.EmbeddingConformance):
    provider, suite = "meingpt", "llamaindex-standard-embedding"
    embedding_class = MeinGPTEmbedding
    embedding_arguments: ClassVar[dict[str, Any]] = {"dimensions": 256}
