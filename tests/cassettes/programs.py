"""The example programs, run in this process so that a cassette plays for them."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from tests.cassettes.support import ROOT
from tests.llamaindex.support import DOCUMENTS


def run_example(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run an example program over a few short documents; the whole handbook fills a megabyte."""
    for file, text in DOCUMENTS.items():
        (folder / file).write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [name, str(folder)])
    monkeypatch.setenv("INNOGPT_MODEL", "gpt-5")
    runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
