"""Sources to embed, and what came of them."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from dsgvo.bulk import Summary, embed_dataset
from dsgvo.emulator import Server
from tests.cli.conftest import COMMAND
from tests.cli.conftest import environment as shell
from tests.processes import started


@pytest.fixture
def environment(vendor_environment: Server) -> Server:
    """The emulator under the vendors' variables."""
    return vendor_environment


@contextmanager
def at_work(server: Server, *program: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The command, as it works in a process of its own."""
    variables = shell(**server.environ("innogpt"))
    with started([*COMMAND, *map(str, program), "--provider", "innogpt"], variables) as process:
        yield process


def write_lines(path: Path, lines: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines), "utf-8")
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def corpus(path: Path, rows: int = 600, others: Mapping[int, str] | None = None) -> Path:
    """Rows of which no two have the same text, but for those that are given by number."""
    texts = {n: f"Absatz {n} über Urlaub" for n in range(rows)} | dict(others or {})
    return write_lines(path, [{"n": n, "body": text} for n, text in texts.items()])


def embedded(source: Path, target: Path, **arguments: Any) -> Summary:
    given: dict[str, Any] = {"provider": "innogpt", "text": "body", "dimensions": 8}
    given |= {"part_rows": 128, "batch_size": 16} | arguments
    return embed_dataset(source, target, **given)


def rows_of(target: Path) -> list[dict[str, Any]]:
    table: Any = ds.dataset(target, format="parquet").to_table()
    return table.to_pylist()


def texts_asked(server: Server) -> list[str]:
    """Every text that the vendor was asked for, as often as it was."""
    bodies = [one.json for one in server.requests]
    return [text for body in bodies if isinstance(body, Mapping) for text in body["input"]]
