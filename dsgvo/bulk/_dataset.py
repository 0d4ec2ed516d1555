"""Corpora to vectors: a source of rows becomes a folder of Parquet parts, part by part."""

# pyright: basic
# pyarrow has no types.

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dsgvo._secrets import hidden
from dsgvo.bulk._engine import (
    MAX_OPEN_PARTS,
    Asked,
    Engine,
    Part,
    Progress,
    Remote,
    Summary,
    address,
    as_error,
    asked,
    check_run,
)
from dsgvo.bulk._journal import Journal, real_path, sync
from dsgvo.bulk._sources import Source, open_source, readable
from dsgvo.bulk._spill import Spill, digest
from dsgvo.errors import APIResponseError, ConfigurationError, DsgvoError
from dsgvo.providers import Provider
from dsgvo.transport import AsyncClient, Gate
from dsgvo.wire.embeddings import (
    MAX_BATCH_BYTES,
    MAX_BATCH_TEXTS,
    batches,
    check_count,
    check_encoding,
    cut,
    require_embeddings,
)
from dsgvo.wire.limiter import MAX_CONCURRENCY, Limiter
from dsgvo.wire.residency import check_residency

__all__ = ["PART_ROWS", "embed_dataset"]

PART_ROWS = 4096
MAX_DIMENSIONS = 1 << 16
_Unit = list[str]


@dataclass(slots=True)
class _Part:
    """Rows of a part; ``units`` are the texts to ask for, as many as go into a request."""

    index: int
    table: pa.Table
    source: str
    keys: list[bytes | None]
    """The digest of each row's text; ``None`` where there is none to embed."""

    units: deque[_Unit] = field(default_factory=deque[_Unit])
    pending: int = 0
    tokens: int = 0
    number: int = 0
    """The how many-th this run has read, by which it is known what is still needed of it."""

    vectors: dict[int, bytes] = field(default_factory=dict[int, bytes])
    """Those that rows have already, when failed ones are tried again."""

    @property
    def rows(self) -> int:
        return len(self.keys)


