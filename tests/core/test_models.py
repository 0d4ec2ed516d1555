"""Model lists, what they say of images, and workspaces."""

from __future__ import annotations

import asyncio
import json
import time
from types import SimpleNamespace
from typing import Any

import pytest

from dsgvo import PROVIDERS, image_part
from dsgvo.emulator import Delay, Disconnect, Raw, RefuseFields, Server, Status
from dsgvo.errors import (
    APIError,
    APIResponseError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    CapabilityError,
    ConfigurationError,
    InternalServerError,
    PermissionDeniedError,
)
from dsgvo.providers import Model
from dsgvo.transport import _client
from dsgvo.wire.models import Workspace, decode_health, decode_models, decode_workspaces
from tests.core.support import Mode, answer, client_credentials, http, raw_server, settings
from tests.vendors import MODELS

IMAGE = [{"role": "user", "content": [image_part(url="https://example.com/foto.jpg")]}]
TEXT_ONLY = "qwen3.5-9b-text"
"""The emulator's name for a model of SovrGPT that its list says takes no images."""

SOVRGPT, NEUROFLASH = PROVIDERS["sovrgpt"], PROVIDERS["neuroflash"]


def got(mode: Mode, result: Any) -> Any:
    return result if mode.name == "sync" else asyncio.run(result)


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
    models = by_id(got(mode, mode.client("sovrgpt", server).models()))
    assert models["qwen3.5-9b"].images is True
    assert models["qwen3.5-9b"].tools is True  # the page's example; the list does not say
    assert models[TEXT_ONLY] == Model(
        id=TEXT_ONLY,
        source="SovrGPT's model list",
        images=False,
        details={
            "object": "model",
            "created": 1775000000,
            "owned_by": "emulator",
            "tier": "fast",
            "accepts_vision": False,
        },
    )
    [request] = server.requests
    assert (request.method, request.path) == ("GET", "/sovrgpt/api/v1/models")
    assert request.headers["authorization"] == f"Bearer {server.api_key}"


@pytest.mark.covers("neuroflash", "endpoint GET */models")
def test_neuroflashs_list(mode: Mode, server: Server) -> None:
    models = got(mode, mode.client("neuroflash", server).models())
    assert "openai/gpt-4.1-mini" in by_id(models)
    [request] = server.requests
    assert request.path == "/neuroflash/api/ds-prototypes/model_selection/models"
    assert request.headers["x-workspace-id"] == server.workspace_id


@pytest.mark.covers(
    "innogpt, meingpt", "behaviour No model list: `models()` gives what the page names", "Inferred"
)
@pytest.mark.parametrize("provider", ["innogpt", "meingpt"])
def test_vendors_without_a_list_have_their_page(mode: Mode, server: Server, provider: str) -> None:
    models = got(mode, mode.client(provider, server).models())
    assert models == list(PROVIDERS[provider].models)
    assert not server.requests


def test_the_vendors_own_addresses_are_asked_at_the_vendor() -> None:
    """A list outside of ``base_url`` is looked for on the server that ``base_url`` names."""
    for spec in PROVIDERS.values():
        client = Mode("sync").client(spec.name, api_key="sk-1", workspace_id=None)
        assert client.config.url("https://example.com/a/b") == "https://example.com/a/b"
    moved = Mode("sync").client(
        "neuroflash", api_key="sk-1", base_url="https://proxy.example.com/nf/api/ds-prototypes"
    )
    assert NEUROFLASH.workspaces_url is not None
    assert moved.config.url(NEUROFLASH.workspaces_url) == (
        "https://proxy.example.com/nf/api/workspace-service/v1/workspaces"
    )


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({"object": "list", "data": [{"id": "a"}, {"id": "b"}]}, ["a", "b"]),
        ({"models": [{"model": "a"}, {"name": "b"}]}, ["a", "b"]),
        ([{"id": "a"}, "b"], ["a", "b"]),
        ({"data": [{"object": "model"}, {"id": 7}, {"id": "a"}]}, ["a"]),
        ({"data": []}, []),
    ],
)
def test_lists_of_other_shapes(body: Any, ids: list[str]) -> None:
    models = decode_models(NEUROFLASH, json.dumps(body).encode())
    assert [model.id for model in models] == ids


