"""What carries calls with ``await``: which backend, what it adds, and that no loop is held up."""

import asyncio
import gc
import socket
import ssl
import threading
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import httpx
import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from dsgvo import AsyncClient, Client, errors, file_part
from dsgvo.emulator import Server
from dsgvo.transport import _pools
from tests.core import support
from tests.core.support import HELLO, ROOT, Mode, answer, http, raw_server
from tests.vendors import MODELS


def client(url: str, **settings: Any) -> AsyncClient:
    return AsyncClient("sovrgpt", api_key="k", base_url=url, **settings)


async def chat(one: AsyncClient, text: str = "?") -> str:
    return (await one.chat([{"role": "user", "content": text}], model="m")).content


CARRIERS = [("", True, "Aiohttp"), ("httpcore", True, "AsyncHTTP"), ("", False, "AsyncHTTP")]
DOCUMENT = ROOT / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
ABOUT = [{"type": "text", "text": "Was steht darin?"}, file_part(path=DOCUMENT)]
MODEL = {"model": MODELS["innogpt"]}
CALLS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "chat": ("chat", HELLO, MODEL),
    "stream": ("stream", HELLO, MODEL),
    "embed": ("embed", ["Text"] * 300, {}),
    "an upload": ("chat", [{"role": "user", "content": ABOUT}], MODEL),
    "an image in a folder": ("generate_image", "ein Icon", {"save_to": ""}),
    "an image in a file": ("generate_image", "ein Icon", {"save_to": "a.png"}),
}


