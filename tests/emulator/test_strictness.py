"""Access, headers, error bodies and body checks, each in the vendor's own shape."""

from typing import Any

import httpx
import pytest

from dsgvo import emulator
from dsgvo.emulator import Server
from tests.emulator.support import Http, paired
from tests.vendors import MODELS

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/image.jpg"}}
FILE_URL = {"url": "https://example.com/document.pdf", "mime_type": "application/pdf"}
FILE = {"type": "file_url", "file_url": FILE_URL}


@pytest.fixture
def body(model: str) -> dict:
    return {"model": model, "messages": [{"role": "user", "content": "Hallo"}]}


def refused(answer: httpx.Response, vendor: str, status: int, says: str = "") -> None:
    """Check status, headers and the shape of the error body."""
    if status == 400 and vendor == "neuroflash" and says:
        status = 422  # a wrong field
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    if vendor == "meingpt":
        assert (set(found), found["status"]) == ({"status", "message"}, "error")
        assert says in found["message"]
    elif vendor == "neuroflash" and "errors" in found:
        assert {tuple(one) for one in found["errors"]} == {("field", "message", "type")}
        first = found["errors"][0]
        assert says in f"{first['field']} {first['message']}"
    elif vendor == "neuroflash":
        assert set(found) == {"error", "code"}
    else:
        assert set(found["error"]) == {"message", "type", "param", "code"}
        assert says in found["error"]["message"]
        assert not says or says.startswith(found["error"]["param"])


@paired("given", ["", "Bearer", "Bearer falsch", "Basic sk-emulator-0123456789abcdef"])
def test_a_wrong_key(http: Http, server: Server, vendor: str, body: dict, given: str) -> None:
    answer = http(vendor, json=body, headers={"authorization": given})
    refused(answer, vendor, 401)
    assert answer.headers["x-request-id"].startswith("emulator-")
    lower = {"authorization": f"bEARER {server.api_key}"}
    assert http(vendor, json=body, headers=lower).status_code == 200


def test_a_wrong_method_and_a_wrong_path(http: Http, server: Server, vendor: str) -> None:
    answer = http(vendor, method="GET")
    refused(answer, vendor, 405)
    assert answer.headers["allow"] == "POST"
    refused(http(vendor, "//", "GET"), vendor, 404)
    assert httpx.get(f"{server.url}/openai/v1/models", trust_env=False).status_code == 404


@paired(
    "content kind",
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"\xff", "application/json"),
        (b"{}", "text/plain"),
        (b"{}", ""),
    ],
)
def test_a_body_that_is_not_json(http: Http, vendor: str, content: bytes, kind: str) -> None:
    refused(http(vendor, content=content, headers={"content-type": kind}), vendor, 400)


@paired(
    "change says",
    [
        ({"model": None}, "model must be a valid string"),
        ({"model": ""}, "model must have at least 1 character"),
        ({"messages": []}, "messages must have at least 1 item"),
        ({"messages": "Hallo"}, "messages must be a valid list"),
        ({"messages": ["Hallo"]}, "messages[0] must be a valid dictionary"),
        ({"messages": [{"role": "chef"}]}, "messages[0].role must be 'system', "),
        ({"messages": [{"role": "user"}]}, "messages[0].content is required"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content must be a valid st"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0] must be"),
        ({"messages": [{"role": "assistant", "content": None}]}, "messages[0].content must be "),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id is required"),
        ({"temperature": True}, "temperature must be a valid number"),
        ({"temperature": -0.001}, "temperature must be greater than or equal to 0"),
        ({"temperature": 2.001}, "temperature must be less than or equal to 2"),
        ({"stream": "true"}, "stream must be a valid boolean"),
        ({"tools": "wetter"}, "tools must be a valid list"),
        ({"tools": [{"type": "function"}]}, "tools[0].function is required"),
        (
            {"tools": [{"type": "function", "function": {"name": "mit leerzeichen"}}]},
            "tools[0].function.name must match pattern",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
            "tools[0].function.parameters must be a valid dictionary",
        ),
        ({"tools": [{"type": "x", "function": {"name": "f"}}]}, "tools[0].type must be 'function'"),
        ({"tool_choice": "any"}, "tool_choice must be 'none', 'auto' or 'required'"),
        ({"tool_choice": "required"}, "tool_choice is only allowed when tools are specified"),
        (
            {
                "tools": [{"type": "function", "function": {"name": "f"}}],
                "tool_choice": {"type": "function", "function": {"name": "g"}},
            },
            "tool_choice names a tool that is not in tools: 'g'",
        ),
        ({"response_format": "json"}, "response_format must be a valid dictionary"),
    ],
)
def test_a_wrong_field(http: Http, vendor: str, body: dict, change: dict, says: str) -> None:
    refused(http(vendor, json=body | change), vendor, 400, says)


