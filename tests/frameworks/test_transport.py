"""Streams that a user of either framework leaves: their connections end at once."""

import asyncio
import gc

import pytest

from dsgvo.emulator import Reply, Server
from tests.calls import Mode, run
from tests.core.support import eventually
from tests.frameworks.support import Way

LONG = Reply(chunks=["Wort "] * 2_000, pace=0.01)  # one that has come whole keeps its connection


def all_are_closed(server: Server) -> bool:
    """Wait for what another thread is about to close."""
    return eventually(lambda: not server.open_connections)


BLOCKING = pytest.mark.parametrize(
    "way", [Way(name, Mode("sync"), streamed=True) for name in ("langchain", "llamaindex")], ids=str
)


@BLOCKING
@pytest.mark.parametrize("left_by", ["close", "break", "aclose", "cancelling"])
def test_cancel_at_once_a_stream_that_is_left(server: Server, way: Way, left_by: str) -> None:
    server.script("sovrgpt", LONG)
    assert all_are_closed(server)  # those of the test before

    def leave() -> None:
        for _ in (pieces := way.stream(way.model("sovrgpt"))):
            assert server.open_connections > 0
            if left_by == "break":
                break
            pieces.close()

    async def leave_awaited() -> bool:
        started = asyncio.Event()

        async def read() -> None:
            pieces = way.turned().stream(way.model("sovrgpt"))
            pieces = pieces if way.is_langchain else await pieces
            async for _ in pieces:
                started.set()
                await (pieces.aclose() if left_by == "aclose" else asyncio.sleep(0))

        task = asyncio.create_task(read())
        await started.wait()
        if left_by == "cancelling":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.wait([task])
        return await asyncio.to_thread(all_are_closed, server)

    if left_by in {"aclose", "cancelling"}:
        assert run(leave_awaited)
    else:
        leave()
        gc.collect()
        assert all_are_closed(server)


@BLOCKING
def test_a_stream_that_an_error_ends_is_closed_once(
    server: Server, way: Way, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSGVO_ASYNC_BACKEND", "httpcore")  # which takes a step to close
    server.script("sovrgpt", LONG)

    async def fail() -> None:
        pieces = way.turned().stream(way.model("sovrgpt"))
        pieces = pieces if way.is_langchain else await pieces
        async for _ in pieces:
            raise KeyError

    with pytest.raises(KeyError):
        asyncio.run(fail())
    assert all_are_closed(server)
    assert caplog.text == ""  # the loop's words for one that is closed twice at once
