"""`dsgvo embed`: any source to Parquet, resumed after any end, one bad row for itself."""

import asyncio
import json
import os
import random
import signal
import tracemalloc
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dsgvo import AsyncClient
from dsgvo.bulk import embed_arrays, run_batch
from dsgvo.bulk._journal import Journal
from dsgvo.emulator import Delay, Disconnect, DropVectors, Server, Status
from dsgvo.errors import AuthenticationError, ConfigurationError, DsgvoError, ResidencyError
from tests.bulk import conftest
from tests.bulk.conftest import corpus, embedded, rows_of, texts_asked, write_lines
from tests.bulk.test_batch import embeddings
from tests.cli.conftest import Invoke, invoke, one_line
from tests.core.support import eventually, raised

__all__ = ["invoke"]
ROWS: list[dict[str, Any]] = [{"n": 1, "body": "Guten Tag", "tags": ["a"]}]
LINK = "'c', a link to another folder"
ROWS += [{"n": 2, "body": "Gute Nacht,\nGrüße", "tags": []}]


def sources(folder: Path) -> dict[str, Path]:
    table = pa.Table.from_pylist(ROWS)
    pq.write_table(table, folder / "one.parquet")
    (folder / "many/n=1").mkdir(parents=True)
    for number, name in enumerate(("n=1/0.PARQUET", "n=2.parquet")):
        pq.write_table(table.slice(number, 1), folder / "many" / name)
    (folder / "texts" / "b").mkdir(parents=True)
    (folder / "texts" / "a.txt").write_text("Guten Tag")
    (folder / "texts" / "b" / "c.md").write_text("Gute Nacht,\nGrüße", "utf-8")
    (folder / "rows.csv").write_bytes('n,body\n007,Guten Tag\n2,"Gute Nacht,\nGrüße"\n'.encode())
    write_lines(folder / "rows.jsonl", ROWS)
    return {path.name: path for path in folder.iterdir()}


def test_each_kind_of_source_keeps_order_and_columns(environment: Server, tmp_path: Path) -> None:
    own = {"texts": [{"path": "a.txt"}, {"path": "b/c.md"}], "rows.csv": [{"n": "007"}, {"n": "2"}]}
    for name, path in sources(tmp_path).items():
        target, text = tmp_path / f"{name}.out", "text" if name == "texts" else "body"
        done = embedded(path, target, text=text, part_rows=1)
        assert (done.rows, done.total, done.failed, done.tokens > 0) == (2, 2, 0, True)
        schema = pq.read_schema(target / "part-000000.parquet")
        assert schema.field("vector").type == pa.list_(pa.float32(), 8)
        for row, wanted, more in zip(rows_of(target), ROWS, own.get(name, ROWS), strict=True):
            assert (row.pop(text), len(row.pop("vector"))) == (wanted["body"], 8)
            assert row == {key: value for key, value in more.items() if key != "body"}
    (tmp_path / "many/n=1").rename(tmp_path / "many/year=1")
    (tmp_path / "many/read.me.md").symlink_to(tmp_path / "texts/a.txt")
    (tmp_path / "texts/c").symlink_to(tmp_path / "many")
    warned = pytest.warns(UserWarning, match=r"left out texts beside .* 'read\.me\.md'")
    with warned, pytest.raises(ConfigurationError, match=r"only its folders name, \['year'\]"):
        embedded(tmp_path / "many", tmp_path / "x")
    (tmp_path / "many/x.parquet").symlink_to("nowhere")  # as a pipe, which would not end
    with pytest.raises(ConfigurationError, match="is no file that"):
        embedded(tmp_path / "many", tmp_path / "x")
    (tmp_path / "texts/.trash").mkdir()
    (tmp_path / "texts/.trash/a.txt").write_text("Nie")
    with pytest.warns(UserWarning, match="left out") as told:
        assert embedded(tmp_path / "texts", tmp_path / "y", text="text").rows == 2
    said = [str(one.message).partition(" left out ")[2] for one in told]
    assert said == ["hidden files or folders, whose names begin with a dot", LINK]