@pytest.mark.parametrize("value", [None, "yes", 1, []])
def test_accepts_vision_of_another_type_says_nothing(value: Any) -> None:
    body = json.dumps({"data": [{"id": "neu", "accepts_vision": value}]}).encode()
    assert decode_models(SOVRGPT, body)[0].images is None


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"<html><title>Anmelden</title>", APIResponseError, "a web page titled 'Anmelden'"),
        (b"", APIResponseError, "expected a list, got an empty body"),
        (b'{"object": "list"}', APIResponseError, "expected a list, got no list"),
        (b'{"data": {"id": "a"}}', APIResponseError, "expected a list, got no list"),
        (b'"a"', APIResponseError, "got no list"),
        (b'{"error": "nein", "code": "403"}', PermissionDeniedError, "nein"),
    ],
)
@pytest.mark.parametrize("decode", [decode_models, decode_workspaces])
def test_what_is_no_list(body: bytes, kind: Any, said: str, decode: Any) -> None:
    with pytest.raises(kind) as caught:
        decode(NEUROFLASH, body)
    assert said in str(caught.value)


def test_a_wrong_key_for_a_list(mode: Mode, server: Server) -> None:
    client = mode.client("sovrgpt", server, api_key="sk-wrong")
    with pytest.raises(AuthenticationError):
        got(mode, client.models())


# Images and what the list says of them


@pytest.mark.covers(
    "sovrgpt",
    "behaviour Images only for models with `accepts_vision`: others are refused before sending",
    "Doc",
)
@pytest.mark.parametrize("how", ["chat", "stream"])
def test_an_image_for_a_model_that_takes_none_is_refused_before_sending(
    mode: Mode, server: Server, how: str
) -> None:
    with pytest.raises(CapabilityError) as caught:
        mode.call(mode.client("sovrgpt", server), how, IMAGE, model=TEXT_ONLY)
    assert str(caught.value) == (
        f"SovrGPT says that model {TEXT_ONLY!r} does not take images: use another one"
    )
    assert paths(server) == ["models"]


def test_the_list_is_asked_for_once(server: Server) -> None:
    for mode in (Mode("sync"), Mode("async")):
        for _ in range(2):
            mode.chat(mode.client("sovrgpt", server), IMAGE, model="qwen3.5-9b")
            with pytest.raises(CapabilityError):
                mode.chat(mode.client("sovrgpt", server), IMAGE, model=TEXT_ONLY)
    assert paths(server) == ["models", *["completions"] * 4]


