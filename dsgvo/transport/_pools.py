"""Connection pools over httpx, and what else the clients of a process share.

Nothing else in the project imports httpx, and this module does so on the first request. Its errors
are neutral: it knows neither vendors nor settings.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import threading
import time
import zlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib import import_module
from itertools import accumulate
from types import FrameType, TracebackType
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary, ref

from pydantic import SecretStr

from dsgvo import _warnings
from dsgvo._secrets import without_frames
from dsgvo.errors import ConfigurationError, environment_error
from dsgvo.providers import Model
from dsgvo.transport._config import Backend, ClientTransport, is_loopback
from dsgvo.wire.arguments import shown

if TYPE_CHECKING:
    from ssl import SSLContext

    import aiohttp
    import httpx
    from aiohttp.client_proto import ResponseHandler
    from yarl import URL

__all__ = [
    "ConnectionFailedError",
    "Form",
    "Owned",
    "Runtime",
    "Token",
    "abort",
    "afinish",
    "aread",
    "asend",
    "build",
    "finish",
    "hurry",
    "parsed",
    "proxy_for",
    "read",
    "runtime",
    "send",
]

CONNECT_TIMEOUT = 10.0
"""Seconds to reach the server; the request's own timeout wins if it is shorter."""

KEEPALIVE_CONNECTIONS = 64
"""httpcore closes an idle connection as soon as the pool holds more than this, busy ones counted: a
lower bound would make a server with that many requests at once connect anew for each. A higher one
costs time, since httpcore looks through the whole pool for each idle connection.
"""

IDLE_CONNECTIONS = 1000
"""How many aiohttp keeps idle of a server: it looks through none of them."""

KEEPALIVE_SECONDS = 30.0

GRACE_SECONDS = 0.05
"""How long the end of a stream waits for the end of its body, which mostly has come with it."""

DRAIN_SECONDS = 1.0
"""How long a connection is read on in the background, to be used again."""

MAX_HEAD = 100 * 1024
"""Bytes of heads under aiohttp, which is h11's bound of one."""

MAX_HEADS = 512 * 1024
"""Bytes until an answer's head is whole, those of heads such as ``100 Continue`` before it too."""

QUIET_SECONDS = 0.001
"""How long an idle connection is not looked at again: a request's way from the pool to it."""

SENT_AT_ONCE = 64 * 1024
"""Bytes that are sent of a body on a loop, so that the time-out sees that they go out."""

PIECE = 1024 * 1024
"""Bytes that are decompressed at once, however small they are on the wire."""

PART = 4096
"""Bytes that are given to be decompressed at once."""

_LONG_HEAD = "Receive buffer too long"
"""h11's words for a head beyond httpcore's bound of 100 KiB."""

_OF_TUNNELS = re.compile(rb"CONNECT |[\x01\x05]")
"""How what is said to a proxy begins, until there is a way to the server: in HTTP, or SOCKS."""

_QUOTED = re.compile(r":? (?:bytearray\()?b['\"].*", re.S)
_BY_PROXY = re.compile(r"(?<=\A\d{3}) .*", re.S)

Failure: TypeAlias = Literal[
    "unreachable",
    "unreachable in time",
    "untrusted",
    "silent",
    "broken",
    "stale",
    "head",
    "size",
    "proxy",
]


class ConnectionFailedError(Exception):
    """A request without a whole answer, in terms of the connection.

    Args:
        kind: ``unreachable`` and ``unreachable in time``: there was no connection; ``untrusted``:
            its certificate was refused; ``silent``: nothing came for the time-out; ``broken``;
            ``stale``: the server had closed a kept connection before a byte of the answer came;
            ``head``: the answer's head is too long; ``size``: its body is; ``proxy``: it answered.
        reason: What httpx says.
        retry: Whether no byte of an answer had come, so that sending again repeats nothing that
            the user has seen.
    """

    def __init__(self, kind: Failure, reason: str, *, retry: bool = False) -> None:
        self.kind: Failure = kind
        self.reason = reason
        self.retry = retry


class Form(NamedTuple):
    """A multipart form: fields, and files by field as name, opened file and type."""

    fields: dict[str, str]
    files: dict[str, tuple[str, IO[bytes], str]]


class Token(NamedTuple):
    """A bearer token, and until when it is used, by the monotonic clock."""

    secret: SecretStr
    until: float


Account: TypeAlias = tuple[str, str | None, object]
"""Server, workspace, and whose key it is."""

_K = TypeVar("_K")
_T = TypeVar("_T")
_E = TypeVar("_E", bound=BaseException)

SIZE_SECONDS = 600.0
"""How long it is believed how many texts a model embeds at once: a refusal may be a mistake."""

MAX_ACCOUNTS = 1000
"""Accounts of which lists, a token or a gate are kept; the oldest goes first."""

TokenKey: TypeAlias = tuple[str, str, bytes]
"""Where a token comes from, and whose it is."""

_AsyncTransports: TypeAlias = "dict[tuple[Backend | None, str | None], httpx.AsyncBaseTransport]"
"""By backend and proxy."""

_Copies: TypeAlias = WeakKeyDictionary[Any, Any]
"""By the user's pool that one is a copy of, and goes with."""


@dataclass(slots=True)
class _LoopPool:
    transports: _AsyncTransports
    copies: _Copies
    keeper: AsyncGenerator[None]


anew: ContextVar[bool] = ContextVar("anew", default=False)
"""Whether this request takes no kept connection: one of them was closed on it."""

ends_by: ContextVar[float | None] = ContextVar("ends_by", default=None)
"""When the answer of this request must have ended, by the monotonic clock."""

given_up: ContextVar[threading.Event | None] = ContextVar("given_up", default=None)
"""Set when nobody waits any more for what this thread asks."""


class _Wire:
    """A connection's bytes between one request and the next.

    A time-out bounds each silence, and httpcore each head: a server that says a little now and
    then, or sends one head after another, would keep its client for ever.

    Attributes:
        received: How many bytes have come since the request.
        has_head: Whether the answer's head has come.
        until: When the answer must have ended, by the monotonic clock.

    Args:
        stream: The connection.
        tunnel: When a proxy, if there is one, must have led to the server. httpcore waits for its
            answer as long as for the server's, and with SOCKS for ever.
    """

    def __init__(self, stream: Any, tunnel: float | None) -> None:
        self._stream = stream
        self._tunnel = tunnel
        self._request_head = b""
        self._connection: Callable[[], Any] = lambda: None
        self._begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def get_extra_info(self, info: str) -> Any:
        """Call an idle connection closed, too, if more had come than its last answer, or its end.

        It would be taken for the next one, or its start. The end of TLS leaves nothing to be read.
        """
        if info != "is_readable":
            return self._stream.get_extra_info(info)
        if time.monotonic() < self._quiet_until:
            return False
        connection = self._connection() or _connection_at_work()
        if connection is not None:
            self._connection = ref(connection)
            if any(connection._h11_state.trailing_data):  # noqa: SLF001
                return True
        readable = self._stream.get_extra_info(info)
        if not readable:
            self._quiet_until = time.monotonic() + QUIET_SECONDS
        return readable

    def _begin(self) -> None:
        self._quiet_until = 0.0
        self.received = 0
        self.has_head = False
        self.until = self._tunnel or ends_by.get()

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        try:
            return self._taken(self._stream.read(max_bytes, self._seconds(timeout)))
        except Exception as error:
            self._note(error)
            raise

    def write(self, buffer: bytes, timeout: float | None = None) -> Any:
        if data := self._outgoing(buffer):
            try:
                self._stream.write(data, timeout)
            except Exception as error:
                self._note(error)
                raise

    def _outgoing(self, buffer: bytes) -> bytes:
        """Return what is sent now: h11 writes a request's head and body apart, and then nothing."""
        head, self._request_head = self._request_head, b""
        if buffer and not head:
            if (stop := given_up.get()) is not None and stop.is_set():
                import httpcore

                raise httpcore.ConnectError("nobody waits for an answer any more")
            # The pool looks at idle connections, and may take one that another thread just freed.
            if self.has_head and (anew.get() or self.get_extra_info("is_readable")):
                import httpcore

                raise httpcore.ConnectionNotAvailable  # it takes another one; nothing was sent
            if self._tunnel is not None and not _OF_TUNNELS.match(buffer):
                self._tunnel = None
            self._begin()
            if buffer.startswith(b"POST "):
                self._request_head, buffer = buffer, b""
        return head + buffer

    def start_tls(self, *args: Any, **kwargs: Any) -> Any:
        return _Wire(self._stream.start_tls(*args, **kwargs), self._tunnel)

    def _seconds(self, timeout: float | None) -> float | None:
        if self.until is None:
            return timeout
        left = self.until - time.monotonic()
        if left <= 0:
            import httpcore

            raise httpcore.ReadTimeout
        return min(left, timeout or left)

    def let_go(self) -> None:
        """Close the connection, which has not become one to the server."""
        self._stream.close()

    def _note(self, error: Exception) -> None:
        import httpcore

        if self._tunnel is None and isinstance(error, httpcore.WriteTimeout):
            # A server may refuse a request and neither read it nor close: after this error, what
            # has come is read.
            self.until = time.monotonic() + GRACE_SECONDS
            raise httpcore.WriteError from error
        if self._tunnel is not None and isinstance(error, httpcore.ReadTimeout):
            raise httpcore.ConnectTimeout("the proxy does not answer") from error

    def _taken(self, data: bytes) -> bytes:
        self.received += len(data)
        if not self.has_head and self.received > MAX_HEADS:
            import httpcore

            # The user's own client, which shares his pool, may speak no HTTP, or have the head.
            state = getattr(_connection_at_work(), "_h11_state", None)
            if state is not None and str(state.their_state) == "SEND_RESPONSE":
                raise httpcore.RemoteProtocolError(_LONG_HEAD)
        return data


