"""The public clients, and the base that says what each call asks for and how it is read."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from array import array
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Callable,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Future
from contextlib import aclosing, suppress
from contextvars import Context, copy_context
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from dsgvo._secrets import without_frames
from dsgvo._warnings import warn_once
from dsgvo.audit import AuditEntry, warn_of_other_model
from dsgvo.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    CapabilityError,
    ConfigurationError,
    DsgvoError,
    IncompleteStreamError,
    ModelListWarning,
    ResidencyError,
    ResidencyWarning,
)
from dsgvo.providers import Model, Provider
from dsgvo.transport import _pools
from dsgvo.transport._config import (
    DEFAULT_MAX_RESPONSE_BYTES,
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT,
    ClientConfig,
    KeyFunction,
    Options,
    Query,
    RequestOptions,
    Timeout,
    as_key,
    as_secret,
    given_or_set,
    require_model,
    resolve,
)
from dsgvo.transport._flow import (
    Chunks,
    CloseBody,
    Flow,
    Gate,
    OpenBody,
    ReadBody,
    ReadChunk,
    RunInThread,
    arun,
    held_up,
    run,
    running_loop,
)
from dsgvo.transport._pools import ConnectionFailedError, Owned, runtime
from dsgvo.transport._request import (
    AUTH,
    MAX_IMAGE_BYTES,
    Answer,
    Operation,
    Retries,
    aside,
    connection_error,
    decoded,
    explained,
    fetch,
    gate_of,
    image_operation,
    in_workspace,
    mask_answer,
    open_response,
    read_list,
    secrets_of,
    settled,
    tell_late,
)
from dsgvo.wire.account import (
    Quota,
    Workspace,
    name_fact,
    read_health,
    read_models,
    read_quotas,
    read_workspaces,
)
from dsgvo.wire.arguments import refuse_content, shown
from dsgvo.wire.assistants import (
    Assistant,
    AssistantAnswer,
    build_run,
    decode_assistants,
    decode_run,
    require_assistant,
    require_assistants,
)
from dsgvo.wire.chat import ChatDecoder, Completion, Delta, says_anything
from dsgvo.wire.continuing import continued, continued_body
from dsgvo.wire.embeddings import (
    MAX_BATCH_BYTES,
    MAX_BATCH_TEXTS,
    Batch,
    OnEmpty,
    ReadAhead,
    batches,
    check_count,
    check_encoding,
    check_texts,
    decode_embeddings,
    differing,
    is_too_large,
    may_refuse_base64,
    require_embeddings,
)
from dsgvo.wire.files import images_refused, mime_type_of
from dsgvo.wire.models import (
    GeneratedImage,
    check_image,
    decode_image,
    find_model,
)
from dsgvo.wire.names import said_model
from dsgvo.wire.request import build_chat, check_parameter
from dsgvo.wire.rerank import (
    MAX_BATCH_DOCUMENTS,
    RerankRequest,
    RerankResult,
    best,
    build_rerank,
    decode_rerank,
)
from dsgvo.wire.residency import Residency, answered_elsewhere, check_models, model_id
from dsgvo.wire.usage import total_tokens

if TYPE_CHECKING:
    import httpx

__all__ = ["DEFAULT_MAX_CONCURRENCY", "AsyncClient", "Client", "ClientPair"]

DEFAULT_MAX_CONCURRENCY = 4

MODEL_LIST_SECONDS = 3600.0
"""How long a model list is believed when an image is to be sent, and that there is none."""

MODEL_LIST_RETRY_SECONDS = 60.0
"""After how long a list that could not be had is asked for again when an image is to be sent."""

_NUMBER_TYPES = frozenset(
    {"output_dtype", "embedding_types", "embedding_type", "output_type", "dtype"}
)
"""Fields of embeddings requests that say of what numbers vectors are."""

_NO_LIST = frozenset({404, 405})
# By which servers and their templates are told whether a model is to think, and what is within.
_SWITCHES = (
    *("chat_template_kwargs", "chat_template_args", "enable_thinking", "thinking", "think"),
    *("reasoning", "reasoning_effort", "thinking_budget", "enabled", "type", "effort"),
)
_T = TypeVar("_T")


@dataclass(slots=True)
class _Call:
    """A chat request and the configuration that holds for it alone.

    Of an answer that was cut, ``first`` is the request, ``before`` what has come of it, and
    ``goes_on`` how often its rest may still be asked for.
    """

    config: ClientConfig
    operation: Operation
    model: str
    check_images: bool
    tool_names: Mapping[str, str]
    entry: AuditEntry
    goes_on: int = 0
    before: Completion | None = None
    first: Operation | None = None

    def settled(self) -> Flow[_Call]:
        """Return the request with the workspace that it goes to."""
        config = yield from in_workspace(self.config)
        return self if config is self.config else replace(self, config=config)

    def decoder(self, answer: Answer, *, unshown: bool = False) -> ChatDecoder:
        return ChatDecoder(
            self.config.spec,
            # Looked for only when an error is written.
            secrets=lambda said: secrets_of(self.config, self.operation, answer.token, said),
            request_id=answer.request_id,
            headers=answer.kept_headers,
            thinking="open" if self._opens_thoughts() else None,
            tool_names=self.tool_names,
            before=self.before,
            goes_on=self.goes_on > 0,
            unshown=unshown,
            on_model=self.note_model,
        )

    def note_model(self, named: str, private: Callable[[], Sequence[str]]) -> None:
        """Note a model when an answer first names it: the caller may stop, or the answer break."""
        model = said_model(named, self.model, private)
        self.entry.answered(model)
        _check_model(self.config, self.model, model)

    def going_on(self, decoder: ChatDecoder) -> _Call:
        """Return the request for the rest of an answer that was cut."""
        whole, first = decoder.completion(), self.first or self.operation
        operation = replace(
            first,
            body=continued_body(first.body or {}, whole.content),
            history=continued(first.history, whole.content),
        )
        return replace(
            self, operation=operation, goes_on=self.goes_on - 1, before=whole, first=first
        )

    def note_thoughts(self, decoder: ChatDecoder) -> None:
        """Remember whether the model's next stream begins inside a thought: as this answer did."""
        if decoder.thought_unopened:
            runtime.keep(runtime.open_thoughts, self._whose_model(), None)
        elif not decoder.has_thoughts and decoder.completion().content and self._opens_thoughts():
            runtime.open_thoughts.pop(self._whose_model(), None)

    def _opens_thoughts(self) -> bool:
        return bool(runtime.open_thoughts) and self._whose_model() in runtime.open_thoughts

    def _whose_model(self) -> tuple[object, ...]:
        # Of one account: what one user's prompts bring about decides nothing for others.
        body = self.operation.body or {}
        return *settled(self.config).account, body.get("model"), _is_to_think(body)


