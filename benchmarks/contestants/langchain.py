"""LangChain: ours, ``langchain-openai``, and raw httpx plus a model that is handed its answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from benchmarks import raw
from benchmarks.contestants.core import at_once, raw_stream
from benchmarks.raw import MODEL, QUESTION
from benchmarks.rows import BATCH, CHUNKS, CHUNKS_OF_MANY, TEXTS
from benchmarks.server import WORDS

Run = Callable[[], int]
"""Does the work once and returns how many units that was."""

_TEXTS = [f"Absatz {index} über den Schutz personenbezogener Daten." for index in range(TEXTS)]


def build(contestant: str, name: str, url: str) -> Run:
    """Return what a row's contestant does."""
    if contestant == "floor":
        return _floor(name, url)
    if name == "langchain-embed":
        embeddings = _ours_embeddings(url) if contestant == "ours" else _peer_embeddings(url)
        return lambda: len(embeddings.embed_documents(_TEXTS))
    model_of = _ours if contestant == "ours" else _peer
    return _run(name, model_of, url)


def _run(name: str, model_of: Callable[[str], BaseChatModel], url: str) -> Run:
    if name == "langchain-invoke":
        model = model_of(f"{url}/chunks/0")
        return lambda: bool(model.invoke(QUESTION).content)
    if name in {"langchain-stream", "langchain-stream-made"}:
        model = model_of(f"{url}/chunks/{CHUNKS}")
        return lambda: sum(bool(chunk.content) for chunk in model.stream(QUESTION))
    loop = asyncio.new_event_loop()
    if name == "langchain-ainvoke":
        model = model_of(f"{url}/chunks/0")
        return lambda: bool(loop.run_until_complete(model.ainvoke(QUESTION)).content)
    model = model_of(f"{url}/chunks/{CHUNKS_OF_MANY}")

    async def count() -> int:
        return sum([bool(chunk.content) async for chunk in model.astream(QUESTION)])

    return at_once(count, int(name.rpartition("-")[2]))


def _ours(url: str) -> BaseChatModel:
    from langchain_dsgvo import ChatSovrGPT

    return ChatSovrGPT(model=MODEL, base_url=url, api_key="sk-benchmark")  # pyright: ignore


def _peer(url: str) -> BaseChatModel:
    from langchain_openai import ChatOpenAI  # pyright: ignore[reportMissingImports]

    return ChatOpenAI(model=MODEL, base_url=url, api_key="sk-benchmark")  # pyright: ignore


def _ours_embeddings(url: str) -> Any:
    from langchain_dsgvo import MeinGPTEmbeddings

    return MeinGPTEmbeddings(base_url=url, api_key="sk-benchmark", batch_size=BATCH)  # pyright: ignore


def _peer_embeddings(url: str) -> Any:
    from langchain_openai import OpenAIEmbeddings  # pyright: ignore[reportMissingImports]

    return OpenAIEmbeddings(
        model="text-embedding-3-large",
        base_url=url,
        api_key="sk-benchmark",  # pyright: ignore
        chunk_size=BATCH,
        check_embedding_ctx_length=False,  # else it downloads a tokenizer
    )


class Canned(BaseChatModel):
    """What the framework itself costs: a model that has its answer ready.

    Args:
        makes_chunks: Make each chunk with the framework's constructors when it is due, as any model
            must, instead of handing out chunks made beforehand.
    """

    result: ChatResult
    chunks: list[ChatGenerationChunk]
    makes_chunks: bool = False

    @property
    def _llm_type(self) -> str:
        return "canned"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return self.result

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return self.result

    def _stream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> Iterator[ChatGenerationChunk]:
        if not self.makes_chunks:
            yield from self.chunks
            return
        for chunk in self.chunks:
            yield ChatGenerationChunk(message=AIMessageChunk(content=chunk.text))

    async def _astream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self.chunks:
            if self.makes_chunks:
                yield ChatGenerationChunk(message=AIMessageChunk(content=chunk.text))
            else:
                yield chunk


def _canned(chunks: int) -> Canned:
    words = [WORDS[index % len(WORDS)] for index in range(max(chunks, 100))]
    answer = AIMessage(content=" ".join(words[:100]))
    return Canned(
        result=ChatResult(generations=[ChatGeneration(message=answer)]),
        chunks=[
            ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
            for word in words[:chunks]
        ],
    )


def _floor(name: str, url: str) -> Run:
    import httpx

    many = name.startswith("langchain-astream-")
    chunks = CHUNKS_OF_MANY if many else CHUNKS
    model = _canned(chunks)
    model.makes_chunks = many or name == "langchain-stream-made"
    url_of_stream = f"{url}/chunks/{chunks}"
    client = httpx.Client()

    def invoke() -> int:
        return bool(raw.post(client, url)) and bool(model.invoke(QUESTION).content)

    def stream() -> int:
        for _ in model.stream(QUESTION):
            pass
        return raw.stream(client, url_of_stream)

    def embed() -> int:
        return len(raw.embed(client, url, _TEXTS, BATCH))

    blocking = {"invoke": invoke, "stream": stream, "embed": embed}
    if (kind := name.split("-")[1]) in blocking:
        return blocking[kind]

    loop = asyncio.new_event_loop()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    aclient = httpx.AsyncClient(limits=limits, timeout=60)

    async def ainvoke() -> int:
        answered = bool(await raw.apost(aclient, url))
        return answered and bool((await model.ainvoke(QUESTION)).content)

    of_httpx = raw_stream(url_of_stream)

    async def astream() -> int:
        async for _ in model.astream(QUESTION):
            pass
        return await of_httpx()

    if many:
        return at_once(astream, int(name.rpartition("-")[2]))
    return lambda: loop.run_until_complete(ainvoke())
