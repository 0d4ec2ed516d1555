"""Scripted replies and faults, as a plain HTTP client sees them, but what other tests see."""

from dsgvo import emulator as emu
from tests.emulator.conftest import Http

BODY = {"model": "qwen3.5-9b", "messages": [{"role": "user", "content": "Hallo"}]}
TEXTS = {"input": ["a", "b", "c"], "model": "m", "dimensions": 8}
BROKEN = ((emu.DuplicateVectors(), [0, 1, 0]), (emu.Delay(0, emu.DropVectors(2)), [0]))


def test_whom_a_step_is_for_and_broken_embeddings(http: Http, server: emu.Server) -> None:
    server.script("sovrgpt", emu.Status(500), path="/models")
    server.script("meingpt", emu.Status(500))
    server.script("sovrgpt", emu.Reply("abc"))
    http("sovrgpt", json=BODY, headers={"authorization": "Bearer falsch"})
    models = [http("sovrgpt", "/models", "GET").status_code for _ in range(2)]
    [choice] = http("sovrgpt", json=BODY).json()["choices"]
    assert (models, choice["message"]["content"]) == ([500, 200], "abc")
    for step, indexes in BROKEN:
        server.script("innogpt", step)
        data = http("innogpt", "/embeddings", json=TEXTS).json()["data"]
        assert [one["index"] for one in data] == indexes