class _AsyncWire(_Wire):
    """A connection on a loop, which is also read from while a body is sent in pieces.

    A server that answers before it has the whole body mostly closes the connection as well, by
    which asyncio forgets what it has not read: the refusal would be lost, and the body sent again.
    """

    _sent = False  # something, and nothing was read since
    _early: asyncio.Task[bytes | Exception] | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        self._sent = False
        try:
            seconds = self._seconds(timeout)
            if self._early is None:
                return self._taken(await self._stream.read(max_bytes, seconds))
            return self._taken(await self._what_came_early(seconds))
        except Exception as error:
            self._note(error)
            raise

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        data = self._outgoing(buffer)
        for start in range(0, len(data), SENT_AT_ONCE):
            if self._sent:
                await self._take_what_is_here()
            self._sent = True
            try:
                await self._stream.write(data[start : start + SENT_AT_ONCE], timeout)
            except Exception as error:
                self._note(error)
                raise

    async def _take_what_is_here(self) -> None:
        early = self._early = self._early or _in_background(self._read_early())
        for _ in range(9):  # turns of the loop, of which reading takes a few
            if early.done() or not self._stream.get_extra_info("is_readable"):
                break
            await asyncio.sleep(0)

    async def _read_early(self) -> bytes | Exception:
        try:
            return await self._stream.read(SENT_AT_ONCE)
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is read
            return error

    async def _what_came_early(self, seconds: float | None) -> bytes:
        import httpcore

        done, _ = await asyncio.wait(filter(None, [self._early]), timeout=seconds)
        if not done:
            raise httpcore.ReadTimeout
        self._early = None
        found = done.pop().result()
        if isinstance(found, Exception):
            raise found
        return found

    async def start_tls(self, *args: Any, **kwargs: Any) -> _AsyncWire:
        return _AsyncWire(await self._stream.start_tls(*args, **kwargs), self._tunnel)

    def let_go(self) -> None:
        _in_background(self._stream.aclose())


class _Network:
    """A network backend of httpcore's whose connections are watched."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def connect_tcp(self, **kwargs: Any) -> Any:
        return _Wire(self._backend.connect_tcp(**kwargs), _end_of(kwargs.get("timeout")))


class _AsyncNetwork(_Network):
    async def connect_tcp(self, **kwargs: Any) -> _AsyncWire:
        stream = await self._backend.connect_tcp(**kwargs)
        return _AsyncWire(stream, _end_of(kwargs.get("timeout")))


def _end_of(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


def _watch(held: object) -> None:
    """Watch the connections of httpcore's pool, or httpx's with it, unless requests share one.

    httpx has no argument for it; this fits httpcore 1.0. Otherwise its own bounds hold alone.
    """
    pool: object = vars(held).get("_pool", held)
    known = vars(pool)
    backend = known.get("_network_backend")
    if known.get("_http2") is False and not isinstance(backend, None | _Network):
        is_async = hasattr(pool, "handle_async_request")
        known["_network_backend"] = (_AsyncNetwork if is_async else _Network)(backend)
    if known.get("_proxy_auth"):  # httpcore's log for debugging shows what a SOCKS proxy is told
        known["_proxy_auth"] = tuple(map(_Unshown, known["_proxy_auth"]))
    _survive_collector(pool)


class _Unshown(bytes):
    """Bytes that are not to be read in a log."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


_ASSIGN = "_assign_requests_to_connections"


def _survive_collector(pool: object) -> None:
    """Have a pool of threads go on if the garbage collector ends an answer inside of its lock.

    It does so with a stream that was left, on any thread and at any place. httpcore's lock cannot
    be taken twice: that thread would wait for itself, and all others for it. Fits httpcore 1.0.3.
    """
    known = vars(pool)
    known.pop(_ASSIGN, None)  # a copied pool's is the other one's
    if hasattr(pool, "handle_request") and "_optional_thread_lock" in known:
        known["_optional_thread_lock"] = threading.RLock()
        known[_ASSIGN] = _Assigning(getattr(pool, _ASSIGN))


class _Assigning:
    """A pool's assigning of requests to connections; what asks for it meanwhile has it repeated."""

    def __init__(self, assign: Callable[[], list[Any]]) -> None:
        self._assign = assign
        self._begun = self._again = False

    def __call__(self) -> list[Any]:
        self._again = True
        closing = list[Any]()
        if self._begun:
            return closing
        self._begun = True
        try:
            while self._again:
                self._again = False
                closing += self._assign()
        finally:
            self._begun = False
        return closing


_importing = threading.RLock()
"""Held while a request imports modules. No child is forked meanwhile: it would wait for ever for
the thread that imports them, which it does not have.
"""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire,
        after_in_parent=_importing.release,
        after_in_child=_importing.release,
    )


def _imported(module: str) -> bool:
    """Import a module that a request needs; return whether it is installed."""
    try:
        with _importing:
            import_module(module)
    except ImportError:
        return False
    return True


