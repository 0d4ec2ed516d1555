"""The demo with LlamaIndex: a reader, node parsers, a chat engine and a FunctionAgent.

Written to be copied from: ``__init__`` is the setup, ``split`` and ``store`` the ingestion,
``follow_up`` and ``agent`` are two ways to answer. Models are handed over and never left to
``Settings``: LlamaIndex's defaults are OpenAI's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCall, ToolCallResult
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.chat_engine import CondensePlusContextChatEngine
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.instrumentation import get_dispatcher  # pyright: ignore[reportPrivateImportUsage]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMCompletionEndEvent
from llama_index.core.llms import LLM, ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import MarkdownNodeParser, SentenceSplitter
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import BaseNode, Document, NodeWithScore, QueryBundle, TextNode
from llama_index.vector_stores.qdrant import QdrantVectorStore  # pyright: ignore[reportMissingTypeStubs]

import llamaindex_dsgvo
from dsgvo.cli.demo.documents import SUFFIXES, Library, place
from dsgvo.cli.demo.pipeline import Event, Pipeline, Step, vendor_class
from dsgvo.cli.demo.questions import AGENT_PROMPT, ANSWER_PROMPT, NOT_FOUND, reisekosten
from dsgvo.cli.metering import Meter

__all__ = ["LlamaIndexPipeline"]


class LlamaIndexPipeline(Pipeline):
    """Retrieval-augmented answers with LlamaIndex."""

    title = "LlamaIndex"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # InnoGPT() and InnoGPTEmbedding(), or another vendor's; keys are in the environment.
        llm = vendor_class(llamaindex_dsgvo, LLM, self.services.chat)
        embedding = vendor_class(llamaindex_dsgvo, BaseEmbedding, self.services.embeddings)
        # Room for all passages, whatever the model's window is; vendors do not say it.
        self._llm = llm(model=self.services.model, context_window=32_768)
        self._embedding = embedding(embed_batch_size=self.batch)
        self._fitting = SimilarityPostprocessor(similarity_cutoff=self.least_likeness)
        self._rerankers = self.rerankers(llamaindex_dsgvo, BaseNodePostprocessor)
        self._usage = _Usage(meter=self.chat_meter)
        get_dispatcher().add_event_handler(self._usage)

    def split(self) -> Sequence[str]:
        """Cut documents at headings and then to size, between sentences."""
        documents = SimpleDirectoryReader(
            input_files=[str(path) for path in self.library.pages],
            file_extractor=dict[str, BaseReader].fromkeys(SUFFIXES, _Reader(self.library)),
            raise_on_error=True,
        ).load_data()
        others = {one.id_: one for one in documents if not one.metadata.pop("markdown")}
        markdown = [one for one in documents if one.id_ not in others]
        parser = MarkdownNodeParser(header_path_separator=" › ")
        sections = map(_titled, parser.get_nodes_from_documents(markdown))
        # Sentences by a rule and not by NLTK's model, which may have to be downloaded.
        sizes = SentenceSplitter(chunk_size=320, chunk_overlap=60, chunking_tokenizer_fn=_sentences)
        self._nodes = cast("Sequence[TextNode]", sizes([*sections, *others.values()]))
        for node in self._nodes:
            text = others[node.ref_doc_id].text if node.ref_doc_id in others else ""
            line = text.count("\n", 0, node.start_char_idx or 0) + 1
            title = node.metadata.get("title", "")
            node.metadata["place"] = place(node.metadata.pop("page"), title, line)
            # The heading helps to find a node; where it lies is for people.
            node.excluded_embed_metadata_keys = ["file", "place"]
            node.excluded_llm_metadata_keys = ["place"]
            node.metadata_template, node.metadata_separator = "{value}", "\n# "
        return [node.text for node in self._nodes]

    def store(self) -> Iterator[int]:
        """Embed the nodes and put them into a collection of their own, batch by batch."""
        store = QdrantVectorStore(self.collection, client=self.client)
        pipeline = IngestionPipeline(transformations=[self._embedding], vector_store=store)
        for start in range(0, len(self._nodes), self.batch):
            yield len(pipeline.run(nodes=self._nodes[start : start + self.batch]))
        index = VectorStoreIndex.from_vector_store(store, embed_model=self._embedding)
        self._retriever = index.as_retriever(similarity_top_k=self.passages)

    def ask(self, question: str) -> Iterator[Event]:
        """Answer by a chat engine that knows nothing yet."""
        self._last: list[ChatMessage] = []
        return self.follow_up(question)

    def follow_up(self, question: str) -> Iterator[Event]:
        """Answer by a chat engine that knows the last question and its answer."""
        engine: Any = CondensePlusContextChatEngine.from_defaults(
            self._retriever,
            llm=self._llm,
            chat_history=self._last,
            context_prompt=ANSWER_PROMPT + "\n\nFundstellen:\n\n{context_str}",
            node_postprocessors=[self._fitting, *self._rerankers, _Numbering()],
        )
        response = engine.stream_chat(question)
        found = [one.metadata for one in response.source_nodes]
        yield [(one["file"], one["place"]) for one in found]
        said: list[str] = []
        # Without a passage LlamaIndex would say "Empty Response"; the model was not asked.
        for piece in response.response_gen if found else [NOT_FOUND]:
            said.append(piece)
            yield piece
        self._last = [ChatMessage(question), ChatMessage("".join(said), role="assistant")]

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
            found = self._fitting.postprocess_nodes(self._retriever.retrieve(frage)[:3])
            return "\n\n".join(one.text for one in found) or NOT_FOUND

        tools: list[Any] = [unterlagen_durchsuchen, *([reisekosten] if self.travel else [])]
        agent: Any = FunctionAgent(llm=self._llm, tools=tools, system_prompt=AGENT_PROMPT)
        memory = cast("Any", ChatMemoryBuffer).from_defaults()  # else a thread outlives the loop
        async for event in agent.run(user_msg=question, memory=memory).stream_events():
            if isinstance(event, AgentStream):
                if event.delta:
                    yield event.delta
            elif isinstance(event, ToolCallResult):
                yield Step.result(str(event.tool_output.content))
            elif isinstance(event, ToolCall):
                yield Step.call(event.tool_name, cast("Any", event).tool_kwargs)

    def close(self) -> None:
        """Delete the collection that was made for this run."""
        get_dispatcher().event_handlers.remove(self._usage)
        super().close()


class _Reader(BaseReader):
    """Reads files of a folder that has been read: a document for each page or text file."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def load_data(self, file: Path, **_: Any) -> list[Document]:
        name, pages = self._library.name(file), self._library.pages[file]
        return [
            Document(text=text, metadata={"file": name, "page": page, "markdown": markdown})
            for text, page, markdown in pages
        ]


