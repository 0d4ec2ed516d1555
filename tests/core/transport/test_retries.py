"""Retry over a socket: the policy itself, with its tables, is in wire/test_retry.py."""

from __future__ import annotations

import asyncio
import socket
import time
from email.utils import formatdate
from itertools import cycle
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Delay, Disconnect, ErrorEvent, Raw, Reply, Server, Status, Step, Truncate
from dsgvo.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    DsgvoError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
    UnprocessableEntityError,
)
from dsgvo.transport import _request
from tests.core.support import HELLO, Mode, answer, chunk, http, raised, raw_server, sse

HOWS: list[tuple[str, tuple[Any, ...]]] = [("ask", ()), ("embed", (["Text"],))]
calls = pytest.mark.parametrize(("how", "args"), HOWS, ids=[how for how, _ in HOWS])


@calls
@pytest.mark.parametrize("step", [Status(429), Status(503), Disconnect()])
def test_retry_a_passing_fault_is_tried_again(
    mode: Mode, server: Server, naps: list[float], step: Step, how: str, args: Any
) -> None:
    server.script("meingpt", step, step)
    assert mode.call(mode.client("meingpt", server, max_retries=2), how, *args)
    assert (len(server.requests), len(naps)) == (3, 2)
    assert len({request.body for request in server.requests}) == 1


@calls
@pytest.mark.parametrize("max_retries", [0, 1, 3])
@pytest.mark.parametrize(
    ("step", "kind"), [(Status(503), InternalServerError), (Disconnect(), APIConnectionError)]
)
def test_retry_max_retries_counts(
    mode: Mode,
    server: Server,
    naps: list[float],
    max_retries: int,
    step: Step,
    kind: type[DsgvoError],
    how: str,
    args: Any,
) -> None:
    server.script("meingpt", *[step] * 9)
    raised(kind, mode.call, mode.client("meingpt", server, max_retries=max_retries), how, *args)
    assert (len(server.requests), len(naps)) == (max_retries + 1, max_retries)


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


AFTER_A_BYTE: dict[str, Step] = {
    "headers": Raw(chunks=[], drop=True),
    "a chunk": Raw(chunks=[sse(chunk("Gu"), done=False)], drop=True),
    "half a chunk": Raw(chunks=[b'data: {"choi'], drop=True),
    "half a plain answer": Truncate(clean=False, reply=Reply("Ja.", stream=False)),
}


@pytest.mark.parametrize("how", ["chat", "stream"])
@pytest.mark.parametrize("step", AFTER_A_BYTE.values(), ids=AFTER_A_BYTE.keys())
def test_retry_never_once_an_answer_has_begun(
    mode: Mode, server: Server, naps: list[float], step: Step, how: str
) -> None:
    server.script("sovrgpt", step)
    with pytest.raises(DsgvoError):
        mode.call(mode.client("sovrgpt", server), how)
    assert (len(server.requests), naps) == (1, [])


@pytest.mark.parametrize("how", ["chat", "stream"])
def test_retry_a_silent_server_is_not_asked_twice(
    mode: Mode, server: Server, naps: list[float], how: str
) -> None:
    server.script("sovrgpt", Delay(30))
    error = raised(APITimeoutError, mode.call, mode.client("sovrgpt", server, timeout=0.2), how)
    assert "timeout=0.2" in str(error)
    assert error.provider == "sovrgpt"
    assert (len(server.requests), naps) == (1, [])


def test_retry_silence_inside_a_stream(mode: Mode, naps: list[float]) -> None:
    body = sse(chunk("Gu"), done=False)
    with raw_server(http(body, kind="text/event-stream", length=1000)) as raw:
        client = mode.client("sovrgpt", api_key="k", base_url=raw.url, timeout=0.2)
        with pytest.raises(IncompleteStreamError, match=r"timeout=0\.2") as caught:
            mode.stream(client)
        assert caught.value.partial is not None
        assert caught.value.partial.content == "Gu"
        assert (len(raw.requests), naps) == (1, [])


def test_retry_waits_as_long_as_the_server_asks(
    mode: Mode, server: Server, naps: list[float]
) -> None:
    past = formatdate(time.time() - 40, usegmt=True)
    values = ["2", "59.5", past, "bald", "7"]
    server.script("sovrgpt", *(Status(429, headers={"Retry-After": value}) for value in values))
    error = raised(RateLimitError, mode.ask, mode.client("sovrgpt", server, max_retries=4))
    assert error.retry_after == 7
    assert naps[:3] == [2, 59.5, 0]
    assert 0 <= naps[3] <= 4


@pytest.mark.parametrize(
    ("provider", "dated"), list(zip(PROVIDERS, cycle([False, True]), strict=False))
)
def test_retry_beyond_the_cap_the_error_comes_at_once_with_the_time_in_it(
    mode: Mode, server: Server, naps: list[float], provider: str, dated: bool
) -> None:
    value = formatdate(time.time() + 3600, usegmt=True) if dated else "3600"
    server.script(provider, Status(429, headers={"Retry-After": value}))
    error = raised(RateLimitError, mode.ask, mode.client(provider, server))
    assert error.retry_after is not None
    assert 60 < error.retry_after <= 3600
    assert f"wait {error.retry_after:.0f} s" in str(error)
    assert (len(server.requests), naps) == (1, [])


def test_retry_full_jitter_below_a_bound_that_doubles(
    mode: Mode, server: Server, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_request.random, "random", lambda: 0.5)
    server.script("sovrgpt", *[Status(500)] * 6)
    mode.chat(mode.client("sovrgpt", server, max_retries=6))
    assert naps == [0.25, 0.5, 1, 2, 4, 4]


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
        with pytest.raises(APITimeoutError, match="could not be reached in time"):
            mode.chat(client)
    assert len(naps) == 2


