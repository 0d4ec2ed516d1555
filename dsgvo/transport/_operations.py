"""What each call asks for and how its answer is read, once for sync and async."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import SecretStr

from dsgvo.errors import APIError, CapabilityError, ConfigurationError, ResidencyError
from dsgvo.providers import Model, Provider
from dsgvo.transport._auth import tokens
from dsgvo.transport._connection import (
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT,
    Connection,
    check_image_url,
    resolve,
)
from dsgvo.transport._exchange import Operation, fetch, open_response, request_id
from dsgvo.transport._http import ConnectionFailedError
from dsgvo.transport._steps import Do, Flow, Read
from dsgvo.wire.chat import ChatDecoder, Completion
from dsgvo.wire.embeddings import (
    Batch,
    EmbeddingResult,
    decode_embeddings,
    embedding_body,
    is_too_large,
    join_results,
)
from dsgvo.wire.files import check_parts, images_refused, take_upload
from dsgvo.wire.models import (
    GeneratedImage,
    Workspace,
    check_image,
    decode_health,
    decode_image,
    decode_models,
    decode_workspaces,
)
from dsgvo.wire.private import private_texts
from dsgvo.wire.request import chat_body, check_objects, require_model
from dsgvo.wire.residency import Residency, check_residency

if TYPE_CHECKING:
    import httpx

__all__ = ["BaseClient"]

MODEL_LIST_SECONDS = 3600.0
"""How long a vendor's model list is believed when an image is to be sent."""

MODEL_LIST_TIMEOUT = 10.0
MODEL_LIST_RETRY_SECONDS = 60.0
"""After how long a list that could not be had is asked for again."""


