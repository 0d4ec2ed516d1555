"""The clients: what each call asks for and how its answer is read, once; the loops, twice."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from pydantic import SecretStr

from dsgvo.errors import APIError
from dsgvo.providers import Provider
from dsgvo.transport import _http
from dsgvo.transport._auth import tokens
from dsgvo.transport._connection import (
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT,
    Connection,
    resolve,
)
from dsgvo.transport._exchange import Operation, fetch, open_response, request_id
from dsgvo.transport._http import ConnectionFailedError
from dsgvo.transport._steps import Flow, Read, arun, run
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
from dsgvo.wire.private import private_texts
from dsgvo.wire.request import chat_body, require_model

if TYPE_CHECKING:
    import httpx

__all__ = ["AsyncClient", "Client"]

DEFAULT_MAX_CONCURRENCY = 4


class _BaseClient:
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
        stream: bool,
        stream_usage: bool,
        params: Mapping[str, Any],
        extra_body: Mapping[str, Any] | None,
    ) -> Operation:
        provider = self.connection.provider
        # A model that streams unasked is asked for its stream, so that it reports its usage.
        model = require_model(provider, model)
        stream = stream or provider.model(model).streams_unasked
        body = chat_body(
            provider,
            model=model,
            messages=messages,
            params=params,
            stream=stream,
            strict=self.connection.strict,
        )
        body.update(extra_body or {})
        optional: dict[str, Any] = {}
        if stream and stream_usage and "stream_options" not in body:
            optional["stream_options"] = {"include_usage": True}
        return Operation(
            url=self.connection.base_url + provider.chat_path,
            body=body,
            accept="text/event-stream" if stream else "application/json",
            optional=optional,
            expects="a chat completion",
        )

    def _decoder(self, operation: Operation, response: httpx.Response) -> ChatDecoder:
        # The texts to hide are looked for only when an error's message is written.
        return ChatDecoder(
            self.connection.provider,
            secrets=lambda: (*self.connection.secrets(), *private_texts(operation.body)),
            request_id=request_id(response),
        )

    def _complete(self, operation: Operation) -> Flow[Completion]:
        response: httpx.Response = yield from open_response(self.connection, operation, tokens)
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
        support = connection.provider.embeddings
        operation = Operation(
            url=connection.base_url + support.path,
            body=embedding_body(batch, model=model, dimensions=dimensions, extra=extra_body),
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
                secrets=(*connection.secrets(), *private_texts(operation.body)),
            )
        parts: list[EmbeddingResult] = []
        for half in batch.halves():
            parts.append((yield from self._embed(half, model, dimensions, extra_body)))
        return join_results(parts)


class Client(_BaseClient):
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
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Completion:
        """Return the answer to a conversation.

        Args:
            messages: The conversation in OpenAI's form, oldest first.
            model: The vendor's model id.
            stream_usage: Ask for usage where the model streams unasked.
            extra_body: Fields that are put into the body unchecked.
            **params: ``temperature`` (0 to 2), ``max_tokens`` (1 or more), ``stop``, ``tools``,
                ``tool_choice``, ``response_format`` and whatever else the vendor takes.

        Raises:
            ConfigurationError: If an argument is wrong; nothing is sent.
            APIError: If there is no whole, valid answer.
        """
        operation = self._chat(messages, model, False, stream_usage, params, extra_body)
        return run(self._complete(operation))

    def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str | None = None,
        stream_usage: bool = True,
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
        operation = self._chat(messages, model, True, stream_usage, params, extra_body)
        return self._stream(operation)

    def _stream(self, operation: Operation) -> Generator[Delta]:
        response = run(open_response(self.connection, operation, tokens))
        decoder = self._decoder(operation, response)
        chunks = _http.read(self.connection, response)
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
        model = require_embeddings(self.provider, model, allow_undocumented=allow_undocumented)
        cut = batches(texts, max_texts=batch_size, max_bytes=max_batch_bytes)
        check_count("max_concurrency", max_concurrency)

        def embed(batch: Batch) -> EmbeddingResult:
            return run(self._embed(batch, model, dimensions, extra_body))

        return _embed_ahead(embed, cut, max_concurrency)


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
        try:
            pending.extend(pool.submit(embed, batch) for batch in (first, second))
            while pending:
                while len(pending) < workers and (batch := next(cut, None)) is not None:
                    pending.append(pool.submit(embed, batch))
                yield from _drained(pending.popleft().result().vectors)
        finally:
            for future in pending:
                future.cancel()


def _drained(vectors: list[list[float]]) -> Iterator[list[float]]:
    """Yield vectors and let go of each, so that a reader who keeps none holds none."""
    vectors.reverse()
    while vectors:
        yield vectors.pop()


class AsyncClient(_BaseClient):
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
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Completion:
        """Return the answer to a conversation; see :meth:`Client.chat`."""
        operation = self._chat(messages, model, False, stream_usage, params, extra_body)
        return await arun(self._complete(operation))

    def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str | None = None,
        stream_usage: bool = True,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> AsyncGenerator[Delta]:
        """Yield the answer piece by piece; see :meth:`Client.stream`."""
        operation = self._chat(messages, model, True, stream_usage, params, extra_body)
        return self._stream(operation)

    async def _stream(self, operation: Operation) -> AsyncGenerator[Delta]:
        response = await arun(open_response(self.connection, operation, tokens))
        decoder = self._decoder(operation, response)
        chunks = _http.aread(self.connection, response)
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
        model = require_embeddings(self.provider, model, allow_undocumented=allow_undocumented)
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
