"""The examples in public docstrings run, against the emulator, as a user would run them."""

import doctest
import importlib
import tempfile
from pathlib import Path

import pytest

from dsgvo.emulator import Server
from tests.core.support import ROOT

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("dsgvo", "langchain_dsgvo", "llamaindex_dsgvo")
    for path in sorted((ROOT / package).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
assert {"dsgvo.errors", "dsgvo.transport._client", "dsgvo.wire.chat"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(
    name: str, vendor_environment: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=OPTIONS, verbose=False)
    assert (failed, tried > 0) == (0, True)