def _titled(section: BaseNode) -> TextNode:
    """Move a section's heading from its text to its metadata, where each of its nodes has it."""
    heading = re.match(r"#+\s(.{,200})\n?", text := section.get_content())
    above = section.metadata["header_path"].strip(" ›")[-200:]
    title = " › ".join(filter(None, (above, heading[1].rstrip(" #") if heading else "")))
    metadata = {"file": section.metadata["file"], "page": 0, "title": title}
    return TextNode(text=text[heading.end() if heading else 0 :].strip(), metadata=metadata)


class _Numbering(BaseNodePostprocessor):
    """Numbers what was found, so that an answer can cite it."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        for number, one in enumerate(nodes, 1):
            cast("TextNode", one.node).text_template = f"[{number}] {{metadata_str}}\n{{content}}"
        return nodes


class _Usage(BaseEventHandler):
    """Adds up the tokens that the vendor counts."""

    meter: Meter

    def handle(self, event: Any, **_: Any) -> None:
        if isinstance(event, LLMChatEndEvent | LLMCompletionEndEvent):
            self.meter.add(getattr(event.response, "additional_kwargs", None))


def _sentences(text: str) -> list[str]:
    """Cut text after the ends of sentences and at line ends; nothing of it is lost."""
    return re.findall(r".+?(?:[.!?:](?=\s+[A-ZÄÖÜ„\"(\d])\s+|\n+|$)|\n+", text, re.DOTALL)
