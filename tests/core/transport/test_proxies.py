"""Who is talked to: proxies of the environment, and what they must not see; TLS is checked."""

import asyncio
import gc
import os
import re
import socket
import ssl
import threading
import traceback
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from dsgvo.errors import APIConnectionError, APITimeoutError, ConfigurationError
from dsgvo.transport import _pools, _request
from dsgvo.transport._config import resolve
from dsgvo.transport._flow import arun, run
from dsgvo.transport._request import fetch, image_operation
from tests.core import support
from tests.core.support import HELLO, Mode, answer, http, raised, raw_server

UNREACHABLE = "http://127.0.0.1:9/v1"  # the discard port: answered only if a proxy is asked
TUNNELLED = "https://sovrgpt.example/api/v1"
CONFIG: Any = resolve("innogpt", api_key="k", max_retries=0)
ONE = httpx.Limits(max_connections=1)
NO_USE = ["ftp://user:geheim@host:1", "http://[::1", "://x", "http://user:geheim@host:65536"]
BY_PROXY = http(answer("vom Proxy"))
PAST = [("", "localhost,127.0.0.1"), ("", "*")]  # a proxy, and what is excepted from it
# Plain http does not leave the machine through a proxy.
PAST += [("http://proxy.example:3128", ""), ("socks5://10.0.0.1:1080", ""), ("http://:3128", "")]
AUTHORITY = trustme.CA()
GOOD = AUTHORITY.issue_cert("127.0.0.1")
NOT_TRUSTED = {
    "an authority that nobody knows": trustme.CA().issue_cert("127.0.0.1"),
    "another host's": AUTHORITY.issue_cert("sovrgpt.example"),
}


def client(mode: Mode, base_url: str = UNREACHABLE, **own: Any) -> Any:
    return mode.client("sovrgpt", api_key="k", base_url=base_url, max_retries=0, **own)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_the_proxy_of_the_environment_is_asked(mode: Mode, monkeypatch: Any, variable: str) -> None:
    with raw_server(BY_PROXY) as proxy:
        for scheme in ("http://", ""):
            _pools.runtime.reset()  # a proxy is looked up once
            monkeypatch.setenv(variable, proxy.url.replace("http://", scheme))
            assert mode.chat(client(mode)).content == "vom Proxy"
        for request in proxy.requests:
            assert request.startswith(b"POST http://127.0.0.1:9/v1/chat/completions HTTP/1.1\r\n")


@pytest.mark.parametrize(("proxy", "excepted"), PAST)
def test_what_goes_past_a_proxy(mode: Mode, monkeypatch: Any, proxy: str, excepted: str) -> None:
    with raw_server(BY_PROXY) as local, raw_server(http(answer())) as direct:
        monkeypatch.setenv("HTTP_PROXY", proxy or local.url)
        for variable in ("NO_PROXY", "no_proxy"):
            with monkeypatch.context() as patch:
                _pools.runtime.reset()
                patch.setenv(variable, excepted)
                assert mode.chat(client(mode, direct.url)).content == "Ja."
                assert "proxy" not in str(raised(APIConnectionError, mode.chat, client(mode)))
        assert {one.split()[1] for one in direct.requests} == {b"/chat/completions"}
        assert (local.accepted, len(direct.requests)) == (0, 2)


def test_https_goes_through_a_tunnel_and_nothing_in_the_clear(mode: Mode, monkeypatch: Any) -> None:
    password = b64encode("ann:Schütz€".encode())
    refusal = http(b"", status=403).replace(b"X", password, 1)
    for says, told in ((refusal, ": the proxy answered 403;"), (b"", " broke (")):
        _pools.runtime.reset()  # a proxy is looked up once
        with raw_server(lambda _, to, says=says: to.sendall(says) or to.shutdown(2)) as proxy:
            own = proxy.url.replace("//", "//ann:Sch%C3%BCtz%E2%82%AC@")
            monkeypatch.setenv("HTTPS_PROXY", own)
            error = raised(APIConnectionError, mode.chat, client(mode, TUNNELLED))
            assert f"through the proxy {proxy.url[7:]}{told}" in str(error)
        shown = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        assert password.decode() not in "".join(shown)
        for request in proxy.requests:
            assert request.startswith(b"CONNECT sovrgpt.example:443 HTTP/1.1\r\n")
            assert b"Proxy-Authorization: Basic " + password in request
            assert (b"Bearer" in request, b"Hallo" in request) == (False, False)


