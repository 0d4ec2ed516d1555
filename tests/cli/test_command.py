"""The command itself: help, versions, exit codes, and `dsgvo emulator`."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys

import pytest

from dsgvo import PROVIDERS, Client, emulator
from dsgvo._version import __version__
from tests.cli.conftest import COMMAND, Invoke, environment, one_line, ran
from tests.processes import next_line, started

HEAVY = ("langchain", "llama_index", "httpx", "qdrant_client", "uvicorn", "numpy", "pypdf")
TEXTS = ("--version", "--help", "demo --help", "check --help", "emulator -h")


@pytest.mark.parametrize("arguments", TEXTS)
def test_texts_fit_the_terminal(invoke: Invoke, arguments: str) -> None:
    run = invoke(*arguments.split())
    assert (run.returncode, run.stderr) == (0, "")
    assert max(map(len, run.stdout.splitlines())) <= 80
    assert (run.stdout == f"dsgvo-llm {__version__}\n") == (arguments == "--version")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "demo "),
        ("dmeo", "─ Error ─"),
        ("demo --qestion x", "─ Error ─"),
        ("demo --docs", "─ Error ─"),
        ("demo --provider openai", "provider='openai' is not known"),
        ("demo --embeddings openai", "meingpt, neuroflash, sovrgpt"),
    ],
)
def test_usage_errors_are_2(invoke: Invoke, arguments: str, said: str) -> None:
    run = invoke(*arguments.split())
    assert run.returncode == 2
    assert said in " ".join((run.stdout + run.stderr).split())


def test_help_loads_no_framework() -> None:
    code = (
        "import sys\nfrom dsgvo.cli import main\nsys.argv = ['dsgvo', 'demo', '--help']\n"
        "try: main()\nexcept SystemExit: print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    loaded = ran(sys.executable, "-c", code).stderr.split()
    assert "dsgvo.cli.app" in loaded
    assert [name for name in loaded if name.startswith(HEAVY)] == []


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_a_command_that_cannot_start_says_what_it_needs(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; {COMMAND[-1]}"
    assert one_line(ran(sys.executable, "-c", code)) == (
        f"dsgvo: the command line needs {missing}: pip install 'dsgvo-llm[cli]'"
    )


@pytest.mark.parametrize(
    ("arguments", "missing", "hint"),
    [
        ("demo --docs x", "langchain_qdrant", "[demo-langchain]'; or use --framework llamaindex"),
        ("demo --docs x", "llama_index", "[demo-llamaindex]'; or use --framework langchain"),
        ("demo --docs x --framework langchain", "llama_index", "there is no such folder"),
        ("demo --docs x --framework llamaindex", "langchain", "there is no such folder"),
        ("demo --docs x --framework langchain", "starlette", "'dsgvo-llm[emulator]'"),
        ("chat innogpt --emulator", "starlette", "pip install 'dsgvo-llm[emulator]'"),
        ("check innogpt --emulator", "uvicorn", "pip install 'dsgvo-llm[emulator]'"),
        ("models --emulator", "uvicorn", "pip install 'dsgvo-llm[emulator]'"),
    ],
)
def test_what_is_not_installed_is_said_before_any_work(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, arguments: str, missing: str, hint: str
) -> None:
    for name in (missing, *(name for name in sys.modules if name.startswith(f"{missing}."))):
        monkeypatch.setitem(sys.modules, name, None)
    run = invoke(*arguments.split())
    assert one_line(run).endswith(hint)
    assert run.stdout == ""


@pytest.mark.slow
def test_ctrl_c_ends_quietly() -> None:
    with started([*COMMAND, "demo"], environment()) as process:
        assert "no language model" in next_line(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")


# dsgvo emulator


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started([*COMMAND, "emulator", "--port", "0"], environment()) as process:
        said = ""
        # The last variable of the last vendor: from then on the whole text is there.
        while not said.rstrip().split("\n")[-1].startswith("export SOVRGPT_BASE_URL="):
            said += next_line(process)
        for name, value in re.findall(r"^export (\w+)=(\S+)$", said, re.MULTILINE):
            monkeypatch.setenv(name, value)
        for name, spec in PROVIDERS.items():
            assert re.search(rf"{spec.title} +{os.environ[spec.base_url_variable]}", said)
            model = spec.models[0].id.rstrip("*")
            answer = Client(name).chat([{"role": "user", "content": "Hallo"}], model=model)
            assert answer.finish_reason == "stop"
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out.strip(), err) == (0, "stopped", "")


def test_a_port_in_use_is_said(invoke: Invoke) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = one_line(invoke("emulator", "--port", str(port)))
    assert message == (
        f"error: port {port} on 127.0.0.1 is in use: choose another with --port, or --port 0"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_other_machines_are_not_let_in_by_accident(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    # Were they let in, this process would serve them, and the test would not end.
    monkeypatch.setattr(emulator, "serve", lambda *_, **__: None)
    assert "add --allow-remote" in one_line(invoke("emulator", "--host", host))


def test_an_address_of_another_machine_cannot_be_listened_on(invoke: Invoke) -> None:
    run = invoke("emulator", "--host", "192.0.2.1", "--allow-remote")
    warning, error = run.stderr.splitlines()
    assert run.returncode == 1
    assert warning.startswith("warning: other machines can reach 192.0.2.1")
    assert error.startswith("error: cannot listen on 192.0.2.1, port 8765")
