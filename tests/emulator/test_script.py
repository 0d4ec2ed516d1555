"""Scripted replies and faults, as a plain HTTP client sees them."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dsgvo import emulator
from dsgvo.emulator import (
    Delay,
    Disconnect,
    DropVectors,
    DuplicateVectors,
    ErrorEvent,
    Raw,
    Redirect,
    RefuseFields,
    Reply,
    Server,
    ShuffleVectors,
    Status,
    Step,
    TooLong,
    Truncate,
)
from tests.emulator.support import Http

BODY = {"model": "qwen3.5-9b", "messages": [{"role": "user", "content": "Hallo"}]}
STREAM = BODY | {"stream": True}


@pytest.fixture
def ask(http: Http) -> Callable[..., httpx.Response]:
    return lambda **changes: http("sovrgpt", json=BODY | changes)


def lines(answer: httpx.Response) -> list[str]:
    return [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]


def test_a_reply_fits_either_mode_and_is_used_once(ask: Callable, server: Server) -> None:
    server.script("sovrgpt", Reply("abc"), Reply("abc", chunks=None))
    assert ask().json()["choices"][0]["message"]["content"] == "abc"
    assert json.loads(lines(ask(stream=True))[1])["choices"][0]["delta"] == {"content": "abc"}
    assert ask().json()["choices"][0]["message"]["content"].startswith("Ich bin")


def test_chunks_are_sent_as_they_are(ask: Callable, server: Server) -> None:
    server.script("sovrgpt", Reply(chunks=["<th", "ink>x</thi", "nk>", "ja"]))
    deltas = [json.loads(line)["choices"][0]["delta"] for line in lines(ask(stream=True))[1:-2]]
    assert [delta["content"] for delta in deltas] == ["<th", "ink>x</thi", "nk>", "ja"]


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("forced", [True, False])
def test_the_mode_can_be_forced(ask: Callable, server: Server, asked: bool, forced: bool) -> None:
    server.script("sovrgpt", Reply("x", stream=forced))
    kind = ask(stream=asked).headers["content-type"]
    assert kind.startswith("text/event-stream" if forced else "application/json")


def test_reasoning_in_a_field_or_in_the_text(ask: Callable, server: Server) -> None:
    server.script(
        "sovrgpt",
        Reply("ja", reasoning="hm", reasoning_field="reasoning_content"),
        Reply("ja", reasoning="hm", reasoning_field="reasoning"),
        Reply("ja", reasoning="hm"),
    )
    message = ask().json()["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("hm", "ja")
    first = json.loads(lines(ask(stream=True))[1])["choices"][0]["delta"]
    assert first == {"reasoning": "hm"}
    content = ask().json()["choices"][0]["message"]["content"]
    assert content == "<think>\nhm\n</think>\n\nja"


def test_tool_calls_may_be_broken_and_without_index(ask: Callable, server: Server) -> None:
    calls = [{"name": "f", "arguments": '{"a": ', "id": "call_1"}, {"name": "g", "arguments": {}}]
    server.script("sovrgpt", Reply(tool_calls=calls), Reply(tool_calls=calls, omit_index=True))
    choice = ask().json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"a": '
    assert choice["message"]["tool_calls"][0]["id"] == "call_1"
    deltas = [json.loads(line)["choices"][0]["delta"] for line in lines(ask(stream=True))[:-1]]
    calls_seen = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert calls_seen
    assert not any("index" in call for call in calls_seen)


def test_usage_and_finish_reason_can_be_set(ask: Callable, server: Server) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    server.script(
        "sovrgpt",
        Reply("x", usage=usage, finish_reason="content_filter"),
        Reply("x", usage={}),
    )
    first = ask().json()
    assert first["usage"] == usage
    assert first["choices"][0]["finish_reason"] == "content_filter"
    assert "usage" not in ask().json()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (None, "application/json"),
        ({"a": 1}, "application/json"),
        ("<html>Anmelden</html>", "text/html; charset=utf-8"),
        (b"\x00\x01", "application/octet-stream"),
    ],
)
def test_status(ask: Callable, server: Server, body: Any, kind: str) -> None:
    server.script(
        "sovrgpt", Status(429, body=body, headers={"Retry-After": "7"}, message="zu viel")
    )
    answer = ask()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.headers["content-type"] == kind
    if body is None:
        assert answer.json()["error"]["message"] == "zu viel"


def test_a_clean_cut_has_no_end(ask: Callable, server: Server) -> None:
    server.script("sovrgpt", Truncate(after=2), Truncate(after=1, reply=Reply("abc")))
    assert len(lines(ask(stream=True))) == 2
    assert len(lines(ask(stream=True))) == 1


def test_a_hard_cut_breaks_the_connection(ask: Callable, server: Server) -> None:
    server.script("sovrgpt", Truncate(after=2, clean=False), Truncate(clean=False), Truncate())
    for stream in (True, False):
        with pytest.raises(httpx.RemoteProtocolError):
            ask(stream=stream)
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        ask().json()


@pytest.mark.parametrize("name", [None, "error"])
def test_an_error_in_a_stream(ask: Callable, server: Server, name: str | None) -> None:
    server.script("sovrgpt", ErrorEvent(after=2, error={"message": "kaputt"}, event=name))
    answer = ask(stream=True)
    assert json.loads(lines(answer)[2]) == {"error": {"message": "kaputt"}}
    assert len(lines(answer)) == 3
    assert ("event: error" in answer.text) is (name is not None)


def test_raw_bytes_in_exact_writes(server: Server) -> None:
    server.script("sovrgpt", Raw(chunks=[b"da", b"ta: \xf0\x9f", b"\x98\x80\n\n"], delay=0.02))
    with (
        httpx.Client(trust_env=False) as client,
        client.stream(
            "POST",
            server.base_url("sovrgpt") + "/chat/completions",
            json=BODY,
            headers={"authorization": f"Bearer {server.api_key}"},
        ) as answer,
    ):
        assert list(answer.iter_raw()) == [b"da", b"ta: \xf0\x9f", b"\x98\x80\n\n"]


def test_raw_can_promise_more_than_it_sends(ask: Callable, server: Server) -> None:
    server.script("sovrgpt", Raw(200, {"Content-Length": "10"}, [b"abc"], drop=True))
    with pytest.raises(httpx.RemoteProtocolError):
        ask()


def test_redirect(ask: Callable, server: Server) -> None:
    server.script("sovrgpt", Redirect("https://example.com/", 308))
    answer = ask()
    assert (answer.status_code, answer.headers["location"]) == (308, "https://example.com/")


def test_disconnect(ask: Callable, server: Server) -> None:
    server.script("sovrgpt", Disconnect())
    with pytest.raises(httpx.RemoteProtocolError):
        ask()
    assert ask().status_code == 200


def test_delay(ask: Callable, server: Server) -> None:
    server.script("sovrgpt", Delay(0.1), Delay(0.05, Reply("spät")), Delay(0, Status(503)))
    start = time.monotonic()
    assert ask().json()["choices"][0]["message"]["content"].startswith("Ich bin")
    assert time.monotonic() - start >= 0.1
    assert ask().json()["choices"][0]["message"]["content"] == "spät"
    assert ask().status_code == 503


@pytest.mark.parametrize(
    ("step", "indexes"),
    [
        (Step(), {(0, 1, 2)}),
        (DropVectors(2), {(0,)}),
        (DropVectors(9), {()}),
        (DuplicateVectors(), {(0, 1, 0)}),
        (Delay(0, DropVectors()), {(0, 1)}),
    ],
)
def test_broken_embeddings(http: Http, server: Server, step: Step, indexes: set) -> None:
    server.script("innogpt", step)
    body = {"input": ["a", "b", "c"], "model": "m", "dimensions": 8}
    data = http("innogpt", "/embeddings", json=body).json()["data"]
    assert tuple(one["index"] for one in data) in indexes


def test_shuffled_embeddings_keep_their_index(http: Http, server: Server) -> None:
    body = {"input": ["a", "b", "c"], "model": "m", "dimensions": 8}
    straight = http("innogpt", "/embeddings", json=body).json()["data"]
    server.script("innogpt", ShuffleVectors(seed=3))
    shuffled = http("innogpt", "/embeddings", json=body).json()["data"]
    assert shuffled != straight
    assert sorted(shuffled, key=lambda one: one["index"]) == straight


def test_fields_are_refused_once_or_for_good(ask: Callable, server: Server) -> None:
    server.script("sovrgpt", RefuseFields("stream_options"))
    options = {"stream": True, "stream_options": {"include_usage": True}}
    assert "stream_options" in ask(**options).json()["error"]["message"]
    assert ask(**options).status_code == 200
    server.refuse("sovrgpt", "stream_options")
    assert [ask(**options).status_code for _ in range(2)] == [400, 400]
    assert ask().status_code == 200
    server.clear()
    assert ask(**options).status_code == 200


def test_large_batches_are_refused(http: Http, server: Server) -> None:
    server.limit_embeddings("meingpt", texts=2, bytes=10)
    answers = [
        http("meingpt", "/embeddings", json={"input": texts})
        for texts in (["a", "b"], ["a", "b", "c"], ["ö" * 6], "kurz")
    ]
    assert [answer.status_code for answer in answers] == [200, 413, 413, 200]
    assert answers[1].json()["status"] == "error"
    server.clear()
    server.script("meingpt", TooLong(limit_texts=1))
    assert http("meingpt", "/embeddings", json={"input": ["a", "b"]}).status_code == 413


def test_a_refused_key_uses_up_no_step(http: Http, server: Server) -> None:
    server.script("sovrgpt", Reply("abc"))
    http("sovrgpt", json=BODY, headers={"authorization": "Bearer falsch"})
    answer = http("sovrgpt", json=BODY)
    assert answer.json()["choices"][0]["message"]["content"] == "abc"


def test_a_step_for_a_path(http: Http, server: Server) -> None:
    server.script("sovrgpt", Status(500), path="/models")
    assert http("sovrgpt", json=BODY).status_code == 200
    assert http("sovrgpt", "/models", "GET").status_code == 500
    assert http("sovrgpt", "/models", "GET").status_code == 200


def test_a_script_of_one_vendor_leaves_others_alone(http: Http, server: Server) -> None:
    server.script("meingpt", Status(500))
    assert http("sovrgpt", json=BODY).status_code == 200


def test_requests_are_recorded(http: Http, server: Server) -> None:
    http("sovrgpt", json=BODY, headers={"X-Eigen": "1"})
    http("meingpt", content=b"kein JSON")
    first, second = server.requests
    assert (first.provider, first.method, first.path) == (
        "sovrgpt",
        "POST",
        "/sovrgpt/api/v1/chat/completions",
    )
    assert first.json == BODY
    assert first.headers["x-eigen"] == "1"
    assert (second.body, second.json) == (b"kein JSON", None)


def test_a_pace_slows_a_stream_and_no_one_else(server: Server) -> None:
    server.script("sovrgpt", Reply(chunks=["x"] * 3, pace=60))
    headers = {"authorization": f"Bearer {server.api_key}"}
    paths = [f"{server.base_url(name)}/chat/completions" for name in ("sovrgpt", "meingpt")]
    with (
        httpx.Client(trust_env=False, headers=headers) as client,
        client.stream("POST", paths[0], json=STREAM) as slow,
    ):
        assert slow.status_code == 200
        client.post(paths[1], json=BODY).raise_for_status()


def test_the_same_requests_have_the_same_ids(http: Http, server: Server) -> None:
    first = [http("sovrgpt", json=BODY).json()["id"] for _ in range(2)]
    server.clear()
    assert [http("sovrgpt", json=BODY).json()["id"] for _ in range(2)] == first
    assert first[0] != first[1]


def test_undocumented_embeddings_on_request() -> None:
    with emulator.running(undocumented_embeddings=True, record=False) as own:
        answer = httpx.post(
            own.base_url("sovrgpt") + "/embeddings",
            json={"input": "hallo", "model": "m", "encoding_format": "base64", "dimensions": 4},
            headers={"authorization": f"Bearer {own.api_key}"},
            trust_env=False,
        )
        assert len(base64.b64decode(answer.json()["data"][0]["embedding"])) == 16
        assert own.requests == []
