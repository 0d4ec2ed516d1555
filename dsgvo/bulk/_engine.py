"""The loop under all bulk work: units of parts in flight, parts finished in order, Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from dsgvo._warnings import warn_once
from dsgvo.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    AuthenticationError,
    ConfigurationError,
    DsgvoError,
    QuotaExceededError,
    RedirectError,
)
from dsgvo.providers import Provider
from dsgvo.transport import AsyncClient, ClientConfig, Gate, running_loop
from dsgvo.transport._config import is_loopback
from dsgvo.transport._pools import runtime
from dsgvo.wire.arguments import shown
from dsgvo.wire.completion import Completion
from dsgvo.wire.embeddings import Batch, is_too_large
from dsgvo.wire.limiter import MAX_HOLD
from dsgvo.wire.retry import asks_for_fewer, next_delay

__all__ = [
    "Asked",
    "Engine",
    "Part",
    "Progress",
    "Remote",
    "Summary",
    "address",
    "as_error",
    "asked",
    "check_run",
]

MAX_RETRIES = 5
MAX_FAILURES = 20
"""Failures in a row, of any requests, after which the vendor may be down."""

MAX_OUTAGE = 600.0
"""Seconds after its last answer for which a vendor that may be down is asked again."""

MAX_PAUSE = 10.0
"""Seconds until it is, at most."""

_OF_THE_ROW = frozenset({400, 403, 404, 413, 422})
"""Statuses by which a vendor that is up says what it thinks of a request."""

MAX_OPEN_PARTS = 4
"""Parts that are read and not yet written: the bound of memory."""

_ENDS_THE_RUN = (AuthenticationError, QuotaExceededError, RedirectError)
_Unit = TypeVar("_Unit")
_T = TypeVar("_T")


@dataclass(slots=True)
class Summary:
    """What a run has done so far.

    Args:
        rows: Rows of the input that are finished, with those of earlier runs.
        total: Rows of the input.
        failed: Rows without a result.
        texts: Requests' texts or requests that were paid for in this run.
        requests: Requests that were answered in this run.
        tokens: Tokens that the vendor counted in this run.
        refused: Requests that the vendor refused for their number in this run.
        seconds: Duration of this run.
    """

    rows: int = 0
    total: int = 0
    failed: int = 0
    texts: int = 0
    requests: int = 0
    tokens: int = 0
    refused: int = 0
    seconds: float = 0.0
    begun: int = field(default=0, repr=False)

    @property
    def rate(self) -> float:
        """Rows a second in this run."""
        return (self.rows - self.begun) / self.seconds if self.seconds else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds that the rest will take at this rate, if that can be said."""
        return (self.total - self.rows) / self.rate if self.rate else None