def _is_to_think(value: object) -> bool | None:
    """Return whether a request switches a model's thinking on or off, or neither."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, object]", value)
        found = (_is_to_think(fields[name]) for name in _SWITCHES if name in fields)
        return next((one for one in found if one is not None), None)
    return None if value is None else value not in (0, "none", "off", "disabled")


@dataclass(slots=True)
class _Begun:
    """A chat answer of which the first piece has come, or all if ``chunks`` is ``None``."""

    answer: Answer
    decoder: ChatDecoder
    deltas: Iterable[Delta]  # an iterator, if more is to come: it lets go of what was read
    chunks: Any


class BaseClient:
    """Holds a client's configuration and says what each call does; no sockets."""

    config: ClientConfig

    @without_frames
    def __init__(
        self,
        provider: str | Provider,
        *,
        api_key: str | SecretStr | KeyFunction | None = None,
        base_url: str | None = None,
        workspace_id: str | None = None,
        client_id: str | None = None,
        client_secret: str | SecretStr | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        default_query: Query | None = None,
        include_response_headers: bool | Collection[str] = False,
        purpose: str | None = None,
        strict: bool = False,
        residency: Residency | None = None,
        trusted_models: Collection[str] = (),
        rate_limit: Literal["adaptive"] | Gate | None = None,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        http_transport: httpx.BaseTransport | None = None,
        http_async_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        api_key, client_secret = as_key(api_key), as_secret(client_secret)
        self.config = resolve(
            provider,
            api_key=api_key,
            base_url=base_url,
            client_id=client_id,
            client_secret=client_secret,
            arguments={"workspace_id": workspace_id},
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            default_query=default_query,
            include_response_headers=include_response_headers,
            purpose=purpose,
            strict=strict,
            residency=residency,
            trusted_models=trusted_models,
            rate_limit=rate_limit,
            max_response_bytes=max_response_bytes,
            http_transport=http_transport,
            http_async_transport=http_async_transport,
        )

    @classmethod
    def over(cls, config: ClientConfig) -> Self:
        """Return a client with the configuration of another one."""
        client = cls.__new__(cls)
        client.config = config
        return client

    def __repr__(self) -> str:
        if not hasattr(self, "config"):  # a traceback's view of one that is refused
            return f"{type(self).__name__}()"
        return f"{type(self).__name__}({self.provider!r}, {self.config.base_url!r})"

    @property
    def provider(self) -> str:
        """Name of the provider that is talked to."""
        return self.config.spec.name

    @property
    def spec(self) -> Provider:
        """What the provider says about itself."""
        return self.config.spec

    def _options(self, given: Mapping[str, Any]) -> tuple[ClientConfig, RequestOptions]:
        options, others = RequestOptions.split(given)
        if others:
            raise ConfigurationError(f"{next(iter(others))!r} is not an argument of this call")
        return options.apply(self.config), options

    # -- chat -----------------------------------------------------------------------------------

    def _chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None,
        params: Mapping[str, Any],
        *,
        stream: bool = False,
        stream_usage: bool,
        send_reasoning: bool | None,
        continue_cut_answers: int,
    ) -> _Call:
        check_parameter("continue_cut_answers", continue_cut_answers, self.spec)
        options, params = RequestOptions.split(params)
        config = options.apply(self.config)
        config.require_arguments()
        spec = config.spec
        request = build_chat(
            spec,
            model=given_or_set(model, spec.model_variable),
            messages=messages,
            params=params,
            # A plain answer that is cut shows nothing of its text.
            stream=stream or continue_cut_answers > 0,
            stream_usage=stream_usage,
            send_reasoning=send_reasoning,
            extra_body=options.extra_body,
            strict=config.strict,
            residency=config.residency,
            trusted_models=config.trusted_models,
        )
        for name, message in request.ignored.items():
            warn_once((spec.name, request.model, name), message)
        operation = Operation(
            url=config.base_url + spec.chat_path,
            body=request.body,
            upload=request.upload,
            accept="text/event-stream" if request.stream else "application/json",
            optional=request.optional,
            history=request.history,
            forms=request.forms,
        )
        check_images = request.unsure_of_images and spec.model_list_says_images
        return _Call(
            config,
            operation,
            request.model,
            check_images,
            request.tool_names,
            _audited(config, "chat", request.model),
            continue_cut_answers,
        )

    def _check_images(self, call: _Call) -> Flow[None]:
        """Look up what the vendor's model list says of images, before one is sent."""
        listed = yield from self._listed(call.config)
        if any(m.id == call.model and m.images is False for m in listed):
            raise images_refused(self.spec, call.model)

    def _begin(self, call: _Call) -> Flow[_Begun]:
        """Make a chat request and read the first piece of its answer.

        Until then an error in the answer is like one in its status, and tried again alike.
        """
        call = yield from call.settled()
        return (yield from _told(call, self._first_piece(call)))

    def _first_piece(self, call: _Call) -> Flow[_Begun]:
        retries = Retries(call.config, call.operation)
        if call.check_images:
            yield from self._check_images(call)
        while True:
            answer = yield from open_response(call.config, call.operation, AUTH, retries)
            decoder = call.decoder(answer)
            chunks: Chunks = yield OpenBody(answer.response, call.config.max_response_bytes)
            try:
                with answer:
                    return (yield from _begun(answer, decoder, chunks))
            except ConnectionFailedError as failed:
                return _Begun(answer, decoder, _broken(call, answer, decoder, failed), None)
            except APIError as error:
                yield CloseBody(chunks)
                yield from retries.wait(answer.failure(error))
            except ResidencyWarning:  # where warnings are errors
                yield CloseBody(chunks)
                raise

    def _complete(self, call: _Call) -> Flow[Completion]:
        call = yield from call.settled()
        with call.entry:
            gate = gate_of(call.config)
            guessed = gate.guess((str(call.operation.body),)) if gate is not None else 0
            decoder = yield from _told(call, self._decoded(call, gate, guessed))
            while decoder.cut:
                call = call.going_on(decoder)
                decoder = yield from _told(call, self._decoded(call, gate, guessed))
            completion = self._answered(call, decoder)
            if gate is not None and (tokens := total_tokens(completion.usage)):
                gate.correct(guessed * (1 + completion.continued), tokens)
            return completion

    def _decoded(self, call: _Call, gate: Gate | None, guessed: int) -> Flow[ChatDecoder]:
        """Make a chat request until its answer is read to the end."""
        config, operation = call.config, call.operation
        retries = Retries(config, operation)
        if call.check_images:
            yield from self._check_images(call)
        while True:
            answer = yield from open_response(config, operation, AUTH, retries, gate, guessed)
            decoder = call.decoder(answer, unshown=True)
            limit = config.max_response_bytes
            try:
                with answer:
                    yield ReadBody(answer.request, answer.response, decoder, limit)
                    decoder.close()
            except ConnectionFailedError as failed:
                if not decoder.done:
                    _broken(call, answer, decoder, failed)
                else:
                    decoder.close()
            except APIError as error:
                yield from retries.wait(answer.failure(error))
                continue
            return decoder

    def _answered(self, call: _Call, decoder: ChatDecoder) -> Completion:
        """Return a whole answer, and note what it says of itself."""
        call.note_thoughts(decoder)
        completion = decoder.completion()
        call.entry.answered(None, completion.usage, completion.request_id)
        if completion.finish_reason == "length" and not says_anything(completion):
            warn_once(
                (self.spec.name, call.model, "nothing but thoughts"),
                f"{self.spec.title}: model {shown(call.model)} has used up max_tokens before the "
                "first word of its answer, which is empty (finish_reason='length'): its thoughts "
                "count too. Raise max_tokens, or lower reasoning_effort where the model knows it",
                UserWarning,
            )
        return completion

    # -- embeddings -----------------------------------------------------------------------------

    def _asked(
        self,
        model: str | None,
        dimensions: int | None,
        encoding_format: str | None,
        allow_undocumented: bool,
        options: Mapping[str, Any],
    ) -> tuple[ClientConfig, dict[str, Any]]:
        """Return what all batches of texts have in common: configuration, and the body's fields."""
        config, own = self._options(options)
        config.require_arguments()
        model = require_embeddings(config.spec, model, allow_undocumented=allow_undocumented)
        asked: dict[str, Any] = {"model": model}
        if dimensions is not None:
            asked["dimensions"] = dimensions
        check_encoding(encoding_format)
        if encoding_format is not None:
            asked["encoding_format"] = encoding_format
        refuse_content(own.extra_body, "input")
        asked.update(own.extra_body or {})
        if not _NUMBER_TYPES.isdisjoint(asked):  # of which base64 would be other bytes
            asked.setdefault("encoding_format", "float")
        if asked.get("dimensions") is not None:
            check_count("dimensions", asked["dimensions"])
        check_models(config.spec, asked, config.residency, config.trusted_models)
        return config, asked

    def _embed(
        self,
        config: ClientConfig,
        batch: Batch,
        asked: Mapping[str, Any],
        *,
        arrays: bool = False,
        halve: bool = True,
    ) -> Flow[_Embedded]:
        """Return a batch's vectors, or as many as came before an error."""
        where, server = (config.base_url, asked["model"]), (config.base_url, None)
        if halve and len(batch.texts) > runtime.texts_at_once(where, batch.texts):
            return (yield from self._embed_halves(config, batch, asked, arrays=arrays))
        base64 = config.spec.embeddings.base64 and "encoding_format" not in asked
        base64 = base64 and "encoding_format" not in runtime.refused_by(server)
        vectors = partial(self._vectors, config, batch, asked, arrays=arrays)
        try:
            return (yield from vectors(base64=base64))
        except APIError as error:
            too_large = len(batch.texts) > 1 and is_too_large(error, batch)
            if too_large and halve:
                halves = yield from self._embed_halves(config, batch, asked, arrays=arrays)
                if halves.error is None:
                    runtime.note_too_large(where, batch.texts)
                return halves
            unsure = base64 and where not in runtime.sure_of_base64 and error.status_code != 500
            if unsure and not too_large and may_refuse_base64(error):
                with suppress(APIError):  # the first error says more than that of a second try
                    found = yield from vectors(base64=False)
                    if not any(url == config.base_url for url, _ in tuple(runtime.gave_base64)):
                        runtime.refused.add((server, "encoding_format"))
                    return found
                if where in runtime.gave_base64:
                    runtime.sure_of_base64.add(where)
            if error.status_code in {400, 422} and (blanks := batch.blanks()):
                error.add(blanks)
            error.add_note(f"while embedding {batch}")
            return _Embedded([], error)

    def _embed_halves(
        self, config: ClientConfig, batch: Batch, asked: Mapping[str, Any], *, arrays: bool
    ) -> Flow[_Embedded]:
        whole, lengths = _Embedded([]), set[int]()
        for half in batch.halves():
            part = yield from self._embed(config, half, asked, arrays=arrays)
            if differs := differing(config.spec, part.vectors, lengths, f"embedding {batch}: "):
                part = _Embedded([], differs, tokens=part.tokens)
            whole.vectors += part.vectors
            whole.error = part.error
            whole.tokens += part.tokens
            if part.error is not None:
                break
        return whole

    def _vectors(
        self,
        config: ClientConfig,
        batch: Batch,
        asked: Mapping[str, Any],
        *,
        base64: bool,
        arrays: bool,
    ) -> Flow[_Embedded]:
        config = yield from in_workspace(config)
        operation = Operation(
            url=config.base_url + config.spec.embeddings.path,
            # Plain text is sent, never token ids.
            body={"input": batch.texts, **asked},
            optional={"encoding_format": "base64"} if base64 else {},
            expects="embeddings",
        )
        gate = gate_of(config)
        guessed = gate.guess(batch.texts) if gate is not None else 0
        with _audited(config, "embeddings", asked["model"]) as entry:
            result, answer = yield from decoded(
                config,
                operation,
                lambda body, _: decode_embeddings(
                    config.spec, body, batch, dimensions=asked.get("dimensions"), arrays=arrays
                ),
                gate,
                guessed,
            )
            private = partial(secrets_of, config, operation, answer.token)
            model = said_model(result.model, asked["model"], private)
            entry.answered(model, result.usage, answer.request_id)
        if model is not None:  # vectors of two models cannot be compared
            warn_of_other_model(config.spec, asked["model"], model)
            _check_model(config, asked["model"], model)
        if base64:
            runtime.gave_base64.add((config.base_url, asked["model"]))
        tokens = total_tokens(result.usage)
        if gate is not None and tokens:
            gate.correct(guessed, tokens)
        return _Embedded(result.vectors, tokens=tokens)

    # -- reranking and assistants ---------------------------------------------------------------

    def _rerank(
        self,
        query: str,
        documents: Iterable[str],
        top_n: int | None,
        given: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> Flow[list[RerankResult]]:
        config, own = self._options(options)
        config.require_arguments()
        asked = build_rerank(
            config.spec,
            query,
            documents,
            top_n=top_n,
            extra_body=own.extra_body,
            residency=config.residency,
            trusted_models=config.trusted_models,
            **given,
        )
        results: list[RerankResult] = []
        for batch in asked.batches:
            results += yield from self._scores(config, asked, batch)
        return best(results, top_n)

    def _scores(
        self, config: ClientConfig, asked: RerankRequest, batch: Batch
    ) -> Flow[list[RerankResult]]:
        operation = Operation(
            url=config.base_url + asked.path,
            body={**asked.fields, "documents": batch.texts},
            expects="a ranking",
            not_found=f"POST {asked.path} is {asked.source}",
        )
        try:
            with _audited(config, "rerank", asked.model) as entry:
                (results, model), answer = yield from decoded(
                    config, operation, lambda body, _: decode_rerank(config.spec, body, batch)
                )
                private = partial(secrets_of, config, operation, answer.token)
                model = said_model(model, asked.model, private)
                entry.answered(model, request_id=answer.request_id)
        except APIStatusError as error:
            if len(batch.texts) == 1 or not is_too_large(error, batch):
                raise
        else:
            _check_model(config, asked.model, model)
            return results
        parts: list[RerankResult] = []
        for half in batch.halves():
            parts += yield from self._scores(config, asked, half)
        return parts

    def _assistants(self, config: ClientConfig) -> Flow[list[Assistant]]:
        support = require_assistants(config.spec)
        operation = Operation(
            method="GET",
            url=config.url(support.url),
            expects="a list of assistants",
            not_found=f"the list of assistants is {support.source}",
        )
        found, _ = yield from decoded(
            config, operation, lambda body, _: decode_assistants(config.spec, body)
        )
        return found

    def _run_assistant(
        self,
        assistant_id: str,
        messages: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any],
    ) -> Flow[AssistantAnswer]:
        config, own = self._options(options)
        spec = config.spec
        support = require_assistants(spec)
        assistant_id = require_assistant(
            spec, assistant_id, config.residency, config.trusted_models
        )
        path, fields = build_run(spec, assistant_id, messages)
        body = {**fields, **(own.extra_body or {})}
        check_models(spec, body, config.residency, config.trusted_models)
        operation = Operation(
            url=config.url(support.url) + path,
            body=body,
            not_found=f"assistants() lists those there are; their address is {support.source}",
        )
        with _audited(config, f"assistant {assistant_id}", None) as entry:
            said, answer = yield from decoded(
                config,
                operation,
                lambda body, answer: decode_run(spec, body, request_id=answer.request_id),
            )
            model = said_model(
                said.model, None, partial(secrets_of, config, operation, answer.token)
            )
            entry.answered(model, said.usage, said.request_id)
        _check_model(config, assistant_id, model)
        return said

    # -- lists and health -----------------------------------------------------------------------

    def known_model(self, model: str) -> Model:
        """Return what is known of a model, without a request.

        The vendor's model list says it, once this process has read it for the account, by
        ``models()``; else the catalogue. Raises ConfigurationError for what is no id of a model.
        """
        model = require_model(self.spec, model)
        _, listed = runtime.model_list(settled(self.config).account)
        return find_model(listed or (), model) or self.spec.model(model)

    def warn_unless_listed(self, model: str) -> None:
        """Tell once of a model that the vendor's model list does not name, if that was read."""
        config = settled(self.config)
        _, listed = runtime.model_list(config.account)
        if listed and not find_model(listed, model):
            warn_once(
                (config.base_url, model, "not in the model list"),
                f"{self.spec.title}'s model list does not name model {model!r}: the catalogue's "
                "word is taken; Client.models() shows the list",
                ModelListWarning,
            )

    def _models(self, config: ClientConfig) -> Flow[list[Model]]:
        """Return the vendor's list, or its catalogue if there is no list to be had."""
        spec, why = config.spec, "there is none at its address"
        if spec.models_url is None:
            return list(spec.models)
        config = yield from in_workspace(config)
        until, kept = runtime.model_list(config.account)
        if kept is not None or until < time.monotonic():
            try:
                return (yield from self._list(config))
            except APIStatusError as error:
                if error.status_code not in _NO_LIST | {403}:
                    raise
                why = error.message
        warn_once(
            (config.base_url, "model list"),
            f"{spec.title}'s model list cannot be had, its known models are taken: {why}",
            ModelListWarning,
        )
        return list(spec.models)

    def _listed(self, config: ClientConfig) -> Flow[list[Model]]:
        """Return the vendor's list, kept for a while; an empty one if it cannot be had."""
        until, kept = runtime.model_list(config.account)
        if until >= time.monotonic():
            return kept or []
        try:
            return (yield from self._list(aside(config)))
        except APIError as error:
            if error.status_code not in _NO_LIST:
                _keep(config, [], MODEL_LIST_RETRY_SECONDS)
            return []

    def _list(self, config: ClientConfig) -> Flow[list[Model]]:
        try:
            found = yield from read_list(config, read_models(config.spec))
        except APIError as error:
            if error.status_code in _NO_LIST:
                _keep(config, None, MODEL_LIST_SECONDS)
            raise
        _keep(config, found, MODEL_LIST_SECONDS)
        return found

    def _quotas(self, config: ClientConfig) -> Flow[list[Quota]]:
        config = yield from in_workspace(config)
        return (
            yield from read_list(
                config, read_quotas(config.spec, config.arguments, datetime.now(UTC))
            )
        )

    def _workspaces(self, config: ClientConfig) -> Flow[list[Workspace]]:
        return (yield from read_list(config, read_workspaces(config.spec)))

    def _health(self, config: ClientConfig) -> Flow[dict[str, Any]]:
        config = yield from in_workspace(config)
        return (yield from read_list(config, read_health(config.spec)))

    # -- images ---------------------------------------------------------------------------------

    def _generate_image(
        self,
        prompt: str,
        model: str | None,
        save_to: str | Path | None,
        allow_image_url: Callable[[str], bool] | None,
        params: Mapping[str, Any],
    ) -> Flow[GeneratedImage]:
        options, params = RequestOptions.split(params)
        config, extra = options.apply(self.config), options.extra_body or {}
        model, params = extra.get("model", model), {**params, **extra}
        refuse_content(extra, "prompt")
        _check_image_request(config, prompt, model, save_to, allow_image_url, params)
        target = None if save_to is None else (yield RunInThread(lambda: _writable(Path(save_to))))
        config = yield from in_workspace(config)
        fields = {"prompt": prompt, **params, "model": model and model_id(model)}
        asked = {
            name: value for name, value in fields.items() if value is not None or name in extra
        }
        operation = Operation(
            url=config.url(f"{config.spec.base_url}{config.spec.images_path}"),
            body=asked,
            expects="an image",
        )
        with _audited(config, "image", model) as entry:
            try:
                flow = decoded(config, operation, lambda body, _: decode_image(config.spec, body))
                image, answer = yield from explained(config, operation, flow)
            except APIError as error:
                name_fact(config.spec, error, "image")
                raise
            entry.answered(request_id=answer.request_id)
        if target is None:
            return image
        data = image.data
        if data is None:
            try:
                data = yield from _image_at(config, str(image.url), allow_image_url)
            except APIError as error:  # it is paid for
                mask_answer(error, config, operation, answer)
                error.image = image
                error.add("the image is made: this error's `image` has its address")
                raise
        try:
            return (yield RunInThread(partial(_saved, image, data, target)))
        except OSError as error:  # it is paid for: a full disk does not lose it
            said = f"save_to={shown(str(target))} cannot be written to: {error.strerror}"
            warn_once(said, f"{said}; the image is in .data", UserWarning)
            return replace(image, data=data)


