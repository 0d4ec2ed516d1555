"""Proxies of the environment, and what they must not see."""

from __future__ import annotations

from typing import Any

import pytest

from dsgvo.errors import APIConnectionError, ConfigurationError
from tests.core.support import HELLO, Mode, answer, http, raised, raw_server

UNREACHABLE = "http://127.0.0.1:9/v1"  # the discard port: answered only if a proxy is asked
BY_PROXY = http(answer("vom Proxy"))


def client(mode: Mode, base_url: str = UNREACHABLE) -> Any:
    return mode.client("sovrgpt", api_key="k", base_url=base_url, max_retries=0)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_proxy_of_the_environment_is_asked(
    mode: Mode, monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str
) -> None:
    with raw_server(BY_PROXY) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("http://", scheme))
        assert mode.chat(client(mode)).content == "vom Proxy"
        (request,) = proxy.requests
    assert request.startswith(b"POST http://127.0.0.1:9/v1/chat/completions HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("proxy", "excepted"),
    [
        *[(None, "127.0.0.1"), (None, "localhost,127.0.0.1"), (None, "*")],
        # Plain http does not leave the machine through a proxy.
        *[("http://proxy.example:3128", ""), ("socks5://10.0.0.1:1080", "")],
        *[("http://:3128", ""), ("http://192.0.2.1:3128", "")],
    ],
)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_what_goes_past_a_proxy(
    mode: Mode, monkeypatch: pytest.MonkeyPatch, variable: str, excepted: str, proxy: str | None
) -> None:
    with raw_server(BY_PROXY) as local, raw_server(http(answer())) as direct:
        monkeypatch.setenv("HTTP_PROXY", proxy or local.url)
        monkeypatch.setenv(variable, excepted)
        assert mode.chat(client(mode, direct.url)).content == "Ja."
        assert direct.requests[0].startswith(b"POST /chat/completions HTTP/1.1\r\n")
        assert (local.accepted, direct.accepted) == (0, 1)


def test_https_goes_through_a_tunnel_and_sends_nothing_in_the_clear(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(http(b"", status=403)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        own = client(mode, "https://sovrgpt.example/api/v1")
        assert "403" in str(raised(APIConnectionError, mode.chat, own))
        (request,) = proxy.requests
    assert request.startswith(b"CONNECT sovrgpt.example:443 HTTP/1.1\r\n")
    assert b"Bearer" not in request
    assert b"Hallo" not in request


@pytest.mark.parametrize("proxy", ["ftp://user:geheim@127.0.0.1:1", "http://[::1", "://x"])
def test_a_proxy_that_cannot_be_used(
    mode: Mode, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    own = client(mode, "https://sovrgpt.example/api/v1")
    error = raised(ConfigurationError, mode.chat, own)
    assert "HTTPS_PROXY" in str(error)
    assert "geheim" not in str(error)


def test_connections_through_different_proxies_are_kept_apart(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(host: str, proxy: str) -> Any:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        return client(mode, f"http://{host}:9/v1").chat(HELLO, model="m")

    with raw_server(http(answer("A"))) as one, raw_server(http(answer("B"))) as two:
        calls = [lambda: ask("127.0.0.1", one.url), lambda: ask("localhost", two.url)]
        assert [whole.content for whole in mode.in_turn(*calls * 2)] == ["A", "B"] * 2
        assert (one.accepted, two.accepted) == (1, 1)


@pytest.mark.parametrize("order", [1, -1])
def test_what_goes_past_a_proxy_and_what_goes_through_share_no_connection(
    mode: Mode, monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    with raw_server(BY_PROXY) as proxy, raw_server(http(answer())) as direct:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        through, past = client(mode, "http://localhost:9/v1"), client(mode, direct.url)
        calls = [lambda: through.chat(HELLO, model="m"), lambda: past.chat(HELLO, model="m")]
        found = [whole.content for whole in mode.in_turn(*calls[::order] * 2)]
        assert found == ["vom Proxy", "Ja."][::order] * 2
        assert (proxy.accepted, direct.accepted) == (1, 1)
