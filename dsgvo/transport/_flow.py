"""Flows: how a request is made, written once and run in a thread or on an event loop.

A flow is a generator that yields steps (send this, read that, wait) and is given their results. It
decides; :func:`run` and :func:`arun` do, and know nothing of retries, tokens or vendors.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from dsgvo.transport import _pools
from dsgvo.transport._config import ClientConfig
from dsgvo.transport._pools import Sink

if TYPE_CHECKING:
    import httpx

__all__ = ["Do", "Flow", "Read", "Send", "Sleep", "Wait", "arun", "run"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; the result is the answer with its body unread."""

    config: ClientConfig
    request: httpx.Request

    def run(self) -> httpx.Response:
        return _pools.send(self.config, self.request)

    async def arun(self) -> httpx.Response:
        return await _pools.asend(self.config, self.request)


@dataclass(frozen=True, slots=True)
class Read:
    """Read an answer's body into a sink, to its end."""

    config: ClientConfig
    response: httpx.Response
    sink: Sink

    def run(self) -> None:
        chunks = _pools.read(self.config, self.response)
        try:
            for data in chunks:
                self.sink.feed(data)
        finally:
            chunks.close()

    async def arun(self) -> None:
        chunks = _pools.aread(self.config, self.response)
        try:
            async for data in chunks:
                self.sink.feed(data)
        finally:
            await chunks.aclose()


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait so many seconds."""

    seconds: float

    def run(self) -> None:
        time.sleep(self.seconds)

    async def arun(self) -> None:
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True, slots=True)
class Do:
    """Do what may hold up a thread, such as reading a disk; an event loop goes on meanwhile."""

    call: Callable[[], Any]

    def run(self) -> Any:
        return self.call()

    async def arun(self) -> Any:
        return await asyncio.to_thread(self.call)


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for what another thread or task is doing; whether it succeeded is not told.

    The result is false where waiting would last for ever: a blocking call on an event loop's
    thread, waiting for a task of that loop.
    """

    future: Future[None]
    leader: int = field(default_factory=threading.get_ident)

    def run(self) -> bool:
        if self.leader == threading.get_ident():
            return False
        self.future.result()
        return True

    async def arun(self) -> bool:
        # Waits on a copy: a waiter that is cancelled must not cancel what others wait for.
        await asyncio.wait([asyncio.wrap_future(self.future)])
        return True


Step: TypeAlias = Send | Read | Sleep | Do | Wait
Flow: TypeAlias = Generator[Step, Any, _T]


def run(flow: Flow[_T]) -> _T:
    """Carry a flow's steps out in this thread and return its result."""
    try:
        step = next(flow)
        while True:
            try:
                result = step.run()
            except Exception as error:  # noqa: BLE001 - the flow decides
                step = flow.throw(error)
            else:
                step = flow.send(result)
    except StopIteration as stop:
        return stop.value
    finally:
        flow.close()


async def arun(flow: Flow[_T]) -> _T:
    """Carry a flow's steps out on the running loop and return its result."""
    try:
        step = next(flow)
        while True:
            try:
                result = await step.arun()
            except Exception as error:  # noqa: BLE001 - the flow decides
                step = flow.throw(error)
            else:
                step = flow.send(result)
    except StopIteration as stop:
        return stop.value
    finally:
        flow.close()
