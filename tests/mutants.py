"""Mutation testing of `wire` and `transport`, each in a copy of the checkout; see docs/mutants.md.

Of a long table of requests a mutant meets some rows.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("dsgvo", "langchain_dsgvo", "llamaindex_dsgvo", "examples", "tests")
NAMES = ("account", "assistants", "continued", "files", "images", "rerank", "residency")
FRAMEWORKS = ["tests/frameworks/test_structured.py", "tests/langchain/test_tools.py"]
LIMITER = ["tests/bulk/test_budget.py", "tests/bulk/test_limiter.py"]
OTHERS = ["tests/core/test_bad_input.py", "tests/test_audit.py", LIMITER[1]]
SHARED = [f"tests/core/test_{name}.py" for name in NAMES]
TESTS = {
    "wire": ["tests/core/wire", *SHARED, *FRAMEWORKS, *LIMITER],
    "transport": ["tests/core/transport", *SHARED, *OTHERS],
}
# Tests that measure, look at frames, or make every warning an error: mutmut's would be, too.
OWN_PROGRAMS = (
    *("after_a_fork", "another_process", "loop_or_process", "points_at_the_users_line"),
    *("costs_what", "warned_of_once", "no_local_of_a_frame"),
)
# The last of those that are left out collects garbage, which takes longer than most tests do.
PYTEST = [
    *(f"-pno:{plugin}" for plugin in ("xdist", "cacheprovider", "unraisableexception")),
    "-ptests.mutants",
    *("-k", " and ".join(f"not {name}" for name in OWN_PROGRAMS)),
    "--hypothesis-profile=mutants",
]
WITHOUT_REQUESTS = ("tests/core/wire", OTHERS[0], "tests/core/transport/test_config")
SECONDS = 30  # that a test may take on a busy machine; the slowest takes three
ROWS = 8  # of a table that a mutant of the transport meets; each is a request or more


def main(arguments: list[str]) -> int:
    """Run the packages and mutants named, or all."""
    failed = 0
    for package in TESTS:
        mutants = [name for name in arguments if name.startswith(f"dsgvo.{package}.")]
        if arguments and package not in arguments and not mutants:
            continue
        folder, mutmut = copied(package), [sys.executable, "-m", "mutmut"]
        tried = [*mutmut, "run", "--max-children", "2", *mutants]
        failed |= subprocess.run(tried, cwd=folder, check=False).returncode
        subprocess.run([*mutmut, "results"], cwd=folder, check=False)
    return failed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep some rows of each long table of requests, from all over it (a pytest plugin)."""
    kept: list[pytest.Item] = []
    for name, rows in itertools.groupby(items, lambda item: item.nodeid.partition("[")[0]):
        found = list(rows)
        step = 1 if name.startswith(WITHOUT_REQUESTS) else max(1, len(found) / ROWS)
        kept += [found[int(index * step)] for index in range(int(len(found) / step))]
    items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Fail a test that does not end: some changes make a loop endless."""
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("does not end"))
    signal.alarm(SECONDS)
    try:
        return (yield)
    finally:
        signal.alarm(0)


def copied(package: str) -> Path:
    """Bring the package's copy up to date; files keep their times, by which mutmut sees changes."""
    folder = ROOT / "mutants" / package
    for name in COPIED:
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    settings = {
        "source_paths": ["dsgvo"],
        "only_mutate": [f"dsgvo/{package}/*"],
        "also_copy": [name for name in COPIED if name != "dsgvo"],
        "pytest_add_cli_args_test_selection": TESTS[package],
        "pytest_add_cli_args": PYTEST,
        # Seconds of a busy machine, after which a change counts as noticed: it does not end.
        "timeout_constant": 3.0,
        "timeout_multiplier": 4.0,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = "\n".join([project, "[tool.mutmut]", *lines, ""])
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


if __name__ == "__main__":
    os.nice(10)
    sys.exit(main(sys.argv[1:]))
