"""Proxies of the environment, and what they must not see."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

from dsgvo.errors import APIConnectionError, ConfigurationError
from dsgvo.transport import _pools
from tests.core.support import HELLO, Mode, RawServer, answer, http, raw_server

UNREACHABLE = "http://127.0.0.1:9/v1"  # the discard port: answered only if a proxy is asked


def client(mode: Mode, base_url: str = UNREACHABLE) -> Any:
    return mode.client("sovrgpt", api_key="k", base_url=base_url, max_retries=0)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_proxy_of_the_environment_is_asked(
    mode: Mode, monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str
) -> None:
    with raw_server(http(answer("vom Proxy"))) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("http://", scheme))
        assert mode.chat(client(mode)).content == "vom Proxy"
        (request,) = proxy.requests
        assert request.startswith(b"POST http://127.0.0.1:9/v1/chat/completions HTTP/1.1\r\n")


@pytest.mark.parametrize("value", ["127.0.0.1", "localhost,127.0.0.1", "*"])
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_no_proxy_goes_past_it(
    mode: Mode, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    with raw_server(http(answer("vom Proxy"))) as proxy, raw_server(http(answer())) as direct:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv(variable, value)
        assert mode.chat(client(mode, direct.url)).content == "Ja."
        assert (proxy.accepted, direct.accepted) == (0, 1)


def test_https_goes_through_a_tunnel_and_sends_nothing_in_the_clear(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(http(b"", status=403))

    with raw_server(refuse) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(APIConnectionError, match="403"):
            mode.chat(client(mode, "https://sovrgpt.example/api/v1"))
        (request,) = proxy.requests
        assert request.startswith(b"CONNECT sovrgpt.example:443 HTTP/1.1\r\n")
        assert b"Bearer" not in request
        assert b"Hallo" not in request


@pytest.mark.parametrize(
    "proxy",
    [
        *("http://proxy.example:3128", "socks5://10.0.0.1:1080"),
        *("http://:3128", "http://192.0.2.1:3128"),
    ],
)
def test_plain_http_does_not_leave_the_machine_through_a_proxy(
    mode: Mode, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with raw_server(http(answer())) as direct:
        assert mode.chat(client(mode, direct.url)).content == "Ja."
        assert direct.requests[0].startswith(b"POST /chat/completions HTTP/1.1\r\n")


@pytest.mark.parametrize("proxy", ["ftp://user:geheim@127.0.0.1:1", "http://[::1", "://x"])
def test_a_proxy_that_cannot_be_used(
    mode: Mode, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
        mode.chat(client(mode, "https://sovrgpt.example/api/v1"))
    assert "geheim" not in str(caught.value)


def test_connections_through_different_proxies_are_kept_apart(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(proxy: RawServer, base_url: str) -> str:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        return mode.chat(client(mode, base_url)).content

    with raw_server(http(answer("A"))) as one, raw_server(http(answer("B"))) as two:
        assert ask(one, "http://127.0.0.1:9/v1") == "A"
        assert ask(two, "http://localhost:9/v1") == "B"


@pytest.mark.parametrize("proxy_first", [True, False])
def test_what_goes_past_a_proxy_and_what_goes_through_share_no_connection(
    mode: Mode, monkeypatch: pytest.MonkeyPatch, proxy_first: bool
) -> None:
    def ask(urls: list[str]) -> list[str | None]:
        clients = [client(mode, url) for url in urls]
        if mode.name == "sync":
            return [mode.chat(one).content for one in clients]

        async def main() -> list[str | None]:
            return [(await one.chat(HELLO, model="m")).content for one in clients]

        return asyncio.run(main())

    with raw_server(http(answer("vom Proxy"))) as proxy, raw_server(http(answer())) as direct:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        urls, said = ["http://localhost:9/v1", direct.url], ["vom Proxy", "Ja."]
        order = 1 if proxy_first else -1
        assert ask(urls[::order] * 2) == said[::order] * 2
        assert (proxy.accepted, direct.accepted) == (1, 1)


def test_connections_are_kept_for_a_while() -> None:
    assert _pools.runtime.pools.settings(None)["limits"] == httpx.Limits(
        max_connections=None, max_keepalive_connections=64, keepalive_expiry=30.0
    )