def part(kind: str, value: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": kind, kind: value}]}]}


def said(role: str, content: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": [content], "tool_call_id": "1"}]}


AT = "messages[0].content[0]"
IMAGES, EMBEDDINGS = "/images/generations", "/embeddings"
NO_SCHEMA = {"type": "json_schema", "json_schema": {"name": "x"}}


@pytest.mark.parametrize(
    ("vendor", "path", "change", "says"),
    [
        ("innogpt", "", {"response_format": {"type": "xml"}}, "response_format.type must be 'tex"),
        (
            "innogpt",
            "",
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema",
        ),
        ("innogpt", "", {"response_format": NO_SCHEMA}, "response_format.json_schema.schema is r"),
        ("innogpt", "", part("file_url", {"url": FILE_URL["url"]}), f"{AT}.file_url.mime_type is"),
        ("innogpt", "", part("file_url", FILE_URL | {"url": "a.pdf"}), f"{AT}.file_url.url must"),
        ("innogpt", "", part("file_url", FILE_URL | {"url": "data:x"}), f"{AT}.file_url.url must"),
        ("meingpt", "", part("file_url", FILE_URL), f"{AT}.type must be 'text', 'image_url'"),
        ("neuroflash", "", part("file_url", FILE_URL), f"{AT}.type must be 'text', 'image_url'"),
        ("sovrgpt", "", part("file_url", FILE_URL), f"{AT}.type must be 'text', 'image_url'"),
        ("innogpt", "", said("system", IMAGE), f"{AT}.type must be 'text'"),
        ("innogpt", "", said("assistant", FILE), f"{AT}.type must be 'text'"),
        ("innogpt", "", said("tool", IMAGE), f"{AT}.type must be 'text'"),
        ("innogpt", "", {"stop": ""}, "stop must"),
        ("neuroflash", "", {"stop": 1}, "stop must"),
        ("sovrgpt", "", {"stop": [1]}, "stop[0]"),
        ("innogpt", "", {"stop": [""]}, "stop[0]"),
        ("innogpt", "", {"max_tokens": 0}, "max_tokens must be greater than or equal to 1"),
        ("innogpt", "", {"max_completion_tokens": 0}, "max_completion_tokens must be greater"),
        ("neuroflash", "", {"max_tokens": 1.5}, "max_tokens must be a valid integer"),
        ("sovrgpt", "", {"max_tokens": 0}, "max_tokens must be greater than or equal to 1"),
        ("meingpt", EMBEDDINGS, {"input": [3.5]}, "input["),
        ("meingpt", EMBEDDINGS, {"input": [[]]}, "input["),
        ("meingpt", EMBEDDINGS, {"input": [[1], "x"]}, "input["),
        ("meingpt", EMBEDDINGS, {"input": [True]}, "input["),
        ("innogpt", EMBEDDINGS, {"input": None}, "input must be a valid string"),
        ("innogpt", EMBEDDINGS, {"input": 3}, "input must be a valid string"),
        ("innogpt", EMBEDDINGS, {"input": []}, "input must have at least 1 item"),
        ("innogpt", EMBEDDINGS, {"input": ""}, "input must have at least 1 character"),
        ("innogpt", EMBEDDINGS, {"input": ["x", ""]}, "input[1] must have at least 1 character"),
        ("innogpt", EMBEDDINGS, {"input": [[1]]}, "input[0] must be a valid string"),
        ("innogpt", EMBEDDINGS, {"model": None}, "model must be a valid string"),
        ("innogpt", EMBEDDINGS, {"encoding_format": "int8"}, "encoding_format must be 'float' or"),
        ("innogpt", EMBEDDINGS, {"dimensions": 0}, "dimensions must be greater than or equal to 1"),
        ("innogpt", EMBEDDINGS, {"dimensions": 1.5}, "dimensions must be a valid integer"),
        ("innogpt", EMBEDDINGS, {"user": 7}, "user must be a valid string"),
        ("innogpt", IMAGES, {"prompt": None}, "prompt must be a valid string"),
        ("innogpt", IMAGES, {"model": 7}, "model must be a valid string"),
        ("innogpt", IMAGES, {"n": 0}, "n must be greater than or equal to 1"),
        ("innogpt", IMAGES, {"n": 11}, "n must be less than or equal to 10"),
        ("innogpt", IMAGES, {"response_format": "png"}, "response_format must be 'url' or"),
    ],
)
def test_what_a_vendor_alone_has(
    http: Http, vendor: str, path: str, body: dict, change: dict, says: str
) -> None:
    others = {EMBEDDINGS: {"input": "x", "dimensions": 1}, IMAGES: {"prompt": "x", "n": 10}}
    path, fine = path or "/chat/completions", {"model": "m"} | others.get(path, body)
    assert http(vendor, path, json=fine).status_code == 200
    refused(http(vendor, path, json=fine | change), vendor, 400, says)


def test_null_is_the_same_as_absent_but_of_what_is_required(
    http: Http, vendor: str, body: dict
) -> None:
    empty = dict.fromkeys(("temperature", "tools", "tool_choice", "response_format", "stream"))
    assert http(vendor, json=body | empty).status_code == 200
    for missing in body:
        asked = {name: value for name, value in body.items() if name != missing}
        refused(http(vendor, json=asked), vendor, 400, f"{missing} is required")


@pytest.mark.parametrize(
    ("vendor", "field", "low", "high"),
    [
        ("innogpt", "top_p", 0, 1),
        ("meingpt", "temperature", 0, 2),
        ("neuroflash", "frequency_penalty", -2, 2),
        ("neuroflash", "presence_penalty", -2, 2),
        ("neuroflash", "repetition_penalty", 0, 2),
        ("sovrgpt", "top_p", 0, 1),
    ],
)
def test_a_number_between_two_bounds(
    http: Http, vendor: str, body: dict, field: str, low: int, high: int
) -> None:
    for value in (low, high):
        assert http(vendor, json=body | {field: value}).status_code == 200
    for value, side in ((low - 0.001, f"greater than or equal to {low}"), (high + 0.001, "less")):
        answer = http(vendor, json=body | {field: value})
        refused(answer, vendor, 400, f"{field} must be {side}")


@paired(
    "part says",
    [
        ({"type": "upload"}, "[1].type must be 'text', 'image_url'"),
        ({"type": "input_audio", "input_audio": {}}, "[1].type must be"),
        ({"type": "file", "file": {"file_data": "x"}}, "[1].type must be"),
        ({"type": "image_url", "image_url": "https://example.com/a.jpg"}, "[1].image_url must be"),
        ({"type": "image_url", "image_url": {"url": "foto.jpg"}}, "[1].image_url.url must match"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "[1].image_url.u"),
        ({"type": "image_url", "image_url": {"url": "data:image/png,abc"}}, "[1].image_url.url"),
        ({"type": "text", "text": None}, "[1].text must be a valid string"),
    ],
)
def test_a_wrong_part(http: Http, vendor: str, model: str, part: Any, says: str) -> None:
    content = [{"type": "text", "text": "Was ist das?"}, part]
    answer = http(vendor, json={"model": model, "messages": [{"role": "user", "content": content}]})
    refused(answer, vendor, 400, "messages[0].content" + says)


def test_a_stream_is_not_kept_by_caches(http: Http, vendor: str, body: dict) -> None:
    streamed = http(vendor, json=body | {"stream": True}).headers
    assert streamed["content-type"] == "text/event-stream; charset=utf-8"
    assert streamed["cache-control"] == "no-cache"
    plain = http(vendor, json=body).headers
    assert plain["content-type"] == "application/json"
    assert "cache-control" not in plain


def test_a_mistake_of_the_emulator_is_a_500(
    http: Http, vendor: str, body: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsgvo.emulator.chat.unscripted", lambda *_: 1 / 0)
    refused(http(vendor, json=body), vendor, 500)


@paired("depth", [5_000, 200_000])
def test_a_deep_body_is_refused(http: Http, vendor: str, depth: int) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    function = f'{{"type": "function", "function": {{"name": "f", "parameters": {deep}}}}}'
    said = '[{"role": "user", "content": "Hallo"}]'
    body = f'{{"model": "{MODELS[vendor]}", "messages": {said}, "tools": [{function}]}}'
    answer = http(vendor, content=body, headers={"content-type": "application/json"})
    refused(answer, vendor, 400)


@paired("host", ["evil.example", "evil.example:80", "localhost.evil.example", "ü"])
def test_another_sites_name_is_refused(http: Http, server: Server, vendor: str, host: str) -> None:
    answer = http(vendor, json={}, headers={"host": host.encode()})  # pyright: ignore[reportArgumentType]
    refused(answer, vendor, 421)
    assert server.requests == []


def test_a_name_of_this_machine_is_taken(http: Http) -> None:
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:80", "a.localhost"):
        assert http("sovrgpt", "/models", "GET", headers={"host": host}).status_code == 200
    with emulator.running("0.0.0.0") as own:
        url = f"http://127.0.0.1:{own.port}/sovrgpt/api/v1/models"
        answer = httpx.get(url, headers={"host": "emulator"}, trust_env=False)
    assert answer.status_code == 401
