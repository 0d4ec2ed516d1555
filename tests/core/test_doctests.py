"""The examples in public docstrings run, against the emulator, as a user would run them."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from dsgvo.emulator import Server

ROOT = Path(__file__).parents[2]
PACKAGES = ("dsgvo", "langchain_dsgvo", "llamaindex_dsgvo")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


def modules_with_examples() -> list[str]:
    found: list[str] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(ROOT).with_suffix("").parts
                found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings(name: str, vendor_environment: Server) -> None:
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=OPTIONS, verbose=False)
    assert tried > 0
    assert failed == 0


def test_examples_are_found_where_users_look_for_them() -> None:
    assert {"dsgvo.errors", "dsgvo.transport._client", "dsgvo.wire.chat"} <= set(
        modules_with_examples()
    )
