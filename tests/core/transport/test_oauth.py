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

from dsgvo import AsyncClient, Client, Completion
from dsgvo.emulator import Delay, Disconnect, Server, Status
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


def fetches(server: Server) -> list[Any]:
    return [request for request in server.requests if request.path.endswith(TOKEN_PATH)]


async def fetching(server: Server, client: AsyncClient) -> asyncio.Task[Completion]:
    """Ask what needs a token first, and return when it is being fetched."""
    leader = asyncio.create_task(client.chat(HELLO, model=MODEL))
    assert await asyncio.to_thread(eventually, lambda: len(fetches(server)) == 1)
    return leader


def test_a_token_is_fetched_as_the_page_says_and_kept(mode: Mode, server: Server) -> None:
    client = mode.client("neuroflash", **client_credentials(server))
    assert mode.chat(client).finish_reason == "stop"
    assert mode.chat(client).finish_reason == "stop"
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


def test_one_token_serves_all_clients_of_the_same_account(server: Server) -> None:
    for _ in range(3):
        Mode("sync").chat(Client("neuroflash", **client_credentials(server)))
        Mode("async").chat(AsyncClient("neuroflash", **client_credentials(server)))
    assert len(fetches(server)) == 1


def tokens(life: str = "3600") -> Callable[[bytes, socket.socket], None]:
    """Hand out tokens that say whose they are and how many there were; answer with the token."""
    count = itertools.count(1)

    def serve(request: bytes, connection: socket.socket) -> None:
        if TOKEN_PATH.encode() in request:
            form = parse_qs(request.partition(b"\r\n\r\n")[2].decode())
            token = "-".join([*form["client_id"], *form["client_secret"], str(next(count))])
            body = f'{{"access_token": "{token}", "expires_in": {life}}}'
            connection.sendall(http(body.encode()))
        else:
            connection.sendall(http(answer(request.split(b"Bearer ")[1].split(b"\r")[0].decode())))

    return serve


@pytest.mark.parametrize(
    ("other", "token"),
    [
        ({"client_id": "zwei"}, "zwei-Geheimnis-2"),
        ({"client_secret": "anderes"}, "eins-anderes-2"),
        ({"base_url": "http://localhost:{}/api/ds-prototypes"}, "eins-Geheimnis-2"),
    ],
)
def test_another_account_has_a_token_of_its_own(
    mode: Mode, other: dict[str, str], token: str
) -> None:
    with raw_server(tokens()) as raw:
        port = raw.listener.getsockname()[1]
        own = {"client_id": "eins", "client_secret": "Geheimnis"}
        first = oauth_client(mode, raw.url, **own)
        given = own | {name: value.format(port) for name, value in other.items()}
        second = oauth_client(mode, raw.url, **given)
        found = [mode.chat(client).content for client in (first, second, first)]
    assert found == ["eins-Geheimnis-1", token, "eins-Geheimnis-1"]


def test_50_threads_and_50_tasks_fetch_once(server: Server) -> None:
    server.script("neuroflash", Delay(0.3), path=TOKEN_PATH)
    sync = Client("neuroflash", **client_credentials(server))
    own = AsyncClient("neuroflash", **client_credentials(server))
    barrier = threading.Barrier(51)

    def work() -> Completion:
        barrier.wait()
        return sync.chat(HELLO, model=MODEL)

    async def tasks() -> list[Completion]:
        await asyncio.to_thread(barrier.wait)
        return await asyncio.gather(*(own.chat(HELLO, model=MODEL) for _ in range(50)))

    with ThreadPoolExecutor(50) as pool:
        threads = [pool.submit(work) for _ in range(50)]
        done = asyncio.run(tasks()) + [thread.result() for thread in threads]
    assert [completion.finish_reason for completion in done] == ["stop"] * 100
    assert len(fetches(server)) == 1


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
        client = oauth_client(mode, raw.url)
        for passed, number in ((0, 1), (life - early - 0.5, 1), (1, 2)):
            clock.now += passed
            assert mode.chat(client).content == f"client-ein-Geheimnis-{number}"


