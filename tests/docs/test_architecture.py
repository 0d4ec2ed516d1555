"""ARCHITECTURE.md and its neighbours name files and definitions that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
GENERATED = re.compile(r"^(vendors/\w+|from-\w+|architecture|security|changelog)\.md$")
QUOTED = re.compile(r"`([\w.-]+/[\w./-]*)(?:::(\w+))?`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def faults(page: Path, text: str) -> list[str]:
    """Return what a page names that is not there."""
    found = [
        f"no {link}"
        for link in LINK.findall(text)
        if not (page.parent / link).exists() and not GENERATED.match(link)
    ]
    tops = {path.name for path in ROOT.iterdir()}
    for name, definition in QUOTED.findall(text):
        path = ROOT / name
        if name.split("/")[0] not in tops:
            continue  # a model's id, a media type
        if not path.exists():
            found.append(f"no {name}")
        elif definition and not re.search(
            rf"^(?:class|def|async def) {definition}\b|^{definition}\b.* =", path.read_text(), re.M
        ):
            found.append(f"no {definition} in {name}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page: Path) -> None:
    assert faults(page, page.read_text("utf-8")) == []


def test_planted_names_are_found_and_others_are_not() -> None:
    page = ROOT / "ARCHITECTURE.md"
    for text in ("`dsgvo/nirgends.py`", "`dsgvo/wire/sse.py::Nothing`", "[here](docs/nirgends.md)"):
        assert faults(page, text)
    for text in (
        *("`dsgvo/wire/sse.py::SSEDecoder`", "`application/json`", "`dsgvo/`"),
        "[x](https://a.example)",
    ):
        assert faults(page, text) == []
