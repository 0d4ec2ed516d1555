"""A handbook's assistant that was written for OpenAILike; imports and keys are what changed.

    INNOGPT_API_KEY=… INNOGPT_MODEL=gpt-5 python from_openailike.py

Without a key: `dsgvo emulator`, and paste what it prints; the model's variable remains to be set.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

from llama_index.core import (
    Document,
    DocumentSummaryIndex,
    PromptTemplate,
    Settings,
    SimpleDirectoryReader,
    SummaryIndex,
    VectorStoreIndex,
)
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCallResult
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.extractors import TitleExtractor
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMChatStartEvent
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import Memory
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.query_engine import CitationQueryEngine, RetrieverQueryEngine
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.tools import FunctionTool, QueryEngineTool
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters
from llama_index.core.workflow import Context
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel, Field

# Before: from llama_index.llms.openai_like import OpenAILike
# and:    from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llamaindex_dsgvo import InnoGPT as OpenAILike
from llamaindex_dsgvo import InnoGPTEmbedding as OpenAILikeEmbedding

MODEL = os.environ["INNOGPT_MODEL"]  # before: "gpt-5"
BASE_URL = os.environ.get("INNOGPT_BASE_URL")  # before: the gateway's address
KEY = os.environ["INNOGPT_API_KEY"]  # before: OPENAI_API_KEY

llm = OpenAILike(
    model=MODEL,
    api_base=BASE_URL,
    api_key=KEY,
    is_chat_model=True,  # pyright: ignore[reportCallIssue] # taken, and not needed
    is_function_calling_model=True,
    context_window=128_000,
    max_tokens=600,
    temperature=0.1,
    timeout=30.0,
    max_retries=2,
    reuse_client=True,  # pyright: ignore[reportCallIssue] # likewise
    default_headers={"X-Department": "handbook"},
    system_prompt="You know the handbook.",
)
embed_model = OpenAILikeEmbedding(
    model_name="text-embedding-3-small",
    api_base=BASE_URL,
    api_key=KEY,
    embed_batch_size=16,
    num_workers=2,
)


class Counts(BaseEventHandler):
    """Counts events of LlamaIndex's instrumentation."""

    seen: dict[str, int] = Field(default_factory=dict[str, int])

    @classmethod
    def class_name(cls) -> str:
        """Return the name of the handler."""
        return "Counts"

    def handle(self, event: Any, **_: Any) -> None:
        """Count an event."""
        if isinstance(event, LLMChatStartEvent | LLMChatEndEvent | EmbeddingEndEvent):
            self.seen[type(event).__name__] = self.seen.get(type(event).__name__, 0) + 1


class Leave(BaseModel):
    """Leave of a person."""

    person: str = Field(description="Who asks")
    days: int = Field(description="Days of leave")


def remaining_leave(days_taken: int) -> int:
    """Return the days of leave that remain after some were taken."""
    return 30 - days_taken


counter = TokenCountingHandler(tokenizer=str.split)
Settings.callback_manager = CallbackManager([counter])
Settings.llm = llm
Settings.embed_model = embed_model
events = Counts()
get_dispatcher().add_event_handler(events)

FOLDER = Path(__file__).parent / "handbuch"


def handbook_files() -> list[Document]:
    """Read the handbook; of each file just its name is kept, no path of this machine."""
    return SimpleDirectoryReader(
        str(FOLDER),
        required_exts=[".md"],
        file_metadata=lambda path: {"file_name": Path(path).name},
    ).load_data()


def direct_calls() -> None:
    """Chat, completion and streams, with settings of one call."""
    message = ChatMessage(role="user", content="Wie heißt du?")
    answer = llm.chat([message], temperature=0.0, extra_headers={"X-Purpose": "greeting"})
    print("chat", bool(answer.message.content), answer.raw is not None)
    print("complete", bool(llm.complete("Grüß Gott", timeout=10).text))
    pieces = list(llm.stream_chat([message]))
    print("stream", len(pieces) > 1, "".join(one.delta or "" for one in pieces) != "")

    async def awaited() -> tuple[bool, bool]:
        streamed = [one async for one in await llm.astream_complete("Bitte in einem Satz.")]
        return bool((await llm.achat([message])).message.content), bool(streamed[-1].text)

    print("awaited", asyncio.run(awaited()))


