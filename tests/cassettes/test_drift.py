"""Emulator and cassettes say the same: each recorded request, sent again, has its answer again."""

from __future__ import annotations

import difflib
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from dsgvo.emulator import Server, cassettes
from dsgvo.emulator.cassettes.bodies import packed
from dsgvo.emulator.cassettes.layout import interaction, origin_of, render
from tests.cassettes.support import HOME, ROOT, content, named, recorded

FILES = {
    hashlib.sha256(path.read_bytes()).hexdigest(): path
    for path in (ROOT / "examples").rglob("*.pdf")
}


def sent(transport: httpx.HTTPTransport, server: Server, request: dict[str, Any]) -> None:
    """Send a recorded request to the emulator, with what was taken out of it put back."""
    url = cassettes.emulator_url(request["url"], server.url)
    assert url is not None, f"{request['url']} is no vendor's"
    headers = request.get("headers", {}) | {"authorization": f"Bearer {server.api_key}"}
    more: dict[str, Any] = {"content": packed(request)}
    if "form" in request:
        more = {"data": request["form"] | {"client_secret": server.client_secret}}
    if "multipart" in request:
        headers.pop("content-type")
        parts = {part["name"]: part for part in request["multipart"]}
        document = FILES[parts["file"]["sha256"]].read_bytes()
        file = (parts["file"]["filename"], document, parts["file"]["type"])
        text = json.dumps(parts["payload"]["json"], ensure_ascii=False, separators=(",", ":"))
        more = {"data": {"payload": text}, "files": {"file": file}}
    transport.handle_request(httpx.Request(request["method"], url, headers=headers, **more))


def drift(server: Server, text: str) -> str:
    """Return how the emulator's answers differ from a cassette's, as a diff; empty if they do not.

    Answers that a test scripted are no matter: they were the test's, not the emulator's.
    """
    server.clear()
    old = cassettes.parse(text)["interactions"]
    vcr = cassettes.recorder(record_mode="all")
    with (
        httpx.HTTPTransport(verify=False) as transport,
        vcr.use_cassette("never written") as tape,
    ):
        for one in old:
            sent(transport, server, one["request"])
        tape.dirty = False
    new = [interaction(request._to_dict(), response) for request, response in tape.data]
    for here, there in zip(old, new, strict=True):
        if "x-emulator-scripted" in here["response"]["headers"]:
            there["response"] = here["response"]
    # Requests that a test makes side by side are recorded in the order of their answers.
    old, new = sorted(old, key=repr), sorted(new, key=repr)
    if repr(old) == repr(new):
        return ""
    recorded_lines, lines = (render("", each).splitlines() for each in (old, new))
    return "\n".join(difflib.unified_diff(recorded_lines, lines, "cassette", "emulator", n=3))


def from_the_emulator() -> list[Path]:
    parsed = {path: content(path) for path in recorded()}
    return [path for path, cassette in parsed.items() if origin_of(cassette)[0] == "emulator"]


@pytest.mark.parametrize("path", from_the_emulator(), ids=named)
def test_the_emulator_answers_as_recorded(path: Path, recording_server: Server) -> None:
    found = drift(recording_server, path.read_text(encoding="utf-8"))
    assert not found, f"emulator and cassette have drifted apart; make cassettes?\n{found}"


EXAMPLE = HOME / "sovrgpt" / "core" / "client" / "models.yaml"


@pytest.mark.parametrize(
    ("recorded_text", "changed_text", "shown"),
    [
        ("id: qwen3.5-9b\n", "id: qwen9-9b\n", "-      - id: qwen9-9b"),
        ("status: 200", "status: 201", "-    status: 201"),
        ("accepts_vision: true", "accepts_vision: 1", "-        accepts_vision: 1"),
    ],
)
def test_drift_is_seen(
    recorded_text: str, changed_text: str, shown: str, recording_server: Server
) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert recorded_text in text
    found = drift(recording_server, text.replace(recorded_text, changed_text, 1))
    assert shown in found.splitlines()
