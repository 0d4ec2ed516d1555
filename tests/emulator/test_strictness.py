"""Access, headers, error bodies and body checks, each in the vendor's own shape."""

from typing import Any

import httpx
import pytest

from dsgvo import emulator
from dsgvo.emulator import Server
from tests.emulator.conftest import QUESTION, Http, paired
from tests.vendors import MODELS

URL = "https://example.com/a.pdf"
FILE_URL = {"url": URL, "mime_type": "application/pdf"}
FILE = {"type": "file_url", "file_url": FILE_URL}
DEEP = b'{"a":' * 200_000 + b"1" + b"}" * 200_000
SAID, NAMED = "messages[0].content", {"type": "function", "function": {"name": "g"}}
EMBEDDINGS: dict[str, Any] = {"input": "x", "model": "m", "dimensions": 1}
IMAGES: dict[str, Any] = {"prompt": "x", "n": 10}
SONAR = {"model": "llama-3.1-sonar-large-128k-online"}
PATHS = {"input": "/embeddings", "prompt": "/images/generations"}


@pytest.fixture
def body(vendor: str) -> dict:
    return {"model": MODELS[vendor], "messages": QUESTION}


def refused(answer: httpx.Response, vendor: str, status: int, says: str = "") -> None:
    """Check status, headers and the shape of the error body."""
    if status == 400 and vendor == "neuroflash" and says:
        status = 422  # a wrong field
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    found = answer.json()
    if vendor == "meingpt":
        assert (set(found), found["status"]) == ({"status", "message"}, "error")
        assert says in found["message"]
    elif vendor == "neuroflash" and status == 422:
        [fault, *_] = found["errors"]
        assert fault.pop("type") == "validation"
        assert says in " ".join(fault.values())
    elif vendor == "neuroflash":
        assert set(found) == {"error", "code"}
    else:
        assert set(found["error"]) == {"message", "type", "param", "code"}
        assert says in found["error"]["message"]
        assert not says or says.startswith(found["error"]["param"])


def sends(content: bytes, kind: str = "application/json") -> dict[str, Any]:
    return {"content": content, "headers": {"content-type": kind}}


@paired(
    "status sent",
    [
        (401, {"headers": {"authorization": ""}}),
        (401, {"headers": {"authorization": "Bearer falsch", "x-forwarded-for": "127.0.0.1"}}),
        *([(404, {"path": "//", "method": "GET"}), (405, {"method": "GET"})] * 2),
        *((421, {"headers": {"host": host}}) for host in ("localhost.evil.de:8", b"\xc3\xbc", "[")),
        *((421, {"headers": {"origin": page}}) for page in ("https://evil.de", "null")),
        *((400, sends(body)) for body in (b"{", b"[]", b"\xff", DEEP)),
        *((400, sends(b"{}", kind)) for kind in ("text/plain", "")),
    ],
)
def test_a_request_that_is_refused_before_its_fields_are_read(
    http: Http, server: Server, vendor: str, status: int, sent: dict
) -> None:
    answer = http(vendor, **sent)
    refused(answer, vendor, status)
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)
    assert answer.headers.get("x-request-id", "").startswith("emulator-") is (status != 421)
    assert len(server.requests) == (status != 421)  # of another site's page nothing is kept
    if status == 401:
        missing = sent["headers"]["authorization"] == ""
        assert ("Missing" if missing else "Incorrect") + " API key" in answer.text


def says(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content, **more}]}


def offers(choice: Any = None, **function: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": function}], "tool_choice": choice}


def shows(kind: str, given: Any) -> dict[str, Any]:
    return says("user", [{"type": "text", "text": "x"}, {"type": kind, kind: given}])


@paired(
    "change fault",
    [
        ({"model": ""}, "model must have at least 1 character"),
        (says("chef", "x"), "messages[0].role must be 'system', "),
        ({"messages": [{"role": "user"}]}, f"{SAID} is required"),
        (shows("image_url", {"url": "foto.jpg"}), f"{SAID}[1].image_url.url must match"),
        (says("assistant", None), f"{SAID} must be there without tool_calls"),
        (says("tool", "x"), "messages[0].tool_call_id is required"),
        ({"stream": "true"}, "stream must be a valid boolean"),
        (offers(name="mit leerzeichen"), "tools[0].function.name must match pattern"),
        ({"tool_choice": "required"}, "tool_choice is only allowed when tools are specified"),
        (offers(NAMED, name="f"), "tool_choice names a tool that is not in tools: 'g'"),
    ],
)
def test_a_wrong_field(http: Http, vendor: str, body: dict, change: dict, fault: str) -> None:
    refused(http(vendor, json=body | change), vendor, 400, fault)


@pytest.mark.parametrize(
    ("vendor", "fine", "change", "fault"),
    [
        ("innogpt", {}, shows("file_url", {"url": URL}), f"{SAID}[1].file_url.mime_type is"),
        ("innogpt", {}, shows("file_url", FILE_URL | {"url": "a"}), f"{SAID}[1].file_url.url must"),
        ("meingpt", {}, shows("file_url", FILE_URL), f"{SAID}[1].type must be 'text', 'image_url'"),
        ("innogpt", {}, says("system", [FILE]), f"{SAID}[0].type must be 'text'"),
        ("sovrgpt", {}, {"stop": [1]}, "stop[0]"),
        ("sovrgpt", {}, {"n": 2}, "n > 1 is not supported"),
        ("sovrgpt", {}, {"response_format": {"type": "text"}}, "response_format.type must be 'js"),
        ("sovrgpt", {}, says("developer", "x"), "messages[0].role must be 'system', "),
        ("meingpt", {}, SONAR | offers(name="f"), "does not support tool calling"),
        ("innogpt", {}, {"max_completion_tokens": 0}, "max_completion_tokens must be greater"),
        ("meingpt", EMBEDDINGS, {"input": [[]]}, "input["),
        ("innogpt", EMBEDDINGS, {"input": [[1]]}, "input[0] must be a valid string"),
        ("innogpt", IMAGES, {"n": 11}, "n must be less than or equal to 10"),
    ],
)
def test_what_a_vendor_alone_has(
    http: Http, vendor: str, fine: dict, body: dict, change: dict, fault: str
) -> None:
    path, fine = PATHS.get(next(iter(fine), ""), "/chat/completions"), fine or body
    assert http(vendor, path, json=fine).status_code == 200
    refused(http(vendor, path, json=fine | change), vendor, 400, fault)


def test_null_is_as_absent_but_of_what_is_required(http: Http, vendor: str, body: dict) -> None:
    empty = dict.fromkeys(("temperature", "tools", "tool_choice", "response_format", "stream"))
    assert http(vendor, json=body | empty).status_code == 200
    for missing in body:
        asked = {name: value for name, value in body.items() if name != missing}
        refused(http(vendor, json=asked), vendor, 400, f"{missing} is required")


def test_a_name_of_this_machine_is_taken(http: Http) -> None:
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:80", "a.localhost"):
        assert http("sovrgpt", "/models", "GET", headers={"host": host}).status_code == 200
    with emulator.running("0.0.0.0") as own:
        url = f"http://127.0.0.1:{own.port}/sovrgpt/api/v1/models"
        assert httpx.get(url, headers={"host": "emulator"}, trust_env=False).status_code == 401
