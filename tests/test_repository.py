"""The rules of the repository that no other tool checks.

Who imports whom is checked by `make lint`: import-linter and ruff's banned imports, both configured
in pyproject.toml. Each rule here is a function from source text to findings, so that it is also
tested against planted code that breaks it.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from dsgvo import PROVIDERS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("dsgvo", "langchain_dsgvo", "llamaindex_dsgvo")


class Source(NamedTuple):
    """One module: its dotted name, and its text parsed."""

    module: str
    tree: ast.Module


@cache
def sources() -> list[Source]:
    found: list[Source] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append(Source(module, ast.parse(path.read_text(encoding="utf-8"))))
    return found


def within(module: str, *parents: str) -> bool:
    return any(module == parent or module.startswith(f"{parent}.") for parent in parents)


# -- what code may do ----------------------------------------------------------------------------


def vendor_findings(source: Source) -> list[str]:
    """Comparisons against a vendor's name, in whatever form."""

    def names_a_vendor(node: ast.AST) -> bool:
        return any(
            isinstance(part, ast.Constant)
            and isinstance(part.value, str)
            and part.value.lower() in PROVIDERS
            for part in ast.walk(node)
        )

    def compares(node: ast.AST) -> bool:
        if isinstance(node, ast.Compare | ast.MatchValue):
            return names_a_vendor(node)
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"startswith", "endswith", "casefold", "__eq__"}
            and any(names_a_vendor(argument) for argument in node.args)
        )

    return [
        f"{source.module}:{node.lineno} asks which vendor it is: {ast.unparse(node)}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.expr | ast.pattern) and compares(node)
    ]


# All that the sans-IO layer needs of others. Nothing here opens, waits, warns or asks the machine.
PURE = {
    *("__future__", "array", "base64", "binascii", "bisect", "codecs", "collections", "contextlib"),
    *("copy", "dataclasses", "datetime", "difflib", "email", "enum", "fnmatch", "functools"),
    *("hashlib", "html", "ipaddress", "itertools", "json", "math", "mimetypes", "operator", "re"),
    *("string", "struct", "sys", "types", "typing", "unicodedata", "urllib.parse", "uuid", "zlib"),
    *("dsgvo.errors", "dsgvo.providers", "dsgvo.wire", "pydantic", "pydantic_core"),
    *("typing_extensions", "pathlib.Path", "pathlib.PurePath", "numpy"),
}
IO_FUNCTIONS = {"open", "input", "print", "breakpoint", "__import__", "exec", "eval"}
IO_METHODS = {
    *("now", "utcnow", "today", "open", "read_bytes", "read_text", "write_bytes", "write_text"),
    *("stat", "exists", "is_file", "is_dir", "mkdir", "unlink", "iterdir", "glob", "rglob", "cwd"),
    *("resolve", "expanduser", "touch", "_getframe", "stdin", "stdout", "stderr", "modules"),
}


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def purity_findings(source: Source) -> list[str]:
    """What the sans-IO layer may not do: sockets, clocks, threads, files, environment, warnings."""
    if not within(source.module, "dsgvo.wire"):
        return []
    found = [
        f"{source.module}:{line} imports {target}"
        for target, line in imported(source.tree)
        if not within(target, *PURE)
    ]
    for node in ast.walk(source.tree):
        waits = isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith)
        asks = (isinstance(node, ast.Attribute) and node.attr in IO_METHODS) or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in IO_FUNCTIONS
        )
        if waits or asks:
            line = getattr(node, "lineno", 0)
            found.append(f"{source.module}:{line} has I/O: {ast.unparse(node)[:60]}")
    return found


RULES = {"vendors": vendor_findings, "purity": purity_findings}


@pytest.mark.parametrize("rule", RULES)
def test_packages_keep_the_rule(rule: str) -> None:
    assert {"dsgvo", "dsgvo.errors", "dsgvo.wire.sse"} <= {source.module for source in sources()}
    assert [finding for source in sources() for finding in RULES[rule](source)] == []


# fmt: off
PLANTED = {
    "vendors": (
        "if provider == 'neuroflash': pass", "x = 1 if 'innoGPT' != spec.name else 2",
        "if name in ('innogpt', 'meingpt'): pass", "if spec is PROVIDERS['sovrgpt']: pass",
        "match p:\n    case 'meingpt':\n        pass", "ok = x and p.startswith('meingpt')",
    ),
    "purity": (
        "import socket", "from time import monotonic", "def f():\n    import threading as t",
        "import concurrent.futures", "import urllib.request", "from . import chat", "import os",
        "from dsgvo import Client", "async def f(): ...", "async def f():\n    await g()",
        "at = datetime.now(UTC)", "data = open('x').read()", "from os import environ",
        "with path.open('rb') as file: pass", "data = Path('x').read_bytes()", "import inspect",
        "path.write_bytes(data)", "import warnings", "frame = sys._getframe(1)",
    ),
}
# fmt: on


@pytest.mark.parametrize(
    ("rule", "text"), [(rule, text) for rule, texts in PLANTED.items() for text in texts]
)
def test_planted_code_is_found(rule: str, text: str) -> None:
    assert RULES[rule](Source("dsgvo.wire.sse", ast.parse(text)))


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("dsgvo.wire.sse", "from dsgvo import errors\nfrom dsgvo.providers._spec import Provider"),
        ("dsgvo.wire.files", "import re\nfrom pathlib import Path\nname = Path('x').name"),
        ("dsgvo.wire.files", "import mimetypes\nfrom urllib.parse import urlsplit"),
        ("dsgvo.transport._pools", "import asyncio, os, time, httpx\nopen('x')"),
        ("dsgvo.providers.innogpt", "NAME = 'innogpt'\nSPECS = {'innogpt': NAME}"),
    ],
)
def test_allowed_code_is_not_found(module: str, text: str) -> None:
    source = Source(module, ast.parse(text))
    assert [found for rule in RULES.values() for found in rule(source)] == []