def _image_at(config: ClientConfig, url: str, allow: Callable[[str], bool] | None) -> Flow[bytes]:
    """Return an image from its address; whatever goes wrong, it is paid for and must not be lost.

    The address is the vendor's store: it gets neither the key nor our headers.
    """
    limit = min(config.max_response_bytes, MAX_IMAGE_BYTES)
    bounded = replace(config, max_response_bytes=limit)
    try:
        operation = yield RunInThread(partial(image_operation, config, url, allow))
        data, answer = yield from fetch(bounded, operation, None)
    except APIError:
        raise
    except Exception as error:  # the user's function failed, or a proxy cannot be used
        why = str(error) if isinstance(error, DsgvoError) else type(error).__name__
        what = f"{config.spec.title}: the image's address could not be asked: {why}"
        raise APIConnectionError(what, provider=config.spec.name) from error
    said = answer.response.headers.get("content-type", "")
    check_image(config.spec, data, said, " at its address")
    return data


def _keep(config: ClientConfig, found: list[Model] | None, seconds: float) -> None:
    """Keep the account's model list; ``None`` says that the vendor has none at its address."""
    runtime.keep(runtime.model_lists, config.account, (time.monotonic() + seconds, found))


def _audited(config: ClientConfig, task: str, model: str | None) -> AuditEntry:
    return AuditEntry(config.spec, urlsplit(config.base_url).netloc, task, model, config.purpose)