def test_odd_lines_and_values_are_kept_or_told(environment: Server, tmp_path: Path) -> None:
    lines = [{"body": "a", "x": 1, "m": {}, "z": 0.5}, {"body": "b", "x": {"y": 2}, "n": 2**70}]
    many = dict.fromkeys(map(str, range(1001)), 0)
    sparse = [dict.fromkeys(list(many)[:900], 0), *[{}] * 20_000]
    last = {"body": "c", "many": many, "sparse": sparse, "z": True, "w": [{"a": 0.5}, {"a": True}]}
    path = write_lines(tmp_path / "in.jsonl", [*lines, last])
    with path.open("ab") as file:
        file.write(b'{"body": "\\ud800"}\n{"body": "\xfc"}\n{"body": ' + b"[" * 5000)
    assert embedded(path, tmp_path / "out", id="z").failed == 3
    found = [tuple(row[name] for name in "xmnz") for row in rows_of(tmp_path / "out")]
    kept = [("1", "{}", None, "0.5"), ('{"y": 2}', None, f"{2**70}", None), (*[None] * 3, "true")]
    assert found == [*kept, *[(None,) * 4] * 3]
    last = rows_of(tmp_path / "out")[2]
    assert [json.loads(last[name]) for name in ("many", "sparse")] == [many, sparse]
    assert last["w"] == '[{"a": 0.5}, {"a": true}]'
    text, far = pa.array([b"\xfc", b"gut"]).view("string"), pa.array([2**62, 0], "timestamp[us]")
    pq.write_table(pa.table({"body": text, "t": far}), odd := tmp_path / "in.parquet")
    assert embedded(odd, tmp_path / "other", id="t", with_inputs=True).failed == 1


def test_a_text_is_paid_for_once(environment: Server, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delattr(os, "pread", raising=False)  # as on Windows
    monkeypatch.delattr(asyncio.BaseEventLoop, "set_default_executor")  # it may be the user's loop
    path = write_lines(tmp_path / "in.jsonl", [{"body": f"Satz {n % 70}"} for n in range(700)])
    closed = Mock(side_effect=BrokenPipeError)  # what its progress is written to
    raised(BrokenPipeError, embedded, path, tmp_path / "out", part_rows=50, progress=closed)
    before = signal.signal(signal.SIGINT, own := Mock())
    embedded(path, tmp_path / "out", part_rows=50)
    assert signal.signal(signal.SIGINT, before) is own
    assert sorted(texts_asked(environment)) == sorted({f"Satz {n}" for n in range(70)})
    vectors = [row["vector"] for row in rows_of(tmp_path / "out")]
    assert vectors[70:] == vectors[:-70]


OPTIONS = ("--text", "body", "--dimensions", "8", "--part-rows", "128", "--batch-size", "16")


def test_kill_at_any_moment_costs_what_was_in_flight(environment: Server, tmp_path: Path) -> None:
    source = corpus(tmp_path / "in.jsonl", others={80: "Absatz 3 über Urlaub", 300: " "})
    target, whole = tmp_path / "out", tmp_path / "whole"
    undisturbed = embedded(source, whole)
    environment.clear()
    program = ("embed", source, target, *OPTIONS, "--max-concurrency", "2")
    chance = random.Random(1)
    for _ in range(3):
        more = len(environment.requests) + chance.randint(1, 10)
        with conftest.at_work(environment, *program) as process:
            assert eventually(lambda wanted=more: len(environment.requests) >= wanted, seconds=60)
            process.send_signal(signal.SIGKILL)
    with conftest.at_work(environment, *program) as process:
        said, _ = process.communicate(timeout=60)
    assert said.startswith("600 of 600 rows, 1 failed, ")  # the blank text
    found, wanted = ({p.name: p.read_bytes() for p in one.iterdir()} for one in (target, whole))
    assert found == wanted
    # Two requests at a time could be lost with each kill, and none else is made again.
    assert 0 <= len(texts_asked(environment)) - undisturbed.texts <= 3 * 2 * 16
    assert not (tmp_path / "out.work").exists()


def test_ctrl_c_keeps_what_was_in_flight(environment: Server, tmp_path: Path) -> None:
    source = corpus(tmp_path / "in.jsonl", 3000)
    environment.script("innogpt", Status(500, headers={"Retry-After": "59"}))  # not waited for
    with conftest.at_work(environment, "embed", source, tmp_path / "out", *OPTIONS) as process:
        assert eventually(lambda: len(environment.requests) >= 20, seconds=60)
        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 130
    embedded(source, tmp_path / "out")
    assert len(texts_asked(environment)) == 3000 + 16
    assert [row["n"] for row in rows_of(tmp_path / "out")] == list(range(3000))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dimensions": 4}, "dimensions was 8 and is now 4"),
        ("rows", "input was"),
        ("texts", "the input has changed in the rows of part 0"),
        ("locked", "another process is at work on 'out.journal.jsonl'"),
    ],
)
def test_changes_are_refused(environment: Server, tmp_path: Path, change: Any, said: str) -> None:
    source, target, lines = tmp_path / "in.jsonl", tmp_path / "out", [{"body": "1"}, {"body": "2"}]
    embedded(write_lines(source, lines), target)
    before = len(environment.requests)
    if change == "locked":
        import fcntl

        with (tmp_path / "out.journal.jsonl").open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            assert said in str(raised(ConfigurationError, embedded, source, target))
        unknown = patch("fcntl.flock", side_effect=OSError(38, "Function not implemented"))
        with unknown, pytest.warns(UserWarning, match=r"cannot be locked \(Function not impl"):
            embedded(source, target)
        return
    if change in ("rows", "texts"):
        write_lines(source, [*lines, {}] if change == "rows" else [lines[0], {"body": "3"}])
        change = {}
    message = str(raised(ConfigurationError, embedded, source, target, **change))
    assert message.endswith("or remove 'out' and 'out.journal.jsonl' to begin anew")
    assert (said in message, len(environment.requests)) == (True, before)


