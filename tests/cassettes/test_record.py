"""``make cassettes-live``, tried with a vendor that is the emulator behind a false face."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server, cassettes
from tests.cassettes import record
from tests.cassettes.shapes import differences
from tests.cassettes.support import HOME, content, named, python, recorded

KEY = "live-key-that-has-no-pattern"


@pytest.fixture
def vendor(server: Server) -> Iterator[str]:
    """A service that answers like SovrGPT, but not quite like its emulator."""

    class Front(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(None)

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["content-length"])))

        def answer(self, body: bytes | None) -> None:
            assert self.headers["authorization"] == f"Bearer {KEY}"
            headers = {"authorization": f"Bearer {server.api_key}"}
            headers["content-type"] = self.headers.get("content-type", "")
            with httpx.Client(trust_env=False) as client:
                reply = client.request(
                    self.command, server.url + self.path, content=body, headers=headers
                )
            self.reply(reply.status_code, reply.json() | {"echo": f"you sent {KEY}"})

        def reply(self, status: int, value: dict[str, Any]) -> None:
            if "data" in value:
                value["data"][0] |= {"created": "yesterday", "license": None}
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.send_header("set-cookie", f"session={KEY}")
            self.send_header("x-request-id", "live-1")
            self.end_headers()
            self.wfile.write(data)

        def log_request(self, code: Any = None, size: Any = None) -> None:
            """Say nothing."""

    service = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    thread = threading.Thread(target=service.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{service.server_port}/sovrgpt/api/v1"
    service.shutdown()
    thread.join()
    service.server_close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the cassettes that are recorded anew here."""
    for name in ("models", "a_wrong_request_is_the_vendors_error"):
        target = tmp_path / "sovrgpt" / "core" / "client" / f"{name}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        source = HOME / target.relative_to(tmp_path)
        target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def differences_of(result: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.strip() for line in result.stdout.splitlines() if line.startswith("  ")]


def test_live_recording(vendor: str, home: Path) -> None:
    selection = ("tests/cassettes/core", "-k", "test_models or test_a_wrong_request")
    command = ("-m", "tests.cassettes.record", "--live", "sovrgpt", "--yes", *selection)
    variables = {"DSGVO_CASSETTES_HOME": home, "SOVRGPT_API_KEY": KEY, "SOVRGPT_BASE_URL": vendor}
    # Another vendor's key is there and not for this: its requests would be paid, too.
    variables["INNOGPT_API_KEY"] = "another-vendors-key"
    # The second time nothing of the emulator's is in the folder, and the differences are the same.
    runs = [python(*command, **variables) for _ in range(2)]
    assert differences_of(runs[0]) == differences_of(runs[1])
    result = runs[1]
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"SovrGPT: up to 2 requests go to {vendor} with your key" in result.stdout
    assert "2 cassettes recorded from SovrGPT" in result.stdout
    shown = differences_of(result)
    models = "GET /api/v1/models 200 json"
    assert shown == [
        f"{models}: data[].created is number or string live, number from the emulator",
        f"{models}: data[].license (null) only live",
        f"{models}: echo (string) only live",
        "POST /api/v1/chat/completions 400 json: echo (string) only live",
    ]
    for path in home.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        cassette = cassettes.parse(text)
        assert cassette["origin"].startswith("live 20")
        assert KEY not in text
        assert "you sent SCRUBBED" in text
        assert cassettes.find_secrets(cassette) == []
        for one in cassette["interactions"]:
            assert one["request"]["url"].startswith("https://sovrgpt.com/api/v1/")
            assert one["response"]["headers"]["x-request-id"] == "live-1"
    # And nothing else changes: the same tests play them.
    options = ("-q", "-p", "no:cacheprovider", "-k", "(test_models or wrong_request) and sovrgpt")
    replay = python("-m", "pytest", "tests/cassettes/core", *options, DSGVO_CASSETTES_HOME=home)
    assert "2 passed" in replay.stdout
    # They were paid for: the emulator's do not take their place unless they are told to.
    emulator = ("-m", "tests.cassettes.record", *selection[:2], f"sovrgpt and ({selection[2]})")
    live = {path: path.read_bytes() for path in home.rglob("*.yaml")}
    kept = python(*emulator, DSGVO_CASSETTES_HOME=home)
    assert "2 from vendors kept; ARGS=--replace-live" in kept.stdout
    assert {path: path.read_bytes() for path in home.rglob("*.yaml")} == live
    python(*emulator, "--replace-live", DSGVO_CASSETTES_HOME=home)
    for path in home.rglob("*.yaml"):
        assert content(path)["origin"].startswith("emulator ")


