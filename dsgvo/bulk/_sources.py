"""Sources of rows: Parquet, JSONL, CSV, or a folder of texts, read in parts of so many rows."""

# pyright: basic
# pyarrow has no types.

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from dsgvo._warnings import warn_once
from dsgvo.errors import ConfigurationError

__all__ = ["Source", "open_source", "readable"]

TEXT_SUFFIXES = (".txt", ".md")
SAMPLE = 10_000
"""Lines of JSONL whose types are found at once."""

MAX_COLUMNS, MAX_NAMES = 10_000, 1_000
"""Names of JSONL's columns, and those within one that is no JSON text: each is a place in each row,
so that objects with ids for names would cost the square of their number."""

MAX_CELLS = 2**24
"""Such places of a sample's objects, in lists too: a list of empty ones has one for each name that
an object of its column has somewhere.
"""

_BLOCK = 2**20  # bytes of CSV that Arrow reads at once
_LONGEST_CELL = 2**31 - 1  # of CSV, for Python's reader


class Source(Protocol):
    """Rows of one schema, in an order that is the same each time."""

    files: Sequence[Path]
    schema: pa.Schema
    rows: int

    def tables(self, rows: int) -> Iterator[pa.Table]:
        """Yield tables of so many rows each; the last may have fewer."""
        ...


def open_source(path: Path, text: str) -> Source:
    """Return the rows of a file or folder.

    Args:
        path: ``*.parquet``, ``*.jsonl`` or ``*.ndjson``, ``*.csv``, a folder of Parquet files, or a
            folder of texts (``*.txt``, ``*.md``), whose rows have the columns ``path`` and
            ``text``.
        text: The column that is to be embedded.

    Raises:
        ConfigurationError: If there is no such file, column or row, or it is unreadable.
    """
    with readable(path):
        source = _open(path)
    if not source.rows:
        raise ConfigurationError(f"{str(path)!r} has no rows")
    names = source.schema.names
    if text not in names:
        have = ", ".join(names) or "no line that is a JSON object in UTF-8"
        raise ConfigurationError(f"text={text!r}: {str(path)!r} has no such column, but {have}")
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise ConfigurationError(f"{str(path)!r} has columns of one name, {twice}: rename them")
    kind: Any = source.schema.field(text).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise ConfigurationError(f"text={text!r}: the column holds {kind}, not texts")
    if "vector" in names:
        raise ConfigurationError(
            f"{str(path)!r} has a column 'vector' already, which the result adds: rename it"
        )
    return source


@contextmanager
def readable(path: Path) -> Generator[None]:
    """Say what is wrong with a file in a block that reads it, without what its rows hold."""
    try:
        yield
    except (pa.ArrowException, csv.Error, OSError, ValueError, OverflowError) as error:
        why = f"{error}"
        if found := re.match(r"CSV parse error: [^\n]*?, got \d+", why):
            why = found[0]  # the line follows
        elif isinstance(error, pa.ArrowException) and "convert" in why:
            why = "its values are not of the types that they were"
        raise ConfigurationError(f"{str(path)!r} is unreadable: {why}") from None


def _open(path: Path) -> Source:
    if path.is_dir():
        files = _files(path)
        texts = [one for one in files if one.suffix.lower() in TEXT_SUFFIXES]
        found = [one for one in files if one.suffix.lower() == ".parquet"]
        if other := next((one for one in found or texts if not one.is_file()), None):
            raise ConfigurationError(f"{str(other)!r} is no file that can be read")
        if found:
            if texts:
                _tell_left_out(path, f"texts beside its Parquet files, such as {texts[0].name!r}")
            source = _Parquet(found)
            _require_columns(path, source)
            return source
        if not texts:
            raise ConfigurationError(
                f"{str(path)!r} has neither Parquet files nor texts (.txt, .md)"
            )
        return _Texts(path, texts)
    kinds = {".parquet": _Parquet, ".jsonl": _JSONL, ".ndjson": _JSONL, ".csv": _CSV}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise ConfigurationError(
            f"{str(path)!r} is not a source: use .parquet, .jsonl, .csv or a folder"
        )
    if not path.is_file():
        raise ConfigurationError(f"{str(path)!r}: there is no such file")
    return kind([path])


