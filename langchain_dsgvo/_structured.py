"""Structured output: how a schema is asked for and how the answer is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from operator import itemgetter
from typing import Any, cast

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import (
    JsonOutputKeyToolsParser,
    JsonOutputParser,
    PydanticOutputParser,
    PydanticToolsParser,
)
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool
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
    traced: dict[str, Any] = {
        "kwargs": {"method": method, **({} if strict is None else {"strict": strict})},
        "schema": schema,
    }
    if schema is not None:
        traced["schema"] = convert_to_openai_tool(schema)
    asked: Runnable[LanguageModelInput, AIMessage]
    if schema is None:
        asked = model.bind(response_format={"type": "json_object"}, **kwargs)
        parser: Runnable[Any, Any] = JsonOutputParser()
    elif method == "function_calling":
        name = convert_to_openai_tool(schema)["function"]["name"]
        asked = model.bind_tools(
            [schema],
            tool_choice=name,
            ls_structured_output_format=traced,
            **({} if strict is None else {"strict": strict}),
            **kwargs,
        )
        parser = (
            PydanticToolsParser(tools=[cast("type[BaseModel]", schema)], first_tool_only=True)
            if _is_pydantic(schema)
            else JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)
        )
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
        parser = (
            PydanticOutputParser[BaseModel](pydantic_object=cast("type[BaseModel]", schema))
            if _is_pydantic(schema)
            else JsonOutputParser()
        )
    tool = method == "function_calling"
    read = RunnableGenerator(_whole(tool=tool), _awhole(tool=tool)) | parser
    if not include_raw:
        return asked | read
    parsed = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | read, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asked) | parsed.with_fallbacks([failed], exception_key="parsing_error")


def _is_pydantic(schema: Schema) -> bool:
    return isinstance(schema, type) and is_basemodel_subclass(schema)


def _check(message: BaseMessage, *, tool: bool, called: bool) -> None:
    """Refuse an answer that was cut or declined: a parser might mend it into a valid one."""
    reason = message.response_metadata.get("finish_reason")
    if reason == "length":
        raise OutputParserException(
            "the answer was cut at max_tokens, so the structured output is not whole: "
            "raise max_tokens or ask for less"
        )
    if reason == "content_filter":
        raise OutputParserException("the vendor's content filter stopped the structured output")
    if refusal := message.additional_kwargs.get("refusal"):
        raise OutputParserException(f"the model declined: {refusal}")
    if tool and reason is not None and not called:
        raise OutputParserException("the model answered in text instead of calling the tool")


def _called(message: BaseMessage) -> bool:
    return isinstance(message, AIMessage) and bool(message.tool_calls or message.invalid_tool_calls)


def _whole(*, tool: bool) -> Any:
    def check(messages: Iterator[BaseMessage]) -> Iterator[BaseMessage]:
        called = False
        for message in messages:
            called = called or _called(message)
            _check(message, tool=tool, called=called)
            yield message

    return check


def _awhole(*, tool: bool) -> Any:
    async def check(messages: AsyncIterator[BaseMessage]) -> AsyncIterator[BaseMessage]:
        called = False
        async for message in messages:
            called = called or _called(message)
            _check(message, tool=tool, called=called)
            yield message

    return check
