"""Cancel at once: a stream that is left frees its connection; many run side by side."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from dsgvo import AsyncClient, Client
from dsgvo.emulator import Delay, ErrorEvent, Raw, Reply, Server
from dsgvo.errors import APIError, BadRequestError, IncompleteStreamError
from dsgvo.transport import _pools
from tests.core.support import (
    HELLO,
    Mode,
    chunk,
    eventually,
    http,
    raw_server,
    settings,
    sse,
    text_of,
)
from tests.vendors import MODELS

MODEL = MODELS["sovrgpt"]
LONG = Reply(chunks=[f"Wort{i} " for i in range(5000)], pace=0.002)


@pytest.fixture
def fresh(server: Server) -> Server:
    """The emulator with no connection open."""
    assert eventually(lambda: server.open_connections == 0)
    return server


def closes(server: Server) -> bool:
    return eventually(lambda: server.open_connections == 0)


def left_early(client: Client) -> Any:
    for _ in client.stream(HELLO, model=MODEL):
        break


def closed(client: Client) -> Any:
    stream: Any = client.stream(HELLO, model=MODEL)
    next(stream)
    stream.close()
    return stream


def dropped(client: Client) -> Any:
    next(client.stream(HELLO, model=MODEL))


def failed_inside(client: Client) -> Any:
    stream = client.stream(HELLO, model=MODEL)
    with pytest.raises(ZeroDivisionError):
        print([1 / 0 for _ in stream])


@pytest.mark.parametrize("leave", [left_early, closed, dropped, failed_inside])
def test_cancel_an_abandoned_stream(fresh: Server, leave: Callable[[Client], Any]) -> None:
    fresh.script("sovrgpt", LONG)
    kept = leave(Client("sovrgpt", **settings("sovrgpt", fresh)))
    assert closes(fresh)
    assert kept is None or next(kept, None) is None


def test_cancel_a_stream_never_begun_sends_nothing(mode: Mode, fresh: Server) -> None:
    client = mode.client("sovrgpt", fresh)
    stream = client.stream(HELLO, model=MODEL)
    del stream
    assert fresh.requests == []


async def async_left_early(client: AsyncClient) -> None:
    async for _ in client.stream(HELLO, model=MODEL):
        break


async def async_closed(client: AsyncClient) -> None:
    async with aclosing(client.stream(HELLO, model=MODEL)) as stream:
        await anext(stream)


async def async_cancelled(client: AsyncClient) -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in client.stream(HELLO, model=MODEL):
            begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def async_timed_out(client: AsyncClient) -> None:
    async def read() -> None:
        async for _ in client.stream(HELLO, model=MODEL):
            pass

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(), 0.1)


@pytest.mark.parametrize(
    "leave", [async_left_early, async_closed, async_cancelled, async_timed_out]
)
def test_cancel_an_abandoned_async_stream(fresh: Server, leave: Any) -> None:
    async def main() -> bool:
        await leave(AsyncClient("sovrgpt", **settings("sovrgpt", fresh)))
        # While the loop still runs: not only because it ends.
        return await asyncio.to_thread(closes, fresh)

    fresh.script("sovrgpt", LONG)
    assert asyncio.run(main())


@pytest.mark.parametrize("how", ["chat", "stream", "embed"])
def test_cancel_a_cancelled_call_that_waits_for_its_answer(fresh: Server, how: str) -> None:
    async def call(client: AsyncClient) -> Any:
        if how == "chat":
            return await client.chat(HELLO, model="gpt-4o")
        items: Any = client.stream(HELLO, model="gpt-4o")
        if how == "embed":
            items = client.embed(["a", "b", "c"], batch_size=1)
        return [item async for item in items]

    async def main() -> bool:
        client = AsyncClient("meingpt", **settings("meingpt", fresh))
        task = asyncio.create_task(call(client))
        assert await asyncio.to_thread(eventually, lambda: bool(fresh.requests))
        assert fresh.open_connections > 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.to_thread(closes, fresh)

    fresh.script("meingpt", Delay(60), Delay(60), Delay(60))
    assert asyncio.run(main())


BROKEN: dict[str, Any] = {
    "error event": ErrorEvent(2, reply=Reply(chunks=LONG.chunks, stream=True)),
    "not JSON": Raw(
        chunks=[sse("{", done=False), *[sse(chunk("x"), done=False)] * 500], delay=0.01
    ),
}


@pytest.mark.parametrize("step", BROKEN.values(), ids=BROKEN.keys())
def test_cancel_an_error_that_is_kept_keeps_no_connection(
    mode: Mode, fresh: Server, step: Any
) -> None:
    fresh.script("sovrgpt", step)
    with pytest.raises(IncompleteStreamError) as caught:
        mode.ask(mode.client("sovrgpt", fresh))
    assert closes(fresh)
    assert caught.value.__traceback__ is not None  # and with it every frame that was passed


def test_cancel_an_error_answer_leaves_its_connection_usable(mode: Mode, fresh: Server) -> None:
    client = mode.client("sovrgpt", fresh)

    def ask() -> Any:
        return client.chat(HELLO, model="m", extra_body={"temperature": "heiß"})

    async def thrice() -> int:
        for _ in range(3):
            with pytest.raises(APIError):
                _ = await ask() if mode.name == "async" else ask()
        return fresh.open_connections

    assert asyncio.run(thrice()) == 1


def test_cancel_abandoned_embeddings(mode: Mode, fresh: Server) -> None:
    texts: Iterator[str] = (f"Satz {i}" for i in range(1000))

    async def first(client: AsyncClient) -> int:
        async with aclosing(client.embed(texts, batch_size=2, dimensions=4)) as vectors:
            return len(await anext(vectors))

    client = mode.client("meingpt", fresh)
    if mode.name == "async":
        assert asyncio.run(first(client)) == 4
    else:
        vectors = client.embed(texts, batch_size=2, dimensions=4)
        assert len(next(vectors)) == 4
        vectors.close()
    assert len(fresh.requests) <= 6
    assert eventually(
        lambda: not [t for t in threading.enumerate() if t.name.startswith("dsgvo-embed")]
    )


STREAMS = 500


def numbered(server: Server, pace: float | None = None) -> list[str]:
    words = [f"{i} " for i in range(20)]
    server.script("sovrgpt", *[Reply(chunks=words, pace=pace)] * STREAMS)
    return words


@pytest.mark.slow
def test_500_streams_at_once_finish_with_every_token_in_order(fresh: Server) -> None:
    words = numbered(fresh)
    most = 0

    async def main() -> list[list[str]]:
        client = AsyncClient("sovrgpt", **settings("sovrgpt", fresh))
        started = asyncio.Barrier(STREAMS)

        async def read() -> list[str]:
            nonlocal most
            stream = client.stream(HELLO, model=MODEL)
            deltas = [await anext(stream)]
            await started.wait()  # no stream goes on before all have begun
            most = max(most, fresh.open_connections)
            deltas += [delta async for delta in stream]
            return [delta.content for delta in deltas if delta.content]

        return await asyncio.gather(*(read() for _ in range(STREAMS)))

    assert asyncio.run(main()) == [words] * STREAMS
    assert most == STREAMS
    assert closes(fresh)


@pytest.mark.slow
def test_abandoning_half_of_500_streams_leaves_no_open_connection(fresh: Server) -> None:
    words = numbered(fresh, pace=0.02)

    async def main() -> list[str | None]:
        client = AsyncClient("sovrgpt", **settings("sovrgpt", fresh))
        halfway = asyncio.Barrier(STREAMS)

        async def read(number: int) -> str | None:
            stream = client.stream(HELLO, model=MODEL)
            deltas = [await anext(stream)]
            await halfway.wait()
            if number % 2:
                return None
            deltas += [delta async for delta in stream]
            return text_of(deltas)

        texts = await asyncio.gather(*(read(number) for number in range(STREAMS)))
        # What finished may be kept for the next request; what was abandoned may not.
        kept = lambda: fresh.open_connections <= 64  # noqa: E731
        assert await asyncio.to_thread(eventually, kept)
        return texts

    assert asyncio.run(main()) == ["".join(words), None] * (STREAMS // 2)
    assert closes(fresh)


def holding(body: bytes, held: threading.Event) -> Any:
    """Return a handler that sends a chunked stream and holds its end back."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(head + b"%x\r\n%s\r\n" % (len(body), body))
        held.wait(30)
        connection.sendall(b"0\r\n\r\n")

    return serve


