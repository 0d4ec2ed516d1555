"""Connection pools over httpx, and its exceptions made into ours.

Nothing else in the project imports httpx, and this module does so on the first request.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from dsgvo.errors import APIConnectionError, APITimeoutError, ConfigurationError
from dsgvo.transport._config import is_loopback

if TYPE_CHECKING:
    from ssl import SSLContext

    import httpx

    from dsgvo.transport._config import ClientConfig

__all__ = [
    "ConnectionFailedError",
    "Form",
    "Sink",
    "aread",
    "asend",
    "build",
    "is_ready",
    "make_ready",
    "read",
    "send",
]

CONNECT_TIMEOUT = 10.0
"""Seconds to reach the server; the connection's own timeout wins if it is shorter."""

KEEPALIVE_CONNECTIONS = 64
"""httpcore closes an idle connection as soon as the pool holds more than this, busy ones counted: a
lower bound would make a server with that many requests at once connect anew for each. A higher one
costs time, since httpcore looks through the whole pool for each idle connection.
"""

KEEPALIVE_SECONDS = 30.0


class ConnectionFailedError(Exception):
    """Carries the error, and whether the request may be sent again.

    Args:
        error: What the user will see.
        retry: Whether no byte of an answer had come, so that sending again repeats nothing that
            the user has seen.
    """

    def __init__(self, error: APIConnectionError, *, retry: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.retry = retry


class Form(NamedTuple):
    """A multipart form: fields, and files by field as name, opened file and type."""

    fields: dict[str, str]
    files: dict[str, tuple[str, IO[bytes], str]]


class Sink(Protocol):
    """Takes an answer's body piece by piece."""

    def feed(self, data: bytes, /) -> Any: ...


_AsyncTransports: TypeAlias = "dict[str | None, httpx.AsyncHTTPTransport]"
"""By proxy."""


@dataclass(slots=True)
class _LoopPool:
    loop: asyncio.AbstractEventLoop
    transports: _AsyncTransports
    keeper: AsyncGenerator[None]


class _Pools:
    """ClientConfig pools of this process: one for threads, one for each running event loop.

    Model objects hold none, so any number of them share these, and each can be pickled. A loop's
    pool is closed by the loop itself: it is kept by an asynchronous generator, which
    ``asyncio.run`` closes before it closes the loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sync: dict[str | None, httpx.HTTPTransport] = {}
        self._loops: dict[int, _LoopPool] = {}
        self._ssl: SSLContext | None = None

    def reset(self) -> None:
        """Forget all pools, in a forked child: the sockets belong to the parent."""
        # The old pools are kept from the garbage collector, which would end TLS sessions that
        # the parent still uses.
        _inherited.append((self._sync, self._loops))
        self.__init__()

    def is_ready(self) -> bool:
        """Return whether the certificates have been read."""
        return self._ssl is not None

    def make_ready(self) -> SSLContext:
        """Import httpx and read the certificates: it takes long, and is done once."""
        with self._lock:
            if self._ssl is None:
                import httpx

                try:
                    self._ssl = httpx.create_ssl_context()  # verifies, and heeds SSL_CERT_FILE
                except OSError as error:
                    raise ConfigurationError(
                        f"SSL_CERT_FILE and SSL_CERT_DIR: no certificates could be read ({error})"
                    ) from None
            return self._ssl

    def sync(self, proxy: str | None) -> httpx.HTTPTransport:
        """Return the pool that all threads share."""
        transport = self._sync.get(proxy)
        if transport is None:
            import httpx

            with _proxy_understood():
                made = httpx.HTTPTransport(**self._settings(proxy))
            transport = self._sync.setdefault(proxy, made)
        return transport

    async def loop(self, proxy: str | None) -> httpx.AsyncHTTPTransport:
        """Return the pool of the running loop."""
        loop = asyncio.get_running_loop()
        pool = self._loops.get(id(loop))
        if pool is None or pool.loop is not loop:
            transports: _AsyncTransports = {}
            pool = _LoopPool(loop, transports, self._keep(loop, transports))
            with self._lock:
                for key in [k for k, old in self._loops.items() if old.loop.is_closed()]:
                    del self._loops[key]
                self._loops[id(loop)] = pool
            await anext(pool.keeper)
        transport = pool.transports.get(proxy)
        if transport is None:
            import httpx

            with _proxy_understood():
                made = httpx.AsyncHTTPTransport(**self._settings(proxy))
            transport = pool.transports.setdefault(proxy, made)
        return transport

    async def _keep(
        self, loop: asyncio.AbstractEventLoop, transports: _AsyncTransports
    ) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            with self._lock:
                self._loops.pop(id(loop), None)  # none are left in a forked child
            for transport in transports.values():
                await transport.aclose()

    def _settings(self, proxy: str | None) -> dict[str, Any]:
        import httpx

        return {
            "verify": self.make_ready(),
            "proxy": proxy,
            "limits": httpx.Limits(
                max_connections=None,
                max_keepalive_connections=KEEPALIVE_CONNECTIONS,
                keepalive_expiry=KEEPALIVE_SECONDS,
            ),
        }


_inherited: list[object] = []
_pools = _Pools()
is_ready, make_ready = _pools.is_ready, _pools.make_ready
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.reset)


def send(config: ClientConfig, request: httpx.Request) -> httpx.Response:
    """Send a request and return the answer with its body unread."""
    try:
        return _pools.sync(_proxy(request)).handle_request(request)
    except _errors() as error:
        raise _failure(config, error, retry=True) from error


async def asend(config: ClientConfig, request: httpx.Request) -> httpx.Response:
    """Do what :func:`send` does, on the running loop."""
    request = _without_blocking(request)
    try:
        return await (await _pools.loop(_proxy(request))).handle_async_request(request)
    except _errors() as error:
        raise _failure(config, error, retry=True) from error


def _without_blocking(request: httpx.Request) -> httpx.Request:
    """Return a request whose files are read in threads; httpx would read them on the loop."""
    import httpx

    form = request.stream
    if isinstance(form, httpx.ByteStream) or not isinstance(form, httpx.SyncByteStream):
        return request
    pieces = iter(form)

    async def content() -> AsyncGenerator[bytes]:
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece

    head: dict[str, Any] = {"headers": request.headers, "extensions": request.extensions}
    return httpx.Request(request.method, request.url, content=content(), **head)


def read(config: ClientConfig, response: httpx.Response) -> Generator[bytes]:
    """Yield the body, decompressed, and free the connection when left for whatever reason."""
    try:
        yield from response.iter_bytes() if _is_encoded(response) else _raw(response)
    except _errors() as error:
        raise _failure(config, error) from error
    finally:
        response.close()


async def aread(config: ClientConfig, response: httpx.Response) -> AsyncGenerator[bytes]:
    """Do what :func:`read` does, on the running loop."""
    try:
        body = response.aiter_bytes() if _is_encoded(response) else _raw(response)
        async for data in body:
            yield data
    except _errors() as error:
        raise _failure(config, error) from error
    finally:
        await response.aclose()


def _is_encoded(response: httpx.Response) -> bool:
    return "content-encoding" in response.headers


def _raw(response: httpx.Response) -> Any:
    """Return the body as it comes; httpx's own iterators cost a streamed token 5 % on top."""
    return response.stream


def build(
    config: ClientConfig,
    method: str,
    url: str,
    headers: dict[str, str],
    content: bytes | Form | None,
) -> httpx.Request:
    """Build a request that waits no longer than the connection's timeout for each step."""
    import httpx

    timeout = config.timeout
    connect = CONNECT_TIMEOUT if timeout is None else min(CONNECT_TIMEOUT, timeout)
    steps = {"connect": connect, "pool": connect, "read": timeout, "write": timeout}
    target, extensions = _parsed(url), {"timeout": steps}
    if isinstance(content, Form):
        # Files are read piece by piece while they are sent.
        form: dict[str, Any] = {"data": content.fields, "files": content.files}
        return httpx.Request(method, target, headers=headers, extensions=extensions, **form)
    return httpx.Request(method, target, headers=headers, extensions=extensions, content=content)


_urls: dict[str, httpx.URL] = {}


def _parsed(url: str) -> httpx.URL:
    parsed = _urls.get(url)
    if parsed is None:
        import httpx

        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"base_url: {url!r} is no valid URL ({error})") from None
        if len(_urls) < 256:
            _urls[url] = parsed
    return parsed


