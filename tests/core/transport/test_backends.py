"""Which backend carries calls with ``await``, and what aiohttp's must not do by itself."""

from __future__ import annotations

import asyncio
import gc
import socket
from importlib import util

import httpx
import pytest

from dsgvo import AsyncClient
from dsgvo.errors import APIConnectionError, APITimeoutError, ConfigurationError
from dsgvo.transport import _pools
from tests.core.support import answer, http, raw_server, run_python


def client(url: str, **settings: object) -> AsyncClient:
    return AsyncClient("sovrgpt", api_key="k", base_url=url, **settings)  # pyright: ignore


async def chat(one: AsyncClient, text: str = "?") -> str:
    return (await one.chat([{"role": "user", "content": text}], model="m")).content


async def carriers() -> list[str]:
    pool = _pools.runtime.pools.loops[id(asyncio.get_running_loop())]
    return [type(transport).__name__ for transport in pool.transports.values()]


@pytest.mark.parametrize(
    ("chosen", "installed", "proxy", "carrier"),
    [
        (None, True, None, "AiohttpTransport"),
        ("aiohttp", True, None, "AiohttpTransport"),
        ("httpcore", True, None, "AsyncHTTPTransport"),
        (None, False, None, "AsyncHTTPTransport"),
        (None, True, "http://127.0.0.1:9", "AiohttpTransport"),
    ],
)
def test_the_backend_is_aiohttp_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
    chosen: str | None,
    installed: bool,
    proxy: str | None,
    carrier: str,
) -> None:
    monkeypatch.setattr(_pools, "_has_aiohttp", lambda: installed)
    monkeypatch.delenv("DSGVO_ASYNC_BACKEND", raising=False)
    if chosen:
        monkeypatch.setenv("DSGVO_ASYNC_BACKEND", chosen)
    if proxy:
        monkeypatch.setenv("http_proxy", proxy)

    async def main(url: str) -> list[str]:
        try:
            await chat(client(url, max_retries=0))
        except APIConnectionError:
            assert proxy
        return await carriers()

    with raw_server(http(answer("Ja."))) as raw:
        assert asyncio.run(main(raw.url)) == [carrier]


def test_a_backend_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSGVO_ASYNC_BACKEND", "curl")
    with pytest.raises(ConfigurationError, match="DSGVO_ASYNC_BACKEND='curl': use 'httpcore' or"):
        client("http://127.0.0.1:9")
    monkeypatch.setenv("DSGVO_ASYNC_BACKEND", "aiohttp")
    monkeypatch.setattr(_pools, "_has_aiohttp", lambda: False)
    with pytest.raises(ConfigurationError, match=r"pip install 'dsgvo-llm\[aiohttp\]'"):
        asyncio.run(chat(client("http://127.0.0.1:9")))
    monkeypatch.setattr(_pools, "_has_aiohttp", lambda: True)
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="the proxy in HTTP_PROXY"):
        asyncio.run(chat(client("http://localhost:9")))


def test_socks_is_left_to_httpcore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    monkeypatch.delenv("DSGVO_ASYNC_BACKEND", raising=False)
    expected = APIConnectionError if util.find_spec("socksio") else ConfigurationError
    with pytest.raises(expected, match=None if util.find_spec("socksio") else "httpx.socks"):
        asyncio.run(chat(client("http://127.0.0.1:9/v1", max_retries=0)))


def test_nothing_is_added_to_a_request_or_kept_of_an_answer() -> None:
    """Both send the same, and no cookie comes back."""
    cookie = ["Set-Cookie: wer=du; Path=/"]
    with raw_server(http(answer("Ja."), headers=cookie)) as raw:
        one = client(raw.url)

        async def main() -> None:
            await chat(one)
            await chat(one)

        asyncio.run(main())
        heads = [request.partition(b"\r\n\r\n")[0].lower() for request in raw.requests]
    assert len(heads) == 2
    for head in heads:
        names = [line.partition(b":")[0] for line in head.split(b"\r\n")[1:]]
        sent = [b"accept", b"authorization", b"content-length", b"content-type", b"host"]
        assert sorted({*names} - {b"connection"}) == [*sent, b"user-agent"]
        assert b"content-type: application/json" in head


@pytest.mark.parametrize("carrier", ["httpcore", "aiohttp"])
def test_a_signed_address_is_asked_as_it_is(carrier: str) -> None:
    signed = "/a%7Eb/%41.png?sig=a%2Bb%2F%3D%7E&x=%20"
    with raw_server(http(b"x")) as raw:
        request = _pools.build(
            "GET", raw.url + signed, {}, None, timeout=5, connect_timeout=None, query={}
        )
        asyncio.run(sent(request, carrier))
        assert raw.requests[0].split(b" ")[1].decode().endswith(signed)


async def sent(request: httpx.Request, carrier: str) -> None:
    response = await _pools.asend(request, None, carrier)  # pyright: ignore
    async for _ in _pools.aread(response, 100):
        pass


def test_a_get_whose_connection_breaks_is_sent_once() -> None:
    with raw_server(lambda _request, connection: connection.shutdown(socket.SHUT_RDWR)) as raw:
        with pytest.raises(APIConnectionError):
            asyncio.run(client(raw.url, max_retries=0).models())
        assert len(raw.requests) == 1


def test_a_server_that_takes_no_more_of_a_request_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one = client(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.3, max_retries=0)
        with pytest.raises(APITimeoutError, match=r"timeout=0\.3"):
            asyncio.run(chat(one, "x" * 32_000_000))
        gc.collect()  # a connection that waits to be closed would warn now


def test_a_long_request_goes_out_whole_and_without_a_warning() -> None:
    text = "ä" * 3_000_000
    with raw_server(http(answer("Ja."))) as raw:
        assert asyncio.run(chat(client(raw.url), text)) == "Ja."
        head, _, body = raw.requests[0].partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert text.encode() in body


UNCLOSED = """
import asyncio, sys, threading
from dsgvo import AsyncClient
client = AsyncClient("sovrgpt", api_key="k", base_url=sys.argv[1])
async def main():
    return (await client.chat([{"role": "user", "content": "x"}], model="m")).content
for _ in range(2):
    loop = asyncio.new_event_loop()
    print(loop.run_until_complete(main()))
    loop.close()
"""


def test_a_loop_that_is_dropped_says_nothing_of_a_session() -> None:
    closing = http(answer("Ja."), headers=["Connection: close"])
    with raw_server(closing) as raw:
        assert run_python(UNCLOSED, raw.url).decode().split() == ["Ja.", "Ja."]
