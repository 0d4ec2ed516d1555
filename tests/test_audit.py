"""The audit trail: one record a request, whole lines, no contents."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from dsgvo import AsyncClient, Client, errors
from dsgvo.cli.audit import report
from dsgvo.emulator import Raw, Server, Status, Truncate
from langchain_dsgvo import ChatMeinGPT
from llamaindex_dsgvo import InnoGPT, InnoGPTEmbedding
from tests.cli.conftest import Invoke, invoke
from tests.core.support import Mode, answer, raised

__all__ = ["invoke"]  # the fixture
EMBEDDING, RERANKER = "text-embedding-3-small", "bge-reranker-v2-m3"
ASKED: Any = [{"role": "user", "content": "Wie heißt Erika Mustermann?"}]


def ask(client: Client | None = None, model: str = "gpt-4o") -> Any:
    return (client or Client("meingpt")).chat(ASKED, model=model)


@pytest.fixture
def trail(
    vendor_environment: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Any]]:
    path = tmp_path / "audit.jsonl"
    monkeypatch.setenv("DSGVO_AUDIT", str(path))

    def records(*names: str) -> list[Any]:
        """Return the records, or what stands in them under some names."""
        text = path.read_text("utf-8")
        assert not [one for one in ("Mustermann", vendor_environment.api_key) if one in text]
        found = [json.loads(line) for line in text.splitlines()]
        return [tuple(record[name] for name in names) for record in found] if names else found

    return records


def test_each_request_that_carries_data_is_one_record(trail: Any) -> None:
    answer = ask(client := Client("meingpt", purpose="Kundendienst"))
    list(client.stream(ASKED, model="gpt-4o", purpose="Test"))
    Mode("async").stream(AsyncClient("sovrgpt"), ASKED)
    chat, stream, other = trail()
    told = (chat.pop("seconds") >= 0, chat.pop("time")[:2], chat.pop("host")[:9])
    assert told == (True, "20", "127.0.0.1")
    counts = {name: (answer.usage or {})[name] for name in ("prompt_tokens", "completion_tokens")}
    counts |= {"provider": "meingpt", "task": "chat", "model": "gpt-4o", "answered_by": "gpt-4o"}
    counts |= {"purpose": "Kundendienst", "status": 200, "request_id": answer.request_id}
    assert chat == counts | {"region": None, "region_source": None, "other_model": False}
    assert (stream["purpose"], stream["status"]) == ("Test", 200)
    assert (other["task"], other["model"], other["purpose"]) == ("chat", "qwen3.5-9b", None)


def test_both_frameworks_and_all_tasks(trail: Any) -> None:
    ChatMeinGPT(model="gpt-4o", purpose="a").invoke("Erika Mustermann", purpose="b")
    list(InnoGPT(model="gpt-5", purpose="c").stream_complete("Erika Mustermann"))
    InnoGPTEmbedding(purpose="d").get_text_embedding_batch(["Erika Mustermann", "Max"])
    Client("sovrgpt").rerank("Erika Mustermann?", ["Erika Mustermann", "Max"])
    Client("innogpt").generate_image("Erika Mustermann", model="m")
    Client("meingpt").run_assistant("emulator-1", ASKED)
    Client("meingpt").assistants()
    names = ("task", "purpose", "model", "answered_by", "prompt_tokens", "request_id")
    assert [(*told, request_id[:9]) for *told, request_id in trail(*names)] == [
        ("chat", "b", "gpt-4o", "gpt-4o", 6, "emulator-"),
        ("chat", "c", "gpt-5", "gpt-5", 6, "emulator-"),
        ("embeddings", "d", EMBEDDING, EMBEDDING, 4, "emulator-"),
        ("rerank", None, RERANKER, RERANKER, None, "emulator-"),
        ("image", None, "m", None, None, "emulator-"),
        ("assistant emulator-1", None, None, "emulator", 6, "emulator-"),
    ]


def test_failures_and_abandoned_streams_are_records_too(trail: Any, server: Server) -> None:
    client, write = Client("meingpt", max_retries=0), os.write
    next((streams := [client.stream(ASKED, model="gpt-4o")])[0])
    server.script("meingpt", Status(429), Truncate(2))
    # The garbage collector may close a stream in the middle of another record.
    amid: Any = lambda *args: (streams and streams.pop().close(), write(*args))[1]  # noqa: E731
    with patch("os.write", amid):
        raised(errors.RateLimitError, ask, client)
    raised(errors.IncompleteStreamError, list, client.stream(ASKED, model="gpt-4o"))
    raised(errors.ResidencyError, ask, client, model="o1-us")
    found = [("abandoned", None), ("RateLimitError", 429), ("IncompleteStreamError", 200)]
    assert trail("error", "status") == found
    assert [one.get("answered_by") for one in trail()] == ["gpt-4o", None, "gpt-4o"]


def test_another_model_is_told_and_a_trail_that_was_moved_goes_on(
    trail: Any, server: Server, tmp_path: Path
) -> None:
    ask()
    (tmp_path / "audit.jsonl").rename(tmp_path / "audit.jsonl.1")
    for model in ("gpt-4o-2024-08-06", "klein", "Erika-Mustermann", "Max\nMustermann"):
        body = json.dumps(answer() | {"model": model}).encode()
        server.script("meingpt", Raw(headers={"content-type": "application/json"}, chunks=[body]))
    ask()
    warns = pytest.warns
    with warns(match="'klein' answered in place of 'gpt-4o'"), warns(match=r"'\(no id\)' answered"):
        assert [ask().model for _ in range(3)] == ["klein", "Erika-Mustermann", "Max\nMustermann"]
    assert trail("other_model") == [(False,), (True,), (True,), (True,)]


@pytest.mark.usefixtures("vendor_environment")
def test_off_by_default_and_by_logging(caplog: pytest.LogCaptureFixture) -> None:
    for where, level in (None, logging.DEBUG), ("dsgvo.audit", logging.INFO):
        caplog.set_level(level, where)
        ask()
    [record] = [one for one in caplog.records if one.name == "dsgvo.audit"]
    assert json.loads(record.getMessage()) == vars(record)["audit"]


def test_a_file_that_cannot_be_written_is_an_error_before_anything_is_sent(
    vendor_environment: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        monkeypatch.setenv("DSGVO_AUDIT", str(path))
        assert "cannot be written" in str(raised(errors.ConfigurationError, ask))
    assert vendor_environment.requests == []
    monkeypatch.setenv("DSGVO_AUDIT", "/dev/full")
    with pytest.warns(UserWarning, match="cannot be written: No space left"):
        ask()
    assert "cannot be written: No space left" in str(raised(errors.ConfigurationError, ask))
    error = raised(errors.ConfigurationError, Client, "meingpt", purpose="a\n")
    assert "purpose='a\\n': use a line of text" in str(error)


WRITER = """
import dsgvo, logging.config
from concurrent.futures import ThreadPoolExecutor
from dsgvo.audit import AuditEntry
def note(number):
    with AuditEntry(dsgvo.PROVIDERS["meingpt"], "h", "chat", "=y\\x1b" * 99, "ä" * 300) as entry:
        entry.answered(None, {"prompt_tokens": number, "completion_tokens": 1})
list(ThreadPoolExecutor(8).map(note, range(150)))
logging.config.dictConfig({"version": 1})  # closes handlers, and turns loggers off
list(map(note, range(150, 300)))
"""


@pytest.mark.usefixtures("trail")
def test_lines_of_many_processes_stay_whole_and_add_up(tmp_path: Path, invoke: Invoke) -> None:
    running = [subprocess.Popen([sys.executable, "-c", WRITER]) for _ in range(4)]
    assert [process.wait(60) for process in running] == [0] * 4
    path = tmp_path / "audit.jsonl"
    _, row = invoke("audit", "report", str(path), "--csv").stdout.splitlines()
    assert row.endswith(f"meingpt,'{'=y�' * 99},unknown,{'ä' * 300},1200,0,{4 * 299 * 150},1200")
    assert f"\n{row[:10]}  meingpt" in invoke("audit", "report", str(path)).stdout
    with patch("sys.stdout", None):  # as where it is closed
        report(path, as_csv=True)
    for bad in ("{}\n", "[" * 100_000, "1" * 1_000_001):
        path.write_text(bad, "utf-8")
        said = invoke("audit", "report", str(path)).stderr
        assert "line 1 is not a record" in " ".join(said.split())
