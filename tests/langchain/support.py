"""The vendors' classes for LangChain, and the ways to one answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk

import langchain_dsgvo
from tests.calls import Mode, bodies
from tests.vendors import MODELS, classes

__all__ = ["CHAT", "EMBEDDINGS", "Mode", "Way", "bodies", "chat", "whole"]
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
class Way:
    """One of the four ways to the same answer: asked whole or streamed, sync or async."""

    mode: Mode
    streamed: bool

    def answer(self, asked: BaseChatModel | Any, messages: Any = "Hallo!", /, **kwargs: Any) -> Any:
        """Return the whole answer."""
        if self.streamed:
            return whole(self.mode.stream(asked, messages, **kwargs))
        return self.mode.invoke(asked, messages, **kwargs)