class _Pools:
    """Connection pools of this process: one for threads, one for each running event loop.

    Model objects hold none, so any number of them share these, and each can be pickled. A loop's
    pool is an attribute of the loop, since its connections hold the loop: elsewhere it would keep
    one that is dropped without ``close()``. It is closed by the loop itself: it has an asynchronous
    generator, which ``asyncio.run`` closes before it closes the loop.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.threads: dict[str | None, httpx.HTTPTransport] = {}
        self.loops = WeakSet[asyncio.AbstractEventLoop]()
        self.ssl: SSLContext | None = None

    def make_ready(self) -> SSLContext:
        """Import what requests need and read the certificates: it takes long, and is done once."""
        with self._lock, _importing:
            if self.ssl is None:
                import_module("encodings.idna")
                import_module("httpcore")  # httpx does with its first pool
                import httpx

                try:
                    self.ssl = httpx.create_ssl_context()  # verifies, and heeds SSL_CERT_FILE
                except OSError as error:
                    raise environment_error(
                        f"SSL_CERT_FILE and SSL_CERT_DIR: no certificates could be read ({error})"
                    ) from None
            return self.ssl

    @without_frames
    def sync(self, proxy: str | None) -> httpx.HTTPTransport:
        """Return the pool that all threads share."""
        if (transport := self.threads.get(proxy)) is None:
            import httpx

            with _proxy_understood():
                made = httpx.HTTPTransport(**self.settings(proxy))
            _watch(made)
            transport = self.threads.setdefault(proxy, made)
        return transport

    async def loop(
        self, proxy: str | None, backend: Backend | None = None
    ) -> httpx.AsyncBaseTransport:
        """Return the pool of the running loop: aiohttp's where it is installed, unless told."""
        transports = (await self._of_loop()).transports
        if (transport := transports.get((backend, proxy))) is None:
            made = await self._made(proxy, backend)
            transport = transports.setdefault((backend, proxy), made)
        return transport

    async def copy(self, pool: Any) -> Any:
        """Return the running loop's copy of a pool of the user's."""
        copies = (await self._of_loop()).copies
        return copies.get(pool) or copies.setdefault(pool, _emptied(pool))

    async def _of_loop(self) -> _LoopPool:
        loop = asyncio.get_running_loop()
        pools: dict[_Pools, _LoopPool] = vars(loop).setdefault("_dsgvo_pools", {})
        if (pool := pools.get(self)) is None:  # a forked child's are others
            transports: _AsyncTransports = {}
            copies = _Copies()
            keeper = self._keep(loop, transports, copies)
            pool = pools[self] = _LoopPool(transports, copies, keeper)
            self.loops.add(loop)
            with _left_to_its_owner():  # it goes with the loop
                begun = anext(keeper)
            await begun
        return pool

    async def _made(self, proxy: str | None, backend: Backend | None) -> httpx.AsyncBaseTransport:
        """Make a transport, which opens nothing before its first request."""
        import httpx

        socks = (proxy or "").startswith("socks")
        if backend != "httpcore" and not (socks and backend is None):
            # aiohttp takes long to be imported, and reads no SOCKS proxy.
            if await asyncio.to_thread(_has_aiohttp):
                from httpx_aiohttp import AiohttpTransport

                with _proxy_understood():
                    via = _through(httpx.Proxy(proxy)) if proxy else None
                    context = self.make_ready()
                    return AiohttpTransport(context, client=partial(_session, via, context))
            if backend is not None:
                raise environment_error(
                    "DSGVO_ASYNC_BACKEND=aiohttp: httpx-aiohttp is not installed; use "
                    "pip install 'dsgvo-llm[aiohttp]'"
                )
        # httpcore would, on the loop.
        await asyncio.to_thread(_imported, "anyio._backends._asyncio")
        with _proxy_understood():
            made = httpx.AsyncHTTPTransport(**self.settings(proxy))
        _watch(made)
        return made

    async def _keep(
        self, loop: asyncio.AbstractEventLoop, transports: _AsyncTransports, copies: _Copies
    ) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            vars(loop)["_dsgvo_pools"].pop(self, None)
            for transport in () if loop.is_closed() else (*transports.values(), *copies.values()):
                await transport.aclose()

    def settings(self, proxy: str | None) -> dict[str, Any]:
        import httpx

        return {
            "verify": self.make_ready(),
            "proxy": proxy,
            "limits": httpx.Limits(
                max_keepalive_connections=KEEPALIVE_CONNECTIONS,
                keepalive_expiry=KEEPALIVE_SECONDS,
            ),
            "socket_options": _Probes(),
        }


@cache
def _probes() -> tuple[tuple[int, int, int], ...]:
    """Return the options by which a system asks whether a silent connection still stands.

    Routers forget one on which nothing comes for minutes, such as while a model thinks: the answer
    would never arrive.
    """
    wanted = [(socket.SOL_SOCKET, "SO_KEEPALIVE", 1), (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 60)]
    wanted += [(socket.IPPROTO_TCP, "TCP_KEEPALIVE", 60)]  # macOS calls it so
    wanted += [(socket.IPPROTO_TCP, "TCP_KEEPINTVL", 30), (socket.IPPROTO_TCP, "TCP_KEEPCNT", 4)]
    taken = list[tuple[int, int, int]]()
    with socket.socket() as tried:
        for level, name, value in wanted:
            with suppress(AttributeError, OSError):  # not every system has all of them
                option = (level, getattr(socket, name), value)
                tried.setsockopt(*option)
                taken.append(option)
    return tuple(taken)


class _Probes:
    """What :func:`_probes` returns, once a connection is made: no socket is made before."""

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        return iter(_probes())


class _Anew:
    """A pool in a transport of the user's, with one copy for each loop and each forked process.

    httpcore's own would use a connection of another loop's, which is an error, or one that is the
    parent's as well, where each may read the other's answer.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._process = os.getpid()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def handle_request(self, request: Any) -> Any:
        if self._process != os.getpid():
            _inherited.append(self._pool)
            self._pool, self._process = _emptied(self._pool), os.getpid()
        return self._pool.handle_request(request)

    async def handle_async_request(self, request: Any) -> Any:
        return await (await runtime.pools.copy(self._pool)).handle_async_request(request)

    async def aclose(self) -> None:
        for pool in (self._pool, await runtime.pools.copy(self._pool)):
            await pool.aclose()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


_parted = WeakValueDictionary[int, Any]()


def _emptied(pool: object) -> Any:
    """Return a copy of httpcore's pool without its connections; this fits httpcore 1.0."""
    made = copy(pool)
    # The last one until 1.0.2; the lock since then is made anew where it is watched.
    names = {"_connections", "_requests", "_pool_lock"}
    for name in names & vars(pool).keys():
        setattr(made, name, type(getattr(pool, name))())
    _watch(made)
    return made


def _part(held: object) -> None:
    """Have the pools in a transport of the user's made anew, also in one around another."""
    if _parted.get(id(held)) is held:  # nearly always
        return
    import httpcore
    import httpx

    client = httpx.Client | httpx.AsyncClient | ClientTransport
    if not isinstance(held, httpx.BaseTransport | httpx.AsyncBaseTransport | client):
        return
    _parted[id(held)] = held
    for name, inner in list(vars(held).items()):
        if isinstance(inner, httpcore.ConnectionPool | httpcore.AsyncConnectionPool):
            _watch(inner)
            vars(held)[name] = _Anew(inner)  # also of one that is frozen
        several = cast("Any", inner).values() if isinstance(inner, dict) else cast("Any", inner)
        for one in list(several) if isinstance(inner, dict | list | tuple) else (inner,):
            _part(one)


