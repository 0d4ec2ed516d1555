"""`dsgvo batch`: requests and results in OpenAI's Batch format, in order, resumed after any end."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

import pytest

from dsgvo.bulk import run_batch
from dsgvo.emulator import Reply, Server, Status
from dsgvo.errors import ConfigurationError
from tests.bulk.conftest import MODEL, read_lines, write_lines
from tests.cli.conftest import COMMAND
from tests.cli.conftest import environment as shell
from tests.core.support import eventually, raised
from tests.processes import started


def chat(number: int | str, **body: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"Frage {number}"}]
    return {
        "custom_id": f"{number}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "gpt-5", "messages": messages} | body,
    }


def embeddings(number: int | str, texts: Any, **body: Any) -> dict[str, Any]:
    body = {"model": MODEL, "input": texts, "dimensions": 4} | body
    return {"custom_id": f"{number}", "method": "POST", "url": "/v1/embeddings", "body": body}


def test_results_stand_where_their_requests_stood(environment: Server, tmp_path: Path) -> None:
    calls = [{"id": "c1", "name": "look", "arguments": '{"a": 1}'}]
    environment.script("innogpt", Reply("Ja.", reasoning="Hm."), Reply(tool_calls=calls))
    wrong = ["kein JSON", {"custom_id": "x"}, chat("u", stream=True), embeddings("t", [1, 2])]
    lines = [chat("a"), chat("b"), embeddings("e", ["eins", "zwei"]), *wrong]
    source = write_lines(tmp_path / "in.jsonl", lines)
    done = run_batch(source, tmp_path / "out.jsonl", provider="innogpt", max_concurrency=1)
    assert (done.rows, done.total, done.failed) == (7, 7, 4)
    first, second, third, *errors = read_lines(tmp_path / "out.jsonl")
    assert (first["custom_id"], first["error"], first["response"]["status_code"]) == (
        "a",
        None,
        200,
    )
    (choice,) = first["response"]["body"]["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Ja.", "reasoning_content": "Hm."}
    (choice,) = second["response"]["body"]["choices"]
    assert choice["message"]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    ]
    data = third["response"]["body"]["data"]
    assert [(one["index"], len(one["embedding"])) for one in data] == [(0, 4), (1, 4)]
    assert [(one["custom_id"], one["response"], one["error"]["type"]) for one in errors] == [
        (None, None, "ConfigurationError"),
        (None, None, "ConfigurationError"),
        ("u", None, "ConfigurationError"),
        ("t", None, "ConfigurationError"),
    ]
    assert [one["row"] for one in read_lines(tmp_path / "out.jsonl.errors.jsonl")] == [3, 4, 5, 6]


def test_failed_requests_are_made_again_alone(environment: Server, tmp_path: Path) -> None:
    lines = [chat(number) for number in range(6)]
    lines[4]["body"]["model"] = "gibt-es-nicht"
    source = write_lines(tmp_path / "in.jsonl", lines)
    environment.script("innogpt", Status(400))
    arguments: dict[str, Any] = {"provider": "innogpt", "max_concurrency": 1}
    assert run_batch(source, tmp_path / "out.jsonl", **arguments).failed == 1
    before = read_lines(tmp_path / "out.jsonl")
    environment.clear()
    done = run_batch(source, tmp_path / "out.jsonl", retry_errors=True, **arguments)
    assert (done.failed, len(environment.requests)) == (0, 1)
    after = read_lines(tmp_path / "out.jsonl")
    assert [one["custom_id"] for one in after] == [f"{n}" for n in range(6)]
    assert after[1:] == before[1:]
    assert not (tmp_path / "out.jsonl.errors.jsonl").exists()
    write_lines(source, lines[:5])
    refused = raised(ConfigurationError, run_batch, source, tmp_path / "out.jsonl", **arguments)
    assert "input was" in str(refused)


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_at_any_moment_loses_no_answer(environment: Server, tmp_path: Path, seed: int) -> None:
    source = write_lines(tmp_path / "in.jsonl", [embeddings(n, f"Satz {n}") for n in range(700)])
    run_batch(source, tmp_path / "whole.jsonl", provider="innogpt")
    environment.clear()
    program = [*COMMAND, "batch", "--provider", "innogpt", "-i", str(source)]
    program += ["-o", str(tmp_path / "out.jsonl"), "--max-concurrency", "2"]
    variables = shell(**environment.environ("innogpt"))
    chance = random.Random(seed)
    for _ in range(2):
        more = len(environment.requests) + chance.randint(1, 250)
        with started(program, variables) as process:
            assert eventually(lambda wanted=more: len(environment.requests) >= wanted, seconds=60)
            process.send_signal(signal.SIGKILL)
    with started(program, variables) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out.split(",")[0]) == (0, "700 of 700 rows"), err
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert 700 <= len(environment.requests) <= 700 + 2 * 2
