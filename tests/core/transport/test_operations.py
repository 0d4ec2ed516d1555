"""Calls beside the chat: what an error about one says and carries, and what is asked for."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Delay, Server
from dsgvo.errors import (
    APIResponseError,
    APITimeoutError,
    CapabilityError,
    ConfigurationError,
    DsgvoError,
    ResidencyError,
)
from dsgvo.transport import _client
from tests.core.support import Mode, answer, http, raw_server

PHOTO = {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}}
LOOK: list[dict[str, Any]] = [{"role": "user", "content": [PHOTO]}]


def called(mode: Mode, client: Any, how: str, *args: Any, **kwargs: Any) -> Any:
    result = getattr(client, how)(*args, **kwargs)
    return result if mode.name == "sync" else asyncio.run(result)


def failure(mode: Mode, client: Any, how: str, *args: Any, **kwargs: Any) -> DsgvoError:
    with pytest.raises(DsgvoError) as caught:
        called(mode, client, how, *args, **kwargs)
    return caught.value


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
    mode: Mode,
    server: Server,
    provider: str,
    how: str,
    args: tuple[str, ...],
    what: str,
) -> None:
    error = failure(mode, mode.client(provider, server, max_response_bytes=10), how, *args)
    assert type(error) is APIResponseError
    assert str(error) == (
        f"{PROVIDERS[provider].title}: {what} of more than 10 bytes; "
        "max_response_bytes= sets the bound"
    )
    assert (error.provider, error.request_id) == (provider, error.request_id or "")


@pytest.mark.parametrize(
    ("provider", "how", "args", "kind"),
    [
        ("innogpt", "workspaces", (), CapabilityError),
        ("innogpt", "health", (), CapabilityError),
        ("meingpt", "generate_image", ("ein Icon",), CapabilityError),
    ],
)
def test_what_a_vendor_does_not_offer_is_refused_in_its_name(
    mode: Mode, server: Server, provider: str, how: str, args: tuple[str, ...], kind: Any
) -> None:
    error = failure(mode, mode.client(provider, server), how, *args)
    assert (type(error), error.provider) == (kind, provider)
    assert server.requests == []


@pytest.mark.parametrize(
    ("settings", "kwargs", "kind"),
    [({}, {"n": 2}, CapabilityError), ({"residency": "strict"}, {}, ResidencyError)],
)
def test_an_image_that_is_refused_is_refused_in_the_vendors_name(
    mode: Mode, server: Server, settings: Any, kwargs: Any, kind: type[DsgvoError]
) -> None:
    client = mode.client("innogpt", server, **settings)
    error = failure(mode, client, "generate_image", "ein Icon", **kwargs)
    assert (type(error), error.provider) == (kind, "innogpt")
    assert server.requests == []


@pytest.mark.parametrize("how", ["workspaces", "health"])
def test_an_unreadable_answer_names_the_vendor(mode: Mode, how: str) -> None:
    with raw_server(http(b"<html><title>Anmelden</title>", kind="text/html")) as raw:
        client = mode.client("neuroflash", api_key="k", base_url=raw.url, workspace_id="w")
        error = failure(mode, client, how)
    assert str(error).startswith("neuroflash: expected ")
    assert (type(error), error.provider) == (APIResponseError, "neuroflash")


@pytest.mark.parametrize("how", ["models", "workspaces", "health"])
def test_an_answer_that_breaks_off_names_the_vendor_and_where_it_was(mode: Mode, how: str) -> None:
    with raw_server(http(b'{"data": [', length=100)) as raw:
        client = mode.client(
            "neuroflash", api_key="k", base_url=raw.url, workspace_id="w", timeout=0.2
        )
        error = failure(mode, client, how)
        assert len(raw.requests) == 1
    assert (type(error), error.provider) == (APITimeoutError, "neuroflash")
    assert str(error).startswith("neuroflash: no answer within timeout=0.2 seconds; timeout= ")


@pytest.mark.parametrize("content_type", ["image/svg+xml", "IMAGE/SVG+XML", None])
def test_an_image_by_its_type_is_saved_and_without_one_is_not(
    mode: Mode, tmp_path: Path, content_type: str | None
) -> None:
    def serve(request: bytes, connection: socket.socket) -> None:
        if request.startswith(b"POST"):
            connection.sendall(http({"data": [{"url": f"{raw.url}/a.svg"}]}))
        elif content_type is not None:
            connection.sendall(http(b"<svg/>", kind=content_type))
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<svg/>")

    with raw_server(serve) as raw:
        client = mode.client("innogpt", api_key="k", base_url=raw.url)
        if content_type is not None:
            image = called(mode, client, "generate_image", "x", save_to=tmp_path / "a.svg")
            assert image.path.read_bytes() == b"<svg/>"
        else:
            failure(mode, client, "generate_image", "x", save_to=tmp_path / "a.svg")
            assert not list(tmp_path.iterdir())


def test_where_an_image_is_to_be_saved(mode: Mode, server: Server, tmp_path: Path) -> None:
    (tmp_path / "da.png").write_bytes(b"alt")
    client = mode.client("innogpt", server)
    image = called(mode, client, "generate_image", "x", save_to=tmp_path / "da.png")
    assert image.path.read_bytes() == image.data != b"alt"
    nowhere = tmp_path / "nirgends" / "a.png"
    error = failure(mode, client, "generate_image", "x", save_to=nowhere)
    assert type(error) is ConfigurationError
    assert str(error) == f"save_to={str(nowhere)!r}: the folder does not exist"


@pytest.mark.parametrize("timeout", [None, 600.0])
def test_a_slow_model_list_is_not_waited_for(
    mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch, timeout: float | None
) -> None:
    monkeypatch.setattr(_client, "MODEL_LIST_TIMEOUT", 0.2)
    server.script("sovrgpt", Delay(30), path="/models")
    client = mode.client("sovrgpt", server, timeout=timeout)
    started = time.monotonic()
    assert mode.chat(client, LOOK).finish_reason == "stop"
    assert time.monotonic() - started < 20


def test_each_server_has_its_own_model_list(mode: Mode) -> None:
    def serve(request: bytes, connection: socket.socket) -> None:
        listed = {"data": [{"id": "m", "accepts_vision": request.startswith(b"GET /sees/")}]}
        connection.sendall(http(listed if request.startswith(b"GET") else answer()))

    with raw_server(serve) as raw:
        sees, blind = (
            mode.client("sovrgpt", api_key="k", base_url=f"{raw.url}/{name}/api/v1")
            for name in ("sees", "blind")
        )
        assert mode.chat(sees, LOOK, model="m").content == "Ja."
        with pytest.raises(CapabilityError, match="does not take images"):
            mode.chat(blind, LOOK, model="m")
        assert mode.chat(sees, LOOK, model="m").content == "Ja."


def test_tools_that_a_vendor_refuses_name_it_and_the_request(mode: Mode) -> None:
    tools = [{"type": "function", "function": {"name": "add", "parameters": {}}}]
    refused = http({"error": "no tools here"}, status=400, headers=["Request-Id: r-1"])
    with raw_server(refused) as raw:
        client = mode.client("meingpt", api_key="k", base_url=raw.url)
        with pytest.raises(
            CapabilityError, match=r"^tools: meinGPT refused them for model 'm'"
        ) as e:
            mode.chat(client, model="m", tools=tools)
    assert (e.value.provider, e.value.status_code, e.value.request_id) == ("meingpt", 400, "r-1")


def test_an_image_too_large_to_fetch_is_named(mode: Mode, tmp_path: Path) -> None:
    def serve(request: bytes, connection: socket.socket) -> None:
        body = {"data": [{"url": f"{raw.url}/a.png"}]}
        big = http(b"x" * 5000, kind="image/png")
        connection.sendall(http(body) if request.startswith(b"POST") else big)

    with raw_server(serve) as raw:
        client = mode.client("innogpt", api_key="k", base_url=raw.url, max_response_bytes=1000)
        error = failure(mode, client, "generate_image", "x", save_to=tmp_path / "a.png")
        fetched = raw.requests[-1]
    assert str(error).startswith("innoGPT: an image of more than 1000 bytes; max_")
    assert fetched.startswith(b"GET /a.png HTTP/1.1\r\n")
    assert b"accept: image/*\r\n" in fetched.lower()


@pytest.mark.parametrize("there", [True, False])
def test_what_cannot_be_written_to_is_named_before_anything_is_sent(
    mode: Mode, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    target = tmp_path / "a.png"
    if there:
        target.write_bytes(b"alt")
    locked = target if there else tmp_path
    monkeypatch.setattr("os.access", lambda path, _: path != locked)
    client = mode.client("innogpt", server)
    error = failure(mode, client, "generate_image", "x", save_to=target)
    assert str(error) == f"save_to={str(target)!r} cannot be written to"
    assert server.requests == []
