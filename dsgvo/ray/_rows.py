"""Callable classes for ``Dataset.map_batches``: texts to vectors, prompts to answers.

A row that cannot be done has its error in a column. What no row is to blame for, such as a key that
is refused, is raised and ends the job.
"""

# pyright: basic
# pyarrow has no types.

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from dsgvo._secrets import without_frames
from dsgvo.bulk._engine import Engine, Summary
from dsgvo.errors import APIResponseError, ConfigurationError, DsgvoError, environment_error
from dsgvo.providers import Provider
from dsgvo.ray._limit import cluster_gate
from dsgvo.ray._secrets import refuse_secrets
from dsgvo.transport import AsyncClient
from dsgvo.wire.embeddings import (
    MAX_BATCH_BYTES,
    MAX_BATCH_TEXTS,
    batches,
    cut,
    require_embeddings,
)
from dsgvo.wire.limiter import MAX_CONCURRENCY
from dsgvo.wire.residency import check_residency
from dsgvo.wire.usage import total_tokens

__all__ = ["ChatRows", "EmbedTexts"]

Batch = Any
"""Arrays by the name of the column (``batch_format="numpy"``), or a table (``"pyarrow"``)."""


class _Rows:
    def __init__(
        self,
        provider: str | Provider,
        limits: Mapping[str, Any],
        client: Mapping[str, Any],
    ) -> None:
        refuse_secrets(provider, client)
        config = AsyncClient(provider, **{"max_retries": 0, **client}).config
        config.require_arguments()
        self._gate = cluster_gate(config.spec.name, config.base_url, limits)
        self._client = AsyncClient.over(replace(config, rate_limit=self._gate))


