"""Runs of the command as a user's shell makes them: a process of its own, nothing of ours in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
Run = subprocess.CompletedProcess[str]
Dsgvo = Callable[..., Run]
"""Takes the command's arguments; ``env`` adds variables."""

CODE = "from dsgvo.cli import main; main()"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", CODE, *arguments]


def environment(**variables: str) -> dict[str, str]:
    """An environment with neither keys nor proxies, and a terminal of the usual width."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    return {**kept, **coverage, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **variables}


@pytest.fixture
def dsgvo(tmp_path: Path) -> Dsgvo:
    """Run the command in an empty folder and return what came of it."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> Run:
        return subprocess.run(
            command(*arguments),
            cwd=tmp_path,
            env=environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dsgvo:
    """Run the command in this process, which is faster where frameworks are loaded."""
    from dsgvo.cli.app import app

    def run(*arguments: str, env: dict[str, str] | None = None) -> Run:
        monkeypatch.chdir(tmp_path)
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "80", **(env or {})})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(arguments, result.exit_code, result.stdout, result.stderr)

    return run


def one_line(run: Run, code: int = 1) -> str:
    """The one line that a failed run says."""
    assert run.returncode == code, run.stderr + run.stdout
    assert "Traceback" not in run.stderr + run.stdout
    lines = run.stderr.splitlines()
    assert len(lines) == 1, run.stderr
    return lines[0]
