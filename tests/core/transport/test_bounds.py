"""Bounded and linear: what a server sends is bounded, in size and in time, on every path."""

import asyncio
import gc
import gzip
import json
import re
import socket
import threading
import time
import traceback
import zlib
from contextlib import suppress
from copy import copy
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import httpcore
import httpx
import pytest

from dsgvo import PROVIDERS, errors
from dsgvo.transport import _client, _pools, _request
from tests.core import support
from tests.core.support import Mode, RawServer, answer, chunk, http, raised, raw_server, sse
from tests.core.transport.calls import CALLS, calls

MIB = 1024 * 1024
HEAD = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
DONE = sse(chunk("Ja.", "stop"))
STREAM = HEAD % 200 + b"%x\r\n%s\r\n" % (len(DONE), DONE)
ERROR = http(b'{"error": "kaputt"}', status=500, length=1000)
CHUNKED_ERROR = HEAD % 500 + b'13\r\n{"error": "kaputt"}\r\n5;'
OWN = {"http_transport": httpx.HTTPTransport, "http_async_transport": httpx.AsyncHTTPTransport}
UNENDED: dict[str, tuple[bytes, bytes | None]] = {
    "a trailer drips": (STREAM + b"0\r\nX-Filler: ", b"x" * 200),
    "the size of an error's chunk drips": (CHUNKED_ERROR, b"x" * 200),
    "an error drips": (ERROR, b" " * 200),
    "an error is silent": (ERROR, b""),
    "an error is closed": (ERROR, None),
}
SHARED = {name: partial(make, http2=True) for name, make in OWN.items()}  # by requests
WAYS = [(own, case) for own in ({}, OWN) for case in UNENDED]
WAYS += [(SHARED, case) for case in ("an error drips", "an error is silent")]


def fails(mode: Mode, raw: RawServer, what: str, **more: Any) -> Any:
    provider, how, args = CALLS[what]
    with pytest.raises(errors.APIError) as caught:
        mode.call(mode.client(provider, raw, max_retries=0, **more), how, *args)
    assert caught.value.provider == provider
    return caught.value


def endless(start: bytes, piece: bytes) -> Any:
    """Return a handler that answers until nobody reads any more."""

    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)

    return serve


def endless_body(status: int, piece: bytes) -> Any:
    return endless(HEAD % status, b"%x\r\n%s\r\n" % (len(piece), piece))


@calls
def test_bounded_an_answer_and_an_error_that_never_end(mode: Mode, what: str) -> None:
    with raw_server(endless_body(500, b"x" * 65536)) as raw:
        error = fails(mode, raw, what)
    assert (type(error), len(str(error)) < 1000) == (errors.InternalServerError, True)
    with raw_server(endless_body(200, b" " * 65536)) as raw:
        error = fails(mode, raw, what, max_response_bytes=MIB)
    said = f"{PROVIDERS[CALLS[what][0]].title}: {what.partition(',')[0]} of more than {MIB} bytes"
    said += "; max_response_bytes= sets the bound"
    assert (type(error), str(error)) == (errors.APIResponseError, said)


@calls
def test_bounded_the_head_of_an_answer(mode: Mode, what: str) -> None:
    first, body = b"HTTP/1.1 100 Continue\r\n", HEAD % 200 + b"1\r\n \r\n"
    cases = [(first, b"X-Filler: %060000d\r\n" % 0), (first, b"\r\n%sX: y\r\n" % first * 99)]
    for start, piece in (*cases, (body + b"0\r\n", b"X: y\r\n" * 99), (body + b"5;", b"x" * 6000)):
        with raw_server(endless(start, piece)) as raw:
            error = fails(mode, raw, what)
            assert (type(error), len(raw.requests)) == (errors.APIResponseError, 1)
        assert str(error) == f"{PROVIDERS[CALLS[what][0]].title}: a head of more than 100 KiB"
    with raw_server(b"HTTP/1.1 100 Continue\r\n\r\n") as raw:
        assert type(fails(mode, raw, what, timeout=0.2)) is errors.APITimeoutError


