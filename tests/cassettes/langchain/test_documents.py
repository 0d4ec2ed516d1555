"""The README's LangChain tour and the example program, replayed: no server, and the network cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cassettes.programs import run_example
from tests.docs import test_readme as readme


class TestReadme:
    provider = "several"
    suite = "readme"

    def test_the_tour(self, capsys: pytest.CaptureFixture[str]) -> None:
        readme.run("LangChain")
        printed = capsys.readouterr().out
        assert [text for text in readme.PRINTED["LangChain"] if text not in printed] == []


class TestExample:
    provider = "innogpt"
    suite = "examples"

    def test_rag(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run_example("rag_langchain.py", tmp_path, monkeypatch)
        assert "zwei Stunden" in capsys.readouterr().out
