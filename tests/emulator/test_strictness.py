"""Access, headers, error bodies and body checks, each in the vendor's own shape."""

import httpx
import pytest

from dsgvo import emulator
from dsgvo.emulator import Server
from tests.emulator.support import LIMITS, Http, paired

QUESTION_JSON = '[{"role": "user", "content": "Hallo"}]'

SHAPES = {
    "innogpt": lambda body: set(body["error"]) == {"message", "type", "param", "code"},
    "meingpt": lambda body: set(body) == {"status", "message"} and body["status"] == "error",
    "neuroflash": lambda body: (
        set(body) == {"error", "code"}
        or all(set(one) == {"field", "message", "type"} for one in body["errors"])
    ),
    "sovrgpt": lambda body: set(body["error"]) == {"message", "type", "param", "code"},
}


WRONG_FIELD = {"innogpt": 400, "meingpt": 400, "neuroflash": 422, "sovrgpt": 400}
"""Status of an answer to a field that is wrong."""


@pytest.fixture
def body(model: str) -> dict:
    return {"model": model, "messages": [{"role": "user", "content": "Hallo"}]}


def refused(answer: httpx.Response, vendor: str, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("emulator-")
    assert SHAPES[vendor](answer.json()), answer.text


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer falsch", "Basic sk-emulator-0123456789abcdef"]
)
def test_a_wrong_key(http: Http, vendor: str, body: dict, given: str) -> None:
    refused(http(vendor, json=body, headers={"authorization": given}), vendor, 401)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_scheme_has_no_case(
    http: Http, server: Server, vendor: str, body: dict, scheme: str
) -> None:
    given = {"authorization": f"{scheme} {server.api_key}"}
    assert http(vendor, json=body, headers=given).status_code == 200


def test_an_unknown_path(http: Http, vendor: str, body: dict) -> None:
    refused(http(vendor, "/completions", json=body), vendor, 404)
    refused(http(vendor, "//", "GET"), vendor, 404)


def test_a_wrong_method(http: Http, vendor: str) -> None:
    answer = http(vendor, method="GET")
    refused(answer, vendor, 405)
    assert answer.headers["allow"] == "POST"


def test_a_path_of_no_vendor(server: Server) -> None:
    assert httpx.get(f"{server.url}/openai/v1/models", trust_env=False).status_code == 404


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"\xff", "application/json"),
        (b"{}", "text/plain"),
        (b"{}", ""),
    ],
)
def test_a_body_that_is_no_json(http: Http, vendor: str, content: bytes, kind: str) -> None:
    answer = http(vendor, content=content, headers={"content-type": kind})
    refused(answer, vendor, 400)


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_a_missing_field(http: Http, vendor: str, body: dict, missing: str) -> None:
    del body[missing]
    answer = http(vendor, json=body)
    refused(answer, vendor, WRONG_FIELD[vendor])
    assert missing in answer.text


@paired(
    "field value",
    [
        ("model", None),
        ("model", ""),
        ("messages", None),
        ("messages", []),
        ("messages", "Hallo"),
        ("messages", ["Hallo"]),
        ("messages", [{"role": "chef", "content": "x"}]),
        ("messages", [{"role": "user"}]),
        ("messages", [{"role": "user", "content": 3}]),
        ("messages", [{"role": "user", "content": ["x"]}]),
        ("messages", [{"role": "user", "content": [{"type": "text"}]}]),
        ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]),
        ("messages", [{"role": "assistant", "content": None}]),
        ("messages", [{"role": "tool", "content": "x"}]),
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", True),
        ("stream", "true"),
        ("tools", "wetter"),
        ("tools", [{"type": "function"}]),
        ("tools", [{"type": "function", "function": {"name": "mit leerzeichen"}}]),
        ("tools", [{"type": "function", "function": {"name": "f", "parameters": []}}]),
        ("tools", [{"type": "suche", "function": {"name": "f"}}]),
        ("tool_choice", "any"),
        ("tool_choice", "required"),
        ("response_format", "json"),
        ("response_format", {"type": "json_schema"}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x"}}),
    ],
)
def test_a_wrong_field(http: Http, vendor: str, body: dict, field: str, value: object) -> None:
    answer = http(vendor, json=body | {field: value})
    refused(answer, vendor, WRONG_FIELD[vendor])
    assert field in answer.text


@pytest.mark.parametrize(
    ("vendor", "field", "low", "high"),
    [
        ("innogpt", "temperature", 0, 2),
        ("innogpt", "top_p", 0, 1),
        ("meingpt", "temperature", 0, 2),
        ("neuroflash", "temperature", 0, 2),
        ("neuroflash", "frequency_penalty", -2, 2),
        ("neuroflash", "presence_penalty", -2, 2),
        ("neuroflash", "repetition_penalty", 0, 2),
        ("sovrgpt", "temperature", 0, 2),
        ("sovrgpt", "top_p", 0, 1),
    ],
)
def test_a_number_between_two_bounds(
    http: Http, vendor: str, body: dict, field: str, low: int, high: int
) -> None:
    for value in (low, high):
        assert http(vendor, json=body | {field: value}).status_code == 200
    for value in (low - 0.001, high + 0.001):
        answer = http(vendor, json=body | {field: value})
        refused(answer, vendor, WRONG_FIELD[vendor])
        assert field in answer.text
        bound = (
            f"less than or equal to {high}" if value > high else f"greater than or equal to {low}"
        )
        assert bound in answer.text


