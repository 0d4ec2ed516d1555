"""The public clients, and the base that says what each call asks for and how it is read."""

from __future__ import annotations

import asyncio
import os
import time
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
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import SecretStr

from dsgvo.errors import APIError, CapabilityError, ConfigurationError, ResidencyError
from dsgvo.providers import Model, Provider
from dsgvo.transport import _pools
from dsgvo.transport._config import (
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT,
    ClientConfig,
    check_image_url,
    resolve,
)
from dsgvo.transport._flow import Do, Flow, Read, arun, run
from dsgvo.transport._pools import ConnectionFailedError
from dsgvo.transport._request import Operation, fetch, open_response, request_id, tokens
from dsgvo.wire.chat import ChatDecoder, Completion, Delta
from dsgvo.wire.embeddings import (
    MAX_BATCH_BYTES,
    MAX_BATCH_TEXTS,
    Batch,
    EmbeddingResult,
    batches,
    check_count,
    decode_embeddings,
    embedding_body,
    is_too_large,
    join_results,
    require_embeddings,
)
from dsgvo.wire.files import check_parts, images_refused, take_upload
from dsgvo.wire.messages import has_reasoning, without_reasoning
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

from dataclasses import dataclass

__all__ = ["DEFAULT_MAX_CONCURRENCY", "AsyncClient", "Client", "ClientPair"]

DEFAULT_MAX_CONCURRENCY = 4

MODEL_LIST_SECONDS = 3600.0
"""How long a vendor's model list is believed when an image is to be sent."""

MODEL_LIST_TIMEOUT = 10.0
MODEL_LIST_RETRY_SECONDS = 60.0
"""After how long a list that could not be had is asked for again."""


