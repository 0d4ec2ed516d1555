"""The embeddings that the vendors' classes are made of."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Mapping, Sized
from contextlib import aclosing
from typing import Any, ClassVar, TypeVar, Unpack

from langchain_core.embeddings import Embeddings
from pydantic import Field

from dsgvo.settings import EmbeddingSettings
from dsgvo.transport import DEFAULT_MAX_CONCURRENCY, Options, Owned
from dsgvo.wire.embeddings import MAX_BATCH_BYTES, MAX_BATCH_TEXTS
from langchain_dsgvo._settings import VendorSettings
from langchain_dsgvo.errors import langchain_errors

__all__ = ["EmbeddingModel"]

_Vectors = TypeVar("_Vectors", Generator[list[float]], AsyncGenerator[list[float]])


class EmbeddingModel(EmbeddingSettings, VendorSettings, Embeddings):
    """Embeddings of one vendor; the public classes fill in which."""

    embed_arguments: ClassVar[Mapping[str, str]] = {
        name: name
        for name in ("model", "batch_size", "max_batch_bytes", "max_concurrency", "extra_body")
    }
    aliases: ClassVar[Mapping[str, str]] = {
        "model_name": "model",
        "chunk_size": "batch_size",
        "show_progress_bar": "show_progress",
        "model_kwargs": "extra_body",
    }

    model: str = Field(
        default="",
        description="The vendor's embedding model id; by default the one that its page names.",
    )
    batch_size: int = Field(default=MAX_BATCH_TEXTS, description="Texts a request, 1 or more.")
    max_batch_bytes: int = Field(
        default=MAX_BATCH_BYTES, description="UTF-8 bytes of text a request, 1 or more."
    )
    max_concurrency: int = Field(
        default=DEFAULT_MAX_CONCURRENCY, description="Requests at once, 1 or more."
    )
    show_progress: bool = Field(default=False, description="Show a progress bar.")

    def embed_documents(
        self, texts: list[str], chunk_size: int | None = None, **options: Unpack[Options]
    ) -> list[list[float]]:
        """Return a vector for each text, in order.

        Args:
            texts: What to embed; none may be empty. An empty list costs no request.
            chunk_size: Texts a request, in place of ``batch_size``.
            **options: ``timeout``, ``max_retries``, ``extra_headers``, ``extra_query`` and
                ``extra_body`` of these requests.

        Returns:
            As many lists of floats as texts, each as long as the model's vectors (or
            ``dimensions``).

        Raises:
            ConfigurationError: If a text is empty; the message names its index. Nothing is sent.
            APIError: If the vendor fails, or vectors are missing or wrong.
        """
        with langchain_errors:
            return list(self._shown(self._embed(texts, options, chunk_size), texts))

    async def aembed_documents(
        self, texts: list[str], chunk_size: int | None = None, **options: Unpack[Options]
    ) -> list[list[float]]:
        """Return a vector for each text, in order; see :meth:`embed_documents`."""
        with langchain_errors:
            vectors = self._shown(self._aembed(texts, options, chunk_size), texts)
            return [vector async for vector in vectors]

    def embed_query(self, text: str, **options: Unpack[Options]) -> list[float]:
        """Return the vector of one text; see :meth:`embed_documents`."""
        with langchain_errors:
            [vector] = self._embed([text], options)
            return vector

    async def aembed_query(self, text: str, **options: Unpack[Options]) -> list[float]:
        """Return the vector of one text; see :meth:`embed_documents`."""
        with langchain_errors:
            [vector] = [vector async for vector in self._aembed([text], options)]
            return vector

    def embed_iter(
        self, texts: Iterable[str], **options: Unpack[Options]
    ) -> Generator[list[float]]:
        """Yield a vector for each text, in order, as the batches come; see :meth:`embed_documents`.

        Any number of texts is read in bounded memory, and what has come before an error is kept.

        Examples:
            >>> from langchain_dsgvo import InnoGPTEmbeddings
            >>> embeddings = InnoGPTEmbeddings(dimensions=8, batch_size=100)
            >>> sum(1 for vector in embeddings.embed_iter(f"Satz {n}" for n in range(250)))
            250
        """
        with langchain_errors:
            yield from self._embed(texts, options)

    async def aembed_iter(
        self, texts: Iterable[str], **options: Unpack[Options]
    ) -> AsyncGenerator[list[float]]:
        """Yield a vector for each text, in order; see :meth:`embed_iter`."""
        with langchain_errors:
            async with aclosing(Owned(self._aembed(texts, options))) as vectors:
                async for vector in vectors:
                    yield vector

    def _embed(
        self, texts: Iterable[str], options: Options, size: int | None = None
    ) -> Generator[list[float]]:
        return self._client.embed(texts, **self._embed_arguments(options, batch_size=size))

    def _aembed(
        self, texts: Iterable[str], options: Options, size: int | None = None
    ) -> AsyncGenerator[list[float]]:
        return self._async_client.embed(texts, **self._embed_arguments(options, batch_size=size))

    def _shown(self, vectors: _Vectors, texts: Iterable[str]) -> _Vectors:
        """Return the vectors, with a progress bar that counts them if one is wanted."""
        if not self.show_progress:
            return vectors
        from tqdm.auto import tqdm

        # It passes on what it wraps, for ``for`` and for ``async for``.
        total = len(texts) if isinstance(texts, Sized) else None
        bar: Any = tqdm(vectors, total=total, desc=self.spec.title, unit="text")
        return bar
