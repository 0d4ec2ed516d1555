"""Reranking: documents in batches, in Cohere's form, and scores read back into their places."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, cast

from dsgvo.errors import APIResponseError, CapabilityError, ConfigurationError
from dsgvo.providers import PROVIDERS, Provider, RerankSupport
from dsgvo.wire.arguments import is_given, refuse_content
from dsgvo.wire.embeddings import (
    MAX_BATCH_BYTES,
    Batch,
    batches,
    check_count,
    require_list,
    what_came,
)
from dsgvo.wire.errors import read_object
from dsgvo.wire.request import require_model
from dsgvo.wire.residency import Residency, check_models

__all__ = [
    "MAX_BATCH_DOCUMENTS",
    "RerankRequest",
    "RerankResult",
    "best",
    "build_rerank",
    "decode_rerank",
    "require_reranking",
]

MAX_BATCH_DOCUMENTS = 100
"""Documents a request, unless the user says otherwise."""


@dataclass(frozen=True, slots=True)
class RerankResult:
    """How well a document fits a query.

    Args:
        index: Place of the document among those that were given, from 0.
        relevance_score: The model's score, greater for what fits better; its range is the model's.
    """

    index: int
    relevance_score: float


@dataclass(frozen=True, slots=True)
class RerankRequest:
    """What is asked: the body's common fields, and the documents of each request.

    ``top_n`` is not sent: only an answer with all scores shows that none is missing, and the best
    of several batches are known when all have come.
    """

    path: str
    source: str
    model: str
    fields: Mapping[str, Any] = field(repr=False)
    batches: Sequence[Batch]


def require_reranking(provider: Provider) -> RerankSupport:
    """Return how a vendor reranks.

    Raises:
        CapabilityError: If nobody says that it does; the message names those that do.
    """
    if provider.reranking is None:
        having = [other.title for other in PROVIDERS.values() if other.reranking]
        raise CapabilityError(
            f"{provider.title} is not known to rerank ({provider.page}); {' and '.join(having)} is",
            provider=provider.name,
        )
    return provider.reranking


def build_rerank(
    provider: Provider,
    query: str,
    documents: Iterable[str],
    *,
    model: str | None = None,
    top_n: int | None = None,
    batch_size: int = MAX_BATCH_DOCUMENTS,
    max_batch_bytes: int = MAX_BATCH_BYTES,
    extra_body: Mapping[str, Any] | None = None,
    residency: Residency = "eu",
    trusted_models: Collection[str] = (),
) -> RerankRequest:
    """Build the requests for a list of documents.

    Raises:
        ConfigurationError: If an argument is missing, of the wrong type or out of range.
        CapabilityError: If the vendor is not known to rerank.
        ResidencyError: If the model runs at a place that is not accepted.

    Examples:
        >>> from dsgvo import PROVIDERS
        >>> asked = build_rerank(PROVIDERS["sovrgpt"], "Urlaub", ["30 Tage", "28 Euro"])
        >>> asked.path, asked.model, asked.fields["query"]
        ('/rerank', 'bge-reranker-v2-m3', 'Urlaub')
    """
    support = require_reranking(provider)
    if not isinstance(query, str) or not query.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError("query is empty or not a str: say what the documents are to fit")
    if top_n is not None:
        check_count("top_n", top_n)
    require_list("documents", documents)
    cut = batches(
        list(documents),
        max_texts=batch_size,
        max_bytes=max_batch_bytes,
        argument="documents",
    )
    model = require_model(provider, model if is_given(model) else support.default_model)
    refuse_content(extra_body, "query", "documents")
    fields = {"model": model, "query": query, **(extra_body or {})}
    check_models(provider, fields, residency, trusted_models)
    return RerankRequest(support.path, support.source, str(fields["model"]), fields, list(cut))


def decode_rerank(
    provider: Provider, body: bytes, batch: Batch
) -> tuple[list[RerankResult], str | None]:
    """Read a reranking answer and put each score to its document, by ``index``.

    Returns:
        One result a document of the batch, by their places among all documents, and the model
        that the vendor says has answered.

    Raises:
        APIStatusError: If the body is an error under a success status.
        APIResponseError: If scores are missing, doubled, out of range or unreadable.
    """

    def fail(what: str) -> APIResponseError:
        return APIResponseError(
            f"{provider.title}: reranking {batch.named('document')}: {what}",
            provider=provider.name,
            status_code=200,
        )

    answer = read_object(provider, body, fail)
    rows, expected = answer.get("results"), len(batch.texts)
    if not isinstance(rows, list):
        raise fail("the answer has no results")
    scores: dict[int, float] = {}
    for row in cast("list[Any]", rows):
        fields = cast("dict[str, Any]", row if isinstance(row, dict) else {})
        index, score = fields.get("index"), fields.get("relevance_score")
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < expected:
            raise fail(f"expected indexes 0 to {expected - 1}, got {what_came(index)}")
        if index in scores:
            raise fail(f"index {index} came twice")
        if (number := _number(score)) is None:
            raise fail(f"the score at index {index} is not a number")
        scores[index] = number
    if len(scores) != expected:
        raise fail(f"expected {expected} scores, got {len(scores)}")
    model = answer.get("model")
    found = [RerankResult(batch.start + index, score) for index, score in scores.items()]
    return found, model if isinstance(model, str) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    with suppress(OverflowError):  # a whole number of any length
        if isfinite(number := float(value)):
            return number
    return None


def best(results: Iterable[RerankResult], top_n: int | None = None) -> list[RerankResult]:
    """Return the results that fit best, the best first; equal ones in the documents' order.

    Examples:
        >>> [r.index for r in best([RerankResult(0, 0.1), RerankResult(1, 0.9)], top_n=1)]
        [1]
    """
    return sorted(results, key=lambda result: (-result.relevance_score, result.index))[:top_n]
