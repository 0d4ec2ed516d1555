"""The README's LlamaIndex tour and the example program, replayed: no server, the network cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cassettes.programs import run_example
from tests.docs import test_readme as readme


# LlamaIndex itself uses what pydantic and its own workflows have deprecated.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
class TestReadme:
    provider = "several"
    suite = "readme"

    def test_the_tour(self, capsys: pytest.CaptureFixture[str]) -> None:
        readme.run("LlamaIndex")
        printed = capsys.readouterr().out
        assert [text for text in readme.PRINTED["LlamaIndex"] if text not in printed] == []


class TestExample:
    provider = "innogpt"
    suite = "examples"

    def test_rag(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run_example("rag_llamaindex.py", tmp_path, monkeypatch)
        printed = capsys.readouterr().out
        assert "zwei Stunden" in printed
        assert "- datenschutz.md" in printed