def _files(folder: Path) -> list[Path]:
    """Return the files in a folder and below it, in order, without what is hidden."""

    def unreadable(error: OSError) -> None:
        _tell_left_out(folder, f"{error.filename!r}: {error.strerror}")

    found: list[Path] = []
    inside = folder.resolve()
    for parent, folders, names in os.walk(folder, onerror=unreadable):
        if any(name.startswith(".") for name in (*folders, *names)):
            _tell_left_out(folder, "hidden files or folders, whose names begin with a dot")
        folders[:] = [name for name in folders if not name.startswith(".")]
        for link in filter(Path.is_symlink, (Path(parent, name) for name in folders)):
            if not link.resolve().is_relative_to(inside):
                _tell_left_out(folder, f"{link.name!r}, a link to another folder")
        found += (Path(parent, name) for name in names if not name.startswith("."))
    return sorted(found)


def _tell_left_out(folder: Path, what: str) -> None:
    warn_once(("left out", str(folder), what), f"{str(folder)!r}: left out {what}", UserWarning)


def _require_columns(folder: Path, source: Source) -> None:
    """Refuse a partitioned dataset: what its folders are named for would be lost."""
    names = {part for file in source.files for part in file.relative_to(folder).parent.parts}
    columns = {name.partition("=")[0] for name in names if "=" in name}
    if lost := sorted(columns.difference(source.schema.names)):
        raise ConfigurationError(
            f"{str(folder)!r} has columns that only its folders name, {lost}: write them into one "
            "file, as in pyarrow.parquet.write_table(pyarrow.parquet.read_table(folder), file)"
        )


def _in_parts(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, rows: int
) -> Iterator[pa.Table]:
    """Cut batches anew, by the number of rows alone."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += batch.num_rows
        while size >= rows:
            whole = pa.Table.from_batches(waiting, schema)
            yield whole.slice(0, rows)
            waiting = whole.slice(rows).to_batches()
            size -= rows
    if size:
        yield pa.Table.from_batches(waiting, schema)


class _Parquet:
    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        self.schema = pq.read_schema(files[0]).remove_metadata()
        self.rows = sum(pq.read_metadata(file).num_rows for file in files)
        for file in files[1:]:
            if not pq.read_schema(file).remove_metadata().equals(self.schema):
                raise ConfigurationError(f"{str(file)!r} has other columns than {str(files[0])!r}")

    def tables(self, rows: int) -> Iterator[pa.Table]:
        return _in_parts(self._batches(rows), self.schema, rows)

    def _batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        for file in self.files:
            with pq.ParquetFile(file) as opened:
                for batch in opened.iter_batches(rows):
                    yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)


class _CSV:
    """All columns are texts, as CSV has no types: ``007`` stays what it is."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        names, self._longest = _names(files[0])
        self.schema = pa.schema([(name, pa.string()) for name in names])
        self.rows = sum(batch.num_rows for batch in self._batches())

    def tables(self, rows: int) -> Iterator[pa.Table]:
        return _in_parts(self._batches(), self.schema, rows)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        types = pa_csv.ConvertOptions(column_types=self.schema)
        lines = pa_csv.ParseOptions(newlines_in_values=True)
        block = pa_csv.ReadOptions(block_size=max(_BLOCK, 8 * self._longest))  # has a whole row
        with pa_csv.open_csv(self.files[0], block, lines, types) as reader:
            yield from reader


def _names(path: Path) -> tuple[list[str], int]:
    """Return the names of a CSV file's columns, and the characters of its longest row.

    A quote without an end would hide rows.
    """
    most = csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows, names, begin, longest = csv.reader(file, strict=True), [], 1, 0
            for row in rows:
                names = row if begin == 1 else names
                longest = max(longest, sum(map(len, row)))
                begin = rows.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"{error}, in the row that begins with line {begin}") from None
    finally:
        csv.field_size_limit(most)
    return names, longest


