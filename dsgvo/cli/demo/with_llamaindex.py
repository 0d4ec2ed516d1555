"""The demo with LlamaIndex: an ingestion pipeline, citations, a chat engine and a FunctionAgent.

Written to be copied from: ``__init__`` is the setup, ``split`` and ``store`` the ingestion,
``ask``, ``follow_up`` and ``agent`` are three ways to answer. Models are handed over and never left
to ``Settings``: LlamaIndex's defaults are OpenAI's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, cast
from uuid import uuid4

import llama_index.core
from llama_index.core import VectorStoreIndex
from llama_index.core.agent.workflow import AgentStream, FunctionAgent
from llama_index.core.agent.workflow import ToolCall as AgentToolCall
from llama_index.core.agent.workflow import ToolCallResult as AgentToolResult
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.response.schema import StreamingResponse
from llama_index.core.chat_engine import CondensePlusContextChatEngine
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.instrumentation import get_dispatcher  # pyright: ignore[reportPrivateImportUsage]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.embedding import (
    EmbeddingEndEvent,
    EmbeddingStartEvent,
)
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionStartEvent,
)
from llama_index.core.llms import LLM, ChatMessage
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.response_synthesizers import (
    get_response_synthesizer,  # pyright: ignore[reportUnknownVariableType]
)
from llama_index.core.schema import (
    BaseNode,
    Document,
    MetadataMode,
    NodeWithScore,
    QueryBundle,
    TextNode,
)
from llama_index.vector_stores.qdrant import (  # pyright: ignore[reportMissingTypeStubs]
    QdrantVectorStore,
)
from pydantic import Field
from qdrant_client import QdrantClient

import llamaindex_dsgvo
from dsgvo.cli.demo.events import Event, Source, Sources, ToolCall, ToolResult
from dsgvo.cli.demo.questions import AGENT_PROMPT, ANSWER_PROMPT, NOT_FOUND
from dsgvo.cli.demo.sections import Section
from dsgvo.cli.demo.services import Services
from dsgvo.cli.demo.tools import reisekosten
from dsgvo.wire.tokens import estimate_tokens

__all__ = ["LlamaIndexPipeline"]

PASSAGES = 8
"""How many chunks an answer is made from."""

LEAST_LIKENESS = 0.12
"""Cosine below which a chunk has nothing to do with the question."""

QUESTION_PROMPT = PromptTemplate(
    ANSWER_PROMPT + "\n\nFundstellen:\n\n{context_str}\n\nFrage: {query_str}"
)
CHAT_PROMPT = ANSWER_PROMPT + "\n\nFundstellen:\n\n{context_str}"


def _tokens(text: str) -> list[int]:
    """Stand in for tiktoken, LlamaIndex's tokenizer: the length of the list is all that counts."""
    return list(range(estimate_tokens(text)))


