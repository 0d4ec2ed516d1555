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
        with pytest.raises(RedirectError, match="base_url or MEINGPT_BASE_URL") as caught:
            mode.call(mode.client("meingpt", server), how, *args)
        assert (other.accepted, other.requests) == (0, [])
        assert f"{other.url}/login" in str(caught.value)
    assert len(server.requests) == 1
    assert caught.value.status_code == status
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("location", ["/login", "//other.example/", "https://user:pw@x.example/"])
def test_no_redirect_whatever_the_location(mode: Mode, server: Server, location: str) -> None:
    server.script("sovrgpt", Redirect(location))
    error = raised(RedirectError, mode.chat, mode.client("sovrgpt", server))
    assert "pw" not in str(error)
    assert len(server.requests) == 1


def test_no_redirect_a_key_in_the_location_does_not_show(mode: Mode) -> None:
    headers = ["Location: https://x.example/Mein-Schluessel/weiter", "x-request-id: r-1"]
    with raw_server(http(b"", status=302, headers=headers)) as raw:
        client = mode.client("sovrgpt", api_key="Mein-Schluessel", base_url=raw.url)
        error = raised(RedirectError, mode.chat, client)
    assert "redirects to 'https://x.example/***/weiter'" in str(error)
    assert (error.provider, error.request_id) == ("sovrgpt", "r-1")


def test_no_redirect_a_token_is_not_fetched_from_elsewhere(mode: Mode, server: Server) -> None:
    with raw_server(http({"access_token": "t"})) as other:
        server.script("neuroflash", Redirect(other.url), path="/oauth/v2/token")
        with pytest.raises(RedirectError):
            mode.chat(mode.client("neuroflash", **client_credentials(server)))
        assert other.accepted == 0