class Runtime:
    """What the clients of a process share.

    Attributes:
        pools: Connections.
        tokens: Access tokens.
        flights: Token requests under way.
        refused: Optional fields that a server has refused, by its ``base_url`` and the model.
        forms: Those in which models, by ``base_url``, want histories; they refuse others.
        open_thoughts: Models, by account, whose last answer began inside a thought.
        gave_base64: Models, by ``base_url``, that have given vectors when asked for base64.
        sure_of_base64: Those of them that have refused a text when asked for numbers too.
        batch_sizes: How many texts a model embeds at once, where more were refused, and the size
            from which that holds, since it may have been too large and not too many.
        sized_at: When that was learned.
        model_lists: Vendors' model lists and until when they are believed, by account; ``None`` if
            there is none to be had.
        workspaces: The only workspace of an account.
        gates: Adaptive limits, by ``base_url`` and key.
        clock: The monotonic clock by which an answer is late.
    """

    clock = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.pools = _Pools()
        self._forget()

    def _forget(self) -> None:
        self.tokens: dict[TokenKey, Token] = {}
        self.flights: dict[TokenKey, Any] = {}
        self.refused: set[tuple[tuple[str, object], str]] = set()
        self.forms: dict[tuple[str, object], frozenset[str]] = {}
        self.open_thoughts: dict[tuple[object, ...], None] = {}
        self.gave_base64: set[tuple[str, object]] = set()
        self.sure_of_base64: set[tuple[str, object]] = set()
        self.batch_sizes: dict[tuple[str, object], tuple[int, int]] = {}
        self.sized_at: dict[tuple[str, object], float] = {}
        self.model_lists: dict[Account, tuple[float, list[Model] | None]] = {}
        self.workspaces: dict[Account, str] = {}
        self.gates: dict[tuple[str, object], Any] = {}

    def texts_at_once(self, where: tuple[str, object], texts: Sequence[str]) -> int:
        """Return how many of the texts a request may have, by what the server has refused."""
        most, size = self.batch_sizes.get(where, (len(texts), 0))
        if len(texts) <= most:
            return len(texts)
        now = self.clock()
        if now - self.sized_at.setdefault(where, now) > SIZE_SECONDS:
            self.sized_at.pop(where, None)
            self.batch_sizes.pop(where, None)
            return len(texts)
        # No further than to that size: a line of a batch file asks again for what is left of it.
        return most if any(so_far >= size for so_far in accumulate(map(len, texts))) else len(texts)

    def note_too_large(self, where: tuple[str, object], texts: Sequence[str]) -> None:
        """Note that a server takes the halves of what it has refused."""
        if len(texts) > self.texts_at_once(where, texts):
            return
        most, size = (len(texts) + 1) // 2, sum(map(len, texts))
        if known := self.batch_sizes.get(where):  # smaller ones are refused: the number may be it
            most = known[0] if len(texts) > known[0] else most
            size = min(size // 2, known[1])
        self.batch_sizes[where], self.sized_at[where] = (most, size), self.clock()

    def keep(self, memory: dict[_K, _T], account: _K, value: _T) -> None:
        """Keep what is known of an account, and forget the oldest one beyond ``MAX_ACCOUNTS``."""
        with self.lock:
            memory.pop(account, None)
            while len(memory) >= MAX_ACCOUNTS:
                del memory[next(iter(memory))]
            memory[account] = value

    def model_list(self, account: Account) -> tuple[float, list[Model] | None]:
        """Return what is kept of a vendor's model list, and until when it is believed."""
        return self.model_lists.get(account, (0.0, None))

    def learn(self, model: tuple[str, object], forms: frozenset[str], *, anew: bool) -> None:
        """Note in which forms, too, a model takes histories; ``anew``: in them alone."""
        known = self.forms.get(model, frozenset())
        if (found := forms if anew else known | forms) != known:
            self.keep(self.forms, model, found)

    def refused_by(self, model: tuple[str, object]) -> set[str]:
        """Return the optional fields that a server has refused for a model."""
        refused = tuple(self.refused)  # at once, since other threads may add to it
        return {name for where, name in refused if where == model}

    def reset(self) -> None:
        """Forget everything and close the connections that threads share; loops close their own."""
        for transport in self.pools.threads.values():
            transport.close()
        self.pools.threads.clear()
        self._forget()
        proxy_for.cache_clear()
        _warnings.forget()

    def after_fork(self) -> None:
        """Forget, in a forked child, what only the parent has: sockets, and requests under way."""
        # The old pools are kept from the garbage collector, which would end TLS sessions that
        # the parent still uses.
        _inherited.extend((self.pools, *self.pools.loops))
        self.lock, self.pools, self.flights = threading.RLock(), _Pools(), {}


_inherited: list[object] = []
runtime = Runtime()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=runtime.after_fork)


def send(request: httpx.Request, transport: httpx.BaseTransport | None) -> httpx.Response:
    """Send a request, over the user's transport if there is one; the answer's body is unread."""
    try:
        if transport is not None:
            _part(transport)
        transport = transport or runtime.pools.sync(_proxy(request))
        response = transport.handle_request(request)
    except _errors() as error:
        failure = _failure(error, answered=False)
    except BaseException as error:  # also what a signal's handler raises, as Celery's time limit
        _let_go(error.__traceback__)
        names = (str(one.f_globals.get("__name__")) for one in _frames(error.__traceback__))
        if not isinstance(error, Exception) or any(one.startswith("httpcore.") for one in names):
            _without_frames(error)  # which hold the key
        raise
    else:
        return _begun(response)
    raise failure


async def asend(
    request: httpx.Request,
    transport: httpx.AsyncBaseTransport | None,
    backend: Backend | None = None,
) -> httpx.Response:
    """Do what :func:`send` does, on the running loop, over the pools of that backend."""
    at_once = sys.maxsize  # the user's own transport is given a body as it is, and httpcore's
    try:
        if transport is None:
            transport = await runtime.pools.loop(_proxy(request), backend)
            if not hasattr(transport, "_pool"):
                at_once = SENT_AT_ONCE
        else:
            _part(transport)
        response = await transport.handle_async_request(_without_blocking(request, at_once))
    except asyncio.CancelledError as error:
        connection = _cancelled_on(error)
        _let_go(error.__traceback__)
        _without_frames(error)  # which hold the key
        if connection is not None:
            await asyncio.shield(_in_background(connection.aclose()))
        raise
    except ConfigurationError as error:
        _without_frames(error)
        raise
    except _errors() as error:
        failure = _ours(error) or _failure(error, answered=False)
    else:
        return _begun(response)
    raise failure  # without aiohttp's exception as its context: its frames hold the key


def _begun(response: httpx.Response) -> httpx.Response:
    """Note that an answer's head has come, and to which process."""
    response.extensions["process"] = os.getpid()
    wire = response.extensions.get("network_stream")
    if isinstance(wire, _Wire):  # else a transport of the user's, or aiohttp's
        wire.has_head = True
    return response


def _is_own(response: httpx.Response) -> bool:
    return response.extensions.get("process") in {None, os.getpid()}


def hurry(request: httpx.Request, response: httpx.Response, seconds: float) -> None:
    """Have an answer end within seconds, in whatever small pieces it comes."""
    # httpcore takes the time-out when a body begins to be read.
    steps = request.extensions["timeout"]
    steps["read"] = min(seconds, steps["read"] or seconds)
    wire = response.extensions.get("network_stream")
    if isinstance(wire, _Wire):
        wire.until = time.monotonic() + seconds
    answer = _aiohttp_answer(response)
    if answer is not None and (connection := answer.connection) is not None:
        handle = asyncio.get_running_loop().call_later(seconds, _end, connection.protocol)
        connection.add_callback(handle.cancel)


def _end(protocol: Any) -> None:
    protocol._on_read_timeout()  # noqa: SLF001


def _without_blocking(request: httpx.Request, at_once: int) -> httpx.Request:
    """Return a request whose files are read in threads; httpx would read them on the loop."""
    import httpx

    form = request.stream
    if not isinstance(form, httpx.SyncByteStream):
        return request
    if isinstance(form, httpx.ByteStream):
        body = request.content
        if len(body) <= at_once:
            return request

        async def content() -> AsyncGenerator[bytes]:
            # Where sockets do not wait as _Patient does, a refusal is read before a piece fails.
            turns = 0 if isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop) else 2
            for start in range(0, len(body), at_once):
                yield body[start : start + at_once]
                for _ in range(turns):
                    await asyncio.sleep(0)
    else:
        pieces = iter(form)

        async def content() -> AsyncGenerator[bytes]:
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield piece

    head: dict[str, Any] = {"headers": request.headers, "extensions": request.extensions}
    return _request()(request.method, request.url, content=content(), **head)


