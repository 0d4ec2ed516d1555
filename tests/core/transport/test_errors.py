"""Typed errors: every vendor's error, over a socket, is of the kind that users catch by name."""

from __future__ import annotations

from typing import Any

import pytest

from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Server, Status
from tests.core.support import Mode, http, raised, raw_server

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
