"""Access, headers, error bodies and body checks, each in the vendor's own shape."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from dsgvo import emulator
from dsgvo.emulator import Server
from tests.emulator.support import LIMITS, Http, paired
from tests.vendors import MODELS

PDF = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
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
def test_a_wrong_key(http: Http, vendor: str, body: dict, given: str) -> None:
    answer = http(vendor, json=body, headers={"authorization": given})
    refused(answer, vendor, 401)
    assert answer.headers["x-request-id"].startswith("emulator-")


@paired("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_scheme_has_no_case(
    http: Http, server: Server, vendor: str, body: dict, scheme: str
) -> None:
    given = {"authorization": f"{scheme} {server.api_key}"}
    assert http(vendor, json=body, headers=given).status_code == 200


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


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"type": "xml"}, "response_format.type must be 'text', 'json_object', 'json_schema'"),
        ({"type": "json_schema"}, "response_format.json_schema is required"),
        (
            {"type": "json_schema", "json_schema": {"name": "x"}},
            "response_format.json_schema.schema is required",
        ),
    ],
)
def test_a_wrong_format(http: Http, wanted: dict, says: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": wanted}
    refused(http("innogpt", json=body), "innogpt", 400, says)


@paired("missing", ["model", "messages", "model", "messages"])
def test_a_missing_field(http: Http, vendor: str, body: dict, missing: str) -> None:
    del body[missing]
    refused(http(vendor, json=body), vendor, 400, f"{missing} is required")


def test_null_is_the_same_as_absent(http: Http, vendor: str, body: dict) -> None:
    empty = dict.fromkeys(("temperature", "tools", "tool_choice", "response_format", "stream"))
    assert http(vendor, json=body | empty).status_code == 200


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


@LIMITS
def test_a_limit_is_at_least_one(http: Http, vendor: str, body: dict, field: str) -> None:
    assert http(vendor, json=body | {field: 1}).status_code == 200
    for value, fault in ((0, "greater than or equal to 1"), (1.5, "a valid integer")):
        refused(http(vendor, json=body | {field: value}), vendor, 400, f"{field} must be {fault}")


@pytest.mark.parametrize("vendor", ["innogpt", "sovrgpt", "neuroflash"])
def test_stop_is_a_text_or_a_list_of_them(http: Http, vendor: str, body: dict) -> None:
    for value in ("x", ["x", "y"], []):
        assert http(vendor, json=body | {"stop": value}).status_code == 200
    for value, says in (("", "stop must"), (1, "stop must"), ([1], "stop[0]"), ([""], "stop[0]")):
        refused(http(vendor, json=body | {"stop": value}), vendor, 400, says)


@paired(
    "part says",
    [
        ({"type": "upload"}, "[1].type must be 'text', 'image_url'"),
        ({"type": "input_audio", "input_audio": {}}, "[1].type must be"),
        ({"type": "file", "file": {"file_data": "x"}}, "[1].type must be"),
        ({"type": "image_url", "image_url": "https://example.com/a.jpg"}, "[1].image_url must be"),
        ({"type": "image_url", "image_url": {"url": "foto.jpg"}}, "[1].image_url.url must match"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "[1].image_url.u"),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png,abc"}},
            "[1].image_url.url mus",
        ),
        ({"type": "text", "text": None}, "[1].text must be a valid string"),
    ],
)
def test_a_wrong_part(http: Http, vendor: str, model: str, part: Any, says: str) -> None:
    content = [{"type": "text", "text": "Was ist das?"}, part]
    answer = http(vendor, json={"model": model, "messages": [{"role": "user", "content": content}]})
    refused(answer, vendor, 400, "messages[0].content" + says)


def test_a_file_by_its_address_is_innogpts_alone(http: Http, vendor: str, model: str) -> None:
    answer = http(vendor, json={"model": model, "messages": [{"role": "user", "content": [FILE]}]})
    if vendor == "innogpt":
        assert answer.status_code == 200
    else:
        refused(answer, vendor, 400, "messages[0].content[0].type must be 'text', 'image_url'")


@pytest.mark.parametrize(
    ("file", "at"),
    [
        ({"url": FILE_URL["url"]}, ".mime_type is required"),
        (FILE_URL | {"url": "document.pdf"}, ".url must match"),
        (FILE_URL | {"url": "data:application/pdf;base64,JVBERi0="}, ".url must match"),
        ({"mime_type": "application/pdf"}, ".url is required"),
    ],
)
def test_a_file_needs_its_address_and_its_type(http: Http, file: Any, at: str) -> None:
    content = [{"type": "file_url", "file_url": file}]
    answer = http(
        "innogpt", json={"model": "m", "messages": [{"role": "user", "content": content}]}
    )
    refused(answer, "innogpt", 400, "messages[0].content[0].file_url" + at)


@pytest.mark.parametrize(
    ("role", "part"), [("system", IMAGE), ("assistant", FILE), ("tool", IMAGE)]
)
def test_images_and_files_are_the_users(http: Http, role: str, part: Any) -> None:
    message = {"role": role, "content": [part], "tool_call_id": "1"}
    answer = http("innogpt", json={"model": "m", "messages": [message]})
    refused(answer, "innogpt", 400, "messages[0].content[0].type must be 'text'")


def test_one_file_a_form(http: Http) -> None:
    payload = '{"model": "gpt-5", "messages": [{"role": "user", "content": "Worum geht es?"}]}'
    file = ("file", ("a.pdf", PDF.read_bytes(), "application/pdf"))
    assert http("innogpt", files=[file], data={"payload": payload}).status_code == 200
    twice = http("innogpt", files=[file, file], data={"payload": payload})
    assert twice.json()["error"]["message"] == "The part 'file' must be there once"


@pytest.mark.parametrize(
    ("path", "change", "says"),
    [
        ("/embeddings", {"input": None}, "input must be a valid string"),
        ("/embeddings", {"input": 3}, "input must be a valid string"),
        ("/embeddings", {"input": []}, "input must have at least 1 item"),
        ("/embeddings", {"input": ""}, "input must have at least 1 character"),
        ("/embeddings", {"input": ["x", ""]}, "input[1] must have at least 1 character"),
        ("/embeddings", {"input": [[1]]}, "input[0] must be a valid string"),
        ("/embeddings", {"model": None}, "model must be a valid string"),
        ("/embeddings", {"encoding_format": "int8"}, "encoding_format must be 'float' or"),
        ("/embeddings", {"dimensions": 0}, "dimensions must be greater than or equal to 1"),
        ("/embeddings", {"dimensions": 1.5}, "dimensions must be a valid integer"),
        ("/embeddings", {"user": 7}, "user must be a valid string"),
        ("/images/generations", {"prompt": None}, "prompt must be a valid string"),
        ("/images/generations", {"model": 7}, "model must be a valid string"),
        ("/images/generations", {"n": 0}, "n must be greater than or equal to 1"),
        ("/images/generations", {"n": 11}, "n must be less than or equal to 10"),
        ("/images/generations", {"response_format": "png"}, "response_format must be 'url' or"),
    ],
)
def test_wrong_embeddings_and_images(http: Http, path: str, change: dict, says: str) -> None:
    fine = {"input": "x", "model": "m", "dimensions": 1}
    fine = fine if path == "/embeddings" else {"prompt": "x", "n": 10}
    assert http("innogpt", path, json=fine).status_code == 200
    refused(http("innogpt", path, json=fine | change), "innogpt", 400, says)


@pytest.mark.parametrize("wrong", [[3.5], [[]], [[1], "x"], [True]])
def test_wrong_tokens(http: Http, wrong: object) -> None:
    refused(http("meingpt", "/embeddings", json={"input": wrong}), "meingpt", 400, "input[")


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


def test_a_token_needs_a_form(http: Http) -> None:
    path, form = "//oauth/v2/token", {"grant_type": "client_credentials"}
    assert http("neuroflash", path, json=form).status_code == 400
    assert http("neuroflash", path, data=form).status_code == 400
    assert http("neuroflash", path, data=form | {"scope": "openid"}).status_code == 401


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


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:80", "a.localhost"]
)
def test_a_name_of_this_machine_is_taken(http: Http, host: str) -> None:
    assert http("sovrgpt", "/models", "GET", headers={"host": host}).status_code == 200


def test_a_server_for_all_networks_has_any_name() -> None:
    with emulator.running("0.0.0.0") as own:
        url = f"http://127.0.0.1:{own.port}/sovrgpt/api/v1/models"
        answer = httpx.get(url, headers={"host": "emulator"}, trust_env=False)
    assert answer.status_code == 401
