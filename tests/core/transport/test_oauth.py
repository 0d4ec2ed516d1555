"""OAuth2 client credentials: one fetch however many ask, renewed in time and once on 401."""

import asyncio
import gc
import itertools
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from contextvars import ContextVar, copy_context
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs

import pytest

from dsgvo import errors
from dsgvo.emulator import Delay, Server, Status, Step
from dsgvo.transport import _flow, _pools, _request
from dsgvo.transport._pools import runtime
from tests.core import support
from tests.core.support import HELLO, Mode, RawServer, answer, eventually, http, raised, raw_server

TOKEN_PATH = "/oauth/v2/token"


def of(mode: Mode, server: Server | RawServer, **more: Any) -> Any:
    """Return a client that signs in."""
    if isinstance(server, Server):
        return mode.client("neuroflash", **support.client_credentials(server) | more)
    account = {"client_id": "client", "client_secret": "ein-Geheimnis", "workspace_id": "w"}
    where: dict[str, Any] = {"base_url": f"{server.url}/api/ds-prototypes", "max_retries": 0}
    return mode.client("neuroflash", **where | account | more)


def asked(client: Any) -> Any:
    return client.chat(HELLO, model=support.MODELS["neuroflash"])


def fetches(server: Server) -> list[Any]:
    return [request for request in server.requests if request.path.endswith(TOKEN_PATH)]


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


def test_a_token_is_fetched_as_the_page_says_and_serves_the_account(server: Server) -> None:
    for mode in (Mode("sync"), Mode("async"), Mode("sync")):
        assert mode.chat(of(mode, server)).finish_reason == "stop"
    (fetch,) = fetches(server)
    account = {"client_id": [server.client_id], "client_secret": [server.client_secret]}
    form = {"grant_type": ["client_credentials"], "scope": ["openid"], **account}
    assert parse_qs(fetch.body.decode()) == form
    assert fetch.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in fetch.headers
    chats = (request for request in server.requests if request is not fetch)
    (bearer,) = {request.headers["authorization"] for request in chats}
    assert bearer.startswith("Bearer emulator-token-")


@pytest.mark.parametrize("life", ["null", "0", '"3600"', '"4h"', "[3600]", "1e400", "-5", '"nan"'])
def test_another_account_has_a_token_of_its_own(mode: Mode, life: str) -> None:
    with raw_server(tokens(life)) as raw:
        elsewhere = f"{raw.url.replace('127.0.0.1', 'localhost')}/api/ds-prototypes"
        others = [{"client_id": "b"}, {"client_secret": "c"}, {"base_url": elsewhere}]
        found = [mode.chat(of(mode, raw, **other)).content for other in [{}, *others, {}]]
    own = "client-ein-Geheimnis"
    assert found == [f"{own}-1", "b-ein-Geheimnis-2", "client-c-3", f"{own}-4", f"{own}-1"]


def test_a_stream_asks_for_its_key_in_the_context_of_its_call(server: Server) -> None:
    tenant = ContextVar[str]("whose key a function is to give")
    client = Mode("sync").client("sovrgpt", server, api_key=tenant.get)
    call: Any = lambda: tenant.set(server.api_key) and client.stream(HELLO, model="m")  # noqa: E731
    assert [*copy_context().run(call)]


@pytest.mark.parametrize("status", [200, 400])
def test_secrets_stay_a_token_that_is_repeated(mode: Mode, status: int) -> None:
    said = {"error": {"message": "Was ist abcd-4711-efgh?", "code": 400}}

    def serve(request: bytes, _: socket.socket) -> bytes:
        if TOKEN_PATH.encode() in request:
            return http(b'\xef\xbb\xbf{"access_token": "abcd-4711-efgh", "expires_in": 99}')
        return http(said, status=status, headers=["x-request-id: r-abcd-4711-efgh"])

    with raw_server(serve) as raw:
        for how, *more in (("chat",), ("stream",), ("workspaces",), ("embed", ["a"])):
            own = {"model": "m", "allow_undocumented": True} if more else {}
            error = raised(errors.BadRequestError, mode.call, of(mode, raw), how, *more, **own)
            assert ("Was ist ***?" in str(error), error.request_id) == (True, "r-***")