@pytest.mark.parametrize("how", ["chat", "stream"])
def test_cancel_after_done_a_server_that_holds_the_connection_is_not_waited_for(
    mode: Mode, how: str
) -> None:
    held = threading.Event()
    with raw_server(holding(sse(chunk("Ja."), chunk(None, "stop")), held)) as raw:
        client = mode.client("sovrgpt", api_key="k", base_url=raw.url, timeout=60)
        mode.call(client, how, model="m")
        assert not held.is_set()  # the answer is whole, and the server still holds its end
        held.set()


def test_any_loop_the_end_of_a_stream_leaves_its_connection_usable(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pools, "GRACE_SECONDS", 30.0)  # however slow this machine is
    held = threading.Event()
    held.set()
    with raw_server(holding(sse(chunk("Ja."), chunk(None, "stop")), held)) as raw:
        client = mode.client("sovrgpt", api_key="k", base_url=raw.url)

        async def thrice() -> None:
            for _ in range(3):
                assert [d async for d in client.stream(HELLO, model="m")][-1].completion

        if mode.name == "sync":
            for _ in range(3):
                assert list(client.stream(HELLO, model="m"))[-1].completion
        else:
            asyncio.run(thrice())
        assert (len(raw.requests), raw.accepted) == (3, 1)


def vectors_of(request: bytes) -> bytes:
    texts = json.loads(request.partition(b"\r\n\r\n")[2])["input"]
    return http({"data": [{"index": i, "embedding": [1.0, 2.0]} for i in range(len(texts))]})


