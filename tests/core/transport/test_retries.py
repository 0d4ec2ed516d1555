"""Retry over a socket: the policy itself, with its tables, is in wire/test_retry.py."""

from __future__ import annotations

import socket
import time
from email.utils import formatdate
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Delay, Disconnect, ErrorEvent, Reply, Server, Status, Step
from dsgvo.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    DsgvoError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
    UnprocessableEntityError,
)
from dsgvo.transport import _request
from dsgvo.transport._pools import runtime
from tests.core.support import HELLO, Mode, answer, chunk, http, raised, raw_server, sse

HOWS: list[tuple[str, tuple[Any, ...]]] = [("ask", ()), ("embed", (["Text"],))]
calls = pytest.mark.parametrize(("how", "args"), HOWS, ids=[how for how, _ in HOWS])

REFUSED = (Status(429), RateLimitError)
CLOSED = (Disconnect(), APIConnectionError)
BUSY = (Status(503), InternalServerError)


@calls
@pytest.mark.parametrize("max_retries", [0, 1, 3])
@pytest.mark.parametrize(
    "faults",
    [[REFUSED] * 4, [CLOSED] * 4, [CLOSED, *[BUSY] * 3]],
    ids=["429", "disconnect", "mixed"],
)
def test_retry_max_retries_counts(
    mode: Mode,
    server: Server,
    naps: list[float],
    faults: list[tuple[Step, type[DsgvoError]]],
    max_retries: int,
    how: str,
    args: Any,
) -> None:
    client = mode.client("meingpt", server, max_retries=max_retries)
    for count in (max_retries, max_retries + 1):
        runtime.reset()  # a kept connection that is closed is another matter: see below
        server.clear()
        naps.clear()
        server.script("meingpt", *(step for step, _ in faults[:count]))
        if count > max_retries:
            raised(faults[max_retries][1], mode.call, client, how, *args)
        else:
            assert mode.call(client, how, *args)
        assert (len(server.requests), len(naps)) == (max_retries + 1, max_retries)
        assert len({request.body for request in server.requests}) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_retry_a_fault_that_stays_is_not_tried_again(
    mode: Mode, server: Server, naps: list[float], provider: str
) -> None:
    server.script(provider, Status(422), Status(501))
    client = mode.client(provider, server)
    raised(UnprocessableEntityError, mode.ask, client)
    raised(InternalServerError, mode.ask, client)
    assert (len(server.requests), naps) == (2, [])