def oauth_client(mode: Mode, url: str, **more: Any) -> Any:
    account = {"client_id": "client", "client_secret": "ein-Geheimnis", "workspace_id": "w"}
    where: dict[str, Any] = {"base_url": f"{url}/api/ds-prototypes", "max_retries": 0}
    return mode.client("neuroflash", **where | account | more)


def test_a_refused_token_is_renewed_once(mode: Mode, server: Server, naps: list[float]) -> None:
    client = mode.client("neuroflash", **client_credentials(server), max_retries=0)
    mode.chat(client)
    server.expire_tokens()
    assert mode.chat(client).finish_reason == "stop"
    assert (len(fetches(server)), len(server.requests), naps) == (2, 5, [])


def test_a_vendor_that_refuses_every_token_is_asked_twice(mode: Mode, server: Server) -> None:
    server.script("neuroflash", *[Status(401)] * 5)
    with pytest.raises(AuthenticationError, match="check client_id and client_secret"):
        mode.chat(mode.client("neuroflash", **client_credentials(server)))
    assert (len(fetches(server)), len(server.requests)) == (2, 4)


def test_50_tasks_with_an_expired_token_renew_it_once(server: Server) -> None:
    client = AsyncClient("neuroflash", **client_credentials(server))

    async def main() -> list[Completion]:
        await client.chat(HELLO, model=MODEL)
        server.expire_tokens()
        return await asyncio.gather(*(client.chat(HELLO, model=MODEL) for _ in range(50)))

    assert [completion.finish_reason for completion in asyncio.run(main())] == ["stop"] * 50
    # Who is refused after the renewal drops only the token that was refused.
    assert len(fetches(server)) == 2


def test_a_wrong_secret_is_an_error_that_names_it(mode: Mode, server: Server) -> None:
    settings: dict[str, Any] = client_credentials(server)
    settings["client_secret"] = "falsches-Geheimnis"
    error = raised(AuthenticationError, mode.chat, mode.client("neuroflash", **settings))
    assert "check client_id and client_secret" in str(error)
    assert "falsches" not in str(error)
    assert len(server.requests) == 1


def test_fetching_a_token_is_retried_like_anything_else(
    mode: Mode, server: Server, naps: list[float]
) -> None:
    server.script("neuroflash", Status(503), Disconnect(), path=TOKEN_PATH)
    client = mode.client("neuroflash", **client_credentials(server))
    assert mode.chat(client).finish_reason == "stop"
    # The second attempt found a kept connection closed, so the third came at once.
    assert (len(fetches(server)), len(naps)) == (3, 1)


def test_a_failed_fetch_is_not_remembered(mode: Mode, server: Server, naps: list[float]) -> None:
    server.script("neuroflash", *[Disconnect()] * 3, path=TOKEN_PATH)
    client = mode.client("neuroflash", **client_credentials(server))
    with pytest.raises(APIConnectionError):
        mode.chat(client)
    assert mode.chat(client).finish_reason == "stop"
    assert len(naps) == 2


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
    ],
)
def test_what_is_no_token(mode: Mode, body: bytes) -> None:
    with raw_server(http(body, headers=["x-request-id: r-1"])) as raw:
        error = raised(APIResponseError, mode.chat, oauth_client(mode, raw.url))
        assert len(raw.requests) == 1
    assert "expected an access token" in str(error)
    assert (error.provider, error.status_code, error.request_id) == ("neuroflash", 200, "r-1")


def test_a_token_without_end(mode: Mode) -> None:
    with raw_server(http({"access_token": "t" * 200})) as raw:
        client = oauth_client(mode, raw.url, max_response_bytes=100)
        error = raised(APIResponseError, mode.chat, client)
    assert "neuroflash: a token of more than 100 bytes" in str(error)


@pytest.mark.parametrize("life", ["null", "0", '"3600"', "3600.5", "1e400", "-5"])
def test_a_life_of_any_form(mode: Mode, life: str) -> None:
    with raw_server(tokens(life)) as raw:
        assert mode.chat(oauth_client(mode, raw.url)).content == "client-ein-Geheimnis-1"


