"""The chat model that the vendors' classes are made of."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import aclosing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, cast
from uuid import uuid4
from weakref import WeakKeyDictionary

from langchain_core.caches import BaseCache
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import (
    BaseChatModel,
    LangSmithParams,
    LanguageModelInput,
    ModelProfile,
)
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableSerializable
from langchain_core.runnables.utils import AnyConfigurableField
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field

from dsgvo import __version__
from dsgvo._secrets import is_secret
from dsgvo._signature import keep_signature
from dsgvo._warnings import tell_left_out
from dsgvo.providers import StructuredOutputMethod
from dsgvo.settings import ChatSettings, merged_body
from dsgvo.transport import Owned, RequestOptions
from dsgvo.wire.arguments import listed, require
from dsgvo.wire.messages import media_after_tool_results
from dsgvo.wire.request import check_objects
from dsgvo.wire.structured import SCHEMA_IN_PROMPT, with_schema
from dsgvo.wire.tokens import estimate_tokens
from dsgvo.wire.tools import tool_choice as wire_tool_choice
from langchain_dsgvo._messages import digest_of, named_files, to_wire
from langchain_dsgvo._responses import combined_output, first_call_index, to_chunks, to_result
from langchain_dsgvo._settings import VendorSettings
from langchain_dsgvo._structured import Schema, response_class, structured_output
from langchain_dsgvo._tools import wire_tool
from langchain_dsgvo._tracing import warn_of_tracing
from langchain_dsgvo.errors import CapabilityError, ConfigurationError, langchain_errors

__all__ = ["ChatModel"]

_FILES = "digest_of_files"
"""Argument of a call that a cache knows it by, and nobody else."""

_OF_THE_CONFIG = frozenset({"callbacks", "tags", "run_id", "run_name"})
"""LangChain's own arguments of a run, which its ``stream`` hands on as if they were the model's."""

_TRACED = {"model": "ls_model_name", "temperature": "ls_temperature", "max_tokens": "ls_max_tokens"}
"""Parameters that LangSmith knows by names of its own."""


class ChatModel(ChatSettings, VendorSettings, BaseChatModel):
    """Chat model of one vendor; the public classes fill in which."""

    body_argument: ClassVar[str] = "model_kwargs"

    streaming: bool = Field(default=False, description="Answer `invoke` by a stream.")
    model_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="Further parameters of each request."
    )

    def model_post_init(self, context: Any, /) -> None:
        """Do what LangChain does after validation; :class:`VendorSettings` stands before it."""
        super().model_post_init(context)
        BaseChatModel.model_post_init(self, context)
        self._add_version("dsgvo-llm", __version__)

    def _check_settings(self) -> None:
        super()._check_settings()
        warn_of_tracing(self._client.config.residency)

    @property
    def model_name(self) -> str:
        """The model's id, by the name that ``ChatOpenAI`` gives it."""
        return self.model

    # What LangChain asks about a model

    @property
    def _llm_type(self) -> str:
        return f"{self.provider}-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "model": self.model,
            "base_url": self.base_url,
            **self._parameters(),
        }

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return ``True``: ``dumps`` writes the arguments, and names in place of keys."""
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Arguments that are secret, and the environment variables they are loaded from."""
        return {"api_key": self.spec.key_variables[0]}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """Headers and query that ``dumps`` and the key of a cache know, but for what is secret."""
        given = {"default_headers": self.default_headers, "default_query": self.default_query}
        known = {
            field: {name: text for name, text in values.items() if not is_secret(name, str(text))}
            for field, values in given.items()
            if values
        }
        return {field: values for field, values in known.items() if values}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        fields, own = vars(self), self.stop
        params: dict[str, Any] = {"ls_provider": self.provider, "ls_model_type": "chat"}
        params["ls_stop"] = stop or ([own] if isinstance(own, str) else own) or None
        for name, traced in _TRACED.items():
            params[traced] = kwargs.get(name, fields[name])
        return cast("LangSmithParams", {k: v for k, v in params.items() if v is not None})

    def _get_invocation_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        # Traces show what is asked for, and no connection settings.
        with langchain_errors:
            _, params = RequestOptions.split(self._of_call(kwargs))
        given = {"model": self.model, **self._parameters(), **params}
        return {**given, "stop": stop or given.get("stop"), "_type": self._llm_type}

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """Return what a cache knows a call by: not by a class's name, nor by what a field was."""
        if isinstance(form := kwargs.get("response_format"), type):
            with langchain_errors:
                kwargs |= response_class(self.spec, form)
        for name in ("extra_headers", "extra_query", "default_headers", "default_query"):
            if isinstance(given := kwargs.get(name) or vars(self).get(name), Mapping):
                kwargs[name] = _without_secrets(cast("Mapping[str, Any]", given))
        account = self._client.config.account[-1]
        if isinstance(account, bytes):
            kwargs["account"] = account.hex()
        else:
            kwargs["account"] = own = uuid4().hex
            with suppress(TypeError):  # one that has no place in a dictionary shares nothing
                kwargs["account"] = _accounts.setdefault(self.api_key, own)
        vars(self).pop("_serialized", None)
        return super()._get_llm_string(stop=stop, **kwargs)

    @keep_signature
    def _generate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if files := self._named_files(messages):
            kwargs[_FILES] = digest_of(files)
        return super()._generate_with_cache(messages, stop, run_manager, **kwargs)

    @keep_signature
    async def _agenerate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if files := self._named_files(messages):
            kwargs[_FILES] = await asyncio.to_thread(digest_of, files)
        return await super()._agenerate_with_cache(messages, stop, run_manager, **kwargs)

    def _named_files(self, messages: Sequence[BaseMessage]) -> list[Path | bytes]:
        """Return the files that a cache has to know, if there is one."""
        there_is_one = isinstance(self.cache, BaseCache) or get_llm_cache() is not None
        return named_files(messages) if there_is_one and self.cache is not False else []

    def configurable_fields(
        self, **kwargs: AnyConfigurableField
    ) -> RunnableSerializable[LanguageModelInput, AIMessage]:
        """Return a model whose fields a ``config`` can set; ``model_name`` means ``model``."""
        if "model_name" in kwargs:
            kwargs["model"] = kwargs.pop("model_name")
        return super().configurable_fields(**kwargs)

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        return combined_output(llm_outputs)

    def _resolve_model_profile(self) -> ModelProfile | None:
        known = self._client.known_model(self.model)
        facts = {
            "max_input_tokens": known.context_window,
            "tool_calling": known.tools,
            "image_inputs": known.images,
            "pdf_inputs": known.files,
            "structured_output": known.structured_output,
            "reasoning_output": known.reasoning,
        }
        profile: ModelProfile = {}
        for name, fact in facts.items():
            if fact is not None:
                profile[name] = fact
        return profile or None

    def load_profile(self) -> ModelProfile:
        """Read the vendor's model list, set ``profile`` to what it says, and return that.

        What neither list nor catalogue say of the model is left out. Models made later in this
        process with the same key have the list's word too, without a request.

        Raises:
            APIError: If the list fails; one that there is not (403, 404) is told by a
                ``ModelListWarning``, and the catalogue's word stands, as for a model that the
                list does not name.

        Examples:
            >>> from langchain_dsgvo import ChatNeuroflash
            >>> llm = ChatNeuroflash(model="openai/gpt-4.1-mini")
            >>> llm.load_profile()["max_input_tokens"]
            128000
        """
        with langchain_errors:
            self._client.models()
        return self._take_profile()

    async def aload_profile(self) -> ModelProfile:
        """Read the vendor's model list; see :meth:`load_profile`."""
        with langchain_errors:
            await self._async_client.models()
        return self._take_profile()

    def _take_profile(self) -> ModelProfile:
        self._client.warn_unless_listed(self.model)
        self.profile = self._resolve_model_profile() or {}
        return self.profile

    def get_num_tokens(self, text: str) -> int:
        """Return about how many tokens a text has. Nothing is downloaded for it."""
        with langchain_errors:
            require("text", text, str)
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return estimate_tokens(text)

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Return about how many tokens messages and tools have. Nothing is downloaded for it."""
        with langchain_errors:
            check_objects("messages", messages, BaseMessage)
            wire = [wire_tool(tool) for tool in listed("tools", tools or ())]
        texts: list[str] = [message.text for message in messages]
        for message in messages:
            if isinstance(message, AIMessage):
                texts += [f"{call['name']}{call['args']}" for call in message.tool_calls]
        texts += map(str, wire)
        per_message = 4  # role and separators, as in OpenAI's chat format
        return sum(map(self.get_num_tokens, texts)) + per_message * len(messages)

    def get_token_ids(self, text: str) -> list[int]:
        """Return token ids, if the model was given ``custom_get_token_ids``.

        Raises:
            CapabilityError: Otherwise: the vendors publish no tokenizers.
        """
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        raise CapabilityError(
            f"{self.spec.title} publishes no tokenizer: use get_num_tokens() for an estimate, "
            "or pass custom_get_token_ids=…",
            provider=self.provider,
        )

    # Requests and answers

    def _of_call(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if named := _OF_THE_CONFIG.intersection(given):
            name = min(named)
            raise ConfigurationError(
                f"{name} is no parameter of a request: pass config={{{name!r}: …}}"
            )
        return super()._of_call({name: given[name] for name in given if name != _FILES})

    def _request(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
    ) -> dict[str, Any]:
        given = self._of_call(kwargs)
        request: dict[str, Any] = {"model": self.model, **self._parameters(), **given}
        request.pop("stream", None)  # which method was called says it
        request.setdefault("stream_usage", self.stream_usage)
        request.setdefault("send_reasoning", self.send_reasoning)
        if stop is not None:
            request["stop"] = stop
        if isinstance(form := request.get("response_format"), type):
            request |= response_class(self.spec, form)
        schema: dict[str, Any] | None = request.pop(SCHEMA_IN_PROMPT, None)
        wire, left_out = media_after_tool_results(self.spec, request["model"], to_wire(messages))
        tell_left_out(self.spec, request["model"], left_out, strict=self.strict)
        request["messages"] = wire if schema is None else with_schema(wire, schema)
        if (extra := merged_body(self.extra_body, request.pop("extra_body", None))) is not None:
            request["extra_body"] = extra
        return request

    @keep_signature
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with langchain_errors:
            request = self._request(messages, stop, kwargs)
            return to_result(self._client.chat(**request), request["model"])

    @keep_signature
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with langchain_errors:
            request = self._request(messages, stop, kwargs)
            return to_result(await self._async_client.chat(**request), request["model"])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        first_call = first_call_index(self.output_version)
        with langchain_errors:
            request = self._request(messages, stop, kwargs)
            model = request["model"]
            for delta in self._client.stream(**request):
                for chunk in to_chunks(delta, model, first_call):
                    if run_manager:  # LangChain's events "v3" give one; else it tells by itself
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        first_call = first_call_index(self.output_version)
        with langchain_errors:
            request = self._request(messages, stop, kwargs)
            model = request["model"]
            async with aclosing(Owned(self._async_client.stream(**request))) as deltas:
                async for delta in deltas:
                    for chunk in to_chunks(delta, model, first_call):
                        if run_manager:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    # Tools and structured output

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: dict[str, Any] | str | bool | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return a model that may call tools.

        Args:
            tools: Functions, Pydantic or TypedDict classes, JSON schemas, LangChain tools, or
                dicts in OpenAI's form.
            tool_choice: ``"auto"``, ``"none"``, ``"any"`` or ``"required"``, a tool's name,
                ``True`` (the one tool, or any), ``False``, or OpenAI's dict.
            strict: Whether arguments must follow the schema strictly, where the vendor's models
                know that.
            **kwargs: Further parameters of each request.

        Raises:
            ConfigurationError: If a tool is of no such kind, or ``tool_choice`` names none that is
                offered.

        Examples:
            >>> from langchain_dsgvo import ChatSovrGPT
            >>> def get_price(symbol: str) -> float:
            ...     "Get the current price of a currency."
            >>> model = ChatSovrGPT(model="qwen3.5-9b").bind_tools([get_price], tool_choice="any")
            >>> model.invoke("What is the price of BTC?").tool_calls[0]["name"]
            'get_price'
        """
        with langchain_errors:
            wire = [wire_tool(tool, strict) for tool in listed("tools", tools)]
            choice = wire_tool_choice(tool_choice, wire)
        if choice is not None:
            kwargs["tool_choice"] = choice
        return super().bind(tools=wire, **kwargs)

    def with_structured_output(
        self,
        schema: Schema | None = None,
        *,
        include_raw: bool = False,
        method: StructuredOutputMethod | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Return a chain that answers with an instance of a schema.

        Args:
            schema: A Pydantic or TypedDict class, a JSON schema, or a function in OpenAI's form;
                ``None`` with ``method="json_mode"`` gives whatever object the prompt asks for.
            include_raw: Give a dict of ``raw``, ``parsed`` and ``parsing_error`` in place of
                raising when the answer does not fit.
            method: ``"function_calling"``, ``"json_schema"`` or ``"json_mode"``; by default the
                best one that the vendor documents. JSON mode puts the schema into the prompt.
            strict: Whether the vendor must enforce the schema, where its models know that.
            **kwargs: Further parameters of each request.

        Returns:
            A chain giving an instance of a Pydantic class, or else a dict.

        Raises:
            CapabilityError: If the vendor does not document ``method``.

        Examples:
            >>> from pydantic import BaseModel
            >>> from langchain_dsgvo import ChatSovrGPT
            >>> class Person(BaseModel):
            ...     "A person."
            ...     name: str
            ...     age: int
            >>> chain = ChatSovrGPT(model="qwen3.5-9b").with_structured_output(Person)
            >>> chain.invoke("Anna is 34 years old.").age
            34
        """
        with langchain_errors:
            return structured_output(
                self,
                self.spec,
                schema,
                method=method,
                takes_tools=self._client.known_model(self.model).tools is not False,
                strict=strict,
                include_raw=include_raw,
                kwargs=kwargs,
            )


# Functions that give keys, each an account of its own for caches.
_accounts: MutableMapping[object, str] = WeakKeyDictionary()


def _without_secrets(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return headers or a query with what is secret by its digest, as a cache keeps them."""
    return {
        name: sha256(str(value).encode()).hexdigest() if is_secret(name, str(value)) else value
        for name, value in given.items()
    }