def embed_dataset(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    provider: str | Provider,
    text: str,
    id: str | None = None,  # noqa: A002 - the option's name
    model: str | None = None,
    dimensions: int | None = None,
    batch_size: int = MAX_BATCH_TEXTS,
    max_batch_bytes: int = MAX_BATCH_BYTES,
    part_rows: int = PART_ROWS,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    max_concurrency: int = MAX_CONCURRENCY,
    retry_errors: bool = False,
    with_inputs: bool = False,
    allow_undocumented: bool = False,
    encoding_format: Literal["base64", "float"] | None = None,
    progress: Progress | None = None,
    remote: Remote | None = None,
    **client: Any,
) -> Summary:
    r"""Embed a column of a dataset into Parquet files with one more column, ``vector``.

    Called again after any end, the same call goes on where it was: parts that are finished are
    neither read into memory as a whole nor paid for again, and what had come of others is kept too.
    Runs an event loop of its own: from a coroutine, call it with ``asyncio.to_thread``, which no
    cancellation ends; what ``progress`` raises does.

    Args:
        source: A ``.parquet``, ``.jsonl`` or ``.csv`` file, a folder of Parquet files, or a folder
            of texts (``.txt``, ``.md``; the column is ``text``).
        target: A folder for ``part-000000.parquet`` and so on. Beside it come its journal, its
            errors and, until the end, a folder for work.
        provider: Whose embeddings, by name.
        text: The column to embed.
        id: A column that names a row in ``TARGET.errors.jsonl``, beside its number.
        model: As in ``Client.embed``, like ``dimensions`` and those that follow.
        dimensions: Length of the vectors.
        batch_size: Texts a request, 1 or more.
        max_batch_bytes: UTF-8 bytes of text a request, 1 or more.
        part_rows: Rows a part, 1 or more. About four parts are in memory at once.
        requests_per_minute: Bound that is kept, above 0; by default what the vendor takes.
        tokens_per_minute: The same for tokens.
        max_concurrency: Requests at once, 1 or more.
        retry_errors: Embed rows that failed before, and nothing else.
        with_inputs: Put a failed row's text into the errors' file.
        allow_undocumented: Use the path of OpenAI's API where the vendor documents none.
        encoding_format: How vectors travel.
        progress: Is told about once a second what has been done.
        remote: Processes that make the requests in place of this one: a :class:`dsgvo.ray.Cluster`.
        **client: Arguments of :class:`dsgvo.AsyncClient`, such as ``api_key``.

    Returns:
        What was done. Identical texts are embedded once within a part and the 16 before it.

    Raises:
        ConfigurationError: If an argument or the source is wrong, or differs from those of the run
            that is to go on.
        APIError: If the vendor refuses the key or the quota is used up, or is down, or if it
            refuses one text after another, and ``"Text"`` too.
        OSError: If the disk is full, for instance; what had come before is kept.
        KeyboardInterrupt: After Ctrl-C, once what was in flight is kept; after a second one at
            once.

    Examples:
        >>> import json, pathlib, tempfile
        >>> import pyarrow.parquet as pq
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> rows = [{"id": 1, "body": "Guten Tag"}, {"id": 2, "body": "Gute Nacht"}]
        >>> _ = (folder / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
        >>> done = embed_dataset(
        ...     folder / "in.jsonl", folder / "out", provider="innogpt", text="body", dimensions=4
        ... )
        >>> done.rows, done.failed
        (2, 0)
        >>> pq.read_table(folder / "out").schema.names
        ['id', 'body', 'vector']
    """
    given = hidden(client)
    del client  # a traceback shows what is held here
    flags = {"retry_errors": retry_errors, "with_inputs": with_inputs}
    flags["allow_undocumented"] = allow_undocumented
    check_run({"source": source, "target": target}, flags, progress, remote, given().keys())
    counts = {"part_rows": part_rows, "max_concurrency": max_concurrency}
    if dimensions is not None:
        counts["dimensions"] = dimensions
    for name, value in counts.items():
        check_count(name, value)
    if dimensions is not None and dimensions > MAX_DIMENSIONS:
        raise ConfigurationError(f"dimensions={dimensions}: use at most {MAX_DIMENSIONS}")
    next(batches(["x"], max_texts=batch_size, max_bytes=max_batch_bytes))  # checks them
    limiter = Limiter(
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        max_concurrency=max_concurrency,
    )
    summary = Summary()
    engine = Engine[_Unit](Gate(limiter), summary, progress)
    config = AsyncClient(provider, rate_limit=engine.gate, max_retries=0, **given()).config
    config.require_arguments()
    check_encoding(encoding_format)
    model = require_embeddings(config.spec, model, allow_undocumented=allow_undocumented)
    check_residency(config.spec, model, config.residency, config.trusted_models)
    rows = open_source(Path(source), text)
    if id is not None and id not in rows.schema.names:
        raise ConfigurationError(f"id={id!r}: there is no such column")
    settings = {
        "input": [[file.name, file.stat().st_size] for file in rows.files],
        "rows": rows.rows,
        "provider": config.spec.name,
        "base_url": address(config),
        "model": model,
        "dimensions": dimensions,
        "text": text,
        "id": id,
        "part_rows": part_rows,
    }
    if real_path(Path(target)).is_relative_to(Path(source).resolve()):
        raise ConfigurationError(f"target={str(target)!r} is in the source: give one beside it")
    journal = Journal(Path(source), Path(target), settings, retry=retry_errors)
    known = dimensions or config.spec.model(model).dimensions
    options = {
        "model": model,
        "dimensions": dimensions,
        "allow_undocumented": allow_undocumented,
        "encoding_format": encoding_format,
        "halve": False,
    }
    noted = (line.get("dimensions") for line in journal.parts.values())
    finished, pool = False, pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())  # the others keep what they have had
    with ExitStack() as ending:
        ending.callback(lambda: journal.close(finished=finished))
        ending.callback(pa.set_memory_pool, pool)
        job = _Job(
            source=Path(source),
            rows=rows,
            text=text,
            id=id,
            part_rows=part_rows,
            batch=(batch_size, max_batch_bytes),
            with_inputs=with_inputs,
            journal=journal,
            spill=Spill(journal.work, dimensions or next(noted, None)),
            known_dimensions=known,
            engine=engine,
            client=asked(config, engine.gate, remote, given),
            where=(config.base_url, model),
            options=options,
        )
        ending.callback(job.spill.close)
        asyncio.run(engine.run(job.parts(retry_errors=retry_errors), job.perform, job.finish))
        if not retry_errors:
            journal.require_rows(rows.rows)
        finished = True
    return summary


