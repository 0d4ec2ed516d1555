"""The embeddings that the vendors' classes are made of."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any, ClassVar, Self, TypeVar

from langchain_core.embeddings import Embeddings
from pydantic import AliasChoices, Field, model_validator

from dsgvo.errors import ConfigurationError
from dsgvo.transport import DEFAULT_MAX_CONCURRENCY
from dsgvo.wire.embeddings import MAX_BATCH_BYTES, MAX_BATCH_TEXTS, require_embeddings
from langchain_dsgvo._settings import VendorSettings
from langchain_dsgvo.errors import translated

__all__ = ["EmbeddingModel"]

_Vectors = TypeVar("_Vectors", Generator[list[float]], AsyncGenerator[list[float]])


class EmbeddingModel(VendorSettings, Embeddings):
    """Embeddings of one vendor; the public classes fill in which."""

    model: str = Field(default="", validation_alias=AliasChoices("model", "model_name"))
    dimensions: int | None = None
    batch_size: int = Field(
        default=MAX_BATCH_TEXTS, validation_alias=AliasChoices("batch_size", "chunk_size")
    )
    max_batch_bytes: int = MAX_BATCH_BYTES
    max_concurrency: int = DEFAULT_MAX_CONCURRENCY
    show_progress: bool = Field(
        default=False, validation_alias=AliasChoices("show_progress", "show_progress_bar")
    )
    allow_undocumented: bool = False

    @model_validator(mode="after")
    def _check_embeddings(self) -> Self:
        with translated:
            model = require_embeddings(
                self.spec, self.model, allow_undocumented=self.allow_undocumented
            )
            self.model = self._check_model(model)
            for name in ("dimensions", "batch_size", "max_batch_bytes", "max_concurrency"):
                value = getattr(self, name)
                if value is not None and value < 1:
                    raise ConfigurationError(f"{name}={value!r} is out of range: use 1 or more")
        return self

    _request_fields: ClassVar[tuple[str, ...]] = (
        "model",
        "dimensions",
        "batch_size",
        "max_batch_bytes",
        "max_concurrency",
        "allow_undocumented",
        "extra_body",
    )

    def _request(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._request_fields}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text, in order.

        Args:
            texts: What to embed; none may be empty. An empty list costs no request.

        Returns:
            As many lists of floats as texts, each as long as the model's vectors (or
            ``dimensions``).

        Raises:
            ConfigurationError: If a text is empty; the message names its index. Nothing is sent.
            APIError: If the vendor fails, or vectors are missing or wrong.
        """
        with translated:
            return list(self._shown(self._client.embed(texts, **self._request()), texts))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text, in order; see :meth:`embed_documents`."""
        with translated:
            vectors = self._shown(self._async_client.embed(texts, **self._request()), texts)
            return [vector async for vector in vectors]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text; see :meth:`embed_documents`."""
        with translated:
            return next(self._client.embed([text], **self._request()))

    async def aembed_query(self, text: str) -> list[float]:
        """Return the vector of one text; see :meth:`embed_documents`."""
        with translated:
            return await anext(self._async_client.embed([text], **self._request()))

    def _shown(self, vectors: _Vectors, texts: list[str]) -> _Vectors:
        """Return the vectors, with a progress bar that counts them if one is wanted."""
        if not self.show_progress:
            return vectors
        from tqdm.auto import tqdm

        # It passes on what it wraps, for ``for`` and for ``async for``.
        bar: Any = tqdm(vectors, total=len(texts), desc=self.spec.title, unit="text")
        return bar