class LlamaIndexPipeline:
    """Retrieval-augmented answers with LlamaIndex.

    Args:
        services: Who answers.
        client: The vector database.
        travel: Whether the agent may use the calculator of the handbook's travel policy.
    """

    title = "LlamaIndex"

    def __init__(self, services: Services, client: QdrantClient, *, travel: bool) -> None:
        self.chat_meter, self.embedding_meter = services.meters()
        # InnoGPT(model="gpt-5") and InnoGPTEmbedding(), or whichever vendor was chosen; keys come
        # from the environment.
        self._llm: LLM = _class_of(LLM, services.chat.name)(model=services.model)
        self._embedding: BaseEmbedding = _class_of(BaseEmbedding, services.embeddings.name)(
            embed_batch_size=32
        )
        self._client = client
        self._collection = f"dsgvo-demo-{uuid4().hex}"
        self._travel = travel
        # Sentences by a rule and not by NLTK's model, which may have to be downloaded.
        self._splitter = SentenceSplitter(
            chunk_size=320, chunk_overlap=80, tokenizer=_tokens, chunking_tokenizer_fn=_sentences
        )
        self._nodes: Sequence[BaseNode] = []
        self._last: list[ChatMessage] = []
        self._globals = cast("Any", llama_index.core)
        self._tokenizer = self._globals.global_tokenizer
        self._globals.global_tokenizer = _tokens
        self._events = _Meters(chat=self.chat_meter, embedding=self.embedding_meter)
        get_dispatcher().add_event_handler(self._events)

    def split(self, sections: Sequence[Section]) -> int:
        """Cut sections into nodes that know their place."""
        documents = [
            Document(
                text=section.text,
                metadata={"title": section.title, "source": section.file, "place": ""},
                # The heading helps to find a node; where it lies is for people.
                excluded_embed_metadata_keys=["source", "place"],
            )
            for section in sections
        ]
        by_id = {one.id_: section for one, section in zip(documents, sections, strict=True)}
        pipeline = IngestionPipeline(transformations=[self._splitter], disable_cache=True)
        self._nodes = pipeline.run(documents=documents)
        for node in self._nodes:
            start, end = cast("TextNode", node).start_char_idx, cast("TextNode", node).end_char_idx
            node.metadata["place"] = by_id[node.ref_doc_id or ""].place(start or 0, end)
        return len(self._nodes)

    def store(self) -> Iterator[int]:
        """Embed the nodes and put them into a collection of their own, batch by batch."""
        store = QdrantVectorStore(self._collection, client=self._client)
        pipeline = IngestionPipeline(
            transformations=[self._embedding], vector_store=store, disable_cache=True
        )
        step = min(128, max(16, len(self._nodes) // 10))
        for start in range(0, len(self._nodes), step):
            yield len(pipeline.run(nodes=self._nodes[start : start + step]))
        self._index = VectorStoreIndex.from_vector_store(store, embed_model=self._embedding)
        self._retriever = self._index.as_retriever(similarity_top_k=PASSAGES)
        self._fitting = SimilarityPostprocessor(similarity_cutoff=LEAST_LIKENESS)

    def ask(self, question: str) -> Iterator[Event]:
        """Answer with citations: first the sources, then the answer piece by piece."""
        engine = CitationQueryEngine(
            self._retriever,
            llm=self._llm,
            response_synthesizer=get_response_synthesizer(
                llm=self._llm, text_qa_template=QUESTION_PROMPT, streaming=True
            ),
            text_splitter=self._whole(),
            node_postprocessors=[self._fitting],
            metadata_mode=MetadataMode.LLM,
        )
        response = cast("StreamingResponse", engine.query(question))
        yield from self._answer(question, response.source_nodes, response.response_gen)

    def follow_up(self, question: str) -> Iterator[Event]:
        """Answer in a chat engine that knows the last question and its answer."""
        engine = CondensePlusContextChatEngine.from_defaults(
            self._retriever,
            llm=self._llm,
            chat_history=self._last,
            context_prompt=CHAT_PROMPT,
            node_postprocessors=[self._fitting, _Numbering()],
        )
        response = cast("Any", engine).stream_chat(question)
        yield from self._answer(question, response.source_nodes, response.response_gen)

    def agent(self, question: str) -> Iterator[Event]:
        """Let a FunctionAgent answer; it decides which tools to use."""
        events = self._agent_events(question)

        async def following() -> Event | None:
            return await anext(events, None)

        with asyncio.Runner() as runner:
            while (event := runner.run(following())) is not None:
                yield event

    async def _agent_events(self, question: str) -> AsyncIterator[Event]:
        def unterlagen_durchsuchen(frage: str) -> str:
            """Durchsucht die Unterlagen und gibt die passenden Fundstellen zurück."""
            found = self._fitting.postprocess_nodes(self._retriever.retrieve(frage))
            return "\n\n".join(one.get_content(MetadataMode.LLM) for one in found) or NOT_FOUND

        tools: list[Any] = [unterlagen_durchsuchen, *([reisekosten] if self._travel else [])]
        agent = FunctionAgent(llm=self._llm, tools=tools, system_prompt=AGENT_PROMPT)
        running = cast("Any", agent).run(user_msg=question)
        async for event in running.stream_events():
            if isinstance(event, AgentStream):
                if event.delta:
                    yield event.delta
            elif isinstance(event, AgentToolResult):
                yield ToolResult(event.tool_name, str(event.tool_output.content))
            elif isinstance(event, AgentToolCall):
                yield ToolCall(event.tool_name, cast("Any", event).tool_kwargs)

    def close(self) -> None:
        """Delete the collection that was made for this run."""
        self._globals.global_tokenizer = self._tokenizer
        get_dispatcher().event_handlers.remove(self._events)
        self._client.delete_collection(self._collection)

    def _answer(
        self, question: str, nodes: Sequence[NodeWithScore], pieces: Iterator[str]
    ) -> Iterator[Event]:
        if not nodes:
            # LlamaIndex would say "Empty Response"; the model was not asked.
            yield NOT_FOUND
            return
        yield Sources(
            [
                Source(number, one.metadata["source"], one.metadata["place"])
                for number, one in enumerate(nodes, 1)
            ]
        )
        said: list[str] = []
        for piece in pieces:
            said.append(piece)
            yield piece
        self._last = [
            ChatMessage(question, role="user"),
            ChatMessage("".join(said), role="assistant"),
        ]

    def _whole(self) -> SentenceSplitter:
        """Return a splitter that leaves nodes as they are: they are small enough to be cited."""
        return SentenceSplitter(
            chunk_size=4096, chunk_overlap=0, tokenizer=_tokens, chunking_tokenizer_fn=_sentences
        )


class _Numbering(BaseNodePostprocessor):
    """Numbers passages, so that an answer can cite them; chat engines do not."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return [
            NodeWithScore(
                node=TextNode(
                    text=f"[{number}] {one.get_content(MetadataMode.LLM)}",
                    metadata=one.metadata,
                    excluded_llm_metadata_keys=list(one.metadata),
                ),
                score=one.score,
            )
            for number, one in enumerate(nodes, 1)
        ]


class _Meters(BaseEventHandler):
    """Adds up the tokens that the vendor counts, and the time, from LlamaIndex's events."""

    chat: Any
    embedding: Any
    started: dict[str, float] = Field(default_factory=dict)

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        """Take one event."""
        del kwargs
        now, span = event.timestamp.timestamp(), f"{event.span_id}"
        if isinstance(event, LLMChatStartEvent | LLMCompletionStartEvent | EmbeddingStartEvent):
            self.started[span] = now
        elif isinstance(event, LLMChatEndEvent | LLMCompletionEndEvent):
            self.chat.seconds += now - self.started.pop(span, now)
            self.chat.add_usage(getattr(event.response, "additional_kwargs", None))
        elif isinstance(event, EmbeddingEndEvent):
            self.embedding.seconds += now - self.started.pop(span, now)
            self.embedding.tokens += sum(map(estimate_tokens, event.chunks))


def _class_of(kind: type, provider: str) -> Any:
    """Return the vendor's class: ``InnoGPT`` for an LLM of innoGPT, and so on."""
    classes = [getattr(llamaindex_dsgvo, name) for name in llamaindex_dsgvo.__all__]
    return next(
        one
        for one in classes
        if isinstance(one, type) and issubclass(one, kind) and vars(one).get("provider") == provider
    )


def _sentences(text: str) -> list[str]:
    """Cut text after the ends of sentences and at line ends; nothing of it is lost."""
    return re.findall(r".+?(?:[.!?:](?=\s+[A-ZÄÖÜ„\"(\d])\s+|\n+|$)|\n+", text, re.DOTALL)


PIPELINE = LlamaIndexPipeline
