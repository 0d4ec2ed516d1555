"""The rules of the house that no other tool checks: who imports whom, and what may lie in the tree.

Each rule is a function from source text to findings, so that every rule is also tested
against planted code that breaks it.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("dsgvo", "langchain_dsgvo", "llamaindex_dsgvo")
VENDORS = ("innogpt", "meingpt", "neuroflash", "sovrgpt")

FRAMEWORKS = ("langchain", "langgraph", "langsmith", "llama_index", "llamaindex", "workflows")
HTTP_CLIENTS = ("httpx", "httpcore", "requests", "aiohttp", "urllib3")
IMPURE = (
    "aiohttp",
    "anyio",
    "asyncio",
    "concurrent",
    "http",
    "multiprocessing",
    "random",
    "sched",
    "select",
    "selectors",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
)

# What a layer may import; lower never imports higher.
FOUNDATION = ("dsgvo.errors", "dsgvo._version")
PROVIDERS = (*FOUNDATION, "dsgvo.providers")
WIRE = (*PROVIDERS, "dsgvo.wire")
TRANSPORT = (*WIRE, "dsgvo.transport")
CORE = (*TRANSPORT, "dsgvo")
LAYERS: dict[str, tuple[str, ...]] = {
    "dsgvo.errors": FOUNDATION,
    "dsgvo._version": (),
    "dsgvo.providers": PROVIDERS,
    "dsgvo.wire": WIRE,
    "dsgvo.transport": TRANSPORT,
    "dsgvo.emulator": (*CORE, "dsgvo.emulator"),
    "dsgvo.cli": (*CORE, "dsgvo.emulator", "dsgvo.cli"),
    "dsgvo.cli.demo": (*CORE, "dsgvo.emulator", "dsgvo.cli", "langchain_dsgvo", "llamaindex_dsgvo"),
    "langchain_dsgvo": (*CORE, "langchain_dsgvo"),
    "llamaindex_dsgvo": (*CORE, "llamaindex_dsgvo"),
    "dsgvo": (*CORE, "dsgvo.emulator"),  # the public face, which loads the emulator on demand
}

# Names for annotations alone: an error says in its type what it carries.
ANNOTATIONS = {"dsgvo.errors": ("dsgvo.wire",)}


class Source(NamedTuple):
    """One module: its dotted name, and its text parsed."""

    module: str
    tree: ast.Module


class Import(NamedTuple):
    """One imported name, as far as the statement spells it out."""

    target: str
    line: int
    for_types: bool = False  # under `if TYPE_CHECKING`, so never loaded


def planted(module: str, text: str) -> Source:
    return Source(module, ast.parse(text))


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


def rooted(target: str, roots: tuple[str, ...]) -> bool:
    """Whether a target is of one of these families: `langchain` covers `langchain_core`."""
    top = target.partition(".")[0]
    return any(top == root or top.startswith(f"{root}_") for root in roots)


def imports(source: Source) -> Iterator[Import]:
    """All imports of a module, lazy and dynamic ones too, at any depth."""
    guarded = {
        id(part)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for part in ast.walk(statement)
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, id(node) in guarded)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            for alias in node.names:
                yield Import(f"{base}.{alias.name}", node.lineno, id(node) in guarded)
        elif isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else None
            name = node.func.id if isinstance(node.func, ast.Name) else name
            argument = node.args[0]
            if (
                name in {"import_module", "__import__"}
                and isinstance(argument, ast.Constant)
                and isinstance(argument.value, str)
            ):
                yield Import(argument.value, node.lineno)


def layer(module: str) -> str:
    """The row of LAYERS that a module falls under: the longest that fits."""
    if re.match(r"dsgvo\.cli\._?demo(?![a-z])", module):
        return "dsgvo.cli.demo"
    if within(module, "dsgvo") and module.count(".") == 0:
        return "dsgvo"
    return max((row for row in LAYERS if row != "dsgvo" and within(module, row)), key=len)


def ours(target: str) -> str:
    """The layer that an imported name of ours comes from; `dsgvo` is the public face itself."""
    rows = [row for row in LAYERS if row != "dsgvo.cli.demo" and within(target, row)]
    return max(rows, key=len)


def layer_findings(source: Source) -> list[str]:
    row = layer(source.module)

    def allowed(found: Import) -> bool:
        if not within(found.target, *PACKAGES):
            return not found.target.startswith(".")
        below = (*LAYERS[row], *ANNOTATIONS.get(row, ())) if found.for_types else LAYERS[row]
        return ours(found.target) in below

    return [
        f"{source.module}:{found.line} imports {found.target}, which is not below it"
        for found in imports(source)
        if not allowed(found)
    ]


def framework_findings(source: Source) -> list[str]:
    row = layer(source.module)
    if row == "dsgvo.cli.demo":
        return []
    home = {"langchain_dsgvo": ("langchain", "langsmith"), "llamaindex_dsgvo": ("llama_index",)}
    return [
        f"{source.module}:{line} imports the framework {target}"
        for target, line, _ in imports(source)
        if rooted(target, FRAMEWORKS)
        and not within(target, *PACKAGES)
        and not rooted(target, home.get(row, ()))
    ]


def http_findings(source: Source) -> list[str]:
    if within(source.module, "dsgvo.transport"):
        return []
    return [
        f"{source.module}:{line} imports {target}; only dsgvo.transport talks to a network"
        for target, line, _ in imports(source)
        if re.match(rf"({'|'.join(HTTP_CLIENTS)})\d?(\.|$)", target)
    ]


def vendor_findings(source: Source) -> list[str]:
    """Comparisons against a vendor's name, in whatever form."""

    def names_a_vendor(node: ast.AST) -> bool:
        return any(
            isinstance(part, ast.Constant)
            and isinstance(part.value, str)
            and part.value.lower() in VENDORS
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


def purity_findings(source: Source) -> list[str]:
    """What the sans-IO layer may not do: sockets, clocks, threads, files, await."""
    if not within(source.module, "dsgvo.wire"):
        return []
    found = [
        f"{source.module}:{line} imports {target}"
        for target, line, _ in imports(source)
        if target.partition(".")[0] in IMPURE
    ]
    for node in ast.walk(source.tree):
        waits = isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith)
        asks = isinstance(node, ast.Call) and (
            (isinstance(node.func, ast.Attribute) and node.func.attr in {"now", "utcnow", "today"})
            or (isinstance(node.func, ast.Name) and node.func.id in {"open", "input", "print"})
        )
        if waits or asks:
            line = getattr(node, "lineno", 0)
            found.append(f"{source.module}:{line} has I/O: {ast.unparse(node)[:60]}")
    return found


