"""Scripted replies and faults, as a plain HTTP client sees them.

What other tests do with a step (delays, cuts, thoughts, calls of tools) is not repeated here.
"""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dsgvo import emulator as emu
from tests.emulator.conftest import Http

BODY = {"model": "qwen3.5-9b", "messages": [{"role": "user", "content": "Hallo"}]}
TEXTS = {"input": ["a", "b", "c"], "model": "m", "dimensions": 8}
Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(http: Http) -> Ask:
    return lambda **changes: http("sovrgpt", json=BODY | changes)


def content(answer: httpx.Response) -> str:
    return answer.json()["choices"][0]["message"]["content"]


def deltas(answer: httpx.Response) -> list[dict[str, Any]]:
    lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line)["choices"][0]["delta"] for line in lines[:-1]]


def test_a_reply_fits_either_mode_and_is_used_once(ask: Ask, server: emu.Server) -> None:
    chunks = ["<th", "ink>x</thi", "nk>", "ja"]
    server.script(
        "sovrgpt", emu.Reply("abc"), emu.Reply("abc", chunks=None), emu.Reply(chunks=chunks)
    )
    assert content(ask()) == "abc"
    assert deltas(ask(stream=True))[1] == {"content": "abc"}
    assert [delta["content"] for delta in deltas(ask(stream=True))[1:-1]] == chunks
    assert content(ask()).startswith("Ich bin")


def test_raw_bytes_in_exact_writes(server: emu.Server) -> None:
    writes = [b"da", b"ta: \xf0\x9f", b"\x98\x80\n\n"]
    server.script("sovrgpt", emu.Raw(chunks=writes, delay=0.02))
    url, key = server.base_url("sovrgpt") + "/chat/completions", f"Bearer {server.api_key}"
    asked: Any = {"json": BODY, "headers": {"authorization": key}, "trust_env": False}
    with httpx.stream("POST", url, **asked) as answer:
        assert list(answer.iter_raw()) == writes


@pytest.mark.parametrize(
    ("step", "indexes"),
    [
        (emu.DropVectors(2), [0]),
        (emu.DuplicateVectors(), [0, 1, 0]),
        (emu.ShuffleVectors(seed=3), [0, 2, 1]),
        (emu.Delay(0, emu.DropVectors()), [0, 1]),
    ],
)
def test_broken_embeddings(http: Http, server: emu.Server, step: emu.Step, indexes: list) -> None:
    straight = http("innogpt", "/embeddings", json=TEXTS).json()["data"]
    server.script("innogpt", step)
    data = http("innogpt", "/embeddings", json=TEXTS).json()["data"]
    assert [one["index"] for one in data] == indexes
    if isinstance(step, emu.ShuffleVectors):
        assert data == [straight[index] for index in indexes]


def test_large_batches_are_refused(http: Http, server: emu.Server) -> None:
    server.limit_embeddings("meingpt", texts=2, bytes=10)
    inputs: list[object] = [["a", "b"], ["a", "b", "c"], ["ö" * 6], "kurz"]
    answers = [http("meingpt", "/embeddings", json={"input": one}) for one in inputs]
    assert [answer.status_code for answer in answers] == [200, 413, 413, 200]


def test_whom_a_step_is_for(http: Http, ask: Ask, server: emu.Server) -> None:
    server.script("sovrgpt", emu.Status(500), path="/models")
    server.script("meingpt", emu.Status(500))
    server.script("sovrgpt", emu.Reply("abc"))
    # Not for a request whose key is refused, nor for another vendor's, path's or method's.
    http("sovrgpt", json=BODY, headers={"authorization": "Bearer falsch"})
    models = [http("sovrgpt", "/models", "GET").status_code for _ in range(2)]
    assert (models, content(ask())) == ([500, 200], "abc")


def test_requests_are_recorded_and_have_the_same_ids(http: Http, server: emu.Server) -> None:
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
