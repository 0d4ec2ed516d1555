"""`dsgvo batch`: requests and results in OpenAI's Batch format, in order, resumed after any end."""

import json
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from dsgvo.bulk import run_batch
from dsgvo.bulk._journal import Journal
from dsgvo.emulator import Reply, Server, Status
from dsgvo.errors import ConfigurationError
from tests.bulk.conftest import read_lines, write_lines
from tests.core.support import raised
from tests.core.transport.test_secrets import locals_of

MODEL = "text-embedding-3-small"


def chat(number: int | str, **body: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"Frage {number}"}]
    body = {"model": "gpt-5", "messages": messages} | body
    return {"custom_id": f"{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


def embeddings(number: int | str, texts: Any, **body: Any) -> dict[str, Any]:
    body = {"model": MODEL, "input": texts, "dimensions": 4} | body
    return {"custom_id": f"{number}", "method": "POST", "url": "/v1/embeddings", "body": body}


def test_results_stand_where_their_requests_stood(environment: Server, tmp_path: Path) -> None:
    function = {"name": "look", "arguments": '{"a": 1}'}
    message = {"role": "assistant", "content": "Ja.", "reasoning_content": "Hm.", "citations": 5}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": []}}
    whole = Status(200, {"choices": [choice], "role": "x", "content": "y"})  # of nobody's kind
    environment.script("innogpt", whole, Reply(tool_calls=[{"id": "c1", **function}]))
    wrong = ["kein JSON", {"custom_id": "x"}, chat("u", stream=True), embeddings("t", [1, 2])]
    wrong += [embeddings("f", "x", encoding_format="hex"), embeddings("k", "x", api_key="k")]
    lines = [chat("a"), chat("b"), embeddings("e", ["eins", "zwei"], timeout=9, user="u"), *wrong]
    source, others = write_lines(tmp_path / "in.jsonl", lines), tmp_path / "out.jsonl.work/others"
    others.mkdir(parents=True)
    done = run_batch(source, tmp_path / "out.jsonl", provider="innogpt", max_concurrency=1)
    assert (done.rows, done.total, done.failed, others.exists()) == (9, 9, 6, True)
    assert environment.requests[-1].json.keys() & {"user", "timeout"} == {"user"}
    first, second, third, *errors = read_lines(tmp_path / "out.jsonl")
    assert first == first | {"custom_id": "a", "error": None}
    [said, made] = [one["response"]["body"]["choices"][0] for one in (first, second)]
    assert (first["response"]["status_code"], said) == (200, choice)
    assert made["message"]["tool_calls"] == [{"id": "c1", "type": "function", "function": function}]
    data = third["response"]["body"]["data"]
    assert [(one["index"], len(one["embedding"])) for one in data] == [(0, 4), (1, 4)]
    found = [(one["custom_id"], one["response"], one["error"]["type"]) for one in errors]
    assert found == [(name, None, "ConfigurationError") for name in (None, *"xutfk")]
    assert [one["row"] for one in read_lines(tmp_path / "out.jsonl.errors.jsonl")] == [*range(3, 9)]


def test_failed_requests_are_made_again_alone(environment: Server, tmp_path: Path) -> None:
    lines = [chat(number) for number in range(30)]
    lines[4]["body"]["model"] = "gibt-es-nicht"
    source = write_lines(tmp_path / "in.jsonl", lines)
    environment.script("innogpt", *[Status(400)] * 25)  # none says that the vendor is down
    run = partial(run_batch, source, tmp_path / "out.jsonl", provider="innogpt", max_concurrency=1)
    assert run().failed == 25
    before = read_lines(tmp_path / "out.jsonl")
    environment.clear()
    full = patch("dsgvo.bulk._batch.sync", side_effect=OSError(28, "full"))
    with full, pytest.raises(OSError, match="full") as caught:
        run(retry_errors=True, default_headers={"X-Gate": f"{environment.api_key}4711"})
    assert environment.api_key not in "".join(locals_of(caught.value))
    assert run().failed == 25
    assert read_lines(tmp_path / "out.jsonl") == before
    assert (run(retry_errors=True).failed, len(environment.requests)) == (0, 25)
    assert len([*tmp_path.iterdir()]) == 3  # neither errors nor a folder for work
    after = read_lines(tmp_path / "out.jsonl")
    assert [one["custom_id"] for one in after] == [f"{n}" for n in range(30)]
    assert after[25:] == before[25:]
    write_lines(source, lines[:5])
    assert "input was" in str(raised(ConfigurationError, run))


def test_results_are_not_lost(environment: Server, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("dsgvo.bulk._batch.PART_REQUESTS", 4)
    lines = [embeddings(n, f"Satz {n}") for n in range(12)]
    lines[3], lines[4]["custom_id"] = chat("\ud800", self=1), "a\u2028\x9b"
    source, target, whole = (tmp_path / name for name in ("in.jsonl", "out.jsonl", "whole.jsonl"))
    source.write_text("\n".join(map(json.dumps, lines)))
    assert run_batch(source, whole, provider="innogpt", max_concurrency=1).failed == 1
    assert len(whole.read_text().splitlines()) == 12
    monkeypatch.setenv("DSGVO_AUDIT", "/dev/full/x")  # no row is to blame for it
    raised(ConfigurationError, run_batch, source, target, provider="innogpt")
    monkeypatch.delenv("DSGVO_AUDIT")
    full = patch.object(Journal, "note", side_effect=[OSError(28, "full"), None])
    with full, pytest.raises(OSError, match="full"):
        run_batch(source, target, provider="innogpt")
    twice = write_lines(tmp_path / "twice.jsonl", [chat("a"), chat("b"), chat("a")])
    own = write_lines(tmp_path / "out.jsonl.errors.jsonl", lines[:1])
    for path, said in ((twice, "'a' is there twice"), (tmp_path, "a folder"), (own, "rename the")):
        assert said in str(raised(ConfigurationError, run_batch, path, target, provider="innogpt"))
    given = {"input": source, "output": target, "provider": "innogpt"}
    none = given | {"output": own, "retry_errors": True}
    assert "there is no run whose" in str(raised(ConfigurationError, run_batch, **none))
    for name in ("input", "output", "progress", "remote", "max_retries", "with_inputs"):
        assert str(raised(ConfigurationError, run_batch, **given | {name: 1.5})).startswith(name)
    run_batch(source, target, provider="innogpt")
    assert target.read_bytes() == whole.read_bytes()
    target.write_bytes(b"".join(whole.read_bytes().splitlines(keepends=True)[:-1]))
    for retry, said in ((False, "it lacks results"), (True, "'batch_req_11' is not in its place")):
        assert said in str(raised(ConfigurationError, run_batch, **given, retry_errors=retry))