Rule = Callable[[Source], list[str]]
RULES: dict[str, Rule] = {
    "layers": layer_findings,
    "frameworks": framework_findings,
    "http": http_findings,
    "vendors": vendor_findings,
    "purity": purity_findings,
}


@pytest.mark.parametrize("rule", RULES)
def test_packages_keep_the_rule(rule: str) -> None:
    found = [finding for source in sources() for finding in RULES[rule](source)]
    assert found == []


def test_sources_are_found() -> None:
    modules = {source.module for source in sources()}
    assert {"dsgvo", "dsgvo.errors", "dsgvo.wire.sse"} <= modules


@pytest.mark.parametrize(
    ("rule", "module", "text"),
    [
        ("layers", "dsgvo.errors", "from dsgvo.providers import PROVIDERS"),
        ("layers", "dsgvo.errors", "from dsgvo.wire.chat import Completion"),
        ("layers", "dsgvo.errors", "if TYPE_CHECKING:\n    from dsgvo.transport import Client"),
        ("layers", "dsgvo.providers.innogpt", "from dsgvo.wire.chat import decode"),
        ("layers", "dsgvo.providers.innogpt", "def f():\n    import dsgvo.transport"),
        ("layers", "dsgvo.wire.sse", "from dsgvo.transport import Client"),
        ("layers", "dsgvo.wire.sse", "from dsgvo import transport"),
        ("layers", "dsgvo.wire.sse", "from dsgvo import Client"),
        ("layers", "dsgvo.wire.sse", "from ..transport import Client"),
        ("layers", "dsgvo.transport._http", "from dsgvo.emulator import running"),
        ("layers", "dsgvo.transport", "from dsgvo import Client"),
        ("layers", "dsgvo.transport", "if TYPE_CHECKING:\n    import langchain_dsgvo.chat"),
        ("layers", "dsgvo.emulator.app", "from dsgvo.cli import main"),
        ("layers", "dsgvo.emulator.app", "import_module('langchain_dsgvo')"),
        ("layers", "dsgvo.cli.chat", "import langchain_dsgvo"),
        ("layers", "dsgvo", "from dsgvo.cli import main"),
        ("layers", "langchain_dsgvo.innogpt", "from llamaindex_dsgvo import InnoGPT"),
        ("layers", "langchain_dsgvo.innogpt", "from dsgvo.emulator import running"),
        ("layers", "llamaindex_dsgvo.innogpt", "import langchain_dsgvo"),
        ("frameworks", "dsgvo.wire.tools", "from langchain_core.tools import BaseTool"),
        ("frameworks", "dsgvo.transport", "def f():\n    from llama_index.core import Settings"),
        ("frameworks", "dsgvo.cli.chat", "import langgraph.graph"),
        ("frameworks", "dsgvo.cli.demonstrate", "import langgraph.graph"),
        ("frameworks", "dsgvo.emulator", "importlib.import_module('langchain')"),
        ("frameworks", "langchain_dsgvo", "import llama_index.core"),
        ("frameworks", "llamaindex_dsgvo", "from langchain_core import messages"),
        ("http", "dsgvo.wire.errors", "import httpx"),
        ("http", "dsgvo.emulator.server", "from httpx import get"),
        ("http", "langchain_dsgvo.chat", "import httpx2"),
        ("http", "dsgvo.cli", "__import__('requests')"),
        ("http", "dsgvo.transporter", "import httpx"),
        ("vendors", "dsgvo.transport", "if provider == 'neuroflash': pass"),
        ("vendors", "dsgvo.wire.chat", "x = 1 if 'innoGPT' != spec.name else 2"),
        ("vendors", "dsgvo.wire.chat", "if name in ('innogpt', 'meingpt'): pass"),
        ("vendors", "dsgvo.emulator.app", "if spec is PROVIDERS['sovrgpt']: pass"),
        ("vendors", "langchain_dsgvo.chat", "match p:\n    case 'meingpt':\n        pass"),
        (
            "vendors",
            "llamaindex_dsgvo.llm",
            "ok = x and p.startswith('meingpt')",
        ),
        ("purity", "dsgvo.wire.sse", "import socket"),
        ("purity", "dsgvo.wire.sse", "from time import monotonic"),
        ("purity", "dsgvo.wire.sse", "import threading as t"),
        ("purity", "dsgvo.wire.sse", "import concurrent.futures"),
        ("purity", "dsgvo.wire.sse", "async def f(): ..."),
        ("purity", "dsgvo.wire.sse", "async def f():\n    await g()"),
        ("purity", "dsgvo.wire.errors", "at = datetime.now(UTC)"),
        ("purity", "dsgvo.wire.files", "data = open('x').read()"),
    ],
)
def test_planted_code_is_found(rule: str, module: str, text: str) -> None:
    assert RULES[rule](planted(module, text))


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("dsgvo.errors", "if TYPE_CHECKING:\n    from dsgvo.wire.chat import Completion"),
        ("dsgvo.wire.sse", "from dsgvo import errors\nfrom dsgvo.providers._spec import Provider"),
        ("dsgvo.transport._http", "import asyncio, time, httpx\nfrom dsgvo.wire import sse"),
        ("dsgvo.emulator.server", "from dsgvo import PROVIDERS\nfrom dsgvo.wire import sse"),
        ("dsgvo.cli.demo", "import langgraph, llama_index.core\nfrom langchain_dsgvo import x"),
        ("dsgvo.cli._demo_langchain", "from langchain_dsgvo import ChatSovrGPT"),
        ("dsgvo.cli.demo.agents", "from llamaindex_dsgvo import SovrGPT"),
        ("langchain_dsgvo.chat", "from langchain_core import messages\nfrom dsgvo import Client"),
        ("llamaindex_dsgvo.llm", "from llama_index.core import Settings\nimport dsgvo.transport"),
        ("dsgvo", "from dsgvo.transport import Client\ndef f():\n    import dsgvo.emulator"),
        ("dsgvo.providers.innogpt", "NAME = 'innogpt'\nSPECS = {'innogpt': NAME}"),
    ],
)
def test_allowed_code_is_not_found(module: str, text: str) -> None:
    assert [finding for rule in RULES.values() for finding in rule(planted(module, text))] == []