def _check_model(config: ClientConfig, asked: str, answered: str | None) -> None:
    """Warn, once, if another model has answered and runs at a place that is not accepted."""
    if not answered or answered == asked:
        return
    warning = answered_elsewhere(
        config.spec, asked, answered, config.residency, config.trusted_models
    )
    if warning is not None:
        warn_once((config.spec.name, asked, answered), warning, ResidencyWarning)


def _begun(answer: Answer, decoder: ChatDecoder, chunks: Chunks) -> Flow[_Begun]:
    """Read the first piece of an answer."""
    while True:
        data: bytes | None = yield ReadChunk(chunks)
        if data is None:
            return _Begun(answer, decoder, decoder.close(), None)
        if (deltas := decoder.feed(data)) or decoder.done:
            return _Begun(answer, decoder, iter(deltas), chunks)


def _broken(
    call: _Call, answer: Answer, decoder: ChatDecoder, failed: ConnectionFailedError
) -> list[Delta]:
    """Return the last deltas of an answer that is whole or goes on, though its connection broke."""
    try:
        return decoder.fail(connection_error(call.config, failed, call.operation))
    except DsgvoError as error:
        tell_late(call.config, error, answer.started)
        raise error from failed.__cause__


def _told(call: _Call, flow: Flow[_T]) -> Flow[_T]:
    """Add to an error what lists say of it and, if the rest was asked for, what had come."""
    flow = explained(call.config, call.operation, flow)
    return flow if call.before is None else _with_part(call.before, flow)


