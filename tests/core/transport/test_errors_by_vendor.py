"""Typed errors: every vendor's error, over a socket, is of the kind that users catch by name."""

from __future__ import annotations

from typing import Any

import pytest

from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Server, Status
from tests.core.support import Mode, raised

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
