"""Flows: how a request is made, written once and run in a thread or on an event loop.

A flow is a generator that yields steps and is given their results, as psycopg 3's generators are::

    def fetch(request) -> Flow[bytes]:
        response = yield SendRequest(request, …)
        chunks = yield OpenBody(response, …)
        return (yield ReadChunk(chunks))

    run(fetch(request))           # in this thread
    await arun(fetch(request))    # on the running loop

A flow decides; :func:`run` and :func:`arun` do, and know nothing of retries, tokens or vendors.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from math import inf
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar
from weakref import WeakSet, ref

from dsgvo.errors import APIError, ConfigurationError, environment_error
from dsgvo.transport import _pools
from dsgvo.transport._config import Backend, as_given, key_of
from dsgvo.wire.limiter import Limiter, Outcome
from dsgvo.wire.retry import asks_for_fewer

if TYPE_CHECKING:
    import httpx
    from pydantic import SecretStr

__all__ = [
    "AskForKey",
    "Chunks",
    "CloseBody",
    "DeadlockError",
    "Flow",
    "Gate",
    "Lease",
    "OpenBody",
    "ReadBody",
    "ReadChunk",
    "RunInThread",
    "SendRequest",
    "Sink",
    "Sleep",
    "StoppedError",
    "WaitFor",
    "arun",
    "held_up",
    "run",
    "running_loop",
]

_log = logging.getLogger("dsgvo")
_T = TypeVar("_T")

_DATA_URL = re.compile(r"data:[\w.+/-]+;base64,[\w+/=]+", re.ASCII)
_IMAGE = 1000  # tokens, for a guess: about as many as models count for one, whatever its bytes

Chunks: TypeAlias = Generator[bytes] | _pools.Owned[bytes]
"""An answer's body as it is read, by a thread or on a loop."""


class Sink(Protocol):
    """Takes an answer's body piece by piece, until it is done."""

    @property
    def done(self) -> bool: ...

    def feed(self, data: bytes, /) -> Any: ...


@dataclass(slots=True)
class SendRequest:
    """Send a request; the result is the answer with its body unread."""

    request: httpx.Request
    transport: httpx.BaseTransport | None
    async_transport: httpx.AsyncBaseTransport | None
    backend: Backend | None = None

    def run(self) -> httpx.Response:
        if self.transport is None and self.async_transport is not None:
            raise _missing("http_transport", "http_async_transport")
        return _pools.send(self.request, self.transport)

    async def arun(self) -> httpx.Response:
        if self.async_transport is None and self.transport is not None:
            raise _missing("http_async_transport", "http_transport")
        return await _pools.asend(self.request, self.async_transport, self.backend)


def _missing(wanted: str, given: str) -> ConfigurationError:
    return environment_error(
        f"{wanted} is missing: {given} was given, and this call would go past it"
    )


@dataclass(slots=True)
class OpenBody:
    """Begin to read an answer's body; the result is for :class:`ReadChunk`."""

    response: httpx.Response
    max_bytes: int

    def run(self) -> Chunks:
        return _pools.read(self.response, self.max_bytes)

    async def arun(self) -> Chunks:
        return _pools.aread(self.response, self.max_bytes)


@dataclass(slots=True)
class ReadChunk:
    """Read what comes next of a body; the result is ``None`` at its end."""

    chunks: Any

    def run(self) -> bytes | None:
        return next(self.chunks, None)

    async def arun(self) -> bytes | None:
        return await anext(self.chunks, None)


@dataclass(slots=True)
class CloseBody:
    """Let go of a body that is read no further."""

    chunks: Any

    def run(self) -> None:
        self.chunks.close()

    async def arun(self) -> None:
        await self.chunks.aclose()


@dataclass(slots=True)
class ReadBody:
    """Read an answer's body into a sink, to its end or until the sink is done."""

    request: httpx.Request
    response: httpx.Response
    sink: Sink
    max_bytes: int

    def run(self) -> None:
        chunks, sink, keep = _pools.read(self.response, self.max_bytes), self.sink, False
        try:
            for data in chunks:
                sink.feed(data)
                if sink.done:
                    keep = True
                    break
        finally:
            _pools.finish(self.request, self.response, chunks, keep=keep)

    async def arun(self) -> None:
        chunks, sink, keep = _pools.aread(self.response, self.max_bytes), self.sink, False
        try:
            async for data in chunks:
                sink.feed(data)
                if sink.done:
                    keep = True
                    break
        finally:
            await _pools.afinish(self.response, chunks, keep=keep)