def test_the_list_is_asked_for_again_after_a_while(
    mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    mode.chat(mode.client("sovrgpt", server), IMAGE)
    pass_time(monkeypatch, _client.MODEL_LIST_SECONDS + 1)
    mode.chat(mode.client("sovrgpt", server), IMAGE)
    assert paths(server) == ["models", "completions"] * 2


def test_neither_text_nor_a_model_that_the_page_names_needs_the_list(
    mode: Mode, server: Server
) -> None:
    client = mode.client("sovrgpt", server)
    mode.chat(client)
    mode.chat(client, IMAGE, model="gemma-4-26b-a4b")
    assert paths(server) == ["completions"] * 2


@pytest.mark.parametrize("provider", ["innogpt", "meingpt", "neuroflash"])
def test_other_vendors_lists_say_nothing_of_images(
    mode: Mode, server: Server, provider: str
) -> None:
    mode.chat(mode.client(provider, server), IMAGE)
    assert paths(server) == ["completions"]


@pytest.mark.parametrize(
    "fault",
    [
        Status(500),
        Status(404),
        Disconnect(),
        Status(200, body="<html><title>Anmelden</title></html>"),
        Raw(headers={"content-type": "application/json"}, chunks=[b'{"data": [{"id": '], drop=True),
    ],
)
def test_a_list_that_cannot_be_had_does_not_stand_in_the_way(
    mode: Mode, server: Server, fault: Any, naps: list[float]
) -> None:
    server.script("sovrgpt", fault, path="/models")
    client = mode.client("sovrgpt", server)
    assert mode.chat(client, IMAGE).finish_reason == "stop"
    # The vendor itself refuses what could not be refused early.
    with pytest.raises(BadRequestError, match="does not accept images"):
        mode.chat(client, IMAGE, model=TEXT_ONLY)
    assert paths(server) == ["models", "completions", "completions"]
    assert not naps


def test_a_list_that_could_not_be_had_is_soon_asked_for_again(
    mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script("sovrgpt", Status(500), path="/models")
    client = mode.client("sovrgpt", server)
    mode.chat(client, IMAGE)
    pass_time(monkeypatch, _client.MODEL_LIST_RETRY_SECONDS + 1)
    with pytest.raises(CapabilityError):
        mode.chat(client, IMAGE, model=TEXT_ONLY)


def test_a_slow_list_is_not_waited_for(
    mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_client, "MODEL_LIST_TIMEOUT", 0.2)
    server.script("sovrgpt", Delay(5), path="/models")
    client = mode.client("sovrgpt", server, timeout=None)
    assert mode.chat(client, IMAGE).finish_reason == "stop"


def test_a_model_that_the_list_does_not_know_is_asked(mode: Mode, server: Server) -> None:
    mode.chat(mode.client("sovrgpt", server), IMAGE, model="ganz-neu")
    assert paths(server) == ["models", "completions"]


# Workspaces


@pytest.mark.covers("neuroflash", "endpoint GET */workspaces")
def test_workspaces_need_no_workspace(mode: Mode, server: Server) -> None:
    ways: list[dict[str, Any]] = [settings("neuroflash", server), client_credentials(server)]
    for way in ways:
        arguments: dict[str, Any] = way | {"workspace_id": None}
        client = mode.kind("neuroflash", **arguments)
        assert got(mode, client.workspaces()) == [Workspace(server.workspace_id, "Emulator")]
    request = server.requests[-1]
    assert request.path == "/neuroflash/api/workspace-service/v1/workspaces"
    assert "x-workspace-id" not in request.headers


@pytest.mark.parametrize("how", ["chat", "stream", "models"])
def test_a_missing_workspace_says_how(mode: Mode, server: Server, how: str) -> None:
    client = mode.client("neuroflash", server, workspace_id=None)
    with pytest.raises(ConfigurationError) as caught:
        got(mode, client.models()) if how == "models" else mode.call(client, how)
    assert str(caught.value) == (
        "x-workspace-id is missing: pass workspace_id=… or set NEUROFLASH_WORKSPACE_ID; "
        "neuroflash refuses requests without it; Client('neuroflash').workspaces() lists yours"
    )
    assert not server.requests


def test_an_unknown_workspace_is_the_vendors_own_error(mode: Mode, server: Server) -> None:
    client = mode.client("neuroflash", server, workspace_id="another-one")
    with pytest.raises(PermissionDeniedError) as caught:
        mode.chat(client)
    assert str(caught.value) == (
        "neuroflash: 403: No permission for this workspace (permission is missing, or the "
        "workspace's limit is reached)"
    )
    assert caught.value.code == "forbidden"


@pytest.mark.parametrize("provider", ["innogpt", "meingpt", "sovrgpt"])
def test_other_vendors_have_no_workspaces(mode: Mode, server: Server, provider: str) -> None:
    with pytest.raises(CapabilityError, match="has no workspaces"):
        got(mode, mode.client(provider, server).workspaces())
    with pytest.raises(ConfigurationError, match=r"workspace_id='w': .* has no such argument"):
        mode.client(provider, server, workspace_id="w")
    assert not server.requests


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"workspaces": [{"id": "w1", "name": "Team"}]}, [Workspace("w1", "Team")]),
        ({"data": [{"id": 7}]}, [Workspace("7", None)]),
        ([{"id": "w1", "name": 3}, {"name": "ohne"}], [Workspace("w1", None)]),
        ({"items": []}, []),
    ],
)
def test_workspaces_of_any_shape(body: Any, found: list[Workspace]) -> None:
    assert decode_workspaces(NEUROFLASH, json.dumps(body).encode()) == found