@pytest.mark.covers(
    "neuroflash",
    "behaviour A token lives about four hours: it is kept, shared, and renewed before its end",
    "Public",
)
@pytest.mark.parametrize(("life", "early"), [(14399, 60), (300, 30), (10, 1)])
def test_a_token_is_renewed_in_time(mode: Mode, monkeypatch: Any, life: int, early: int) -> None:
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(_request, "time", clock)
    with raw_server(tokens(str(life))) as raw:
        client = of(mode, raw)
        for passed, number in ((0, 1), (life - early - 0.5, 1), (1, 2)):
            clock.now += passed
            assert mode.chat(client).content == f"client-ein-Geheimnis-{number}"


def test_bounded_in_how_many_accounts_have_tokens_and_gates(mode: Mode, monkeypatch: Any) -> None:
    monkeypatch.setattr(_pools, "MAX_ACCOUNTS", 2)
    runtime.reset()
    with raw_server(tokens()) as raw:
        for name in ("a", "b", "c"):
            mode.chat(of(mode, raw, client_id=name, rate_limit="adaptive"))
    assert ([key[1] for key in runtime.tokens], len(runtime.gates)) == (["b", "c"], 2)
    memory = dict[str, int]()
    for count, name in enumerate("abacc"):
        runtime.keep(memory, name, count)
    assert memory == {"a": 2, "c": 4}


def test_what_is_no_token(mode: Mode) -> None:
    for body in (
        *(b"<html><title>Anmelden</title>", b"[]", b'{"access_token": ""}', b'{"access_token": 7}'),
        *(b'{"access_token": "t\\nX-Evil: 1"}', b'{"access_token": "t "}'),
        b'{"access_token": "%s"}' % (b"t" * 200),
    ):
        answer = http(body, headers=["request-id: ?", "cf-ray: r"]).replace(b"?", b"\xff")
        with raw_server(answer) as raw:
            own = of(mode, raw, max_response_bytes=100)
            error = raised(errors.APIResponseError, mode.chat, own)
        many = len(body) > 100
        said = "a token of more than 100 bytes" if many else "expected an access token from "
        assert str(error).startswith(f"neuroflash: {said}")
        assert [none for none in ("got None", "got expected") if none in str(error)] == []
        found = (len(raw.requests), error.provider, error.request_id, error.status_code)
        assert found == (1, "neuroflash", "r", None if many else 200)
    kinds = dict.fromkeys((400, 403, 404), errors.AuthenticationError)
    for status, kind in (kinds | {200: errors.APIStatusError, 409: errors.ConflictError}).items():
        with raw_server(http({"error": "invalid_client"}, status=status)) as raw:
            error = raised(kind, mode.chat, of(mode, raw, max_retries=0))
        found = (len(raw.requests), error.request_id, str(error).partition(" (")[0])
        assert found == (1, None, f"neuroflash: {status}: invalid_client")
        assert ("check client_id and client_secret" in str(error)) == (kind in kinds.values())


def test_a_refused_token_is_renewed_once(mode: Mode, server: Server, naps: list[float]) -> None:
    client = of(mode, server, max_retries=0)
    mode.chat(client)
    for how in ("chat", "models"):
        server.expire_tokens()
        assert mode.call(client, how)
    assert (len(fetches(server)), len(server.requests), naps) == (3, 8, [])
    server.script("neuroflash", *[Status(401)] * 5)
    raised(errors.AuthenticationError, mode.chat, client)
    assert (len(fetches(server)), len(server.requests)) == (4, 11)
    wrong = of(mode, server, client_secret="falsches-Geheimnis")
    error = raised(errors.AuthenticationError, mode.chat, wrong)
    assert "check client_id and client_secret" in str(error)
    assert ("falsches" in str(error), len(server.requests)) == (False, 12)


def test_30_threads_and_30_tasks_fetch_and_renew_once(async_mode: Mode, server: Server) -> None:
    server.script("neuroflash", Delay(0.3), path=TOKEN_PATH)
    sync, own = of(Mode("sync"), server), of(async_mode, server)
    barrier = threading.Barrier(31)

    def work() -> Any:
        barrier.wait()
        return asked(sync)

    async def tasks() -> list[Any]:
        await asyncio.to_thread(barrier.wait)
        return await asyncio.gather(*(asked(own) for _ in range(30)))

    with ThreadPoolExecutor(30) as pool:
        for count in (1, 2):  # who is refused after the renewal drops only the refused token
            threads = [pool.submit(work) for _ in range(30)]
            done = asyncio.run(tasks()) + [thread.result() for thread in threads]
            assert [one.finish_reason for one in done] == ["stop"] * 60
            assert len(fetches(server)) == count
            server.expire_tokens()