class BaseClient:
    """Holds a connection's settings and says what each call does; no sockets."""

    config: ClientConfig

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
            strict=strict,
            residency=residency,
            trusted_models=trusted_models,
        )

    @classmethod
    def over(cls, config: ClientConfig) -> Self:
        """Return a client with the settings of another one."""
        client = cls.__new__(cls)
        client.config = config
        return client

    def __repr__(self) -> str:
        config = self.config
        return f"{type(self).__name__}({config.spec.name!r}, {config.base_url!r})"

    @property
    def provider(self) -> str:
        """Name of the provider that is talked to."""
        return self.config.spec.name

    @property
    def spec(self) -> Provider:
        """What the provider says about itself."""
        return self.config.spec

    def _chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str | None,
        params: Mapping[str, Any],
        extra_body: Mapping[str, Any] | None,
        *,
        stream: bool,
        stream_usage: bool,
        send_reasoning: bool | None,
    ) -> Operation:
        config = self.config
        spec = config.spec
        config.require_arguments()
        model = require_model(spec, model)
        check_objects("messages", messages)
        unsure_of_images = check_parts(spec, model, messages)
        messages, upload = take_upload(spec, messages)
        reasoned = messages if send_reasoning is None and has_reasoning(messages) else None
        if not send_reasoning:
            messages = without_reasoning(messages)
        # A model that streams unasked is asked for its stream, so that it reports its usage.
        stream = stream or spec.model(model).streams_unasked
        body = chat_body(
            spec,
            model=model,
            messages=messages,
            params=params,
            stream=stream,
            strict=config.strict,
        )
        body.update(extra_body or {})
        self._check_residency(body["model"])
        optional: dict[str, Any] = {}
        if stream and stream_usage and "stream_options" not in body:
            optional["stream_options"] = {"include_usage": True}
        return Operation(
            url=config.base_url + spec.chat_path,
            body=body,
            upload=upload,
            accept="text/event-stream" if stream else "application/json",
            optional=optional,
            reasoned_messages=reasoned,
            offers_tools="tools" in body,
            image_model=model if unsure_of_images and spec.model_list_says_images else None,
        )

    def _check_residency(self, model: object) -> None:
        config = self.config
        check_residency(config.spec, str(model), config.residency, config.trusted_models)

    def _open(self, operation: Operation) -> Flow[httpx.Response]:
        """Make a chat request, and look up first what the vendor's model list says of images."""
        if operation.image_model is not None:
            listed = yield from self._listed_models()
            if any(m.id == operation.image_model and m.images is False for m in listed):
                raise images_refused(self.spec, operation.image_model)
        return (yield from open_response(self.config, operation, tokens))

    def _decoder(self, operation: Operation, response: httpx.Response) -> ChatDecoder:
        return ChatDecoder(
            self.config.spec,
            secrets=lambda: self._secrets(operation),
            request_id=request_id(response),
        )

    def _secrets(self, operation: Operation) -> tuple[str, ...]:
        """Return what an error's message must not show; looked for only when one is written."""
        return (*self.config.secrets(), *private_texts(operation.body))

    def _complete(self, operation: Operation) -> Flow[Completion]:
        response: httpx.Response = yield from self._open(operation)
        decoder = self._decoder(operation, response)
        try:
            yield Read(self.config, response, decoder)
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
        config = self.config
        config.require_arguments()
        support = config.spec.embeddings
        asked = embedding_body(batch, model=model, dimensions=dimensions, extra=extra_body)
        self._check_residency(asked.get("model"))
        operation = Operation(
            url=config.base_url + support.path,
            body=asked,
            optional={"encoding_format": "base64"} if support.base64 else {},
            expects="embeddings",
        )
        try:
            body, response = yield from fetch(config, operation, tokens)
        except APIError as error:
            if not is_too_large(error) or len(batch.texts) == 1:
                error.add_note(f"while embedding {batch}")
                raise
        else:
            return decode_embeddings(
                config.spec,
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

    def _get(self, config: ClientConfig, vendor_url: str, expects: str) -> Flow[bytes]:
        operation = Operation(method="GET", url=config.url(vendor_url), expects=expects)
        body, _ = yield from fetch(config, operation, tokens)
        return body

    def _models(self, config: ClientConfig | None = None) -> Flow[list[Model]]:
        config = config or self.config
        spec = config.spec
        if spec.models_url is None:
            return list(spec.models)
        config.require_arguments()
        body = yield from self._get(config, spec.models_url, "a model list")
        return decode_models(spec, body)

    def _listed_models(self) -> Flow[list[Model]]:
        """Return the vendor's model list, kept for a while; none if it cannot be had."""
        key = self.config.base_url
        kept = _model_lists.get(key)
        if kept is None or kept[0] < time.monotonic():
            # It only serves to refuse early: it must not hold up what the request itself decides.
            timeout = min(MODEL_LIST_TIMEOUT, self.config.timeout or MODEL_LIST_TIMEOUT)
            hasty = replace(self.config, timeout=timeout, max_retries=0)
            life = MODEL_LIST_SECONDS
            try:
                models = yield from self._models(hasty)
            except APIError:
                models, life = list[Model](), MODEL_LIST_RETRY_SECONDS
            kept = _model_lists[key] = (time.monotonic() + life, models)
        return kept[1]

    def _workspaces(self) -> Flow[list[Workspace]]:
        spec = self.spec
        if spec.workspaces_url is None:
            raise CapabilityError(f"{spec.title} has no workspaces", provider=spec.name)
        body = yield from self._get(self.config, spec.workspaces_url, "a list of workspaces")
        return decode_workspaces(spec, body)

    def _health(self) -> Flow[dict[str, Any]]:
        spec = self.spec
        if spec.health_path is None:
            raise CapabilityError(
                f"{spec.title} documents no address for its health", provider=spec.name
            )
        self.config.require_arguments()
        operation = Operation(
            method="GET",
            url=self.config.base_url + spec.health_path,
            expects="the service's health",
        )
        body, _ = yield from fetch(self.config, operation, tokens)
        return decode_health(spec, body)

    def _generate_image(
        self, prompt: str, model: str | None, save_to: str | Path | None, params: Mapping[str, Any]
    ) -> Flow[GeneratedImage]:
        config, spec = self.config, self.spec
        if spec.images_path is None:
            raise CapabilityError(
                f"{spec.title} documents no image generation ({spec.page})",
                provider=spec.name,
            )
        if not prompt.strip():
            raise ConfigurationError("prompt is empty: describe the image")
        target = None if save_to is None else (yield Do(lambda: _writable(Path(save_to))))
        if params.get("n") not in {None, 1}:
            raise CapabilityError(
                f"n={params['n']!r}: one image a request is read: call generate_image() again",
                provider=spec.name,
            )
        config.require_arguments()
        if model is None and config.residency == "strict":
            raise ResidencyError(
                f"model is missing: {spec.title} does not say which model makes images then, "
                "and residency='strict' refuses that: pass one that is among trusted_models",
                provider=spec.name,
            )
        if model is not None:
            self._check_residency(model)
        fields = {"prompt": prompt, "model": model, **params}
        operation = Operation(
            url=config.base_url + spec.images_path,
            body={name: value for name, value in fields.items() if value is not None},
            expects="an image",
        )
        body, _ = yield from fetch(config, operation, tokens)
        image = decode_image(spec, body)
        if target is None:
            return image
        data = image.data
        if data is None:
            # The address is the vendor's store: it gets neither the key nor our headers.
            url = check_image_url(str(image.url), spec)
            get = Operation(method="GET", url=url, accept="image/*", expects="an image")
            data, response = yield from fetch(config, get, None)
            check_image(spec, data, response.headers.get("content-type", ""))
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


class Client(BaseClient):
    """A vendor's API, for threads. Safe to share between them; holds no connection of its own.

    Args:
        provider: ``"innogpt"``, ``"meingpt"``, ``"neuroflash"`` or ``"sovrgpt"``.
        api_key: The vendor's key; else the provider's environment variable, such as
            ``SOVRGPT_API_KEY``.
        base_url: The path before ``/chat/completions``, if not the vendor's own.
        workspace_id: neuroflash only, and required there; else ``NEUROFLASH_WORKSPACE_ID``.
        client_id: neuroflash only: OAuth2 client credentials in place of a key.
        client_secret: See ``client_id``.
        timeout: Seconds of silence after which a request fails, above 0; ``None``: never.
        max_retries: How often a request is made again, 0 or more.
        default_headers: Further headers of every request.
        strict: Refuse parameters that the vendor ignores, instead of warning once.
        residency: ``"eu"`` (the default; else ``DSGVO_RESIDENCY``) refuses models that the vendor
            says run elsewhere, ``"strict"`` also those of which it does not say, ``"any"`` none.
        trusted_models: Ids of models that you have checked yourself.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Example:
        >>> client = Client("sovrgpt")
        >>> completion = client.chat([{"role": "user", "content": "Hallo!"}], model="qwen3.5-9b")
        >>> completion.finish_reason
        'stop'
    """

    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str | None = None,
        stream_usage: bool = True,
        send_reasoning: bool | None = True,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Completion:
        """Return the answer to a conversation.

        Args:
            messages: The conversation in OpenAI's form, oldest first.
            model: The vendor's model id.
            stream_usage: Ask for usage where the model streams unasked.
            send_reasoning: Whether ``reasoning_content`` and ``reasoning_details`` of earlier
                turns are sent; ``None``: once the server has said that it wants them.
            extra_body: Fields that are put into the body unchecked.
            **params: ``temperature`` (0 to 2), ``max_tokens`` (1 or more), ``stop``, ``tools``,
                ``tool_choice``, ``response_format`` and whatever else the vendor takes.

        Raises:
            ConfigurationError: If an argument is wrong; nothing is sent.
            APIError: If there is no whole, valid answer.
        """
        operation = self._chat(
            messages,
            model,
            params,
            extra_body,
            stream=False,
            stream_usage=stream_usage,
            send_reasoning=send_reasoning,
        )
        return run(self._complete(operation))

    def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str | None = None,
        stream_usage: bool = True,
        send_reasoning: bool | None = True,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Generator[Delta]:
        """Yield the answer piece by piece; arguments as for :meth:`chat`.

        Leaving the loop early frees the connection.

        Raises:
            ConfigurationError: If an argument is wrong; nothing is sent.
            IncompleteStreamError: If the stream ends early; ``partial`` holds what had come.
            APIError: If there is no valid answer.

        Example:
            >>> messages = [{"role": "user", "content": "Hallo!"}]
            >>> deltas = list(Client("sovrgpt").stream(messages, model="qwen3.5-9b"))
            >>> next(delta.finish_reason for delta in deltas if delta.finish_reason)
            'stop'
        """
        operation = self._chat(
            messages,
            model,
            params,
            extra_body,
            stream=True,
            stream_usage=stream_usage,
            send_reasoning=send_reasoning,
        )
        return self._stream(operation)

    def _stream(self, operation: Operation) -> Generator[Delta]:
        response = run(self._open(operation))
        decoder = self._decoder(operation, response)
        chunks = _pools.read(self.config, response)
        try:
            for data in chunks:
                yield from decoder.feed(data)
        except ConnectionFailedError as failure:
            if not decoder.done:
                raise decoder.fail(failure.error) from failure.__cause__
        finally:
            chunks.close()
        yield from decoder.close()

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
        extra_body: Mapping[str, Any] | None = None,
    ) -> Generator[list[float]]:
        """Yield one vector a text, in order, with several requests at once.

        Texts are read and vectors kept only as far as the requests under way need, so any number
        of texts can be embedded in bounded memory.

        Args:
            texts: What to embed; none may be empty.
            model: The vendor's embedding model id; by default the one that its page names.
            dimensions: Length of the vectors, 1 or more, where the model can shorten them.
            batch_size: Texts a request, 1 or more.
            max_batch_bytes: UTF-8 bytes of text a request, 1 or more.
            max_concurrency: Requests at once, 1 or more.
            allow_undocumented: Use the OpenAI-shaped path of a vendor that documents none.
            extra_body: Fields that are put into the body unchecked.

        Raises:
            ConfigurationError: If a text is empty or an argument wrong. For a list this is raised
                before anything is sent.
            CapabilityError: If the vendor documents no embeddings.
            APIError: If vectors are missing or wrong.

        Example:
            >>> vectors = list(Client("meingpt").embed(["Guten Tag", "Auf Wiedersehen"]))
            >>> len(vectors), len(vectors[0])
            (2, 3072)
        """
        model = require_embeddings(self.spec, model, allow_undocumented=allow_undocumented)
        cut = batches(texts, max_texts=batch_size, max_bytes=max_batch_bytes)
        check_count("max_concurrency", max_concurrency)

        def embed(batch: Batch) -> EmbeddingResult:
            return run(self._embed(batch, model, dimensions, extra_body))

        return _embed_ahead(embed, cut, max_concurrency)

    def models(self) -> list[Model]:
        """Return the vendor's models: from its list where it has one, else from its page.

        Returns:
            What is known of each; ``source`` says where from.

        Example:
            >>> "qwen3.5-9b" in [model.id for model in Client("sovrgpt").models()]
            True
        """
        return run(self._models())

    def workspaces(self) -> list[Workspace]:
        """Return the neuroflash workspaces that the account can use.

        Raises:
            CapabilityError: At a vendor without workspaces.

        Example:
            >>> [workspace.name for workspace in Client("neuroflash").workspaces()]
            ['Emulator']
        """
        return run(self._workspaces())

    def health(self) -> dict[str, Any]:
        """Return what neuroflash's service says of its health.

        Raises:
            CapabilityError: At a vendor that documents no such address.
            APIError: If the service cannot be reached or reports an error.

        Example:
            >>> Client("neuroflash").health()["status"]
            'ok'
        """
        return run(self._health())

    def generate_image(
        self,
        prompt: str,
        *,
        model: str | None = None,
        save_to: str | Path | None = None,
        **params: Any,
    ) -> GeneratedImage:
        r"""Return an image made after a prompt (innoGPT: "Bild-Generierung").

        Args:
            prompt: What the image shows.
            model: The vendor's model id; its page shows requests without one.
            save_to: File to write the image to, or a folder, where it becomes ``image-1.png`` and
                so on and nothing is overwritten. An address is fetched for it, without the key.
            **params: Further body fields. The page documents ``prompt`` alone.

        Raises:
            CapabilityError: At a vendor that documents no image generation.
            ConfigurationError: If the prompt is empty or ``save_to`` cannot be written.

        Example:
            >>> Client("innogpt").generate_image("ein minimalistisches App-Icon").data[:4]
            b'\x89PNG'
        """
        return run(self._generate_image(prompt, model, save_to, params))


