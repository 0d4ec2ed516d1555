"""Retry over a socket: the policy itself, with its tables, is in wire/test_retry.py."""

import json
import socket
import threading
from functools import partial
from typing import Any
from unittest.mock import Mock

import httpx
import pytest

from dsgvo import errors
from dsgvo.emulator import Disconnect, ErrorEvent, Reply, Server, Status
from dsgvo.transport import _request
from dsgvo.transport._flow import Gate
from dsgvo.transport._pools import runtime
from dsgvo.wire.limiter import Limiter
from dsgvo.wire.retry import asks_for_fewer
from tests.core.support import Mode, chunk, http, raised, raw_server, sse, text_of
from tests.core.transport import test_bounds as bounds

LIMIT = (Status(429), errors.RateLimitError)
CLOSED = (Disconnect(), errors.APIConnectionError)
BUSY = (Status(503), errors.InternalServerError)
SAID = (Status(200, {"error": {"message": "später", "code": 503}}), errors.InternalServerError)
TOLD = ErrorEvent(0, {"message": "zu viel", "code": 429}, reply=Reply("x", stream=True))
FAULTS: list[Any] = [[LIMIT] * 4, [CLOSED, *[BUSY] * 3], [SAID, BUSY] * 2]
COUNTED = [(call, faults) for call in (("ask",), ("embed", ["Text"])) for faults in FAULTS]
COUNTED += [(("ask",), [(TOLD, errors.RateLimitError), BUSY] * 2)]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
GU = sse(chunk("Gu"), done=False)
BEGUN: dict[str, bytes] = {
    "half a head": HEAD[:-1],
    "half a plain answer": HEAD + b'{"choices": [{"index": 0, "message": {"cont',
    "a head of one at work": b"HTTP/1.1 102 Processing\r\n\r\n",
    "half a chunk": http(b'data: {"choi', kind="text/event-stream", length=100),
    "a chunk": http(GU, kind="text/event-stream", length=1000),
    "a chunk, and no HTTP": bounds.HEAD % 200 + b"%x\r\n%s\r\nPfui\r\n" % (len(GU), GU),
}
WAITED: list[tuple[Status, list[float]]] = [
    (Status(429, headers={"retry-after": "59.5"}), [59.5, 59.5]),
    (Status(529, headers={"retry-after": "9", "retry-after-ms": "250"}), [0.25, 0.25]),
    (Status(429, headers={"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}), [0.0, 0.0]),
    (Status(429, headers={"retry-after": "3600"}), []),
    (Status(418, headers={"x-should-retry": "true", "retry-after-ms": "10"}), [0.01, 0.01]),
    (Status(503, headers={"x-should-retry": "false"}), []),
]


@pytest.mark.parametrize("most", [0, 3])
@pytest.mark.parametrize("case", COUNTED)
def test_retry_max_retries_counts(
    mode: Mode, server: Server, naps: list[float], case: Any, most: int, monkeypatch: Any
) -> None:
    call, faults = case
    monkeypatch.setattr(_request.random, "random", lambda: 0.5)
    client, waits = mode.client("meingpt", server, max_retries=most), [0.25, 0.5, 1]
    server.script("meingpt", *(step for step, _ in faults[: most + 1]))
    raised(faults[most][1], mode.call, client, *call)
    assert (len(server.requests), naps) == (most + 1, waits[:most])
    runtime.reset()  # a kept connection that is closed is another matter: see below
    server.script("meingpt", *(step for step, _ in faults[:most]))
    assert mode.call(client, *call)
    assert (len(server.requests), naps) == (2 * most + 2, waits[:most] * 2)
    assert len({request.body for request in server.requests}) == 1


def test_retry_a_server_that_cannot_be_reached_in_time(mode: Mode, naps: list[float]) -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        # A queue that is full: the next connection waits for a place in it.
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = mode.client("sovrgpt", api_key="k", base_url=url, timeout=0.1)
        error = raised(errors.APITimeoutError, mode.chat, client)
        assert "could not be reached in time" in str(error)
    assert len(naps) == 2


@pytest.mark.parametrize("ending", ["closed", "closed to a pool for HTTP/2", "silence"])
@pytest.mark.parametrize("came", [b"", *BEGUN.values()], ids=["nothing", *BEGUN.keys()])
def test_retry_never_once_it_began(mode: Mode, naps: list[float], came: bytes, ending: str) -> None:
    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(came)
        if not silent:
            connection.shutdown(socket.SHUT_RDWR)

    silent, again = ending == "silence" and b"Pfui" not in came, ending != "silence" and not came
    shared = "HTTP/2" in ending and b" 102 " not in came  # which it takes for nothing
    given: Any = {name: make() for name, make in bounds.SHARED.items() if shared}
    with raw_server(serve) as raw, pytest.raises(errors.APIError) as caught:
        mode.ask(mode.client("sovrgpt", raw, timeout=(60, 0.2 if silent else 60), **given))
    error: Any = caught.value
    assert (len(raw.requests), len(naps)) == ((3, 2) if again else (1, 0))
    assert ("timeout=0.2" if silent else "broke") in str(error)
    assert b"Pfui" in came or isinstance(error.__cause__, httpx.TransportError)  # it is quoted
    if b"Gu" in came:
        assert (type(error), error.partial.content) == (errors.IncompleteStreamError, "Gu")
    assert came or again or isinstance(error, errors.APITimeoutError)


@pytest.mark.parametrize(("text", "end", "sent"), [("a", 5, 2), ("Gift", 5, 2), ("Gift", 6, 1)])
def test_retry_a_kept_connection_that_is_closed_costs_none(
    mode: Mode, naps: list[float], monkeypatch: Any, text: str, end: int, sent: int
) -> None:
    def serve(request: bytes, connection: socket.socket) -> bytes | None:
        if connection in served or b"Gift" in request:
            return connection.shutdown(socket.SHUT_RDWR)  # in spite of keep-alive
        served.add(connection)
        _ = len(served) < 4 and together.wait(9)
        return http({"data": [{"index": 0, "embedding": [1.0]}]})

    served, together = set[socket.socket](), threading.Barrier(3)
    monkeypatch.setattr(runtime, "clock", Mock(side_effect=[1] * 4 + [end, 1]))
    with raw_server(serve) as raw:
        client = mode.client("meingpt", raw, max_retries=0)
        calls = [partial(client.embed, texts, batch_size=1) for texts in (["a", "b", "c"], [text])]
        if text == "Gift":
            raised(errors.APIConnectionError, mode.in_turn, *calls)
        else:
            assert mode.in_turn(*calls)[1] == [[1.0]]
        # However many are kept, which each would be tried; what ends late was at work.
        assert (len(raw.requests), naps) == (3 + sent, [])


def test_retry_a_kept_connection_over_http_2_that_is_closed_costs_none() -> None:
    frames = "000000040000000000 000000040100000000 000001010400000001 88"  # and :status: 200
    whole = bytes.fromhex(frames) + len(bounds.DONE).to_bytes(3) + b"\0\1\0\0\0\1" + bounds.DONE

    def serve(_begin: bytes, connection: socket.socket) -> None:
        connection.sendall(whole if raw.accepted < 3 else b"")
        connection.shutdown(socket.SHUT_WR)

    mode, own = Mode("sync"), httpx.HTTPTransport(http1=False, http2=True)
    with raw_server(serve) as raw, own:
        client = mode.client("sovrgpt", raw, max_retries=0, http_transport=own)
        assert [text_of(mode.stream(client)) for _ in range(2)] == ["Ja."] * 2
        raised(errors.APIConnectionError, mode.stream, client)
        assert raw.accepted == 3


@pytest.mark.parametrize(("step", "waited"), WAITED)
@pytest.mark.parametrize("call", [("ask",), ("embed", ["Text"])])
@pytest.mark.parametrize("kind", ["", "application/json", "text/event-stream"])
def test_retry_what_the_server_says_of_it(
    mode: Mode, server: Server, naps: list[float], step: Status, waited: Any, call: Any, kind: str
) -> None:
    if kind:  # the same under success
        body, headers = {"error": {"message": "x", "code": step.status}}, step.headers
        data = sse(body) if "event" in kind and call == ("ask",) else json.dumps(body).encode()
        step = Status(200, data, headers={**headers, "content-type": kind})
    gate = Gate(Limiter())
    gate.limiter.give = give = Mock()  # so that it never holds one
    server.script("meingpt", *[step] * 3)
    with pytest.raises(errors.APIStatusError) as caught:
        mode.call(mode.client("meingpt", server, rate_limit=gate), *call)
    assert (len(server.requests), naps) == (len(waited) + 1, waited)
    wait, outcome = caught.value.retry_after, asks_for_fewer(caught.value) or "failed"
    assert waited or wait is None or (wait > 60 and f"wait {wait:.0f} s" in str(caught.value))
    told = [(one.kwargs["outcome"], one.kwargs["retry_after"]) for one in give.mock_calls]
    is_stream = (call, mode.name) == (("ask",), "async")  # for which no limit holds
    assert told == [(outcome, wait)] * (0 if is_stream else len(waited) + 1)