class BaseClient:
    """Holds a connection's settings and says what each call does; no sockets."""

    connection: Connection

    def __init__(
        self,
        provider: str | Provider,
        *,
        api_key: str | SecretStr | None = None,
        base_url: str | None = None,
        workspace_id: str | None = None,
        client_id: str | None = None,
        client_secret: str | SecretStr | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        strict: bool = False,
        residency: Residency | None = None,
        trusted_models: Collection[str] = (),
    ) -> None:
        self.connection = resolve(
            provider,
            api_key=api_key,
            base_url=base_url,
            client_id=client_id,
            client_secret=client_secret,
            arguments={"workspace_id": workspace_id},
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            strict=strict,
            residency=residency,
            trusted_models=trusted_models,
        )

    @classmethod
    def over(cls, connection: Connection) -> Self:
        """Return a client with the settings of another one."""
        client = cls.__new__(cls)
        client.connection = connection
        return client

    def __repr__(self) -> str:
        connection = self.connection
        return f"{type(self).__name__}({connection.provider.name!r}, {connection.base_url!r})"

    @property
    def provider(self) -> Provider:
        """The spec of the provider that is talked to."""
        return self.connection.provider

    def _chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None,
        params: Mapping[str, Any],
        extra_body: Mapping[str, Any] | None,
        *,
        stream: bool,
        stream_usage: bool,
    ) -> Operation:
        connection = self.connection
        provider = connection.provider
        connection.require_arguments()
        model = require_model(provider, model)
        check_objects("messages", messages)
        unsure_of_images = check_parts(provider, model, messages)
        messages, upload = take_upload(provider, messages)
        # A model that streams unasked is asked for its stream, so that it reports its usage.
        stream = stream or provider.model(model).streams_unasked
        body = chat_body(
            provider,
            model=model,
            messages=messages,
            params=params,
            stream=stream,
            strict=connection.strict,
        )
        body.update(extra_body or {})
        self._check_residency(body["model"])
        optional: dict[str, Any] = {}
        if stream and stream_usage and "stream_options" not in body:
            optional["stream_options"] = {"include_usage": True}
        return Operation(
            url=connection.base_url + provider.chat_path,
            body=body,
            upload=upload,
            accept="text/event-stream" if stream else "application/json",
            optional=optional,
            offers_tools="tools" in body,
            image_model=model if unsure_of_images and provider.model_list_says_images else None,
        )

    def _check_residency(self, model: object) -> None:
        connection = self.connection
        check_residency(
            connection.provider, str(model), connection.residency, connection.trusted_models
        )

    def _open(self, operation: Operation) -> Flow[httpx.Response]:
        """Make a chat request, and look up first what the vendor's model list says of images."""
        if operation.image_model is not None:
            listed = yield from self._listed_models()
            if any(m.id == operation.image_model and m.images is False for m in listed):
                raise images_refused(self.provider, operation.image_model)
        return (yield from open_response(self.connection, operation, tokens))

    def _decoder(self, operation: Operation, response: httpx.Response) -> ChatDecoder:
        return ChatDecoder(
            self.connection.provider,
            secrets=lambda: self._secrets(operation),
            request_id=request_id(response),
        )

    def _secrets(self, operation: Operation) -> tuple[str, ...]:
        """Return what an error's message must not show; looked for only when one is written."""
        return (*self.connection.secrets(), *private_texts(operation.body))

    def _complete(self, operation: Operation) -> Flow[Completion]:
        response: httpx.Response = yield from self._open(operation)
        decoder = self._decoder(operation, response)
        try:
            yield Read(self.connection, response, decoder)
        except ConnectionFailedError as failure:
            if not decoder.done:
                raise decoder.fail(failure.error) from failure.__cause__
        decoder.close()
        return decoder.completion()

    def _embed(
        self,
        batch: Batch,
        model: str,
        dimensions: int | None,
        extra_body: Mapping[str, Any] | None,
    ) -> Flow[EmbeddingResult]:
        connection = self.connection
        connection.require_arguments()
        support = connection.provider.embeddings
        asked = embedding_body(batch, model=model, dimensions=dimensions, extra=extra_body)
        self._check_residency(asked.get("model"))
        operation = Operation(
            url=connection.base_url + support.path,
            body=asked,
            optional={"encoding_format": "base64"} if support.base64 else {},
            expects="embeddings",
        )
        try:
            body, response = yield from fetch(connection, operation, tokens)
        except APIError as error:
            if not is_too_large(error) or len(batch.texts) == 1:
                error.add_note(f"while embedding {batch}")
                raise
        else:
            return decode_embeddings(
                connection.provider,
                body,
                batch,
                dimensions=dimensions,
                request_id=request_id(response),
                secrets=lambda: self._secrets(operation),
            )
        parts: list[EmbeddingResult] = []
        for half in batch.halves():
            parts.append((yield from self._embed(half, model, dimensions, extra_body)))
        return join_results(parts)

    def _get(self, connection: Connection, vendor_url: str, expects: str) -> Flow[bytes]:
        operation = Operation(method="GET", url=connection.url(vendor_url), expects=expects)
        body, _ = yield from fetch(connection, operation, tokens)
        return body

    def _models(self, connection: Connection | None = None) -> Flow[list[Model]]:
        connection = connection or self.connection
        provider = connection.provider
        if provider.models_url is None:
            return list(provider.models)
        connection.require_arguments()
        body = yield from self._get(connection, provider.models_url, "a model list")
        return decode_models(provider, body)

    def _listed_models(self) -> Flow[list[Model]]:
        """Return the vendor's model list, kept for a while; none if it cannot be had."""
        key = self.connection.base_url
        kept = _model_lists.get(key)
        if kept is None or kept[0] < time.monotonic():
            # It only serves to refuse early: it must not hold up what the request itself decides.
            timeout = min(MODEL_LIST_TIMEOUT, self.connection.timeout or MODEL_LIST_TIMEOUT)
            hasty = replace(self.connection, timeout=timeout, max_retries=0)
            life = MODEL_LIST_SECONDS
            try:
                models = yield from self._models(hasty)
            except APIError:
                models, life = list[Model](), MODEL_LIST_RETRY_SECONDS
            kept = _model_lists[key] = (time.monotonic() + life, models)
        return kept[1]

    def _workspaces(self) -> Flow[list[Workspace]]:
        provider = self.provider
        if provider.workspaces_url is None:
            raise CapabilityError(f"{provider.title} has no workspaces", provider=provider.name)
        body = yield from self._get(
            self.connection, provider.workspaces_url, "a list of workspaces"
        )
        return decode_workspaces(provider, body)

    def _health(self) -> Flow[dict[str, Any]]:
        provider = self.provider
        if provider.health_path is None:
            raise CapabilityError(
                f"{provider.title} documents no address for its health", provider=provider.name
            )
        self.connection.require_arguments()
        operation = Operation(
            method="GET",
            url=self.connection.base_url + provider.health_path,
            expects="the service's health",
        )
        body, _ = yield from fetch(self.connection, operation, tokens)
        return decode_health(provider, body)

    def _generate_image(
        self, prompt: str, model: str | None, save_to: str | Path | None, params: Mapping[str, Any]
    ) -> Flow[GeneratedImage]:
        connection, provider = self.connection, self.provider
        if provider.images_path is None:
            raise CapabilityError(
                f"{provider.title} documents no image generation ({provider.page})",
                provider=provider.name,
            )
        if not prompt.strip():
            raise ConfigurationError("prompt is empty: describe the image")
        target = None if save_to is None else (yield Do(lambda: _writable(Path(save_to))))
        if params.get("n") not in {None, 1}:
            raise CapabilityError(
                f"n={params['n']!r}: one image a request is read: call generate_image() again",
                provider=provider.name,
            )
        connection.require_arguments()
        if model is None and connection.residency == "strict":
            raise ResidencyError(
                f"model is missing: {provider.title} does not say which model makes images then, "
                "and residency='strict' refuses that: pass one that is among trusted_models",
                provider=provider.name,
            )
        if model is not None:
            self._check_residency(model)
        fields = {"prompt": prompt, "model": model, **params}
        operation = Operation(
            url=connection.base_url + provider.images_path,
            body={name: value for name, value in fields.items() if value is not None},
            expects="an image",
        )
        body, _ = yield from fetch(connection, operation, tokens)
        image = decode_image(provider, body)
        if target is None:
            return image
        data = image.data
        if data is None:
            # The address is the vendor's store: it gets neither the key nor our headers.
            url = check_image_url(str(image.url), provider)
            get = Operation(method="GET", url=url, accept="image/*", expects="an image")
            data, response = yield from fetch(connection, get, None)
            check_image(provider, data, response.headers.get("content-type", ""))
        return (yield Do(partial(image.saved, data, target)))


def _writable(target: Path) -> Path:
    """Return where an image is to be saved, if that can be: it is asked for and paid first."""
    target = target.expanduser()
    folder = target.parent
    if not folder.is_dir():
        raise ConfigurationError(f"save_to={str(target)!r}: the folder does not exist")
    if not os.access(target if target.exists() else folder, os.W_OK):
        raise ConfigurationError(f"save_to={str(target)!r} cannot be written to")
    return target


_model_lists: dict[str, tuple[float, list[Model]]] = {}
