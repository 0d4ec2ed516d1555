"""Structured output: how a schema is asked for and how the answer is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers.transform import BaseCumulativeTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.utils.function_calling import convert_to_openai_function
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from dsgvo.errors import ConfigurationError
from dsgvo.providers import Provider, StructuredOutputMethod
from dsgvo.wire.request import check_structured_output
from dsgvo.wire.structured import (
    CUT_SHORT,
    OutputSchema,
    faults,
    is_recursive,
    no_instance,
    object_in,
    read_again_at,
    schema_request,
    unwrapped_schema,
)
from langchain_dsgvo._tools import OTHER_FORMS, refuse_types_of_values, told_as

__all__ = ["Schema", "output_schema", "response_class", "structured_output"]

Schema = dict[str, Any] | type


def structured_output(
    model: BaseChatModel,
    spec: Provider,
    schema: Schema | None,
    *,
    method: StructuredOutputMethod | None,
    takes_tools: bool,
    strict: bool | None,
    include_raw: bool,
    kwargs: Mapping[str, Any],
) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
    """Return a chain that asks a model for an instance of a schema and gives it."""
    others = dict(kwargs)
    tools = others.pop("tools", None)
    if tools and method is None and "json_schema" in spec.structured_output:
        method = "json_schema"
    method = check_structured_output(spec, method, takes_tools=takes_tools)
    _check_request(schema, method, strict, kwargs)
    if isinstance(schema, dict):
        schema, own_strict = unwrapped_schema(schema)
        strict = own_strict if strict is None else strict
    wanted = None if schema is None else output_schema(schema)
    tool = None
    if wanted is None:
        asked: dict[str, Any] = {"response_format": {"type": "json_object"}}
    else:
        asked = schema_request(method, wanted, strict=strict)
        asked["ls_structured_output_format"] = {
            "kwargs": {"method": method, **({} if strict is None else {"strict": strict})},
            "schema": {**wanted.schema, "title": wanted.name},
        }
        tool = wanted.name if method == "function_calling" else None
    offered = asked.pop("tools", tools)
    parser = AnswerParser(
        target=schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None,
        tool=tool,
        wanted=wanted,
        others=bool(offered or getattr(model, "model_kwargs", {}).get("tools")),
    )
    ask = model.bind(**asked, **others)
    if offered:
        ask = model.bind_tools(offered, **asked, **others)
    if not include_raw:
        return ask | parser
    return ask | RunnableLambda(parser.with_raw, parser.awith_raw, name="include_raw")


def _check_request(
    schema: Schema | None,
    method: StructuredOutputMethod,
    strict: bool | None,
    kwargs: Mapping[str, Any],
) -> None:
    if schema is None and method != "json_mode":
        raise ConfigurationError(f"schema is missing: method={method!r} needs one")
    if strict is not None and method == "json_mode":
        raise ConfigurationError(f"strict={strict!r}: method='json_mode' knows no strict mode")
    if method == "json_schema":
        return
    for name in ("tools", "tool_choice"):
        if name in kwargs:
            raise ConfigurationError(
                f"{name}: method={method!r} offers the schema alone; for tools and a schema use "
                "method='json_schema', where the vendor documents it, or "
                "langchain.agents.create_agent(model, tools, response_format=…)"
            )


def output_schema(schema: Schema) -> OutputSchema:
    """Return the form of a class or a JSON schema that goes onto the wire.

    Raises:
        ConfigurationError: If it is none.
    """
    said = (
        "schema={}: nothing can be asked for by it: use a Pydantic or TypedDict class, or a JSON "
        "schema; for a list, a choice or an enum, a RootModel of it"
    )
    with told_as(said, schema):
        return _output_schema(schema)


def _output_schema(schema: Schema) -> OutputSchema:
    own: dict[str, Any] | None = None
    if isinstance(schema, dict):
        own = schema if not schema.keys() & OTHER_FORMS else None
    elif is_basemodel_subclass(schema) and hasattr(schema, "model_json_schema"):
        own = cast("type[BaseModel]", schema).model_json_schema()
    # LangChain writes definitions out, which loses those that hold themselves, and takes nothing
    # of a schema whose root has no properties.
    if own is not None:
        wanted = OutputSchema.of(own)
        if is_recursive(own) or wanted.wrapped or "properties" not in own:
            return wanted
    if isinstance(schema, dict) and not schema.keys() & {"title", *OTHER_FORMS}:
        schema = {"title": "answer", **schema}
    refuse_types_of_values(schema)
    function = convert_to_openai_function(cast("Any", schema))
    described = {"description": function["description"]} if function.get("description") else {}
    return OutputSchema.of({**described, **function.get("parameters", {})}, function["name"])


def response_class(spec: Provider, schema: type) -> dict[str, Any]:
    """Return the arguments of a request for ``response_format=Class``."""
    documented = spec.structured_output
    method = "json_schema" if "json_schema" in documented else "json_mode"
    return schema_request(check_structured_output(spec, method), output_schema(schema))


class AnswerParser(BaseCumulativeTransformOutputParser[Any]):
    """Reads an instance of a schema out of an answer; a stream gives the parts that grow into it.

    A whole answer is read strictly: LangChain's own parsers close JSON that breaks off, give
    nothing for a broken tool call, and end a stream that does not fit without a word.

    Args:
        target: The Pydantic class to make; ``None``: a dict.
        tool: Name of the tool whose arguments are the answer; ``None``: its text is.
        wanted: The schema on the wire; ``None``: any object.
        others: Whether tools are offered that the model may call first.
    """

    target: type[Any] | None = None
    tool: str | None = None
    wanted: OutputSchema | None = None
    others: bool = False

    @property
    def OutputType(self) -> Any:  # noqa: N802 - LangChain's name
        """What the chain gives, for ``get_output_schema``."""
        return self.target or dict[str, Any]

    def parse(self, text: str) -> Any:
        """Return what a text holds."""
        return self.parse_result([Generation(text=text)])

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Return what an answer holds; of a part of its text, what can be read already.

        Raises:
            OutputParserException: If a whole answer was cut, or does not fit.
            ModelRefusalError: If the model declined to answer.
        """
        generation = result[0]
        message = generation.message if isinstance(generation, ChatGeneration) else None
        if not partial:
            return self._whole(generation.text, message)
        with suppress(Exception):  # a class's own validators may raise any over a part
            # LangChain's own parser looks again at all text for each blank at its end.
            return self._fitted(object_in(generation.text, growing=True), generation.text)
        return None

    def with_raw(self, raw: AIMessage, config: RunnableConfig) -> dict[str, Any]:
        """Return an answer, and what it holds or why it does not."""
        try:
            return _raw(raw, self.invoke(raw, config))
        except (OutputParserException, exceptions.ModelRefusalError) as error:
            return _raw(raw, None, error)

    async def awith_raw(self, raw: AIMessage, config: RunnableConfig) -> dict[str, Any]:
        """Return an answer, and what it holds or why it does not."""
        try:
            return _raw(raw, await self.ainvoke(raw, config))
        except (OutputParserException, exceptions.ModelRefusalError) as error:
            return _raw(raw, None, error)

    def _whole(self, text: str, message: BaseMessage | None) -> Any:
        if not isinstance(message, AIMessage):
            return self._fitted(object_in(text), text)
        reason = message.response_metadata.get("finish_reason")
        if message.additional_kwargs.get("refusal"):
            # What it said is an answer, which no message shows.
            raise exceptions.ModelRefusalError("the model declined to answer", raw_message=message)
        calls = [call for call in message.tool_calls if call["name"] == self.tool]
        broken = [call for call in message.invalid_tool_calls if call["name"] == self.tool]
        same = not broken and all(call["args"] == calls[0]["args"] for call in calls)
        if calls and same and reason not in CUT_SHORT:
            return self._fitted(calls[0]["args"], str(calls[0]["args"]))
        if self.tool is None and self.others and message.tool_calls:
            return None  # it calls a tool that was offered beside the schema
        called = [str(call["args"] or "") for call in (*calls, *broken)]
        found = object_in(text) if self.tool is None else None
        if found is None or reason in CUT_SHORT:
            raise OutputParserException(
                no_instance(
                    reason,
                    tool=self.tool,
                    called=bool(called),
                    text=message.text,
                    thoughts=message.additional_kwargs.get("reasoning_content"),
                ),
                llm_output="\n".join(called) or message.text,
            )
        return self._fitted(found, text)

    def _fitted(self, found: Any, text: str) -> Any:
        if not isinstance(found, dict):
            raise OutputParserException("the answer is not a JSON object", llm_output=text)
        value = cast("dict[str, Any]", found)
        if self.wanted is not None:
            if not self.wanted.holds(value):
                raise OutputParserException("the answer lacks its one field", llm_output=text)
            value = self.wanted.value(value)
        if self.target is None:
            return value
        make = getattr(self.target, "model_validate", None) or self.target.parse_obj
        try:
            return make(value)
        except ValueError as error:
            details: Any = getattr(error, "errors", tuple)
            told = (
                faults(details(), self.wanted.schema if self.wanted else {}) or type(error).__name__
            )
        # Without pydantic's error as its context, which quotes the answer: it may be personal data.
        raise OutputParserException(
            f"the answer does not fit {self.target.__name__}: {told}", llm_output=text
        )

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002
        growing = _Growing(self)
        for piece in input:
            yield from growing.take(piece)

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002
        growing = _Growing(self)
        async for piece in input:
            for value in growing.take(piece):
                yield value


