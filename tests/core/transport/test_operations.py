"""Calls beside the chat: what an error about one says and carries."""

from __future__ import annotations

from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server
from dsgvo.errors import APIResponseError, APITimeoutError, DsgvoError
from tests.core.support import Mode, http, raised, raw_server


def failure(mode: Mode, kind: type[DsgvoError], client: Any, how: str, *args: Any) -> DsgvoError:
    return raised(kind, lambda: mode.result(getattr(client, how)(*args)))


@pytest.mark.parametrize(
    ("provider", "how", "args", "what"),
    [
        ("sovrgpt", "models", (), "a model list"),
        ("neuroflash", "workspaces", (), "a list of workspaces"),
        ("neuroflash", "health", (), "the service's health"),
        ("innogpt", "generate_image", ("ein Icon",), "an image"),
    ],
)
def test_an_answer_beyond_the_bound_says_what_it_should_have_been(
    mode: Mode, server: Server, provider: str, how: str, args: tuple[str, ...], what: str
) -> None:
    client = mode.client(provider, server, max_response_bytes=10)
    error = failure(mode, APIResponseError, client, how, *args)
    said = f"{what} of more than 10 bytes; max_response_bytes= sets the bound"
    assert str(error) == f"{PROVIDERS[provider].title}: {said}"
    assert error.provider == provider


@pytest.mark.parametrize("how", ["models", "workspaces", "health"])
@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (http(b"<html>", kind="text/html"), APIResponseError, "neuroflash: expected "),
        (
            http(b'{"data": [', length=100),
            APITimeoutError,
            "neuroflash: no answer within timeout=0.2 seconds; timeout= ",
        ),
    ],
    ids=["a page", "breaks off"],
)
def test_an_answer_that_is_none_names_the_vendor(
    mode: Mode, how: str, answer: bytes, kind: type[DsgvoError], said: str
) -> None:
    with raw_server(answer) as raw:
        settings: dict[str, Any] = {"api_key": "k", "base_url": raw.url, "workspace_id": "w"}
        timeout = 0.2 if kind is APITimeoutError else 600.0
        error = failure(mode, kind, mode.client("neuroflash", **settings, timeout=timeout), how)
        assert len(raw.requests) == 1
    assert str(error).startswith(said)
    assert error.provider == "neuroflash"