@dataclass(slots=True)
class Sleep:
    """Wait so many seconds."""

    seconds: float

    def run(self) -> None:
        time.sleep(self.seconds)

    async def arun(self) -> None:
        await asyncio.sleep(self.seconds)


@dataclass(slots=True)
class RunInThread:
    """Call what may hold up a thread, such as reading a disk; an event loop goes on meanwhile."""

    call: Callable[[], Any]

    def run(self) -> Any:
        return self.call()

    async def arun(self) -> Any:
        return await _in_thread(self.call)


async def _in_thread(call: Callable[[], _T]) -> _T:
    """Call a function in a thread; a StopIteration of it is an error, as it is inside of a flow.

    No future takes one: until Python 3.12 it would be waited for for ever.
    """

    def called() -> _T:
        try:
            return call()
        except StopIteration as error:
            raise RuntimeError("a function raised StopIteration") from error

    return await asyncio.to_thread(called)


@dataclass(slots=True)
class AskForKey:
    """Call a user's function that gives the key."""

    call: Callable[[], Any]

    def run(self) -> SecretStr:
        if iscoroutinefunction(self.call):
            raise environment_error(
                "api_key: an async function serves calls with await alone; pass one without async"
            )
        return key_of(self.call())

    async def arun(self) -> SecretStr:
        if iscoroutinefunction(self.call):
            return key_of(await self.call())
        # A vault may take its time.
        given = await _in_thread(lambda: as_given(self.call()))
        return key_of(await given if isawaitable(given) else given)


