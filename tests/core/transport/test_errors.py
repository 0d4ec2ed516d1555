"""Typed errors: every vendor's, what httpx raises, and redirects, which are not followed."""

import errno
import os
import sys
from typing import Any, cast
from unittest.mock import Mock

import aiohttp
import httpx
import pytest

from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Server, Status
from dsgvo.transport import _pools
from dsgvo.transport._config import resolve
from dsgvo.transport._request import Operation, connection_error
from tests.core.support import Mode, answer, http, raised, raw_server

STATUSES: dict[int, Any] = {400: errors.BadRequestError, 403: errors.PermissionDeniedError}
STATUSES |= {429: errors.RateLimitError, 500: errors.InternalServerError}
CERTIFICATE = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
BROKE = "the connection to gate.example broke"
CHECK = "; check base_url or SOVRGPT_BASE_URL"
IN_TIME = f"gate.example could not be reached in time{CHECK}"
SILENT = "no answer within timeout=7 seconds; timeout= says how long silence may last"
UNKNOWN = (
    f"cannot reach gate.example ({CERTIFICATE}): if its certificate is your company's own, set "
    "SSL_CERT_FILE to the authority's, or pass http_transport=httpx.HTTPTransport(verify=…)"
)
BY = "cannot reach gate.example: the proxy answered"
WAY_OUT = "http_async_transport=httpx.AsyncHTTPTransport() takes more"
ENV, WANTS = "; check HTTPS_PROXY and NO_PROXY", ", it wants a user name and a password"
# What httpx raised, what kind of failure it is, whether it may be sent again, and what is said
RAISED: list[tuple[Exception, str, bool, str]] = [
    (httpx.ConnectError("no"), "unreachable", True, f"cannot reach gate.example (no){CHECK}"),
    (CERTIFICATE, "untrusted", False, UNKNOWN),
    (httpx.ConnectTimeout("t"), "unreachable in time", True, IN_TIME),
    (httpx.ReadTimeout("t"), "silent", False, SILENT),
    *((e("x"), "broken", True, f"{BROKE} (x)") for e in httpx.ProtocolError.__subclasses__()),
    (httpx.ReadError(""), "broken", True, f"{BROKE} (ReadError)"),
    *((httpx.ProxyError(s), "proxy", s > "407", f"{BY} {s}{ENV}") for s in ("403", "429", "503")),
    (httpx.ProxyError("407"), "proxy", False, f"{BY} 407{WANTS}{ENV}"),
]
REDIRECTS = [
    (301, "chat", "x-litellm-call-id", "OTHER/login?q=geheim", "OTHER/login?***"),
    (308, "embed", "apim-request-id", "/login", "/login"),
    (307, "stream", "cf-ray", "https://user:geheim@x.example/", "https://***@x.example/"),
    (302, "chat", "cf-ray", "https://x.example/schluessel/a", "https://x.example/***/a"),
]


@pytest.mark.covers("*", "header Authorization")
@pytest.mark.covers("innogpt, sovrgpt", "behaviour Errors have OpenAI's form", "Inferred")
@pytest.mark.covers("meingpt", 'behaviour Errors are `{"status": "error", "message": …}`', "Doc")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_typed_errors_have_a_class_and_a_way_out(mode: Mode, server: Server, provider: str) -> None:
    client = mode.client(provider, server, max_retries=0)
    headers = {"Retry-After": "7", "x-request-id": "r" * 300}
    for status, kind in STATUSES.items():
        server.script(provider, Status(status, headers=headers))
        error = raised(kind, mode.ask, client)
        assert "scripted error" in str(error)
        assert PROVIDERS[provider].status_hints.get(status, "") in str(error)
        found = (error.provider, error.status_code, error.request_id, error.retry_after)
        assert found == (provider, status, "r" * 200, 7.0)
    sent = len(server.requests)
    client = mode.client(provider, server, api_key="falscher-schluessel")
    error = raised(errors.AuthenticationError, mode.chat, client)
    assert ("check api_key" in str(error), "falscher" in str(error)) == (True, False)
    assert len(server.requests) == sent + 1
    client = mode.client(provider, server, base_url=f"{server.base_url(provider)}/v2")
    error = raised(errors.NotFoundError, mode.chat, client)
    assert f"base_url or {PROVIDERS[provider].env}_BASE_URL, and the model's name" in str(error)
    assert "seen to answer" not in str(error)


