"""The rules of the repository that no other tool checks, tested against planted code, too.

Who imports whom is checked by `make lint`: import-linter and ruff's banned imports.
"""

import ast
import os
import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from dsgvo import PROVIDERS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("dsgvo", "langchain_dsgvo", "llamaindex_dsgvo")


@cache
def sources() -> dict[str, ast.Module]:
    """Return the modules of the project, parsed, by their dotted names."""
    found: dict[str, ast.Module] = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def within(module: str, *parents: str) -> bool:
    return any(module == parent or module.startswith(f"{parent}.") for parent in parents)


def asks_which_vendor(node: ast.AST) -> bool:
    """Whether something is compared with a vendor's name."""
    parts = ast.walk(node) if isinstance(node, ast.Compare | ast.MatchValue) else ()
    values = (part.value for part in parts if isinstance(part, ast.Constant))
    return any(isinstance(value, str) and value.lower() in PROVIDERS for value in values)


def vendor_findings(module: str, tree: ast.Module) -> list[str]:
    nodes = [node for node in ast.walk(tree) if asks_which_vendor(node)]
    return [f"{module} asks which vendor it is: {ast.unparse(node)}" for node in nodes]


# All that the sans-IO layer needs of others. Nothing here opens, waits, warns or asks the machine.
PURE = {
    *("__future__", "array", "base64", "binascii", "bisect", "codecs", "collections", "contextlib"),
    *("copy", "dataclasses", "datetime", "difflib", "email", "enum", "fnmatch", "functools"),
    *("hashlib", "html", "ipaddress", "itertools", "json", "math", "mimetypes", "operator", "re"),
    *("string", "struct", "sys", "types", "typing", "unicodedata", "urllib.parse", "uuid", "zlib"),
    *("dsgvo.errors", "dsgvo.providers", "dsgvo.wire", "pydantic", "pydantic_core"),
    *("typing_extensions", "pathlib.Path", "pathlib.PurePath", "numbers", "numpy"),
}
IO_FUNCTIONS = {"open", "input", "print", "breakpoint", "__import__", "exec", "eval"}
IO_METHODS = {
    *("now", "utcnow", "today", "open", "read_bytes", "read_text", "write_bytes", "write_text"),
    *("stat", "exists", "is_file", "is_dir", "mkdir", "unlink", "iterdir", "glob", "rglob", "cwd"),
    *("resolve", "expanduser", "touch", "_getframe", "stdin", "stdout", "stderr", "modules"),
}


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def does_io(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return (
        isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith)
        or (isinstance(node, ast.Attribute) and node.attr in IO_METHODS)
        or (isinstance(called, ast.Name) and called.id in IO_FUNCTIONS)
    )


def purity_findings(module: str, tree: ast.Module) -> list[str]:
    """What the sans-IO layer may not do: sockets, clocks, threads, files, environment, warnings."""
    if not within(module, "dsgvo.wire"):
        return []
    found = [f"{module} imports {name}" for name in imported(tree) if not within(name, *PURE)]
    nodes = [node for node in ast.walk(tree) if does_io(node)]
    return found + [f"{module} has I/O: {ast.unparse(node)[:60]}" for node in nodes]


RULES = {"vendors": vendor_findings, "purity": purity_findings}
PLANTED = {
    "vendors": ["if name in ('innogpt', 'meinGPT'): pass", "match p:\n case 'meingpt': pass"],
    "purity": ["from time import monotonic", "data = open('x').read()", "at = datetime.now(UTC)"],
}


@pytest.mark.parametrize("rule", RULES)
def test_packages_keep_the_rule_and_planted_code_does_not(rule: str) -> None:
    findings = RULES[rule]
    assert {"dsgvo", "dsgvo.errors", "dsgvo.wire.sse"} <= sources().keys()
    assert [found for source in sources().items() for found in findings(*source)] == []
    texts = PLANTED[rule]
    assert [text for text in texts if not findings("dsgvo.wire.sse", ast.parse(text))] == []


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
STRAY = [
    "pip install --index-url https://example.org/pypi",
    "httpx @ https://anna:geheim@example.org/httpx.whl",
    "httpx @ file:///wheels/httpx.whl",
    "cd /workspace/project && make",
]


def stray_findings(text: str) -> list[str]:
    found = ((what, match) for what, one in STRAYS.items() for match in one.finditer(text))
    return [f"{what}: {match.group()}" for what, match in found]


def project_files() -> Iterator[Path]:
    """Yield all files that belong to the project, whether committed yet or not."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    paths = (ROOT / os.fsdecode(name) for name in listed.split(b"\0") if name)
    return (path for path in paths if path.is_file() or path.is_symlink())


def test_no_addresses_or_paths_of_a_machine_in_the_tree() -> None:
    assert all(map(stray_findings, STRAY))
    found: list[str] = []
    for path in project_files():
        name = path.relative_to(ROOT).as_posix()
        if name not in STRAY_FREE:
            held = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
            text = held.decode("utf-8", "replace")
            found += [f"{name}: {finding}" for finding in stray_findings(text)]
    assert found == []


def requirement_names(lines: Iterable[str]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", line)[0]).lower() for line in lines}


def test_what_is_shipped_and_what_it_needs() -> None:
    """All packages with their types; the core needs two others; constraints cover all, exactly."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(PACKAGES)
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = [line for line in text.splitlines() if not line.startswith("#")]
    exact = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
    assert [line for line in pinned if not exact.fullmatch(line)] == []
    assert len(requirement_names(pinned)) == len(pinned)
    metadata = project["project"]
    extras = [line for lines in metadata["optional-dependencies"].values() for line in lines]
    wanted = requirement_names([*metadata["dependencies"], *extras])
    assert wanted - requirement_names(pinned) == {"dsgvo-llm"}
    assert requirement_names(metadata["dependencies"]) == {"httpx", "pydantic"}
