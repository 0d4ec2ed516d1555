"""All recordings at once: few, readable, without secrets, and as the emulator answers."""

import json
import re
from difflib import unified_diff
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server
from dsgvo.testing import _layout
from dsgvo.testing._rules import Rules
from tests.cassettes.conftest import PLACES
from tests.cassettes.record import interactions, main, origins, recorded
from tests.cassettes.test_core import PDF

SECRET = re.compile(r"sk-|emulator-(workspace|secret|client|token)|eyJ\w{8}|Bearer \w|(?i:cookie)")
HEADERS = {"accept", "content-type", "x-workspace-id", "retry-after", "x-request-id"}
HEADERS |= {"x-recorded-from", "x-emulator-scripted"}


def test_they_are_few_and_each_is_played(pytestconfig: pytest.Config) -> None:
    assert 100 < len(recorded()) <= 150
    assert sum(path.stat().st_size for path in recorded().values()) < 1_500_000
    places = pytestconfig.stash[PLACES]
    if len({place.parent for place in places}) < 15:
        pytest.skip("not all tests of this folder were collected")
    assert [name for name, path in recorded().items() if path not in places] == []


def layout_of(path: Path) -> str | None:
    text = path.read_text(encoding="utf-8")
    if _layout.serialize(_layout.deserialize(text)) != text:
        return "is not written as the rules write it"
    return None if len(origins(path)) == 1 else f"comes from {origins(path)}"


def secret_of(path: Path) -> str | None:
    if found := SECRET.search(path.read_text(encoding="utf-8")):
        return f"holds {found[0]!r}"
    both = [one[part] for one in interactions(path) for part in ("request", "response")]
    return next((f"keeps {own}" for one in both if (own := one["headers"].keys() - HEADERS)), None)


@pytest.mark.parametrize("finding", [layout_of, secret_of])
def test_no_recording_has_a(finding: Any) -> None:
    found = {name: finding(path) for name, path in recorded().items()}
    assert {name: what for name, what in found.items() if what} == {}


def sent_again(server: Server, sent: dict[str, Any]) -> httpx.Request:
    """A recorded request to the emulator, with what was taken out of it put back."""
    parts, body = urlsplit(sent["uri"]), sent["body"]
    name = next(name for name in PROVIDERS if name in parts.netloc)
    headers = {key: values[0] for key, values in sent["headers"].items()}
    headers["authorization"] = f"Bearer {server.api_key}"
    if "x-workspace-id" in headers:
        headers["x-workspace-id"] = server.workspace_id
    more: dict[str, Any] = {"content": _layout.to_bytes(body)}
    if "form" in body:
        client = {"client_id": server.client_id, "client_secret": server.client_secret}
        more = {"data": body["form"] | client}
    elif headers.get("content-type") == "multipart/form-data":
        del headers["content-type"]
        payload, file = body["json"]
        upload = (file["filename"], PDF.read_bytes(), file["type"])
        more = {"data": {"payload": payload["value"]}, "files": {"file": upload}}
    path = parts.path.replace("<x-workspace-id>", server.workspace_id)
    url = f"{server.url}/{name}{path}"
    return httpx.Request(sent["method"], url, headers=headers, **more)


def drift(server: Server, recording: list[dict[str, Any]]) -> str:
    """How the emulator answers otherwise than recorded, as a diff; but for what a test scripted."""
    server.clear()
    rules, old, new = Rules({server.workspace_id: "<x-workspace-id>"}), [], []
    with httpx.HTTPTransport(verify=False) as transport:
        for one in recording:
            answer = transport.handle_request(sent_again(server, one["request"]))
            headers = {key: [value] for key, value in answer.headers.multi_items()}
            plain = {"status": {"code": answer.status_code}, "headers": headers}
            kept = rules.response(plain | {"body": {"string": answer.read()}})
            if "x-emulator-scripted" not in one["response"]["headers"]:
                old.append(json.dumps(one["response"], indent=1))
                new.append(json.dumps(_layout.readable(kept, kept["body"]["string"]), indent=1))
    # Requests that a test makes side by side are recorded in the order of their answers.
    before, after = ("\n".join(sorted(texts)).splitlines() for texts in (old, new))
    return "\n".join(unified_diff(before, after, "recorded", "emulator", n=1, lineterm=""))


def test_the_emulator_answers_as_recorded(recording_server: Server) -> None:
    paths = {name: path for name, path in recorded().items() if origins(path) == {"emulator"}}
    found = {name: drift(recording_server, interactions(path)) for name, path in paths.items()}
    drifted = [f"{name}\n{difference}" for name, difference in found.items() if difference]
    assert not drifted, "make cassettes?\n" + "\n\n".join(drifted)


def test_recording_live_asks_first_and_wants_a_key(capfd: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("SOVRGPT_API_KEY", "k")
    assert main(["--live", "sovrgpt"], lambda _: "n") == 1
    assert "nothing was sent" in capfd.readouterr().out
    assert main(["--live", "meingpt", "--yes"]) == 2
    assert capfd.readouterr().err == "no key: set MEINGPT_API_KEY to yours\n"
