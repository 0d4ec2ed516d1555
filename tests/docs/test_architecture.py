"""ARCHITECTURE.md and its neighbours name files and definitions that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
GENERATED = re.compile(r"^(vendors/\w+|from-\w+|architecture|security|changelog)\.md$")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
TOPS = {path.name for path in ROOT.iterdir()}


def faults(page: Path, text: str) -> list[str]:
    """Return what a page names that is not there."""
    links = [link for link in LINK.findall(text) if not GENERATED.match(link)]
    found = [link for link in links if not (page.parent / link).exists()]
    for name, definition in re.findall(r"`([\w.-]+/[\w./-]*)(?:::(\w+))?`", text):
        path, defined = ROOT / name, rf"(?m)^((async )?def|class) {definition}\b|^{definition}\b.*="
        if name.split("/")[0] not in TOPS:
            continue  # a model's id, a media type
        if not path.exists() or (definition and not re.search(defined, path.read_text("utf-8"))):
            found.append(f"{name} {definition}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page: Path) -> None:
    assert faults(page, page.read_text("utf-8")) == []
