"""The web server under the application: a thread with its own event loop, or this process."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import uvicorn
from starlette.types import Scope

from dsgvo.emulator.app import App
from dsgvo.emulator.state import State


class _Uvicorn(uvicorn.Server):
    """uvicorn without its own signal handlers, which raise the signal once more after the end."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield


class Runner:
    """One server, bound to its port as soon as it exists."""

    def __init__(self, state: State, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=2048)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            App(state, self._connect),
            # Named, so that what else is installed does not change how the bytes go out.
            http="h11",
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,  # the emulator gives its own name
            proxy_headers=False,  # the peer is who connected: see _connect
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        self._server = _Uvicorn(config)
        self._upstream = state.upstream
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def open_connections(self) -> int:
        """Number of TCP connections that are open."""
        return len(self._server.server_state.connections)

    def start(self) -> None:
        """Serve in a thread of this process."""
        ready = threading.Event()
        serve = partial(self.block, ready.set, signals=False)
        self._thread = threading.Thread(target=serve, name="dsgvo-emulator", daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("the emulator did not start within 10 seconds")

    def stop(self) -> None:
        """Close every connection and end the thread."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None or not thread.is_alive():
            return
        loop.call_soon_threadsafe(self._end)
        thread.join()

    def block(self, ready: Callable[[], None], *, signals: bool = True) -> None:
        """Serve in this thread until SIGINT or SIGTERM."""

        def stop(*_: object) -> None:
            loop.call_soon_threadsafe(self._end)

        with ExitStack() as stack:
            runner = stack.enter_context(asyncio.Runner())
            self._loop = loop = runner.get_loop()
            for number in (signal.SIGINT, signal.SIGTERM) if signals else ():
                stack.callback(signal.signal, number, signal.signal(number, stop))
            runner.run(self._serve(ready))

    async def _serve(self, ready: Callable[[], None]) -> None:
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))
        # uvicorn has no event for this, just a flag.
        while not self._server.started and not serving.done():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        ready()
        await serving
        if self._upstream is not None:
            await self._upstream.close()

    def _end(self) -> None:
        """Drop the connections first: what still streams is not waited for."""
        for connection in list(self._server.server_state.connections):
            transport: Any = connection.transport
            transport.abort()
        for task in list(self._server.server_state.tasks):
            task.cancel()
        self._server.should_exit = True

    def _connect(self, scope: Scope) -> asyncio.Transport | None:
        # uvicorn tells an application no more than the peer's address, which is enough to find it.
        connections: set[Any] = self._server.server_state.connections
        found = (one.transport for one in connections if one.client == scope["client"])
        return next(found, None)
