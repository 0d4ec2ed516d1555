"""Writing of answers, exactly as they are laid out, until the client is gone."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.types import Receive, Send

from dsgvo.emulator.failures import BrokenOffError
from dsgvo.emulator.values import HttpReply

_T = TypeVar("_T")
Gone = asyncio.Future[None] | None
"""Done when the client is gone; needed for an answer that comes from elsewhere."""


async def write(
    reply: HttpReply, connection: asyncio.Transport | None, gone: Gone, receive: Receive, send: Send
) -> None:
    """Write an answer to its connection; stop when the client is gone."""
    drop = reply.drop
    if reply.status:
        headers = Headers(reply.headers).raw
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        try:
            async with aclosing(_writes(reply, gone)) as writes:
                async for data in writes:
                    if connection is None or connection.is_closing():
                        break
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        except BrokenOffError:
            drop = True
    if connection and not drop and not connection.is_closing():
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    if connection:
        connection.close()
    await (gone or disconnected(receive))


async def _writes(reply: HttpReply, gone: Gone) -> AsyncGenerator[bytes]:
    for position, data in enumerate(reply.writes):
        # Every write gives way, so that no stream holds up the others.
        await asyncio.sleep(reply.pace if position else 0)
        yield data
    if reply.source is not None:
        async with aclosing(reply.source) as source:
            while (data := await unless_gone(anext(source, None), gone)) is not None:
                yield data


async def disconnected(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(work: Awaitable[_T], gone: Gone) -> _T:
    """Return what ``work`` gives; cancel it and raise BrokenOffError when the client is gone."""
    if gone is None:
        return await work
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    if task.cancelled():
        raise BrokenOffError
    return task.result()