def test_a_fetch_that_fails_fails_for_all_who_wait(server: Server, naps: list[float]) -> None:
    server.script("neuroflash", *[Delay(0.5, Status(503))] * 3, path=TOKEN_PATH)
    settings = client_credentials(server)
    sync = Client("neuroflash", **settings, max_retries=1)
    own = AsyncClient("neuroflash", **settings, max_retries=1)

    async def main() -> list[Any]:
        leader = await fetching(server, own)
        tasks = [own.chat(HELLO, model=MODEL) for _ in range(20)]
        threads = [asyncio.to_thread(sync.chat, HELLO, model=MODEL) for _ in range(3)]
        return await asyncio.gather(leader, *tasks, *threads, return_exceptions=True)

    errors = asyncio.run(main())
    assert {(type(error), error.status_code) for error in errors} == {(InternalServerError, 503)}
    assert len({id(error) for error in errors}) == len(errors) == 24
    assert (len(fetches(server)), len(naps)) == (2, 1)


def test_who_tries_more_often_does_not_fail_with_who_tries_less(
    server: Server, naps: list[float]
) -> None:
    server.script("neuroflash", Delay(0.5, Status(503)), path=TOKEN_PATH)
    settings = client_credentials(server)
    hasty = AsyncClient("neuroflash", **settings, max_retries=0)
    patient = AsyncClient("neuroflash", **settings, max_retries=2)

    async def main() -> list[Any]:
        leader = await fetching(server, hasty)
        others = [hasty.chat(HELLO, model=MODEL), patient.chat(HELLO, model=MODEL)]
        return await asyncio.gather(leader, *others, return_exceptions=True)

    first, hasty_too, done = asyncio.run(main())
    assert (type(first), type(hasty_too)) == (InternalServerError, InternalServerError)
    assert done.finish_reason == "stop"
    assert (len(fetches(server)), naps) == (2, [])


def test_when_the_task_that_fetches_is_cancelled_the_others_go_on(server: Server) -> None:
    client = AsyncClient("neuroflash", **client_credentials(server))
    server.script("neuroflash", Delay(60), path=TOKEN_PATH)

    async def main() -> list[Completion]:
        leader = await fetching(server, client)
        others = [asyncio.create_task(client.chat(HELLO, model=MODEL)) for _ in range(20)]
        in_a_thread = asyncio.create_task(
            asyncio.to_thread(
                Client("neuroflash", **client_credentials(server)).chat, HELLO, model=MODEL
            )
        )
        await asyncio.sleep(0.05)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        return await asyncio.gather(*others, in_a_thread)

    assert [completion.finish_reason for completion in asyncio.run(main())] == ["stop"] * 21
    assert len(fetches(server)) == 2


def test_when_a_task_that_waits_is_cancelled_the_fetch_goes_on(server: Server) -> None:
    client = AsyncClient("neuroflash", **client_credentials(server))
    server.script("neuroflash", Delay(0.3), path=TOKEN_PATH)

    async def main() -> str | None:
        leader = await fetching(server, client)
        waiter = asyncio.create_task(client.chat(HELLO, model=MODEL))
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        return (await leader).finish_reason

    assert asyncio.run(main()) == "stop"
    assert len(fetches(server)) == 1


def test_a_blocking_call_on_the_loops_thread_does_not_wait_for_its_own_loop(server: Server) -> None:
    own = AsyncClient("neuroflash", **client_credentials(server))
    sync = Client("neuroflash", **client_credentials(server))
    server.script("neuroflash", Delay(0.3), path=TOKEN_PATH)

    async def main() -> list[str | None]:
        leader = await fetching(server, own)
        blocking = sync.chat(HELLO, model=MODEL)  # the leader cannot go on meanwhile
        return [(await leader).finish_reason, blocking.finish_reason]

    assert asyncio.run(main()) == ["stop", "stop"]
    assert len(fetches(server)) == 2