class EmbedTexts(_Rows):
    """Adds a column of vectors to the rows of a Ray dataset.

    Each object asks for many rows at once; all objects of a cluster that ask one vendor keep to one
    limit. The key is read from the environment of each node. Source of what a vendor takes: as
    ``Client.embed`` says.

    Args:
        provider: Whose embeddings, by name.
        text: The column to embed.
        vector: The column for vectors: float32, all of one length; NaN, or null in a table, where a
            row has an error.
        error: The column for errors: the type and what it says, never the text; empty, or null in a
            table, where there is none.
        model: As in ``Client.embed``, like those that follow.
        dimensions: Length of the vectors.
        batch_size: Texts a request, 1 or more.
        max_batch_bytes: UTF-8 bytes of text a request, 1 or more.
        requests_per_minute: Bound that the cluster keeps, above 0; else what the vendor takes.
        tokens_per_minute: The same for tokens.
        max_concurrency: Requests at once in the whole cluster, 1 or more.
        allow_undocumented: Use the path of OpenAI's API where the vendor documents none.
        **client: Arguments of :class:`dsgvo.AsyncClient`; ``api_key`` may be a function alone.

    Raises:
        ConfigurationError: If an argument is wrong, a secret is among them, or the rows have one of
            the columns already.

    Examples:
        A million rows on four nodes::

            import ray
            from dsgvo.ray import EmbedTexts

            rows = ray.data.read_parquet("corpus").map_batches(
                EmbedTexts,
                fn_constructor_kwargs={"provider": "innogpt", "text": "body"},
                batch_size=1024,
                compute=ray.data.ActorPoolStrategy(size=4),
            )
            rows.write_parquet("vectors")
    """

    @without_frames
    def __init__(
        self,
        *,
        provider: str | Provider,
        text: str = "text",
        vector: str = "vector",
        error: str = "error",
        model: str | None = None,
        dimensions: int | None = None,
        batch_size: int = MAX_BATCH_TEXTS,
        max_batch_bytes: int = MAX_BATCH_BYTES,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        max_concurrency: int = MAX_CONCURRENCY,
        allow_undocumented: bool = False,
        **client: Any,
    ) -> None:
        next(batches(["x"], max_texts=batch_size, max_bytes=max_batch_bytes))  # checks them
        limits = _limits(requests_per_minute, tokens_per_minute, max_concurrency)
        super().__init__(provider, limits, client)
        config = self._client.config
        model = require_embeddings(config.spec, model, allow_undocumented=allow_undocumented)
        check_residency(config.spec, model, config.residency, config.trusted_models)
        self._columns = text, vector, error
        self._most = batch_size, max_batch_bytes
        self._where = config.base_url, model
        self._size = dimensions or config.spec.model(model).dimensions
        self._fitting = False
        self._options = {
            "model": model,
            "dimensions": dimensions,
            "allow_undocumented": allow_undocumented,
            "halve": False,
        }

    async def __call__(self, batch: Batch) -> Batch:
        """Return the rows with the two columns more."""
        text, vector, error = self._columns
        texts = _values(batch, text, vector, error)
        rows: dict[str, list[int]] = {}
        errors: list[str | None] = [None] * len(texts)
        for row, one in enumerate(texts):
            if isinstance(one, str) and one.strip():
                rows.setdefault(one, []).append(row)
            else:
                errors[row] = f"ConfigurationError: the row has no text in {text!r}"
        found: dict[int, Any] = {}
        engine = Engine[Any](self._gate, Summary())

        async def embed(unit: Sequence[str]) -> None:
            async for asked, result in engine.in_halves(self._embed, unit, self._where):
                for number, one in enumerate(asked):
                    for row in rows[one]:
                        if isinstance(result, DsgvoError):
                            errors[row] = _said(result)
                        else:
                            found[row] = result[number]

        most, size = self._most
        await _all(embed(list(batch.texts)) for batch in cut(rows, most, size))
        if self._size is None:
            if not texts:
                return batch
            said = next(filter(None, errors))
            raise ConfigurationError(f"dimensions: give them, no row says how many: {said}")
        numbers = np.full((len(texts), self._size), np.nan, np.float32)
        for row, values in found.items():
            numbers[row] = values
        if isinstance(batch, pa.Table):
            missing = pa.array([one is not None for one in errors])
            flat = pa.array(numbers.reshape(-1))
            column = pa.FixedSizeListArray.from_arrays(flat, self._size, mask=missing)
            return _with(batch, {vector: column}, error, errors)
        return _with(batch, {vector: numbers}, error, errors)

    async def _embed(self, texts: Sequence[str]) -> Any:
        vectors, _ = await self._client.embed_batch(texts, **self._options)
        numbers = np.array(vectors, np.float32)
        self._size = self._size or numbers.shape[1]
        if numbers.shape[1] != self._size:
            said = f"dimensions: expected {self._size}, got {numbers.shape[1]}"
            if not self._fitting:  # halves, which would be paid for, are as long
                raise environment_error(f"{said}: give dimensions=")
            raise APIResponseError(said)
        self._fitting = True
        return numbers