def _with_part(before: Completion, flow: Flow[_T]) -> Flow[_T]:
    try:
        return (yield from flow)
    except IncompleteStreamError:
        raise
    except APIError as error:
        raise IncompleteStreamError(
            f"the answer was cut, and its rest could not be had: {error.message}",
            partial=before,
            provider=error.provider,
            status_code=error.status_code,
            code=error.code,
            request_id=error.request_id,
            retry_after=error.retry_after,
        ) from error


@dataclass(slots=True)
class _Embedded:
    """Vectors of a batch, and the tokens that the vendor counted; those before an error."""

    vectors: list[Any]
    error: APIError | None = None
    tokens: int = 0


def _check_image_request(
    config: ClientConfig,
    prompt: str,
    model: str | None,
    save_to: str | Path | None,
    allow_image_url: Callable[[str], bool] | None,
    params: Mapping[str, Any],
) -> None:
    spec = config.spec
    if spec.images_path is None:
        raise CapabilityError(
            f"{spec.title} documents no image generation ({spec.page})", provider=spec.name
        )
    if not isinstance(prompt, str) or not prompt.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError("prompt is empty or not a str: describe the image")
    if save_to is not None and not isinstance(save_to, str | Path):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"save_to is a {type(save_to).__name__}: use a path")
    if allow_image_url is not None and not callable(allow_image_url):
        raise ConfigurationError("allow_image_url is no function: it takes an address")
    if (n := params.get("n")) is not None and n != 1:
        raise CapabilityError(
            f"n={shown(n)}: one image a request is read: call generate_image() again",
            provider=spec.name,
        )
    if model is None and config.residency == "strict":
        raise ResidencyError(
            f"model is missing: {spec.title} does not say which model makes images then, "
            "and residency='strict' refuses that: pass one that is among trusted_models",
            provider=spec.name,
        )
    asked = {**params, "model": model if model is None else model_id(model)}
    check_models(spec, asked, config.residency, config.trusted_models)


def _writable(target: Path) -> Path:
    """Return where an image is to be saved, if that can be: it is asked for and paid first."""
    try:
        target = target.expanduser()
        folder = target.parent
        with suppress(FileNotFoundError):
            target.lstat()
        if not folder.is_dir():
            raise ConfigurationError(f"save_to={shown(str(target))}: the folder does not exist")
        writable = os.access(target if target.exists() else folder, os.W_OK)
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, a home unknown
        writable = False
    if not writable:
        raise ConfigurationError(f"save_to={shown(str(target))} cannot be written to")
    return target


_SUFFIXES: dict[str | None, str] = {
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/avif": ".avif",
}


def _saved(image: GeneratedImage, data: bytes, target: Path) -> GeneratedImage:
    """Write an image to a file, or to a new one in a folder, where nothing is overwritten."""
    if not target.is_dir():
        target.write_bytes(data)
        return replace(image, data=data, path=target)
    suffix = _SUFFIXES.get(mime_type_of(data), ".png")
    number = 1
    while True:
        path = target / f"image-{number}{suffix}"
        with suppress(FileExistsError), path.open("xb") as file:
            file.write(data)
            return replace(image, data=data, path=path)
        number += 1


