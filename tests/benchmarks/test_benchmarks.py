"""The benchmark runs; what it measures is asserted nowhere, since machines and loads differ."""

import json
import subprocess
import sys

import pytest

from benchmarks.__main__ import main

ROWS = ["langchain-invoke", "langchain-stream", "langchain-embed"]


def test_small_run_measures_ours_and_floor(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--no-peers", "--rounds", "1", "--scale", "0.01", "--json", "--only", *ROWS])
    report = json.loads(capsys.readouterr().out)
    assert [line["row"] for line in report] == ROWS
    assert all(line["ours"] > 0 and line["floor"] > 0 and line["peer"] is None for line in report)


@pytest.mark.slow
def test_a_soak_accounts_for_every_piece_and_leaves_nothing() -> None:
    # In a process of its own: what other tests hold open is not the soak's.
    options = ["--minutes", "0.1", "--streams", "30", "--threads", "3"]
    command = [sys.executable, "-m", "benchmarks.soak", *options]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("left: 0 tasks, 0 descriptors, 0 threads") == 4
    assert run.stdout.count(" 0 wrong;") == 4