@dataclass(slots=True)
class FindLoop:
    """Find the loop that carries the flow out; the result is ``None`` in a thread."""

    def run(self) -> None:
        pass

    async def arun(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()


class DeadlockError(Exception):
    """Waiting would last too long, or for ever: such as on a loop's thread, for its own task."""


class StandstillError(DeadlockError):
    """Waiting would hold up the loop of this thread, whose tasks are waited for."""


class StoppedError(Exception):
    """Nobody waits for the result of a flow any more."""


@dataclass(slots=True)
class WaitFor:
    """Wait for what another thread or task is doing; the result is its result.

    Args:
        future: What is waited for.
        stands_still: Whether that cannot go on while this thread waits.
        seconds: How long at most.

    Raises:
        DeadlockError: If it would never end, or has not after so many seconds.
    """

    future: Future[Any]
    stands_still: Callable[[], bool]
    seconds: float

    def run(self) -> Any:
        if not self.future.done() and self.stands_still():
            raise StandstillError
        # A TimeoutError may be the user's, whose signal's handler raises one.
        if not wait((self.future,), self.seconds).done:
            raise DeadlockError
        return self.future.result()

    async def arun(self) -> Any:
        # Waits on a copy: a waiter that is cancelled must not cancel what others wait for.
        waiting = asyncio.wrap_future(self.future)
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        if not (await asyncio.wait([waiting], timeout=self.seconds))[0]:
            raise DeadlockError
        return self.future.result()


LOOK_SECONDS = 10.0
"""How long one waits for a place before it looks again whether those who have one are gone, and how
long their loop may stand still until it is said to be.
"""


class Gate:
    """The door that the requests of one key go through, as wide as a :class:`Limiter` says.

    Serves threads and loops at once. Those that find no place wait for one to be given back, also
    by a loop that was closed over its tasks, or that waits in its turn for the threads that wait
    here; those that have one sleep until their time has come.

    Args:
        limiter: The policy.
    """

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        # Also what the garbage collector ends inside of it gives its place back. No future's lock
        # is waited for in it: inside of that, too, the collector may end one, who waits for this.
        self._lock = threading.RLock()
        self._waiting: deque[tuple[Lease, Future[None]]] = deque()
        self.leases = dict[int, ref[Lease]]()  # one that is lost in an exception has no place
        self._asked = -inf
        self._doubted = False
        _gates.add(self)

    def after_fork(self) -> None:
        """Take back, in a forked child, what is in flight in the parent alone."""
        self._lock = threading.RLock()
        self._waiting.clear()
        self.leases.clear()
        self.limiter.in_flight = 0

    def guess(self, texts: Iterable[str]) -> int:
        """Return about how many tokens texts have, if that matters."""
        if not self.limiter.counts_tokens:
            return 0
        parts = (_DATA_URL.subn("", text) for text in texts)
        return sum(len(text) // 4 + 1 + _IMAGE * images for text, images in parts)

    def correct(self, guessed: int, tokens: int) -> None:
        """Note how many tokens were counted of a request whose tokens were guessed."""
        if not self.limiter.counts_tokens:
            return
        cost = self.limiter.cost(guessed, tokens)
        if cost < tokens and not self._doubted:
            self._doubted = True
            _log.warning("an answer counts %d tokens; %d are taken, a minute's", tokens, cost)
        with self._lock:
            self.limiter.spend(cost - guessed)

    def admit(self, tokens: int = 0) -> Flow[Lease]:
        """Wait until a request may be sent; return the lease that it then holds."""
        lease = Lease((yield FindLoop()))
        while not lease.holds:  # nor if its loop stood still when its turn came, and goes on
            turn = self._take(lease)
            try:
                while not turn.done():
                    self._look_for_gone()
                    yield from self._wait(lease, turn)
            except BaseException:
                with self._lock:
                    lease.left = True
                lease.end(GeneratorExit())  # the place was given to one who is gone
                raise
        with lease:
            lease.sent = self._schedule(tokens)
            while (delay := lease.sent - time.monotonic()) > 0 or self.must_wait(lease.sent):
                yield Sleep(max(delay, 0.0))
                if self.must_wait(lease.sent):
                    lease.sent = self._schedule(0)
            lease.sent = time.monotonic()
            lease.task = None  # whose frames may hold the answer
            return lease.keep()

    def waiting(self) -> set[asyncio.Task[Any]]:
        """Return the tasks whose requests are not sent yet."""
        return {lease.task for lease in self._all() if lease.task is not None}

    def _all(self) -> list[Lease]:
        """Return the leases of all who have a place or wait for one."""
        with self._lock:
            waiting = (lease for lease, _ in self._waiting.copy() if not lease.left)
            held = (one() for one in self.leases.copy().values())
            return [*filter(None, held), *waiting]

    def _look_for_gone(self) -> None:
        # At once, since other threads may add to it; a tuple's memory may call the collector.
        for held in self.leases.copy().values():
            if (lease := held()) is not None and lease.gone:
                lease.end(GeneratorExit())
        self.wake()

    def _wait(self, lease: Lease, turn: Future[None]) -> Flow[None]:
        """Wait for a turn, or until others may be gone.

        A call without ``await`` on a loop's thread holds up the loop. If tasks of that loop have
        places or wait for one, it would wait for ever, and is let through beyond the limit. So are
        the threads that work for it.
        """
        try:
            yield WaitFor(turn, partial(self._has_others, lease), LOOK_SECONDS)
        except StandstillError:
            with self._lock:
                waits = (lease, turn) in self._waiting
                if waits:
                    self._waiting.remove((lease, turn))
                    self.limiter.in_flight += 1
                    lease.hold(self)
            if waits:
                turn.set_result(None)
        except DeadlockError:
            now = time.monotonic()
            if now - self._asked >= LOOK_SECONDS:  # one asks for all who wait
                self._asked = now
                for one in self._all():
                    one.ask()

    def _has_others(self, lease: Lease) -> bool:
        loop = running_loop() or held_up.get()
        return loop is not None and any(
            one.loop is loop and one is not lease for one in self._all()
        )

    def _take(self, lease: Lease) -> Future[None]:
        turn = Future[None]()
        with self._lock:
            if self._waiting or not self.limiter.take():
                self._waiting.append((lease, turn))
                return turn
            lease.hold(self)
        turn.set_result(None)
        return turn

    def _schedule(self, tokens: int) -> float:
        with self._lock:
            return self.limiter.schedule(time.monotonic(), tokens)

    def must_wait(self, at: float) -> bool:
        """Return whether the vendor has asked meanwhile to wait past a time."""
        return self.limiter.must_wait(at)

    def give(self, sent: float, outcome: Outcome | None, retry_after: float | None = None) -> None:
        """Take a lease's place back, with what came of its request; ``None``: nothing."""
        with self._lock:
            if outcome is None:
                self.limiter.leave()
            else:
                self.limiter.give(
                    time.monotonic(), sent=sent, outcome=outcome, retry_after=retry_after
                )
        self.wake()

    def wake(self) -> None:
        """Let as many go on as there are places."""
        turns = list[Future[None]]()
        with self._lock:
            while self._waiting:
                # Out of it first: what the collector ends meanwhile wakes others.
                first = lease, turn = self._waiting.popleft()
                holds = not (lease.gone or lease.left)
                if holds and not self.limiter.take():
                    self._waiting.appendleft(first)
                    break
                if holds:
                    lease.hold(self)
                turns.append(turn)
        for turn in turns:
            turn.set_result(None)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


held_up: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("held_up", default=None)
"""The loop whose thread waits for this one."""

_gates = WeakSet[Gate]()


def _after_fork() -> None:
    for gate in tuple(_gates):
        gate.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Lease:
    """A request's place among those in flight, given back once: by an error, or at the end.

    Or when nobody has it any more: a signal's handler may raise between two ``with`` blocks.
    """

    _gate: Gate | None = None
    _kept = False
    left = False  # nobody waits for its place any more
    _asked = inf
    sent = 0.0

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._process = os.getpid()
        self.loop = loop
        self.task = None if loop is None else asyncio.current_task(loop)

    @property
    def holds(self) -> bool:
        """Whether it has a place."""
        return self._gate is not None

    @property
    def gone(self) -> bool:
        """Whether it is of a loop that runs no longer, or does not answer, and so does nothing."""
        if self.loop is None:
            return False
        return not self.loop.is_running() or time.monotonic() - self._asked >= LOOK_SECONDS

    def ask(self) -> None:
        """Have its loop answer, unless it was asked already."""
        if self.loop is not None and self._asked == inf:
            self._asked = time.monotonic()
            with suppress(RuntimeError):  # it was closed
                self.loop.call_soon_threadsafe(setattr, self, "_asked", inf)

    def hold(self, gate: Gate) -> None:
        """Take over a place that the gate's limiter has given."""
        self._gate = gate
        gate.leases[id(self)] = ref(self)

    def keep(self) -> Lease:
        """Leave it to another ``with`` block to end the lease."""
        self._kept = True
        return self

    def __enter__(self) -> None:
        self._kept = False

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None or not self._kept:
            self.end(error)

    def __del__(self) -> None:
        self.end(GeneratorExit())

    def end(self, error: BaseException | None) -> None:
        """Give the place back, and let the policy learn from what came; once."""
        gate, self._gate = self._gate, None
        if gate is None or self._process != os.getpid():
            return
        gate.leases.pop(id(self), None)
        outcome: Outcome | None = "ok" if error is None else None
        if isinstance(error, APIError):
            outcome = asks_for_fewer(error) or "failed"
        gate.give(self.sent, outcome, getattr(error, "retry_after", None))


Step: TypeAlias = (
    SendRequest
    | OpenBody
    | ReadChunk
    | CloseBody
    | ReadBody
    | Sleep
    | RunInThread
    | AskForKey
    | FindLoop
    | WaitFor
)
Flow: TypeAlias = Generator[Step, Any, _T]


def run(flow: Flow[_T]) -> _T:
    """Carry a flow's steps out in this thread and return its result.

    Raises:
        StoppedError: Before its next step, if nobody waits for it any more.
    """
    stop = _pools.given_up.get()
    try:
        step = next(flow)
        while True:
            if stop is not None and stop.is_set():
                if isinstance(step, ReadBody):  # nobody else lets go of the answer that has come
                    step.response.close()
                raise StoppedError
            try:
                result = step.run()
            except Exception as error:  # noqa: BLE001 - the flow decides
                step = flow.throw(error)
            else:
                step = flow.send(result)
    except StopIteration as end:
        return end.value
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
    except StopIteration as end:
        return end.value
    finally:
        flow.close()