# Health


@pytest.mark.covers("neuroflash", "endpoint GET */health")
def test_neuroflashs_health(mode: Mode, server: Server) -> None:
    health = got(mode, mode.client("neuroflash", server).health())
    assert health == {"status": "ok", "server": "emulator"}
    [request] = server.requests
    assert (request.method, request.path) == ("GET", "/neuroflash/api/ds-prototypes/health")
    server.script("neuroflash", Status(500), path="/health")
    with pytest.raises(InternalServerError):
        got(mode, mode.client("neuroflash", server, max_retries=0).health())
    for provider in ("innogpt", "meingpt", "sovrgpt"):
        with pytest.raises(CapabilityError, match="documents no address for its health"):
            got(mode, mode.client(provider, server).health())


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", {}),
        (b"OK\n", {"status": "OK"}),
        (b'"up"', {"status": "up"}),
        (b"true", {"status": True}),
        (b'{"status": "ok"}', {"status": "ok"}),
    ],
)
def test_health_of_any_shape(body: bytes, found: dict[str, Any]) -> None:
    assert decode_health(NEUROFLASH, body) == found


@pytest.mark.parametrize("body", [b"<html>Anmelden", b'{"error": "down", "code": "503"}'])
def test_health_that_is_none(body: bytes) -> None:
    with pytest.raises(APIError):
        decode_health(NEUROFLASH, body)


# What the vendors' errors say


@pytest.mark.covers(
    "neuroflash",
    'behaviour Errors are `{"error": …, "code": …}`, or `{"errors": [{"field": …, "message": …}]}`',
    "Public",
)
@pytest.mark.parametrize("how", ["chat", "stream"])
def test_both_of_neuroflashs_errors_are_readable(mode: Mode, server: Server, how: str) -> None:
    client = mode.client("neuroflash", server)
    server.script("neuroflash", Status(429, message="Quota reached", code="quota"))
    with pytest.raises(APIError) as caught:
        mode.call(mode.client("neuroflash", server, max_retries=0), how)
    assert str(caught.value) == (
        "neuroflash: 429: Quota reached (the rate limit or the workspace's quota is reached)"
    )
    assert caught.value.code == "quota"
    bad = {"reasoning": "nein", "extra_body": {"seed": "x", "temperature": 9}}
    with pytest.raises(APIStatusError) as caught:
        mode.call(client, how, **bad)
    assert caught.value.status_code == 422
    assert str(caught.value) == (
        "neuroflash: 422: temperature: must be between 0 and 2; "
        "reasoning: must be an object; seed: must be an integer"
    )


@pytest.mark.covers(
    "meingpt", "behaviour 403: the completions API is not enabled for the organisation", "Public"
)
@pytest.mark.parametrize("how", ["chat", "stream"])
def test_meingpts_403_says_that_the_api_is_not_enabled(
    mode: Mode, server: Server, how: str
) -> None:
    server.script("meingpt", Status(403, message="Forbidden"))
    with pytest.raises(PermissionDeniedError) as caught:
        mode.call(mode.client("meingpt", server), how)
    assert str(caught.value) == (
        "meinGPT: 403: Forbidden (the completions API is not enabled for this organisation)"
    )


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.mark.covers(
    "meingpt",
    "behaviour Models without tools, as Perplexity's: 400, or refused before sending",
)
@pytest.mark.parametrize("how", ["chat", "stream"])
@pytest.mark.parametrize("model", ["llama-3.1-sonar-large-128k-online", "sonar-pro"])
def test_tools_for_perplexity_are_refused_before_sending(
    mode: Mode, server: Server, how: str, model: str
) -> None:
    with pytest.raises(CapabilityError, match=rf"model '{model}' does not take tools"):
        mode.call(mode.client("meingpt", server), how, model=model, tools=[TOOL])
    assert not server.requests
    mode.call(mode.client("meingpt", server), how, model=model)
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", ["chat", "stream"])
def test_meingpts_400_about_tools_says_that_the_model_takes_none(
    mode: Mode, server: Server, how: str
) -> None:
    server.script("meingpt", Status(400, message="Model does not support tool calling"))
    with pytest.raises(CapabilityError) as caught:
        mode.call(mode.client("meingpt", server), how, model="neues-modell", tools=[TOOL])
    assert str(caught.value) == (
        "tools: meinGPT refused them for model 'neues-modell': not every model takes tools "
        "(meinGPT: Completions); use another model"
    )
    assert caught.value.status_code == 400


