"""OAuth2 client credentials: one fetch however many ask, renewed in time and once on 401."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

from dsgvo import Completion
from dsgvo.emulator import Delay, Disconnect, Server, Status, Step
from dsgvo.errors import (
    APIConnectionError,
    APIResponseError,
    AuthenticationError,
    InternalServerError,
)
from dsgvo.transport import _request
from tests.core.support import (
    HELLO,
    MODELS,
    Mode,
    RawServer,
    answer,
    client_credentials,
    eventually,
    http,
    raised,
    raw_server,
)

TOKEN_PATH = "/oauth/v2/token"
MODEL = MODELS["neuroflash"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that is set by hand."""
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(_request, "time", clock)
    return clock


def of(mode: Mode, server: Server | RawServer, **more: Any) -> Any:
    """Return a client that signs in."""
    if isinstance(server, Server):
        return mode.client("neuroflash", **client_credentials(server) | more)
    account = {"client_id": "client", "client_secret": "ein-Geheimnis", "workspace_id": "w"}
    where: dict[str, Any] = {"base_url": f"{server.url}/api/ds-prototypes", "max_retries": 0}
    return mode.client("neuroflash", **where | account | more)


def asked(client: Any) -> Any:
    return client.chat(HELLO, model=MODEL)


def fetches(server: Server) -> list[Any]:
    return [request for request in server.requests if request.path.endswith(TOKEN_PATH)]


def reasons(done: list[Completion]) -> set[str | None]:
    return {completion.finish_reason for completion in done}


def tokens(life: str = "3600") -> Callable[[bytes, socket.socket], bytes]:
    """Hand out tokens that say whose they are and how many there were; answer with the token."""
    count = itertools.count(1)

    def serve(request: bytes, _: socket.socket) -> bytes:
        if TOKEN_PATH.encode() not in request:
            return http(answer(request.split(b"Bearer ")[1].split(b"\r")[0].decode()))
        form = parse_qs(request.partition(b"\r\n\r\n")[2].decode())
        token = "-".join([*form["client_id"], *form["client_secret"], str(next(count))])
        return http(f'{{"access_token": "{token}", "expires_in": {life}}}'.encode())

    return serve


def test_a_token_is_fetched_as_the_page_says_and_serves_all_clients_of_the_account(
    server: Server,
) -> None:
    for mode in (Mode("sync"), Mode("async"), Mode("sync")):
        assert mode.chat(of(mode, server)).finish_reason == "stop"
    (fetch,) = fetches(server)
    assert parse_qs(fetch.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": [server.client_id],
        "client_secret": [server.client_secret],
        "scope": ["openid"],
    }
    assert fetch.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in fetch.headers
    chats = [request for request in server.requests if request is not fetch]
    (bearer,) = {request.headers["authorization"] for request in chats}
    assert bearer.startswith("Bearer emulator-token-")


@pytest.mark.parametrize(
    ("other", "token"),
    [
        ({"client_id": "zwei"}, "zwei-ein-Geheimnis-2"),
        ({"client_secret": "anderes"}, "client-anderes-2"),
        ({"base_url": "http://localhost:{}/api/ds-prototypes"}, "client-ein-Geheimnis-2"),
    ],
)
def test_another_account_has_a_token_of_its_own(
    mode: Mode, other: dict[str, str], token: str
) -> None:
    with raw_server(tokens()) as raw:
        port = raw.listener.getsockname()[1]
        first = of(mode, raw)
        second = of(mode, raw, **{name: value.format(port) for name, value in other.items()})
        found = [mode.chat(client).content for client in (first, second, first)]
    assert found == ["client-ein-Geheimnis-1", token, "client-ein-Geheimnis-1"]


