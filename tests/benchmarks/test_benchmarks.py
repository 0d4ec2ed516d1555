"""The benchmark runs; what it measures is asserted nowhere, since machines and loads differ."""

from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import main

ROWS = ["langchain-invoke", "langchain-stream", "langchain-embed"]


def test_small_run_measures_ours_and_floor(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--no-peers", "--rounds", "1", "--scale", "0.01", "--json", "--only", *ROWS])
    report = json.loads(capsys.readouterr().out)
    assert [line["row"] for line in report] == ROWS
    assert all(line["ours"] > 0 and line["floor"] > 0 and line["peer"] is None for line in report)


def test_unknown_row_is_an_error_that_names_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "nonsense"])
    assert "langchain-invoke" in capsys.readouterr().err