@pytest.mark.parametrize("what", ["an answer", "an answer, streamed"])
def test_bounded_a_stream_that_never_ends_keeps_what_came(mode: Mode, what: str) -> None:
    piece = sse(chunk("x" * 60000), done=False)
    with raw_server(endless_body(200, piece)) as raw:
        error = fails(mode, raw, what, max_response_bytes=18 * len(piece) - 1)
    assert (type(error), error.partial.content) == (errors.IncompleteStreamError, "x" * 17 * 60000)
    assert f"more than {18 * len(piece) - 1} bytes" in str(error)


def test_bounded_what_is_decompressed(mode: Mode) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(64)) + packer.flush()
    for packed, bound in ((bomb, 8 * MIB), (gzip.compress(b"") * 60000, MIB)):
        assert len(packed) < 2 * MIB
        with raw_server(http(packed, headers=["Content-Encoding: gzip"])) as raw:
            error = fails(mode, raw, "embeddings", max_response_bytes=bound)
        assert str(error).startswith(f"meinGPT: embeddings of more than {bound} bytes")
    # And each piece of it, and what it costs.
    empty = [gzip.compress(b"") * number for number in (500, 2000)]
    few, many = (support.work(partial(list, _pools._Inflater("gzip", MIB).feed(x))) for x in empty)
    assert many < 8 * few
    inflater = _pools._Inflater("gzip", len(packed := gzip.compress(bytes(5 * MIB + 1))))
    sizes = [len(piece) for piece in inflater.feed(packed)]
    inflater.close()
    assert (max(sizes), sum(sizes)) == (_pools.PIECE, 5 * MIB + 1)
    feed, packed = _pools._Inflater("deflate", MIB).feed, zlib.compress(b"Ja.", wbits=-15)
    assert b"".join(b"".join(feed(bytes([byte]))) for byte in packed) == b"Ja."


