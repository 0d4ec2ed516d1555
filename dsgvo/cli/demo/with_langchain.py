"""The demo with LangChain: Qdrant, a chain in LCEL, and a LangGraph agent.

Written to be copied from: ``__init__`` is the setup, ``_chain`` the pipeline, ``agent`` the agent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, cast
from uuid import UUID, uuid4

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableBranch, RunnableLambda, RunnablePassthrough
from langchain_core.tools import tool
from langchain_qdrant import QdrantVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, VectorParams

import langchain_dsgvo
from dsgvo.cli.demo.events import Event, Source, Sources, ToolCall, ToolResult
from dsgvo.cli.demo.metering import Meter
from dsgvo.cli.demo.questions import AGENT_PROMPT, ANSWER_PROMPT, NOT_FOUND
from dsgvo.cli.demo.sections import Section
from dsgvo.cli.demo.services import Services
from dsgvo.cli.demo.tools import reisekosten
from dsgvo.wire.tokens import estimate_tokens

__all__ = ["LangChainPipeline"]

PASSAGES = 8
"""How many chunks an answer is made from."""

LEAST_LIKENESS = 0.12
"""Cosine below which a chunk has nothing to do with the question."""

PROMPT = ChatPromptTemplate.from_messages(
    [("system", ANSWER_PROMPT), ("human", "Fundstellen:\n\n{passages}\n\nFrage: {question}")]
)


class LangChainPipeline:
    """Retrieval-augmented answers with LangChain.

    Args:
        services: Who answers.
        client: The vector database.
        travel: Whether the agent may use the calculator of the handbook's travel policy.
    """

    title = "LangChain"

    def __init__(self, services: Services, client: QdrantClient, *, travel: bool) -> None:
        self.chat_meter, self.embedding_meter = services.meters()
        # ChatInnoGPT(model="gpt-5") and InnoGPTEmbeddings(), or whichever vendor was chosen; keys
        # come from the environment.
        self._chat = _class_of(BaseChatModel, services.chat.name)(
            model=services.model, callbacks=[_ChatMeter(self.chat_meter)]
        )
        embeddings = _class_of(Embeddings, services.embeddings.name)(batch_size=32)
        self._embeddings = _MeteredEmbeddings(embeddings, self.embedding_meter)
        self._client = client
        self._collection = f"dsgvo-demo-{uuid4().hex}"
        self._travel = travel
        self._chunks: list[Document] = []

    def split(self, sections: Sequence[Section]) -> int:
        """Cut sections into chunks; each begins with its heading, which helps to find it."""
        splitter = RecursiveCharacterTextSplitter(
            chunk_size=800, chunk_overlap=120, add_start_index=True
        )
        self._chunks = []
        for section in sections:
            for chunk in splitter.create_documents([section.text]):
                start: int = chunk.metadata["start_index"]
                place = section.place(start, start + len(chunk.page_content))
                text = f"{section.title}\n\n{chunk.page_content}".strip()
                self._chunks.append(
                    Document(text, metadata={"source": section.file, "place": place})
                )
        return len(self._chunks)

    def store(self) -> Iterator[int]:
        """Embed the chunks and put them into a collection of their own, batch by batch."""
        size = len(self._embeddings.embed_query("Wie lang ist ein Vektor?"))
        self._client.create_collection(
            self._collection, vectors_config=VectorParams(size=size, distance=Distance.COSINE)
        )
        self._store = QdrantVectorStore(self._client, self._collection, self._embeddings)
        step = min(128, max(16, len(self._chunks) // 10))
        for start in range(0, len(self._chunks), step):
            batch = self._chunks[start : start + step]
            self._store.add_documents(batch)
            yield len(batch)

    def _chain(self) -> Runnable[dict[str, Any], dict[str, Any]]:
        """Return question → {question, documents, answer}, which streams."""
        retriever = self._store.as_retriever(
            search_kwargs={"k": PASSAGES, "score_threshold": LEAST_LIKENESS}
        )
        answer = (
            RunnablePassthrough.assign(passages=itemgetter("documents") | RunnableLambda(_numbered))
            | PROMPT
            | self._chat
            | StrOutputParser()
        )
        return RunnablePassthrough.assign(
            documents=itemgetter("question") | retriever
        ) | RunnablePassthrough.assign(
            answer=RunnableBranch(
                (lambda found: not found["documents"], RunnableLambda(lambda _: NOT_FOUND)), answer
            )
        )

    def ask(self, question: str) -> Iterator[Event]:
        """Answer from the documents: first the sources, then the answer piece by piece."""
        for part in self._chain().stream({"question": question}):
            if "documents" in part:
                yield Sources([_source(at, one) for at, one in enumerate(part["documents"], 1)])
            if "answer" in part:
                yield part["answer"]

    def follow_up(self, question: str) -> None:
        """LangChain has no chat engine; its agents remember with a checkpointer."""
        del question

    def agent(self, question: str) -> Iterator[Event]:
        """Let a LangGraph agent answer; it decides which tools to use."""

        @tool
        def unterlagen_durchsuchen(frage: str) -> str:
            """Durchsucht die Unterlagen und gibt die passenden Fundstellen zurück."""
            found = self._store.similarity_search(frage, k=3, score_threshold=LEAST_LIKENESS)
            return _numbered(found) or NOT_FOUND

        tools = [unterlagen_durchsuchen, *([tool(reisekosten)] if self._travel else [])]
        agent = cast("Any", create_agent(self._chat, tools, system_prompt=AGENT_PROMPT))
        messages = {"messages": [{"role": "user", "content": question}]}
        for mode, step in agent.stream(messages, stream_mode=["messages", "updates"]):
            if mode == "messages":
                message: BaseMessage = step[0]
                if isinstance(message, AIMessageChunk) and message.text:
                    yield message.text
                continue
            for update in step.values():
                yield from _tool_events(update["messages"])

    def close(self) -> None:
        """Delete the collection that was made for this run."""
        self._client.delete_collection(self._collection)


def _class_of(kind: type, provider: str) -> Any:
    """Return the vendor's class: ``ChatInnoGPT`` for a chat model of innoGPT, and so on."""
    classes = [getattr(langchain_dsgvo, name) for name in langchain_dsgvo.__all__]
    return next(one for one in classes if issubclass(one, kind) and one.provider == provider)


