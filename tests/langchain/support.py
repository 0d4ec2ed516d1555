"""One way to call a model, blocking or awaited, so that no test is written twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk

import langchain_dsgvo
from tests.vendors import MODELS, classes

_T = TypeVar("_T")

CHAT = classes(langchain_dsgvo, "Chat{}")
EMBEDDINGS = classes(langchain_dsgvo, "{}Embeddings")


def chat(provider: str, **kwargs: Any) -> Any:
    """Return a vendor's chat model."""
    return CHAT[provider](**{"model": MODELS[provider]} | kwargs)


def whole(chunks: Iterable[AIMessageChunk]) -> AIMessageChunk:
    """Return the sum of a stream, as a user adds it up."""
    first, *rest = chunks
    for chunk in rest:
        first = first + chunk
    return first


@dataclass(frozen=True)
class Mode:
    """Sync or async, called the same way; streams come as lists."""

    name: str

    @property
    def is_async(self) -> bool:
        return self.name == "async"

    def call(self, runnable: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call ``method``, or its twin with an ``a`` before its name."""
        if not self.is_async:
            return getattr(runnable, method)(*args, **kwargs)
        return asyncio.run(_awaited(getattr(runnable, "a" + method)(*args, **kwargs)))

    def listed(self, runnable: Any, method: str, *args: Any, **kwargs: Any) -> list[Any]:
        """Call ``method`` and list what it yields."""
        if not self.is_async:
            return list(getattr(runnable, method)(*args, **kwargs))
        return asyncio.run(_collected(getattr(runnable, "a" + method)(*args, **kwargs)))

    def invoke(self, runnable: Any, *args: Any, **kwargs: Any) -> Any:
        return self.call(runnable, "invoke", *args, **kwargs)

    def stream(self, runnable: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return self.listed(runnable, "stream", *args, **kwargs)

    def batch(self, runnable: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return self.call(runnable, "batch", *args, **kwargs)


@dataclass(frozen=True)
class Way:
    """One of the four ways to the same answer: asked whole or streamed, sync or async."""

    mode: Mode
    streamed: bool

    def answer(self, asked: BaseChatModel | Any, messages: Any = "Hallo!", /, **kwargs: Any) -> Any:
        """Return the whole answer."""
        if self.streamed:
            return whole(self.mode.stream(asked, messages, **kwargs))
        return self.mode.invoke(asked, messages, **kwargs)


async def _awaited(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


async def _collected(values: AsyncIterator[_T]) -> list[_T]:
    return [value async for value in values]


def bodies(server: Any) -> list[dict[str, Any]]:
    """Return the JSON bodies of the requests so far."""
    return [request.json for request in server.requests]


def roles(messages: Sequence[dict[str, Any]]) -> list[str]:
    """Return who speaks, in order."""
    return [message["role"] for message in messages]