@pytest.mark.parametrize("package", ["dsgvo/providers", "dsgvo/emulator", *PACKAGES[1:]])
def test_a_vendor_is_one_file_in_each_place(package: str) -> None:
    assert set(PROVIDERS) <= {path.stem.lstrip("_") for path in (ROOT / package).glob("*.py")}


# -- what lies in the tree ---------------------------------------------------------------------

STRAYS = {
    "an index address": re.compile(
        r"--(extra-)?index-url|--find-links|https?://[^\s\"'<>)]+/simple(?![\w-])|\bindex-url\s*="
    ),
    "an address with a login": re.compile(r"https?://[^\s/:@\"'<>{}]+:[^\s/@\"'<>{}]+@(?!host)"),
    "a file address": re.compile(r"file:/{2,3}(?=\w)"),
    "a path of somebody's machine": re.compile(
        r"(?<![\w.:/~@%-])/(home|Users|root|work|workspace|opt|tmp)/[\w.-]+"
    ),
}
# Where such text is what the file is about.
STRAY_FREE = {
    *("tests/test_repository.py", "tests/bad_input.py"),
    *("tests/core/test_images.py", "tests/core/wire/test_files.py"),
    *(f"tests/core/transport/test_{name}.py" for name in ("config", "errors")),
}


def stray_findings(text: str) -> list[str]:
    return [
        f"{what}: {match.group()}"
        for what, pattern in STRAYS.items()
        for match in pattern.finditer(text)
    ]


def project_files() -> list[Path]:
    """All files that belong to the project, whether committed yet or not."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    paths = (ROOT / os.fsdecode(name) for name in listed.split(b"\0") if name)
    return [path for path in paths if path.is_file()]


def test_no_addresses_or_paths_of_a_machine_in_the_tree() -> None:
    found: list[str] = []
    for path in project_files():
        name = path.relative_to(ROOT).as_posix()
        if name not in STRAY_FREE:
            text = path.read_bytes().decode("utf-8", "replace")
            found += [f"{name}: {finding}" for finding in stray_findings(text)]
    assert found == []


STRAY = (
    "pip install --index-url https://example.org/pypi",
    "extra-index-url = https://example.org",
    "# from https://pypi.example.org/simple/",
    "httpx @ https://anna:geheim@example.org/httpx.whl",
    "httpx @ file:///wheels/httpx.whl",
    "open('/home/anna/notes.txt')",
    "cd /workspace/project && make",
)
NOT_STRAY = (
    "https://app.meingpt.com/api/openai/v1",
    "a simple/plain answer, and https://example.org/home/anna",
    "cat ~/texts/notes.md ./tmp/x /v1/models",
)


def test_what_is_a_stray() -> None:
    assert [text for text in STRAY + NOT_STRAY if stray_findings(text)] == [*STRAY]


def test_every_package_of_the_tree_is_shipped_with_its_types() -> None:
    build = project()["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(build["packages"]) == set(PACKAGES)
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)
    at_top = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert at_top <= {*PACKAGES, "tests", "examples", "benchmarks"}


# -- what is promised to those who install it ---------------------------------------------------


def project() -> dict[str, dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirement_names(lines: Iterable[str]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", line)[0]).lower() for line in lines}


def test_the_core_needs_two_packages_and_constraints_are_exact_and_cover_all() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = [line for line in text.splitlines() if not line.startswith("#")]
    exact = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
    assert [line for line in pinned if not exact.fullmatch(line)] == []
    assert len(requirement_names(pinned)) == len(pinned)
    metadata = project()["project"]
    extras = [line for lines in metadata["optional-dependencies"].values() for line in lines]
    wanted = requirement_names([*metadata["dependencies"], *extras])
    assert wanted - requirement_names(pinned) == {"dsgvo-llm"}
    assert requirement_names(metadata["dependencies"]) == {"httpx", "pydantic"}


def test_ci_runs_targets_that_exist() -> None:
    script = ROOT / ".ci" / "run"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^ *make ([\w-]+)", script.read_text(encoding="utf-8"), re.M))
    assert os.access(script, os.X_OK)
    assert targets == {"lint", "types", "docs", "coverage", "test"}
    assert targets <= set(re.findall(r"^([\w-]+):", makefile, re.M))


def loaded_by(module: str) -> set[str]:
    """The modules in memory after importing one, in a process of its own."""
    code = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"]
    return set(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split())


def test_importing_the_core_loads_neither_frameworks_nor_the_emulator() -> None:
    loaded = loaded_by("dsgvo.transport")
    heavy = ("langchain", "langgraph", "langsmith", "llama_index", "workflows", "starlette")
    heavy = (*heavy, "uvicorn", "pypdf", "typer", "rich", "numpy", "dsgvo.emulator", "dsgvo.cli")
    assert "dsgvo.providers" in loaded
    assert [name for name in sorted(loaded) if name.startswith(heavy)] == []
    assert "starlette" in loaded_by("starlette.requests")