def test_another_400_beside_tools_stays_what_it_is(mode: Mode, server: Server) -> None:
    server.script("meingpt", Status(400, message="messages is invalid"))
    with pytest.raises(BadRequestError, match="messages is invalid"):
        mode.chat(mode.client("meingpt", server), tools=[TOOL])
    server.script("meingpt", RefuseFields("user"))
    with pytest.raises(BadRequestError):  # nothing of tools was asked for
        mode.chat(mode.client("meingpt", server), extra_body={"user": "tool"})


# Counts of its own


@pytest.mark.covers(
    "neuroflash", "behaviour `usage.words_used` is what the quota counts, plain and streamed"
)
@pytest.mark.parametrize("how", ["chat", "stream"])
def test_words_used_reach_the_usage(mode: Mode, server: Server, how: str) -> None:
    came = mode.call(mode.client("neuroflash", server), how)
    completion = came if how == "chat" else came[-1].completion
    assert completion.usage["words_used"] == len(completion.content.split()) > 0
    assert completion.created is None  # the documented answer has none
    assert completion.id.startswith("gen-")


# SovrGPT


def test_json_mode_goes_out_and_gives_json(mode: Mode, server: Server) -> None:
    completion = mode.chat(
        mode.client("sovrgpt", server),
        [{"role": "user", "content": "Nenne Farben als JSON"}],
        response_format={"type": "json_object"},
    )
    assert isinstance(json.loads(completion.content), dict)
    assert server.requests[0].json["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    "field", ["seed", "logit_bias", "user", "presence_penalty", "frequency_penalty"]
)
def test_what_sovrgpt_ignores_is_refused_when_strict(
    mode: Mode, server: Server, field: str
) -> None:
    value: Any = {"seed": 7, "logit_bias": {"1": 1}, "user": "u"}.get(field, 1)
    client = mode.client("sovrgpt", server, strict=True)
    with pytest.raises(CapabilityError, match=f"SovrGPT accepts '{field}' and does not honour it"):
        mode.chat(client, **{field: value})
    assert not server.requests


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
    chunks = [
        '{"id":"chatcmpl-abc","choices":[{"delta":{"role":"assistant"},"index":0}]}',
        '{"id":"chatcmpl-abc","choices":[{"delta":{"content":"Diff"},"index":0}]}',
        '{"id":"chatcmpl-abc","choices":[{"delta":{"content":"usions"},"index":0}]}',
        '{"id":"chatcmpl-abc","choices":[{"delta":{},"finish_reason":"stop","index":0}]}',
        "[DONE]",
    ]
    body = "".join(f"data: {chunk}\n\n" for chunk in chunks).encode()
    with raw_server(http(body, kind="text/event-stream")) as raw:
        came = mode.call(mode.client("sovrgpt", api_key="sk-1", base_url=raw.url), how)
    completion = came if how == "chat" else came[-1].completion
    assert completion.content == "Diffusions"
    assert completion.usage is None
    assert completion.id == "chatcmpl-abc"


def test_the_key_may_be_called_sovr_key(
    mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOVR_KEY", server.api_key)
    client = mode.kind("sovrgpt", base_url=server.base_url("sovrgpt"))
    assert mode.chat(client, model=MODELS["sovrgpt"]).finish_reason == "stop"
    monkeypatch.setenv("SOVRGPT_API_KEY", "sk-wrong")
    with pytest.raises(AuthenticationError):
        mode.chat(mode.kind("sovrgpt", base_url=server.base_url("sovrgpt")))


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