class _Growing:
    """An answer that grows. LangChain's sum of its pieces reads all arguments with each of them.

    Args:
        parser: Reads what there is of it, when it has grown by a part of it: so all readings
            together cost no more than a multiple of its length.
    """

    def __init__(self, parser: AnswerParser) -> None:
        self._parser = parser
        self._chunks: list[AIMessageChunk] = []
        self._calls: dict[object, tuple[list[str], list[str]]] = {}
        self._text: list[str] = []
        self._size = self._due = 0
        self._value: Any = None

    def take(self, piece: str | BaseMessage) -> Iterator[Any]:
        """Take the next piece, and yield the value if it is another one by it.

        Raises:
            OutputParserException: If it is the last one, and the answer does not fit.
            ModelRefusalError: If it is the last one, and the model declined to answer.
        """
        if isinstance(piece, AIMessageChunk):
            self._add(piece)
            if not piece.chunk_position and self._size < self._due:
                return
            self._due = read_again_at(self._size)
            whole = self._chunks[0] + self._chunks[1:] if piece.chunk_position else None
        else:
            whole = piece if isinstance(piece, AIMessage) else None  # of one that does not stream
            self._text.append(piece if isinstance(piece, str) else piece.text)
        if whole is not None:
            value = self._parser.parse_result([ChatGeneration(message=whole)])
        else:
            value = self._parser.parse_result([Generation(text=self._read())], partial=True)
        if value is not None and value != self._value:
            self._value = value
            yield value

    def _add(self, piece: AIMessageChunk) -> None:
        self._chunks.append(piece)
        self._text.append(piece.text)
        self._size += len(piece.text)
        for call in piece.tool_call_chunks:
            names, arguments = self._calls.setdefault(call["index"], ([], []))
            names.append(call["name"] or "")
            arguments.append(call["args"] or "")
            self._size += len(arguments[-1])

    def _read(self) -> str:
        if (tool := self._parser.tool) is None:
            return "".join(self._text)
        called = (call for names, call in self._calls.values() if "".join(names) == tool)
        return "".join(next(called, ()))


def _raw(raw: AIMessage, parsed: Any, error: Exception | None = None) -> dict[str, Any]:
    return {"raw": raw, "parsed": parsed, "parsing_error": error}