def _embed_ahead(
    embed: Callable[[Batch], EmbeddingResult], cut: Iterator[Batch], workers: int
) -> Generator[list[float]]:
    first = next(cut, None)
    if first is None:
        return
    second = next(cut, None)
    if second is None:  # most calls: a query, or a few texts
        yield from embed(first).vectors
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="dsgvo-embed") as pool:
        pending: deque[Future[EmbeddingResult]] = deque()
        left = chain((first, second), cut)
        try:
            while True:
                while len(pending) < workers and (batch := next(left, None)):
                    pending.append(pool.submit(embed, batch))
                if not pending:
                    return
                yield from _drained(pending.popleft().result().vectors)
        finally:
            for future in pending:
                future.cancel()


def _drained(vectors: list[list[float]]) -> Iterator[list[float]]:
    """Yield vectors and let go of each, so that a reader who keeps none holds none."""
    vectors.reverse()
    while vectors:
        yield vectors.pop()


class AsyncClient(BaseClient):
    """A vendor's API, for event loops: :class:`Client` with ``await``.

    One object serves several loops, at once or one after another.

    Example:
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
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str | None = None,
        stream_usage: bool = True,
        send_reasoning: bool | None = True,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Completion:
        """Return the answer to a conversation; see :meth:`Client.chat`."""
        operation = self._chat(
            messages,
            model,
            params,
            extra_body,
            stream=False,
            stream_usage=stream_usage,
            send_reasoning=send_reasoning,
        )
        return await arun(self._complete(operation))

    def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str | None = None,
        stream_usage: bool = True,
        send_reasoning: bool | None = True,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> AsyncGenerator[Delta]:
        """Yield the answer piece by piece; see :meth:`Client.stream`."""
        operation = self._chat(
            messages,
            model,
            params,
            extra_body,
            stream=True,
            stream_usage=stream_usage,
            send_reasoning=send_reasoning,
        )
        return self._stream(operation)

    async def _stream(self, operation: Operation) -> AsyncGenerator[Delta]:
        response = await arun(self._open(operation))
        decoder = self._decoder(operation, response)
        chunks = _pools.aread(self.config, response)
        try:
            async for data in chunks:
                for delta in decoder.feed(data):
                    yield delta
        except ConnectionFailedError as failure:
            if not decoder.done:
                raise decoder.fail(failure.error) from failure.__cause__
        finally:
            await chunks.aclose()
        for delta in decoder.close():
            yield delta

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
        extra_body: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[list[float]]:
        """Yield one vector a text, in order; see :meth:`Client.embed`."""
        model = require_embeddings(self.spec, model, allow_undocumented=allow_undocumented)
        cut = batches(texts, max_texts=batch_size, max_bytes=max_batch_bytes)
        check_count("max_concurrency", max_concurrency)
        pending: deque[asyncio.Task[EmbeddingResult]] = deque()
        try:
            while True:
                while len(pending) < max_concurrency and (batch := next(cut, None)):
                    flow = self._embed(batch, model, dimensions, extra_body)
                    pending.append(asyncio.create_task(arun(flow)))
                if not pending:
                    return
                for vector in _drained((await pending[0]).vectors):
                    yield vector
                pending.popleft()
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def models(self) -> list[Model]:
        """Return the vendor's models; see :meth:`Client.models`."""
        return await arun(self._models())

    async def workspaces(self) -> list[Workspace]:
        """Return the workspaces that the account can use; see :meth:`Client.workspaces`."""
        return await arun(self._workspaces())

    async def health(self) -> dict[str, Any]:
        """Return what the service says of its health; see :meth:`Client.health`."""
        return await arun(self._health())

    async def generate_image(
        self,
        prompt: str,
        *,
        model: str | None = None,
        save_to: str | Path | None = None,
        **params: Any,
    ) -> GeneratedImage:
        """Return an image made after a prompt; see :meth:`Client.generate_image`."""
        return await arun(self._generate_image(prompt, model, save_to, params))


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
        return cls(settings, client, AsyncClient.over(client.config))

    def __eq__(self, other: object) -> bool:
        # What was kept says nothing about whether two model objects are the same.
        return isinstance(other, ClientPair)

    __hash__ = None  # pyright: ignore[reportAssignmentType]
