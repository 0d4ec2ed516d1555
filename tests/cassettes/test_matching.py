"""When a request is the recorded one, and what a test says when it is not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.request import Request

from dsgvo import Client
from dsgvo.emulator import Server, cassettes
from dsgvo.emulator.cassettes import emulator_url, vendor_url
from dsgvo.emulator.cassettes.rules import same_body, same_headers
from tests.cassettes.support import HOME, python

JSON = {"Content-Type": "application/json"}
SOVRGPT = "https://sovrgpt.com/api/v1/chat/completions"


def kept(method: str, url: str, body: bytes, headers: dict[str, str]) -> Any:
    return cassettes.Rules().request(Request(method, url, body, headers))


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (
            "http://127.0.0.1:1/innogpt/api/ext/v1/models",
            "https://app.innogpt.de/api/ext/v1/models",
        ),
        (
            "http://localhost/meingpt/api/openai/v1/chat/completions",
            "https://app.meingpt.com/api/openai/v1/chat/completions",
        ),
        ("http://[::1]:8/sovrgpt/api/v1/models?a=1", "https://sovrgpt.com/api/v1/models?a=1"),
        (
            "http://127.0.0.1:1/neuroflash/api/ds-prototypes/health",
            "https://app.neuroflash.com/api/ds-prototypes/health",
        ),
        (
            "http://127.0.0.1:1/neuroflash/oauth/v2/token",
            "https://id.neuroflash.com/oauth/v2/token",
        ),
        (
            "http://127.0.0.1:1/neuroflash/api/workspace-service/v1/workspaces",
            "https://app.neuroflash.com/api/workspace-service/v1/workspaces",
        ),
        ("http://127.0.0.1:6333/collections", "http://127.0.0.1:6333/collections"),
        ("https://example.com/sovrgpt/api", "https://example.com/sovrgpt/api"),
    ],
)
def test_the_emulators_addresses_are_the_vendors(here: str, there: str) -> None:
    assert vendor_url(here) == there
    assert vendor_url(there) == there
    back = emulator_url(there, "http://127.0.0.1:1")
    assert back is None if there == here else vendor_url(back or "") == there


def test_a_recorded_request_is_known_by_what_matters() -> None:
    here = kept("POST", SOVRGPT, b'{"a": 1, "b": 2}', JSON | {"Authorization": "Bearer one-key"})
    there = kept("POST", SOVRGPT, b'{"b":2,"a":1}', JSON | {"authorization": "Bearer another-key"})
    same_headers(here, there)
    same_body(here, there)


@pytest.mark.parametrize("header", ["x-workspace-id", "accept"])
def test_headers_that_matter_matter(header: str) -> None:
    here = kept("POST", SOVRGPT, b"{}", JSON | {header: "one"})
    for other in ({header: "another"}, {}):
        with pytest.raises(AssertionError, match=f"{header}: 'one' was sent"):
            same_headers(here, kept("POST", SOVRGPT, b"{}", JSON | other))


def test_the_difference_is_shown() -> None:
    here = kept("POST", SOVRGPT, b'{"model":"a","temperature":0.5}', JSON)
    there = kept("POST", SOVRGPT, b'{"model":"a","temperature":0.7}', JSON)
    with pytest.raises(AssertionError) as caught:
        same_body(here, there)
    assert str(caught.value).splitlines()[-2:] == ["-  temperature: 0.7", "+  temperature: 0.5"]


@pytest.mark.parametrize("boundary", ["one", "another"])
def test_forms_match_whatever_their_boundary(boundary: str) -> None:
    def upload(boundary: str, data: bytes) -> Any:
        head = b'Content-Disposition: form-data; name="file"; filename="a.pdf"'
        mark = boundary.encode()
        body = b"--%b\r\n%b\r\n\r\n%b\r\n--%b--\r\n" % (mark, head, data, mark)
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        return kept("POST", SOVRGPT, body, headers)

    same_body(upload(boundary, b"%PDF"), upload("one", b"%PDF"))
    with pytest.raises(AssertionError, match="sha256"):
        same_body(upload(boundary, b"%PDF"), upload("one", b"%pdf"))


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
def test_another_media_type_is_another_request(headers: dict[str, str]) -> None:
    recorded_ = kept("POST", SOVRGPT, b"{}", {"Content-Type": "application/json; charset=utf-8"})
    same_body(kept("POST", SOVRGPT, b"{}", JSON), recorded_)
    with pytest.raises(AssertionError, match=r"content-type: '.*' was sent, 'application/json' is"):
        same_body(kept("POST", SOVRGPT, b"{}", headers), recorded_)


def part_of_a_form(head: bytes, data: bytes) -> Any:
    body = b'--b\r\nContent-Disposition: form-data; name="a"%b\r\n\r\n%b\r\n--b--\r\n' % (
        head,
        data,
    )
    return kept("POST", SOVRGPT, body, {"Content-Type": "multipart/form-data; Boundary=b"})


@pytest.mark.parametrize(
    ("head", "here", "there"),
    [
        (b"", b"one", b"another"),
        (b"", b"\xff", b"\xfe"),
        (b"\r\nContent-Type: message/rfc822", b"A: 1\r\n\r\none", b"A: 1\r\n\r\nanother"),
    ],
)
def test_forms_differ_by_their_parts(head: bytes, here: bytes, there: bytes) -> None:
    same_body(part_of_a_form(head, here), part_of_a_form(head, here))
    with pytest.raises(AssertionError):
        same_body(part_of_a_form(head, here), part_of_a_form(head, there))


def test_parts_of_a_form_differ_by_their_type() -> None:
    untyped, typed = (
        part_of_a_form(head, b'{"a":1}') for head in (b"", b"\r\nContent-Type: application/json")
    )
    same_body(typed, typed)
    with pytest.raises(AssertionError, match="type: application/json"):
        same_body(typed, untyped)


def test_a_changed_request_never_plays_an_old_answer(server: Server, tmp_path: Path) -> None:
    client = Client("sovrgpt", api_key=server.api_key, base_url=server.base_url("sovrgpt"))
    question = [{"role": "user", "content": "Guten Tag!"}]
    path = str(tmp_path / "tape.yaml")
    with cassettes.recorder().use_cassette(path):
        first = client.chat(question, model="qwen3.5-9b", temperature=0.5)
    replay = Client("sovrgpt", api_key="another-key")
    asked = len(server.requests)
    with cassettes.recorder(record_mode="none").use_cassette(path) as tape:
        assert replay.chat(question, model="qwen3.5-9b", temperature=0.5) == first
        assert tape.all_played
        with pytest.raises(CannotOverwriteExistingCassetteException, match="already been consumed"):
            replay.chat(question, model="qwen3.5-9b", temperature=0.5)
        with pytest.raises(CannotOverwriteExistingCassetteException) as caught:
            replay.chat(question, model="qwen3.5-9b", temperature=0.6)
    assert "-  temperature: 0.5" in str(caught.value)
    assert "+  temperature: 0.6" in str(caught.value)
    assert len(server.requests) == asked


def test_a_mixed_recording_does_not_reach_the_tests_after_it(
    server: Server, tmp_path: Path
) -> None:
    """vcrpy would leave httpx patched if writing a cassette failed."""
    client = Client("sovrgpt", api_key=server.api_key, base_url=server.base_url("sovrgpt"))
    path = str(tmp_path / "tape.yaml")
    with cassettes.recorder().use_cassette(path) as tape:
        client.models()
        tape.append(
            Request("GET", "https://example.com/", b"", {}),
            {"status": {"code": 204, "message": None}, "headers": {}, "body": {"string": b""}},
        )
    with (
        pytest.raises(cassettes.CassetteError, match="record it whole"),
        cassettes.recorder().use_cassette(path),
    ):
        pass  # pragma: no cover
    asked = len(server.requests)
    client.models()
    assert len(server.requests) == asked + 1


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_suite_on_changed_cassettes_fails(tmp_path: Path) -> None:
    """A changed request, a missing cassette, an answer that nobody wanted, and one that fits."""
    for provider in ("innogpt", "meingpt", "neuroflash", "sovrgpt"):
        shutil.copytree(HOME / provider / "core", tmp_path / provider / "core")
    error = "core/client/a_wrong_request_is_the_vendors_error.yaml"
    changed(tmp_path / "innogpt" / error, "temperature: 9", "temperature: 8")
    (tmp_path / "meingpt" / error).unlink()
    changed(tmp_path / "neuroflash" / error, "x-workspace-id: emulator", "x-workspace-id: another")
    models = tmp_path / "sovrgpt/core/client/models.yaml"
    text = models.read_text(encoding="utf-8")
    models.write_text(text + "\n" + text.split("interactions:\n")[1], encoding="utf-8")
    result = python(
        *("-m", "pytest", "tests/cassettes/core", "-q", "-rA", "-p", "no:cacheprovider"),
        *("-k", "wrong_request or test_models"),
        DSGVO_CASSETTES_HOME=tmp_path,
    )
    lines = [line.split("::")[-1].split(" - ")[0] for line in result.stdout.splitlines()]
    words = [line.partition(" ")[0] for line in result.stdout.splitlines()]
    broken = {n for n, word in zip(lines, words, strict=True) if word in {"FAILED", "ERROR"}}
    good = {n for n, word in zip(lines, words, strict=True) if word == "PASSED"} - broken
    wrong = "test_a_wrong_request_is_the_vendors_error"
    assert broken == {
        *(f"{wrong}[{provider}]" for provider in ("innogpt", "meingpt", "neuroflash")),
        "test_models[sovrgpt]",
    }
    assert good == {f"{wrong}[sovrgpt]", "test_models[neuroflash]"}
    assert "-  temperature: 8" in result.stdout
    assert "x-workspace-id: 'emulator-workspace' was sent" in result.stdout
    assert "in sovrgpt/core/client/models.yaml, but not asked for" in result.stdout
    assert "make cassettes" in result.stdout