def _values(column: Any) -> list[Any]:
    try:
        return column.to_pylist()
    except (ValueError, OverflowError):
        return [_value(one) for one in column]


def _value(found: Any) -> Any:
    """Return a value of a table; ``None`` for one that Python has not, as Parquet may hold.

    Such are a text that is not in UTF-8, and a time after the year 9999.
    """
    try:
        return found.as_py()
    except (ValueError, OverflowError):
        return None


def _keys(texts: Sequence[str | None]) -> list[bytes | None]:
    return [digest(one) if one and one.strip() else None for one in texts]


@dataclass(kw_only=True)
class _Job:
    source: Path
    rows: Source
    text: str
    id: str | None
    part_rows: int
    batch: tuple[int, int]
    with_inputs: bool
    journal: Journal
    spill: Spill
    known_dimensions: int | None
    engine: Engine[_Unit]
    client: Asked
    where: tuple[str, str]
    options: Mapping[str, Any]
    queued: dict[bytes, int] = field(default_factory=dict[bytes, int])
    """Texts that open parts ask for, and the number of the part."""

    failed: dict[bytes, tuple[int, dict[str, Any]]] = field(
        default_factory=dict[bytes, "tuple[int, dict[str, Any]]"]
    )
    """Texts of open parts that got an error, and the number of the part."""

    def parts(self, *, retry_errors: bool) -> Iterator[Part[_Unit]]:
        """Read the parts that are not finished; or, to retry, those with errors."""
        journal, summary = self.journal, self.engine.summary
        summary.total = self.rows.rows
        if retry_errors:
            summary.failed = sum(line["failed"] for line in journal.parts.values())
            summary.rows = summary.begun = sum(line["rows"] for line in journal.parts.values())
            yield from self._failed_parts()
            return
        number = None
        for index, table in enumerate(self._tables()):
            texts: list[str | None] = _values(table.column(self.text))
            keys = _keys(texts)
            ids = _values(table.column(self.id)) if self.id else ()
            source = sha256(b"".join(key or b"-" for key in keys) + repr(ids).encode()).hexdigest()
            if journal.done(index, source) and self._file(index).exists():
                self._require_whole(index)
                summary.rows += len(keys)
                summary.begun += len(keys)
                summary.failed += journal.parts[index]["failed"]
            else:
                number = index if number is None else number + 1
                part = _Part(index, table, source, keys, number=number)
                self._cut(part, zip(keys, texts, strict=True))
                yield part

    def _tables(self) -> Iterator[pa.Table]:
        with readable(self.source):
            yield from self.rows.tables(self.part_rows)

    def _failed_parts(self) -> Iterator[Part[_Unit]]:
        noted = sorted(self.journal.parts.items())
        for number, index in enumerate(index for index, line in noted if line["failed"]):
            self._require_whole(index)
            with readable(self._file(index)), self._file(index).open("rb") as file:
                whole = pq.read_table(file)
            vectors: Any = whole.column("vector").combine_chunks()
            failed = np.flatnonzero(vectors.is_null())
            size = vectors.type.list_size
            numbers: Any = vectors.values.to_numpy(zero_copy_only=False).reshape(-1, size)
            table = whole.drop_columns(["vector"])
            texts: list[str | None] = _values(table.column(self.text))
            keys = _keys(texts)
            part = _Part(index, table, self.journal.parts[index]["source"], keys, number=number)
            part.vectors = {
                row: numbers[row].tobytes() for row in range(part.rows) if vectors[row].is_valid
            }
            self.spill.dimensions = size
            self._cut(part, ((keys[row], texts[row]) for row in failed))
            self.engine.summary.rows -= part.rows
            self.engine.summary.begun -= part.rows
            self.engine.summary.failed -= self.journal.parts[index]["failed"]
            yield part

    def _require_whole(self, index: int) -> None:
        """Refuse the file of a finished part that is not as a run leaves it."""
        path, noted = self._file(index), self.journal.parts[index]
        whole = False
        with suppress(pa.ArrowException, OSError, ValueError, KeyError), path.open("rb") as file:
            found: Any = pq.read_metadata(file)
            schema = found.schema.to_arrow_schema()
            vector = pa.list_(pa.float32(), noted["dimensions"])
            whole = found.num_rows == noted["rows"] and schema.field("vector").type == vector
            whole = whole and {self.text, self.id or self.text} <= {*schema.names}
        if whole:
            return
        raise ConfigurationError(
            f"{str(path)!r} is not what the run has left there: put that back, or remove it and "
            "run without retrying errors to embed its rows again"
        )

    def _cut(self, part: _Part, texts: Iterable[tuple[bytes | None, str | None]]) -> None:
        """Cut a part's texts into units, each text once and none that is known or asked for."""
        new: list[str] = []
        for key, one in texts:
            if key is None or one is None or key in self.queued:
                continue
            if self.spill.renew(part.number, key):
                continue
            self.queued[key] = part.number
            new.append(one)
        most, size = self.batch
        part.units.extend(list(batch.texts) for batch in cut(new, most, size))  # bad ones are rows
        part.pending = len(part.units)

    async def perform(self, part: Any, unit: _Unit) -> None:
        """Embed the texts of a unit; of one that is refused, those that are not at fault."""
        async for texts, found in self.engine.in_halves(self._embed, unit, self.where):
            if isinstance(found, DsgvoError):
                self.failed[digest(texts[0])] = (part.number, as_error(found))
                continue
            vectors, tokens = found
            self.spill.add(part.number, [digest(one) for one in texts], vectors)
            part.tokens += tokens
            self.engine.summary.tokens += tokens
            self.engine.summary.texts += len(texts)

    async def _embed(self, texts: Sequence[str]) -> tuple[Sequence[Any], int]:
        vectors, tokens = await self.client.embed_batch(texts, **self.options)
        wanted = self.spill.dimensions or len(vectors[0])
        if len(vectors[0]) != wanted:
            raise APIResponseError(f"expected {wanted} dimensions, got {len(vectors[0])}")
        return vectors, tokens

    def finish(self, part: Any) -> None:
        """Write a part under another name, rename it, and note it."""
        size = self.spill.dimensions or self.known_dimensions
        if size is None:
            _, first = next(iter(self.failed.values()), (0, {"message": "they have no texts"}))
            raise ConfigurationError(
                f"none of the first {part.rows} rows could be embedded, so nothing says how long "
                f"vectors are: {first['message']}"
            )
        self.spill.dimensions = size
        numbers = np.zeros((part.rows, size), "<f4")
        missing = np.zeros(part.rows, bool)
        errors: list[dict[str, Any]] = []
        for row, key in enumerate(part.keys):
            data = part.vectors.get(row) or (self.spill.get(key) if key is not None else None)
            if data is None:
                missing[row] = True
                errors.append(self._error(part, row, key))
            else:
                numbers[row] = np.frombuffer(data, "<f4")
        vectors = pa.FixedSizeListArray.from_arrays(
            pa.array(numbers.reshape(-1)), size, mask=pa.array(missing)
        )
        table = part.table.append_column("vector", vectors)
        file = self._file(part.index)
        file.parent.mkdir(exist_ok=True)
        temporary = file.with_name(f".{file.name}.tmp")  # the target may be a disk of its own
        names = part.table.schema.names
        with temporary.open("wb") as written:
            pq.write_table(table, written, compression="zstd", use_dictionary=names)
            sync(written)
        temporary.replace(file)
        facts = {"rows": part.rows, "tokens": part.tokens, "dimensions": size}
        self.journal.note(part.index, errors, source=part.source, **facts)
        self.engine.summary.failed += len(errors)
        self.spill.forget(part.number)
        for key in [one for one, asker in list(self.queued.items()) if asker == part.number]:
            del self.queued[key]
        for key, (asker, _) in list(self.failed.items()):
            if asker < part.number - MAX_OPEN_PARTS:
                del self.failed[key]

    def _error(self, part: _Part, row: int, key: bytes | None) -> dict[str, Any]:
        line: dict[str, Any] = {"row": part.index * self.part_rows + row}
        if self.id is not None:
            line["id"] = _value(part.table.column(self.id)[row])
        none = f"the row has no text in {self.text!r}, or is not in UTF-8"
        fault = {"type": "ConfigurationError", "message": none}
        line["error"] = fault if key is None else self.failed[key][1]
        if self.with_inputs:
            line["input"] = _value(part.table.column(self.text)[row])
        return line

    def _file(self, index: int) -> Path:
        return self.journal.target / f"part-{index:06}.parquet"
