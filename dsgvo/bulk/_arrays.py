"""Texts to NumPy arrays, at the pace of the vendor."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from dsgvo._secrets import hidden
from dsgvo.providers import Provider
from dsgvo.transport import AsyncClient
from dsgvo.wire.embeddings import (
    MAX_BATCH_BYTES,
    MAX_BATCH_TEXTS,
    ReadAhead,
    batches,
    check_count,
    differing,
)
from dsgvo.wire.limiter import MAX_CONCURRENCY

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["embed_arrays"]


async def embed_arrays(
    texts: Iterable[str] | NDArray[Any],
    *,
    provider: str | Provider,
    model: str | None = None,
    dimensions: int | None = None,
    batch_size: int = MAX_BATCH_TEXTS,
    max_batch_bytes: int = MAX_BATCH_BYTES,
    max_concurrency: int = MAX_CONCURRENCY,
    allow_undocumented: bool = False,
    encoding_format: Literal["base64", "float"] | None = None,
    **client: Any,
) -> AsyncGenerator[NDArray[np.float32]]:
    """Yield float32 arrays, one a request, in the order of the texts; no Python floats in between.

    Args:
        texts: Any number of them, an array of strings too; none may be empty. They are read as
            they are needed.
        provider: Whose embeddings, by name.
        model: As in ``Client.embed``, like those that follow.
        dimensions: Length of the vectors.
        batch_size: Texts a request, 1 or more.
        max_batch_bytes: UTF-8 bytes of text a request, 1 or more.
        max_concurrency: Requests at once, 1 or more; the vendor may take fewer.
        allow_undocumented: Use the path of OpenAI's API where the vendor documents none.
        encoding_format: How vectors travel.
        **client: Arguments of :class:`dsgvo.AsyncClient`, such as ``api_key``.

    Yields:
        Arrays of the shape ``(texts, dimensions)``; ``np.concatenate`` makes one of them.

    Raises:
        ConfigurationError: If an argument or a text is wrong.
        APIError: If the vendor fails, or vectors are missing or wrong.

    Examples:
        >>> import asyncio
        >>> async def shapes():
        ...     texts = (f"Satz {n}" for n in range(5))
        ...     arrays = embed_arrays(texts, provider="innogpt", dimensions=8, batch_size=2)
        ...     return [array.shape async for array in arrays]
        >>> asyncio.run(shapes())
        [(2, 8), (2, 8), (1, 8)]
    """
    given = hidden(client)
    del client  # a traceback shows what is held here
    check_count("max_concurrency", max_concurrency)
    asking = AsyncClient(provider, **{"rate_limit": cast("Any", "adaptive"), **given()})
    listed: Any = texts.tolist() if isinstance(texts, np.ndarray) else texts
    cut = batches(listed, max_texts=batch_size, max_bytes=max_batch_bytes)
    left = ReadAhead(cut)
    pending: deque[asyncio.Task[Any]] = deque()
    lengths = set[int]()
    try:
        while True:
            while len(pending) < max_concurrency and (batch := left.next()):
                request = asking.embed_batch(
                    batch.texts,
                    model=model,
                    dimensions=dimensions,
                    allow_undocumented=allow_undocumented,
                    encoding_format=encoding_format,
                )
                pending.append(asyncio.ensure_future(request))
            if not pending:
                left.end()
                return
            vectors, _ = await pending[0]
            pending.popleft()
            if differs := differing(asking.spec, vectors, lengths):
                raise differs
            yield np.array(vectors, dtype=np.float32)
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
