"""Model lists, what they say of images, and workspaces."""

from __future__ import annotations

import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest

from dsgvo import PROVIDERS, errors, image_part
from dsgvo.emulator import Delay, Disconnect, Raw, RefuseFields, Server, Status
from dsgvo.providers import Model
from dsgvo.transport import _client, _request
from dsgvo.wire.account import Workspace
from tests.core.support import (
    HELLO,
    Mode,
    answer,
    chunk,
    client_credentials,
    http,
    raised,
    raw_server,
    settings,
    sse,
)

IMAGE = [{"role": "user", "content": [image_part(url="https://example.com/foto.jpg")]}]
TEXT_ONLY = "qwen3.5-9b-text"
"""The emulator's name for a model of SovrGPT that its list says takes no images."""


def paths(server: Server) -> list[str]:
    return [request.path.rpartition("/")[2] for request in server.requests]


def pass_time(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let time pass for the client alone; the emulator's clock is the process's."""
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + seconds)
    monkeypatch.setattr(_client, "time", later)


# Lists


@pytest.mark.covers("sovrgpt", "endpoint GET /api/v1/models")
def test_sovrgpts_list_says_what_a_model_takes(mode: Mode, server: Server) -> None:
    models = {m.id: m for m in mode.call(mode.client("sovrgpt", server), "models")}
    seeing = models["qwen3.5-9b"]
    assert (seeing.images, seeing.tools) == (True, True)  # tools by the page's example
    details = {"object": "model", "created": 1775000000, "owned_by": "emulator", "tier": "fast"}
    words = {"display_name": TEXT_ONLY.upper()}
    assert models[TEXT_ONLY] == Model(
        id=TEXT_ONLY,
        source="SovrGPT's model list",
        name=TEXT_ONLY.upper(),
        owned_by="emulator",
        images=False,
        details=details | {"accepts_vision": False} | words,
    )
    [request] = server.requests
    assert (request.method, request.path) == ("GET", "/sovrgpt/api/v1/models")
    assert request.headers["authorization"] == f"Bearer {server.api_key}"
    wrong = mode.client("sovrgpt", server, api_key="sk-wrong")
    raised(errors.AuthenticationError, mode.call, wrong, "models")


# Images and what the list says of them


@pytest.mark.covers(
    "sovrgpt",
    "behaviour Images only for models with `accepts_vision`: others are refused before sending",
    "Doc",
)
def test_an_image_for_a_model_that_takes_none_is_refused_before_sending(server: Server) -> None:
    """And the list is asked for once, by whichever client comes first."""
    for mode in (Mode("sync"), Mode("async")):
        mode.ask(mode.client("sovrgpt", server), IMAGE)
        blind = mode.client("sovrgpt", server)
        assert str(raised(errors.CapabilityError, mode.ask, blind, IMAGE, model=TEXT_ONLY)) == (
            f"SovrGPT says that model {TEXT_ONLY!r} does not take images: use another one"
        )
    assert paths(server) == ["models", "completions", "completions"]


def test_the_list_is_asked_for_again_after_a_while(
    mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = mode.client("sovrgpt", server)
    mode.ask(client, IMAGE)
    pass_time(monkeypatch, _client.MODEL_LIST_SECONDS + 1)
    server.script("sovrgpt", Status(500), path="/models")
    mode.ask(client, IMAGE)
    # A list that could not be had is soon asked for again.
    pass_time(monkeypatch, _client.MODEL_LIST_SECONDS + _client.MODEL_LIST_RETRY_SECONDS + 2)
    raised(errors.CapabilityError, mode.ask, client, IMAGE, model=TEXT_ONLY)
    assert paths(server) == ["models", "completions", "models", "completions", "models"]


@pytest.mark.parametrize(
    ("provider", "messages", "model", "asked"),
    [
        ("sovrgpt", HELLO, None, ["completions"]),
        ("sovrgpt", IMAGE, "gemma-4-26b-a4b", ["completions"]),  # the page names it
        ("sovrgpt", IMAGE, "ganz-neu", ["models", "completions"]),
        *((name, IMAGE, None, ["completions"]) for name in ("innogpt", "meingpt", "neuroflash")),
    ],
)
def test_what_needs_a_list_and_what_needs_none(
    mode: Mode, server: Server, provider: str, messages: Any, model: Any, asked: list[str]
) -> None:
    mode.ask(mode.client(provider, server), messages, model=model)
    assert paths(server) == asked


@pytest.mark.parametrize(
    "fault",
    [
        Status(500),
        Status(404),
        Disconnect(),
        Status(200, body="<html><title>Anmelden</title></html>"),
        Raw(headers={"content-type": "application/json"}, chunks=[b'{"data": [{"id": '], drop=True),
        Delay(5),  # not waited for: the list that would come then refuses the model
    ],
)
@pytest.mark.parametrize("timeout", [None, 600.0])
def test_a_list_that_cannot_be_had_does_not_stand_in_the_way(
    mode: Mode,
    server: Server,
    fault: Any,
    timeout: float | None,
    naps: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_request, "ASIDE_SECONDS", 0.2 if isinstance(fault, Delay) else 10.0)
    server.script("sovrgpt", fault, path="/models")
    client = mode.client("sovrgpt", server, timeout=timeout)
    # The vendor itself refuses what could not be refused early.
    error = raised(errors.BadRequestError, mode.ask, client, IMAGE, model=TEXT_ONLY)
    assert "does not accept images" in str(error)
    mode.ask(client, IMAGE)
    assert paths(server) == ["models", "completions", "completions"]
    assert not naps


def test_each_server_has_its_own_model_list(mode: Mode) -> None:
    def serve(request: bytes, connection: socket.socket) -> None:
        listed = {"data": [{"id": "m", "accepts_vision": request.startswith(b"GET /sees/")}]}
        connection.sendall(http(listed if request.startswith(b"GET") else answer()))

    with raw_server(serve) as raw:
        sees, blind = (
            mode.client("sovrgpt", api_key="k", base_url=f"{raw.url}/{name}/api/v1")
            for name in ("sees", "blind")
        )
        for _ in range(2):
            assert mode.ask(sees, IMAGE, model="m").content == "Ja."
            raised(errors.CapabilityError, mode.ask, blind, IMAGE, model="m")


# neuroflash's other addresses


@pytest.mark.covers("neuroflash", "endpoint GET */workspaces")
@pytest.mark.covers("neuroflash", "endpoint GET */models")
@pytest.mark.covers("neuroflash", "endpoint GET */health")
def test_neuroflashs_workspaces_models_and_health(mode: Mode, server: Server) -> None:
    for way in (settings("neuroflash", server), client_credentials(server)):
        client = mode.client("neuroflash", **way | {"workspace_id": None})
        workspaces = [Workspace(server.workspace_id, "Emulator")]
        assert mode.call(client, "workspaces") == workspaces
    client = mode.client("neuroflash", server, max_retries=0)
    assert "openai/gpt-4.1-mini" in {model.id for model in mode.call(client, "models")}
    assert mode.call(client, "health") == {"status": "ok", "server": "emulator"}
    *_, listed, models, health = server.requests
    assert "x-workspace-id" not in listed.headers
    assert models.headers["x-workspace-id"] == server.workspace_id
    assert [(one.method, one.path) for one in (listed, models, health)] == [
        ("GET", "/neuroflash/api/workspace-service/v1/workspaces"),
        ("GET", "/neuroflash/api/ds-prototypes/model_selection/models"),
        ("GET", "/neuroflash/api/ds-prototypes/health"),
    ]
    server.script("neuroflash", Status(500), path="/health")
    raised(errors.InternalServerError, mode.call, client, "health")


@pytest.mark.parametrize("how", ["chat", "stream", "models"])
def test_a_missing_workspace_says_how_and_an_unknown_one_is_the_vendors_error(
    mode: Mode, server: Server, how: str
) -> None:
    client = mode.client("neuroflash", server, workspace_id=None)
    assert str(raised(errors.ConfigurationError, mode.call, client, how)) == (
        "x-workspace-id is missing: pass workspace_id=… or set NEUROFLASH_WORKSPACE_ID, 'auto' for "
        "the account's only one; neuroflash refuses requests without it; "
        "Client('neuroflash').workspaces() lists yours"
    )
    assert not server.requests
    unknown = mode.client("neuroflash", server, workspace_id="another-one")
    if how == "models":
        with pytest.warns(errors.ModelListWarning, match="403: No permission for this workspace"):
            assert mode.call(unknown, how) == list(PROVIDERS["neuroflash"].models)
        return
    error = raised(errors.PermissionDeniedError, mode.call, unknown, how)
    assert str(error) == (
        "neuroflash: 403: No permission for this workspace (permission is missing, or the "
        "workspace's limit is reached)"
    )
    assert error.code == "forbidden"


@pytest.mark.parametrize("provider", ["innogpt", "meingpt", "sovrgpt"])
def test_other_vendors_have_neither_workspaces_nor_health(
    mode: Mode, server: Server, provider: str
) -> None:
    client = mode.client(provider, server)
    said = {"workspaces": "has no workspaces", "health": "documents no address for its health"}
    for how, words in said.items():
        error = raised(errors.CapabilityError, mode.call, client, how)
        assert words in str(error)
        assert error.provider == provider
    with pytest.raises(
        errors.ConfigurationError, match=r"workspace_id='w': .* has no such argument"
    ):
        mode.client(provider, server, workspace_id="w")
    assert not server.requests


# Answers of their own

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def test_meingpts_400_about_tools_says_that_the_model_takes_none(
    mode: Mode, server: Server
) -> None:
    headers, message = {"x-request-id": "r-1"}, "Model does not support tool calling"
    server.script("meingpt", Status(400, headers=headers, message=message))
    client = mode.client("meingpt", server)
    error = raised(errors.CapabilityError, mode.ask, client, model="neues-modell", tools=[TOOL])
    assert str(error) == (
        "tools: meinGPT refused them for model 'neues-modell': not every model takes tools "
        "(meinGPT: Completions); use another model. "
        "The vendor's words: meinGPT: 400: Model does not support tool calling"
    )
    assert (error.provider, error.status_code, error.request_id) == ("meingpt", 400, "r-1")
    server.script("meingpt", Status(400, message="messages is invalid"))
    assert "messages is invalid" in str(
        raised(errors.BadRequestError, mode.ask, client, tools=[TOOL])
    )
    server.script("meingpt", RefuseFields("user"))  # nothing of tools was asked for
    raised(errors.BadRequestError, mode.ask, client, extra_body={"user": "tool"})


@pytest.mark.covers(
    "sovrgpt", "header Accept: `text/event-stream` asks for a stream as `stream` does"
)
@pytest.mark.covers(
    "sovrgpt",
    "behaviour Streams end with an empty delta and a `finish_reason`, then `[DONE]`",
    "Doc",
)
@pytest.mark.parametrize("how", ["chat", "stream"])
def test_the_stream_of_sovrgpts_page(mode: Mode, how: str) -> None:
    chunks = [chunk(role="assistant"), chunk("Diff"), chunk("usions"), chunk(finish="stop")]
    body = sse(*(one | {"id": "chatcmpl-abc"} for one in chunks))
    with raw_server(http(body, kind="text/event-stream")) as raw:
        came = mode.call(mode.client("sovrgpt", api_key="sk-1", base_url=raw.url), how)
        [request] = raw.requests
    completion = came if how == "chat" else came[-1].completion
    found = (completion.content, completion.usage, completion.id)
    assert found == ("Diffusions", None, "chatcmpl-abc")
    accept = {"chat": b"application/json", "stream": b"text/event-stream"}[how]
    assert b"\r\naccept: %b\r\n" % accept in request.lower()
    assert (b'"stream":true' in request.replace(b" ", b"")) is (how == "stream")


def test_the_plain_answer_of_neuroflashs_page(mode: Mode) -> None:
    usage = {"prompt_tokens": 14, "completion_tokens": 12, "total_tokens": 26, "words_used": 9}
    page = answer("Create smarter content.") | {"id": "gen-1775000000-AbCdEfGh", "usage": usage}
    with raw_server(http(page)) as raw:
        client = mode.client("neuroflash", api_key="sk-1", base_url=raw.url, workspace_id="w")
        completion = mode.chat(client)
        head = raw.requests[0].lower()
    found = (completion.usage, completion.created, completion.id)
    assert found == (usage, None, "gen-1775000000-AbCdEfGh")
    assert b"\r\nx-workspace-id: w\r\n" in head
    assert b"\r\nauthorization: bearer sk-1\r\n" in head
