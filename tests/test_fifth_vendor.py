"""A further vendor is a spec, a dialect and the classes of both frameworks, and nothing else.

This one exists here alone, and passes LangChain's standard suites and LlamaIndex's conformance
suite as the others do.
"""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, ClassVar

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from llama_index.core import Settings

from dsgvo import PROVIDERS, Client, emulator
from dsgvo.emulator import Server, checks
from dsgvo.emulator.access import Access
from dsgvo.emulator.dialect import Dialect
from dsgvo.providers import EmbeddingSupport, Model, Provider
from langchain_dsgvo._chat import ChatModel
from langchain_dsgvo._embeddings import EmbeddingModel
from llamaindex_dsgvo import use
from llamaindex_dsgvo._embedding import EmbeddingModel as LlamaIndexEmbeddingModel
from llamaindex_dsgvo._llm import ChatModel as LlamaIndexChatModel
from tests.langchain.standard import TEXT_ALONE, Integration, Unit, not_on
from tests.llamaindex.conformance import EmbeddingConformance, LLMConformance
from tests.llamaindex.fixtures import nothing_in_settings, own_event_loop
from tests.vendors import vendors

__all__ = ["nothing_in_settings", "own_event_loop", "vendors"]
PAGE = "Musterhaus: API"
SPEC = Provider(
    name="musterhaus",
    title="Musterhaus",
    page=PAGE,
    base_url="https://ki.musterhaus.example/v1",
    env="MUSTERHAUS",
    key_variables=("MUSTERHAUS_API_KEY",),
    documented=frozenset({"temperature", "max_tokens", "stop", "tools", "tool_choice"}),
    structured_output=("function_calling", "json_schema", "json_mode"),
    embeddings=EmbeddingSupport(documented=True, default_model="bge-m3"),
    models=(Model(id="muster-1", source=PAGE, region="DE"),),
)


class MusterhausRequest(checks.OpenAIChat):
    stream_options: dict[str, Any] | None = None


DIALECT = Dialect(
    name="musterhaus",
    base="/v1",
    error_body=lambda error: {"error": {"message": error.message}},
    authorize=Access.bearer,
    chat=MusterhausRequest,
    embeddings=checks.Embeddings,
)


class ChatMusterhaus(ChatModel):
    provider: ClassVar[str] = "musterhaus"


class MusterhausEmbeddings(EmbeddingModel):
    provider: ClassVar[str] = "musterhaus"


class Musterhaus(LlamaIndexChatModel):
    provider: ClassVar[str] = "musterhaus"


class MusterhausEmbedding(LlamaIndexEmbeddingModel):
    provider: ClassVar[str] = "musterhaus"


@pytest.fixture(scope="module", autouse=True)
def with_the_fifth() -> Iterator[Server]:
    """An emulator of five vendors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PROVIDERS, SPEC.name, SPEC)
        module = ModuleType("dsgvo.emulator.musterhaus")
        vars(module)["DIALECT"] = DIALECT
        patch.setitem(sys.modules, module.__name__, module)
        with emulator.running() as running:
            yield running


@pytest.fixture
def server(with_the_fifth: Server) -> Server:
    with_the_fifth.clear()
    return with_the_fifth


class TestChatUnit(Unit, ChatModelUnitTests):
    chat_model_class = ChatMusterhaus
    chat_model_params: ClassVar = {"model": "muster-1"}
    ruled_out: ClassVar = {"test_serdes": "its snapshot would be that of the others"}


class TestChat(Integration, ChatModelIntegrationTests):
    chat_model_class = ChatMusterhaus
    chat_model_params: ClassVar = {"model": "muster-1"}
    model_override_value = "muster-2"
    ruled_out: ClassVar = not_on(PAGE, *TEXT_ALONE)


class TestEmbeddings(EmbeddingsIntegrationTests):
    embeddings_class: Any = MusterhausEmbeddings
    embedding_model_params: Any = {}  # noqa: RUF012


class TestLLM(LLMConformance):
    llm_class = Musterhaus
    llm_arguments: ClassVar[dict[str, Any]] = {"model": "muster-1"}
    embedding_class = MusterhausEmbedding


class TestEmbedding(EmbeddingConformance):
    embedding_class = MusterhausEmbedding


def test_one_call_sets_both_and_the_client_knows_its_models(server: Server) -> None:
    use("musterhaus", "muster-1")
    assert isinstance(Settings.llm, Musterhaus)
    assert isinstance(Settings.embed_model, MusterhausEmbedding)
    assert [model.id for model in Client("musterhaus").models()] == ["muster-1"]