@pytest.mark.covers(
    "neuroflash",
    "behaviour A token lives about four hours: it is kept, shared, and renewed before its end",
    "Public",
)
@pytest.mark.parametrize(("life", "early"), [(14399, 60), (300, 30), (10, 1)])
def test_a_token_is_renewed_before_it_expires(
    mode: Mode, clock: SimpleNamespace, life: int, early: int
) -> None:
    with raw_server(tokens(str(life))) as raw:
        client = of(mode, raw)
        for passed, number in ((0, 1), (life - early - 0.5, 1), (1, 2)):
            clock.now += passed
            assert mode.chat(client).content == f"client-ein-Geheimnis-{number}"


@pytest.mark.parametrize("life", ["null", "0", '"3600"', "3600.5", "1e400", "-5"])
def test_a_life_of_any_form(mode: Mode, life: str) -> None:
    with raw_server(tokens(life)) as raw:
        assert mode.chat(of(mode, raw)).content == "client-ein-Geheimnis-1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><title>Anmelden</title>",
        b"{}",
        b"[]",
        b'{"access_token": ""}',
        b'{"access_token": 7}',
        b'{"access_token": "t", "expires_in": "bald"}',
        b'{"access_token": "t", "expires_in": [1]}',
        b'{"access_token": "t\\nX-Evil: 1"}',
        b'{"access_token": "t\xc3\xbc"}',
        b'{"access_token": "%s"}' % (b"t" * 200),
    ],
)
def test_what_is_no_token(mode: Mode, body: bytes) -> None:
    with raw_server(http(body, headers=["x-request-id: r-1"])) as raw:
        error = raised(APIResponseError, mode.chat, of(mode, raw, max_response_bytes=100))
        assert len(raw.requests) == 1
    long = "neuroflash: a token of more than 100 bytes"
    assert (long if len(body) > 100 else "expected an access token") in str(error)
    assert (error.provider, error.request_id) == ("neuroflash", "r-1")


# -- refused ------------------------------------------------------------------------------------


def test_a_refused_token_is_renewed_once(mode: Mode, server: Server, naps: list[float]) -> None:
    client = of(mode, server, max_retries=0)
    mode.chat(client)
    server.expire_tokens()
    assert mode.chat(client).finish_reason == "stop"
    assert (len(fetches(server)), len(server.requests), naps) == (2, 5, [])
    server.script("neuroflash", *[Status(401)] * 5)
    error = raised(AuthenticationError, mode.chat, client)
    assert "check client_id and client_secret" in str(error)
    assert (len(fetches(server)), len(server.requests)) == (3, 8)


def test_50_tasks_with_an_expired_token_renew_it_once(async_mode: Mode, server: Server) -> None:
    client = of(async_mode, server)

    async def main() -> list[Completion]:
        await asked(client)
        server.expire_tokens()
        return await asyncio.gather(*(asked(client) for _ in range(50)))

    assert reasons(asyncio.run(main())) == {"stop"}
    # Who is refused after the renewal drops only the token that was refused.
    assert len(fetches(server)) == 2


def test_a_wrong_secret_is_an_error_that_names_it(mode: Mode, server: Server) -> None:
    client = of(mode, server, client_secret="falsches-Geheimnis")
    error = raised(AuthenticationError, mode.chat, client)
    assert "check client_id and client_secret" in str(error)
    assert "falsches" not in str(error)
    assert len(server.requests) == 1


def test_a_fetch_is_retried_like_anything_else_and_its_failure_is_not_remembered(
    mode: Mode, server: Server, naps: list[float]
) -> None:
    server.script("neuroflash", *[Disconnect()] * 3, Status(503), path=TOKEN_PATH)
    client = of(mode, server)
    raised(APIConnectionError, mode.chat, client)
    assert (len(fetches(server)), len(naps)) == (3, 2)
    assert mode.chat(client).finish_reason == "stop"
    assert (len(fetches(server)), len(naps)) == (5, 3)


# -- asked for at once --------------------------------------------------------------------------


