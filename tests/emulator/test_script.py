"""Scripted replies and faults, as a plain HTTP client sees them.

What other tests do with a step (delays, cuts, thoughts, calls of tools) is not repeated here.
"""

from typing import Any

import httpx
import pytest

from dsgvo import emulator as emu
from tests.emulator.conftest import Http

BODY = {"model": "qwen3.5-9b", "messages": [{"role": "user", "content": "Hallo"}]}
TEXTS = {"input": ["a", "b", "c"], "model": "m", "dimensions": 8}


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
    server.script("innogpt", step)
    data = http("innogpt", "/embeddings", json=TEXTS).json()["data"]
    assert [one["index"] for one in data] == indexes


def test_whom_a_step_is_for(http: Http, server: emu.Server) -> None:
    server.script("sovrgpt", emu.Status(500), path="/models")
    server.script("meingpt", emu.Status(500))
    server.script("sovrgpt", emu.Reply("abc"))
    # Not for a request whose key is refused, nor for another vendor's, path's or method's.
    http("sovrgpt", json=BODY, headers={"authorization": "Bearer falsch"})
    models = [http("sovrgpt", "/models", "GET").status_code for _ in range(2)]
    [choice] = http("sovrgpt", json=BODY).json()["choices"]
    assert (models, choice["message"]["content"]) == ([500, 200], "abc")
