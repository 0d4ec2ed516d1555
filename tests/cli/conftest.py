"""Runs of the command as a user's shell makes them, and in this process, which is faster."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dsgvo.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "from dsgvo.cli import main; main()")
Run = subprocess.CompletedProcess[str]
Invoke = Callable[..., Run]
"""Takes the command's arguments; ``env`` adds variables."""


def environment(**variables: str) -> dict[str, str]:
    """An environment with neither keys nor proxies, and a terminal of the usual width."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    return {**kept, **coverage, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **variables}


def ran(*program: str, encoding: str = "utf-8", typed: str = "", **variables: str) -> Run:
    """What came of a program, in a process of its own with nothing of ours in it."""
    options: dict[str, Any] = {"input": typed, "capture_output": True, "timeout": 100}
    return subprocess.run(program, env=environment(**variables), encoding=encoding, **options)


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, env: dict[str, str] | None = None) -> Run:
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "80", **(env or {})})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(arguments, result.exit_code, result.stdout, result.stderr)

    return run


def one_line(run: Run) -> str:
    """The one line that a failed run says."""
    assert run.returncode == 1, run.stderr + run.stdout
    assert "Traceback" not in run.stderr + run.stdout
    (line,) = run.stderr.splitlines()
    return line