def test_bounded_an_image_at_an_address(mode: Mode, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(_client, "MAX_IMAGE_BYTES", 1000)
    made: Any = lambda: {"data": [{"url": f"{raw.url}/a.png"}]}  # noqa: E731
    with raw_server(lambda asked, _: http(made() if asked[:1] == b"P" else b"x" * 5000)) as raw:
        ask = partial(mode.call, mode.client("innogpt", raw), "generate_image", "x")
        error = raised(errors.APIResponseError, ask, save_to=tmp_path / "a.png")
        assert "an image of more than 1000 bytes" in str(error)


@calls
def test_bounded_in_time_a_body_that_goes_on_as_no_http(mode: Mode, what: str) -> None:
    def reset(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\n\r\n{}")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, (1).to_bytes(8, "little"))
        connection.close()

    no_http = endless(HEAD % 200 + b"100000\r\n" + b" " * MIB, b"Pfui\r\n")
    for serve in (lambda _, one: one.shutdown(socket.SHUT_RDWR), reset, no_http):
        with raw_server(serve) as raw:
            assert ("broke" in str(fails(mode, raw, what)), len(raw.requests)) == (True, 1)


@pytest.mark.parametrize(("own", "case"), WAYS)
def test_bounded_in_time_what_never_ends(mode: Mode, own: Any, case: str, monkeypatch: Any) -> None:
    start, drip = UNENDED[case]
    monkeypatch.setattr(_request, "ERROR_SECONDS", 60 if drip is None else 0.1)
    monkeypatch.setattr(_pools, "DRAIN_SECONDS", 0.1)
    left = threading.Event()

    def serve(_request: bytes, connection: socket.socket) -> None:
        try:
            connection.sendall(start)
            for byte in drip or b"":
                connection.sendall(bytes([byte]))
                time.sleep(0.02)
            if drip == b"" and not connection.recv(1):
                left.set()
        except OSError:
            left.set()
        connection.close()

    with raw_server(serve) as raw:
        given = {name: make() for name, make in own.items()}
        client = mode.client("sovrgpt", raw, max_retries=0, timeout=60, **given)
        if b"kaputt" in start:
            assert "kaputt" in str(raised(errors.InternalServerError, mode.stream, client))
        else:
            assert support.text_of(mode.stream(client)) == "Ja."
        assert drip is None or left.wait(5)  # while the server still stands


def test_a_pool_of_the_users_gives_his_own_client_large_answers_and_what_is_no_http() -> None:
    own, large, up = httpx.HTTPTransport(), bytes(MIB), b"HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n"
    says = {b"GET / ": http(large), b"GET /u": up + large, b"POST /": http(answer("Ja."))}
    _pools._part(copy(own))  # another one with the same pool
    his = httpx.Client(transport=own, timeout=None)
    with raw_server(lambda asked, _: says[asked[:6]]) as raw, his:
        client = Mode("sync").client("sovrgpt", raw, http_transport=own, timeout=9)
        assert len(his.get(raw.url).content) == MIB
        assert client.chat(support.HELLO, model="m").content == "Ja."
        head = {"Connection": "upgrade", "Upgrade": "x"}
        with his.stream("GET", f"{raw.url}/up", headers=head) as switched:
            read, left = switched.extensions["network_stream"].read, MIB
            while data := read(left, 9):
                left -= len(data)
        assert left == 0


def test_a_hurried_error_hurries_no_answer(mode: Mode, naps: list[float], monkeypatch: Any) -> None:
    monkeypatch.setattr(_request, "ERROR_SECONDS", 0.4)
    error = http({}, status=503)

    def serve(_request: bytes, connection: socket.socket) -> bytes:
        connection.sendall(b"" if naps else error[:-1])
        time.sleep(0.6 if naps else 0.02)  # so that the error's body is read on
        return http(answer("Ja.")) if naps else error[-1:]

    with raw_server(serve) as raw:
        assert mode.chat(mode.client("sovrgpt", raw, timeout=(0.5, 60))).content == "Ja."
        assert (len(naps), raw.accepted) == (1, 1)


@pytest.mark.parametrize("drips", [True, False])
async def test_bounded_in_time_the_rest_is_read_and_what_fails_of_it_is_nobodys(
    drips: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_pools, "DRAIN_SECONDS", 0.1)
    left = threading.Event()

    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(STREAM + b"5;")
        with suppress(OSError):
            while drips and not left.wait(0.02):
                connection.sendall(b"x")
        left.set()
        connection.close()

    with raw_server(serve) as raw:
        client = Mode("async").client("sovrgpt", raw, max_retries=0, timeout=60)
        assert [d async for d in client.stream(support.HELLO, model="m")][-1].completion is not None
        assert await asyncio.to_thread(left.wait, 5)
    (closed := AsyncMock()).__aiter__.side_effect = RuntimeError  # aiohttp's of a closed pool
    await _pools._drained(closed)
    await asyncio.gather(*vars(asyncio.get_running_loop())["_dsgvo_tasks"], return_exceptions=True)
    gc.collect()
    assert caplog.text == ""


@pytest.mark.parametrize("behind", [http(answer("?")), b"H", b"HTTP/1.1 200 X\r\n\0: ", b"Pfui"])
@pytest.mark.parametrize("freed_late", [False, True])
def test_whole_answers_are_of_their_request(
    mode: Mode, freed_late: bool, behind: bytes, monkeypatch: Any
) -> None:
    if freed_late:  # by another thread, after the pool has looked at it
        monkeypatch.setattr(httpcore.HTTP11Connection, "has_expired", lambda _connection: False)
    first, size = http(answer("Eins."), headers=["X: 1"] * 200), len(json.dumps(answer("Eins.")))
    head, end, body = first.replace(b" X", b" " + b"\x80" * 9000).partition(b"\r\n\r\n")

    def serve(_request: bytes, connection: socket.socket) -> bytes:
        connection.sendall(b"HTTP/1.1 100 X\r\n\r\n" + head + end * freed_late)
        time.sleep(0.05 * freed_late)  # so that the body's end frees the connection
        return end * (not freed_late) + body + behind

    with raw_server(serve) as raw:
        client = mode.client("sovrgpt", raw, max_retries=0, max_response_bytes=size)
        calls = [lambda: client.chat(support.HELLO, model="m")] * 2
        assert [one.content for one in mode.in_turn(*calls)] == ["Eins."] * 2
        assert len(raw.requests) == raw.accepted == 2
    come: Any = SimpleNamespace(get_extra_info={"is_readable": True}.get)  # while nobody reads
    assert _pools._Wire(come, None).get_extra_info("is_readable")


def test_secrets_stay_what_is_no_http_is_not_quoted(mode: Mode) -> None:
    with raw_server(b"Frau Geheim hat angerufen\r\n\r\n") as raw:
        error = fails(mode, raw, "an answer")
    assert re.search("(illegal|Bad) status line|Expected HTTP/", str(error))
    assert "Geheim" not in "".join(traceback.format_exception(error))
