"""The clients: what is left for sync and async of each call is the loop itself."""

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
from itertools import chain
from pathlib import Path
from typing import Any

from dsgvo.providers import Model
from dsgvo.transport import _http
from dsgvo.transport._exchange import Operation
from dsgvo.transport._http import ConnectionFailedError
from dsgvo.transport._operations import BaseClient
from dsgvo.transport._steps import arun, run
from dsgvo.wire.chat import Completion, Delta
from dsgvo.wire.embeddings import (
    MAX_BATCH_BYTES,
    MAX_BATCH_TEXTS,
    Batch,
    EmbeddingResult,
    batches,
    check_count,
    require_embeddings,
)
from dsgvo.wire.models import GeneratedImage, Workspace

__all__ = ["AsyncClient", "Client"]

DEFAULT_MAX_CONCURRENCY = 4


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
        operation = self._chat(
            messages, model, params, extra_body, stream=False, stream_usage=stream_usage
        )
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
        operation = self._chat(
            messages, model, params, extra_body, stream=True, stream_usage=stream_usage
        )
        return self._stream(operation)

    def _stream(self, operation: Operation) -> Generator[Delta]:
        response = run(self._open(operation))
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
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Completion:
        """Return the answer to a conversation; see :meth:`Client.chat`."""
        operation = self._chat(
            messages, model, params, extra_body, stream=False, stream_usage=stream_usage
        )
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
        operation = self._chat(
            messages, model, params, extra_body, stream=True, stream_usage=stream_usage
        )
        return self._stream(operation)

    async def _stream(self, operation: Operation) -> AsyncGenerator[Delta]:
        response = await arun(self._open(operation))
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
