"""Both frameworks behind one face: what a scenario asks, and what it looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any, ClassVar

from langchain_core.messages import HumanMessage, ToolMessage
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool

from tests.langchain import support as langchain
from tests.llamaindex import support as llamaindex
from tests.real.servers import Target

WAYS = ("whole", "streamed", "awaited", "awaited stream")


@dataclass(frozen=True)
class Answer:
    """What a model said, whichever framework heard it."""

    message: Any
    text: str
    thoughts: str
    calls: list[tuple[str, dict[str, Any]]]
    finish_reason: str
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Framework:
    """The classes of one vendor, asked in one way, pointed at a server."""

    vendor: str
    target: Target
    way: str = "whole"
    text: ClassVar[str]
    """Attribute of a piece of a stream that has its text."""

    def settings(self, **more: Any) -> dict[str, Any]:
        own = {"workspace_id": "ws-1"} if self.vendor == "neuroflash" else {}
        server = {"base_url": self.target.base_url, "api_key": self.target.key}
        return {"model": self.target.model, **server, **own, **more}

    def called(self, target: Any, whole: str, streamed: str, *args: Any) -> Any:
        """Call a method of a framework in this way; a stream comes as the list of its pieces."""
        name = streamed if "stream" in self.way else whole
        if "awaited" not in self.way:
            found = getattr(target, name)(*args)
            return list(found) if "stream" in self.way else found

        async def read() -> Any:
            found = getattr(target, f"a{name}")(*args)
            if hasattr(found, "__await__"):  # LlamaIndex's streams are awaited first
                found = await found
            return [one async for one in found] if "stream" in self.way else found

        return asyncio.run(read())

    def model(self, extra_body: dict[str, Any] | None = None, **settings: Any) -> Any:
        raise NotImplementedError

    def pieces(self, model: Any, awaited: str = "") -> Any:
        raise NotImplementedError

    async def texts(
        self, model: Any, on_first: Callable[[], Any] = bool, stop: int | None = None
    ) -> str:
        """Read a stream, or its first ``stop`` pieces of text, and leave it."""
        found: list[str] = []

        def enough(piece: Any) -> bool:
            text = getattr(piece, self.text)
            if text:
                found.append(text)
                if len(found) == 1:
                    on_first()
            return len(found) == stop

        if "awaited" not in self.way:
            with closing(self.pieces(model)) as pieces:
                any(map(enough, pieces))
            return "".join(found)
        pieces = self.pieces(model, "a")
        async with aclosing(await pieces if hasattr(pieces, "__await__") else pieces) as pieces:
            async for piece in pieces:
                if enough(piece):
                    break
        return "".join(found)


class LangChain(Framework):
    """LangChain."""

    text = "text"

    def model(self, extra_body: dict[str, Any] | None = None, **settings: Any) -> Any:
        return langchain.CHAT[self.vendor](**self.settings(extra_body=extra_body, **settings))

    def pieces(self, model: Any, awaited: str = "") -> Any:
        return getattr(model, f"{awaited}stream")("Hi")

    def ask(self, messages: Any, tool: Callable[..., Any] | None = None, **settings: Any) -> Answer:
        model = self.model(**settings)
        asked = model.bind_tools([tool]) if tool else model
        found = self.called(asked, "invoke", "stream", messages)
        message: Any = langchain.whole(found) if "stream" in self.way else found
        used = message.usage_metadata
        thoughts = [one for one in message.content_blocks if one["type"] == "reasoning"]
        return Answer(
            message=message,
            text=message.text,
            thoughts="".join(one["reasoning"] for one in thoughts),
            calls=[(call["name"], call["args"]) for call in message.tool_calls],
            finish_reason=message.response_metadata["finish_reason"],
            tokens=tuple(used[f"{name}_tokens"] for name in ("input", "output", "total")),
        )

    def told(self, question: str, answer: Answer, result: str) -> Any:
        calls = [call["id"] for call in answer.message.tool_calls]
        results = [ToolMessage(result, tool_call_id=call) for call in calls]
        return [HumanMessage(question), answer.message, *results]

    def extract(self, schema: Any, method: Any, text: str, **settings: Any) -> Any:
        asked = self.model(**settings).with_structured_output(schema, method=method)
        found = self.called(asked, "invoke", "stream", text)
        return found[-1] if "stream" in self.way else found

    def embed(self, texts: list[str]) -> Any:
        model = langchain.EMBEDDINGS[self.vendor](**self.settings(allow_undocumented=True))
        if "awaited" in self.way:
            return asyncio.run(model.aembed_documents(texts))
        return model.embed_documents(texts)


class LlamaIndex(Framework):
    """LlamaIndex."""

    text = "delta"

    def model(self, extra_body: dict[str, Any] | None = None, **settings: Any) -> Any:
        body = {"extra_body": extra_body or {}}
        own = self.settings(additional_kwargs=body, context_window=1024, **settings)
        return llamaindex.LLMS[self.vendor](**own)

    def pieces(self, model: Any, awaited: str = "") -> Any:
        return getattr(model, f"{awaited}stream_chat")([ChatMessage("Hi")])

    def ask(self, messages: Any, tool: Callable[..., Any] | None = None, **settings: Any) -> Answer:
        model = self.model(**settings)
        if isinstance(messages, str):
            messages = [ChatMessage(messages)]
        if tool:
            tools = [FunctionTool.from_defaults(tool)]
            names = ("chat_with_tools", "stream_chat_with_tools")
            found = self.called(model, *names, tools, None, messages)
        else:
            found = self.called(model, "chat", "stream_chat", messages)
        response = found[-1] if "stream" in self.way else found
        calls = model.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        blocks = response.message.blocks
        counts = response.additional_kwargs
        return Answer(
            message=response.message,
            text=response.message.content or "",
            thoughts="".join(one.content for one in blocks if one.block_type == "thinking"),
            calls=[(call.tool_name, call.tool_kwargs) for call in calls],
            finish_reason=response.raw["finish_reason"],
            tokens=tuple(counts[f"{name}_tokens"] for name in ("prompt", "completion", "total")),
        )

    def told(self, question: str, answer: Answer, result: str) -> Any:
        blocks = answer.message.blocks
        calls = [one.tool_call_id for one in blocks if one.block_type == "tool_call"]
        ids = [{"tool_call_id": call} for call in calls]
        results = [ChatMessage(result, role="tool", additional_kwargs=one) for one in ids]
        return [ChatMessage(question), answer.message, *results]

    def extract(self, schema: Any, method: Any, text: str, **settings: Any) -> Any:
        model = self.model(structured_output=method, **settings)
        names = ("structured_predict", "stream_structured_predict")
        found = self.called(model, *names, schema, PromptTemplate(text))
        return found[-1] if "stream" in self.way else found

    def embed(self, texts: list[str]) -> Any:
        model = llamaindex.EMBEDDINGS[self.vendor](**self.settings(allow_undocumented=True))
        if "awaited" in self.way:
            return asyncio.run(model.aget_text_embedding_batch(texts))
        return model.get_text_embedding_batch(texts)