@pytest.mark.parametrize("package", ["dsgvo/providers", "dsgvo/emulator", *PACKAGES[1:]])
def test_a_vendor_is_one_file_in_each_place(package: str) -> None:
    if not (ROOT / package / "__init__.py").is_file():
        pytest.skip(f"{package} is not built yet")
    files = {path.stem.lstrip("_") for path in (ROOT / package).glob("*.py")}
    assert set(VENDORS) <= files


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
    "tests/test_repository.py",
    "tests/bad_input.py",
    "tests/cassettes/test_secrets.py",
    "tests/core/test_files.py",
    "tests/core/test_images.py",
    "tests/core/transport/test_connection.py",
    "tests/core/transport/test_redirects.py",
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


@pytest.mark.parametrize(
    "text",
    [
        "pip install --index-url https://example.org/pypi",
        "extra-index-url = https://example.org",
        "# from https://pypi.example.org/simple/",
        "httpx @ https://anna:geheim@example.org/httpx.whl",
        "httpx @ file:///wheels/httpx.whl",
        "open('/home/anna/notes.txt')",
        "cd /workspace/project && make",
        "see /opt/wheels",
    ],
)
def test_planted_strays_are_found(text: str) -> None:
    assert stray_findings(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://app.meingpt.com/api/openai/v1",
        "a simple/plain answer, and https://example.org/home/anna",
        "cat ~/texts/notes.md ./tmp/x /v1/models",
    ],
)
def test_ordinary_text_is_no_stray(text: str) -> None:
    assert stray_findings(text) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_every_package_of_the_tree_is_shipped() -> None:
    build = project()["tool"]["hatch"]["build"]["targets"]["wheel"]
    at_top = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert set(build["packages"]) == set(PACKAGES)
    assert at_top <= {*PACKAGES, "tests", "examples", "benchmarks"}