def read(response: httpx.Response, max_bytes: int) -> Generator[bytes]:
    """Yield the body, decompressed, and free the connection when left for whatever reason.

    A forked child frees nothing: the connection is the parent's, and a thread that it does not have
    may hold the pool.
    """
    size, failure = 0, None
    pieces: Iterator[bytes] | None = None
    try:
        # httpx's own iterators cost a streamed token 5 %.
        stream: Any = response.stream
        packed = _encoding(response)
        pieces = iter(stream if packed is None else _inflated(packed, stream, max_bytes))
        for data in pieces:
            size += len(data)
            if size > max_bytes:
                yield data[: max_bytes - size]
                raise _too_large(max_bytes)
            yield data
    except GeneratorExit:  # nearly always: what it is read for ends before
        raise
    except _errors() as error:
        failure = _failure(error)
    finally:
        if _is_own(response):
            response.close()
        else:
            _inherited.append(pieces)  # whose end frees it, too
    if failure is not None:
        raise failure


class Owned(AsyncIterator[_T]):
    """An asynchronous generator within another one, which alone closes it.

    An event loop closes all generators that it knows: at its end, and when nobody holds one any
    more. Of two, one within the other, the inner one would then be closed twice at once, which is
    an error that the loop logs. So it is told of the outer one only.

    Args:
        generator: What is read and closed through this object.
    """

    __slots__ = ("_begun", "_generator")

    def __init__(self, generator: AsyncGenerator[_T]) -> None:
        self._generator = generator
        self._begun = False

    def __anext__(self) -> Coroutine[Any, Any, _T]:
        if self._begun:
            return self._generator.__anext__()
        self._begun = True
        with _left_to_its_owner(firstiter=None):
            return self._generator.__anext__()

    async def aclose(self) -> None:
        """Close the generator."""
        await self._generator.aclose()


@contextmanager
def _left_to_its_owner(**hooks: None) -> Generator[None]:
    """Have the loop not close the asynchronous generators that begin here when nobody holds them.

    Args:
        hooks: ``firstiter=None`` if it is not to know of them, either.
    """
    kept = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(finalizer=lambda _: None, **hooks)
    try:
        yield
    finally:
        sys.set_asyncgen_hooks(*kept)


def aread(response: httpx.Response, max_bytes: int) -> Owned[bytes]:
    """Do what :func:`read` does, on the running loop."""
    return Owned(_aread(response, max_bytes))


async def _aread(response: httpx.Response, max_bytes: int) -> AsyncGenerator[bytes]:
    size, failure = 0, None
    try:
        stream = _astream(response)
        packed = _encoding(response)
        async for data in stream if packed is None else _ainflated(packed, stream, max_bytes):
            size += len(data)
            if size > max_bytes:
                yield data[: max_bytes - size]
                raise _too_large(max_bytes)
            yield data
    except asyncio.CancelledError as error:
        if (connection := _cancelled_on(error)) is not None:
            await asyncio.shield(_in_background(connection.aclose()))
        raise
    except _errors() as error:
        failure = _failure(error)
    finally:
        await _aclosed(response)
    if failure is not None:
        raise failure


async def _aclosed(response: httpx.Response) -> None:
    """Close an answer to the end: httpcore's connection is lost if that is cancelled midway."""
    if _aiohttp_answer(response) is not None:
        await response.aclose()
        return
    await asyncio.shield(_in_background(response.aclose()))


def _astream(response: httpx.Response) -> Any:
    """Return the body as it comes; for aiohttp's, past an iterator that costs a token 10 %."""
    answer = _aiohttp_answer(response)
    if answer is None:
        return response.stream
    return _Received(answer.content)


