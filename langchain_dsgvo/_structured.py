"""Structured output: how a schema is asked for and how the answer is read."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall
from langchain_core.output_parsers.transform import BaseCumulativeTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool
from langchain_core.utils.json import parse_json_markdown
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from dsgvo.errors import ConfigurationError
from dsgvo.providers import Provider, StructuredOutputMethod
from dsgvo.wire.request import check_structured_output, response_format

__all__ = ["SCHEMA_IN_PROMPT", "structured_output"]

SCHEMA_IN_PROMPT = "schema_in_prompt"
"""Call argument by which JSON mode tells the chat model to put a schema into the prompt."""

Schema = dict[str, Any] | type


def structured_output(
    model: BaseChatModel,
    provider: Provider,
    schema: Schema | None,
    *,
    method: StructuredOutputMethod | None,
    strict: bool | None,
    include_raw: bool,
    kwargs: Mapping[str, Any],
) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
    """Return a chain that asks a model for an instance of a schema and gives it."""
    method = check_structured_output(provider, method)
    if schema is None and method != "json_mode":
        raise ConfigurationError(f"schema is missing: method={method!r} needs one")
    if strict is not None and method == "json_mode":
        raise ConfigurationError(f"strict={strict!r}: method='json_mode' knows no strict mode")
    for name in ("tools", "tool_choice"):
        if name in kwargs:
            raise ConfigurationError(
                f"{name}: with_structured_output offers the schema alone; for tools and a schema "
                "use langchain.agents.create_agent(model, tools, response_format=…)"
            )
    if isinstance(schema, dict) and not schema.keys() & {"title", "name", "function"}:
        schema = {"title": "answer", **schema}  # LangChain wants a name for it
    traced: dict[str, Any] = {
        "kwargs": {"method": method, **({} if strict is None else {"strict": strict})},
        "schema": schema,
    }
    if schema is not None:
        traced["schema"] = convert_to_openai_tool(schema)
    target = cast("type[BaseModel]", schema) if _is_pydantic(schema) else None
    asked: Runnable[LanguageModelInput, AIMessage]
    if schema is None:
        asked = model.bind(response_format={"type": "json_object"}, **kwargs)
        parser = AnswerParser()
    elif method == "function_calling":
        name = convert_to_openai_tool(schema)["function"]["name"]
        asked = model.bind_tools(
            [schema],
            tool_choice=name,
            ls_structured_output_format=traced,
            **({} if strict is None else {"strict": strict}),
            **kwargs,
        )
        parser = AnswerParser(target=target, tool=name)
    else:
        function = convert_to_openai_function(schema, strict=strict)
        json_schema: dict[str, Any] = function["parameters"]
        if "description" in function:
            json_schema = {"description": function["description"], **json_schema}
        in_prompt = {SCHEMA_IN_PROMPT: json_schema} if method == "json_mode" else {}
        asked = model.bind(
            response_format=response_format(
                method, name=function["name"], schema=json_schema, strict=strict
            ),
            ls_structured_output_format=traced,
            **in_prompt,
            **kwargs,
        )
        parser = AnswerParser(target=target)
    if not include_raw:
        return asked | parser
    return asked | RunnableLambda(_with_raw(parser), _awith_raw(parser), name="include_raw")


def _is_pydantic(schema: Schema | None) -> bool:
    return isinstance(schema, type) and is_basemodel_subclass(schema)


class AnswerParser(BaseCumulativeTransformOutputParser[Any]):
    """Reads an instance of a schema out of an answer; a stream gives the parts that grow into it.

    A whole answer is read strictly: LangChain's own parsers close JSON that breaks off, give
    nothing for a broken tool call, and end a stream that does not fit without a word.

    Args:
        target: The Pydantic class to make; ``None``: a dict.
        tool: Name of the tool whose arguments are the answer; ``None``: its text is.
    """

    target: type[Any] | None = None
    tool: str | None = None

    def parse(self, text: str) -> Any:
        """Return what a text holds."""
        return self.parse_result([Generation(text=text)])

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Return what an answer holds; of a part of one, what can be read already.

        Raises:
            OutputParserException: If a whole answer was cut or declined, or does not fit.
        """
        generation = result[0]
        message = generation.message if isinstance(generation, ChatGeneration) else None
        if not partial or (isinstance(message, AIMessageChunk) and message.chunk_position):
            return self._whole(generation.text, message)
        with suppress(ValueError):
            if message is None or self.tool is None:
                return self._fitted(parse_json_markdown(generation.text), generation.text)
            if (call := self._call(message)) is not None:
                return self._fitted(call["args"], "")
        return None

    def _whole(self, text: str, message: BaseMessage | None) -> Any:
        if message is not None:
            _check(message)
            if self.tool is not None:
                return self._arguments(message)
        return self._fitted(_json(text), text)

    def _arguments(self, message: BaseMessage) -> Any:
        if (call := self._call(message)) is not None:
            return self._fitted(call["args"], str(call["args"]))
        broken = message.invalid_tool_calls if isinstance(message, AIMessage) else []
        if broken:
            raise OutputParserException(
                "the arguments of the tool call are not a JSON object",
                llm_output=broken[0]["args"] or "",
            )
        raise OutputParserException(
            f"the model answered in text instead of calling the tool {self.tool!r}",
            llm_output=message.text,
        )

    def _call(self, message: BaseMessage) -> ToolCall | None:
        calls = message.tool_calls if isinstance(message, AIMessage) else []
        return next((call for call in calls if call["name"] == self.tool), None)

    def _fitted(self, value: Any, text: str) -> Any:
        if not isinstance(value, dict):
            raise OutputParserException("the answer is not a JSON object", llm_output=text)
        if self.target is None:
            return cast("dict[str, Any]", value)
        make = getattr(self.target, "model_validate", None) or self.target.parse_obj
        try:
            return make(value)
        except ValueError as error:
            # pydantic's own text quotes the answer, which may be personal data.
            faults = "; ".join(_faults(error)) or type(error).__name__
            raise OutputParserException(
                f"the answer does not fit {self.target.__name__}: {faults}", llm_output=text
            ) from None

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002
        yield from super()._transform(map(_as_chunk, input))

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002
        chunks = (_as_chunk(piece) async for piece in input)
        async for value in super()._atransform(chunks):
            yield value