# -- what is promised to those who install it ---------------------------------------------------


def project() -> dict[str, dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirement_name(line: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", line)
    assert match is not None, line
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def constraint_findings(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    exact = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
    wrong = [line for line in lines if not exact.fullmatch(line)]
    names = [requirement_name(line) for line in lines if line not in wrong]
    return wrong + sorted({name for name in names if names.count(name) > 1})


def test_constraints_are_exact() -> None:
    assert constraint_findings((ROOT / "constraints.txt").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "httpx>=0.28",
        "httpx",
        "-e .",
        "httpx @ file:///wheels/httpx.whl",
        "httpx==0.28.1 --hash=sha256:00",
        "--find-links wheels",
        "httpx==0.28.1\nhttpx==0.28.0",
        "Typing_Extensions==4.1\ntyping-extensions==4.2",
    ],
)
def test_planted_constraints_are_found(text: str) -> None:
    assert constraint_findings(text)


def test_constraints_cover_what_is_asked_for() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = {requirement_name(line) for line in text.splitlines() if not line.startswith("#")}
    metadata = project()["project"]
    extras = [line for lines in metadata["optional-dependencies"].values() for line in lines]
    wanted = {requirement_name(line) for line in [*metadata["dependencies"], *extras]}
    assert wanted - pinned == {"dsgvo-llm"}


def test_the_core_needs_httpx_and_pydantic_alone() -> None:
    metadata = project()["project"]
    assert {requirement_name(line) for line in metadata["dependencies"]} == {"httpx", "pydantic"}
    assert {"langchain", "llamaindex", "emulator", "demo", "dev", "all"} <= set(
        metadata["optional-dependencies"]
    )


@pytest.mark.parametrize("target", ["venv", "demo", "test", "test-slow", "coverage", "lint", "types"])
def test_make_targets_exist(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_ci_runs_the_checks() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert {"make lint", "make types", "make coverage"} <= {
        line.partition(" #")[0].strip() for line in script.read_text().splitlines()
    }


def loaded_by(module: str) -> set[str]:
    """The modules in memory after importing one, in a process of its own."""
    code = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"]
    return set(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split())


def test_importing_the_core_loads_neither_frameworks_nor_the_emulator() -> None:
    loaded = loaded_by("dsgvo")
    heavy = (*FRAMEWORKS, "starlette", "uvicorn", "pypdf", "typer", "rich", "numpy")
    assert "dsgvo.providers" in loaded
    assert [name for name in sorted(loaded) if rooted(name, heavy)] == []
    assert [name for name in sorted(loaded) if within(name, "dsgvo.emulator", "dsgvo.cli")] == []


def test_loaded_modules_are_seen() -> None:
    assert any(rooted(name, ("starlette",)) for name in loaded_by("starlette.requests"))
