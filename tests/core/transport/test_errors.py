"""Typed errors: every vendor's, what httpx raises, and redirects, which are not followed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Redirect, Server, Status
from dsgvo.transport import _pools
from dsgvo.transport._config import resolve
from dsgvo.transport._request import Operation, connection_error
from tests.core.support import Mode, answer, client_credentials, http, raised, raw_server

STATUSES = {
    400: errors.BadRequestError,
    403: errors.PermissionDeniedError,
    429: errors.RateLimitError,
    500: errors.InternalServerError,
}
BODIES: dict[str, Any] = {
    "the vendor's own": None,
    "FastAPI's": {"detail": [{"loc": ["body", "x"], "msg": "scripted error"}]},
    "a web page": "<html><title>scripted error</title></html>",
}


@pytest.mark.covers("innogpt, sovrgpt", "behaviour Errors have OpenAI's form", "Inferred")
@pytest.mark.covers("meingpt", 'behaviour Errors are `{"status": "error", "message": …}`', "Doc")
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_typed_errors_a_vendors_error_has_its_class_and_details(
    mode: Mode, server: Server, provider: str, status: int
) -> None:
    """wire/test_errors.py has all statuses and bodies; these have come over a socket."""
    client = mode.client(provider, server, max_retries=0)
    for body in BODIES.values():
        server.script(provider, Status(status, body, {"Retry-After": "7", "x-request-id": "r-9"}))
        error = raised(STATUSES[status], mode.ask, client)
        assert "scripted error" in str(error)
        assert PROVIDERS[provider].status_hints.get(status, "") in str(error)
        found = (error.provider, error.status_code, error.request_id, error.retry_after)
        assert found == (provider, status, "r-9", 7.0)


@pytest.mark.covers("*", "header Authorization")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_typed_errors_a_wrong_key_says_where_to_look(
    mode: Mode, server: Server, provider: str
) -> None:
    client = mode.client(provider, server, api_key="falscher-schluessel")
    error = raised(errors.AuthenticationError, mode.chat, client)
    assert "check api_key" in str(error)
    assert "falscher" not in str(error)
    assert len(server.requests) == 1


def test_typed_errors_a_wrong_path_says_where_to_look(mode: Mode, server: Server) -> None:
    base_url = f"{server.base_url('sovrgpt')}/v2"
    error = raised(
        errors.NotFoundError, mode.chat, mode.client("sovrgpt", server, base_url=base_url)
    )
    assert "base_url or SOVRGPT_BASE_URL" in str(error)


@pytest.mark.parametrize("name", ["x-request-id", "request-id", "x-litellm-call-id", "cf-ray"])
def test_typed_errors_the_id_of_a_request_by_any_name(mode: Mode, name: str) -> None:
    with raw_server(http({"error": "kaputt"}, status=400, headers=[f"{name}: r-7"])) as raw:
        error = raised(errors.BadRequestError, mode.chat, mode.client("sovrgpt", raw))
    assert error.request_id == "r-7"


# -- what httpx raises ---------------------------------------------------------------------------

CLOSED = httpx.RemoteProtocolError("Server disconnected without sending a response.")
CERTIFICATE = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
BROKE = "the connection to gate.example broke"
IN_TIME = "gate.example could not be reached in time; check base_url or SOVRGPT_BASE_URL"
SILENT = "no answer within timeout=7 seconds; timeout= says how long silence may last"
# What httpx raised, whether it may be sent again, and what the message says
RAISED: list[tuple[Exception, bool, str]] = [
    (
        *(httpx.ConnectError("refused"), True),
        "cannot reach gate.example (refused); check base_url or SOVRGPT_BASE_URL",
    ),
    (CERTIFICATE, False, "set SSL_CERT_FILE to the authority's, or pass http_transport="),
    (httpx.ConnectTimeout("t"), True, IN_TIME),
    (httpx.PoolTimeout("t"), True, IN_TIME),
    (httpx.ReadTimeout("t"), False, SILENT),
    (httpx.WriteTimeout("t"), False, SILENT),
    (CLOSED, True, f"{BROKE} (Server disc"),
    (httpx.ReadError(""), True, f"{BROKE} (ReadError)"),
    (httpx.UnsupportedProtocol("x"), False, f"{BROKE} (x)"),
    (httpx.ProxyError("403"), False, f"{BROKE} (403)"),
]


@pytest.mark.parametrize(("error", "again", "said"), RAISED)
@pytest.mark.parametrize("answered", [True, False])
def test_what_httpx_raises_is_ours_and_says_where_to_look(
    error: Exception, again: bool, said: str, answered: bool
) -> None:
    failure = _pools._failure(error, answered=answered)
    config = resolve("sovrgpt", api_key="k", base_url="https://gate.example/v1", timeout=7)
    ours = connection_error(config, failure, Operation(url=config.base_url))
    slow = isinstance(error, httpx.TimeoutException)
    assert type(ours) is (errors.APITimeoutError if slow else errors.APIConnectionError)
    assert failure.retry is (again and not answered)
    assert str(ours).startswith("SovrGPT: ")
    assert said in str(ours)
    assert ours.provider == "sovrgpt"
    elsewhere = str(connection_error(config, failure, Operation(url="https://files.example/a")))
    assert "gate.example" not in elsewhere
    assert "base_url" not in elsewhere


# -- no redirect: prompts go where they were sent, and nowhere else ------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(("how", "args"), [("chat", ()), ("stream", ()), ("embed", (["Geheim"],))])
def test_no_redirect_a_redirect_is_never_followed(
    mode: Mode, server: Server, status: int, how: str, args: Any
) -> None:
    with raw_server(http(answer())) as other:
        server.script("meingpt", Redirect(f"{other.url}/login?token=geheim", status))
        error = raised(errors.RedirectError, mode.call, mode.client("meingpt", server), how, *args)
        assert (other.accepted, other.requests) == (0, [])
        assert f"{other.url}/login" in str(error)
    assert "base_url or MEINGPT_BASE_URL" in str(error)
    assert "geheim" not in str(error)
    assert (error.status_code, len(server.requests)) == (status, 1)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("/login", "/login"),
        ("//other.example/", "//other.example/"),
        ("https://user:pw@x.example/", "https://***@x.example/"),
        ("https://x.example/schluessel/weiter", "https://x.example/***/weiter"),
    ],
)
def test_no_redirect_whatever_the_location(mode: Mode, location: str, shown: str) -> None:
    headers = [f"Location: {location}", "x-request-id: r-1"]
    with raw_server(http(b"", status=302, headers=headers)) as raw:
        error = raised(errors.RedirectError, mode.chat, mode.client("sovrgpt", raw))
        assert len(raw.requests) == 1
    assert f"redirects to {shown!r}" in str(error)
    assert (error.provider, error.request_id) == ("sovrgpt", "r-1")


def test_no_redirect_a_token_is_not_fetched_from_elsewhere(mode: Mode, server: Server) -> None:
    with raw_server(http({"access_token": "t"})) as other:
        server.script("neuroflash", Redirect(other.url), path="/oauth/v2/token")
        client = mode.client("neuroflash", **client_credentials(server))
        raised(errors.RedirectError, mode.chat, client)
        assert other.accepted == 0
