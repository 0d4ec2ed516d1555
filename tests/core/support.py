"""One way to call both clients, so that no test is written twice; and servers of exact bytes."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import pytest

from dsgvo import AsyncClient, Client, Completion, Delta
from dsgvo.emulator import Server
from tests.vendors import MODELS

ROOT, HELLO = Path(__file__).parents[2], [{"role": "user", "content": "Hallo!"}]
E = TypeVar("E", bound=BaseException)


def raised(kind: type[E], call: Callable[..., Any], *args: Any, **kwargs: Any) -> E:
    """Return the error of exactly this kind that a call raises."""
    with pytest.raises(kind) as caught:
        call(*args, **kwargs)
    assert type(caught.value) is kind
    return caught.value


def in_one_mode(name: str, table: Mapping[str, Any]) -> pytest.MarkDecorator:
    """Parametrize by a table's rows, each in one mode: for calls whose code is one."""
    modes = itertools.cycle(["sync", "async"])
    rows = [pytest.param(next(modes), row, id=key) for key, row in table.items()]
    return pytest.mark.parametrize(("mode", name), rows, indirect=["mode"])


@dataclass(frozen=True)
class Mode:
    """A client, sync or async, called the same way: results are whole, streams are lists."""

    name: str

    @property
    def kind(self) -> type[Client] | type[AsyncClient]:
        return Client if self.name == "sync" else AsyncClient

    def client(self, provider: str, server: Any = None, /, **kwargs: Any) -> Any:
        """Return a client of a server; without one, a client of what the arguments say."""
        if server is not None:
            kwargs = settings(provider, server) | kwargs
        return self.kind(provider, **kwargs)

    def chat(
        self, client: Any, messages: Any = HELLO, *, model: str | None = None, **kwargs: Any
    ) -> Completion:
        answered = client.chat(messages, model=model or MODELS[client.provider], **kwargs)
        return answered if self.name == "sync" else asyncio.run(answered)

    def stream(
        self, client: Any, messages: Any = HELLO, *, model: str | None = None, **kwargs: Any
    ) -> list[Delta]:
        model = model or MODELS[client.provider]
        return self.in_turn(lambda: client.stream(messages, model=model, **kwargs))[0]

    def embed(self, client: Any, texts: Iterable[str], **kwargs: Any) -> list[list[float]]:
        return self.in_turn(lambda: client.embed(texts, **kwargs))[0]

    def call(self, client: Any, how: str, *args: Any, **kwargs: Any) -> Any:
        if hasattr(self, how):
            return getattr(self, how)(client, *args, **kwargs)
        result = getattr(client, how)(*args, **kwargs)
        return result if self.name == "sync" else asyncio.run(result)

    def ask(self, client: Any, messages: Any = HELLO, **kwargs: Any) -> Any:
        """Return a completion: the sync client answers whole, the async one by a stream."""
        if self.name == "sync":
            return self.chat(client, messages, **kwargs)
        completion = self.stream(client, messages, **kwargs)[-1].completion
        assert completion is not None
        return completion

    def in_turn(self, *calls: Callable[[], Any]) -> list[Any]:
        """Return whole results of calls, one after another; async ones share an event loop."""
        if self.name == "sync":
            results = (call() for call in calls)
            return [list(one) if isinstance(one, Iterator) else one for one in results]

        async def whole(value: Any) -> Any:
            asked = isinstance(value, AsyncIterator)
            return [item async for item in value] if asked else await value

        async def main() -> list[Any]:
            return [await whole(call()) for call in calls]

        return asyncio.run(main())


def settings(provider: str, server: Server | RawServer) -> dict[str, Any]:
    """Return the arguments that point a client to a server."""
    if isinstance(server, RawServer):
        own = {"workspace_id": "w"} if provider == "neuroflash" else {}
        return {"api_key": "schluessel", "base_url": server.url, **own}
    own = {"workspace_id": server.workspace_id} if provider == "neuroflash" else {}
    return {"api_key": server.api_key, "base_url": server.base_url(provider), **own}


def client_credentials(server: Server) -> dict[str, Any]:
    """Return the arguments that sign in to the emulator's neuroflash by OAuth."""
    return settings("neuroflash", server) | {
        "api_key": None,
        "client_id": server.client_id,
        "client_secret": server.client_secret,
    }


