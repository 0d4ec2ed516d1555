"""No redirect: prompts go where they were sent, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from dsgvo.emulator import Redirect, Server
from dsgvo.errors import RedirectError
from tests.core.support import Mode, answer, client_credentials, http, raised, raw_server


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(("how", "args"), [("chat", ()), ("stream", ()), ("embed", (["Geheim"],))])
def test_no_redirect_a_redirect_is_never_followed(
    mode: Mode, server: Server, status: int, how: str, args: Any
) -> None:
    with raw_server(http(answer())) as other:
        server.script("meingpt", Redirect(f"{other.url}/login?token=geheim", status))
        error = raised(RedirectError, mode.call, mode.client("meingpt", server), how, *args)
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
        error = raised(RedirectError, mode.chat, mode.client("sovrgpt", raw))
        assert len(raw.requests) == 1
    assert f"redirects to {shown!r}" in str(error)
    assert (error.provider, error.request_id) == ("sovrgpt", "r-1")


def test_no_redirect_a_token_is_not_fetched_from_elsewhere(mode: Mode, server: Server) -> None:
    with raw_server(http({"access_token": "t"})) as other:
        server.script("neuroflash", Redirect(other.url), path="/oauth/v2/token")
        raised(RedirectError, mode.chat, mode.client("neuroflash", **client_credentials(server)))
        assert other.accepted == 0
