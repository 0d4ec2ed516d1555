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
TEXTS = {"input": ["a", "b", "c"], "model": "m", "dimensions": 8}


@pytest.fixture
def ask(http: Http) -> Callable[..., httpx.Response]:
    return lambda **changes: http("sovrgpt", json=BODY | changes)


def lines(answer: httpx.Response) -> list[str]:
    return [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]


def choice(answer: httpx.Response) -> dict[str, Any]:
    return answer.json()["choices"][0]


def content(answer: httpx.Response) -> str:
    return choice(answer)["message"]["content"]


def deltas(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line)["choices"][0]["delta"] for line in lines(answer)[:-1]]


def test_a_reply_fits_either_mode_and_is_used_once(ask: Callable, server: Server) -> None:
    chunks = ["<th", "ink>x</thi", "nk>", "ja"]
    server.script("sovrgpt", Reply("abc"), Reply("abc", chunks=None), Reply(chunks=chunks))
    assert content(ask()) == "abc"
    assert deltas(ask(stream=True))[1] == {"content": "abc"}
    assert [delta["content"] for delta in deltas(ask(stream=True))[1:-1]] == chunks
    assert content(ask()).startswith("Ich bin")


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
    message = choice(ask())["message"]
    assert (message["reasoning_content"], message["content"]) == ("hm", "ja")
    assert deltas(ask(stream=True))[1] == {"reasoning": "hm"}
    assert content(ask()) == "<think>\nhm\n</think>\n\nja"


def test_tool_calls_may_be_broken_and_without_index(ask: Callable, server: Server) -> None:
    calls = [{"name": "f", "arguments": '{"a": ', "id": "call_1"}, {"name": "g", "arguments": {}}]
    server.script("sovrgpt", Reply(tool_calls=calls), Reply(tool_calls=calls, omit_index=True))
    answered = choice(ask())
    assert answered["finish_reason"] == "tool_calls"
    call = answered["message"]["tool_calls"][0]
    assert (call["id"], call["function"]["arguments"]) == ("call_1", '{"a": ')
    seen = [one for delta in deltas(ask(stream=True)) for one in delta.get("tool_calls", [])]
    assert [one["function"]["name"] for one in seen if "id" in one] == ["f", "g"]
    assert not any("index" in one for one in seen)


def test_usage_and_finish_reason_can_be_set(ask: Callable, server: Server) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    filtered = Reply("x", usage=usage, finish_reason="content_filter")
    server.script("sovrgpt", filtered, Reply("x", usage={}))
    first = ask()
    assert first.json()["usage"] == usage
    assert choice(first)["finish_reason"] == "content_filter"
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
    step = Status(429, body=body, headers={"Retry-After": "7"}, message="zu viel")
    server.script("sovrgpt", step)
    answer = ask()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.headers["content-type"] == kind
    if body is None:
        assert answer.json()["error"]["message"] == "zu viel"


def test_an_answer_is_cut(ask: Callable, server: Server) -> None:
    short = Truncate(after=1, reply=Reply("abc"))
    server.script("sovrgpt", Truncate(after=2), short, Truncate())
    assert [len(lines(ask(stream=True))) for _ in range(2)] == [2, 1]
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
    writes = [b"da", b"ta: \xf0\x9f", b"\x98\x80\n\n"]
    server.script("sovrgpt", Raw(chunks=writes, delay=0.02))
    url, key = server.base_url("sovrgpt") + "/chat/completions", f"Bearer {server.api_key}"
    with httpx.stream(
        "POST", url, json=BODY, headers={"authorization": key}, trust_env=False
    ) as answer:
        assert list(answer.iter_raw()) == writes


@pytest.mark.parametrize(
    ("step", "streamed"),
    [
        (Disconnect(), False),
        (Raw(200, {"Content-Length": "10"}, [b"abc"], drop=True), False),
        (Truncate(clean=False), False),
        (Truncate(after=2, clean=False), True),
    ],
)
def test_the_connection_breaks(ask: Callable, server: Server, step: Step, streamed: bool) -> None:
    server.script("sovrgpt", step)
    with pytest.raises(httpx.RemoteProtocolError):
        ask(stream=streamed)
    assert ask().status_code == 200


def test_redirect(ask: Callable, server: Server) -> None:
    server.script("sovrgpt", Redirect("https://example.com/", 308))
    answer = ask()
    assert (answer.status_code, answer.headers["location"]) == (308, "https://example.com/")


def test_delay(ask: Callable, server: Server) -> None:
    server.script("sovrgpt", Delay(0.1), Delay(0.05, Reply("spät")), Delay(0, Status(503)))
    start = time.monotonic()
    assert content(ask()).startswith("Ich bin")
    assert time.monotonic() - start >= 0.1
    assert content(ask()) == "spät"
    assert ask().status_code == 503


@pytest.mark.parametrize(
    ("step", "indexes"),
    [
        (Step(), [0, 1, 2]),
        (DropVectors(2), [0]),
        (DropVectors(9), []),
        (DuplicateVectors(), [0, 1, 0]),
        (Delay(0, DropVectors()), [0, 1]),
    ],
)
def test_broken_embeddings(http: Http, server: Server, step: Step, indexes: list) -> None:
    server.script("innogpt", step)
    data = http("innogpt", "/embeddings", json=TEXTS).json()["data"]
    assert [one["index"] for one in data] == indexes


def test_shuffled_embeddings_keep_their_index(http: Http, server: Server) -> None:
    straight = http("innogpt", "/embeddings", json=TEXTS).json()["data"]
    server.script("innogpt", ShuffleVectors(seed=3))
    shuffled = http("innogpt", "/embeddings", json=TEXTS).json()["data"]
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
    def statuses(*inputs: object) -> list[int]:
        answers = [http("meingpt", "/embeddings", json={"input": one}) for one in inputs]
        return [answer.status_code for answer in answers]

    server.limit_embeddings("meingpt", texts=2, bytes=10)
    assert statuses(["a", "b"], ["a", "b", "c"], ["ö" * 6], "kurz") == [200, 413, 413, 200]
    server.clear()
    server.script("meingpt", TooLong(limit_texts=1))
    assert statuses(["a", "b"], ["a", "b"]) == [413, 200]


def test_whom_a_step_is_for(http: Http, ask: Callable, server: Server) -> None:
    server.script("sovrgpt", Status(500), path="/models")
    server.script("meingpt", Status(500))
    server.script("sovrgpt", Reply("abc"))
    # Not for a request whose key is refused, nor for another vendor's or path's.
    http("sovrgpt", json=BODY, headers={"authorization": "Bearer falsch"})
    assert content(ask()) == "abc"
    models = [http("sovrgpt", "/models", "GET").status_code for _ in range(2)]
    assert models == [500, 200]


def test_requests_are_recorded_and_have_the_same_ids(http: Http, server: Server) -> None:
    first, other = (http("sovrgpt", json=BODY, headers={"X-Eigen": "1"}) for _ in range(2))
    http("meingpt", content=b"kein JSON")
    one, _, last = server.requests
    path = "/sovrgpt/api/v1/chat/completions"
    assert (one.provider, one.method, one.path, one.json) == ("sovrgpt", "POST", path, BODY)
    assert one.headers["x-eigen"] == "1"
    assert (last.body, last.json) == (b"kein JSON", None)
    server.clear()
    assert server.requests == []
    assert http("sovrgpt", json=BODY).json()["id"] == first.json()["id"] != other.json()["id"]


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
