"""The LLM that all vendors' classes share."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import aclosing
from inspect import cleandoc
from typing import Annotated, Any, Literal, TypeVar, cast

from llama_index.core.base.llms.generic_utils import prompt_to_messages
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.program.utils import FlexibleModel
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.tools.types import BaseTool
from llama_index.core.types import Model, PydanticProgramMode
from pydantic import BeforeValidator, Field, PrivateAttr

from dsgvo import Completion, Delta
from dsgvo._secrets import without_frames
from dsgvo._warnings import first_time, tell_left_out
from dsgvo.errors import ConfigurationError
from dsgvo.providers import StructuredOutputMethod
from dsgvo.settings import ChatSettings
from dsgvo.transport import Owned, running_loop
from dsgvo.wire.arguments import listed, require, shown
from dsgvo.wire.messages import media_after_tool_results
from dsgvo.wire.request import check_structured_output
from dsgvo.wire.structured import SCHEMA_IN_PROMPT, closed, with_properties, with_schema
from llamaindex_dsgvo._llamaindex_internals import (
    chat_callback,
    completion_callback,
    dispatcher_for,
)
from llamaindex_dsgvo._messages import to_wire
from llamaindex_dsgvo._responses import (
    ModelOutputError,
    ResponseBuilder,
    chat_response,
    completion,
    tool_selections,
)
from llamaindex_dsgvo._settings import VendorSettings
from llamaindex_dsgvo._structured import Extraction, response_class

__all__ = ["DEFAULT_CONTEXT_WINDOW", "ChatModel"]

DEFAULT_CONTEXT_WINDOW = 32_768
"""Tokens, for a model whose window nobody states. Inferred: today's models have this or more.