_proxies: dict[tuple[str, str], str | None] = {}


def _proxy(request: httpx.Request) -> str | None:
    """Return the proxy that the environment names for a host (``HTTPS_PROXY``, ``NO_PROXY``)."""
    target = (request.url.scheme, request.url.host)
    try:
        return _proxies[target]
    except KeyError:
        scheme, host = target
        proxies = getproxies()
        proxy = None if proxy_bypass(host) else proxies.get(scheme) or proxies.get("all")
        if proxy and "://" not in proxy:
            proxy = f"http://{proxy}"
        # Plain http goes to this machine alone; a proxy elsewhere would read the prompts.
        if proxy and scheme == "http" and not is_loopback(urlsplit(proxy).hostname or ""):
            proxy = None
        return _proxies.setdefault(target, proxy)


@contextmanager
def _proxy_understood() -> Generator[None]:
    """Say which setting is wrong when a pool cannot be made: its proxy is all that varies."""
    import httpx

    try:
        yield
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise ConfigurationError(
            "the proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used "
            f"({type(error).__name__}): use http://host:port; for socks5:// install httpx[socks]"
        ) from None


def _errors() -> tuple[type[Exception], ...]:
    """Return httpx's exceptions; looked up when one passes, so that its import can wait."""
    import httpx

    return (httpx.HTTPError, httpx.StreamError)


def _failure(
    config: ClientConfig, error: Exception, *, retry: bool = False
) -> ConnectionFailedError:
    import httpx

    spec = config.spec
    host = urlsplit(config.base_url).netloc
    where = f"check base_url or {spec.base_url_variable}"
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        message = f"{spec.title}: {host} could not be reached in time; {where}"
        return _timed_out(config, message, retry=retry)
    if isinstance(error, httpx.TimeoutException):
        # The request has gone out and may be at work: sending it again would pay for it twice.
        message = f"{spec.title}: no answer within timeout={config.timeout!r} seconds"
        return _timed_out(config, message, retry=False)
    reason = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError):
        retry = retry and "CERTIFICATE_VERIFY_FAILED" not in reason
        message = f"{spec.title}: cannot reach {host} ({reason}); {where}"
    else:
        message = f"{spec.title}: the connection to {host} broke ({reason})"
        retry = retry and isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)
    return ConnectionFailedError(APIConnectionError(message, provider=spec.name), retry=retry)


def _timed_out(config: ClientConfig, message: str, *, retry: bool) -> ConnectionFailedError:
    error = APITimeoutError(message, provider=config.spec.name)
    return ConnectionFailedError(error, retry=retry)