def test_50_threads_and_50_tasks_fetch_once(async_mode: Mode, server: Server) -> None:
    server.script("neuroflash", Delay(0.3), path=TOKEN_PATH)
    sync, own = of(Mode("sync"), server), of(async_mode, server)
    barrier = threading.Barrier(51)

    def work() -> Completion:
        barrier.wait()
        return asked(sync)

    async def tasks() -> list[Completion]:
        await asyncio.to_thread(barrier.wait)
        return await asyncio.gather(*(asked(own) for _ in range(50)))

    with ThreadPoolExecutor(50) as pool:
        threads = [pool.submit(work) for _ in range(50)]
        done = asyncio.run(tasks()) + [thread.result() for thread in threads]
    assert (len(done), reasons(done)) == (100, {"stop"})
    assert len(fetches(server)) == 1


async def fetching(server: Server, client: Any, *steps: Step) -> asyncio.Task[Completion]:
    """Ask what needs a token first, and return when it is being fetched."""
    server.script("neuroflash", *steps, path=TOKEN_PATH)
    leader = asyncio.create_task(asked(client))
    assert await asyncio.to_thread(eventually, lambda: len(fetches(server)) == 1)
    return leader


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_fetch_that_fails_fails_for_all_who_wait_but_those_who_try_more_often(
    async_mode: Mode, server: Server, naps: list[float]
) -> None:
    sync, own = of(Mode("sync"), server, max_retries=1), of(async_mode, server, max_retries=1)
    patient = of(async_mode, server, max_retries=2)

    async def main() -> list[Any]:
        leader = await fetching(server, own, *[Delay(0.5, Status(503))] * 2)
        tasks = [asked(own) for _ in range(20)]
        threads = [asyncio.to_thread(asked, sync) for _ in range(3)]
        everybody = (asked(patient), leader, *tasks, *threads)
        return await asyncio.gather(*everybody, return_exceptions=True)

    done, *errors = asyncio.run(main())
    assert done.finish_reason == "stop"
    assert {(type(error), error.status_code) for error in errors} == {(InternalServerError, 503)}
    assert len({id(error) for error in errors}) == len(errors) == 24
    assert (len(fetches(server)), len(naps)) == (3, 1)


def test_when_the_task_that_fetches_is_cancelled_the_others_go_on(
    async_mode: Mode, server: Server
) -> None:
    sync, own = of(Mode("sync"), server), of(async_mode, server)

    async def main() -> list[Completion]:
        leader = await fetching(server, own, Delay(60))
        others = [asyncio.create_task(asked(own)) for _ in range(20)]
        in_a_thread = asyncio.create_task(asyncio.to_thread(asked, sync))
        await asyncio.sleep(0.05)
        await cancelled(leader)
        return await asyncio.gather(*others, in_a_thread)

    done = asyncio.run(main())
    assert (len(done), reasons(done), len(fetches(server))) == (21, {"stop"}, 2)


def test_when_a_task_that_waits_is_cancelled_the_fetch_goes_on(
    async_mode: Mode, server: Server
) -> None:
    own = of(async_mode, server)

    async def main() -> list[Completion]:
        leader = await fetching(server, own, Delay(0.3))
        waiter = asyncio.create_task(asked(own))
        await asyncio.sleep(0)
        await cancelled(waiter)
        return [await leader]

    assert reasons(asyncio.run(main())) == {"stop"}
    assert len(fetches(server)) == 1


def test_a_blocking_call_on_the_loops_thread_does_not_wait_for_its_own_loop(
    async_mode: Mode, server: Server
) -> None:
    sync, own = of(Mode("sync"), server), of(async_mode, server)

    async def main() -> list[Completion]:
        leader = await fetching(server, own, Delay(0.3))
        blocking = asked(sync)  # the leader cannot go on meanwhile
        return [await leader, blocking]

    assert reasons(asyncio.run(main())) == {"stop"}
    assert len(fetches(server)) == 2