def text_of(deltas: Iterable[Delta]) -> str:
    return "".join(delta.content for delta in deltas)


def eventually(check: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    """Return whether something becomes true; a deadline for what never does, not a measurement."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def work(call: Callable[[], object]) -> int:
    """Return how many characters of local values the calls into C see: a cost without a clock."""
    seen = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal seen
        seen += event in {"call", "c_call"}
        if event == "c_call":
            local = list(frame.f_locals.values())
            local += [one.reasoning + one.refusal for one in local if isinstance(one, Delta)]
            seen += sum(len(value) for value in local if isinstance(value, str | bytes))

    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(None)
    return seen


def sse(*chunks: Any, done: bool = True) -> bytes:
    """Return events as servers write them; text is sent as it is."""
    events = [chunk if isinstance(chunk, str) else json.dumps(chunk) for chunk in chunks]
    return "".join(f"data: {one}\n\n" for one in [*events, *(["[DONE]"] if done else [])]).encode()


def chunk(content: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """Return one chunk of a stream in OpenAI's form."""
    delta = {} if content is None else {"content": content}
    return {"choices": [{"index": 0, "delta": delta | more, "finish_reason": finish}]}


def answer(content: str | None = "Ja.", finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    """Return a plain answer in OpenAI's form."""
    message = {"role": "assistant", "content": content} | more
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def completed(content: str = "Ja.", **more: Any) -> Completion:
    return Completion("innogpt", content=content, finish_reason="stop", **more)


def http(
    body: bytes | dict[str, Any],
    *,
    status: int = 200,
    kind: str = "application/json",
    headers: Sequence[str] = (),
    length: int | None = None,
) -> bytes:
    """Return an HTTP answer as bytes; a greater ``length`` than the body's promises more."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Type: {kind}",
        f"Content-Length: {len(data) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


Handler = Callable[[bytes, socket.socket], bytes | None]
"""Writes to the connection, or returns what is to be written."""


@dataclass
class RawServer:
    """Speaks HTTP as a script says, byte for byte, and counts what arrives."""

    handler: Handler
    listener: socket.socket
    accepted: int = 0
    requests: list[bytes] = field(default_factory=list[bytes])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: list[socket.socket] = field(default_factory=list[socket.socket])

    @property
    def url(self) -> str:
        scheme = "https" if isinstance(self.listener, ssl.SSLSocket) else "http"
        return f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # closed: the test is over
                return
            with self._lock:
                self.accepted += 1
                self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while request := read_request(connection):
                with self._lock:
                    self.requests.append(request)
                if reply := self.handler(request, connection):
                    connection.sendall(reply)
        except OSError:
            pass
        finally:
            connection.close()

    def close(self) -> None:
        # A shutdown wakes the thread that accepts; closing alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self._lock:
            for connection in self._open:
                connection.close()


def read_request(connection: socket.socket) -> bytes:
    """Return one request, head and body, or nothing at the end of the connection."""
    data = bytearray()
    while (head := data.find(b"\r\n\r\n")) < 0:
        if not (more := connection.recv(65536)):
            return b""
        data += more
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", data[:head])
    while len(data) < head + 4 + int(length[1] if length else 0):
        data += connection.recv(65536)
    return bytes(data)


def json_of(request: bytes) -> Any:
    """Return the JSON body of a request."""
    return json.loads(request.partition(b"\r\n\r\n")[2])


@contextmanager
def raw_server(answers: bytes | Handler, *, tls: Any = None) -> Iterator[RawServer]:
    """Run a server that answers every request with the same bytes, or as a function says."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    if tls is not None:  # each connection's own thread shakes hands, when it reads
        listener = tls.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)

    handler = answers if callable(answers) else lambda _request, _connection: answers
    server = RawServer(handler, listener)
    thread = threading.Thread(target=server.accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def run_python(code: str, *arguments: str, stdin: bytes = b"", seconds: float = 60) -> bytes:
    """Run a program in which every warning is an error, and return what it printed."""
    program = [sys.executable, "-X", "dev", "-W", "error", "-c", code, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        program, input=stdin, capture_output=True, env=environment, timeout=seconds, check=False
    )
    # asyncio's debug mode tells of slow steps, such as the first import.
    assert [line for line in done.stderr.decode().splitlines() if "Executing <" not in line] == []
    assert done.returncode == 0
    return done.stdout
