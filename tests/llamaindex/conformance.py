"""What an LLM and an embedding model must do with real parts of LlamaIndex.

LlamaIndex has no standard suite for integrations; this is one. A vendor's tests subclass
:class:`Conformance` and fill in its class attributes, as ``langchain-tests`` has it.
"""

from __future__ import annotations  # what is recorded of the tools shows them as text

import pickle
from enum import StrEnum
from typing import Any, ClassVar

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCallResult
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.ingestion.pipeline import get_transformation_hash
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, Field

from dsgvo import PROVIDERS
from dsgvo.emulator import Server
from tests.llamaindex.support import DOCUMENTS, HOW_MANY_DAYS, Mode, bodies, documents, run


class Art(StrEnum):
    """Kind of a contract."""

    MIETE = "Mietvertrag"
    ARBEIT = "Arbeitsvertrag"


class Adresse(BaseModel):
    """An address."""

    ort: str = Field(description="Ort")
    postleitzahl: str


class Vertrag(BaseModel):
    """A contract."""

    art: Art = Field(description="Art des Vertrags")
    betrag: float = Field(description="Betrag in Euro")
    adresse: Adresse
    personen: list[str] = Field(description="Namen der Personen")
    notiz: str | None = None


READ = Vertrag(
    art=Art.MIETE,
    betrag=950.5,
    adresse=Adresse(ort="Köln", postleitzahl="50667"),
    personen=["Anna Schmidt", "Jonas Weber"],
)
PROMPT = PromptTemplate("Lies die Angaben aus dem Vertrag.\n\n{text}")
HOW_MUCH = "Wie viel Kilometergeld gibt es für 120 Kilometer?"
CONTRACT = """Art: Mietvertrag
Betrag: 950,50 Euro
Ort: „Köln“
Postleitzahl: „50667“
Personen: „Anna Schmidt“, „Jonas Weber“
"""


def kilometergeld(kilometer: int) -> float:
    """Berechnet das Kilometergeld in Euro für Fahrten mit dem eigenen Pkw."""
    return round(kilometer * 0.3, 2)


def wetter(ort: str) -> str:
    """Gibt das Wetter für einen Ort an."""
    return f"In {ort} scheint die Sonne."