def test_one_bad_row_spoils_nothing(environment: Server, tmp_path: Path, invoke: Invoke) -> None:
    wrong = {150: "geheim " * 200, 20: "", 71: "lang" * 150, 72: "breit" * 120}
    source = corpus(tmp_path / "in.jsonl", 200, wrong)
    environment.limit_embeddings("innogpt", bytes=1000)
    program = ("embed", str(source), str(tmp_path / "out"), "--provider", "innogpt", "--id", "n")
    run = partial(invoke, *program, *OPTIONS, env=environment.environ("innogpt"))
    assert one_line(run()).startswith("error: 2 rows failed")
    assert len(environment.requests) <= 13 + 8 + 8  # no half that has come is asked for again
    rows = rows_of(tmp_path / "out")
    assert [row["n"] for row in rows if row["vector"] is None] == [20, 150]
    found = conftest.read_lines(tmp_path / "out.errors.jsonl")
    assert "geheim" not in str(found)
    told = {one["row"]: (one["id"], one["error"]["type"]) for one in found}
    assert told == {20: (20, "ConfigurationError"), 150: (150, "RequestTooLargeError")}
    environment.clear()
    assert one_line(run("--retry-errors", "--with-inputs")).startswith("error: 1 rows failed")
    assert len(texts_asked(environment)) == 1
    (left,) = conftest.read_lines(tmp_path / "out.errors.jsonl")
    assert (left["row"], left["input"]) == (20, "")
    rows[150]["vector"] = rows_of(tmp_path / "out")[150]["vector"]
    assert rows_of(tmp_path / "out") == rows


