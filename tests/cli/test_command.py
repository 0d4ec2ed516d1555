"""The command itself: help, versions, exit codes, and `dsgvo emulator`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dsgvo import PROVIDERS, Client
from dsgvo._version import __version__
from tests.cli.conftest import Dsgvo, command, environment, one_line
from tests.processes import next_line, started

HEAVY = ("langchain", "llama_index", "httpx", "qdrant_client", "uvicorn", "numpy", "pypdf")


def test_version(dsgvo: Dsgvo) -> None:
    run = dsgvo("--version")
    assert (run.returncode, run.stdout) == (0, f"dsgvo-llm {__version__}\n")


@pytest.mark.parametrize("arguments", [("--help",), ("demo", "--help"), ("emulator", "-h")])
def test_help_fits_the_terminal(dsgvo: Dsgvo, arguments: tuple[str, ...]) -> None:
    run = dsgvo(*arguments)
    assert run.returncode == 0
    assert max(map(len, run.stdout.splitlines())) <= 80


def test_no_argument_shows_the_help(dsgvo: Dsgvo) -> None:
    run = dsgvo()
    assert run.returncode == 2
    assert "demo" in run.stdout + run.stderr


@pytest.mark.parametrize("arguments", [("dmeo",), ("demo", "--qestion", "x"), ("demo", "--docs")])
def test_usage_errors_are_2(dsgvo: Dsgvo, arguments: tuple[str, ...]) -> None:
    run = dsgvo(*arguments)
    assert run.returncode == 2
    assert "─ Error ─" in run.stderr
    assert "Traceback" not in run.stderr


def test_help_loads_no_framework() -> None:
    code = (
        "import sys\nfrom dsgvo.cli import main\nsys.argv = ['dsgvo', 'demo', '--help']\n"
        "try: main()\nexcept SystemExit: print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    loaded = run.stderr.split()
    assert "dsgvo.cli.app" in loaded
    assert [name for name in loaded if name.split(".")[0].startswith(HEAVY)] == []


@pytest.mark.parametrize(
    ("arguments", "missing", "hint"),
    [
        ("--help", "typer", "pip install 'dsgvo-llm[cli]'"),
        ("--help", "rich", "pip install 'dsgvo-llm[cli]'"),
        (
            "demo --docs fehlt",
            "langchain_qdrant",
            "pip install 'dsgvo-llm[demo-langchain]'; or use --framework llamaindex",
        ),
        (
            "demo --docs fehlt",
            "llama_index",
            "pip install 'dsgvo-llm[demo-llamaindex]'; or use --framework langchain",
        ),
        ("demo --docs fehlt --framework langchain", "llama_index", "there is no such folder"),
        ("demo --docs fehlt --framework llamaindex", "langchain", "there is no such folder"),
        ("demo --docs fehlt --framework langchain", "starlette", "dsgvo-llm[emulator]'"),
        ("chat innogpt --emulator", "starlette", "pip install 'dsgvo-llm[emulator]'"),
        ("check innogpt --emulator", "uvicorn", "pip install 'dsgvo-llm[emulator]'"),
        ("models --emulator", "uvicorn", "pip install 'dsgvo-llm[emulator]'"),
    ],
)
def test_what_is_not_installed_is_said_before_any_work(
    arguments: str, missing: str, hint: str
) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = {arguments.split()!r}\n"
        "from dsgvo.cli import main; main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert one_line(run).endswith(hint)
    assert run.stdout == ""


def test_ctrl_c_ends_quietly() -> None:
    with started(command("demo"), environment()) as process:
        assert "no language model" in next_line(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")


# dsgvo emulator


@contextmanager
def emulator(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running server's process, and what it said until it was ready."""
    with started(command("emulator", *arguments), environment()) as process:
        said = ""
        # The last variable of the last vendor: from then on the whole text is there.
        while not said.rstrip().split("\n")[-1].startswith("export SOVRGPT_BASE_URL="):
            said += next_line(process)
        yield process, said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emulator("--port", "0") as (process, said):
        for name, value in re.findall(r"^export (\w+)=(\S+)$", said, re.MULTILINE):
            monkeypatch.setenv(name, value)
        for name, spec in PROVIDERS.items():
            assert f"{os.environ[spec.base_url_variable]}" in said
            assert len(spec.title) < len(said.partition(spec.title)[2])
            completion = Client(name).chat(
                [{"role": "user", "content": "Hallo"}], model=spec.models[0].id.rstrip("*")
            )
            assert completion.finish_reason == "stop"
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out.strip(), err) == (0, "stopped", "")


def test_a_port_in_use_is_said(dsgvo: Dsgvo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = one_line(dsgvo("emulator", "--port", str(port)))
    assert message == (
        f"error: port {port} on 127.0.0.1 is in use: choose another with --port, or --port 0"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_other_machines_are_not_let_in_by_accident(dsgvo: Dsgvo, host: str) -> None:
    assert "add --allow-remote" in one_line(dsgvo("emulator", "--host", host))


def test_an_address_of_another_machine_cannot_be_listened_on(dsgvo: Dsgvo) -> None:
    run = dsgvo("emulator", "--host", "192.0.2.1", "--allow-remote")
    assert run.returncode == 1
    warning, error = run.stderr.splitlines()
    assert warning.startswith("warning: other machines can reach 192.0.2.1")
    assert error.startswith("error: cannot listen on 192.0.2.1, port 8765")
