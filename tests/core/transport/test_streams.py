"""Cancel at once: a stream that is left frees its connection."""

import asyncio
import gc
import os
import threading
import types
from contextlib import suppress
from typing import Any

import httpx
import pytest

from dsgvo import errors
from dsgvo.emulator import Delay, ErrorEvent, Raw, Reply, Server
from dsgvo.transport import _pools
from dsgvo.transport._pools import runtime
from tests.core.support import HELLO, Mode, chunk, eventually, sse
from tests.core.transport.test_secrets import locals_of
from tests.vendors import MODELS

MODEL, LONG = MODELS["sovrgpt"], Reply(chunks=[f"Wort{i} " for i in range(5000)], pace=0.002)
STREAMS = 500
REST = [sse(chunk("x"), done=False)] * 500
BROKEN: dict[str, Any] = {
    "error event": ErrorEvent(2, reply=Reply(chunks=LONG.chunks, stream=True)),
    "not JSON": Raw(chunks=[sse("{", done=False), *REST], delay=0.01),
    "error at first": Raw(chunks=[sse({"error": "nein"}, done=False), *REST], delay=0.01),
}


@pytest.fixture
def fresh(server: Server) -> Server:
    """The emulator with no connection open."""
    assert closes(server)
    return server


def closes(server: Server) -> bool:
    return eventually(lambda: server.open_connections == 0)