def _numbered(documents: Sequence[Document]) -> str:
    return "\n\n".join(
        f"[{number}] {one.metadata['source']}, {one.metadata['place']}\n{one.page_content}"
        for number, one in enumerate(documents, 1)
    )


def _source(number: int, document: Document) -> Source:
    return Source(number, document.metadata["source"], document.metadata["place"])


def _tool_events(messages: Sequence[BaseMessage]) -> Iterator[Event]:
    for message in messages:
        if isinstance(message, AIMessage):
            for call in message.tool_calls:
                yield ToolCall(call["name"], call["args"])
        elif isinstance(message, ToolMessage):
            yield ToolResult(message.name or "", message.text)


class _ChatMeter(BaseCallbackHandler):
    """Adds up the tokens that the vendor counts, and the time."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._running: dict[UUID, Any] = {}

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **kwargs: Any
    ) -> None:
        self._running[kwargs["run_id"]] = timer = self._meter.timed()
        timer.__enter__()

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self._running.pop(kwargs["run_id"]).__exit__(None, None, None)
        generation = response.generations[0][0]
        if isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage):
            usage = generation.message.usage_metadata
            self._meter.add_usage(dict(usage) if usage else None)


class _MeteredEmbeddings(Embeddings):
    """Passes texts on, and takes the time."""

    def __init__(self, embeddings: Embeddings, meter: Meter) -> None:
        self._embeddings = embeddings
        self._meter = meter

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self._meter.tokens += sum(map(estimate_tokens, texts))
        with self._meter.timed():
            return self._embeddings.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        self._meter.tokens += estimate_tokens(text)
        with self._meter.timed():
            return self._embeddings.embed_query(text)


PIPELINE = LangChainPipeline
