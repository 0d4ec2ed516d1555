"""Typed errors: every vendor's error, over a socket, is of the kind that users catch by name."""

from __future__ import annotations

from typing import Any

import pytest

from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Server, Status
from tests.core.support import Mode

KINDS = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    413: errors.RequestTooLargeError,
    422: errors.UnprocessableEntityError,
    429: errors.RateLimitError,
    500: errors.InternalServerError,
    503: errors.InternalServerError,
}
BODIES: dict[str, Any] = {
    "the vendor's own": None,
    "OpenAI's": {"error": {"message": "scripted error", "type": "t", "code": None}},
    "FastAPI's": {"detail": [{"loc": ["body", "x"], "msg": "scripted error"}]},
    "a web page": "<html><title>scripted error</title></html>",
}


@pytest.mark.covers("innogpt, sovrgpt", "behaviour Errors have OpenAI's form", "Inferred")
@pytest.mark.covers("meingpt", 'behaviour Errors are `{"status": "error", "message": …}`', "Doc")
@pytest.mark.parametrize("how", ["chat", "stream"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("status", KINDS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_typed_errors_a_vendors_error_has_its_class_and_details(
    mode: Mode, server: Server, provider: str, status: int, body: Any, how: str
) -> None:
    headers = {"Retry-After": "7", "x-request-id": "req-9"}
    server.script(provider, Status(status, body, headers))
    with pytest.raises(errors.APIStatusError) as caught:
        mode.call(mode.client(provider, server, max_retries=0), how)
    error = caught.value
    assert type(error) is KINDS[status]
    assert "scripted error" in str(error)
    assert PROVIDERS[provider].status_hints.get(status, "") in str(error)
    found = (error.provider, error.status_code, error.request_id, error.retry_after)
    assert found == (provider, status, "req-9", 7.0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_typed_errors_an_empty_error(mode: Mode, server: Server, provider: str) -> None:
    server.script(provider, Status(500, b""))
    with pytest.raises(errors.InternalServerError, match="an empty body"):
        mode.chat(mode.client(provider, server, max_retries=0))


@pytest.mark.covers("*", "header Authorization")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_typed_errors_a_wrong_key_says_where_to_look(
    mode: Mode, server: Server, provider: str
) -> None:
    with pytest.raises(errors.AuthenticationError, match="check api_key") as caught:
        mode.chat(mode.client(provider, server, api_key="falscher-schluessel"))
    assert "falscher" not in str(caught.value)
    assert len(server.requests) == 1


def test_typed_errors_a_wrong_path_says_where_to_look(mode: Mode, server: Server) -> None:
    base_url = f"{server.base_url('sovrgpt')}/v2"
    with pytest.raises(errors.NotFoundError, match="base_url or SOVRGPT_BASE_URL"):
        mode.chat(mode.client("sovrgpt", server, base_url=base_url))


def test_typed_errors_a_very_long_error_is_read_no_further_than_needed(
    mode: Mode, server: Server
) -> None:
    body = b'{"error": "' + b"x" * 1_000_000
    server.script("sovrgpt", Status(400, body))
    with pytest.raises(errors.BadRequestError) as caught:
        mode.chat(mode.client("sovrgpt", server))
    assert len(str(caught.value)) < 1000