# LlamaIndex itself uses what pydantic and its own workflows have deprecated.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
@pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning")
class LLMConformance:
    """The suite of an LLM; subclasses name the vendor's classes."""

    llm_class: ClassVar[type[FunctionCallingLLM]]
    llm_arguments: ClassVar[dict[str, Any]]
    embedding_class: ClassVar[type[BaseEmbedding]]
    embedding_arguments: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def llm(self) -> Any:
        return self.llm_class(**self.llm_arguments)

    def test_vector_index(self, llm: Any, mode: Mode) -> None:
        embed_model = self.embedding_class(**self.embedding_arguments)
        index = VectorStoreIndex.from_documents(documents(), embed_model=embed_model)
        engine = index.as_query_engine(llm=llm, similarity_top_k=2)
        answer = mode.call(engine, "query", HOW_MANY_DAYS)
        assert "30 Tage Urlaub" in str(answer)
        assert answer.source_nodes[0].metadata == {"file": "urlaub.md"}

    @pytest.mark.parametrize("streaming", [True, False])
    def test_function_agent(self, llm: Any, server: Server, streaming: bool) -> None:
        agent = FunctionAgent(tools=[kilometergeld, wetter], llm=llm, streaming=streaming)
        answer, events = _ran(agent, HOW_MUCH)
        [result] = [event for event in events if isinstance(event, ToolCallResult)]
        assert (result.tool_name, result.tool_kwargs) == ("kilometergeld", {"kilometer": 120})
        assert result.tool_output.raw_output == 36
        assert "36" in str(answer.response.content)
        assert any(isinstance(event, AgentStream) for event in events) is streaming
        call, told = bodies(server)[-1]["messages"][-2:]
        assert (call["role"], told["role"]) == ("assistant", "tool")
        assert told["tool_call_id"] == call["tool_calls"][0]["id"]

    def test_structured_extraction(self, llm: Any, mode: Mode) -> None:
        assert mode.call(llm, "structured_predict", Vertrag, PROMPT, text=CONTRACT) == READ
        grown = mode.listed(llm, "stream_structured_predict", Vertrag, PROMPT, text=CONTRACT)
        assert len(grown) > 2
        assert not isinstance(grown[0], Vertrag)
        assert grown[-1] == READ

    def test_structured_llm(self, llm: Any, mode: Mode) -> None:
        structured = llm.as_structured_llm(Vertrag)
        assert mode.call(structured, "chat", [ChatMessage(CONTRACT)]).raw == READ
        assert mode.listed(structured, "stream_chat", [ChatMessage(CONTRACT)])[-1].raw == READ
        assert "Köln" in mode.call(structured, "complete", CONTRACT).text

    def test_tools(self, llm: Any, mode: Mode) -> None:
        tools = [FunctionTool.from_defaults(kilometergeld), FunctionTool.from_defaults(wetter)]
        response = mode.call(llm, "chat_with_tools", tools, user_msg=HOW_MUCH)
        *growing, last = mode.listed(llm, "stream_chat_with_tools", tools, user_msg=HOW_MUCH)
        for whole in (response, last):
            [call] = llm.get_tool_calls_from_response(whole)
            assert (call.tool_name, call.tool_kwargs) == ("kilometergeld", {"kilometer": 120})
            assert call.tool_id
        assert any(response.message.additional_kwargs.get("tool_calls") for response in growing)
        assert mode.call(llm, "predict_and_call", tools, user_msg=HOW_MUCH).response == "36.0"

    def test_pickled(self, llm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        data = pickle.dumps(llm)
        for spec in PROVIDERS.values():  # none of which is set where it is unpickled
            names = [spec.base_url_variable, *spec.key_variables]
            for name in [*names, *(wanted.variable for wanted in spec.header_arguments)]:
                monkeypatch.delenv(name, raising=False)
        assert pickle.loads(data).complete("Hallo!").text == llm.complete("Hallo!").text

    def test_serialized_without_the_key(self, llm: Any, server: Server) -> None:
        _shows_no_key(llm, server)
        assert type(llm).from_json(llm.to_json()).complete("Hallo!").text


class EmbeddingConformance:
    """The suite of an embedding model; subclasses name the vendor's class."""

    embedding_class: ClassVar[type[BaseEmbedding]]
    embedding_arguments: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def embed_model(self) -> Any:
        return self.embedding_class(**self.embedding_arguments)

    def test_all_ways_give_the_same_vectors(self, embed_model: Any, mode: Mode) -> None:
        texts = [*DOCUMENTS.values()]
        vectors = mode.call(embed_model, "get_text_embedding_batch", texts)
        assert vectors == [mode.call(embed_model, "get_text_embedding", text) for text in texts]
        assert vectors == [mode.call(embed_model, "get_query_embedding", text) for text in texts]
        assert len({len(vector) for vector in vectors}) == 1

    def test_serialized_without_the_key(self, embed_model: Any, server: Server) -> None:
        _shows_no_key(embed_model, server)
        for name in ("default_headers", "default_query"):
            one, other = (embed_model.model_copy(update={name: {"x-a": given}}) for given in "12")
            assert get_transformation_hash([], one) != get_transformation_hash([], other)
            assert type(one).from_dict(one.to_dict()).default_query is None


def _shows_no_key(one: Any, server: Server) -> None:
    for shown in (str(one.to_dict()), one.to_json(), repr(one), str(one), str(one.to_payload())):
        assert server.api_key not in shown
    assert type(one).from_dict(one.to_dict()).to_dict() == one.to_dict()


def _ran(agent: Any, question: str) -> tuple[Any, list[Any]]:
    async def ask() -> tuple[Any, list[Any]]:
        # Not LlamaIndex's default memory, which leaves a connection to SQLite open.
        handler = agent.run(question, memory=ChatMemoryBuffer.from_defaults(token_limit=4096))
        events = [event async for event in handler.stream_events()]
        return await handler, events

    return run(ask)
