"""docs/vendor-coverage.md names code and tests that exist, and leaves nothing out."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator.access import Access
from dsgvo.emulator.app import build
from dsgvo.emulator.state import State
from dsgvo.emulator.vendors import DIALECTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "vendor-coverage.md"

KINDS = {"endpoint", "parameter", "header", "content", "behaviour", "model"}
SAYS = {"Doc", "Public", "Inferred"}
HEADER = ["Kind", "What", "Says", "Served by", "Proved by"]
CODE = re.compile(r"`([^`]*)`")
PACKAGES = {"langchain_dsgvo.": "tests/langchain/", "llamaindex_dsgvo.": "tests/llamaindex/"}
BOTH_PACKAGES = "tests/docs/test_documented_answers.py::"


class Row(NamedTuple):
    """One row: of which vendor, and its cells."""

    vendor: str
    kind: str
    what: str
    says: str
    code: list[str]
    tests: list[str]

    @property
    def names(self) -> list[str]:
        """What the row is about: the names before the colon."""
        return CODE.findall(self.what.split(":")[0] if self.kind != "model" else self.what)


def rows(text: str) -> list[Row]:
    found: list[Row] = []
    titles = {spec.title: name for name, spec in PROVIDERS.items()}
    vendor = ""
    for line in text.splitlines():
        if line.startswith("## "):
            vendor = titles.get(line[3:], line[3:])
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if cells == HEADER or set("".join(cells)) <= set("- "):
                continue
            if len(cells) != len(HEADER):
                found.append(Row(vendor, "broken", line, "", [], []))
                continue
            kind, what, says, code, tests = cells
            found.append(Row(vendor, kind, what, says, CODE.findall(code), CODE.findall(tests)))
    return found


def is_code(name: str) -> bool:
    """Whether a dotted name can be imported; fields of Pydantic and data classes count too."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            fields = {
                **getattr(found, "model_fields", {}),
                **getattr(found, "__dataclass_fields__", {}),
            }
            if not hasattr(found, part) and part not in fields:
                return False
            found = getattr(found, part, None)
        return len(parts) > 1
    return False


@cache
def named_tests(path: Path) -> frozenset[str]:
    """Return the tests of a file, those of a class as ``Class::test`` and the class by itself."""
    found: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = [n.name for n in node.body if isinstance(n, ast.FunctionDef)]
            found.update(f"{node.name}::{name}" for name in methods)
            found.add(node.name)
    return frozenset(name for name in found if name.rpartition("::")[2].lower().startswith("test"))


def is_test(name: str) -> bool:
    file, _, test = name.partition("::")
    path = ROOT / file
    return file.startswith("tests/") and path.is_file() and test in named_tests(path)


def faults(text: str) -> list[str]:
    """Return what is wrong with a page."""
    found: list[str] = []
    page = rows(text)
    for row in page:
        where = f"{row.vendor}: {row.what[:60]}"
        if row.kind not in KINDS or row.says not in SAYS or row.vendor not in PROVIDERS:
            found.append(f"{where}: the row is not of the form of the others")
            continue
        if not row.code or not row.tests:
            found.append(f"{where}: no code or no test")
        found += [f"{where}: there is no {name}" for name in row.code if not is_code(name)]
        found += [f"{where}: there is no test {name}" for name in row.tests if not is_test(name)]
        if is_served_by_frameworks(row):
            found += [f"{where}: {fault}" for fault in frameworks_left_out(row)]
        found += [f"{where}: {fault}" for fault in not_in_the_spec(row)]
    for vendor, kind, name in sorted(wanted()):
        if not any(r.vendor == vendor and r.kind == kind and name in r.names for r in page):
            found.append(f"{vendor}: {kind} {name} has no row")
    return found


def is_served_by_frameworks(row: Row) -> bool:
    """Whether a row is about what users send: parameters, content, and where they go."""
    sends = row.kind == "endpoint" and "`POST /api" in row.what
    return sends or row.kind in {"parameter", "content"}


def frameworks_left_out(row: Row) -> list[str]:
    """Return which framework package a row does not name, or does not prove."""
    found: list[str] = []
    for package, tests in PACKAGES.items():
        if not any(name.startswith(package) for name in row.code):
            found.append(f"nothing of {package.rstrip('.')} serves it")
        if not any(name.startswith((tests, BOTH_PACKAGES)) for name in row.tests):
            found.append(f"no test of {tests.rstrip('/')} proves it")
    return found


def not_in_the_spec(row: Row) -> list[str]:
    """Return which of a page's parameters and models the vendor's spec lacks or has otherwise."""
    spec = PROVIDERS[row.vendor]
    if row.says != "Doc":
        return []
    if row.kind == "model":
        known = {model.id for model in spec.models}
        return [f"no model {name} in the spec" for name in row.names if name not in known]
    # Rows on a single parameter of the chat; others are about what holds for several.
    if row.kind != "parameter" or not re.match(r"`\w+`: ", row.what) or row.names == ["n"]:
        return []
    said = "ignored" if "ignored without an error" in row.what else "documented"
    return [
        f"{name} is {said} by the page, {spec.support(name)} by the spec"
        for name in row.names
        if spec.support(name) != said
    ]