class ChatRows(_Rows):
    """Adds a column of answers to the rows of a Ray dataset, one request a row.

    As :class:`EmbedTexts` otherwise: many requests at once, one limit for the cluster, the key from
    the environment.

    Args:
        provider: Who is asked, by name.
        model: The chat model.
        prompt: The column that is asked: a text, or a list of messages as OpenAI has them.
        system: Instructions before each prompt that is a text.
        answer: The column for answers; null where a row has an error. Beside it come
            ``finish_reason`` and ``tokens``.
        error: The column for errors: the type and what it says, never the prompt; empty, or null in
            a table, where there is none.
        parameters: Of the request, such as ``{"temperature": 0}``.
        requests_per_minute: Bound that the cluster keeps, above 0; else what the vendor takes.
        tokens_per_minute: The same for tokens.
        max_concurrency: Requests at once in the whole cluster, 1 or more.
        **client: Arguments of :class:`dsgvo.AsyncClient`; ``api_key`` may be a function alone.

    Raises:
        ConfigurationError: If an argument is wrong, a secret is among them, or the rows have one of
            the columns already.

    Examples:
        Rows with a column ``prompt``::

            from dsgvo.ray import ChatRows

            answered = rows.map_batches(
                ChatRows,
                fn_constructor_kwargs={"provider": "sovrgpt", "model": "qwen3.5-9b"},
                batch_size=64,
                concurrency=2,
            )
    """

    @without_frames
    def __init__(
        self,
        *,
        provider: str | Provider,
        model: str | None = None,
        prompt: str = "prompt",
        system: str | None = None,
        answer: str = "answer",
        error: str = "error",
        parameters: Mapping[str, Any] | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        max_concurrency: int = MAX_CONCURRENCY,
        **client: Any,
    ) -> None:
        limits = _limits(requests_per_minute, tokens_per_minute, max_concurrency)
        refuse_secrets(provider, parameters or {})
        super().__init__(provider, limits, client)
        self._columns = prompt, answer, error
        self._system = [] if system is None else [{"role": "system", "content": system}]
        self._asked = {"model": model, **(parameters or {})}

    async def __call__(self, batch: Batch) -> Batch:
        """Return the rows with the columns more."""
        prompt, answer, error = self._columns
        prompts = _values(batch, prompt, answer, error, "finish_reason", "tokens")
        answers: list[str | None] = [None] * len(prompts)
        reasons, errors, tokens = answers.copy(), answers.copy(), [0] * len(prompts)
        engine = Engine[Any](self._gate, Summary())

        async def ask(row: int, value: Any) -> None:
            try:
                messages = self._messages(value)
                done = await engine.attempt(lambda: self._client.chat(messages, **self._asked))
            except DsgvoError as failed:
                if engine.stopping:
                    raise
                errors[row] = _said(failed)
            else:
                answers[row], reasons[row] = done.content, done.finish_reason
                tokens[row] = total_tokens(done.usage)

        await _all(ask(row, value) for row, value in enumerate(prompts))
        columns = {answer: pa.array(answers, pa.string()), "tokens": pa.array(tokens, pa.int64())}
        columns["finish_reason"] = pa.array(reasons, pa.string())
        if not isinstance(batch, pa.Table):
            columns = {
                name: column.to_numpy(zero_copy_only=False) for name, column in columns.items()
            }
        return _with(batch, columns, error, errors)

    def _messages(self, value: Any) -> list[Any]:
        if isinstance(value, str):
            return [*self._system, {"role": "user", "content": value}]
        many = isinstance(value, list | tuple | np.ndarray) and len(value)
        if not many or not all(isinstance(one, Mapping) for one in value):
            raise ConfigurationError(f"the row has no prompt in {self._columns[0]!r}")
        # Rows of Arrow have all fields of all messages, null where a message has none.
        return [{k: v for k, v in one.items() if v is not None} for one in value]


def _limits(requests: float | None, tokens: float | None, concurrency: int) -> Mapping[str, Any]:
    return {
        "requests_per_minute": requests,
        "tokens_per_minute": tokens,
        "max_concurrency": concurrency,
    }


def _said(error: DsgvoError) -> str:
    return f"{type(error).__name__}: {error}"


def _values(batch: Batch, name: str, *added: str) -> list[Any]:
    """Return the values of a column of a batch that has none of those that are to be added."""
    names = batch.schema.names if isinstance(batch, pa.Table) else list(batch)
    if name not in names:
        raise ConfigurationError(f"{name!r}: there is no such column, but {', '.join(names)}")
    if taken := [one for one in added if one in names]:
        raise ConfigurationError(f"there are columns {taken} already: rename them before")
    column: Any = batch[name]
    return column.to_pylist() if isinstance(batch, pa.Table) else column.tolist()


def _with(
    batch: Batch, columns: Mapping[str, Any], error: str, errors: Sequence[str | None]
) -> Batch:
    """Add columns to a batch, in its own format."""
    if isinstance(batch, pa.Table):
        for name, column in {**columns, error: pa.array(errors, pa.string())}.items():
            batch = batch.append_column(name, column)
        return batch
    # An array of nothing but None has no type, which other batches would disagree with.
    return {**batch, **columns, error: np.array([one or "" for one in errors], object)}


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of it at once; if one fails, the others end."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