class Asked(Protocol):
    """What makes the requests of a run, as an :class:`dsgvo.AsyncClient` does."""

    async def embed_batch(
        self, texts: Sequence[str], **options: Any
    ) -> tuple[Sequence[Any], int]: ...

    async def chat(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> Completion: ...


class Remote(Protocol):
    """Processes elsewhere that make the requests of a run, such as :class:`dsgvo.ray.Cluster`."""

    def asked(self, provider: str | Provider, gate: Gate, **client: Any) -> Asked:
        """Return what makes requests there, through a gate that is here."""
        ...


def asked(
    config: ClientConfig, gate: Gate, remote: Remote | None, given: Callable[[], Mapping[str, Any]]
) -> Asked:
    """Return what makes the requests of a run: a client in this process, or processes elsewhere."""
    if remote is not None:
        return remote.asked(config.spec, gate, **{**given(), "base_url": config.base_url})
    return AsyncClient.over(config)


_OWN = ("max_retries", "rate_limit")


def check_run(
    paths: Mapping[str, object],
    flags: Mapping[str, object],
    progress: Progress | None,
    remote: Remote | None,
    given: Collection[str],
) -> None:
    """Refuse a run in an event loop, which would stand still until it ends, or a wrong argument.

    Raises:
        ConfigurationError: With the argument and its value.
    """
    for name, value in paths.items():
        if value == "" or not isinstance(value, str | os.PathLike):  # "" would be this folder
            raise ConfigurationError(f"{name}={shown(value)} is no path")
    for name, value in flags.items():
        if not isinstance(value, bool):  # "false" would be true
            raise ConfigurationError(f"{name}={shown(value)}: use True or False")
    if progress is not None and not callable(progress):
        raise ConfigurationError(f"progress={shown(progress)}: use a function of a Summary")
    if remote is not None and not hasattr(remote, "asked"):
        raise ConfigurationError(f"remote={shown(remote)}: use a dsgvo.ray.Cluster")
    if own := [name for name in _OWN if name in given]:
        raise ConfigurationError(f"{own[0]}: a run sees to that; limits are arguments of their own")
    loop = running_loop()
    if loop is not None and not hasattr(loop, "_nest_patched"):  # nest_asyncio's may run another
        raise ConfigurationError(
            "an event loop runs in this thread, as in a notebook: await "
            "asyncio.to_thread(…) of this function and its arguments"
        )


def address(config: ClientConfig) -> str:
    """Return by what a journal knows a server: one on this machine may have any port."""
    parts = urlsplit(config.base_url)
    here = is_loopback(parts.hostname or "")
    return parts._replace(netloc=parts.hostname or "").geturl() if here else config.base_url


Progress = Callable[[Summary], None]
"""Is told what was done, about once a second."""


class Part(Protocol[_Unit]):
    """Some rows of the input: units of work, and how many of them are not done."""

    units: deque[_Unit]
    pending: int

    @property
    def rows(self) -> int: ...


class _TooManyError(Exception):
    """There are more texts than the vendor takes at once."""


class Engine(Generic[_Unit]):
    """Does the units of parts, as many at once as the gate lets through.

    Args:
        gate: What the requests go through.
        summary: Is kept up to date.
        progress: Is told so.
    """

    def __init__(self, gate: Gate, summary: Summary, progress: Progress | None = None) -> None:
        self.gate = gate
        self.summary = summary
        self._progress = progress
        # One reads and one writes: each keeps the memory that it has once needed.
        self._threads = ThreadPoolExecutor(2, "dsgvo-bulk")
        self._began = time.monotonic()
        self._told = 0.0
        self._failures = self._refused = 0  # in a row
        self._answered = float("-inf")  # when an answer came last
        self._alone = 0  # texts that were refused alone, with no answer since
        self._stopped = asyncio.Event()
        self._all_read = self._unwritten = False
        self._error: BaseException | None = None

    async def run(
        self,
        parts: Iterator[Part[_Unit]],
        perform: Callable[[Part[_Unit], _Unit], Awaitable[None]],
        finish: Callable[[Part[_Unit]], None],
    ) -> None:
        """Do all units of all parts, and finish parts in their order, in a thread.

        Raises:
            KeyboardInterrupt: After Ctrl-C, when what was in flight is done.
            DsgvoError: What ended the run, likewise.
        """
        open_parts: deque[Part[_Unit]] = deque()
        tasks: set[asyncio.Task[Any]] = set()
        writing: asyncio.Task[None] | None = None
        with self._threads, self._interruptible(tasks):
            while True:
                while not self.stopping and len(tasks) < self.gate.limiter.concurrency:
                    part = next((one for one in open_parts if one.units), None)
                    if part is None:
                        if self._all_read or len(open_parts) >= MAX_OPEN_PARTS:
                            break
                        part = await self._read(parts)
                        if part is None:
                            break
                        open_parts.append(part)
                        continue
                    tasks.add(asyncio.create_task(self._done(perform, part, part.units.popleft())))
                ready = writing is None and not self._unwritten and open_parts
                if ready and not open_parts[0].pending:
                    first = open_parts.popleft()
                    writing = asyncio.create_task(self._finished(finish, first))
                waiting = tasks | ({writing} if writing is not None else set[Any]())
                if not waiting:
                    break
                done, _ = await asyncio.wait(
                    waiting, return_when=asyncio.FIRST_COMPLETED, timeout=1
                )
                tasks -= done
                writing = None if writing in done else writing
                for task in done:
                    self._note(task)
                for task in tasks & self.gate.waiting() if self.stopping else ():
                    task.cancel()  # its request is not in flight, and may be due in an hour
                self.tell()
        self.tell(now=True)
        if self._error is not None:
            raise self._error

    async def _read(self, parts: Iterator[Part[_Unit]]) -> Part[_Unit] | None:
        try:
            part = await self._in_thread(lambda: next(parts, None))
        except Exception as error:  # noqa: BLE001 - what is in flight is kept first
            self._stop(error)
            return None
        self._all_read = part is None
        return part

    def _in_thread(self, call: Callable[[], _T]) -> Awaitable[_T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _done(
        self,
        perform: Callable[[Part[_Unit], _Unit], Awaitable[None]],
        part: Part[_Unit],
        unit: _Unit,
    ) -> None:
        await perform(part, unit)
        part.pending -= 1

    async def _finished(self, finish: Callable[[Part[_Unit]], None], part: Part[_Unit]) -> None:
        self._unwritten = True  # no later part is written unless this one is
        await self._in_thread(lambda: finish(part))
        self._unwritten = False
        self.summary.rows += part.rows

    def _note(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._stop(error)

    def _stop(self, error: BaseException) -> None:
        self._stopped.set()
        self._error = self._error or error

    @contextmanager
    def _interruptible(self, tasks: set[asyncio.Task[Any]]) -> Generator[None]:
        """Let the first Ctrl-C end the run when what is in flight is done, a second one now."""
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            for task in tasks if self.stopping else ():
                task.cancel()
            self._stop(KeyboardInterrupt())

        before = signal.getsignal(signal.SIGINT)
        try:
            loop.add_signal_handler(signal.SIGINT, interrupt)
        except (NotImplementedError, RuntimeError, ValueError):  # Windows; not the main thread
            yield
            return
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            if before is not None:  # a program may have one of its own
                signal.signal(signal.SIGINT, before)

    def tell(self, *, now: bool = False) -> None:
        """Tell the progress, at most once a second."""
        clock = time.monotonic()
        self.summary.seconds = clock - self._began
        self.summary.refused = self.gate.limiter.refused
        if self._progress is not None and (now or clock - self._told >= 1):
            self._told = clock
            try:
                self._progress(self.summary)
            except Exception as error:  # noqa: BLE001 - what is in flight is kept first
                self._stop(error)

    async def attempt(
        self,
        call: Callable[[], Awaitable[_T]],
        probe: Callable[[], Awaitable[Any]] | None = None,
    ) -> _T:
        """Return what a request gives; one that the vendor refuses for now is made again.

        Args:
            call: Makes it.
            probe: Makes one that cannot be at fault, and costs next to nothing.

        Raises:
            DsgvoError: If the request itself is at fault or refused for ``MAX_HOLD`` seconds, or
                the run is to end.
        """
        failures, began, again = 0, time.monotonic(), False
        while True:
            sent = time.monotonic()
            try:
                result = await call()
            except APIError as error:
                delay = self._delay(error, failures, time.monotonic() - began)
                failures += 1
                if delay is None:
                    if self._is_of_the_row(error):
                        raise
                    if not await self._is_up(error, probe, sent):
                        failures, delay = 0, random.random() * MAX_PAUSE
                    elif again or self._answered < sent:
                        raise
                    else:  # the vendor may have come back after it was sent
                        again, delay = True, 0.0
                with suppress(TimeoutError):  # the run is not to end
                    await asyncio.wait_for(self._stopped.wait(), delay)
                if self.stopping:
                    raise
            except ConfigurationError as error:
                if error.of_environment:  # no row is to blame for it
                    self._stop(error)
                raise
            else:
                self._note_answer()
                return result

    def _note_answer(self) -> None:
        self._answered = time.monotonic()
        self._failures = self._refused = self._alone = 0
        self.summary.requests += 1

    async def _is_up(
        self, error: APIError, probe: Callable[[], Awaitable[Any]] | None, sent: float
    ) -> bool:
        """Return whether the vendor answers others, so that a request itself is at fault.

        Args:
            error: How it has failed.
            probe: See :meth:`attempt`.
            sent: When.

        Raises:
            APIError: If none has been answered for ``MAX_OUTAGE`` seconds, or ever: the run ends.
        """
        few = self._failures < MAX_FAILURES + self.gate.limiter.concurrency
        blames = probe is None or isinstance(error, APIResponseError)  # which is an answer, too
        if self._answered >= sent or (few and blames):
            return True
        if probe is not None:
            with suppress(APIError, ConfigurationError):
                await probe()
                self._note_answer()
                return True
        if self.stopping:
            return True
        said = f"{self._failures} requests have failed in a row: the run "
        if time.monotonic() - self._answered > MAX_OUTAGE:
            error.add(f"{said}has ended")
            self._stop(error)
            raise error
        said += f"goes on if one is answered within {MAX_OUTAGE / 60:.0f} minutes: {error}"
        warn_once(("outage", self._answered), said, UserWarning)
        return False

    async def in_halves(
        self,
        call: Callable[[Sequence[str]], Awaitable[_T]],
        texts: Sequence[str],
        where: tuple[str, str],
    ) -> AsyncGenerator[tuple[Sequence[str], _T | DsgvoError]]:
        """Yield texts, and what a request for them gives, or the error of one that is at fault.

        Texts that are refused together are halved until it is known which, and so are more than a
        model at an address, ``where``, embeds at once. Not by the client: if one of its requests
        fails, what has come of the others is paid for again.

        Raises:
            DsgvoError: If no text is to blame.
        """

        def probe() -> Awaitable[_T]:  # with a text that no cache knows
            return call([f"Text {random.getrandbits(32)}"])

        async def ask() -> _T:
            if len(texts) > runtime.texts_at_once(where, texts):  # known by now, if not at first
                raise _TooManyError
            return await call(texts)

        too_large, began = False, time.monotonic()
        try:
            result = await self.attempt(ask, probe)
        except _TooManyError:
            pass
        except (APIError, ConfigurationError) as error:
            # These are of the key or the model, or of a firewall that looks at the text.
            refused = error.status_code in {403, 404}
            if self.stopping or (refused and not await self._answers(probe, began)):
                raise
            if len(texts) == 1:
                await self._require_fault(probe, error)
                yield texts, error
                return
            # A server that embeds but the first of several texts has a limit, too.
            too_large = isinstance(error, APIResponseError) or (
                isinstance(error, APIError) and is_too_large(error, Batch(0, texts))
            )
        else:
            yield texts, result
            return
        middle = len(texts) // 2
        for half in (texts[:middle], texts[middle:]):
            if self.stopping:  # what has come of the others is kept
                raise asyncio.CancelledError
            async for one in self.in_halves(call, half, where):
                too_large = too_large and not isinstance(one[1], DsgvoError)
                yield one
        if too_large:
            runtime.note_too_large(where, texts)

    async def _answers(self, probe: Callable[[], Awaitable[Any]], since: float) -> bool:
        """Return whether the vendor has answered any request since then, or answers one now."""
        if self._answered < since:
            with suppress(APIError, ConfigurationError):
                await self.attempt(probe)
        return self._answered >= since

    async def _require_fault(self, probe: Callable[[], Awaitable[Any]], error: DsgvoError) -> None:
        """End the run if no text is embedded any more, not even one that cannot be at fault."""
        self._alone += 1
        if self._alone != MAX_FAILURES:
            return
        try:
            await self.attempt(probe)
        except (APIError, ConfigurationError):
            error.add("every text is refused, so none is to blame: the run has ended")
            self._stop(error)
            raise error from None

    def _delay(self, error: APIError, failures: int, seconds: float) -> float | None:
        """Return after how many seconds a request is made again: the gate knows the rest."""
        # One that is refused for an hour may be larger than a limit ever lets through.
        refused = asks_for_fewer(error) is not None and seconds <= MAX_HOLD
        self._failures += not (refused or self._is_of_the_row(error))
        # Beyond that the run is to be started again later.
        if isinstance(error, _ENDS_THE_RUN) or (error.retry_after or 0) > MAX_HOLD:
            self._stop(error)
            raise error
        if self.stopping:
            raise error
        if refused:
            self._refused += 1
            if self._refused == MAX_FAILURES:
                said = (
                    f"{MAX_FAILURES} requests in a row were refused, and the run goes on: {error}"
                )
                warn_once(("refused", self._began), said, UserWarning)
            return 0.0
        again = True if isinstance(error, APIConnectionError) else None
        return next_delay(error, failures, MAX_RETRIES, retry=again, jitter=random.random())

    @staticmethod
    def _is_of_the_row(error: APIError) -> bool:
        return error.status_code in _OF_THE_ROW or is_too_large(error)

    @property
    def stopping(self) -> bool:
        """Whether the run is to end, so that a failure says nothing of a row."""
        return self._stopped.is_set()


def as_error(error: BaseException) -> dict[str, Any]:
    """Return an error as a line of JSON has it: no key, prompt or answer is in any of it."""
    found: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    for name in ("status_code", "code", "request_id"):
        with suppress(AttributeError):
            if (value := getattr(error, name)) is not None:
                found[name] = value
    return found
