"""Model lists, what they say of images, and workspaces."""

from __future__ import annotations

import json
import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest

from dsgvo import PROVIDERS, image_part
from dsgvo.emulator import Delay, Disconnect, Raw, RefuseFields, Server, Status
from dsgvo.errors import (
    AuthenticationError,
    BadRequestError,
    CapabilityError,
    ConfigurationError,
    InternalServerError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)
from dsgvo.providers import Model
from dsgvo.transport import _client
from dsgvo.wire.models import Workspace
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


def by_id(models: list[Model]) -> dict[str, Model]:
    return {model.id: model for model in models}


def pass_time(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let time pass for the client alone; the emulator's clock is the process's."""
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + seconds)
    monkeypatch.setattr(_client, "time", later)


# Lists


@pytest.mark.covers("sovrgpt", "endpoint GET /api/v1/models", "Doc")
def test_sovrgpts_list_says_what_a_model_takes(mode: Mode, server: Server) -> None:
    models = by_id(mode.result(mode.client("sovrgpt", server).models()))
    seeing = models["qwen3.5-9b"]
    assert (seeing.images, seeing.tools) == (True, True)  # tools by the page's example
    details = {"object": "model", "created": 1775000000, "owned_by": "emulator", "tier": "fast"}
    assert models[TEXT_ONLY] == Model(
        id=TEXT_ONLY,
        source="SovrGPT's model list",
        images=False,
        details=details | {"accepts_vision": False},
    )
    [request] = server.requests
    assert (request.method, request.path) == ("GET", "/sovrgpt/api/v1/models")
    assert request.headers["authorization"] == f"Bearer {server.api_key}"
    wrong = mode.client("sovrgpt", server, api_key="sk-wrong")
    raised(AuthenticationError, lambda: mode.result(wrong.models()))


@pytest.mark.covers("neuroflash", "endpoint GET */models")
def test_neuroflashs_list(mode: Mode, server: Server) -> None:
    models = mode.result(mode.client("neuroflash", server).models())
    assert "openai/gpt-4.1-mini" in by_id(models)
    [request] = server.requests
    assert request.path == "/neuroflash/api/ds-prototypes/model_selection/models"
    assert request.headers["x-workspace-id"] == server.workspace_id


@pytest.mark.covers(
    "innogpt, meingpt", "behaviour No model list: `models()` gives what the page names", "Inferred"
)
@pytest.mark.parametrize("provider", ["innogpt", "meingpt"])
def test_vendors_without_a_list_have_their_page(mode: Mode, server: Server, provider: str) -> None:
    models = mode.result(mode.client(provider, server).models())
    assert models == list(PROVIDERS[provider].models)
    assert not server.requests


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
        assert str(raised(CapabilityError, mode.ask, blind, IMAGE, model=TEXT_ONLY)) == (
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
    raised(CapabilityError, mode.ask, client, IMAGE, model=TEXT_ONLY)
    assert paths(server) == ["models", "completions", "models", "completions", "models"]


@pytest.mark.parametrize(
    ("provider", "messages", "model"),
    [
        ("sovrgpt", HELLO, None),
        ("sovrgpt", IMAGE, "gemma-4-26b-a4b"),  # the page names it
        *((provider, IMAGE, None) for provider in ("innogpt", "meingpt", "neuroflash")),
    ],
)
def test_what_needs_no_list(
    mode: Mode, server: Server, provider: str, messages: Any, model: str | None
) -> None:
    mode.ask(mode.client(provider, server), messages, model=model)
    assert paths(server) == ["completions"]


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
    monkeypatch.setattr(_client, "MODEL_LIST_TIMEOUT", 0.2 if isinstance(fault, Delay) else 10.0)
    server.script("sovrgpt", fault, path="/models")
    client = mode.client("sovrgpt", server, timeout=timeout)
    # The vendor itself refuses what could not be refused early.
    error = raised(BadRequestError, mode.ask, client, IMAGE, model=TEXT_ONLY)
    assert "does not accept images" in str(error)
    mode.ask(client, IMAGE)
    assert paths(server) == ["models", "completions", "completions"]
    assert not naps


def test_a_model_that_the_list_does_not_know_is_asked(mode: Mode, server: Server) -> None:
    mode.ask(mode.client("sovrgpt", server), IMAGE, model="ganz-neu")
    assert paths(server) == ["models", "completions"]


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
            raised(CapabilityError, mode.ask, blind, IMAGE, model="m")


# Workspaces and health


@pytest.mark.covers("neuroflash", "endpoint GET */workspaces")
def test_workspaces_need_no_workspace(mode: Mode, server: Server) -> None:
    for way in (settings("neuroflash", server), client_credentials(server)):
        client = mode.client("neuroflash", **way | {"workspace_id": None})
        workspaces = mode.result(client.workspaces())
        assert workspaces == [Workspace(server.workspace_id, "Emulator")]
    request = server.requests[-1]
    assert request.path == "/neuroflash/api/workspace-service/v1/workspaces"
    assert "x-workspace-id" not in request.headers


@pytest.mark.parametrize("how", ["chat", "stream", "models"])
def test_a_missing_workspace_says_how(mode: Mode, server: Server, how: str) -> None:
    client = mode.client("neuroflash", server, workspace_id=None)
    call = lambda: mode.result(client.models()) if how == "models" else mode.call(client, how)  # noqa: E731
    assert str(raised(ConfigurationError, call)) == (
        "x-workspace-id is missing: pass workspace_id=… or set NEUROFLASH_WORKSPACE_ID; "
        "neuroflash refuses requests without it; Client('neuroflash').workspaces() lists yours"
    )
    assert not server.requests


def test_an_unknown_workspace_is_the_vendors_own_error(mode: Mode, server: Server) -> None:
    client = mode.client("neuroflash", server, workspace_id="another-one")
    error = raised(PermissionDeniedError, mode.ask, client)
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
    for how, said in (
        ("workspaces", "has no workspaces"),
        ("health", "documents no address for its health"),
    ):
        error = raised(CapabilityError, lambda how=how: mode.result(getattr(client, how)()))
        assert said in str(error)
        assert error.provider == provider
    with pytest.raises(ConfigurationError, match=r"workspace_id='w': .* has no such argument"):
        mode.client(provider, server, workspace_id="w")
    assert not server.requests


@pytest.mark.covers("neuroflash", "endpoint GET */health")
def test_neuroflashs_health(mode: Mode, server: Server) -> None:
    client = mode.client("neuroflash", server, max_retries=0)
    assert mode.result(client.health()) == {"status": "ok", "server": "emulator"}
    [request] = server.requests
    assert (request.method, request.path) == ("GET", "/neuroflash/api/ds-prototypes/health")
    server.script("neuroflash", Status(500), path="/health")
    raised(InternalServerError, lambda: mode.result(client.health()))


# What the vendors' errors say


@pytest.mark.covers(
    "neuroflash",
    'behaviour Errors are `{"error": …, "code": …}`, or `{"errors": [{"field": …, "message": …}]}`',
    "Public",
)
def test_both_of_neuroflashs_errors_are_readable(mode: Mode, server: Server) -> None:
    client = mode.client("neuroflash", server, max_retries=0)
    server.script("neuroflash", Status(429, message="Quota reached", code="quota"))
    error = raised(RateLimitError, mode.ask, client)
    assert str(error) == (
        "neuroflash: 429: Quota reached (the rate limit or the workspace's quota is reached)"
    )
    assert error.code == "quota"
    bad = {"reasoning": "nein", "extra_body": {"seed": "x", "temperature": 9}}
    assert str(raised(UnprocessableEntityError, mode.ask, client, **bad)) == (
        "neuroflash: 422: temperature: must be less than or equal to 2; "
        "reasoning: must be a valid dictionary; seed: must be a valid integer"
    )


@pytest.mark.covers(
    "meingpt", "behaviour 403: the completions API is not enabled for the organisation", "Public"
)
def test_meingpts_403_says_that_the_api_is_not_enabled(mode: Mode, server: Server) -> None:
    server.script("meingpt", Status(403, message="Forbidden"))
    assert str(raised(PermissionDeniedError, mode.ask, mode.client("meingpt", server))) == (
        "meinGPT: 403: Forbidden (the completions API is not enabled for this organisation)"
    )


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.mark.covers(
    "meingpt", "behaviour Models without tools, as Perplexity's: 400, or refused before sending"
)
@pytest.mark.parametrize("model", ["llama-3.1-sonar-large-128k-online", "sonar-pro"])
def test_tools_for_perplexity_are_refused_before_sending(
    mode: Mode, server: Server, model: str
) -> None:
    client = mode.client("meingpt", server)
    with pytest.raises(CapabilityError, match=rf"model '{model}' does not take tools"):
        mode.ask(client, model=model, tools=[TOOL])
    assert not server.requests
    mode.ask(client, model=model)
    assert len(server.requests) == 1


def test_meingpts_400_about_tools_says_that_the_model_takes_none(
    mode: Mode, server: Server
) -> None:
    headers, message = {"x-request-id": "r-1"}, "Model does not support tool calling"
    server.script("meingpt", Status(400, headers=headers, message=message))
    client = mode.client("meingpt", server)
    error = raised(CapabilityError, mode.ask, client, model="neues-modell", tools=[TOOL])
    assert str(error) == (
        "tools: meinGPT refused them for model 'neues-modell': not every model takes tools "
        "(meinGPT: Completions); use another model. "
        "The vendor's words: meinGPT: 400: Model does not support tool calling"
    )
    assert (error.provider, error.status_code, error.request_id) == ("meingpt", 400, "r-1")


def test_another_400_beside_tools_stays_what_it_is(mode: Mode, server: Server) -> None:
    client = mode.client("meingpt", server)
    server.script("meingpt", Status(400, message="messages is invalid"))
    assert "messages is invalid" in str(raised(BadRequestError, mode.ask, client, tools=[TOOL]))
    server.script("meingpt", RefuseFields("user"))  # nothing of tools was asked for
    raised(BadRequestError, mode.ask, client, extra_body={"user": "tool"})


# Counts of its own


@pytest.mark.covers(
    "neuroflash", "behaviour `usage.words_used` is what the quota counts, plain and streamed"
)
def test_words_used_reach_the_usage(mode: Mode, server: Server) -> None:
    completion = mode.ask(mode.client("neuroflash", server))
    assert completion.usage["words_used"] == len(completion.content.split()) > 0
    assert completion.created is None  # the documented answer has none
    assert completion.id.startswith("gen-")


# SovrGPT


def test_json_mode_goes_out_and_gives_json(mode: Mode, server: Server) -> None:
    messages = [{"role": "user", "content": "Nenne Farben als JSON"}]
    wanted = {"type": "json_object"}
    completion = mode.ask(mode.client("sovrgpt", server), messages, response_format=wanted)
    assert isinstance(json.loads(completion.content), dict)
    assert server.requests[0].json["response_format"] == wanted


@pytest.mark.covers(
    "sovrgpt", "header Accept: `text/event-stream` asks for a stream as `stream` does"
)
def test_a_stream_asks_in_both_documented_ways(mode: Mode, server: Server) -> None:
    mode.stream(mode.client("sovrgpt", server))
    [request] = server.requests
    assert request.json["stream"] is True
    assert request.headers["accept"] == "text/event-stream"
    mode.chat(mode.client("sovrgpt", server))
    assert "stream" not in server.requests[-1].json
    assert server.requests[-1].headers["accept"] == "application/json"


@pytest.mark.covers(
    "sovrgpt",
    "behaviour Streams end with an empty delta and a `finish_reason`, then `[DONE]`",
    "Doc",
)
@pytest.mark.parametrize("how", ["chat", "stream"])
def test_the_stream_of_the_page_has_no_usage(mode: Mode, how: str) -> None:
    chunks = [chunk(role="assistant"), chunk("Diff"), chunk("usions"), chunk(finish="stop")]
    body = sse(*(one | {"id": "chatcmpl-abc"} for one in chunks))
    with raw_server(http(body, kind="text/event-stream")) as raw:
        came = mode.call(mode.client("sovrgpt", api_key="sk-1", base_url=raw.url), how)
    completion = came if how == "chat" else came[-1].completion
    found = (completion.content, completion.usage, completion.id)
    assert found == ("Diffusions", None, "chatcmpl-abc")


def test_the_key_may_be_called_sovr_key(
    mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOVR_KEY", server.api_key)
    mode.ask(mode.kind("sovrgpt", base_url=server.base_url("sovrgpt")))
    monkeypatch.setenv("SOVRGPT_API_KEY", "sk-wrong")
    with pytest.raises(AuthenticationError):
        mode.ask(mode.kind("sovrgpt", base_url=server.base_url("sovrgpt")))


def test_a_plain_answer_of_the_page(mode: Mode) -> None:
    usage = {"prompt_tokens": 14, "completion_tokens": 12, "total_tokens": 26, "words_used": 9}
    page = answer("Create smarter content.") | {"id": "gen-1775000000-AbCdEfGh", "usage": usage}
    with raw_server(http(page)) as raw:
        client = mode.client("neuroflash", api_key="sk-1", base_url=raw.url, workspace_id="w")
        completion = mode.chat(client)
        head = raw.requests[0].split(b"\r\n\r\n")[0].lower()
    assert completion.usage == usage
    assert b"x-workspace-id: w\r\n" in head + b"\r\n"
    assert b"authorization: bearer sk-1" in head