@pytest.mark.parametrize(("error", "kind", "again", "said"), RAISED)
@pytest.mark.parametrize("answered", [True, False])
def test_what_httpx_raises_is_ours_and_says_where_to_look(
    error: Exception, kind: str, again: bool, said: str, answered: bool, monkeypatch: Any
) -> None:
    monkeypatch.delitem(sys.modules, "aiohttp")  # not imported yet
    assert isinstance(error, _pools._errors())
    failure = _pools._failure(error, answered=answered)
    config = resolve("sovrgpt", api_key="k", base_url="https://gate.example/v1", timeout=7)
    ours = connection_error(config, failure, Operation(url=config.base_url))
    slow = isinstance(error, httpx.TimeoutException)
    assert type(ours) is (errors.APITimeoutError if slow else errors.APIConnectionError)
    assert (failure.kind, failure.retry) == (kind, again and not answered)
    assert (failure.reason, failure.__cause__) == (str(error) or "ReadError", error)
    assert (str(ours), ours.provider) == (f"SovrGPT: {said}", "sovrgpt")
    ours = connection_error(config, failure, Operation(url="https://files.example/a"))
    elsewhere = said.replace("gate.example", "files.example").removesuffix(CHECK)
    assert str(ours) == f"SovrGPT: {elsewhere}"


def test_what_aiohttp_raises_is_told_without_the_request_that_it_holds() -> None:
    where = "Cannot write to https://gate.example/?key=geheim"
    raised: list[tuple[Exception, str]] = [
        (aiohttp.ClientOSError(errno.ECONNRESET, where), os.strerror(errno.ECONNRESET)),
        (aiohttp.ClientOSError(where), "ClientOSError"),
        (aiohttp.ServerDisconnectedError(), "Server disconnected"),
        (aiohttp.ServerDisconnectedError(cast("Any", object())), "ServerDisconnectedError"),
        (aiohttp.ClientResponseError(Mock(), (), message="2:"), f"2; {WAY_OUT}"),
        (aiohttp.ClientPayloadError("not whole:\n\n  Authorization: geheim"), "not whole:"),
    ]
    for error, reason in raised:
        failure = _pools._failure(error)
        assert (failure.kind, failure.reason, failure.retry) == ("broken", reason, False)
    assert _pools._failure(TimeoutError()).kind == "silent"


@pytest.mark.parametrize(("status", "how", "name", "location", "shown"), REDIRECTS)
def test_no_redirect_a_redirect_is_never_followed(
    mode: Mode, status: int, how: str, name: str, location: str, shown: str
) -> None:
    with raw_server(http(answer())) as other:
        headers = [f"Location: {location.replace('OTHER', other.url)}", f"{name}: r-1"]
        with raw_server(http(b"", status=status, headers=headers)) as raw:
            args = (["Geheim"],) if how == "embed" else ()
            error = raised(errors.RedirectError, mode.call, mode.client("meingpt", raw), how, *args)
            assert len(raw.requests) == 1
            signs_in = {"api_key": None, "client_id": "c", "client_secret": "s"}
            raised(errors.RedirectError, mode.chat, mode.client("neuroflash", raw, **signs_in))
        assert other.accepted == 0
        assert f"redirects to {shown.replace('OTHER', other.url)!r}; " in str(error)
    assert ("base_url or MEINGPT_BASE_URL" in str(error), "geheim" in str(error)) == (True, False)
    assert (error.provider, error.status_code, error.request_id) == ("meingpt", status, "r-1")