LlamaIndex cuts prompts and chat histories to it; ``context_window=`` says the true one.
"""

_NOT_PARAMETERS = {
    "stream": "call stream_chat() or chat()",
    "messages": "messages are the first argument",
}

_dispatcher = dispatcher_for(__name__)
_log = logging.getLogger("dsgvo")
_T = TypeVar("_T")


def _window(given: object) -> object:
    """Say in one sentence what a union of types would say in one each."""
    is_whole = isinstance(given, int) and not isinstance(given, bool) and given >= 1
    if not is_whole and given not in (None, "auto"):
        raise ValueError("use a whole number of 1 or more, or 'auto'")
    return given


class ChatModel(ChatSettings, VendorSettings, FunctionCallingLLM):
    """A chat model of one vendor; a base of the public classes, not for use alone."""

    context_window: Annotated[int | Literal["auto"] | None, BeforeValidator(_window)] = Field(
        default=None,
        description="Tokens of prompt and answer together, where the vendor does not say; "
        "`'auto'`: as the vendor's model list says, which is read once.",
    )
    is_function_calling_model: bool | None = Field(
        default=None,
        description="Whether the model takes tools, where the vendor is wrong about it or does "
        "not say.",
    )
    structured_output: StructuredOutputMethod | None = Field(
        default=None,
        description="`'function_calling'`, `'json_schema'` or `'json_mode'`; by default the best "
        "one that the vendor documents.",
    )

    _list_was_read: bool = PrivateAttr(default=False)

    @without_frames
    def __init__(self, model: str | None = None, **arguments: Any) -> None:
        if model is not None:
            arguments["model"] = model
        super().__init__(**arguments)

    @classmethod
    def _normalize_arguments(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        arguments = dict(given)
        if arguments.get("should_use_structured_outputs"):
            del arguments["should_use_structured_outputs"]
            arguments.setdefault("structured_output", "json_schema")
        return super()._normalize_arguments(arguments)

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.structured_output is not None:
            check_structured_output(self.spec, self.structured_output)

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex stores and reports the class."""
        return cls.__name__

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex wants to know of the model.

        ``context_window`` is the one given or known of the model. Of others it is guessed: 32,768
        tokens, and ``max_tokens`` beside them, so that a long answer takes no room of the prompt.
        ``is_function_calling_model`` is false where the vendor says so, or as it was given.

        ``context_window="auto"`` reads the vendor's model list here, or before the first call with
        ``await``: on an event loop nothing blocks, and the catalogue's word is taken until then.

        Raises:
            APIError: If that list fails; one that there is not (403, 404) is told by a
                ``ModelListWarning``, as is a model that it does not name.
        """
        if self._wants_list() and running_loop() is None:
            self._client.models()
            self._take_list()
        window = self.context_window
        if not isinstance(window, int):
            window = self._client.known_model(self.model).context_window
        return LLMMetadata(
            context_window=window or self._guessed_window(),
            num_output=self.max_tokens or -1,
            is_chat_model=True,
            is_function_calling_model=self._takes_tools(),
            model_name=self.model,
        )

    def _wants_list(self) -> bool:
        return self.context_window == "auto" and not self._list_was_read

    async def _aread_list(self) -> None:
        if self._wants_list():
            await self._async_client.models()
            self._take_list()

    def _take_list(self) -> None:
        self._client.warn_unless_listed(self.model)
        self._list_was_read = True

    def _guessed_window(self) -> int:
        if first_time((self.provider, self.model, "context_window")):
            _log.warning(
                "%s does not say how large the context window of model %r is: %d tokens are "
                "taken for the prompt, to which LlamaIndex cuts it; pass context_window=…",
                self.spec.title,
                self.model,
                DEFAULT_CONTEXT_WINDOW,
            )
        return DEFAULT_CONTEXT_WINDOW + (self.max_tokens or 0)

    def _takes_tools(self) -> bool:
        if self.is_function_calling_model is not None:
            return self.is_function_calling_model
        return self._client.known_model(self.model).tools is not False

    # Requests

    def _request(
        self, messages: Sequence[ChatMessage], arguments: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        """Return the arguments of the core's call, and whether one tool call alone is wanted."""
        request: dict[str, Any] = {
            "model": self.model,
            "stream_usage": self.stream_usage,
            "send_reasoning": self.send_reasoning,
            **self._parameters(),
            **self._of_call(arguments),
        }
        for name, instead in _NOT_PARAMETERS.items():
            if name in request:
                raise ConfigurationError(f"{name} is not a parameter of a request: {instead}")
        single_call = request.pop("allow_parallel_tool_calls", None) is False
        if isinstance(form := request.get("response_format"), type):
            request |= response_class(self.spec, form)
        schema = request.pop(SCHEMA_IN_PROMPT, None)
        model = request["model"]
        wire, left_out = media_after_tool_results(self.spec, model, to_wire(messages, self.spec))
        tell_left_out(self.spec, model, left_out, strict=self.strict)
        request["messages"] = wire if schema is None else with_schema(wire, schema)
        return request, single_call

    # Chat and completion; the private twins are free of callbacks, so that each call has one

    def _chat(self, messages: Sequence[ChatMessage], arguments: Mapping[str, Any]) -> ChatResponse:
        request, single_call = self._request(messages, arguments)
        return chat_response(self._client.chat(**request), single_call=single_call)

    async def _achat(
        self, messages: Sequence[ChatMessage], arguments: Mapping[str, Any]
    ) -> ChatResponse:
        await self._aread_list()
        request, single_call = self._request(messages, arguments)
        answer: Completion = await self._async_client.chat(**request)
        return chat_response(answer, single_call=single_call)

    def _stream(
        self, messages: Sequence[ChatMessage], arguments: Mapping[str, Any]
    ) -> tuple[Generator[Delta], ResponseBuilder]:
        request, single_call = self._request(messages, arguments)
        return self._client.stream(**request), ResponseBuilder(single_call=single_call)

    def _astream(
        self, messages: Sequence[ChatMessage], arguments: Mapping[str, Any]
    ) -> tuple[AsyncGenerator[Delta], ResponseBuilder]:
        request, single_call = self._request(messages, arguments)
        return self._async_client.stream(**request), ResponseBuilder(single_call=single_call)

    def _prompt(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        require("prompt", prompt, str)
        if not formatted and self.completion_to_prompt is not None:
            prompt = self.completion_to_prompt(prompt)
        return prompt_to_messages(prompt)

    @chat_callback
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Return the answer to a conversation.

        Args:
            messages: The conversation, oldest first.
            **kwargs: Fields of the request's body, before those of the constructor.

        Returns:
            The answer: its text in ``message.content``, thoughts and tool calls in
            ``message.blocks``, token counts in ``additional_kwargs``, and what the vendor said in
            the dict ``raw``.

        Raises:
            ConfigurationError: If an argument is wrong; nothing is sent.
            APIError: If there is no whole, valid answer.
        """
        return self._chat(messages, kwargs)

    @chat_callback
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Return the answer to a conversation; see :meth:`chat`."""
        return await self._achat(messages, kwargs)

    @chat_callback
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Yield the answer piece by piece; arguments as for :meth:`chat`.

        Each response has the new text in ``delta`` and all text so far in ``message``; new
        thoughts are in ``additional_kwargs["thinking_delta"]``. Leaving the loop early frees the
        connection.

        Raises:
            IncompleteStreamError: If the stream ends early; ``partial`` holds what had come.
            APIError: If there is no valid answer.
        """
        deltas, builder = self._stream(messages, kwargs)
        return _converted(deltas, builder.feed)

    @chat_callback
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Yield the answer piece by piece; see :meth:`stream_chat`."""
        await self._aread_list()
        deltas, builder = self._astream(messages, kwargs)
        return _aconverted(deltas, builder.feed)

    @completion_callback
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Return the answer to a prompt, which is sent as a user's message; see :meth:`chat`."""
        return completion(self._chat(self._prompt(prompt, formatted), kwargs))

    @completion_callback
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Return the answer to a prompt; see :meth:`complete`."""
        return completion(await self._achat(self._prompt(prompt, formatted), kwargs))

    @completion_callback
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Yield the answer to a prompt piece by piece; see :meth:`stream_chat`."""
        deltas, builder = self._stream(self._prompt(prompt, formatted), kwargs)
        return _converted(deltas, builder.completion)

    @completion_callback
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Yield the answer to a prompt piece by piece; see :meth:`stream_complete`."""
        await self._aread_list()
        deltas, builder = self._astream(self._prompt(prompt, formatted), kwargs)
        return _aconverted(deltas, builder.completion)

    # Tools

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        messages = listed("chat_history", chat_history or ())
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        if user_msg is not None:
            messages.append(user_msg)
        request: dict[str, Any] = {"messages": messages, **kwargs}
        if tools:
            request["tools"] = [_tool(tool, strict) for tool in listed("tools", tools)]
            request["allow_parallel_tool_calls"] = allow_parallel_tool_calls
            if tool_choice is None and tool_required:
                tool_choice = "required"
            if tool_choice is not None:
                request["tool_choice"] = tool_choice
        return request

    def stream_chat_with_tools(self, *args: Any, **kwargs: Any) -> ChatResponseGen:
        """Yield the answer piece by piece; see :meth:`stream_chat`.

        Raises:
            ModelOutputError: After the last response, if the arguments of a call cannot be read,
                as of one that was cut. LlamaIndex's programs only log what a response raises.
        """
        return _with_whole_calls(super().stream_chat_with_tools(*args, **kwargs), self.provider)

    async def astream_chat_with_tools(self, *args: Any, **kwargs: Any) -> ChatResponseAsyncGen:
        """Yield the answer piece by piece; see :meth:`stream_chat_with_tools`."""
        responses = await super().astream_chat_with_tools(*args, **kwargs)
        return _awith_whole_calls(responses, self.provider)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """Return the tools that a response calls, and their arguments.

        In a stream, arguments are those that have come so far.

        Raises:
            ModelOutputError: If the answer is whole and a call's arguments cannot be read, or if
                there is no call and ``error_on_no_tool_call`` is set.
        """
        require("response", response, ChatResponse)
        selections = tool_selections(response, self.provider)
        if not selections and error_on_no_tool_call:
            raise ModelOutputError(
                "expected a tool call, and the model answered in text",
                provider=self.provider,
            )
        return selections

    # Structured output

    def _extraction(self, output_cls: type[Model]) -> Extraction[Model]:
        method = check_structured_output(
            self.spec, self.structured_output, takes_tools=self._takes_tools()
        )
        return Extraction(self.spec, method, output_cls)

    def _structured_request(
        self,
        extraction: Extraction[Any],
        prompt: PromptTemplate,
        llm_kwargs: Mapping[str, Any] | None,
        prompt_args: Mapping[str, Any],
    ) -> dict[str, Any]:
        require("prompt", prompt, BasePromptTemplate)
        require("llm_kwargs", llm_kwargs or {}, Mapping)
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        # A choice of tools is the method's own, as in LlamaIndex's programs.
        own = ("tools", "tool_choice", "tool_required", "allow_parallel_tool_calls")
        given = {name: value for name, value in (llm_kwargs or {}).items() if name not in own}
        return {"messages": messages, "response_format": None, **given, **extraction.arguments}

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Return the answer as an instance of a Pydantic class.

        The schema is handed over by the best method that the vendor documents: as a tool, as a
        JSON schema, or in the prompt with JSON mode. ``structured_output=`` of the constructor
        chooses another one, ``pydantic_program_mode=`` one of LlamaIndex's own.

        Args:
            output_cls: The class; nested ones, optional fields, enums and lists are fine.
            prompt: Prompt template.
            llm_kwargs: Fields of the request's body.
            **prompt_args: Variables of the template.

        Raises:
            ModelOutputError: If the answer does not fit the class; also a ``ValueError``.
            APIError: If there is no whole, valid answer.
        """
        if self.pydantic_program_mode is not PydanticProgramMode.DEFAULT:
            return super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
        extraction = self._extraction(output_cls)
        request = self._structured_request(extraction, prompt, llm_kwargs, prompt_args)
        _dispatcher.event(_start_event(output_cls, prompt, prompt_args))
        result = extraction.result(self.chat(**request))
        _dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Return the answer as an instance of a Pydantic class; see :meth:`structured_predict`."""
        if self.pydantic_program_mode is not PydanticProgramMode.DEFAULT:
            return await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
        extraction = self._extraction(output_cls)
        request = self._structured_request(extraction, prompt, llm_kwargs, prompt_args)
        _dispatcher.event(_start_event(output_cls, prompt, prompt_args))
        result = extraction.result(await self.achat(**request))
        _dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Model | list[Model] | FlexibleModel | list[FlexibleModel]]:
        """Yield growing objects, the last one an instance of the class."""
        if self.pydantic_program_mode is not PydanticProgramMode.DEFAULT:
            yield from super()._structured_stream_call(
                output_cls, prompt, llm_kwargs, **prompt_args
            )
            return
        extraction = self._extraction(output_cls)
        request = self._structured_request(extraction, prompt, llm_kwargs, prompt_args)
        fields: dict[str, Any] | None = None
        response: ChatResponse | None = None
        for response in self.stream_chat(**request):
            fields, grown = extraction.partial(response, fields)
            if grown is not None:
                yield grown
        yield extraction.result(cast("ChatResponse", response))

    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Model | list[Model] | FlexibleModel | list[FlexibleModel]]:
        """Return a generator of growing objects, the last one an instance of the class."""
        if self.pydantic_program_mode is not PydanticProgramMode.DEFAULT:
            return await super()._structured_astream_call(
                output_cls, prompt, llm_kwargs, **prompt_args
            )
        extraction = self._extraction(output_cls)
        request = self._structured_request(extraction, prompt, llm_kwargs, prompt_args)

        async def objects() -> AsyncGenerator[Model | FlexibleModel]:
            fields: dict[str, Any] | None = None
            response: ChatResponse | None = None
            async with aclosing(Owned(await self.astream_chat(**request))) as responses:
                async for response in responses:
                    fields, grown = extraction.partial(response, fields)
                    if grown is not None:
                        yield grown
            yield extraction.result(cast("ChatResponse", response))

        return objects()


def _converted(deltas: Generator[Delta], convert: Callable[[Delta], _T]) -> Generator[_T]:
    for delta in deltas:
        yield convert(delta)


async def _aconverted(
    deltas: AsyncGenerator[Delta], convert: Callable[[Delta], _T]
) -> AsyncGenerator[_T]:
    async with aclosing(Owned(deltas)) as owned:
        async for delta in owned:
            yield convert(delta)


def _with_whole_calls(responses: ChatResponseGen, provider: str) -> ChatResponseGen:
    response: ChatResponse | None = None
    for response in responses:
        yield response
    tool_selections(cast("ChatResponse", response), provider)


async def _awith_whole_calls(
    responses: ChatResponseAsyncGen, provider: str
) -> ChatResponseAsyncGen:
    response: ChatResponse | None = None
    async with aclosing(Owned(responses)) as owned:
        async for response in owned:
            yield response
    tool_selections(cast("ChatResponse", response), provider)


def _tool(tool: BaseTool, strict: bool | None) -> dict[str, Any]:
    if not isinstance(tool, BaseTool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"tools: {shown(tool)} is none of LlamaIndex's: FunctionTool.from_defaults(…) makes "
            "one of a function"
        )
    spec = tool.metadata.to_openai_tool(skip_length_check=True)
    function: dict[str, Any] = spec["function"]
    # LlamaIndex's own name for the wire is told back by nobody.
    function["name"] = name = tool.metadata.name
    function["description"] = _clean(function["description"] or "", name or "")
    parameters, schema, own = function["parameters"], tool.metadata.fn_schema, None
    if schema and "properties" not in parameters:  # LlamaIndex drops a reference at the root
        own = schema.model_json_schema()
    parameters = with_properties(parameters, own)
    function["parameters"] = closed(parameters) if strict else parameters
    if strict is not None:
        function["strict"] = strict
    return spec


def _clean(description: str, name: str) -> str:
    """Return a tool's description, the same under every version of Python.

    From 3.13 on docstrings come without the indentation of their code. LlamaIndex writes a
    function's signature into the line before its docstring.
    """
    signature, line_end, docstring = description.partition("\n")
    if line_end and signature.startswith(f"{name}("):
        return f"{signature}\n{cleandoc(docstring)}"
    return cleandoc(description)


def _start_event(
    output_cls: type[Model], prompt: PromptTemplate, prompt_args: dict[str, Any]
) -> LLMStructuredPredictStartEvent:
    return LLMStructuredPredictStartEvent(
        output_cls=output_cls, template=prompt, template_args=prompt_args
    )
