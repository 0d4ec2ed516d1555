"""Contestants in processes of their own, measured in turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.imports import added
from benchmarks.rows import CONTESTANTS, Row

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = Path(__file__).parent / ".venv"


@dataclass(slots=True)
class Result:
    """What a row's contestants cost, a number a round: microseconds a unit, or milliseconds."""

    row: Row
    costs: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def cost(self, contestant: str) -> float | None:
        """Return the median, or nothing if the contestant did not run."""
        return median(self.costs[contestant]) if self.costs.get(contestant) else None

    def ratio(self, other: str) -> float | None:
        """Return ours by the other's: the median over the rounds, so that slow spells cancel."""
        if not self.costs.get(other):
            return None
        pairs = zip(self.costs["ours"], self.costs[other], strict=True)
        return median(ours / theirs for ours, theirs in pairs)

    @property
    def holds(self) -> bool | None:
        """Whether ours is within the row's bound, if it has one."""
        if self.row.bound is None:
            return None
        measured = self.cost("ours") if self.row.kind == "import" else self.ratio("floor")
        return None if measured is None else measured <= self.row.bound


def interpreter(framework: str) -> str:
    """Return the Python that has a framework's peer, or else this one."""
    python = ENVIRONMENTS / framework / "bin" / "python"
    return str(python) if python.exists() else sys.executable


def _environment() -> dict[str, str]:
    """Return an environment without proxies, keys and tracing, which would be measured too."""
    dropped = ("proxy", "langsmith", "langchain", "openai")
    kept = {name: value for name, value in os.environ.items() if not _starts(name, dropped)}
    return {**kept, "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}


def _starts(name: str, dropped: Sequence[str]) -> bool:
    name = name.lower()
    return name.startswith(dropped := tuple(dropped)) or name.endswith(dropped)


@contextmanager
def _process(python: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [python, "-m", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(),
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def server() -> Iterator[str]:
    """Run the server with the canned answers; gives its address."""
    with _process(sys.executable, "benchmarks.server") as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


class Race:
    """Measures rows; a context that owns the processes.

    Args:
        rounds: How often each contestant runs a row.
        peers: Whether the peers run too.
        scale: Share of a row's repetitions that a round does.
    """

    def __init__(self, *, rounds: int, peers: bool = True, scale: float = 1) -> None:
        self._rounds = rounds
        self._scale = scale
        self._contestants = [name for name in CONTESTANTS if peers or name != "peer"]
        self._workers: dict[tuple[str, str], subprocess.Popen[str]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Race:
        self.url = self._stack.enter_context(server())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, row: Row) -> Result:
        """Measure one row: a round to warm up, then the rounds that count."""
        result = Result(row)
        measure = self._import if row.kind == "import" else self._cpu
        for round_number in range(self._rounds + 1):
            for contestant in self._contestants:
                cost = measure(row, contestant)
                if cost is not None and round_number:
                    result.costs.setdefault(contestant, []).append(cost)
        return result

    def memory(self, texts: int) -> float:
        """Return by how many megabytes embedding so many texts of 1 kB grows a process."""
        with _process(sys.executable, "benchmarks.memory", self.url, str(texts)) as process:
            assert process.stdout is not None
            return float(process.stdout.readline())

    def run_memory(self, rows: int) -> float:
        """Return the peak of a resumable run over so many rows, in megabytes."""
        with _process(sys.executable, "benchmarks.memory", self.url, str(rows), "run") as process:
            assert process.stdout is not None
            return float(process.stdout.readline())

    def _import(self, row: Row, contestant: str) -> float | None:
        if contestant == "floor":
            return None
        return added(interpreter(row.framework), row.framework, contestant) * 1e3

    def _cpu(self, row: Row, contestant: str) -> float:
        worker = self._worker(row.framework, contestant)
        assert worker.stdin is not None
        assert worker.stdout is not None
        repeat = max(1, round(row.repeat * self._scale))
        worker.stdin.write(f"{row.name} {repeat}\n")
        worker.stdin.flush()
        answer: dict[str, Any] = json.loads(worker.stdout.readline() or "{}")
        if not answer:
            raise SystemExit(f"error: {contestant} failed at {row.name}; see above")
        return answer["seconds"] / answer["units"] * 1e6

    def _worker(self, framework: str, contestant: str) -> subprocess.Popen[str]:
        key = (framework, contestant)
        if key not in self._workers:
            arguments = ("benchmarks.worker", contestant, framework, self.url)
            process = _process(interpreter(framework), *arguments)
            self._workers[key] = self._stack.enter_context(process)
        return self._workers[key]