def test_who_fetches_is_waited_for_while_it_lives(server: Server, monkeypatch: Any) -> None:
    monkeypatch.setattr(_request, "LOOK_SECONDS", 0.01)
    config = of(Mode("sync"), server, timeout=0.5, max_retries=0).config
    key, clock = _request._key(config.credentials), SimpleNamespace(now=time.monotonic())
    with closing(asyncio.new_event_loop()) as stopped:
        runtime.flights[key] = _request._Flight(stopped, config)
        runtime.flights[key].thread = 0
        assert _flow.run(_request.AUTH.bearer(config)) == runtime.tokens.pop(key).secret
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(_request, "time", clock)
    runtime.flights[key] = _request._Flight(None, config)
    flow: Any = _request.AUTH.bearer(config)
    assert (next(flow), type(flow.send(None))) == (_flow.FindLoop(), _flow.WaitFor)
    clock.now += 0.51  # longer than a silence that its own fetch would stand
    assert isinstance(flow.throw(_flow.DeadlockError()), _flow.WaitFor)
    clock.now += 1
    raised(errors.APITimeoutError, flow.throw, _flow.DeadlockError())
    assert (len(fetches(server)), runtime.flights) == (1, {})


async def test_a_fetch_that_nobody_waits_for_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    flight = Future[Any]()
    with suppress(_flow.DeadlockError):  # nothing holds what it waited for
        await _flow.WaitFor(flight, bool, 0.01).arun()
    flight.set_exception(TimeoutError())
    with pytest.raises(TimeoutError):  # as a signal's handler may raise one
        _flow.WaitFor(flight, bool, 9).run()
    del flight
    await asyncio.sleep(0.01)
    gc.collect()
    assert caplog.text == ""


async def fetching(server: Server, client: Any, *steps: Step) -> asyncio.Task[Any]:
    """Ask what needs a token first, and return when it is being fetched."""
    server.script("neuroflash", *steps, path=TOKEN_PATH)
    leader = asyncio.create_task(asked(client))
    assert await asyncio.to_thread(eventually, lambda: len(fetches(server)) == 1)
    return leader


async def test_a_fetch_that_fails_fails_for_all_who_wait_but_those_who_try_for_longer(
    async_mode: Mode, server: Server, naps: list[float]
) -> None:
    few: dict[str, Any] = {"max_retries": 1, "timeout": 20}
    sync, own = of(Mode("sync"), server, **few), of(async_mode, server, **few)
    patient = [asked(of(async_mode, server, **few | {name: few[name] + 1})) for name in few]
    leader = await fetching(server, own, *[Delay(0.3, Status(503))] * 2)
    others = [asked(own) for _ in range(20)] + [asyncio.to_thread(asked, sync) for _ in range(3)]
    ended = await asyncio.gather(*patient, leader, *others, return_exceptions=True)
    first, second, *failed = cast("list[Any]", ended)
    assert first.finish_reason == second.finish_reason == "stop"
    assert {(type(one), one.status_code) for one in failed} == {(errors.InternalServerError, 503)}
    assert len({id(error) for error in failed}) == len(failed) == 24
    assert (len(fetches(server)), len(naps)) == (3, 1)


@pytest.mark.parametrize("what", ["leader cancelled", "waiter cancelled", "blocking on its thread"])
async def test_the_others_go_on(async_mode: Mode, server: Server, what: str) -> None:
    sync, own = of(Mode("sync"), server), of(async_mode, server)
    leader = await fetching(server, own, Delay(60 if "leader" in what else 0.3))
    waiter, *others = [asyncio.create_task(asked(own)) for _ in range(20)]
    in_a_thread = asyncio.create_task(asyncio.to_thread(asked, sync))
    await asyncio.sleep(0.05)
    if "blocking" in what:
        asked(sync)  # the leader cannot go on meanwhile
    elif "leader" in what:
        leader, waiter = waiter, leader
    if "cancelled" in what:
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    done = await asyncio.wait_for(asyncio.gather(leader, *others, in_a_thread), 30)
    assert [one.finish_reason for one in done] == ["stop"] * 21
    assert len(fetches(server)) == (1 if "waiter" in what else 2)