def test_what_the_vendor_refuses_for_now_is_not_lost(environment: Server, tmp_path: Path) -> None:
    limit = Status(429, headers={"Retry-After": "0"})
    environment.script("innogpt", *[limit] * 6, Disconnect(), Status(503))
    (tmp_path / "out.work").mkdir()
    (tmp_path / "out.work/000000-3.vectors").touch()  # of a run that was begun with another model
    few = patch("dsgvo.bulk._engine.MAX_FAILURES", 6)
    with few, pytest.warns(UserWarning, match="6 requests in"):
        done = embedded(corpus(tmp_path / "in.jsonl", 100), tmp_path / "out", dimensions=None)
    assert (done.failed, done.refused, len(rows_of(tmp_path / "out"))) == (0, 7, 100)
    environment.limit_embeddings("innogpt", texts=2)
    embedded(source := corpus(tmp_path / "in.jsonl", 16), tmp_path / "learns")
    lines = write_lines(tmp_path / "lines.jsonl", [embeddings("m", [f"{n:20}" for n in range(16)])])
    for run in (partial(embedded, source), partial(run_batch, lines, provider="innogpt")):
        environment.clear()
        environment.script("innogpt", *[Delay(0)] * 3, Status(500))
        run(tmp_path / run.func.__name__)
        assert len(environment.requests) == 8 + 1  # none is made again but the one that failed
    environment.clear()
    environment.script("innogpt", *map(DropVectors, (15, 7, 3, 1)))  # all but the first
    assert embedded(source, tmp_path / "first", model="text-embedding-3-large").failed == 0
    assert len(environment.requests) == 4 + 16
    environment.script("innogpt", Status(429, message="Request too large for m on tokens per min"))
    assert embedded(source, tmp_path / "two", model="text-embedding-ada-002").failed == 0
    assert len(environment.requests) == 4 + 16 + 1 + 2
    environment.script("innogpt", *[limit] * 500)
    hour = patch.multiple("dsgvo.bulk._engine", MAX_HOLD=0.1, MAX_FAILURES=1)
    told = pytest.warns(UserWarning, match="1 requests in a row")
    with hour, told, pytest.raises(DsgvoError, match="have failed in a row"):
        embedded(source, tmp_path / "refused")
    environment.clear()
    environment.script("innogpt", *[Delay(0)] * 2, *[Status(403)] * 200)
    with pytest.raises(DsgvoError, match="403"):
        embedded(corpus(source, 600), tmp_path / "forbidden")
    environment.clear()
    environment.script("innogpt", *[Delay(0)] * 2, *[Status(400)] * 200)
    with pytest.raises(DsgvoError, match="every text is refused"):
        embedded(corpus(source, 600), tmp_path / "none")


def test_an_outage_is_waited_for_and_is_no_texts_fault(environment: Server, tmp_path: Path) -> None:
    source = corpus(tmp_path / "in.jsonl", 64)
    now = patch.multiple("dsgvo.bulk._engine", MAX_RETRIES=0, MAX_PAUSE=0.01, MAX_FAILURES=-9)
    ended = patch("dsgvo.bulk._engine.MAX_OUTAGE", 0)
    outage = [Delay(0), *[Status(502)] * 60]
    environment.script("innogpt", *outage)
    with now, pytest.warns(UserWarning, match="goes on if one is answered within 10 minutes"):
        assert embedded(source, tmp_path / "out").failed == 0
    environment.script("innogpt", *outage)
    with now, ended, pytest.raises(DsgvoError, match="in a row: the run has ended"):
        embedded(source, tmp_path / "ended")
    # Of a firewall, and of what a server cannot write as JSON: "o" are answered, also "Text …".
    for status, steps in ((403, "xooxo"), (500, "xoxooxoxo")):
        environment.clear()
        environment.script("innogpt", *(Status(status) if x == "x" else Delay(0) for x in steps))
        with now:
            assert embedded(corpus(source, 2), tmp_path / f"{status}").failed == 1
        assert len(environment.requests) == len(steps)
        assert environment.requests[1].json["input"][0].startswith("Text ")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        *((one, AuthenticationError) for one in ({}, {"requests_per_minute": 2})),
        ({"residency": "strict", "model": "x"}, ResidencyError),
        ({"strict": True, "provider": "neuroflash"}, ConfigurationError),
        *((one, ConfigurationError) for one in ({"api_key": list}, {"http_transport": Mock()})),
        *(({name: 0}, ConfigurationError) for name in ("dimensions", "encoding_format")),
        ({"dimensions": 9**9}, ConfigurationError),
    ],
)
def test_what_no_row_is_to_blame_for_ends_the_run(
    environment: Server, tmp_path: Path, arguments: Any, kind: type[DsgvoError]
) -> None:
    environment.script("innogpt", *[Status(401)] * 100)
    with pytest.raises(kind):
        embedded(corpus(tmp_path / "in.jsonl", 300), tmp_path / "out", **arguments)
    assert len(environment.requests) <= (1 if arguments else 4)
    assert not (tmp_path / "out.errors.jsonl").exists()
    environment.clear()
    assert embedded(tmp_path / "in.jsonl", tmp_path / "out").failed == 0