class _JSONL:
    """Read twice: first for the types of all rows. Where they disagree, a column is JSON text."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        self.rows = 0
        self.schema = pa.schema([])
        self._as_json: set[str] = set()
        self._names = Counter[str]()  # within a column
        self._objects = Counter[str]()  # in a column of a sample, at most
        self._cells, self._cells_of = 0, dict[str, int]()
        kinds: dict[str, pa.DataType] = {}
        known: dict[str, Any] = {}
        for lines in self._lines(SAMPLE):
            self.rows += len(lines)
            self._learn(lines, kinds, known)
            if len(kinds) > MAX_COLUMNS:
                raise ValueError(f"its lines have more than {MAX_COLUMNS:,} names")
        for name, kind in kinds.items():
            if pa.types.is_nested(kind) and not _is_writable(pa.field(name, kind)):
                self._as_json.add(name)
                kinds[name] = pa.string()
        self.schema = pa.schema(list(kinds.items()))

    def _learn(
        self, lines: list[dict[str, Any]], kinds: dict[str, pa.DataType], known: dict[str, Any]
    ) -> None:
        columns: dict[str, list[Any]] = {}
        for line in lines:
            for name, value in line.items():
                columns.setdefault(name, []).append(value)
        for name, column in columns.items():
            if name in self._as_json:
                continue
            try:
                self._learn_names(name, column, known.setdefault(name, {}))
                if not {bool, dict, list}.isdisjoint(map(type, column)):
                    pa.array([_with_texts(value) for value in column])
                found = [kinds.get(name, pa.null()), pa.array(column).type]
                schemas = [pa.schema([(name, one)]) for one in found]
                kind = pa.unify_schemas(schemas, promote_options="permissive").field(name).type
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, RecursionError):
                self._as_json.add(name)
                kind = pa.string()
            kinds[name] = kind

    def _learn_names(self, column: str, values: list[Any], known: dict[str, Any]) -> None:
        new, objects = _new_names(values, known)
        self._names[column] += new
        self._objects[column] = max(self._objects[column], objects)
        cells = self._objects[column] * self._names[column]
        self._cells += cells - self._cells_of.pop(column, 0)
        if self._names[column] > MAX_NAMES or self._cells > MAX_CELLS:
            self._cells -= cells
            raise OverflowError
        self._cells_of[column] = cells

    def tables(self, rows: int) -> Iterator[pa.Table]:
        for lines in self._lines(rows):
            for name in self._as_json:
                for line in lines:
                    if not isinstance(line.get(name), str | None):
                        line[name] = json.dumps(line[name], ensure_ascii=False)
            yield pa.Table.from_pylist(lines, self.schema)

    def _lines(self, rows: int) -> Iterator[list[dict[str, Any]]]:
        lines: list[dict[str, Any]] = []
        with self.files[0].open(encoding="utf-8-sig", errors="surrogateescape") as file:
            for line in file:
                if not line.strip():
                    continue
                try:
                    value: Any = json.loads(line)
                    again = json.dumps(value, ensure_ascii=False) if "\\ud" in line.lower() else ""
                    (line + again).encode()
                except (ValueError, RecursionError):
                    value = None
                # A line that is no object in UTF-8 is a row without a text, an error of its own.
                lines.append(value if isinstance(value, dict) else {})
                if len(lines) == rows:
                    yield lines
                    lines = []
        if lines:
            yield lines


class _Texts:
    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        self.files = files
        self.rows = len(files)
        self.schema = pa.schema([("path", pa.string()), ("text", pa.string())])
        self._folder = folder

    def tables(self, rows: int) -> Iterator[pa.Table]:
        for start in range(0, self.rows, rows):
            found = [
                {"path": _name(file.relative_to(self._folder)), "text": _text(file)}
                for file in self.files[start : start + rows]
            ]
            yield pa.Table.from_pylist(found, self.schema)


def _name(path: Path) -> str:
    return os.fsencode(path.as_posix()).decode(errors="replace")


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return None  # a row without a text, as in other sources


def _with_texts(value: Any) -> Any:
    """Return a value with texts for truth values: Arrow makes numbers of those among numbers."""
    if isinstance(value, dict):
        return {name: _with_texts(one) for name, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_with_texts(one) for one in cast("list[Any]", value)]
    return str(value) if isinstance(value, bool) else value


def _new_names(value: Any, known: dict[str, Any]) -> tuple[int, int]:
    """Add the names in a value of JSON to those that are known.

    Returns:
        How many are new, and how many objects the value has.
    """
    new = objects = 0
    if isinstance(value, dict):
        new, objects = sum(name not in known for name in value), 1
        inner = [(one, known.setdefault(name, {})) for name, one in value.items()]
    else:
        inner = [(one, known) for one in value]
    for one, names in inner:
        if isinstance(one, dict | list):
            more, others = _new_names(one, names)
            new, objects = new + more, objects + others
    return new, objects


def _is_writable(field: pa.Field) -> bool:
    """Return whether Parquet can hold a column: none that is empty within, or very deep."""
    file = io.BytesIO()
    try:
        pq.write_table(pa.schema([field]).empty_table(), file)
        pq.read_schema(file)
    except (pa.ArrowException, OSError):
        return False
    return True
