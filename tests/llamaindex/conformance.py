"""What an LLM and an embedding model must do with real parts of LlamaIndex.

LlamaIndex has no standard suite for integrations; this is one. A vendor's tests subclass
:class:`Conformance` and fill in its class attributes, as ``langchain-tests`` has it.
"""

from __future__ import annotations

import pickle
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

import llama_index.core
import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.agent.workflow import (
    AgentStream,
    FunctionAgent,
    ToolCallResult,
)
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import (
    RouterQueryEngine,
)
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.schema import MetadataMode, TextNode
from llama_index.core.selectors import PydanticSingleSelector
from llama_index.core.tools import FunctionTool, QueryEngineTool
from pydantic import BaseModel, Field

from dsgvo import PROVIDERS
from dsgvo.emulator import Reply, Server
from tests.llamaindex.support import (
    BREACH,
    DOCUMENTS,
    HOW_MANY_DAYS,
    PASSWORDS,
    TRAVEL,
    VACATION,
    Mode,
    bodies,
    documents,
    run,
)

TIKTOKEN_CACHE = Path(llama_index.core.__file__).parent / "_static" / "tiktoken_cache"


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

    provider: ClassVar[str]
    llm_class: ClassVar[type[FunctionCallingLLM]]
    llm_arguments: ClassVar[dict[str, Any]]
    embedding_class: ClassVar[type[BaseEmbedding]]
    embedding_arguments: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def llm(self) -> Any:
        return self.llm_class(**self.llm_arguments)

    @pytest.fixture
    def embed_model(self) -> Any:
        return self.embedding_class(**self.embedding_arguments)

    @pytest.fixture
    def index(self, embed_model: Any) -> VectorStoreIndex:
        return VectorStoreIndex.from_documents(documents(), embed_model=embed_model)

    # Indexes and query engines

    @pytest.mark.parametrize(
        "response_mode", [ResponseMode.COMPACT, ResponseMode.REFINE, ResponseMode.TREE_SUMMARIZE]
    )
    def test_vector_index(
        self, llm: Any, index: VectorStoreIndex, mode: Mode, response_mode: ResponseMode
    ) -> None:
        engine = index.as_query_engine(llm=llm, similarity_top_k=2, response_mode=response_mode)
        answer = mode.call(engine, "query", HOW_MANY_DAYS)
        assert "30 Tage Urlaub" in str(answer)
        assert answer.source_nodes[0].metadata == {"file": "urlaub.md"}

    def test_streaming_query_engine(self, llm: Any, index: VectorStoreIndex, mode: Mode) -> None:
        engine = index.as_query_engine(llm=llm, similarity_top_k=1, streaming=True)
        if mode.is_async:

            async def ask() -> list[str]:
                answer: Any = await engine.aquery(HOW_MANY_DAYS)
                return [token async for token in answer.async_response_gen()]

            tokens = run(ask)
        else:
            answer: Any = engine.query(HOW_MANY_DAYS)
            tokens = list(answer.response_gen)
        assert "".join(tokens) == VACATION
        assert len([token for token in tokens if token]) > 3

    @pytest.mark.scripted
    def test_router_with_structured_output(
        self, llm: Any, embed_model: Any, mode: Mode, server: Server
    ) -> None:
        engine = RouterQueryEngine(
            selector=PydanticSingleSelector.from_defaults(llm=llm),
            query_engine_tools=_tools(llm, embed_model),
            llm=llm,
        )
        chosen = {"index": 2, "reason": "Es geht um Passwörter."}
        # PydanticSingleSelector asks by a tool, whatever else the vendor has.
        server.script(
            self.provider, Reply(tool_calls=[{"name": "SingleSelection", "arguments": chosen}])
        )
        answer = mode.call(engine, "query", "Wie viele Zeichen hat ein Passwort?")
        assert "14 Zeichen" in str(answer)
        assert answer.metadata["selector_result"].reason == "Es geht um Passwörter."

    # Chat engines and memory

    def test_memory_over_several_turns(
        self, llm: Any, index: VectorStoreIndex, mode: Mode, server: Server
    ) -> None:
        memory = _memory(llm)
        engine = ContextChatEngine.from_defaults(
            index.as_retriever(similarity_top_k=1), llm=llm, memory=memory
        )
        mode.call(engine, "chat", "Ich heiße Anna.")
        mode.call(engine, "chat", HOW_MANY_DAYS)
        sent = bodies(server)[-1]["messages"]
        spoken = [message["content"] for message in sent if message["role"] == "user"]
        assert spoken == ["Ich heiße Anna.", HOW_MANY_DAYS]
        assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]
        assert [message.role.value for message in memory.get_all()] == ["user", "assistant"] * 2

    # Agents

    @pytest.mark.parametrize("streaming", [True, False])
    def test_function_agent(self, llm: Any, server: Server, streaming: bool) -> None:
        agent = FunctionAgent(tools=[kilometergeld, wetter], llm=llm, streaming=streaming)
        answer, events = _ran(agent, "Wie viel Kilometergeld gibt es für 120 Kilometer?")
        results = [event for event in events if isinstance(event, ToolCallResult)]
        assert [(one.tool_name, one.tool_kwargs) for one in results] == [
            ("kilometergeld", {"kilometer": 120})
        ]
        assert results[0].tool_output.raw_output == 36
        assert "36" in str(answer.response.content)
        assert any(isinstance(event, AgentStream) for event in events) is streaming
        last = bodies(server)[-1]["messages"]
        call, result = last[-2], last[-1]
        assert (call["role"], result["role"]) == ("assistant", "tool")
        assert result["tool_call_id"] == call["tool_calls"][0]["id"]

    # Structured output

    def test_structured_extraction(self, llm: Any, mode: Mode) -> None:
        prompt = PromptTemplate("Lies die Angaben aus dem Vertrag.\n\n{text}")
        contract = mode.call(llm, "structured_predict", Vertrag, prompt, text=CONTRACT)
        self.check_contract(contract)

    def test_streamed_structured_extraction(self, llm: Any, mode: Mode) -> None:
        prompt = PromptTemplate("Lies die Angaben aus dem Vertrag.\n\n{text}")
        grown = mode.listed(llm, "stream_structured_predict", Vertrag, prompt, text=CONTRACT)
        assert len(grown) > 2
        assert not isinstance(grown[0], Vertrag)
        self.check_contract(grown[-1])

    def test_structured_llm(self, llm: Any, mode: Mode) -> None:
        structured = llm.as_structured_llm(Vertrag)
        self.check_contract(mode.call(structured, "chat", [ChatMessage(CONTRACT)]).raw)
        self.check_contract(mode.listed(structured, "stream_chat", [ChatMessage(CONTRACT)])[-1].raw)
        assert "Köln" in mode.call(structured, "complete", CONTRACT).text

    def check_contract(self, contract: Any) -> None:
        assert isinstance(contract, Vertrag)
        assert contract.art is Art.MIETE
        assert contract.betrag == 950.5
        assert (contract.adresse.ort, contract.adresse.postleitzahl) == ("Köln", "50667")
        assert contract.personen == ["Anna Schmidt", "Jonas Weber"]

    # Tools

    def test_tools(self, llm: Any, mode: Mode) -> None:
        tools = [FunctionTool.from_defaults(kilometergeld), FunctionTool.from_defaults(wetter)]
        question = "Wie viel Kilometergeld gibt es für 120 Kilometer?"
        response = mode.call(llm, "chat_with_tools", tools, user_msg=question)
        (selection,) = llm.get_tool_calls_from_response(response)
        assert (selection.tool_name, selection.tool_kwargs) == ("kilometergeld", {"kilometer": 120})
        *growing, last = mode.listed(llm, "stream_chat_with_tools", tools, user_msg=question)
        (streamed,) = llm.get_tool_calls_from_response(last)
        assert streamed.tool_kwargs == {"kilometer": 120}
        assert streamed.tool_id
        assert any(response.message.additional_kwargs.get("tool_calls") for response in growing)
        answer = mode.call(llm, "predict_and_call", tools, user_msg=question)
        assert answer.response == "36.0"

    # The object itself

    def test_pickled(self, llm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        copied = _in_another_environment(llm, monkeypatch)
        assert copied.complete("Hallo!").text == llm.complete("Hallo!").text

    def test_serialized_without_the_key(self, llm: Any, server: Server) -> None:
        _shows_no_key(llm, server)
        assert type(llm).from_json(llm.to_json()).complete("Hallo!").text


class EmbeddingConformance:
    """The suite of an embedding model; subclasses name the vendor's class."""

    provider: ClassVar[str]
    embedding_class: ClassVar[type[BaseEmbedding]]
    embedding_arguments: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def embed_model(self) -> Any:
        return self.embedding_class(**self.embedding_arguments)

    @pytest.fixture
    def index(self, embed_model: Any) -> VectorStoreIndex:
        return VectorStoreIndex.from_documents(documents(), embed_model=embed_model)

    def test_retrieval_finds_each_document(self, index: VectorStoreIndex, mode: Mode) -> None:
        questions = {
            "urlaub.md": "Urlaub im Kalenderjahr",
            "reisen.md": "Euro je Kilometer mit dem eigenen Pkw",
            "it.md": "Zeichen eines Passworts",
            "datenschutz.md": "Datenpannen melden",
        }
        retriever = index.as_retriever(similarity_top_k=1)
        found = {
            name: mode.call(retriever, "retrieve", question)[0].metadata["file"]
            for name, question in questions.items()
        }
        assert found == {name: name for name in questions}

    def test_all_ways_give_the_same_vectors(self, embed_model: Any, mode: Mode) -> None:
        texts = [VACATION, TRAVEL, PASSWORDS, BREACH]
        vectors = mode.call(embed_model, "get_text_embedding_batch", texts)
        assert vectors == [mode.call(embed_model, "get_text_embedding", text) for text in texts]
        assert vectors == [mode.call(embed_model, "get_query_embedding", text) for text in texts]
        assert len({len(vector) for vector in vectors}) == 1

    def test_ingestion_with_a_cache(self, embed_model: Any, server: Server, mode: Mode) -> None:
        pipeline = IngestionPipeline(
            transformations=[SentenceSplitter(), embed_model], cache=IngestionCache()
        )
        first = mode.call(pipeline, "run", documents=documents())
        asked = len(server.requests)
        second = mode.call(pipeline, "run", documents=documents())
        assert asked >= 1
        assert len(server.requests) == asked
        assert [node.embedding for node in first] == [node.embedding for node in second]
        texts = [node.get_content(MetadataMode.EMBED) for node in first]
        assert [node.embedding for node in first] == embed_model.get_text_embedding_batch(texts)

    @pytest.mark.slow
    def test_ingestion_in_other_processes(
        self, embed_model: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A worker process would download tiktoken's file, which LlamaIndex brings along.
        monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(TIKTOKEN_CACHE))
        pipeline = IngestionPipeline(
            transformations=[SentenceSplitter(), embed_model], disable_cache=True
        )
        nodes = pipeline.run(documents=documents(), num_workers=2)
        assert sorted(node.metadata["file"] for node in nodes) == sorted(DOCUMENTS)
        texts = [node.get_content(MetadataMode.EMBED) for node in nodes]
        assert [node.embedding for node in nodes] == embed_model.get_text_embedding_batch(texts)

    def test_pickled(self, embed_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        copied = _in_another_environment(embed_model, monkeypatch)
        assert copied.get_query_embedding("Hallo") == embed_model.get_query_embedding("Hallo")

    def test_serialized_without_the_key(self, embed_model: Any, server: Server) -> None:
        _shows_no_key(embed_model, server)


def _memory(llm: Any = None) -> ChatMemoryBuffer:
    # Not LlamaIndex's default, which leaves a connection to SQLite open.
    return ChatMemoryBuffer.from_defaults(llm=llm, token_limit=None if llm else 4096)


def _in_another_environment(one: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pickle something, and unpickle it where no vendor's variable is set."""
    data = pickle.dumps(one)
    for spec in PROVIDERS.values():
        names = [spec.base_url_variable, *spec.key_variables]
        names += [wanted.variable for wanted in spec.header_arguments]
        for name in names:
            monkeypatch.delenv(name, raising=False)
    return pickle.loads(data)


def _shows_no_key(one: Any, server: Server) -> None:
    for shown in (str(one.to_dict()), one.to_json(), repr(one), str(one), str(one.to_payload())):
        assert server.api_key not in shown
    assert type(one).from_dict(one.to_dict()).to_dict() == one.to_dict()


def _tools(llm: Any, embed_model: Any) -> list[QueryEngineTool]:
    def tool(name: str, text: str, description: str) -> QueryEngineTool:
        index = VectorStoreIndex([TextNode(text=text)], embed_model=embed_model)
        return QueryEngineTool.from_defaults(
            index.as_query_engine(llm=llm), name=name, description=description
        )

    return [
        tool("urlaub", VACATION, "Fragen zu Urlaub und Kalenderjahr"),
        tool("passwort", PASSWORDS, "Fragen zu Passwörtern und ihren Zeichen"),
    ]


def _ran(agent: Any, question: str) -> tuple[Any, list[Any]]:
    async def ask() -> tuple[Any, list[Any]]:
        handler = agent.run(question, memory=_memory())
        events = [event async for event in handler.stream_events()]
        return await handler, events

    return run(ask)
