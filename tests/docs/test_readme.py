"""The README's Python runs as it stands, block after block, as a reader would paste it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def sections() -> dict[str, list[str]]:
    """Return the Python blocks of each second-level heading."""
    parts = re.split(r"^## (.+)$", README.read_text("utf-8"), flags=re.M)
    found = {
        title: BLOCK.findall(text) for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    return {title: blocks for title, blocks in found.items() if blocks}


def test_there_is_a_tour_of_langchain() -> None:
    assert len(sections()["LangChain"]) >= 6


@pytest.mark.usefixtures("vendor_environment")
@pytest.mark.parametrize("title", sections())
def test_section_runs(title: str, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(sections()[title], 1):
        exec(compile(block, f"README.md, {title}, block {number}", "exec"), namespace)
    assert capsys.readouterr().out


@pytest.mark.usefixtures("vendor_environment")
def test_what_the_langchain_tour_prints(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec("\n".join(sections()["LangChain"]), namespace)
    printed = capsys.readouterr().out
    assert "84" in printed  # the agent called the tool with three days
    assert "name='Anna' alter=34" in printed
    assert "Datenpannen sind innerhalb von zwei Stunden intern zu melden." in printed
    assert "temperature=3.0 is out of range: use 0 to 2" in printed