class _Received(AsyncIterator[bytes]):
    """A body as it comes, and only then how it broke: aiohttp forgets what was not read by then."""

    __slots__ = ("_content",)

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    async def __anext__(self) -> bytes:
        content = self._content
        try:
            data = await content.readany()
        except Exception:
            data = content._read_nowait(-1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            if not data:
                raise
        if not data:
            raise StopAsyncIteration
        return data


def _aiohttp_answer(response: httpx.Response) -> aiohttp.ClientResponse | None:
    return getattr(response.stream, "_aiohttp_response", None)


def finish(
    request: httpx.Request, response: httpx.Response, chunks: Generator[bytes], *, keep: bool
) -> None:
    """Let go of an answer; its connection is kept if asked, and if the rest comes at once.

    HTTP/2 keeps it anyway, and a time-out of one answer would break off all others on it.
    """
    if keep and "stream_id" not in response.extensions and _is_own(response):
        end = time.monotonic() + GRACE_SECONDS
        hurry(request, response, GRACE_SECONDS)
        stream: Any = response.stream  # begun once more
        try:
            for _ in stream:
                if time.monotonic() > end:
                    break
        except _errors():
            pass
    chunks.close()


async def afinish(response: httpx.Response, chunks: Owned[bytes], *, keep: bool) -> None:
    """Do what :func:`finish` does; on a loop, the rest may come a little later, too."""
    if not keep or _is_whole(response):  # nearly always
        await chunks.aclose()
        return
    await asyncio.wait([_in_background(_drained(chunks))], timeout=GRACE_SECONDS)


def _is_whole(response: httpx.Response) -> bool:
    # In a frame that awaits, its repr would show the address, with its query, when cancelled.
    answer = _aiohttp_answer(response)
    return answer is not None and answer.content.at_eof()


def _in_background(work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    """Return a task that its loop keeps until it is done, whoever waits for it."""
    task = asyncio.ensure_future(work)
    tasks: set[Any] = vars(task.get_loop()).setdefault("_dsgvo_tasks", set())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    # A stream may be left at the very end of its loop.
    cast("Any", task)._log_destroy_pending = False  # noqa: SLF001
    return task


async def _drained(chunks: Owned[bytes]) -> None:
    try:
        # aiohttp says RuntimeError where its pool was closed meanwhile.
        with suppress(ConnectionFailedError, TimeoutError, RuntimeError):
            async with asyncio.timeout(DRAIN_SECONDS):
                async for _ in chunks:
                    pass
    except GeneratorExit:  # its loop is closed: nothing more can be waited for
        return
    except BaseException:
        await chunks.aclose()
        raise
    await chunks.aclose()


def _too_large(max_bytes: int) -> ConnectionFailedError:
    return ConnectionFailedError("size", f"more than {max_bytes} bytes")


def _encoding(response: httpx.Response) -> str | None:
    raw = response.headers.raw  # past httpx, which asks each header for its own encoding
    named = [value.decode("latin-1") for name, value in raw if name.lower() == b"content-encoding"]
    return ", ".join(named) or None


def _inflated(encoding: str, stream: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    inflater = _Inflater(encoding, max_bytes)
    for data in stream:
        yield from inflater.feed(data)
    inflater.close()


async def _ainflated(
    encoding: str, stream: AsyncIterator[bytes], max_bytes: int
) -> AsyncIterator[bytes]:
    inflater = _Inflater(encoding, max_bytes)
    async for data in stream:
        for piece in inflater.feed(data):
            yield piece
    inflater.close()


_DEFLATED = frozenset({"gzip", "x-gzip", "deflate"})
_COMPRESSED = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})


class _Inflater:
    """Decompresses a body in pieces of bounded size; no request asks for compression.

    What is empty when it is decompressed has a bound of its own, ``max_bytes`` on the wire.
    """

    _begun = False
    _first = b""  # one byte tells nothing of the form

    def __init__(self, encoding: str, max_bytes: int) -> None:
        self._max = self._left = max_bytes
        names = [name.strip() for name in encoding.lower().split(",")]
        unasked = next((name for name in names if name in _COMPRESSED), None)
        if unasked is not None or (len(names) > 1 and not _DEFLATED.isdisjoint(names)):
            what = unasked or "of several kinds"
            raise ConnectionFailedError(
                "broken", f"its content-encoding, {what}, was not asked for"
            )
        self._encoding = names[0]
        self._zlib = zlib.decompressobj(47)  # gzip or zlib, as its first bytes say

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._encoding not in _DEFLATED:  # others, such as "none", pack nothing
            yield data
            return
        self._left -= len(data)
        if self._left < 0:
            raise _too_large(self._max)
        # What is left of a piece is copied for each part that ends in it.
        for start in range(0, len(data), PART):
            yield from self._inflate(data[start : start + PART])

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        data, self._first = self._first + data, b""
        if not self._begun and len(data) < 2:
            data, self._first = b"", data
        while data:
            if self._zlib.eof:  # a gzip file may have several parts
                self._zlib = zlib.decompressobj(47)
            try:
                piece = self._zlib.decompress(data, PIECE)
            except zlib.error as error:
                if self._begun or self._encoding != "deflate":
                    raise ConnectionFailedError("broken", f"its compression: {error}") from None
                self._zlib = zlib.decompressobj(-15)  # some servers send deflate without a head
                self._begun = True
                continue
            self._begun = True
            data = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
            if piece:
                yield piece

    def close(self) -> None:
        if self._first or (self._begun and not self._zlib.eof):
            raise ConnectionFailedError("broken", "the compressed body is not whole")


def build(
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes | Form | SecretStr | None,
    *,
    timeout: float | None,
    connect_timeout: float | None,
    query: Mapping[str, str | int | float | bool],
) -> httpx.Request:
    """Build a request that waits no longer than the time-out for each step."""
    import httpx

    connect = connect_timeout or min(CONNECT_TIMEOUT, timeout or CONNECT_TIMEOUT)
    steps = {"connect": connect, "pool": connect, "read": timeout, "write": timeout}
    target, extensions = parsed(url), {"timeout": steps}
    if query:
        try:
            target = target.copy_merge_params(query)
        except (httpx.InvalidURL, ValueError) as error:  # 64 KiB, or a number's thousands of digits
            raise ConfigurationError(f"default_query or extra_query: {error}") from None
    body: dict[str, Any] = {}
    if isinstance(content, Form):  # files are read piece by piece while they are sent
        body = {"data": content.fields, "files": content.files}
    elif isinstance(content, SecretStr):
        body = {"content": content.get_secret_value().encode()}
    elif content is not None:
        # With ``content=`` httpx adds these two by itself, in four times the time.
        own = {"Host": target.netloc.decode(), "Content-Length": str(len(content))}
        headers, body = {**own, **headers}, {"stream": httpx.ByteStream(content)}
    request = _request()(method, target, headers=headers, extensions=extensions, **body)
    if isinstance(content, bytes):
        request.read()
    return request


@cache
def _request() -> type[httpx.Request]:
    """Return httpx's request without its query where frames show it: a gateway's key is in it."""
    import httpx

    class Request(httpx.Request):
        def __repr__(self) -> str:
            return f"<Request({self.method!r}, {str(self.url.copy_with(query=None))!r})>"

    return Request


@lru_cache(256)
def parsed(url: str) -> httpx.URL:
    """Return an address, parsed.

    Raises:
        ConfigurationError: If it is none.
    """
    import httpx

    try:
        parsed = httpx.URL(url)
        # As proxies are looked up, and as sockets do.
        _ = parsed.host, parsed.raw_host.decode().encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ConfigurationError(f"base_url: {shown(url)} is not a valid URL ({error})") from None
    return parsed


def _proxy(request: httpx.Request) -> str | None:
    return proxy_for(request.url.scheme, request.url.host)


@lru_cache(MAX_ACCOUNTS)
@without_frames
def proxy_for(scheme: str, host: str) -> str | None:
    """Return the proxy that the environment names for a host (``HTTPS_PROXY``, ``NO_PROXY``)."""
    proxies = getproxies()
    proxy = None if proxy_bypass(host) else proxies.get(scheme) or proxies.get("all")
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    # Plain http goes to this machine alone; a proxy elsewhere would read the prompts.
    with _proxy_understood():
        parts = urlsplit(proxy or "")
        _ = parts.port
        return proxy if scheme != "http" or is_loopback(parts.hostname or "") else None


@contextmanager
def _proxy_understood() -> Generator[None]:
    """Say which setting is wrong when a pool cannot be made: its proxy is all that varies."""
    import httpx

    try:
        yield
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise environment_error(
            "the proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used "
            f"({type(error).__name__}): use http://host:port; for socks5:// install httpx[socks]"
        ) from None


def _errors() -> tuple[type[Exception], ...]:
    """Return httpx's exceptions; looked up when one passes, so that its import can wait."""
    import httpx

    # Another thread may be about to import them.
    names = {"aiohttp": "ClientError", "socksio": "SOCKSError", "h2.exceptions": "H2Error"}
    more = (getattr(sys.modules.get(module), name, None) for module, name in names.items())
    # httpcore lets that of a loop's connection through, when what comes is no TLS any more.
    # So may a transport of the user's with what the system says.
    return (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, *filter(None, more))


def _failure(error: Exception, *, answered: bool = True) -> ConnectionFailedError:
    """Return what a failure is, with httpx's exception as its cause, unless that quotes."""
    import httpx

    trace = (error.__cause__ or error).__traceback__
    plain = _plain(error)
    # h11 quotes what came, which may be an answer, or a header of the user's; and a proxy may
    # repeat its password beside its status.
    quotes = _BY_PROXY if isinstance(plain, httpx.ProxyError) else _QUOTED
    reason = quotes.sub("", str(plain)) or type(plain).__name__
    failure = _classified(plain, reason, answered)
    if failure is None:
        failure = _broken(reason, trace)
    _let_go(trace)
    failure.__cause__ = None if quotes.search(str(plain)) else _without_frames(plain)
    return failure


def _ours(error: BaseException | None) -> ConfigurationError | None:
    """Return what aiohttp could not send a body for, if it is an error of this package's."""
    while error is not None and not isinstance(error, ConfigurationError):
        error = error.__cause__
    return error


def _let_go(trace: TracebackType | None) -> None:
    """Close what was being connected when an exception passed: httpcore forgets it at a proxy."""
    for frame in _frames(trace):
        wire = frame.f_locals.get("stream")
        if isinstance(wire, _Wire):
            wire.let_go()
        pool: Any = frame.f_locals.get("self")
        if "_optional_thread_lock" in getattr(pool, "__dict__", ()):
            _give_back(pool)


def _give_back(pool: Any) -> None:
    """Give the places of connections that no request has to those who wait; fits httpcore 1.0.

    It keeps, for ever, that of a request which is left after it was given one and before it began
    to connect.
    """
    with pool._optional_thread_lock:  # noqa: SLF001
        known = pool.connections  # first: the collector may end an answer, which assigns anew
        used = {request.connection for request in tuple(pool._requests)}  # noqa: SLF001
        left = [one for one in known if not (one in used or one.is_idle() or one.is_closed())]
        for one in left:
            pool._connections.remove(one)  # noqa: SLF001
        if left:
            left += pool._assign_requests_to_connections()  # noqa: SLF001
    if left and (closing := pool._close_connections(left)) is not None:  # noqa: SLF001
        _in_background(closing)


def _without_frames(error: _E) -> _E:
    """Return an exception whose frames are gone: some hold a proxy's password, or the headers."""
    led: BaseException | None = error
    while led is not None and led.__traceback__ is not None:
        led.__traceback__ = None
        led = led.__cause__ or led.__context__
    return error


def _classified(error: Exception, reason: str, answered: bool) -> ConnectionFailedError | None:
    """Return what a failure is, or nothing where only its connection can tell."""
    import httpx

    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return ConnectionFailedError("unreachable in time", reason, retry=not answered)
    if isinstance(error, httpx.TimeoutException):
        # The request has gone out and may be at work: sending it again would pay for it twice.
        return ConnectionFailedError("silent", reason)
    if isinstance(error, httpx.ConnectError):
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            return ConnectionFailedError("untrusted", reason)
        return ConnectionFailedError("unreachable", reason, retry=not answered)
    if isinstance(error, httpx.ProxyError) and reason[:3].isdecimal():  # its status, before ours
        passes = reason.startswith(("5", "429"))
        return ConnectionFailedError("proxy", reason, retry=passes and not answered)
    if _LONG_HEAD in reason:
        return ConnectionFailedError("head", "more than 100 KiB")
    if answered or not isinstance(error, httpx.NetworkError | httpx.ProtocolError):
        return ConnectionFailedError("broken", reason)
    return None


def _broken(reason: str, trace: TracebackType | None) -> ConnectionFailedError:
    """Return whether a request whose connection broke may be sent again."""
    connection = _connection(_frames(trace))
    if connection is None:  # HTTP/2, or a transport of the user's that is neither's: believed
        owners: list[Any] = [frame.f_locals.get("self") for frame in _frames(trace)]
        kept = any(hasattr(one, "_h2_state") and one._request_count > 1 for one in owners)  # noqa: SLF001
        kept = kept and not reason.startswith("<")  # a frame, by which a server ends what it has
        return ConnectionFailedError("stale" if kept else "broken", reason, retry=True)
    # "Server disconnected without sending a response" is said of half a head, too.
    if (state := getattr(connection, "_h11_state", None)) is not None:
        begun = str(state.their_state) != "SEND_RESPONSE" or bool(state.trailing_data[0])
        # Or only a head such as ``102 Processing``, of one that is at work.
        begun = begun or getattr(connection._network_stream, "received", 0) > 0  # noqa: SLF001
    else:
        # asyncio drops what had come, be it a whole answer, before a record that ends TLS. On a
        # kept connection, that may have come before the request.
        lost = reason.startswith("[SSL: ") and connection._request_count == 1  # noqa: SLF001
        begun = connection.begun or lost
    stale = not begun and connection._request_count > 1  # noqa: SLF001
    return ConnectionFailedError("stale" if stale else "broken", reason, retry=not begun)


def abort(thread: int) -> None:
    """Break off the request that a thread waits for, so that the connection is free at once."""
    frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    connection = _connection(_outwards(frames.get(thread)))
    if connection is not None:
        held = connection._network_stream.get_extra_info("socket")  # noqa: SLF001
        if isinstance(held, socket.socket):
            with suppress(OSError):
                # A TLS socket's own method would change it under the thread that reads it.
                socket.socket.shutdown(held, socket.SHUT_RDWR)


def _cancelled_on(error: asyncio.CancelledError) -> Any:
    """Return the connection of httpcore's that a cancelled request leaves open for nobody.

    It is one that was but opened, or that is cancelled again while it closes. One that was still
    waited for is another request's by now; this fits httpcore 1.0.
    """
    for frame in _frames(error.__traceback__):
        connection: Any = frame.f_locals.get("self")
        if hasattr(connection, "_h11_state"):
            # httpcore sets ``kwargs`` next.
            has_it = "kwargs" in frame.f_locals or frame.f_code.co_name == "_response_closed"
            return connection if has_it or not connection._request_count else None  # noqa: SLF001
    return None


def _connection(frames: Iterator[FrameType]) -> Any:
    """Return the connection that frames are at work on, to ask what nothing else tells.

    It is httpcore's, or aiohttp's as :func:`_connector` makes it.

    httpcore's attributes are private; this fits 1.0. Without them a request is not sent again
    where it may have been answered, and one that is broken off ends when its answer comes.
    """
    for frame in frames:
        found = frame.f_locals.get("self")
        if hasattr(found, "_request_count") and (
            hasattr(found, "_h11_state") or hasattr(found, "begun")
        ):
            return found
    return None


def _connection_at_work() -> Any:
    """Return the connection that this thread is at work on."""
    return _connection(_outwards(sys._getframe()))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        if _is_asked(traceback.tb_frame):
            yield traceback.tb_frame
        traceback = traceback.tb_next


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        if _is_asked(frame):
            yield frame
        frame = frame.f_back


def _is_asked(frame: FrameType) -> bool:
    """Return whether what a frame holds may be asked: anything else raises what it likes.

    Such as a closed socket of gevent's, or an object of the user's who called.
    """
    package = str(frame.f_globals.get("__name__")).partition(".")[0]
    return package in {"httpcore", "aiohttp", "dsgvo"}


# -- aiohttp ------------------------------------------------------------------------------------


@cache
def _has_aiohttp() -> bool:
    """Return whether httpx-aiohttp is installed, imported from then on."""
    return _imported("httpx_aiohttp")


def _through(proxy: httpx.Proxy) -> URL:
    """Return a proxy's address for aiohttp, which writes its password in Latin-1, if it can."""
    from yarl import URL

    user, password = (one.encode().decode("latin-1") for one in proxy.auth or ("", ""))
    if ":" in user or proxy.url.scheme.startswith("socks"):
        raise ValueError  # aiohttp knows neither SOCKS nor names with a colon
    return URL(str(proxy.url)).with_user(user or None).with_password(password or None)


def _session(through: URL | None, context: SSLContext) -> aiohttp.ClientSession:
    """Return a session that keeps this module's rules, for httpx-aiohttp, which keeps few.

    By itself it allows a hundred connections, keeps cookies, asks for compression, sends a GET
    again, and writes addresses anew, so that those that are signed would no longer fit.
    """
    import aiohttp
    from yarl import URL

    session = aiohttp.ClientSession(
        connector=_connector()(
            ssl=context,
            limit=0,
            keepalive_timeout=KEEPALIVE_SECONDS,
            resolver=aiohttp.ThreadedResolver(),  # the system's, as httpcore's
            socket_factory=_Patient.of,
        ),
        response_class=_response(),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept-Encoding",),
        proxy=through,
        max_line_size=PIECE,  # the connection bounds the whole head
        max_field_size=PIECE,
    )
    set_private = partial(object.__setattr__, session)
    set_private("_retry_connection", False)
    set_private("_max_headers", PIECE)  # an argument since 3.14
    set_private("_build_url", partial(URL, encoded=True))
    return session


class _Patient(socket.socket):
    """A socket that does not fail while it is sent to before what came has been read.

    A server that answers before it has the whole body mostly closes the connection as well, by
    which asyncio forgets what it has not read: the refusal would be lost.
    """

    _tries = 9  # turns of the loop, each of which reads before it sends

    @classmethod
    def of(cls, address: Any) -> _Patient:
        made = cls(*address[:3])
        for option in _probes():
            made.setsockopt(*option)
        return made

    def send(self, data: Any, flags: int = 0, /) -> int:
        return self._sent(super().send, data, flags)

    def sendmsg(self, *args: Any) -> int:
        return self._sent(super().sendmsg, *args)

    def _sent(self, send: Callable[..., int], *args: Any) -> int:
        try:
            return send(*args)
        except (BrokenPipeError, ConnectionResetError):
            self._tries -= 1
            if self._tries < 0 or not self.recv(1, socket.MSG_PEEK):
                raise
            raise BlockingIOError from None


@cache
def _connector() -> type[aiohttp.TCPConnector]:
    """Return aiohttp's connector of such connections; made once it may be imported."""
    import aiohttp
    from httpcore._utils import is_socket_readable

    class Connector(aiohttp.TCPConnector):
        """Says nothing when it is dropped with its loop."""

        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)  # pyright: ignore[reportUnknownMemberType]
            self._factory: partial[ResponseHandler] = partial(_protocol(), loop=self._loop)

        @property
        def closed(self) -> bool:
            return super().closed or not self._loop.is_running()

        def __del__(self, _warnings: object = None) -> None:
            pass

        def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
            close = should_close or len(self._conns.get(key, ())) >= IDLE_CONNECTIONS
            protocol.idle, protocol.has_head = True, False
            super()._release(key, protocol, should_close=close)

        async def _get(self, key: Any, traces: Any) -> Any:
            while (kept := await super()._get(key, traces)) is not None:
                # A loop that was not running has not yet seen what came, or that it was closed.
                wire = None if anew.get() else kept.transport
                if wire is not None and not is_socket_readable(wire.get_extra_info("socket")):
                    break
                kept.close()
            return kept

    return Connector