class Client(BaseClient):
    """A vendor's API, for threads. Safe to share between them; holds no connection of its own.

    Args:
        provider: ``"innogpt"``, ``"meingpt"``, ``"neuroflash"`` or ``"sovrgpt"``.
        api_key: The vendor's key; else the provider's environment variable, such as
            ``SOVRGPT_API_KEY``. Or a function that gives it and is called before each request, an
            async one for calls with ``await``.
        base_url: The path before ``/chat/completions``, if not the vendor's own.
        workspace_id: neuroflash only, and required there; else ``NEUROFLASH_WORKSPACE_ID``.
            ``"auto"`` asks for the account's workspaces and takes the only one.
        client_id: neuroflash only: OAuth2 client credentials in place of a key.
        client_secret: See ``client_id``.
        timeout: Seconds of silence after which a request fails, above 0; ``None``: never. The
            default of 600 is for models that think for minutes before their first word: a server
            that hangs is noticed as late. A stream may last longer, as long as something comes, be
            it a comment that keeps the connection open.
        max_retries: How often a request is made again, 0 or more.
        default_headers: Further headers of every request.
        default_query: Parameters that are added to the address of every request.
        include_response_headers: Keep the headers of chat answers in ``Completion.headers``, all or
            those named; never cookies and what signs in.
        purpose: What requests are for, in the audit trail alone (:mod:`dsgvo.audit`).
        strict: Refuse parameters that the vendor ignores, instead of warning once.
        residency: ``"eu"`` (the default; else ``DSGVO_RESIDENCY``) refuses models that the vendor
            says run elsewhere, ``"strict"`` also those of which it does not say, ``"any"`` none.
        trusted_models: Ids of models that you have checked yourself.
        rate_limit: ``"adaptive"``: embeddings and whole chat answers go as fast as the vendor
            takes them, in step with all objects of this process that have the same key; or a
            :class:`Gate` of your own. By default no request waits for another.
        max_response_bytes: Bytes, decompressed, after which an answer is refused, 1 or more. JSON
            of many small objects takes 35 times its bytes in memory.
        http_transport: An ``httpx.BaseTransport`` of your own for all requests of threads, such as
            ``httpx.HTTPTransport(verify=…, cert=…, proxy=…)`` or ``httpx.MockTransport(…)``. All
            rules of this package hold above it, and it is never closed. Over HTTP/2 a connection's
            answers share it: one that is left goes on at the server; a time-out, or the server's
            GOAWAY, ends all, those that have begun with an error.
        http_async_transport: The same for event loops, an ``httpx.AsyncBaseTransport``.

    Every call takes ``timeout``, ``max_retries``, ``extra_headers``, ``extra_query`` and
    ``extra_body`` for its own request, as :class:`RequestOptions` says.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> client = Client("sovrgpt")
        >>> completion = client.chat([{"role": "user", "content": "Hallo!"}], model="qwen3.5-9b")
        >>> completion.finish_reason
        'stop'
    """

    def chat(
        self,
        /,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str | None = None,
        stream_usage: bool = True,
        send_reasoning: bool | None = True,
        continue_cut_answers: int = 0,
        **params: Any,
    ) -> Completion:
        """Return the answer to a conversation.

        Args:
            messages: The conversation in OpenAI's form, oldest first.
            model: The vendor's model id.
            stream_usage: Ask for usage where the model streams unasked.
            send_reasoning: Whether ``reasoning_content`` and ``reasoning_details`` of earlier
                turns are sent, and what else came with their calls of tools; ``None``: once the
                server has said that it wants them.
            continue_cut_answers: How often the rest is asked for of an answer that was cut, by a
                missing end or by ``length``: 0 or more. The text so far is sent back and a stream
                asked for; an answer that calls tools is never continued.
                ``Completion.continued`` says how often it was.
            **params: ``temperature`` (0 to 2), ``max_tokens`` (1 or more), ``stop``, ``tools``,
                ``tool_choice``, ``response_format`` and whatever else the vendor takes; and
                the options of :class:`RequestOptions`.

        Raises:
            ConfigurationError: If an argument is wrong; nothing is sent.
            APIError: If there is no whole, valid answer.
        """
        call = self._chat(
            messages,
            model,
            params,
            stream_usage=stream_usage,
            send_reasoning=send_reasoning,
            continue_cut_answers=continue_cut_answers,
        )
        return run(self._complete(call))

    def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str | None = None,
        stream_usage: bool = True,
        send_reasoning: bool | None = True,
        continue_cut_answers: int = 0,
        **params: Any,
    ) -> Generator[Delta]:
        """Yield the answer piece by piece; arguments as for :meth:`chat`.

        Leaving the loop early frees the connection.

        Raises:
            ConfigurationError: If an argument is wrong; nothing is sent.
            IncompleteStreamError: If the stream ends early; ``partial`` holds what had come.
            APIError: If there is no valid answer.

        Examples:
            >>> messages = [{"role": "user", "content": "Hallo!"}]
            >>> deltas = list(Client("sovrgpt").stream(messages, model="qwen3.5-9b"))
            >>> next(delta.finish_reason for delta in deltas if delta.finish_reason)
            'stop'
        """
        call = self._chat(
            messages,
            model,
            params,
            stream=True,
            stream_usage=stream_usage,
            send_reasoning=send_reasoning,
            continue_cut_answers=continue_cut_answers,
        )
        return self._stream(call, copy_context())

    def _stream(self, call: _Call, context: Context) -> Generator[Delta]:
        with call.entry:
            while True:
                # A web service reads it elsewhere, where a function would give another's key.
                begun = context.run(run, self._begin(call))
                yield from self._pieces(call, begun)
                if not begun.decoder.cut:
                    break
                call = call.going_on(begun.decoder)
            self._answered(call, begun.decoder)

    def _pieces(self, call: _Call, begun: _Begun) -> Generator[Delta]:
        answer, decoder, chunks = begun.answer, begun.decoder, begun.chunks
        keep = decoder.done
        try:
            yield from begun.deltas
            if chunks is not None:
                if not keep:
                    for data in chunks:
                        yield from decoder.feed(data)
                        if decoder.done:
                            keep = True
                            break
                yield from decoder.close()
        except ConnectionFailedError as failed:
            yield from _broken(call, answer, decoder, failed)
        except IncompleteStreamError as error:
            tell_late(call.config, error, answer.started)
            raise
        finally:
            if chunks is not None:
                _pools.finish(answer.request, answer.response, chunks, keep=keep)

    def embed(
        self,
        texts: Iterable[str],
        *,
        model: str | None = None,
        dimensions: int | None = None,
        batch_size: int = MAX_BATCH_TEXTS,
        max_batch_bytes: int = MAX_BATCH_BYTES,
        max_concurrency: int = DEFAULT_MAX_CONCURRENCY,
        allow_undocumented: bool = False,
        encoding_format: Literal["base64", "float"] | None = None,
        on_empty: OnEmpty = "error",
        **options: Unpack[Options],
    ) -> Generator[list[float]]:
        """Yield one vector a text, in order, with several requests at once.

        Texts are read and vectors kept only as far as the requests under way need, so any number
        of texts can be embedded in bounded memory.

        Args:
            texts: What to embed; none may be empty, unless ``on_empty`` says what then.
            model: The vendor's embedding model id; by default the one that its page names.
            dimensions: Length of the vectors, 1 or more, where the model can shorten them.
            batch_size: Texts a request, 1 or more.
            max_batch_bytes: UTF-8 bytes of text a request, 1 or more.
            max_concurrency: Requests at once, 1 or more.
            allow_undocumented: Use the OpenAI-shaped path of a vendor that documents none.
            encoding_format: How vectors travel: ``"base64"``, a fifth of the bytes, ``"float"``,
                for servers that cannot do it, or by default what the server turns out to take.
            on_empty: What becomes of a blank text: ``"error"``, ``"zero"`` for a vector of zeros
                in its place, or ``"skip"`` for none, so that there are fewer vectors than texts.
            **options: As in :class:`RequestOptions`.

        Raises:
            ConfigurationError: If a text is empty or an argument wrong. For a list this is raised
                before anything is sent; for a generator, as what it raises, after the vectors of
                the requests before.
            CapabilityError: If the vendor documents no embeddings.
            APIError: If vectors are missing or wrong.

        Examples:
            >>> vectors = list(Client("meingpt").embed(["Guten Tag", "Auf Wiedersehen"]))
            >>> len(vectors), len(vectors[0])
            (2, 3072)
        """
        config, asked = self._asked(model, dimensions, encoding_format, allow_undocumented, options)
        cut = batches(texts, max_texts=batch_size, max_bytes=max_batch_bytes, on_empty=on_empty)
        check_count("max_concurrency", max_concurrency)

        def embed(batch: Batch) -> _Embedded:
            return run(self._embed(config, batch, asked))

        return _embed_ahead(embed, cut, max_concurrency, self.spec)

    def models(self, **options: Unpack[Options]) -> list[Model]:
        """Return the vendor's models: from its list where it has one, else from its page.

        A list that cannot be had (403, 404, 405) is told by a :class:`ModelListWarning`, and what
        is known of the vendor's models stands in for it.

        Returns:
            What is known of each; ``source`` says where from.

        Examples:
            >>> "qwen3.5-9b" in [model.id for model in Client("sovrgpt").models()]
            True
        """
        return run(self._models(self._options(options)[0]))

    def quotas(self, **options: Unpack[Options]) -> list[Quota]:
        """Return what the neuroflash workspace may use, has used and has left.

        Raises:
            CapabilityError: At a vendor without quotas to be read.

        Example:
            >>> [quota.kind for quota in Client("neuroflash").quotas()]
            ['tokens', 'images']
        """
        return run(self._quotas(self._options(options)[0]))

    def workspaces(self, **options: Unpack[Options]) -> list[Workspace]:
        """Return the neuroflash workspaces that the account can use.

        Raises:
            CapabilityError: At a vendor without workspaces.

        Examples:
            >>> [workspace.name for workspace in Client("neuroflash").workspaces()]
            ['Emulator']
        """
        return run(self._workspaces(self._options(options)[0]))

    def rerank(
        self,
        query: str,
        documents: Iterable[str],
        top_n: int | None = None,
        *,
        model: str | None = None,
        batch_size: int = MAX_BATCH_DOCUMENTS,
        max_batch_bytes: int = MAX_BATCH_BYTES,
        **options: Unpack[Options],
    ) -> list[RerankResult]:
        """Return how well documents fit a query, the best first.

        Seen in a program that calls SovrGPT's service, in Cohere's form; not documented.

        Args:
            query: What the documents are to fit.
            documents: Texts; none may be empty. An empty list costs no request.
            top_n: How many results to return, 1 or more; by default all.
            model: The reranking model's id; by default the one that was seen.
            batch_size: Documents a request, 1 or more. Scores of several requests are comparable,
                since such a model looks at one document at a time.
            max_batch_bytes: UTF-8 bytes of documents a request, 1 or more.
            **options: As in :class:`RequestOptions`.

        Returns:
            Results with the document's ``index`` among ``documents`` and its ``relevance_score``.

        Raises:
            ConfigurationError: If an argument is wrong; nothing is sent.
            CapabilityError: At a vendor that is not known to rerank.
            NotFoundError: If the account has no reranking.
            APIResponseError: If a score is missing, doubled, out of range or unreadable.

        Examples:
            >>> documents = ["Das Tagegeld beträgt 28 Euro.", "Allen stehen 30 Tage Urlaub zu."]
            >>> [best] = Client("sovrgpt").rerank("Wie viel Urlaub gibt es?", documents, top_n=1)
            >>> documents[best.index]
            'Allen stehen 30 Tage Urlaub zu.'
        """
        given = {"model": model, "batch_size": batch_size, "max_batch_bytes": max_batch_bytes}
        return run(self._rerank(query, documents, top_n, given, options))

    def assistants(self, **options: Unpack[Options]) -> list[Assistant]:
        """Return the assistants of the account's organisation (meinGPT, by a public page).

        Raises:
            CapabilityError: At a vendor that is not known to have assistants.

        Examples:
            >>> [assistant.id for assistant in Client("meingpt").assistants()]
            ['emulator-1', 'emulator-2']
        """
        return run(self._assistants(self._options(options)[0]))

    def run_assistant(
        self,
        assistant_id: str,
        messages: Sequence[Mapping[str, Any]],
        **options: Unpack[Options],
    ) -> AssistantAnswer:
        """Return an assistant's answer to a conversation.

        Seen in a program that calls meinGPT's service; not documented. How the conversation is
        parted into the body's ``message`` and ``messages`` is inferred; ``extra_body`` overrides
        either.

        Args:
            assistant_id: Its id, from :meth:`assistants`.
            messages: Texts of ``user``, ``assistant`` and ``system``, oldest first; the last one is
                the user's.
            **options: As in :class:`RequestOptions`.

        Raises:
            ConfigurationError: If an argument is wrong; nothing is sent.
            CapabilityError: If a message is not a text, or the vendor has no assistants.
            ResidencyError: With ``residency="strict"``, unless ``trusted_models`` has the id.
            NotFoundError: If there is no such assistant.

        Examples:
            >>> messages = [{"role": "user", "content": "Hallo!"}]
            >>> answer = Client("meingpt").run_assistant("emulator-1", messages)
            >>> answer.text != "", sorted(answer.usage)[-2:]
            (True, ['input_tokens', 'output_tokens'])
        """
        return run(self._run_assistant(assistant_id, messages, options))

    def health(self, **options: Unpack[Options]) -> dict[str, Any]:
        """Return what neuroflash's service says of its health.

        Raises:
            CapabilityError: At a vendor that documents no such address.
            APIError: If the service cannot be reached or reports an error.

        Examples:
            >>> Client("neuroflash").health()["status"]
            'ok'
        """
        return run(self._health(self._options(options)[0]))

    def generate_image(
        self,
        prompt: str,
        *,
        model: str | None = None,
        save_to: str | Path | None = None,
        allow_image_url: Callable[[str], bool] | None = None,
        **params: Any,
    ) -> GeneratedImage:
        r"""Return an image made after a prompt (innoGPT: "Bild-Generierung").

        Args:
            prompt: What the image shows.
            model: The vendor's model id; its page shows requests without one.
            save_to: File to write the image to, or a folder, where it becomes ``image-1.png`` and
                so on and nothing is overwritten. An address is fetched for it, without the key.
            allow_image_url: Decides whether an image's address is fetched. By default only https
                is, from public addresses, or whatever leads to this machine if ``base_url`` does.
            **params: Further body fields, and the options of :class:`RequestOptions`. The page
                documents ``prompt`` alone.

        Raises:
            CapabilityError: At a vendor that documents no image generation.
            ConfigurationError: If the prompt is empty or ``save_to`` cannot be written.
            APIError: If the vendor fails; or if the image is made and cannot be fetched, with the
                image and its address in ``image``.

        Examples:
            >>> Client("innogpt").generate_image("ein minimalistisches App-Icon").data[:4]
            b'\x89PNG'
        """
        return run(self._generate_image(prompt, model, save_to, allow_image_url, params))


