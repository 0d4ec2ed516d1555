"""The demo with LangChain: splitters, Qdrant, a chain in LCEL, and a LangGraph agent.

Written to be copied from: ``__init__`` is the setup, ``split`` and ``store`` the ingestion, ``ask``
the chain, ``agent`` the agent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]
from langchain.agents.middleware import ModelCallLimitMiddleware
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_qdrant import QdrantVectorStore
from langchain_text_splitters import MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter
from qdrant_client.models import Distance, VectorParams

import langchain_dsgvo
from dsgvo.cli.demo.documents import Library, place
from dsgvo.cli.demo.pipeline import Event, Pipeline, Step, vendor_class
from dsgvo.cli.demo.questions import AGENT_PROMPT, ANSWER_PROMPT, NOT_FOUND, reisekosten
from dsgvo.cli.metering import Meter

__all__ = ["LangChainPipeline"]

PROMPT = ChatPromptTemplate.from_messages(
    [("system", ANSWER_PROMPT), ("human", "Fundstellen:\n\n{passages}\n\nFrage: {question}")]
)
HEADINGS = MarkdownHeaderTextSplitter([("#" * level, f"h{level}") for level in range(1, 7)])
PIECES = RecursiveCharacterTextSplitter(chunk_size=800, chunk_overlap=120, add_start_index=True)


class LangChainPipeline(Pipeline):
    """Retrieval-augmented answers with LangChain."""

    title = "LangChain"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # ChatInnoGPT() and InnoGPTEmbeddings(), or another vendor's; keys are in the environment.
        chat = vendor_class(langchain_dsgvo, BaseChatModel, self.services.chat)
        embeddings = vendor_class(langchain_dsgvo, Embeddings, self.services.embeddings)
        self._chat = chat(model=self.services.model, callbacks=[_Usage(self.chat_meter)])
        self._embeddings = embeddings(batch_size=self.batch)
        self._rerankers = self.rerankers(langchain_dsgvo, BaseDocumentCompressor)

    def split(self) -> Sequence[str]:
        """Cut documents at headings and then to size; each chunk begins with its heading."""
        self._chunks = list(_chunks(self.library))
        return [chunk.page_content for chunk in self._chunks]

    def store(self) -> Iterator[int]:
        """Embed the chunks and put them into a collection of their own, batch by batch."""
        size = len(self._embeddings.embed_query("Wie lang ist ein Vektor?"))
        vectors = VectorParams(size=size, distance=Distance.COSINE)
        self.client.create_collection(self.collection, vectors_config=vectors)
        self._store = QdrantVectorStore(self.client, self.collection, self._embeddings)
        for start in range(0, len(self._chunks), self.batch):
            yield len(self._store.add_documents(self._chunks[start : start + self.batch]))

    def ask(self, question: str) -> Iterator[Event]:
        """Answer from the documents: first the sources, then the answer piece by piece."""
        found = self._found(question, self.passages)
        yield [(one.metadata["file"], one.metadata["place"]) for one in found]
        chain = PROMPT | self._chat | StrOutputParser()
        variables = {"passages": _numbered(found), "question": question}
        yield from chain.stream(variables) if found else [NOT_FOUND]

    def agent(self, question: str) -> Iterator[Event]:
        """Let a LangGraph agent answer; it decides which tools to use."""

        @tool
        def unterlagen_durchsuchen(frage: str) -> str:
            """Durchsucht die Unterlagen und gibt die passenden Fundstellen zurück."""
            return _numbered(self._found(frage, 3)) or NOT_FOUND

        tools = [unterlagen_durchsuchen, *([tool(reisekosten)] if self.travel else [])]
        ends = [ModelCallLimitMiddleware(run_limit=20)]  # as LlamaIndex's
        agent: Any = create_agent(self._chat, tools, system_prompt=AGENT_PROMPT, middleware=ends)
        messages = {"messages": [{"role": "user", "content": question}]}
        for mode, step in agent.stream(messages, stream_mode=["messages", "updates"]):
            if mode == "messages":
                if isinstance(step[0], AIMessageChunk) and step[0].text:
                    yield step[0].text
                continue
            for message in (one for to in step.values() if to for one in to.get("messages", ())):
                if isinstance(message, ToolMessage):
                    yield Step.result(message.text)
                elif isinstance(message, AIMessage):  # not one that takes another back
                    yield from (Step.call(one["name"], one["args"]) for one in message.tool_calls)

    def _found(self, question: str, count: int) -> list[Document]:
        found = self._store.similarity_search(question, count, score_threshold=self.least_likeness)
        for reranker in self._rerankers if found else ():
            found = list(reranker.compress_documents(found, question))
        return found


def _chunks(library: Library) -> Iterator[Document]:
    for file, page in library:
        whole = [Document(page.text)]
        for section in HEADINGS.split_text(page.text) if page.markdown else whole:
            title = " › ".join(title.rstrip(" #") for title in section.metadata.values())
            for chunk in PIECES.split_documents([section]):
                line = section.page_content.count("\n", 0, chunk.metadata["start_index"]) + 1
                text = f"# {title}\n\n{chunk.page_content}" if title else chunk.page_content
                metadata = {"file": file, "place": place(page.number, title, line)}
                yield Document(text, metadata=metadata)


def _numbered(documents: Sequence[Document]) -> str:
    return "\n\n".join(
        f"[{number}] {one.metadata['file']}, {one.metadata['place']}\n{one.page_content}"
        for number, one in enumerate(documents, 1)
    )


class _Usage(BaseCallbackHandler):
    """Adds up the tokens that the vendor counts."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        message = getattr(response.generations[0][0], "message", None)
        self._meter.add(getattr(message, "usage_metadata", None))
