"""The embedding model that all vendors' classes share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from contextlib import aclosing, contextmanager
from hashlib import sha256
from itertools import islice
from typing import Any, ClassVar

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.instrumentation.events.embedding import (
    EmbeddingEndEvent,
    EmbeddingStartEvent,
)
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from dsgvo._secrets import without_frames
from dsgvo.errors import ConfigurationError
from dsgvo.settings import EmbeddingSettings
from dsgvo.transport import RequestOptions
from dsgvo.wire.embeddings import MAX_BATCH_TEXTS, check_texts, require_list
from llamaindex_dsgvo._llamaindex_internals import dispatcher_for, with_progress
from llamaindex_dsgvo._settings import VendorSettings

__all__ = ["EmbeddingModel"]

Vector = list[float]

_DIGEST = "requests_digest"

_dispatcher = dispatcher_for(__name__)


class EmbeddingModel(EmbeddingSettings, VendorSettings, BaseEmbedding):
    """An embedding model of one vendor; a base of the public classes, not for use alone."""

    embed_arguments: ClassVar[Mapping[str, str]] = {
        "model_name": "model",
        "embed_batch_size": "batch_size",
        "num_workers": "max_concurrency",
        "additional_kwargs": "extra_body",
    }
    aliases: ClassVar[Mapping[str, str]] = {"model": "model_name"}

    model_name: str = Field(
        default="",
        description="The vendor's embedding model id; by default the one that its page names.",
    )
    embed_batch_size: int = Field(
        default=MAX_BATCH_TEXTS, le=2048, description="Texts a request, 1 to 2048."
    )
    num_workers: int | None = Field(
        default=None, description="Requests at once, 1 or more; 4 if not given."
    )

    @without_frames
    def __init__(self, model_name: str | None = None, **arguments: Any) -> None:
        if model_name is not None:
            arguments["model_name"] = model_name
        arguments.pop(_DIGEST, None)  # of settings that were saved
        super().__init__(**arguments)

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex stores and reports the class."""
        return cls.__name__

    @model_serializer(mode="wrap")
    def _serialized(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Return the settings, by which the caches of ingestion tell models apart.

        Of headers and query, which may hold keys and choose who embeds, there is a digest.
        """
        data: dict[str, Any] = {**handler(self), "class_name": self.class_name()}
        headers, query = self.default_headers or {}, self.default_query or {}
        if headers or query:
            given = sorted((name.lower(), headers[name]) for name in headers), sorted(query.items())
            data[_DIGEST] = sha256(repr(given).encode()).hexdigest()
        return data

    def _vectors(self, texts: list[str], options: Mapping[str, Any]) -> Generator[Vector]:
        return self._client.embed(texts, **self._embed_arguments(options))

    def _avectors(self, texts: list[str], options: Mapping[str, Any]) -> AsyncGenerator[Vector]:
        return self._async_client.embed(texts, **self._embed_arguments(options))

    # What LlamaIndex calls for single texts, and for batches where it has a cache or rate limiter

    def _get_query_embedding(self, query: str) -> Vector:
        return self._get_text_embeddings([query])[0]

    async def _aget_query_embedding(self, query: str) -> Vector:
        return (await self._aget_text_embeddings([query]))[0]

    def _get_text_embedding(self, text: str) -> Vector:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> Vector:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[Vector]:
        return list(self._vectors(texts, {}))

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Vector]:
        return [vector async for vector in self._avectors(texts, {})]

    # Many texts at once: LlamaIndex would ask for one batch after another, or for all at once

    def get_text_embedding_batch(
        self, texts: list[str], show_progress: bool = False, **kwargs: Any
    ) -> list[Vector]:
        """Return one vector a text, in order, with several requests at once.

        Args:
            texts: What to embed; none may be empty.
            show_progress: Show a progress bar.
            **kwargs: ``timeout``, ``max_retries``, ``extra_headers``, ``extra_query`` and
                ``extra_body`` of these requests; others that LlamaIndex passes are not used.

        Returns:
            One list of floats a text, all of the same length.

        Raises:
            ConfigurationError: If a text is empty, with its index; nothing is sent.
            APIError: If vectors are missing or wrong.
        """
        texts = self._checked(texts)
        options = RequestOptions.given(kwargs)
        if self._llama_index_batches(options):
            return super().get_text_embedding_batch(texts, show_progress, **kwargs)
        found: list[Vector] = []
        vectors = self._vectors(texts, options)
        for batch in self._batches(texts, show_progress):
            with self._event(batch) as finish:
                found.extend(finish(list(islice(vectors, len(batch)))))
        return found

    async def aget_text_embedding_batch(
        self, texts: list[str], show_progress: bool = False, **kwargs: Any
    ) -> list[Vector]:
        """Return one vector a text; see :meth:`get_text_embedding_batch`."""
        texts = self._checked(texts)
        options = RequestOptions.given(kwargs)
        if self._llama_index_batches(options):
            return await super().aget_text_embedding_batch(texts, show_progress, **kwargs)
        found: list[Vector] = []
        async with aclosing(self._avectors(texts, options)) as vectors:
            for batch in self._batches(texts, show_progress):
                with self._event(batch) as finish:
                    found.extend(finish([await anext(vectors) for _ in batch]))
        return found

    def _checked(self, texts: Iterable[str]) -> list[str]:
        require_list("texts", texts)
        texts = list(texts)
        check_texts(texts, empty=self.on_empty != "error")
        return texts

    def _llama_index_batches(self, options: Mapping[str, Any]) -> bool:
        for name in ("embeddings_cache", "rate_limiter"):
            if getattr(self, name) is not None:
                if options:
                    raise ConfigurationError(
                        f"{next(iter(options))} cannot be set for one call beside {name}, where "
                        "LlamaIndex makes the requests: pass it to the constructor"
                    )
                return True
        return False

    def _batches(self, texts: list[str], show_progress: bool) -> Generator[list[str]]:
        starts = range(0, len(texts), self.embed_batch_size)
        for start in with_progress(starts, show=show_progress, title="Generating embeddings"):
            yield texts[start : start + self.embed_batch_size]

    @contextmanager
    def _event(self, texts: list[str]) -> Generator[Callable[[list[Vector]], list[Vector]]]:
        """Report one batch to LlamaIndex's callbacks and events, in both styles."""
        payload = self.to_payload()
        _dispatcher.event(EmbeddingStartEvent(model_dict=payload))
        with self.callback_manager.event(
            CBEventType.EMBEDDING, payload={EventPayload.SERIALIZED: payload}
        ) as event:

            def finish(vectors: list[Vector]) -> list[Vector]:
                event.on_end(payload={EventPayload.CHUNKS: texts, EventPayload.EMBEDDINGS: vectors})
                # Validating each number again would cost a quarter of the whole call.
                finished = EmbeddingEndEvent.model_construct(chunks=texts, embeddings=vectors)
                _dispatcher.event(finished)
                return vectors

            yield finish


class NoEmbedding(BaseEmbedding):
    """Stands where no embeddings are needed, and says so if they are needed after all.

    LlamaIndex would put vectors of one number in this place, and search would find anything.
    """

    model_name: str = "none"

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex stores and reports the class."""
        return cls.__name__

    def _get_query_embedding(self, query: str) -> Vector:
        raise ConfigurationError(
            "an embedding was asked for, and use(..., embed_model=None) said that none is needed: "
            "name an embedding model there, or pass embed_model=… to the index"
        )

    async def _aget_query_embedding(self, query: str) -> Vector:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> Vector:
        return self._get_query_embedding(text)