def ingestion() -> VectorStoreIndex:
    """Read, split, enrich and embed a folder, each text once."""
    documents = handbook_files()
    pipeline = IngestionPipeline(
        transformations=[SentenceSplitter(chunk_size=256, chunk_overlap=32), embed_model],
        docstore=SimpleDocumentStore(),
        cache=IngestionCache(),
    )
    nodes = pipeline.run(documents=documents)
    again = pipeline.run(documents=documents)
    print("ingested", len(documents), len(nodes) > len(documents), len(again))
    titles = IngestionPipeline(transformations=[TitleExtractor(nodes=1, num_workers=1)])
    print("title", "document_title" in titles.run(documents=documents[:1])[0].metadata)
    return VectorStoreIndex(list(nodes))


def engines(index: VectorStoreIndex) -> None:
    """Answer questions in the ways that LlamaIndex has."""
    question = "Innerhalb welcher Frist muss ich eine Datenpanne intern melden?"
    for mode in ("compact", "refine", "tree_summarize"):
        response = index.as_query_engine(response_mode=mode, similarity_top_k=3).query(question)
        print(mode, bool(str(response)), len(response.source_nodes))
    streaming = index.as_query_engine(streaming=True, similarity_top_k=3).query(question)
    print("streaming", "zwei Stunden" in str(streaming))
    cited = CitationQueryEngine.from_args(index, similarity_top_k=3).query(question)
    print("cited", len(cited.source_nodes) > 0)
    filters = MetadataFilters(
        filters=[MetadataFilter(key="file_name", value="04-it-sicherheit.md")]
    )
    near = index.as_retriever(similarity_top_k=2, filters=filters)
    cutoff = SimilarityPostprocessor(similarity_cutoff=0.0)
    own = RetrieverQueryEngine.from_args(near, node_postprocessors=[cutoff])
    names = {node.metadata["file_name"] for node in own.query(question).source_nodes}
    print("filtered", sorted(names))
    documents = handbook_files()[:2]
    summary = SummaryIndex.from_documents(documents).as_query_engine()
    print("summary", bool(str(summary.query("Worum geht es?"))))
    summaries = DocumentSummaryIndex.from_documents(documents, show_progress=False)
    print("summaries", all(summaries.get_document_summary(one.id_) for one in documents))


def conversations(index: VectorStoreIndex) -> None:
    """Talk about the handbook, with a memory."""
    modes: list[Any] = ["context", "condense_question", "condense_plus_context"]
    for mode in modes:
        memory = Memory.from_defaults(session_id=mode, token_limit=4000)
        engine: Any = index.as_chat_engine(chat_mode=mode, memory=memory, similarity_top_k=2)
        first = engine.chat("Wie viele Tage Urlaub gibt es?")
        second = "".join(engine.stream_chat("Und wann verfallen sie?").response_gen)
        print(mode, bool(str(first)), bool(second), len(engine.chat_history))


def structured() -> None:
    """A class out of a text, by prompt, by call and in a stream."""
    prompt = PromptTemplate("Read: {text}")
    text = 'The person "Anna" asks for 3 days of leave.'
    leave = llm.structured_predict(Leave, prompt, text=text)
    print("predicted", type(leave).__name__, leave.days)
    as_leave = llm.as_structured_llm(Leave)
    answer = as_leave.chat([ChatMessage(role="user", content=text)])
    print("as_structured_llm", type(answer.raw).__name__)
    last = list(llm.stream_structured_predict(Leave, prompt, text=text))[-1]
    print("streamed object", type(last).__name__)


def agents(index: VectorStoreIndex) -> None:
    """An agent over tools and the handbook, whose steps can be watched."""
    tools: list[Any] = [
        FunctionTool.from_defaults(remaining_leave),
        QueryEngineTool.from_defaults(
            index.as_query_engine(), name="handbook", description="Regeln im Handbuch nachlesen."
        ),
    ]
    response = llm.predict_and_call(tools, "How many days of leave remain after 12 were taken?")
    print("called", str(response))

    async def run() -> tuple[list[str], bool, bool]:
        agent = FunctionAgent(tools=tools, llm=llm, system_prompt="You count days of leave.")
        context = Context(agent)
        handler = agent.run("How many days of leave remain after 12 were taken?", ctx=context)
        called: list[str] = []
        streamed = False
        async for event in handler.stream_events():
            if isinstance(event, ToolCallResult):
                called.append(event.tool_name)
            streamed = streamed or isinstance(event, AgentStream)
        answer = str(await handler)
        again = str(await agent.run("Thank you.", ctx=context))
        return called, streamed, bool(answer and again)

    print("agent", asyncio.run(run()))


direct_calls()
handbook = ingestion()
engines(handbook)
conversations(handbook)
structured()
agents(handbook)
started, ended = (events.seen[f"LLMChat{name}Event"] for name in ("Start", "End"))
print("events", len(events.seen), started == ended)
print("counted", counter.total_llm_token_count > 0, counter.total_embedding_token_count > 0)