@pytest.mark.parametrize("way", ["break", "close", "cancel"])
def test_cancel_an_abandoned_stream(mode: Mode, fresh: Server, way: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(_pools, "DRAIN_SECONDS", 3600)
    stream: Any = lambda: mode.client("sovrgpt", fresh).stream(HELLO, model=MODEL)  # noqa: E731

    def leave(begun: Any) -> None:
        for _ in begun:
            if way == "break":
                return
            begun.close() if way == "close" else begun.throw(KeyboardInterrupt)

    async def aleave(begun: Any) -> None:
        async for _ in begun:
            if way == "break":
                return
            if way == "close":
                await begun.aclose()
            elif task := asyncio.current_task():
                task.cancel()  # where it waits for the next piece

    async def main() -> bool:
        with suppress(asyncio.CancelledError):
            await asyncio.create_task(aleave(stream()))
        # While the loop still runs: not only because it ends.
        return await asyncio.to_thread(closes, fresh)

    stream()  # never begun
    assert fresh.requests == []
    fresh.script("sovrgpt", LONG)
    if mode.name == "sync":
        with suppress(KeyboardInterrupt):
            leave(stream())
        assert closes(fresh)
    else:
        assert asyncio.run(main())


def test_a_stream_that_the_garbage_collector_ends_inside_the_pool(fresh: Server) -> None:
    steps: Any = [lambda: assign() or [1], lambda: [2]]
    assign = _pools._Assigning(lambda: steps.pop(0)())
    assert assign() == [1, 2]
    own: Any = httpx.HTTPTransport()
    for given, transport in ((None, runtime.pools.sync(None)), (own, own)):
        client = Mode("sync").client("sovrgpt", fresh, http_transport=given)
        next(left := client.stream(HELLO, model=MODEL))
        transport._pool.connections[0].is_closed = left.close
        call = threading.Thread(target=Mode("sync").chat, args=[client], daemon=True)
        call.start()
        call.join(30)
        assert not call.is_alive()
    own.close()


@pytest.mark.parametrize("how", ["chat", "stream", "embed"])
async def test_cancel_a_call_that_waits(async_mode: Mode, fresh: Server, how: str) -> None:
    async def call(client: Any) -> None:
        if how == "chat":
            await client.chat(HELLO, model="gpt-4o")
        texts = client.embed(["a", "b", "c"], batch_size=1)
        async for _ in texts if how == "embed" else client.stream(HELLO, model="gpt-4o"):
            pass

    fresh.script("meingpt", *[Delay(60)] * 3)
    task = asyncio.create_task(call(async_mode.client("meingpt", fresh)))
    assert await asyncio.to_thread(eventually, lambda: bool(fresh.requests))
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert fresh.api_key not in "".join(locals_of(caught.value))
    assert await asyncio.to_thread(closes, fresh)


@types.coroutine
def cancelled_at(step: int, call: Any, times: int) -> Any:
    """Await a call, and cancel the task where it waits for the so many-th time, and the next."""
    go, value = call.send, None
    with suppress(StopIteration):
        while True:
            waits = go(value)
            if -times < step <= 0 and (task := asyncio.current_task()):
                task.cancel()
            step -= 1
            try:
                go, value = call.send, (yield waits)
            except BaseException as error:  # noqa: BLE001 - it is the call's
                go, value = call.throw, error


async def test_cancel_where_a_call_waits_frees_its_connection_and_no_other(fresh: Server) -> None:
    client, other = Mode("async").client("sovrgpt", fresh), [{"role": "user", "content": "Und?"}]
    fresh.script("sovrgpt", *[Raw(chunks=[b":\n", sse(chunk("Ja.", "stop"))], delay=0.01)] * 120)
    for step in range(60):  # a call has less than 20
        call: Any = cancelled_at(step % 20, client.chat(HELLO, model=MODEL), 1 + step // 20)
        both = client.chat(other, model=MODEL), call
        _, ended = await asyncio.gather(*both, return_exceptions=True)
        shown = locals_of(ended) if isinstance(ended, BaseException) else ()
        assert fresh.api_key not in "".join(shown)
    assert await asyncio.to_thread(eventually, lambda: fresh.open_connections <= 2)
    assert sum(request.json["messages"] == other for request in fresh.requests) == 60


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
async def test_a_transport_of_the_users_takes_its_connections_along(fresh: Server) -> None:
    closed, dropped = httpx.AsyncHTTPTransport(), httpx.AsyncHTTPTransport()
    for one in (closed, dropped):
        await Mode("async").client("sovrgpt", fresh, http_async_transport=one).models()
    assert fresh.open_connections == 2
    await closed.aclose()
    del dropped, one
    gc.collect()
    assert await asyncio.to_thread(closes, fresh)


@pytest.mark.parametrize("step", BROKEN.values(), ids=BROKEN.keys())
def test_cancel_a_kept_error_keeps_no_connection(mode: Mode, fresh: Server, step: Any) -> None:
    fresh.script("sovrgpt", step)
    with pytest.raises(errors.APIError) as caught:
        mode.ask(mode.client("sovrgpt", fresh, max_retries=0))
    assert closes(fresh)
    assert caught.value.__traceback__ is not None  # and with it every frame that was passed


@pytest.mark.slow
def test_500_streams_at_once_each_in_order_or_abandoned(async_mode: Mode, fresh: Server) -> None:
    words = [f"{i} " for i in range(20)]
    fresh.script("sovrgpt", *[Reply(chunks=words, pace=0.02)] * STREAMS)
    # What finished may be kept for the next request; what was abandoned may not.
    most_kept = 64 if os.environ.get("DSGVO_ASYNC_BACKEND") == "httpcore" else STREAMS // 2

    async def main() -> list[list[str] | None]:
        client, started = async_mode.client("sovrgpt", fresh), asyncio.Barrier(STREAMS)

        async def read(number: int) -> list[str] | None:
            stream = client.stream(HELLO, model=MODEL)
            deltas = [await anext(stream)]
            await started.wait()  # no stream goes on before all have begun
            assert len(fresh.requests) == STREAMS
            if number % 2:
                return None
            deltas += [delta async for delta in stream]
            return [delta.content for delta in deltas if delta.content]

        texts = await asyncio.gather(*(read(number) for number in range(STREAMS)))
        assert await asyncio.to_thread(eventually, lambda: fresh.open_connections <= most_kept)
        return texts

    assert asyncio.run(main()) == [words, None] * (STREAMS // 2)
    assert closes(fresh)