@pytest.mark.parametrize("proxy", NO_USE)
def test_a_proxy_of_no_use(mode: Mode, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    error = raised(ConfigurationError, mode.chat, client(mode, TUNNELLED))
    shown = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    assert ("HTTPS_PROXY" in str(error), "geheim" in "".join(shown)) == (True, False)


def test_a_proxy_that_is_silent_or_none(mode: Mode, monkeypatch: Any, caplog: Any) -> None:
    pytest.importorskip("socksio")
    over = threading.Event()
    for scheme, tls in {"http": None, "socks5": None, "https": serving(GOOD)}.items():
        _pools.runtime.reset()  # a proxy is looked up once
        with raw_server(lambda *_: b"" * over.wait(60), tls=tls) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", re.sub("https?", scheme, proxy.url))
            error = raised(APITimeoutError, mode.chat, client(mode, TUNNELLED), timeout=(0.5, 600))
            via = f"through the proxy {proxy.url.partition('//')[2]} could not be reached in time"
            assert via in str(error)
            gc.collect()  # warns of a connection that waits for the proxy to end TLS
    over.set()
    _pools.runtime.reset()
    monkeypatch.setattr(support, "read_request", lambda one: one.recv(9))
    with raw_server(b"HTTP/1.1 400 Bad Request\r\n") as proxy, caplog.at_level("DEBUG"):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "socks5://ich:geheim@"))
        said = str(raised(APIConnectionError, mode.chat, client(mode, TUNNELLED))) + caplog.text
    assert [word in said for word in ("Malformed", "auth=", "geheim")] == [True, True, False]


@pytest.mark.parametrize("users", [None, True])
async def test_cancel_in_a_tunnel_closes_it(async_mode: Mode, monkeypatch: Any, users: Any) -> None:
    there, gone = threading.Event(), threading.Event()

    def serve(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while connection.recv(9999):  # TLS is never answered
            there.set()
        gone.set()

    with raw_server(serve) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        own = users and httpx.AsyncHTTPTransport(proxy=proxy.url, limits=ONE)
        asking = client(async_mode, TUNNELLED, http_async_transport=own)
        for steps in range(20):  # a place in a pool is given back, too
            task = asyncio.ensure_future(asking.chat(HELLO, model="m"))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
        task = asyncio.ensure_future(asking.chat(HELLO, model="m"))
        await asyncio.to_thread(there.wait, 10)
        task.cancel()
        assert await asyncio.to_thread(gone.wait, 10)


def test_connections_through_proxies_and_past_them_are_apart(mode: Mode, monkeypatch: Any) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    servers = [raw_server(http(answer(text))) for text in ("A", "B", "past")]
    with servers[0] as one, servers[1] as two, servers[2] as direct:

        def ask(base_url: str, proxy: str) -> Any:
            monkeypatch.setenv("HTTP_PROXY", proxy)
            return client(mode, base_url).chat(HELLO, model="m")

        asked = ("http://localhost:9", one), (direct.url, one), ("http://llm.localhost:9", two)
        calls = [lambda at=at, by=by: ask(at, by.url) for at, by in asked]
        assert [whole.content for whole in mode.in_turn(*calls * 2)] == ["A", "past", "B"] * 2
        assert (one.accepted, direct.accepted, two.accepted) == (1, 1, 1)
        assert b"proxy-authorization" not in b"".join(one.requests + two.requests).lower()


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture(autouse=True)
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Certificates are read anew, and the authority's is the one that this machine trusts."""
    path = tmp_path / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setattr(_pools.runtime.pools, "ssl", None)
    return path


@pytest.mark.parametrize("certificate", NOT_TRUSTED.values(), ids=NOT_TRUSTED.keys())
def test_no_redirect_whom_the_authority_does_not_vouch_for_gets_no_request(
    mode: Mode, certificate: trustme.LeafCert, naps: list[float]
) -> None:
    with raw_server(http(answer()), tls=serving(GOOD)) as raw:
        assert mode.chat(mode.client("sovrgpt", raw)).content == "Ja."
    with raw_server(http(answer()), tls=serving(certificate)) as raw:
        error = raised(APIConnectionError, mode.chat, mode.client("sovrgpt", raw))
        assert (raw.requests, raw.accepted, naps) == ([], 1, [])
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)


