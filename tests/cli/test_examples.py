"""The example programs run as they are, in a process of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dsgvo.emulator import Server
from tests.cli.conftest import ROOT, environment


@pytest.mark.parametrize("name", ["rag_langchain.py", "rag_llamaindex.py"])
def test_an_example_answers(server: Server, name: str) -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)],
        env=environment(**server.environ("innogpt"), INNOGPT_MODEL="gpt-5"),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "zwei Stunden" in run.stdout