def _as_chunk(piece: str | BaseMessage) -> str | BaseMessage:
    """Return the whole answer of a model that does not stream as a stream's last piece."""
    if isinstance(piece, AIMessage) and not isinstance(piece, AIMessageChunk):
        return AIMessageChunk(**piece.model_dump(exclude={"type"}), chunk_position="last")
    return piece


_FENCED = re.compile(r"```(?:json)?(.*)```", re.DOTALL | re.IGNORECASE)


def _json(text: str) -> Any:
    """Return the JSON that a text is, or holds between fences; models add those unasked."""
    for candidate in (text, *_FENCED.findall(text)):
        with suppress(ValueError, RecursionError):
            return json.loads(candidate, strict=False)  # line breaks inside texts are no fault
    raise OutputParserException("the answer is not valid JSON", llm_output=text)


def _faults(error: ValueError) -> Iterator[str]:
    details: Any = getattr(error, "errors", tuple)
    for fault in cast("list[dict[str, Any]]", details()):
        yield f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def _check(message: BaseMessage) -> None:
    """Refuse an answer that was cut or declined."""
    reason = message.response_metadata.get("finish_reason")
    if reason == "length":
        raise OutputParserException(
            "the answer was cut at max_tokens, so the structured output is not whole: "
            "raise max_tokens or ask for less",
            llm_output=message.text,
        )
    if reason == "content_filter":
        raise OutputParserException("the vendor's content filter stopped the structured output")
    if refusal := message.additional_kwargs.get("refusal"):
        # What it said is an answer, which no message shows.
        raise OutputParserException("the model declined to answer", llm_output=refusal)


def _with_raw(parser: AnswerParser) -> Callable[[AIMessage, RunnableConfig], dict[str, Any]]:
    def read(raw: AIMessage, config: RunnableConfig) -> dict[str, Any]:
        try:
            return {"raw": raw, "parsed": parser.invoke(raw, config), "parsing_error": None}
        except OutputParserException as error:
            return {"raw": raw, "parsed": None, "parsing_error": error}

    return read


def _awith_raw(
    parser: AnswerParser,
) -> Callable[[AIMessage, RunnableConfig], Awaitable[dict[str, Any]]]:
    async def read(raw: AIMessage, config: RunnableConfig) -> dict[str, Any]:
        try:
            parsed = await parser.ainvoke(raw, config)
        except OutputParserException as error:
            return {"raw": raw, "parsed": None, "parsing_error": error}
        return {"raw": raw, "parsed": parsed, "parsing_error": None}

    return read