async def test_arrays_hold_what_lists_would(environment: Server, monkeypatch: Any) -> None:
    texts = [f"Satz {n}" for n in range(40)]
    arrays = [a async for a in embed_arrays(texts, provider="innogpt", dimensions=8, batch_size=16)]
    assert "asyncio.to_thread" in str(raised(ConfigurationError, embedded, Path(), Path()))
    monkeypatch.setattr(asyncio.get_running_loop(), "_nest_patched", True, raising=False)
    assert "to_thread" not in str(raised(ConfigurationError, embedded, Path("x"), Path()))
    assert [(a.dtype.name, *a.shape) for a in arrays] == [("float32", n, 8) for n in (16, 16, 8)]
    environment.script("innogpt", Status(200, body={"data": [{"embedding": [1.0]}]}))
    with pytest.raises(DsgvoError, match=r"different lengths: \[1, 1536\]"):
        _ = [a async for a in embed_arrays(["a", "b"], provider="innogpt", batch_size=1)]
    rows = [row for array in arrays for row in array.tolist()]
    for form in ("base64", "float"):
        lists = AsyncClient("innogpt").embed(texts, dimensions=8, encoding_format=form)
        assert [pytest.approx(vector, abs=1e-7) async for vector in lists] == rows


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"body,x\nGeheim,1,2\n", "Expected 2 columns, got 3"),
        ("d.csv", b'body\n"Geheim\n2\n"3"\n', "expected after '\"', in the row that begins with"),
        ("e.csv", b"body\n" + b"w" * 2**22, None),
        ("c.jsonl", b'{"body": "\xfc"}', "no line that is a JSON object in UTF-8"),
        ("out.journal.jsonl", b"5\n", "lines that no run has written"),
        ("out.errors.jsonl", b'5\n{"part": []}\n', None),
        ("new.errors.jsonl", b"mein\n", "exists, and no journal says what made it"),
        ("out/part-000000.parquet", b"x", "is not what the run has left there"),
    ],
)
@pytest.mark.usefixtures("environment")
def test_files_at_fault_are_told_or_mended(tmp_path: Path, name: str, data: Any, said: Any) -> None:
    source, target, path = corpus(tmp_path / "in.jsonl", 8), tmp_path / "out", tmp_path / name
    embedded(source, target)
    whole = rows_of(target)
    path.write_bytes((path.read_bytes() if path.exists() else b"") + data)
    given = (path, tmp_path / "a") if name[1] == "." else (source, tmp_path / name[:3])
    if said is None:
        embedded(*given)
        assert rows_of(target) == whole
    else:
        refused = str(raised(ConfigurationError, embedded, *given))
        assert (said in refused, "Geheim" in refused) == (True, False)


def test_a_full_disk_and_a_text_that_fails_often(environment: Server, tmp_path: Path) -> None:
    source = corpus(tmp_path / "in.jsonl", 120, {n: f"{n // 60}" * 2000 for n in range(0, 120, 20)})
    environment.limit_embeddings("innogpt", texts=9, bytes=1000)
    with patch("os.write", side_effect=OSError(28, "full")), pytest.raises(OSError, match="full"):
        embedded(source, tmp_path / "out", part_rows=4)
    for retry, lost in ((False, (0, 5, 10)), (False, ()), (True, ())):  # parts far from another
        done = embedded(source, tmp_path / "out", part_rows=4, retry_errors=retry)
        assert (done.rows, done.failed) == (120, 6)
        for number in lost:
            (tmp_path / f"out/part-{number:06}.parquet").unlink()
    environment.clear()
    environment.script("innogpt", Delay(0), Status(401))
    killed = patch.object(Journal, "close", lambda self, **_: self._lock.close())  # pyright: ignore
    with killed, pytest.raises(AuthenticationError):
        embedded(source, tmp_path / "out", part_rows=4, retry_errors=True, max_concurrency=1)
    errors = tmp_path / "out.errors.jsonl"
    for retry, left in ((False, [60, 80, 100]), (True, [])):
        done = embedded(source, tmp_path / "out", part_rows=4, retry_errors=retry)
        found = conftest.read_lines(errors) if errors.exists() else []
        assert (done.failed, [one["row"] for one in found]) == (len(left), left)
    assert len(environment.requests) == 3  # two texts, and the one that was refused
    embedded(corpus(source, 9000, dict.fromkeys(range(1, 9000), "")), tmp_path / "blank")
    tracemalloc.start()
    embedded(source, tmp_path / "blank")  # its errors take no memory but those of a part
    assert (tracemalloc.get_traced_memory()[1] < 6e6, tracemalloc.stop()) == (True, None)