def test_retry_two_faults_of_different_kinds_share_one_count(
    mode: Mode, server: Server, naps: list[float]
) -> None:
    server.script("sovrgpt", Disconnect(), *[Status(503)] * 3)
    raised(InternalServerError, mode.ask, mode.client("sovrgpt", server, max_retries=2))
    assert (len(server.requests), len(naps)) == (3, 2)


@pytest.mark.parametrize(
    ("fault", "named"), [(Disconnect(), "APIConnectionError"), (Status(503), "InternalServerError")]
)
def test_retry_each_new_attempt_is_logged_with_its_reason(
    mode: Mode,
    server: Server,
    naps: list[float],
    caplog: pytest.LogCaptureFixture,
    fault: Step,
    named: str,
) -> None:
    caplog.set_level("INFO", "dsgvo")
    server.script("sovrgpt", fault, fault)
    mode.chat(mode.client("sovrgpt", server))
    said = [record.getMessage() for record in caplog.records if record.name == "dsgvo"]
    url = f"{server.base_url('sovrgpt')}/chat/completions"
    assert said == [
        f"POST {url} failed ({named}); attempt {number} of 3 in {nap:.1f} s"
        for number, nap in zip((2, 3), naps, strict=True)
    ]
    first, second = naps
    assert 0 <= first <= 0.5
    assert 0 <= second <= 1


def test_retry_of_an_error_that_breaks_off_what_came_is_read(mode: Mode, naps: list[float]) -> None:
    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(http(b"<title>Wartung</title>", status=503, length=1000))
        connection.close()

    with raw_server(serve) as raw:
        client = mode.client("sovrgpt", api_key="k", base_url=raw.url)
        with pytest.raises(InternalServerError, match="Wartung"):
            mode.chat(client)
        assert (len(raw.requests), len(naps)) == (3, 2)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"


@pytest.mark.parametrize("came", [1, 20, len(HEAD) - 1])
def test_retry_nothing_is_sent_again_once_a_byte_of_the_head_came(
    mode: Mode, naps: list[float], came: int
) -> None:
    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(HEAD[:came])
        connection.shutdown(socket.SHUT_RDWR)

    with raw_server(serve) as raw:
        client = mode.client("sovrgpt", api_key="k", base_url=raw.url)
        assert "broke" in str(raised(APIConnectionError, mode.chat, client, model="m"))
        assert (len(raw.requests), naps) == (1, [])


def closes_after(answers: int) -> Any:
    """Return a handler that closes a connection, in spite of keep-alive, when it is used again."""
    served: dict[int, int] = {}

    def serve(_request: bytes, connection: socket.socket) -> None:
        count = served[id(connection)] = served.get(id(connection), 0) + 1
        if count > answers:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(http(answer("Ja.")))

    return serve


def test_retry_a_kept_connection_that_is_closed_costs_no_answer(
    mode: Mode, naps: list[float]
) -> None:
    with raw_server(closes_after(1)) as raw:
        client = mode.client("sovrgpt", api_key="k", base_url=raw.url, max_retries=0)

        async def ask() -> list[str]:
            answers = [client.chat(HELLO, model="m") for _ in range(4)]
            return [(await one if mode.name == "async" else one).content for one in answers]

        assert asyncio.run(ask()) == ["Ja."] * 4
        # Each but the first found a kept connection that was closed on it, and was sent anew.
        assert (len(raw.requests), raw.accepted, naps) == (7, 4, [])


def test_retry_a_new_connection_that_is_closed_counts(mode: Mode, naps: list[float]) -> None:
    with raw_server(closes_after(0)) as raw:
        client = mode.client("sovrgpt", api_key="k", base_url=raw.url, max_retries=0)
        raised(APIConnectionError, mode.chat, client, model="m")
        assert (len(raw.requests), naps) == (1, [])


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


@pytest.mark.parametrize(
    ("step", "requests", "waited"),
    [
        (Status(429, headers={"x-should-retry": "false"}), 1, []),
        (Status(400, headers={"x-should-retry": "true", "retry-after-ms": "1500"}), 3, [1.5] * 2),
        (Status(529, headers={"retry-after": "9", "retry-after-ms": "250"}), 3, [0.25] * 2),
        (Status(429, {"error": {"message": "leer", "code": "insufficient_quota"}}), 1, []),
        (Status(503, headers={"retry-after": "9" * 400}), 3, []),
        (Status(503, headers={"retry-after": "1e300"}), 1, []),
    ],
)
def test_retry_what_the_server_says_of_it(
    mode: Mode, server: Server, naps: list[float], step: Status, requests: int, waited: list[float]
) -> None:
    server.script("sovrgpt", *[step] * 3)
    with pytest.raises(APIStatusError):
        mode.chat(mode.client("sovrgpt", server))
    assert len(server.requests) == requests
    if waited:
        assert naps == waited


@pytest.mark.parametrize("name", ["x-request-id", "request-id", "x-litellm-call-id", "cf-ray"])
def test_typed_errors_the_id_of_a_request_by_any_name(mode: Mode, name: str) -> None:
    with raw_server(http({"error": "kaputt"}, status=400, headers=[f"{name}: r-7"])) as raw:
        client = mode.client("sovrgpt", api_key="schluessel", base_url=raw.url)
        with pytest.raises(APIStatusError) as caught:
            mode.chat(client, model="m")
    assert caught.value.request_id == "r-7"
