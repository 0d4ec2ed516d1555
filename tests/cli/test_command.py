"""The command itself: help, versions, exit codes, and `dsgvo emulator`."""

import os
import re
import signal
import socket
import sys
from typing import Any

import pytest

from dsgvo import PROVIDERS, Client, emulator
from dsgvo._version import __version__
from tests.cli.conftest import COMMAND, Invoke, environment, one_line, ran
from tests.processes import next_line, started


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("--version", 0, f"dsgvo-llm {__version__}"),
        ("--help", 0, "Usage: "),
        ("demo --help", 0, "--qdrant"),
        ("", 2, "demo "),
        ("demo --provider openai", 2, "provider='openai' is not known"),
        ("demo --docs=", 2, "it is empty"),
    ],
)
def test_texts_fit_the_terminal_and_usage_errors_are_2(
    invoke: Invoke, arguments: str, code: int, said: str
) -> None:
    run = invoke(*arguments.split())
    text = run.stdout + run.stderr
    assert (run.returncode, said in " ".join(text.split())) == (code, True)
    if not code:
        assert (run.stderr, max(map(len, text.splitlines())) <= 80) == ("", True)


def test_a_command_that_cannot_start_says_what_it_needs() -> None:
    code = f"import sys; sys.modules['rich'] = None; {COMMAND[-1]}"
    said = one_line(ran(sys.executable, "-c", code))
    assert said == "dsgvo: the command line needs rich: pip install 'dsgvo-llm[cli]'"
    full = "class Full(io.StringIO):\n def write(self, _): raise OSError(28, 'voll')"
    code = f"import io, sys\n{full}\nsys.argv.append('--help')\nsys.stdout = Full()\n{COMMAND[-1]}"
    assert one_line(ran(sys.executable, "-c", code)) == "dsgvo: [Errno 28] voll"


@pytest.mark.parametrize(
    ("arguments", "missing", "hint"),
    [
        ("demo --docs x", "langchain_qdrant", "[demo-langchain]'; or use --framework llamaindex"),
        ("demo --docs x", "llama_index", "[demo-llamaindex]'; or use --framework langchain"),
        ("demo --docs x --framework llamaindex", "langchain", "there is no such folder"),
        ("chat innogpt --emulator", "starlette", "pip install 'dsgvo-llm[emulator]'"),
        ("embed in out --provider innogpt", "pyarrow", "pip install 'dsgvo-llm[bulk]'"),
    ],
)
def test_what_is_not_installed_is_said_before_any_work(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, arguments: str, missing: str, hint: str
) -> None:
    for name in (missing, *(name for name in sys.modules if name.startswith(f"{missing}."))):
        monkeypatch.setitem(sys.modules, name, None)
    run = invoke(*arguments.split())
    assert (one_line(run).endswith(hint), run.stdout) == (True, "")


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_it_serves_until_it_is_told_to_stop(number: signal.Signals, monkeypatch: Any) -> None:
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--port {taken}", "error: port {taken} on 127.0.0.1 is in use"),
        ("--host 0.0.0.0", "add --allow-remote"),
        ("--host 192.0.2.1 --allow-remote", "error: cannot listen on 192.0.2.1, port 8765"),
        ("--upstream https://8.8.8.8/v1", "--upstream-anywhere"),
    ],
)
def test_what_cannot_be_served_or_would_be_by_accident(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, arguments: str, said: str
) -> None:
    if "--allow-remote" in said:
        # Were others let in, this process would serve them, and the test would not end.
        monkeypatch.setattr(emulator, "serve", lambda *_, **__: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        run = invoke("emulator", *arguments.format(taken=taken).split())
    *warnings, error = run.stderr.splitlines()
    assert (run.returncode, said.format(taken=taken) in error) == (1, True)
    warning = "warning: other machines can reach 192.0.2.1"
    assert [one.startswith(warning) for one in warnings] == [True] * arguments.count("remote")


def test_an_upstream_server_is_passed_on(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    served: dict[str, Any] = {}
    monkeypatch.setattr(emulator, "serve", lambda *_, **given: served.update(given))
    options = ("--upstream=http://127.0.0.1:9/v1", "--upstream-model=m", "--upstream-anywhere")
    assert invoke("emulator", *options, env={"DSGVO_UPSTREAM_KEY": "k"}).returncode == 0
    given = [served[f"upstream{name}"] for name in ("", "_model", "_key", "_anywhere")]
    assert given == ["http://127.0.0.1:9/v1", "m", "k", True]
    monkeypatch.setattr("dsgvo.cli.emulator.WINDOWS", True)
    with emulator.running() as server:
        monkeypatch.setattr(emulator, "serve", lambda *_, ready, **__: ready(server))
        assert "\n$env:INNOGPT_API_KEY = '" in invoke("emulator").stdout