@pytest.mark.parametrize("case", CARRIERS)
async def test_aiohttp_is_preferred(monkeypatch: Any, case: Any) -> None:
    chosen, installed, carrier = case
    probes, asked = {*_pools._probes()}, list[tuple[int, int, int]]()
    keep = socket.socket.setsockopt
    monkeypatch.setattr(socket.socket, "setsockopt", lambda *a: asked.append(a[1:]) or keep(*a))
    monkeypatch.setattr(_pools, "_has_aiohttp", lambda: installed)
    monkeypatch.setenv("DSGVO_ASYNC_BACKEND", chosen)
    with raw_server(http(answer("Ja."))) as raw:
        in_a_thread = Client("sovrgpt", api_key="k", base_url=raw.url).chat
        for answered in (chat(client(raw.url)), asyncio.to_thread(in_a_thread, HELLO, model="m")):
            await answered
            assert {(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *probes} <= {*asked}
            asked.clear()
    pool = vars(asyncio.get_running_loop())["_dsgvo_pools"][_pools.runtime.pools]
    held: Any = next(iter(pool.transports.values()))
    assert type(held).__name__ == f"{carrier}Transport"
    assert [_pools._imported(one) for one in ("socket", "no.such")] == [True, False]
    kept = {"_limit": 0, "_keepalive_timeout": 30.0}
    if carrier == "AsyncHTTP":
        kept = {"_max_keepalive_connections": 64, "_keepalive_expiry": 30.0}
    used = held._pool if hasattr(held, "_pool") else held.client.connector
    assert kept.items() <= vars(used).items()


def test_a_backend_that_is_not_there_is_refused_and_socks_is_httpcores(monkeypatch: Any) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("DSGVO_ASYNC_BACKEND", "curl")
        said = "DSGVO_ASYNC_BACKEND='curl': use 'httpcore' or"
        with pytest.raises(errors.ConfigurationError, match=said):
            client("http://127.0.0.1:9")
        patch.setenv("DSGVO_ASYNC_BACKEND", "aiohttp")
        patch.setattr(_pools, "_has_aiohttp", lambda: False)
        with pytest.raises(errors.ConfigurationError, match=r"pip install 'dsgvo-llm\[aiohttp\]'"):
            asyncio.run(chat(client("http://127.0.0.1:9")))
        patch.setattr(_pools, "_has_aiohttp", lambda: True)
        for proxy in ("socks5://127.0.0.1:9", "http://a%3Ab@127.0.0.1:9"):
            patch.setenv("http_proxy", proxy)
            _pools.runtime.reset()
            with pytest.raises(errors.ConfigurationError, match="the proxy in HTTP_PROXY"):
                asyncio.run(chat(client("http://localhost:9")))
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    monkeypatch.delenv("DSGVO_ASYNC_BACKEND", raising=False)
    socks = util.find_spec("socksio")
    expected = errors.APIConnectionError if socks else errors.ConfigurationError
    with pytest.raises(expected, match=None if socks else "ImportError.*httpx.socks"):
        asyncio.run(chat(client("http://[::1]:9/v1", max_retries=0)))


@pytest.mark.parametrize("carrier", ["httpcore", "aiohttp"])
async def test_a_signed_address_and_a_long_request_go_out_as_they_are(carrier: Any) -> None:
    signed, text = "/a%7Eb/%41.png?sig=a%2Bb%2F%3D%7E&x=%20", "ä" * 3_000_000
    with raw_server(http(answer("Ja."))) as raw:
        where, wait = f"{raw.url}{signed}", {"timeout": 5, "connect_timeout": None}
        request = _pools.build("GET", where, {}, None, query={}, **wait)
        async for _ in _pools.aread(await _pools.asend(request, None, carrier), 999):
            pass
        assert raw.requests[0].split(b" ")[1].decode().endswith(signed)
        assert await chat(client(raw.url), text) == "Ja."
        assert [part in raw.requests[1] for part in (text.encode(), b"ncoding: ")] == [True, False]


@pytest.mark.parametrize("ending", ["closed", "held", "silent", "closed on the user's"])
def test_a_request_that_does_not_go_out(mode: Mode, ending: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(support, "read_request", lambda one: one.recv(9))
    over, long = threading.Event(), [{"role": "user", "content": "x" * 9_000_000}]
    own = httpx.AsyncHTTPTransport() if "user" in ending and mode.name == "async" else None
    kind = errors.APITimeoutError if ending == "silent" else errors.RequestTooLargeError

    def serve(_request: bytes, to: socket.socket) -> None:
        to.sendall(b"" if ending == "silent" else http({}, status=413))
        over.wait(0.1 if "closed" in ending else 30)  # closed at once, it is a matter of luck
        to.close()

    with raw_server(serve) as raw:
        client = mode.client("sovrgpt", raw, timeout=0.5, http_async_transport=own)
        support.raised(kind, mode.ask, client, long)
        assert (len(raw.requests), over.set()) == (1, None)
        gc.collect()  # a connection that waits to be closed would warn now


def test_a_loop_sends_no_more_before_it_has_read_what_came() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, _pools._Patient() as patient:
        patient.connect(listener.getsockname())
        with listener.accept()[0] as server:
            patient.send(b"what is not read")
            server.sendall(b"Nein.")
        for send in (patient.send, lambda data: patient.sendmsg([data])):
            with pytest.raises(BlockingIOError):
                send(b"x")
        assert patient.recv(9) == b"Nein."
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            patient.send(b"x")


def test_httpcore_sends_the_head_of_a_request_with_its_body(mode: Mode, monkeypatch: Any) -> None:
    sent: list[bytes] = []

    def send(self: socket.socket, data: bytes, *flags: int) -> int:
        sent.append(bytes(data))
        return socket.SocketType.send(self, data, *flags)

    monkeypatch.setenv("DSGVO_ASYNC_BACKEND", "httpcore")
    monkeypatch.setattr(socket.socket, "send", send)
    with raw_server(http(answer("Ja."))) as raw:
        assert [mode.chat(mode.client("sovrgpt", raw)).content for _ in "12"] == ["Ja.", "Ja."]
    asked = [data for data in sent if b"POST " in data or b'"messages"' in data]
    assert [(data[:5], data[-1:]) for data in asked] == [(b"POST ", b"}")] * 2


@pytest.fixture
def watched() -> Iterator[BlockBuster]:
    """Calls that block a loop's thread raise an error, but the lock of coverage at a new file."""
    with blockbuster_ctx() as watched:
        lock = watched.functions["threading.Lock.acquire"]
        lock.can_block_in("coverage/collector.py", "lock_data")
        yield watched


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_no_call_holds_up_the_loop(
    async_mode: Mode, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any
) -> None:
    how, about, more = call
    monkeypatch.setattr(_pools.runtime.pools, "ssl", None)  # as for a process's first request
    more = {k: tmp_path / v if k == "save_to" else v for k, v in more.items()}
    client = async_mode.client("innogpt", server)
    assert async_mode.in_turn(lambda: getattr(client, how)(about, **more))
    signed_in = async_mode.client("neuroflash", **support.client_credentials(server))
    assert async_mode.in_turn(signed_in.models)


def test_a_thread_reads_certificates(async_mode: Mode, server: Server, monkeypatch: Any) -> None:
    readers, read = list[threading.Thread](), httpx.create_ssl_context

    def noted(verify: Any = True, **more: Any) -> ssl.SSLContext:
        if verify is True:  # else it is made already
            readers.append(threading.current_thread())
        return read(verify, **more)

    monkeypatch.setattr(_pools.runtime.pools, "ssl", None)
    monkeypatch.setattr(httpx, "create_ssl_context", noted)
    for _ in range(2):
        async_mode.chat(async_mode.client("innogpt", server))
    assert [reader is threading.main_thread() for reader in readers] == [False]