def test_retry_nobody_listens(mode: Mode, naps: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = mode.client("sovrgpt", api_key="k", base_url=f"http://127.0.0.1:{port}/v1")
    error = raised(APIConnectionError, mode.ask, client)
    assert f"cannot reach 127.0.0.1:{port}" in str(error)
    assert "base_url or SOVRGPT_BASE_URL" in str(error)
    assert len(naps) == 2


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
        assert "could not be reached in time" in str(raised(APITimeoutError, mode.chat, client))
    assert len(naps) == 2


# -- what has begun is not repeated -------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
BEGUN: dict[str, bytes] = {
    "a byte": HEAD[:1],
    "half a head": HEAD[:-1],
    "a head": HEAD,
    "half a plain answer": HEAD + b'{"choices": [{"index": 0, "message": {"cont',
    "half a chunk": http(b'data: {"choi', kind="text/event-stream", length=100),
    "a chunk": http(sse(chunk("Gu"), done=False), kind="text/event-stream", length=1000),
}


@pytest.mark.parametrize("how", ["chat", "stream"])
@pytest.mark.parametrize("ending", ["closed", "silence"])
@pytest.mark.parametrize("came", BEGUN.values(), ids=BEGUN.keys())
def test_retry_never_once_a_byte_of_the_answer_has_come(
    mode: Mode, naps: list[float], came: bytes, ending: str, how: str
) -> None:
    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(came)
        if ending == "closed":
            connection.shutdown(socket.SHUT_RDWR)

    with raw_server(serve) as raw:
        client = mode.client("sovrgpt", raw, timeout=0.2 if ending == "silence" else 60)
        with pytest.raises(APIError) as caught:
            mode.call(client, how)
        assert (len(raw.requests), naps) == (1, [])
    assert ("broke" if ending == "closed" else "timeout=0.2") in str(caught.value)
    if b"Gu" in came:
        assert isinstance(caught.value, IncompleteStreamError)
        assert caught.value.partial is not None
        assert caught.value.partial.content == "Gu"


@pytest.mark.parametrize("how", ["chat", "stream"])
def test_retry_a_silent_server_is_not_asked_twice(
    mode: Mode, server: Server, naps: list[float], how: str
) -> None:
    server.script("sovrgpt", Delay(30))
    error = raised(APITimeoutError, mode.call, mode.client("sovrgpt", server, timeout=0.2), how)
    assert "timeout=0.2" in str(error)
    assert error.provider == "sovrgpt"
    assert (len(server.requests), naps) == (1, [])


@pytest.mark.parametrize("answers", [0, 1])
def test_retry_a_kept_connection_that_is_closed_costs_no_answer(
    mode: Mode, naps: list[float], answers: int
) -> None:
    served: dict[int, int] = {}

    def serve(_request: bytes, connection: socket.socket) -> bytes | None:
        count = served[id(connection)] = served.get(id(connection), 0) + 1
        if count <= answers:
            return http(answer("Ja."))
        connection.shutdown(socket.SHUT_RDWR)  # in spite of keep-alive
        return None

    with raw_server(serve) as raw:
        client = mode.client("sovrgpt", raw, max_retries=0)
        if answers == 0:  # a new connection that is closed counts
            raised(APIConnectionError, mode.chat, client)
            assert (len(raw.requests), naps) == (1, [])
        else:
            whole = mode.in_turn(*[lambda: client.chat(HELLO, model="m")] * 4)
            assert [one.content for one in whole] == ["Ja."] * 4
            # Each but the first found a kept connection that was closed on it, and was sent anew.
            assert (len(raw.requests), raw.accepted, naps) == (7, 4, [])


def test_retry_an_error_under_success_while_nothing_was_handed_out(
    mode: Mode, server: Server, naps: list[float]
) -> None:
    refused = {"message": "zu viel", "code": 429}
    steps = [ErrorEvent(0, refused, reply=Reply("x", stream=True)), Status(200, {"error": refused})]
    server.script("sovrgpt", *steps)
    mode.ask(mode.client("sovrgpt", server))
    assert (len(server.requests), len(naps)) == (3, 2)
    server.script("sovrgpt", *steps)
    raised(RateLimitError, mode.ask, mode.client("sovrgpt", server, max_retries=0))


# -- how long -----------------------------------------------------------------------------------

IN_AN_HOUR = formatdate(time.time() + 7200, usegmt=True)
QUOTA = {"error": {"message": "leer", "code": "insufficient_quota"}}


@pytest.mark.parametrize(
    ("step", "waited"),
    [
        (Status(429, headers={"retry-after": "59.5"}), [59.5, 59.5]),
        (Status(429, headers={"retry-after": formatdate(0, usegmt=True)}), [0, 0]),
        (Status(429, headers={"retry-after": "bald"}), [0.25, 0.5]),
        (Status(503, headers={"retry-after": "9" * 400}), [0.25, 0.5]),
        (Status(529, headers={"retry-after": "9", "retry-after-ms": "250"}), [0.25, 0.25]),
        (Status(400, headers={"x-should-retry": "true", "retry-after-ms": "1500"}), [1.5, 1.5]),
        (Status(429, headers={"x-should-retry": "false"}), []),
        (Status(429, QUOTA), []),
        (Status(429, headers={"retry-after": "3600"}), []),
        (Status(429, headers={"retry-after": IN_AN_HOUR}), []),
        (Status(503, headers={"retry-after": "1e300"}), []),
    ],
)
def test_retry_what_the_server_says_of_it(
    mode: Mode,
    server: Server,
    naps: list[float],
    monkeypatch: pytest.MonkeyPatch,
    step: Status,
    waited: list[float],
) -> None:
    monkeypatch.setattr(_request.random, "random", lambda: 0.5)
    server.script("sovrgpt", *[step] * 3)
    with pytest.raises(APIStatusError) as caught:
        mode.chat(mode.client("sovrgpt", server))
    assert (len(server.requests), naps) == (len(waited) + 1, waited)
    wait = caught.value.retry_after
    if not waited and wait is not None:
        assert wait > 60
        assert f"wait {wait:.0f} s" in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "named"), [(Disconnect(), "APIConnectionError"), (Status(503), "InternalServerError")]
)
def test_retry_full_jitter_below_a_bound_that_doubles_is_logged_with_its_reason(
    mode: Mode,
    server: Server,
    naps: list[float],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Step,
    named: str,
) -> None:
    caplog.set_level("INFO", "dsgvo")
    monkeypatch.setattr(_request.random, "random", lambda: 0.5)
    server.script("sovrgpt", *[fault] * 6)
    mode.chat(mode.client("sovrgpt", server, max_retries=6))
    assert naps == [0.25, 0.5, 1, 2, 4, 4]
    said = [record.getMessage() for record in caplog.records if record.name == "dsgvo"]
    url = f"{server.base_url('sovrgpt')}/chat/completions"
    assert said == [
        f"POST {url} failed ({named}); attempt {number} of 7 in {nap:.1f} s"
        for number, nap in enumerate(naps, start=2)
    ]