def test_an_image_is_vouched_for_by_the_name_in_its_address(mode: Mode, monkeypatch: Any) -> None:
    def fetched(host: str) -> Any:
        url = raw.url.replace("127.0.0.1", host)
        flow = fetch(CONFIG, image_operation(CONFIG, url, None), None)
        return run(flow) if mode.name == "sync" else asyncio.run(arun(flow))

    monkeypatch.setattr(_request, "_public_addresses", lambda *_: ["127.0.0.1"])
    with raw_server(http(b"GIF8"), tls=serving(NOT_TRUSTED["another host's"])) as raw:
        assert fetched("sovrgpt.example")[0] == b"GIF8"
        assert "not valid for" in str(raised(APIConnectionError, fetched, "bilder.example"))
        assert len(raw.requests) == 1


def test_what_is_no_tls_any_more_is_not_kept_and_breaks_an_answer(mode: Mode) -> None:
    def serve(_: bytes, connection: Any) -> None:
        if raw.accepted != 3:
            connection.sendall(http(answer()).replace(b"Content-Length", b"X"))
            connection.unwrap()  # TLS alone: it waits for the client to end it, too
        connection.sendall(http(answer(), length=9999))
        os.write(connection.fileno(), bytes(64))

    with raw_server(serve, tls=serving(GOOD)) as raw:
        asking = mode.client("sovrgpt", raw, max_retries=1)
        whole = mode.in_turn(*[lambda: asking.chat(HELLO, model="m")] * 2)
        error = raised(APIConnectionError, mode.chat, asking)
    assert ([one.content for one in whole], "[SSL: " in str(error)) == (["Ja."] * 2, True)


def test_a_tunnel_that_leads_to_the_server_is_kept(mode: Mode, monkeypatch: Any) -> None:
    def serve(request: bytes, connection: socket.socket) -> None:
        host, port = request.split()[1].decode().split(":")
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with socket.create_connection((host, int(port))) as there:
            back = threading.Thread(target=pump, args=(there, connection))
            back.start()
            pump(connection, there)
            there.shutdown(socket.SHUT_WR)
            back.join()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)

    with raw_server(http(answer()), tls=serving(GOOD)) as raw, raw_server(serve) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        asked = mode.in_turn(*[lambda: mode.client("sovrgpt", raw).chat(HELLO, model="m")] * 2)
        assert [one.content for one in asked] == ["Ja.", "Ja."]
        assert (len(raw.requests), raw.accepted, proxy.accepted) == (2, 1, 1)
        _pools.runtime.reset()


@pytest.mark.parametrize("content", [None, b"", b"kein Zertifikat"])
def test_unreadable_certificates(mode: Mode, authority: Path, content: bytes | None) -> None:
    authority.unlink()
    if content is not None:
        authority.write_bytes(content)
    error = raised(ConfigurationError, mode.chat, client(mode, TUNNELLED))
    assert str(error).startswith("SSL_CERT_FILE and SSL_CERT_DIR: no certificates could be")