@cache
def _response() -> type[aiohttp.ClientResponse]:
    """Return aiohttp's answer, with a status text that httpx-aiohttp can encode."""
    import aiohttp

    class Response(aiohttp.ClientResponse):
        def __del__(self, _warnings: object = None) -> None:
            if not self._loop.is_closed():  # else there is nothing to give a connection back to
                super().__del__()

        async def start(self, connection: Any) -> Any:
            connection.__class__ = _left_silent()
            await super().start(connection)
            self.reason = ascii(self.reason or "")[1:-1]  # bytes that are no UTF-8 may be in it
            return self

    return Response


@cache
def _left_silent() -> type[Any]:
    """Return aiohttp's hold on a connection; what it logs when dropped has a proxy's password."""
    from aiohttp.connector import Connection

    class Quiet(Connection):
        def __del__(self, _warnings: object = None) -> None:
            pass

    return Quiet


@cache
def _protocol() -> type[ResponseHandler]:
    """Return aiohttp's connection, with what this module asks of it."""
    from aiohttp.client_proto import ResponseHandler

    class Connection(ResponseHandler):
        """Counts requests and the bytes of a head, and bounds silence while it sends."""

        parse = ResponseHandler.data_received
        begun = idle = has_head = False
        until: float | None = None
        _request_count = _received = 0

        def set_response_params(self, **params: Any) -> None:
            self.begun = self.idle = self.has_head = False
            self.until = ends_by.get()
            self._received = 0
            self._request_count += 1
            super().set_response_params(**params)

        def data_received(self, data: bytes) -> None:
            if self.has_head or not data:  # none comes when a pause ends
                _take_body(self, data)
            elif self.idle:
                self.close()  # what nobody has asked for must not answer the next request
            else:
                _take_heads(self, data)

        def connection_lost(self, exc: BaseException | None) -> None:
            # aiohttp takes it for the end of a body that has no length.
            _end_body(exc and self._payload, type(exc).__name__)
            super().connection_lost(exc)

        def feed_data(self, data: Any, size: int = 0) -> None:
            if self.idle:
                self.close()
                return
            self.has_head = data[0].code >= 200
            super().feed_data(data, size)

        def close(self) -> None:
            wire = self.transport
            super().close()
            if wire is not None:
                wire.abort()  # else it waits for a server to take what is left, and to end TLS

        def pause_writing(self) -> None:
            super().pause_writing()
            self.start_timeout()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._drop_timeout()

    return Connection