def wanted() -> set[tuple[str, str, str]]:
    """Return what must have a row: of a vendor, of a kind, by a name."""
    found: set[tuple[str, str, str]] = set()
    for name, spec in PROVIDERS.items():
        found.update((name, "parameter", field) for field in spec.documented | spec.ignored)
        found.update((name, "model", model.id) for model in spec.models)
        found.update((name, "header", wanted.header) for wanted in spec.header_arguments)
        found.add((name, "header", "Authorization"))
    return found | {(vendor, "endpoint", f"{method} {path}") for vendor, method, path in routes()}


def routes() -> set[tuple[str, str, str]]:
    """Return the emulator's paths, as the vendors have them."""
    app = build(State(Access()), lambda _: None)  # pyright: ignore[reportArgumentType]
    found: set[tuple[str, str, str]] = set()
    for route in app.routes:
        path: str = route.path  # pyright: ignore[reportAttributeAccessIssue]
        dialect = next(d for d in DIALECTS.values() if path.startswith(f"{d.root}/"))
        own = path.removeprefix(dialect.root)
        if own != "/{path:path}":
            read = own in dialect.documents or own in dialect.account_documents
            found.add((dialect.name, "GET" if read else "POST", own))
    return found


def test_everything_has_its_row_and_every_name_exists() -> None:
    assert faults(PAGE.read_text("utf-8")) == []


def test_the_emulators_paths_are_seen() -> None:
    assert routes() >= {
        ("innogpt", "POST", "/api/ext/v1/images/generations"),
        ("neuroflash", "GET", "/api/ds-prototypes/health"),
        ("neuroflash", "POST", "/oauth/v2/token"),
        ("sovrgpt", "GET", "/api/v1/models"),
    }
    assert len(routes()) == 3 + 2 + 5 + 2


def test_every_row_is_of_its_own() -> None:
    seen = [(row.vendor, row.kind, row.what) for row in rows(PAGE.read_text("utf-8"))]
    assert len(seen) == len(set(seen)) > 100


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("`dsgvo.image_part`", "`dsgvo.image_parts`", "there is no dsgvo.image_parts"),
        ("`dsgvo.wire.files.", "`dsgvo.wire.file.", "there is no dsgvo.wire.file.check_parts"),
        (".ChatNeuroflash.seed`", ".ChatNeuroflash.sead`", "ChatNeuroflash.sead"),
        ("::test_pdf_upload`", "::test_pdf_uploads`", "TestInnoGPT::test_pdf_uploads"),
        ("`tests/core/test_files.py::", "`tests/core/test_file.py::", "no test tests/core/test_f"),
        ("| Doc |", "| Rumour |", "not of the form of the others"),
        ("| header |", "| haeder |", "not of the form of the others"),
        ("## SovrGPT", "## SovereignGPT", "sovrgpt: endpoint GET /api/v1/models has no row"),
        ("`logit_bias`:", "`logit`:", "sovrgpt: parameter logit_bias has no row"),
        ("`o1-mini-us`", "`o1-mini`", "meingpt: model o1-mini-us has no row"),
        ("`gemini-1.5-flash`", "`gemini-9`", "no model gemini-9 in the spec"),
        (
            "| `top_p`: nucleus",
            "| `top_k`: nucleus",
            "top_k is documented by the page, un",
        ),
        (
            "| `seed`: ignored without",
            "| `seed`: taken without",
            "seed is documented by the page",
        ),
        ("`x-workspace-id`:", "`workspace`:", "neuroflash: header x-workspace-id has no row"),
        (
            "`llamaindex_dsgvo.InnoGPT.temperature`",
            "`dsgvo.Client`",
            "`temperature`: 0 to 2: nothing of llamaindex_dsgvo serves it",
        ),
        (
            "`langchain_dsgvo.MeinGPTEmbeddings.dimensions`",
            "`dsgvo.Client`",
            "`dimensions`: 1 or more: nothing of langchain_dsgvo serves it",
        ),
        (
            "`tests/llamaindex/test_vendor_features.py::test_a_file_beside_tools_works`",
            "`tests/core/test_files.py::test_a_file_beside_tools`",
            "A file beside tools: no test of tests/llamaindex proves it",
        ),
        (
            "`GET /api/ds-prototypes/health`",
            "`GET /health`",
            "neuroflash: endpoint GET /api/ds-pro",
        ),
    ],
)
def test_planted_mistakes_are_found(old: str, new: str, fault: str) -> None:
    text = PAGE.read_text("utf-8")
    assert old in text
    assert any(fault in found for found in faults(text.replace(old, new)))


def test_rows_without_code_or_tests_are_found() -> None:
    text = PAGE.read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("| behaviour |"))
    kind, what, says, code, _ = [cell.strip() for cell in line.strip("|").split("|")]
    bare = text.replace(line, f"| {kind} | {what} | {says} | {code} | see the tests |")
    assert any("no code or no test" in found for found in faults(bare))
    short = text.replace(line, f"| {kind} | {what} | {says} |")
    assert any("not of the form" in found for found in faults(short))


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("dsgvo.Client.chat", True),
        ("dsgvo.transport._client.Client", True),
        ("langchain_dsgvo.ChatNeuroflash.web_search_options", True),
        ("dsgvo", False),
        ("dsgvo.Client.talk", False),
        ("nirgends.da", False),
    ],
)
def test_which_names_are_code(name: str, there: bool) -> None:
    assert is_code(name) is there
