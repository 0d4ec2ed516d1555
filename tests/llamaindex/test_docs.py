"""The page on LlamaIndex runs as it stands, block after block, as a reader would paste it."""

from __future__ import annotations

import gc
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "llamaindex.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)


# LlamaIndex itself uses what pydantic and its own workflows have deprecated.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_page_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "-")
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR")  # and what the page sets is taken back
    namespace: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(BLOCKS, 1):
        exec(compile(block, f"llamaindex.md, block {number}", "exec"), namespace)
    namespace.clear()
    gc.collect()  # LlamaIndex's memory leaves a connection to SQLite open
    printed = capsys.readouterr().out
    assert "30 Tage Urlaub im Kalenderjahr zu. - urlaub.md" in printed
    assert "Passwörter haben mindestens 14 Zeichen. [1]" in printed
    assert "Person(name='Anna', alter=34)" in printed
    assert "84" in printed  # the agent called the tool with three days
    assert "temperature=3.0 is out of range: use 0 to 2" in printed
    assert printed.rstrip().endswith("True")