class _Ahead:
    """A batch that a thread of its own embeds; one that nobody waits for any more ends at once."""

    def __init__(self, embed: Callable[[Batch], _Embedded], batch: Batch) -> None:
        self._stop = threading.Event()
        self.batch = batch
        self.future = Future[_Embedded]()
        # A daemon: the end of the program waits for none.
        self._thread = threading.Thread(
            # In the caller's context, by which a function may know whose key it is to give.
            target=copy_context().run,
            args=(self._work, embed, batch, running_loop()),
            name="dsgvo-embed",
            daemon=True,
        )
        self._thread.start()

    def _work(
        self,
        embed: Callable[[Batch], _Embedded],
        batch: Batch,
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        held_up.set(loop)
        _pools.given_up.set(self._stop)
        try:
            result = embed(batch)
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is wanted
            self.future.set_exception(error)
        else:
            self.future.set_result(result)

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None and not self.future.done():
            _pools.abort(self._thread.ident)


def _embed_ahead(
    embed: Callable[[Batch], _Embedded], cut: Iterator[Batch], workers: int, spec: Provider
) -> Generator[list[float]]:
    left = ReadAhead(cut)
    read = deque(filter(None, (left.next(), left.next())))
    if len(read) == 1:  # most calls: a query, or a few texts
        only = read.pop()
        yield from _drained(embed(only), only, spec, set())
    lengths = set[int]()
    pending: deque[_Ahead] = deque()
    try:
        while True:
            while len(pending) < workers and (batch := read.popleft() if read else left.next()):
                pending.append(_Ahead(embed, batch))
            if not pending:
                left.end()
                return
            yield from _drained(pending[0].future.result(), pending[0].batch, spec, lengths)
            pending.popleft()
    finally:
        for ahead in pending:
            ahead.stop()


def _drained(
    embedded: _Embedded, batch: Batch, spec: Provider, lengths: set[int]
) -> Iterator[list[float]]:
    """Yield vectors and let go of each, so that a reader who keeps none holds none.

    Raises:
        APIResponseError: If they are not as long as those before; ``lengths`` goes from batch to
            batch.
    """
    vectors = embedded.vectors
    if differs := differing(spec, vectors, lengths, f"embedding {batch}: "):
        raise differs
    vectors.reverse()
    dimensions = len(vectors[0]) if vectors else 0
    zeros, place = deque(batch.zeros), 0
    while vectors or (zeros and embedded.error is None):
        if zeros and zeros[0] == place:
            zeros.popleft()
            yield [0.0] * dimensions
        else:
            yield vectors.pop()
        place += 1
    if embedded.error is not None:
        raise embedded.error


class AsyncClient(BaseClient):
    """A vendor's API, for event loops: :class:`Client` with ``await``.

    One object serves several loops, at once or one after another.

    Examples:
        >>> import asyncio
        >>> async def ask() -> str:
        ...     client = AsyncClient("sovrgpt")
        ...     messages = [{"role": "user", "content": "Hallo!"}]
        ...     return (await client.chat(messages, model="qwen3.5-9b")).finish_reason
        >>> asyncio.run(ask())
        'stop'
    """

    async def chat(
        self,
        /,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str | None = None,
        stream_usage: bool = True,
        send_reasoning: bool | None = True,
        continue_cut_answers: int = 0,
        **params: Any,
    ) -> Completion:
        """Return the answer to a conversation; see :meth:`Client.chat`."""
        call = self._chat(
            messages,
            model,
            params,
            stream_usage=stream_usage,
            send_reasoning=send_reasoning,
            continue_cut_answers=continue_cut_answers,
        )
        return await arun(self._complete(call))

    def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str | None = None,
        stream_usage: bool = True,
        send_reasoning: bool | None = True,
        continue_cut_answers: int = 0,
        **params: Any,
    ) -> AsyncGenerator[Delta]:
        """Yield the answer piece by piece; see :meth:`Client.stream`."""
        call = self._chat(
            messages,
            model,
            params,
            stream=True,
            stream_usage=stream_usage,
            send_reasoning=send_reasoning,
            continue_cut_answers=continue_cut_answers,
        )
        return self._stream(call)

    async def _stream(self, call: _Call) -> AsyncGenerator[Delta]:
        with call.entry:
            while True:
                begun = await arun(self._begin(call))
                async with aclosing(Owned(self._pieces(call, begun))) as pieces:
                    async for delta in pieces:
                        yield delta
                if not begun.decoder.cut:
                    break
                call = call.going_on(begun.decoder)
            self._answered(call, begun.decoder)

    async def _pieces(self, call: _Call, begun: _Begun) -> AsyncGenerator[Delta]:
        answer, decoder, chunks = begun.answer, begun.decoder, begun.chunks
        keep = decoder.done
        try:
            for delta in begun.deltas:
                yield delta
            if chunks is not None:
                if not keep:
                    async for data in chunks:
                        for delta in decoder.feed(data):
                            yield delta
                        if decoder.done:
                            keep = True
                            break
                for delta in decoder.close():
                    yield delta
        except ConnectionFailedError as failed:
            for delta in _broken(call, answer, decoder, failed):
                yield delta
        except IncompleteStreamError as error:
            tell_late(call.config, error, answer.started)
            raise
        finally:
            if chunks is not None:
                await _pools.afinish(answer.response, chunks, keep=keep)

    async def embed(
        self,
        texts: Iterable[str],
        *,
        model: str | None = None,
        dimensions: int | None = None,
        batch_size: int = MAX_BATCH_TEXTS,
        max_batch_bytes: int = MAX_BATCH_BYTES,
        max_concurrency: int = DEFAULT_MAX_CONCURRENCY,
        allow_undocumented: bool = False,
        encoding_format: Literal["base64", "float"] | None = None,
        on_empty: OnEmpty = "error",
        **options: Unpack[Options],
    ) -> AsyncGenerator[list[float]]:
        """Yield one vector a text, in order; see :meth:`Client.embed`."""
        config, asked = self._asked(model, dimensions, encoding_format, allow_undocumented, options)
        cut = batches(texts, max_texts=batch_size, max_bytes=max_batch_bytes, on_empty=on_empty)
        check_count("max_concurrency", max_concurrency)
        left = ReadAhead(cut)
        lengths = set[int]()
        pending: deque[tuple[asyncio.Task[_Embedded], Batch]] = deque()
        try:
            while True:
                while len(pending) < max_concurrency and (batch := left.next()):
                    flow = self._embed(config, batch, asked)
                    pending.append((asyncio.create_task(arun(flow)), batch))
                if not pending:
                    left.end()
                    return
                task, batch = pending[0]
                for vector in _drained(await task, batch, self.spec, lengths):
                    yield vector
                pending.popleft()
        finally:
            tasks = [task for task, _ in pending]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def embed_batch(
        self,
        texts: Sequence[str],
        *,
        model: str | None = None,
        dimensions: int | None = None,
        allow_undocumented: bool = False,
        encoding_format: Literal["base64", "float"] | None = None,
        halve: bool = True,
        **options: Unpack[Options],
    ) -> tuple[list[array[float]], int]:
        """Return the vectors of one request as arrays, and what it cost.

        Args:
            texts: As many as the vendor takes at once; none may be empty. More are asked for in
                halves, of which an error loses those that have come.
            model: As in :meth:`Client.embed`, like those that follow.
            dimensions: Length of the vectors.
            allow_undocumented: Use the path of OpenAI's API.
            encoding_format: How vectors travel.
            halve: Whether more than the vendor takes are asked for in halves, or are its error.
            **options: As in :class:`RequestOptions`.

        Returns:
            An ``array("f")`` a text, in order, and the tokens that the vendor counted, or 0.

        Raises:
            ConfigurationError: If an argument or a text is wrong; nothing is sent.
            APIError: If the vendor fails, or vectors are missing or wrong.

        Examples:
            >>> import asyncio
            >>> client = AsyncClient("innogpt")
            >>> vectors, tokens = asyncio.run(client.embed_batch(["Hallo"], dimensions=4))
            >>> vectors[0].typecode, len(vectors[0]), tokens > 0
            ('f', 4, True)
        """
        config, asked = self._asked(model, dimensions, encoding_format, allow_undocumented, options)
        check_texts(texts)
        done = await arun(self._embed(config, Batch(0, texts), asked, arrays=True, halve=halve))
        if done.error is not None:
            raise done.error
        return done.vectors, done.tokens

    async def models(self, **options: Unpack[Options]) -> list[Model]:
        """Return the vendor's models; see :meth:`Client.models`."""
        return await arun(self._models(self._options(options)[0]))

    async def quotas(self, **options: Unpack[Options]) -> list[Quota]:
        """Return what the workspace may use and has left; see :meth:`Client.quotas`."""
        return await arun(self._quotas(self._options(options)[0]))

    async def workspaces(self, **options: Unpack[Options]) -> list[Workspace]:
        """Return the workspaces that the account can use; see :meth:`Client.workspaces`."""
        return await arun(self._workspaces(self._options(options)[0]))

    async def rerank(
        self,
        query: str,
        documents: Iterable[str],
        top_n: int | None = None,
        *,
        model: str | None = None,
        batch_size: int = MAX_BATCH_DOCUMENTS,
        max_batch_bytes: int = MAX_BATCH_BYTES,
        **options: Unpack[Options],
    ) -> list[RerankResult]:
        """Return how well documents fit a query, the best first; see :meth:`Client.rerank`."""
        given = {"model": model, "batch_size": batch_size, "max_batch_bytes": max_batch_bytes}
        return await arun(self._rerank(query, documents, top_n, given, options))

    async def assistants(self, **options: Unpack[Options]) -> list[Assistant]:
        """Return the organisation's assistants; see :meth:`Client.assistants`."""
        return await arun(self._assistants(self._options(options)[0]))

    async def run_assistant(
        self,
        assistant_id: str,
        messages: Sequence[Mapping[str, Any]],
        **options: Unpack[Options],
    ) -> AssistantAnswer:
        """Return an assistant's answer; see :meth:`Client.run_assistant`."""
        return await arun(self._run_assistant(assistant_id, messages, options))

    async def health(self, **options: Unpack[Options]) -> dict[str, Any]:
        """Return what the service says of its health; see :meth:`Client.health`."""
        return await arun(self._health(self._options(options)[0]))

    async def generate_image(
        self,
        prompt: str,
        *,
        model: str | None = None,
        save_to: str | Path | None = None,
        allow_image_url: Callable[[str], bool] | None = None,
        **params: Any,
    ) -> GeneratedImage:
        """Return an image made after a prompt; see :meth:`Client.generate_image`."""
        return await arun(self._generate_image(prompt, model, save_to, allow_image_url, params))


@dataclass(slots=True, eq=False)
class ClientPair:
    """The clients of a model object, and the settings they were made of."""

    settings: dict[str, Any]
    sync: Client
    asynchronous: AsyncClient

    @classmethod
    def of(cls, kept: Self | None, provider: str, settings: dict[str, Any]) -> Self:
        """Return the pair that is kept, or another one if the settings have changed.

        A model object asks on each call, so that a changed or copied one never uses old keys.
        """
        if kept is not None and kept.settings == settings:
            return kept
        client = Client(provider, **settings)
        # Headers, a query or a list may be changed in place: kept is what they were.
        changing = {dict, list, set}
        known = {k: copy(v) if type(v) in changing else v for k, v in settings.items()}
        return cls(known, client, AsyncClient.over(client.config))

    def __eq__(self, other: object) -> bool:
        # What was kept says nothing about whether two model objects are the same.
        return isinstance(other, ClientPair)

    __hash__ = None  # pyright: ignore[reportAssignmentType]
