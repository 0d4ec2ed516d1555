"""One face of both frameworks' classes, for what they do alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from tests.calls import Mode
from tests.langchain import support as langchain
from tests.llamaindex import support as llamaindex

LLAMAINDEX_NAMES = {
    "batch_size": "embed_batch_size",
    "max_concurrency": "num_workers",
    "extra_body": "additional_kwargs",
}
"""What LlamaIndex calls otherwise than the core."""


@dataclass(frozen=True)
class Answer:
    """What either framework's answer holds; ``message`` is the framework's own."""

    text: str
    thoughts: str
    kinds: list[str]
    calls: list[tuple[str, dict[str, Any]]]
    ids: list[str]
    """Of the calls."""
    finish_reason: str
    model: str
    usage: dict[str, Any]
    message: Any = field(repr=False)


@dataclass(frozen=True)
class Way:
    """A framework, asked whole or streamed, blocking or awaited."""

    framework: str
    mode: Mode
    streamed: bool

    def __str__(self) -> str:
        form = "stream" if self.streamed else "whole"
        return f"{self.framework}-{self.mode.name}-{form}"

    @property
    def is_langchain(self) -> bool:
        return self.framework == "langchain"

    def turned(self) -> Way:
        """Return the same way in the other mode."""
        return replace(self, mode=Mode("sync" if self.mode.is_async else "async"))

    def model(self, provider: str, *, body: Any = None, **settings: Any) -> Any:
        """Return a vendor's chat model; ``body`` are further fields of its requests."""
        if body:
            settings["model_kwargs" if self.is_langchain else "additional_kwargs"] = body
        make = langchain.chat if self.is_langchain else llamaindex.llm
        return make(provider, **settings)

    def stream(self, model: Any, question: Any = "Hallo!") -> Any:
        """Return a stream as the framework gives it; LlamaIndex's awaited one wants ``await``."""
        name = "stream" if self.is_langchain else "stream_chat"
        return getattr(model, "a" * self.mode.is_async + name)(self._asked(question))

    def answer(self, model: Any, question: Any = "Hallo!", /, **more: Any) -> Answer:
        """Ask; a list is a history of questions (texts) and answers (their ``message``)."""
        asked = self._asked(question)
        if self.is_langchain:
            return _langchains(langchain.Way(self.mode, self.streamed).answer(model, asked, **more))
        if self.streamed:
            answer = self.mode.listed(model, "stream_chat", asked, **more)[-1]
        else:
            answer = self.mode.call(model, "chat", asked, **more)
        return _llamaindexs(model, answer)

    def call_tools(
        self, model: Any, tools: list[Callable[..., Any]], question: Any = "Hallo!", **options: Any
    ) -> Answer:
        """Ask a model that may call functions, all of them at once."""
        if self.is_langchain:
            return self.answer(model.bind_tools(tools, **options), question)
        offered = [FunctionTool.from_defaults(one) for one in tools]
        options |= {"chat_history": self._asked(question), "allow_parallel_tool_calls": True}
        if self.streamed:
            answer = self.mode.listed(model, "stream_chat_with_tools", offered, **options)[-1]
        else:
            answer = self.mode.call(model, "chat_with_tools", offered, **options)
        return _llamaindexs(model, answer)

    def question(self, *blocks: Any, text: str) -> Any:
        """Return a user's message of a text and of the framework's own content blocks."""
        if self.is_langchain:
            return HumanMessage([{"type": "text", "text": text}, *blocks])
        return ChatMessage(role="user", blocks=[TextBlock(text=text), *blocks])

    def image(self, url: str) -> Any:
        return {"type": "image", "url": url} if self.is_langchain else ImageBlock(url=url)

    def result(self, text: str, *blocks: Any, call_id: str = "1") -> Any:
        """Return what a tool gave."""
        if self.is_langchain:
            content: Any = [{"type": "text", "text": text}, *blocks]
            return ToolMessage(content if text else [*blocks], tool_call_id=call_id)
        parts = [TextBlock(text=text), *blocks] if text else [*blocks]
        return ChatMessage(role="tool", blocks=parts, additional_kwargs={"tool_call_id": call_id})

    def structured(self, model: Any, schema: type[BaseModel], method: Any, text: str) -> Any:
        """Return an answer by a schema, or what a stream of it ends in."""
        if self.is_langchain:
            chain = model.with_structured_output(schema, method=method)
            if self.streamed:
                return self.mode.stream(chain, text)[-1]
            return self.mode.invoke(chain, text)
        asked = (schema, PromptTemplate("{text}"))
        model = model.model_copy(update={"structured_output": method})
        if self.streamed:
            return self.mode.listed(model, "stream_structured_predict", *asked, text=text)[-1]
        return self.mode.call(model, "structured_predict", *asked, text=text)

    def embeddings(self, provider: str, **settings: Any) -> Any:
        """Return a vendor's embedding model; the settings have the core's names."""
        if self.is_langchain:
            return langchain.EMBEDDINGS[provider](**settings)
        renamed = {LLAMAINDEX_NAMES.get(name, name): value for name, value in settings.items()}
        return llamaindex.EMBEDDINGS[provider](**renamed)

    def embed(self, model: Any, texts: list[str]) -> list[list[float]]:
        method = "embed_documents" if self.is_langchain else "get_text_embedding_batch"
        return self.mode.call(model, method, texts)

    def embed_query(self, model: Any, text: str) -> list[float]:
        method = "embed_query" if self.is_langchain else "get_query_embedding"
        return self.mode.call(model, method, text)

    def _asked(self, question: Any) -> list[Any]:
        user: Callable[[str], Any] = HumanMessage if self.is_langchain else ChatMessage
        messages = question if isinstance(question, list) else [question]
        return [user(one) if isinstance(one, str) else one for one in messages]


# Each framework blocking and awaited, whole and streamed; what maps answers and chunks is one.
WAYS = [
    Way("langchain", Mode("sync"), streamed=False),
    Way("langchain", Mode("async"), streamed=True),
    Way("llamaindex", Mode("async"), streamed=False),
    Way("llamaindex", Mode("sync"), streamed=True),
]
EACH = pytest.mark.parametrize("way", [WAYS[0], WAYS[2]], ids=str)
"""Each framework in one way: for what is decided before the ways part."""


def _langchains(message: Any) -> Answer:
    blocks = message.content_blocks
    return Answer(
        text=message.text,
        thoughts="".join(one["reasoning"] for one in blocks if one["type"] == "reasoning"),
        kinds=[one["type"].replace("reasoning", "thoughts") for one in blocks],
        calls=[(call["name"], call["args"]) for call in message.tool_calls],
        ids=[call["id"] for call in message.tool_calls],
        finish_reason=message.response_metadata["finish_reason"],
        model=message.response_metadata["model_name"],
        usage=message.response_metadata.get("token_usage") or {},
        message=message,
    )


def _llamaindexs(model: Any, response: Any) -> Answer:
    blocks = response.message.blocks
    calls = model.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    # LlamaIndex wants a text in every message, be it empty.
    shown = [one.block_type for one in blocks if one.block_type != "text" or one.text]
    return Answer(
        text=response.message.content or "",
        thoughts="".join(one.content for one in blocks if one.block_type == "thinking"),
        kinds=[kind.replace("thinking", "thoughts") for kind in shown],
        calls=[(call.tool_name, call.tool_kwargs) for call in calls],
        ids=[call.tool_id for call in calls],
        finish_reason=response.raw["finish_reason"],
        model=response.raw["model"],
        usage=response.raw["usage"] or {},
        message=response.message,
    )