def _take_heads(connection: Any, data: bytes) -> None:
    """Take each head by itself: the parser forgets it if what stands behind it is no HTTP."""
    start, end = 0, data.find(b"\r\n\r\n") + 4
    while 3 < end < len(data) and connection.is_connected():
        _take_head(connection, data[start:end])
        if connection.has_head:
            _take_body(connection, data[end:])
            return
        start, end = end, data.find(b"\r\n\r\n", end) + 4
    _take_head(connection, data[start:])


def _take_head(connection: Any, data: bytes) -> None:
    """Wait on for an answer's head: aiohttp's time-out ends with one such as ``100 Continue``."""
    if connection._received > MAX_HEAD:  # noqa: SLF001
        return
    connection.begun = True
    connection._received += len(data)  # noqa: SLF001
    connection.parse(data)
    if connection.has_head:
        connection._received = 0  # noqa: SLF001
    else:
        if connection.until is not None:
            left = connection.until - time.monotonic()
            connection._read_timeout = max(left, 0.001)  # noqa: SLF001
        connection.start_timeout()
        _bound(connection)


def _take_body(connection: Any, data: bytes) -> None:
    """Bound what comes beside a body: a chunk's size, or trailers, of which aiohttp keeps any."""
    if connection._received > MAX_HEAD:  # noqa: SLF001
        return
    before = _size(connection._payload)  # noqa: SLF001
    connection.parse(data)
    body = connection._payload  # noqa: SLF001
    if connection.exception() is not None:
        _end_body(body, "what came is no HTTP")
    elif body is not None and body.is_eof():
        if _is_followed(connection._parser):  # noqa: SLF001
            connection.close() if connection.idle else connection.force_close()
    elif _size(body) > before or connection._reading_paused:  # noqa: SLF001
        connection._received = 0  # noqa: SLF001
    else:
        connection._received += len(data)  # noqa: SLF001
        _bound(connection)


def _is_followed(parser: Any) -> bool:
    """Return whether another answer has begun behind one, which nobody has asked for."""
    try:
        return parser.feed_eof() is not None
    except Exception:  # noqa: BLE001 - what has begun is wrong, too
        return True


def _size(body: Any) -> int:
    return 0 if body is None else body.total_bytes


def _bound(connection: Any) -> None:
    if connection._received > MAX_HEAD:  # noqa: SLF001
        import aiohttp

        connection.set_exception(aiohttp.ClientPayloadError(_LONG_HEAD))
        _end_body(connection._payload, _LONG_HEAD)  # noqa: SLF001


def _end_body(body: Any, why: str) -> None:
    """End a body that broke off: aiohttp would wait for ever, or take it for whole."""
    import aiohttp

    if body is not None and not body.is_eof():
        body.set_exception(aiohttp.ClientPayloadError(why))


def _plain(error: Exception) -> Exception:
    """Return httpx's exception for aiohttp's, ssl's and the system's, or the exception itself.

    httpx-aiohttp calls every failed connection a time-out and lets some exceptions through; those
    of aiohttp hold the request's headers.
    """
    import httpx

    # Another thread may be about to import it.
    client_error: Any = getattr(sys.modules.get("aiohttp"), "ClientError", ())
    cause: Any = error if isinstance(error, client_error) else error.__cause__
    if not isinstance(cause, client_error):
        if not isinstance(error, OSError):
            return error
        kind = httpx.ReadTimeout if isinstance(error, TimeoutError) else httpx.ReadError
        return kind(str(error))
    import aiohttp

    kinds: dict[type[Exception], type[httpx.TransportError]] = {
        aiohttp.SocketTimeoutError: httpx.ReadTimeout,
        aiohttp.ServerTimeoutError: httpx.ConnectTimeout,
        aiohttp.ClientConnectorError: httpx.ConnectError,
        aiohttp.ClientSSLError: httpx.ConnectError,
        aiohttp.ClientHttpProxyError: httpx.ProxyError,
        aiohttp.ClientConnectionError: httpx.ReadError,
        aiohttp.ClientPayloadError: httpx.ReadError,
    }
    kind = next((kinds[one] for one in kinds if isinstance(cause, one)), httpx.RemoteProtocolError)
    if kind in {httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadTimeout}:
        return kind(str(cause))
    if isinstance(cause, aiohttp.ClientHttpProxyError):
        return kind(f"{cause.status} {cause.message}".strip())
    if isinstance(cause, OSError):  # its text may hold the address, with its query
        said = str(cause.strerror)  # ssl's numbers are not the system's
        plain = os.strerror(cause.errno) if cause.errno else type(cause).__name__
        return kind(said if said.startswith("[SSL: ") else plain)
    message = getattr(cause, "message", str(cause))
    said = message.partition("\n")[0] if isinstance(message, str) else type(cause).__name__
    if kind is httpx.RemoteProtocolError:  # such as both Content-Length and Transfer-Encoding
        said = f"{said.rstrip(' :')}; http_async_transport=httpx.AsyncHTTPTransport() takes more"
    return kind(said)