@pytest.mark.parametrize("leave", ["close", "interrupt"])
def test_cancel_embeddings_under_way_end_at_once(leave: str) -> None:
    asked, held, closed = threading.Event(), threading.Event(), threading.Event()

    def serve(request: bytes, connection: socket.socket) -> None:
        if b"schnell" in request:
            connection.sendall(vectors_of(request))
            return
        asked.set()
        if not connection.recv(1):  # until the client lets go of it
            closed.set()
        held.wait(30)

    with raw_server(serve) as raw:
        client = Client("meingpt", api_key="k", base_url=raw.url, max_retries=5)
        vectors = client.embed(["schnell", "langsam", "langsam"], batch_size=1)
        assert next(vectors) == [1.0, 2.0]
        assert asked.wait(30)
        if leave == "close":
            vectors.close()
        else:
            with pytest.raises(KeyboardInterrupt):
                vectors.throw(KeyboardInterrupt)
        assert closed.wait(10)  # while the server still holds its answers back
        held.set()
        assert len(raw.requests) <= 3


@pytest.mark.parametrize("size", [1, 2, 6])
def test_read_what_came_before_a_text_that_is_refused(mode: Mode, size: int) -> None:
    """With one request a text, with several, and with a batch that is halved."""

    def serve(request: bytes, connection: socket.socket) -> None:
        texts = json.loads(request.partition(b"\r\n\r\n")[2])["input"]
        if len(texts) > 2:
            connection.sendall(http({"error": "too many inputs"}, status=413))
        elif "schlecht" in texts:
            connection.sendall(http({"error": "kaputt"}, status=400))
        else:
            connection.sendall(vectors_of(request))

    texts = ["a", "b", "c", "d", "schlecht", "f"]
    came: list[list[float]] = []

    async def collect(client: AsyncClient) -> None:
        async for vector in client.embed(texts, batch_size=size):
            came.append(vector)

    with raw_server(serve) as raw:
        client = mode.client("meingpt", api_key="schluessel", base_url=raw.url)
        kept = came.extend if mode.name == "sync" else None
        with pytest.raises(BadRequestError, match="kaputt"):
            kept(client.embed(texts, batch_size=size)) if kept else asyncio.run(collect(client))
    assert len(came) >= (3 if size == 6 else 4)
