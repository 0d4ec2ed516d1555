"""Many texts: whole vectors, how many requests at once, and what one failure leaves behind."""

import asyncio
import socket
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest

from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Server, ShuffleVectors, Status
from dsgvo.transport import Gate, _pools
from dsgvo.wire.limiter import Limiter
from tests.core.support import Mode, RawServer, eventually, http, json_of, raised, raw_server

TEXTS = ["x" * length for length in range(1, 13)]
VECTORS = [[float(len(text))] for text in TEXTS]


@dataclass
class Vectors:
    """Answers with each text's length, a moment late unless as many ask at once as expected."""

    expected: int = 1
    refuse: str = ""
    limit: int = 99
    at_once: int = 0
    most: int = 0
    batches: list[list[str]] = field(default_factory=list[list[str]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: bytes, _: socket.socket) -> bytes:
        texts: list[str] = json_of(request)["input"]
        with self._lock:
            self.batches.append(texts)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        eventually(lambda: self.most >= self.expected, seconds=1)
        time.sleep(0.02 * (self.expected > 1))  # one too many would come now
        with self._lock:
            self.at_once -= 1
        too_many = len(texts) > self.limit
        if too_many or self.refuse in texts:
            return http({"error": f"{self.limit} Texte" if too_many else "nein"}, status=400)
        found = rows(*([float(len(text))] for text in texts))
        return http(found | {"usage": {"prompt_tokens": len(texts)}})


def rows(*vectors: list[float]) -> dict[str, Any]:
    return {"data": [{"index": i, "embedding": vector} for i, vector in enumerate(vectors)]}


def client(mode: Mode, raw: RawServer, provider: str = "innogpt") -> Any:
    return mode.client(provider, raw, max_retries=0, residency="any")


@pytest.mark.parametrize("at_once", [1, 5, None])
def test_so_many_requests_at_once_and_no_more(mode: Mode, at_once: int | None) -> None:
    serve = Vectors(expected=at_once or 4)
    given = {} if at_once is None else {"max_concurrency": at_once}
    (tenant := ContextVar[str]("whose key a function is to give")).set("k")
    with raw_server(serve) as raw:
        own = mode.client("innogpt", raw, api_key=tenant.get)
        assert mode.embed(own, TEXTS, batch_size=1, **given) == VECTORS
        assert mode.embed(client(mode, raw), []) == []
    assert serve.most == (at_once or 4)


def test_whole_answers_vectors_are_matched_by_index(mode: Mode, server: Server) -> None:
    client = mode.client("meingpt", server)
    straight = mode.embed(client, TEXTS, dimensions=8)
    floats = mode.embed(client, TEXTS, dimensions=8, encoding_format="float")
    assert straight == [pytest.approx(vector, abs=1e-6) for vector in floats]
    assert [one.json.get("encoding_format") for one in server.requests] == ["base64", "float"]
    server.script("meingpt", ShuffleVectors(1))
    assert mode.embed(client, TEXTS, dimensions=8) == straight
    assert (len({*map(tuple, straight)}), {*map(len, straight)}) == (len(TEXTS), {8})
    server.clear()
    cut = mode.embed(client, iter(TEXTS), dimensions=8, batch_size=3, max_batch_bytes=15)
    assert cut == straight
    assert sorted(len(one.json["input"]) for one in server.requests) == [1, 1, 1, 1, 2, 3, 3]


def test_parts_of_a_batch_that_was_too_large(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    more: dict[str, Any] = {"dimensions": 1, "extra_body": {"user": "u"}, "max_concurrency": 1}
    calls = [(0, "m", 12), (9, "m", 4), (9, "m", 12), (9, "n", 12), (999, "m", 12)]
    with raw_server(Vectors(limit=3)) as raw:
        for now, more["model"], count in calls:
            monkeypatch.setattr(_pools.runtime, "clock", lambda now=now: now)
            assert mode.embed(client(mode, raw), TEXTS[:count], **more) == VECTORS[:count]
        bodies = [json_of(request) for request in raw.requests]
        more["dimensions"] = 2
        error = raised(errors.APIResponseError, mode.embed, client(mode, raw), ["a"], **more)
        assert "expected 2 dimensions, got 1" in str(error)
    asked = [body.pop("input") for body in bodies]
    assert [*map(len, asked)] == [*(new := [12, 6, 3, 3, 3, 3]), 4, 2, 2, *new[2:], *new, *new]
    assert [texts[0] for texts in asked[:6]] == [TEXTS[start] for start in (0, 0, 0, 3, 6, 9)]
    known = {"user": "u", "dimensions": 1, "encoding_format": "base64"}
    assert bodies == [known | {"model": model} for model in "m" * 13 + "n" * 6 + "m" * 6]


def test_a_batch_as_arrays_with_what_it_cost(async_mode: Mode) -> None:
    known, typed = {"model": "m", "dimensions": 1}, {"output_dtype": "int8"}
    given: dict[str, Any] = known | {"allow_undocumented": True, "extra_body": typed}
    sent: dict[str, Any] = known | typed | {"encoding_format": "float"}
    with raw_server(Vectors(limit=1, refuse="ä")) as raw:
        own = client(async_mode, raw, "sovrgpt")
        for _ in range(2):  # halved, and then known to be
            done = async_mode.call(own, "embed_batch", TEXTS[:3], **given)
            assert done == ([array("f", vector) for vector in VECTORS[:3]], 3)
        assert json_of(raw.requests[-1]) == sent | {"input": TEXTS[2:3]}
        error = raised(errors.BadRequestError, async_mode.call, own, "embed_batch", ["ä"], **given)
        assert error.__notes__ == ["while embedding text 0"]
        raised(errors.ConfigurationError, async_mode.call, own, "embed_batch", [""], **given)
        raised(errors.CapabilityError, async_mode.call, own, "embed_batch", ["a"], **known)


def test_a_refusal_that_may_be_of_base64(mode: Mode, server: Server) -> None:
    client, other = (mode.client(name, server, max_retries=0) for name in ("innogpt", "meingpt"))
    mode.embed(other, ["a"])
    for asking, status, form, forms in (
        *((client, status, None, ["base64"]) for status in (413, 500)),
        *((client, 400, form, [form]) for form in ("float", "base64")),
        (client, 400, None, ["base64", None]),
        *((other, 400, None, forms) for forms in (["base64", None], ["base64"])),  # it came before
    ):
        server.clear()
        server.script(asking.provider, *[Status(status, message="nein")] * 2)
        with pytest.raises(errors.APIStatusError, match="nein") as caught:
            mode.embed(asking, ["a"], encoding_format=form)
        assert caught.value.__notes__ == ["while embedding text 0"]
        assert [request.json.get("encoding_format") for request in server.requests] == forms
    for asking, learned in ((client, None), (other, "base64")):  # it has worked for another model
        server.clear()
        server.script(asking.provider, Status(400))
        assert [len(mode.embed(asking, ["a"], dimensions=9, model="m")[0]) for _ in "ab"] == [9, 9]
        server.script(asking.provider, *[Status(400)] * 2)
        raised(errors.BadRequestError, mode.embed, asking, ["a"])  # nor tried without it
        forms = [one.json.get("encoding_format") for one in server.requests]
        assert forms == ["base64", None, *[learned] * 2]


def test_tokens_are_guessed_and_corrected(mode: Mode, server: Server, monkeypatch: Any) -> None:
    told: list[int] = []
    monkeypatch.setattr(Limiter, "schedule", lambda _, now, tokens: told.append(tokens) or now)
    monkeypatch.setattr(Limiter, "spend", lambda _, tokens: told.append(tokens))
    client = mode.client("innogpt", server, rate_limit=Gate(Limiter(tokens_per_minute=6000)))
    mode.embed(client, ["x" * 40, "Max"])
    assert mode.chat(client).usage
    assert told == [40 // 4 + 1 + 1, 6 - 12, 21, 39 - 21]


@pytest.mark.covers(
    "innogpt", "behaviour Vectors come in base64 where the server gives them", "Inferred"
)
@pytest.mark.covers(
    "meingpt", "parameter encoding_format of embeddings: `float` or `base64`", "Public"
)
@pytest.mark.covers(
    "neuroflash, sovrgpt",
    "behaviour Embeddings are not documented: refused unless `allow_undocumented`",
    "Inferred",
)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_vendor_is_known_to_have_is_asked_for(mode: Mode, provider: str) -> None:
    known = PROVIDERS[provider].embeddings
    with raw_server(Vectors()) as raw:
        own = client(mode, raw, provider)
        if not known.documented:
            error = raised(errors.CapabilityError, mode.embed, own, ["ab"], model="m")
            assert "innoGPT and meinGPT do" in str(error)
            assert ("allow_undocumented=True" in str(error), raw.requests) == (True, [])
        assert mode.embed(own, ["ab"], model="m", allow_undocumented=True) == [[2.0]]
    assert json_of(raw.requests[0]).get("encoding_format") == ("base64" if known.base64 else None)


def test_whole_answers_batches_and_halves_have_vectors_of_one_length(mode: Mode) -> None:
    def serve(asked: bytes, _: Any) -> bytes:
        whole = b'"a"' in asked and b'"b"' in asked
        return http({}, status=413) if whole else http(rows([1.0] * (1 + (b'"b"' in asked))))

    with raw_server(serve) as raw:
        own = client(mode, raw)
        for size, said in ((1, "text 1"), (9, "texts 0 to 1")):
            error = raised(errors.APIResponseError, mode.embed, own, ["a", "b"], batch_size=size)
            assert f"embedding {said}: vectors of different lengths: [1, 2]" in str(error)
            assert error.provider == "innogpt"
        if mode.name != "sync":
            raised(errors.APIResponseError, mode.call, own, "embed_batch", ["a", "b"])


@pytest.mark.parametrize("batch_size", [1, 100])
def test_blank_texts_are_an_error_zeros_or_nothing(mode: Mode, batch_size: int) -> None:
    texts, serve = ["", "aa", " \n", "bbb", "c", "", ""], Vectors()
    with raw_server(serve) as raw:
        ask = client(mode, raw)
        for wrong, texts_of, said in (
            ({}, texts, r"texts\[0\] is empty"),
            ({"on_empty": "zero"}, ["", " "], "nothing says how long a vector is"),
            *(({name: 0}, ["a"], f"^{name}=0 ") for name in ("dimensions", "max_concurrency")),
            ({"encoding_format": "hex"}, ["a"], "encoding_format='hex': 'base64' or 'float'"),
            ({"extra_body": {"dimensions": [1]}}, ["a"], r"^dimensions=\[1\] "),
        ):
            with pytest.raises(errors.ConfigurationError, match=said):
                mode.embed(ask, texts_of, batch_size=batch_size, **wrong)
        assert serve.batches == []
        zeros = mode.embed(ask, iter(texts), batch_size=batch_size, on_empty="zero")
        assert zeros == [[0.0], [2.0], [0.0], [3.0], [1.0], [0.0], [0.0]]
        skipped = mode.embed(ask, texts, batch_size=batch_size, on_empty="skip")
        assert skipped == [[2.0], [3.0], [1.0]]
        assert not any(not text.strip() for batch in serve.batches for text in batch)
        serve.refuse, blank = " \n", ["a", *[" \n"] * 12]
        error = raised(errors.BadRequestError, mode.embed, ask, blank, batch_size=batch_size)
        named = "1" if batch_size == 1 else "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …"
        assert f"nein (white space alone, which servers refuse: texts[{named}]; " in str(error)


@pytest.mark.parametrize("size", [1, 6])
def test_read_what_came_before_a_text_that_is_refused(mode: Mode, size: int) -> None:
    came: list[list[float]] = []

    async def collect(vectors: Any) -> None:
        async for vector in vectors:
            came.append(vector)

    with raw_server(Vectors(limit=2, refuse="schlecht")) as raw:
        given = {"nein": [*"abcd", "schlecht", "f"], "Unicode": iter(["a", "b", "\ud800"])}
        for said, texts in given.items():
            vectors = client(mode, raw).embed(texts, batch_size=size)
            with pytest.raises(errors.DsgvoError, match=said):
                came.extend(vectors) if mode.name == "sync" else asyncio.run(collect(vectors))
    assert len(came) >= (3 if size == 6 else 4 + 1)


@pytest.mark.parametrize("way", ["closed", "interrupted", "refused"])
def test_cancel_embeddings_that_are_left_or_fail_and_read_no_further(mode: Mode, way: str) -> None:
    asked, held, closed = threading.Event(), threading.Event(), threading.Event()
    vectors_of, read = Vectors(refuse="schnell" if way == "refused" else ""), []
    ends = {
        "closed": nullcontext(),
        "interrupted": pytest.raises(KeyboardInterrupt),
        "refused": pytest.raises(errors.BadRequestError, match="while embedding text 0"),
    }[way]

    def texts() -> Iterator[str]:
        for text in ("schnell", *["langsam"] * 9):
            read.append(text)
            yield text

    def serve(request: bytes, connection: socket.socket) -> bytes | None:
        if b"schnell" in request:
            assert way != "refused" or asked.wait(30)
            return vectors_of(request, connection)
        asked.set()
        if not connection.recv(1):  # until the client lets go of it
            closed.set()
        held.wait(30)
        return None

    async def left(vectors: Any) -> bool:
        with ends:
            assert await anext(vectors) == [7.0]
            assert await asyncio.to_thread(asked.wait, 30)
            await (vectors.aclose() if way == "closed" else vectors.athrow(KeyboardInterrupt))
        assert len(asyncio.all_tasks()) == 1
        return await asyncio.to_thread(closed.wait, 10)

    with raw_server(serve) as raw:
        given: Any = {"batch_size": 1, "max_concurrency": 2}
        vectors = mode.client("meingpt", raw, max_retries=5).embed(texts(), **given)
        if mode.name == "async":
            assert asyncio.run(left(vectors))
        else:
            with ends:
                assert next(vectors) == [7.0]
                assert asked.wait(30)
                assert "dsgvo-embed, started daemon" in str(threading.enumerate())
                vectors.close() if way == "closed" else vectors.throw(KeyboardInterrupt)
            assert closed.wait(10)  # while the server still holds its answers back
        held.set()
        assert len(raw.requests) <= 3
    assert len(read) <= 4  # of requests, and the text that shows that a batch is full
    assert eventually(lambda: "dsgvo-embed" not in str(threading.enumerate()))