def test_a_test_finds_no_other_vendors_key_in_a_live_recording(home: Path) -> None:
    code = "from tests.cassettes.conftest import OWN; print(sorted(OWN))"
    keys = {f"{spec.env}_API_KEY": "k" for spec in PROVIDERS.values()} | {"SOVR_KEY": "k"}
    found = {
        provider: python("-c", code, **keys, DSGVO_CASSETTES_PROVIDER=provider).stdout.strip()
        for provider in ("meingpt", "sovrgpt")
    }
    assert found == {"meingpt": "['MEINGPT_API_KEY']", "sovrgpt": "['SOVRGPT_API_KEY', 'SOVR_KEY']"}


def test_without_a_terminal_it_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(_question: str) -> str:
        raise EOFError

    monkeypatch.setenv("SOVRGPT_API_KEY", KEY)
    assert record.main(["--live", "sovrgpt"], ask) == 2
    assert "ARGS=--yes goes on without; nothing was sent" in capsys.readouterr().err


def test_an_interrupted_recording_keeps_what_it_has(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_command: object, *, env: dict[str, str], **_: object) -> None:
        place = named(recorded()[0])
        Path(env["DSGVO_CASSETTES_LIST"]).write_text(f"{place}\n", encoding="utf-8")
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupted)
    assert record.run("live", ()) == (130, [recorded()[0]])
    assert "the cassettes recorded so far are kept" in capsys.readouterr().out


def test_it_asks_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SOVRGPT_API_KEY", KEY)
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "n"

    assert record.main(["--live", "sovrgpt"], ask) == 1
    assert asked == ["Go on? [y/N] "]
    shown = capsys.readouterr().out
    assert "https://sovrgpt.com/api/v1 with your key and may cost money" in shown
    assert "nothing was sent" in shown


def test_it_wants_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert record.main(["--live", "meingpt", "--yes"]) == 2
    assert capsys.readouterr().err == "no key: set MEINGPT_API_KEY to yours\n"


def test_recording_from_the_emulator_changes_nothing(home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*.yaml")}
    selection = ("tests/cassettes/core", "-k", "sovrgpt and (test_models or wrong_request)")
    result = python("-m", "tests.cassettes.record", *selection, DSGVO_CASSETTES_HOME=home)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 cassettes recorded from the emulator" in result.stdout
    assert {path: path.read_bytes() for path in home.rglob("*.yaml")} == before


def test_shapes_of_streams_are_compared() -> None:
    def tape(text: str, status: int = 200) -> dict[str, Any]:
        request = {"method": "POST", "url": "https://sovrgpt.com/api/v1/chat/completions"}
        return {"interactions": [{"request": request, "response": {"status": status, "sse": text}}]}

    old = tape('data: {"id":"1","usage":null}\n\ndata: [DONE]\n\n')
    new = tape('data: {"id":1}\n\ndata: {"id":"2","x":[true]}\n\n')
    kind = "POST /api/v1/chat/completions 200 sse"
    assert differences([old], [new]) == [
        f"{kind}: id is number or string live, string from the emulator",
        f"{kind}: usage (null) only from the emulator",
        f"{kind}: x (array) only live",
        f"{kind}: x[] (boolean) only live",
    ]
    assert differences([old], [old]) == []
    assert differences([old], [tape("", 500)]) == [
        f"{kind}: only from the emulator",
        "POST /api/v1/chat/completions 500 sse: only live",
    ]
