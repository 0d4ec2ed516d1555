"""LlamaIndex: ours, ``OpenAILike`` and ``OpenAIEmbedding``, and raw httpx plus a canned LLM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback

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
    if name == "llamaindex-embed":
        embedding = _ours_embedding(url) if contestant == "ours" else _peer_embedding(url)
        return lambda: len(embedding.get_text_embedding_batch(_TEXTS))
    model_of = _ours if contestant == "ours" else _peer
    if name.startswith("llamaindex-astream-"):
        many = model_of(f"{url}/chunks/{CHUNKS_OF_MANY}")

        async def count() -> int:
            parts = await many.astream_chat([ChatMessage(QUESTION)])
            return sum([bool(part.delta) async for part in parts])

        return at_once(count, int(name.rpartition("-")[2]))
    llm = model_of(f"{url}/chunks/{CHUNKS}")
    if name == "llamaindex-chat":
        return lambda: bool(llm.chat([ChatMessage(QUESTION)]).message.content)
    return lambda: sum(bool(part.delta) for part in llm.stream_chat([ChatMessage(QUESTION)]))


def _ours(url: str) -> Any:
    from llamaindex_dsgvo import SovrGPT

    return SovrGPT(model=MODEL, api_base=url, api_key="sk-benchmark")


def _peer(url: str) -> Any:
    from llama_index.llms.openai_like import OpenAILike  # pyright: ignore[reportMissingImports]

    return OpenAILike(model=MODEL, api_base=url, api_key="sk-benchmark", is_chat_model=True)


def _ours_embedding(url: str) -> Any:
    from llamaindex_dsgvo import MeinGPTEmbedding

    return MeinGPTEmbedding(api_base=url, api_key="sk-benchmark", embed_batch_size=BATCH)


def _peer_embedding(url: str) -> Any:
    from llama_index.embeddings.openai import (  # pyright: ignore[reportMissingImports]
        OpenAIEmbedding,
    )

    return OpenAIEmbedding(
        model="text-embedding-3-large",
        api_base=url,
        api_key="sk-benchmark",
        embed_batch_size=BATCH,
    )


class Canned(CustomLLM):
    """What the framework itself costs: an LLM that has its answer ready."""

    answer: ChatResponse
    parts: list[ChatResponse]

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="canned", is_chat_model=True)

    @llm_chat_callback()
    def chat(self, messages: Any, **_: Any) -> ChatResponse:
        return self.answer

    @llm_chat_callback()
    async def astream_chat(self, messages: Any, **_: Any) -> ChatResponseAsyncGen:
        async def parts() -> ChatResponseAsyncGen:
            for part in self.parts:  # made anew, as any LLM must
                message = ChatMessage(role=MessageRole.ASSISTANT, content=part.message.content)
                yield ChatResponse(message=message, delta=part.delta, raw={})

        return parts()

    @llm_chat_callback()
    def stream_chat(self, messages: Any, **_: Any) -> ChatResponseGen:
        yield from self.parts

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        raise NotImplementedError

    def stream_complete(
        self, prompt: str, formatted: bool = False, **_: Any
    ) -> CompletionResponseGen:
        raise NotImplementedError


def _canned(chunks: int = CHUNKS) -> Canned:
    words = [WORDS[index % len(WORDS)] for index in range(chunks)]

    def response(text: str, delta: str | None = None) -> ChatResponse:
        message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
        return ChatResponse(message=message, delta=delta, raw={})

    return Canned(
        answer=response(" ".join(words[:100])),
        parts=[
            response(" ".join(words[: index + 1]), f"{word} ") for index, word in enumerate(words)
        ],
    )


def _floor(name: str, url: str) -> Run:
    import httpx

    if name.startswith("llamaindex-astream-"):
        few = _canned(CHUNKS_OF_MANY)
        of_httpx = raw_stream(f"{url}/chunks/{CHUNKS_OF_MANY}")

        async def astream() -> int:
            async for _ in await few.astream_chat([ChatMessage(QUESTION)]):
                pass
            return await of_httpx()

        return at_once(astream, int(name.rpartition("-")[2]))
    client = httpx.Client()
    llm = _canned()
    question = [ChatMessage(QUESTION)]

    def chat() -> int:
        return bool(raw.post(client, url)) and bool(llm.chat(question).message.content)

    def stream() -> int:
        for _ in llm.stream_chat(question):
            pass
        return raw.stream(client, f"{url}/chunks/{CHUNKS}")

    def embed() -> int:
        return len(raw.embed(client, url, _TEXTS, BATCH))

    return {"chat": chat, "stream": stream, "embed": embed}[name.split("-")[1]]