@LIMITS
def test_a_limit_is_at_least_one(http: Http, vendor: str, body: dict, field: str) -> None:
    assert http(vendor, json=body | {field: 1}).status_code == 200
    for value, fault in ((0, "greater than or equal to 1"), (1.5, "must be a valid integer")):
        answer = http(vendor, json=body | {field: value})
        refused(answer, vendor, WRONG_FIELD[vendor])
        assert field in answer.text
        assert fault in answer.text


@pytest.mark.parametrize("vendor", ["innogpt", "sovrgpt", "neuroflash"])
def test_stop_is_a_text_or_a_list_of_them(http: Http, vendor: str, body: dict) -> None:
    for value in ("x", ["x", "y"], []):
        assert http(vendor, json=body | {"stop": value}).status_code == 200
    for value in ("", 1, [1], [""]):
        answer = http(vendor, json=body | {"stop": value})
        refused(answer, vendor, WRONG_FIELD[vendor])
        assert "stop" in answer.text


@pytest.mark.parametrize(
    ("path", "body", "field", "fits", "past"),
    [
        ("/embeddings", {"input": "x", "model": "text-embedding-3-small"}, "dimensions", [1], [0]),
        ("/images/generations", {"prompt": "x"}, "n", [1, 10], [0, 11]),
    ],
)
def test_a_count_has_bounds(
    http: Http, path: str, body: dict, field: str, fits: list[int], past: list[int]
) -> None:
    for value in fits:
        assert http("innogpt", path, json=body | {field: value}).status_code == 200
    for value in past:
        answer = http("innogpt", path, json=body | {field: value})
        refused(answer, "innogpt", 400)
        assert answer.json()["error"]["param"] == field


def test_a_stream_is_not_kept_by_caches(http: Http, vendor: str, body: dict) -> None:
    streamed = http(vendor, json=body | {"stream": True}).headers
    assert streamed["content-type"] == "text/event-stream; charset=utf-8"
    assert streamed["cache-control"] == "no-cache"
    plain = http(vendor, json=body).headers
    assert plain["content-type"] == "application/json"
    assert "cache-control" not in plain


@pytest.mark.parametrize("vendor", ["innogpt", "meingpt"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input", None),
        ("input", 3),
        ("input", [3.5]),
        ("input", [[]]),
        ("encoding_format", "int8"),
        ("dimensions", 0),
        ("dimensions", 1.5),
        ("user", 7),
        ("model", 7),
    ],
)
def test_wrong_embeddings(http: Http, vendor: str, field: str, value: object) -> None:
    body = {"input": "Hallo", "model": "text-embedding-3-small", field: value}
    refused(http(vendor, "/embeddings", json=body), vendor, 400)


def test_embeddings_of_innogpt_need_a_model(http: Http) -> None:
    refused(http("innogpt", "/embeddings", json={"input": "x"}), "innogpt", 400)


def test_null_is_the_same_as_absent(http: Http, vendor: str, body: dict) -> None:
    empty = dict.fromkeys(("temperature", "tools", "tool_choice", "response_format", "stream"))
    assert http(vendor, json=body | empty).status_code == 200


def test_a_mistake_of_the_emulator_is_a_500(
    http: Http, vendor: str, body: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("kaputt")

    monkeypatch.setattr("dsgvo.emulator.chat.unscripted", fail)
    refused(http(vendor, json=body), vendor, 500)


def test_a_token_needs_a_form(http: Http, server: Server) -> None:
    path, form = "//oauth/v2/token", {"grant_type": "client_credentials"}
    assert http("neuroflash", path, json=form).status_code == 400
    assert http("neuroflash", path, data=form).status_code == 400
    assert http("neuroflash", path, data=form | {"scope": "openid"}).status_code == 401


@pytest.mark.parametrize("depth", [5_000, 200_000])
def test_a_deep_body_is_refused(http: Http, vendor: str, model: str, depth: int) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    function = f'{{"type": "function", "function": {{"name": "f", "parameters": {deep}}}}}'
    body = f'{{"model": "{model}", "messages": {QUESTION_JSON}, "tools": [{function}]}}'
    answer = http(vendor, content=body, headers={"content-type": "application/json"})
    refused(answer, vendor, 400)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", "ü"])
def test_another_sites_name_is_refused(http: Http, server: Server, vendor: str, host: str) -> None:
    answer = http(vendor, json={}, headers={"host": host.encode()})  # pyright: ignore[reportArgumentType]
    assert answer.status_code == 421
    assert SHAPES[vendor](answer.json())
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
