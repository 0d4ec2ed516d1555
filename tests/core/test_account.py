"""Model lists, workspaces, quotas and health: when they are asked for, and what follows of them."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from dsgvo import PROVIDERS, Client, errors, image_part
from dsgvo.emulator import Delay, Disconnect, Raw, RefuseFields, Server, Status
from dsgvo.transport import _client, _request
from dsgvo.wire.account import Workspace
from tests.core import support
from tests.core.support import HELLO, Mode, answer, client_credentials, http, raised, raw_server
from tests.vendors import MODELS

MEINGPT, NEUROFLASH = PROVIDERS["meingpt"], PROVIDERS["neuroflash"]
IMAGE = [{"role": "user", "content": [image_part(url="https://example.com/foto.jpg")]}]
TEXT_ONLY = "qwen3.5-9b-text"
"""The emulator's name for a model of SovrGPT that its list says takes no images."""
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def paths(server: Server) -> list[str]:
    return [request.path.rpartition("/")[2] for request in server.requests]


GPT = {"images": True, "context_window": 272_000, "region": None}
CLAUDE = {"context_window": 200_000, "available": False, "reasoning": False}
BLIND = {"name": TEXT_ONLY.upper(), "owned_by": "emulator", "images": False, "tools": None}
# vendor, model → the list's path, and what it says of the model
LISTED: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("innogpt", "gpt-5"): ("/api/ext/v1/models", GPT),
    ("meingpt", "gpt-4o"): ("/api/models/v1", {"name": "GPT-4O", "owned_by": "azure"}),
    ("neuroflash", "claude-sonnet-4.5"): ("/api/ds-prototypes/model_selection/models", CLAUDE),
    ("sovrgpt", TEXT_ONLY): ("/api/v1/models", BLIND),
    ("sovrgpt", "qwen3.5-9b"): ("/api/v1/models", {"images": True, "tools": True}),
}


@pytest.mark.covers("*", "endpoint GET */models*")
@pytest.mark.parametrize(("provider", "model"), LISTED)
def test_what_a_list_says_of_a_model(mode: Mode, server: Server, provider: str, model: str) -> None:
    path, said = LISTED[provider, model]
    listed = {m.id: m for m in mode.call(mode.client(provider, server), "models")}[model]
    assert {name: getattr(listed, name) for name in said} == said
    assert listed.source == f"{PROVIDERS[provider].title}'s model list"
    if provider == "innogpt":  # who runs a model is no region
        assert str(listed.processor).startswith("OpenAI, by its own API ")
    [request] = server.requests
    assert (request.method, request.path) == ("GET", f"/{provider}{path}")
    assert request.headers["authorization"] == f"Bearer {server.api_key}"


@pytest.mark.parametrize("case", [*zip(MODELS, (403, 404, 405, 404), (2, 1, 1, 1), strict=True)])
def test_the_catalogue_stands_in_for_a_list(mode: Mode, server: Server, case: Any) -> None:
    provider, status, asked = case
    client = mode.client(provider, server)
    path = urlsplit(str(PROVIDERS[provider].models_url)).path
    elsewhere = server.base_url(provider).replace("127.0.0.1", "localhost")
    other = mode.client(provider, server, base_url=elsewhere)
    server.script(provider, *[Status(status)] * 3, path=path)
    with pytest.warns(errors.ModelListWarning, match="model list cannot be had") as told:
        found = [mode.call(one, "models") for one in (client, client, other)]
    assert found == [list(PROVIDERS[provider].models)] * 3
    assert (len(told), len(server.requests)) == (2, asked + 1)  # what is missing is asked for once


def test_a_base_url_moves_what_lies_beside_it() -> None:
    for base_url, models in (
        (MEINGPT.other_base_urls[0], MEINGPT.models_url),
        ("https://x.example/m/api/openai/v1", "https://x.example/m/api/models/v1"),
    ):
        config = Client("meingpt", api_key="k", base_url=base_url).config
        assert config.url(str(MEINGPT.models_url)) == models
    none = Client(replace(MEINGPT, models_url=None), api_key="k")
    assert (none.models(), none.known_model(" o1-us ").region) == (list(MEINGPT.models), "US")
    assert "is not a str" in str(raised(errors.ConfigurationError, none.known_model, 7))


@pytest.mark.covers("neuroflash, meingpt", "behaviour Two base URLs: a 404 names the other", "Seen")
@pytest.mark.parametrize("provider", ["neuroflash", "meingpt"])
def test_a_404_names_the_other(mode: Mode, server: Server, provider: str) -> None:
    two = {"neuroflash": ("", "/content_generation"), "meingpt": ("/openai", "/external/openai")}
    base, (here, there) = server.base_url(provider), two[provider]
    other = base.replace(here, there) if here else base + there
    for this, that in ((base, other), (other, base)):
        client = mode.client(provider, server, base_url=this)
        server.script(provider, Status(404))
        error = raised(errors.NotFoundError, mode.ask, client)
        said = f"the model's name; {PROVIDERS[provider].title} is seen to answer under {that} too"
        assert said in str(error)
        assert mode.ask(client).content


# Images and what the list says of them


@pytest.mark.covers(
    "sovrgpt",
    "behaviour Images only for models with `accepts_vision`: others are refused before sending",
    "Doc",
)
def test_an_image_for_a_model_that_takes_none_is_refused_before_sending(server: Server) -> None:
    for mode in (Mode("sync"), Mode("async")):
        mode.ask(mode.client("sovrgpt", server), IMAGE)
        blind = mode.client("sovrgpt", server)
        assert str(raised(errors.CapabilityError, mode.ask, blind, IMAGE, model=TEXT_ONLY)) == (
            f"SovrGPT says that model {TEXT_ONLY!r} does not take images: use another one"
        )
    assert paths(server) == ["models", "completions", "completions"]


def test_a_list_is_asked_again_after_a_while(mode: Mode, server: Server, monkeypatch: Any) -> None:
    client = mode.client("sovrgpt", server)
    mode.ask(client, IMAGE)
    late = time.monotonic() + _client.MODEL_LIST_SECONDS + 1
    # A clock of the client alone: the emulator's is the process's.
    monkeypatch.setattr(_client, "time", SimpleNamespace(monotonic=lambda: late))
    server.script("sovrgpt", Status(500), path="/models")
    mode.ask(client, IMAGE)
    late += _client.MODEL_LIST_RETRY_SECONDS + 1  # a list that could not be had: soon again
    raised(errors.CapabilityError, mode.ask, client, IMAGE, model=TEXT_ONLY)
    assert paths(server) == ["models", "completions", "models", "completions", "models"]


@pytest.mark.filterwarnings("ignore:.* documents no image input")
@pytest.mark.parametrize(
    "case",
    [
        ("sovrgpt", HELLO, None, ["completions"]),
        ("sovrgpt", IMAGE, "gemma-4-26b-a4b", ["completions"]),  # the page names it
        ("sovrgpt", IMAGE, "ganz-neu", ["models", "completions"]),
        *((name, IMAGE, None, ["completions"]) for name in ("innogpt", "meingpt", "neuroflash")),
    ],
)
def test_what_needs_a_list_and_what_needs_none(mode: Mode, server: Server, case: Any) -> None:
    provider, messages, model, asked = case
    mode.ask(mode.client(provider, server), messages, model=model)
    assert paths(server) == asked


# The delay is not waited for: the list that would come then refuses the model.
@pytest.mark.parametrize("fault", [Status(500), Disconnect(), Status(200, body="<html>"), Delay(5)])
def test_a_list_that_cannot_be_had_does_not_stand_in_the_way(
    mode: Mode, server: Server, fault: Any, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_request, "ASIDE_SECONDS", 0.2 if isinstance(fault, Delay) else 10.0)
    server.script("sovrgpt", fault, path="/models")
    client = mode.client("sovrgpt", server, timeout=None)
    # The vendor itself refuses what could not be refused early.
    error = raised(errors.BadRequestError, mode.ask, client, IMAGE, model=TEXT_ONLY)
    assert "does not accept images" in str(error)
    mode.ask(client, IMAGE)
    assert mode.call(client, "models")
    assert paths(server) == ["models", "completions", "completions", "models"]
    assert not naps


# neuroflash's other addresses


@pytest.mark.covers("neuroflash", "endpoint GET */workspaces", "Public")
@pytest.mark.covers("neuroflash", "endpoint GET */health", "Public")
@pytest.mark.covers("neuroflash", "endpoint GET */quotas", "Public")
@pytest.mark.parametrize("detour", ["", "/content_generation"])
def test_neuroflashs_workspaces_health_and_quotas(mode: Mode, server: Server, detour: str) -> None:
    own: dict[str, Any] = {"base_url": server.base_url("neuroflash") + detour, "max_retries": 0}
    for way in (support.settings("neuroflash", server), client_credentials(server)):
        client = mode.client("neuroflash", **way | own | {"workspace_id": None})
        assert mode.call(client, "workspaces") == [Workspace(server.workspace_id, "Emulator")]
    client = mode.client("neuroflash", server, **own)
    assert mode.call(client, "models")
    assert mode.call(client, "health") == {"status": "ok", "server": "emulator"}
    tokens, images = mode.call(client, "quotas")
    assert (tokens.kind, tokens.left, tokens.daily_left) == ("tokens", 880_000, 48_800)
    assert tokens.resets_at - datetime.now(UTC) <= timedelta(days=1)
    assert str(images) == "images left: 40 of 50, 5 of 5 today"
    assert {one.path: "x-workspace-id" in one.headers for one in server.requests} == {
        "/neuroflash/oauth/v2/token": False,
        "/neuroflash/api/workspace-service/v1/workspaces": False,
        "/neuroflash/api/ds-prototypes/model_selection/models": True,
        "/neuroflash/api/ds-prototypes/health": True,
        "/neuroflash/api/usage-service/v1/workspaces/emulator-workspace/quotas": True,
    }
    server.script("neuroflash", Status(500), path="/health")
    raised(errors.InternalServerError, mode.call, client, "health")


def page_of(*ids: str, number: int = 0, total: int = 3) -> Status:
    about = {"size": 2, "totalElements": total, "totalPages": 2, "currentPage": number}
    return Status(200, body={"data": [{"id": one} for one in ids], "page": about})


@pytest.mark.covers("neuroflash", "behaviour Lists of the account come in pages", "Seen")
@pytest.mark.parametrize("first", [0, 1])
def test_all_pages_of_workspaces_are_read(mode: Mode, server: Server, first: int) -> None:
    pages: Any = page_of("a", "b", number=first), page_of("c", number=first + 1)
    second = b"?page=%d " % (first + 1)
    with raw_server(lambda asked, _: http(pages[second in asked].body)) as raw:
        client = mode.client("neuroflash", raw, workspace_id=None)
        assert [one.id for one in mode.call(client, "workspaces")] == ["a", "b", "c"]
    server.script("neuroflash", *[page_of("a")] * 2, path="/workspaces")
    client = mode.client("neuroflash", server, workspace_id=None)
    error = raised(errors.APIResponseError, mode.call, client, "workspaces")
    assert "expected page 1 of workspaces, got page 0" in str(error)
    assert "pass workspace_id=…" in str(error)


def test_the_only_workspace_is_taken_and_of_several_none(mode: Mode, server: Server) -> None:
    client = mode.client("neuroflash", server, workspace_id="auto")
    few = r"^workspace_id='auto': .* has 11 workspaces, .* '\*\*\*' \(None\), .* 'j' \(None\)$"
    for ids, said in (([server.api_key, *"bcdefghijk"], few), ("", "has no workspace$")):
        server.script("neuroflash", page_of(*ids, total=len(ids)), path="/workspaces")
        with pytest.raises(errors.ConfigurationError, match=said) as caught:
            mode.ask(client)
        assert caught.value.provider == "neuroflash"
    server.script("neuroflash", page_of("a\r\nX-Admin: 1", total=1), path="/workspaces")
    said = str(raised(errors.APIResponseError, mode.ask, client))
    assert ("no header can" in said, "pass workspace_id=…" in said) == (True, True)
    for _ in range(2):  # asked for once
        mode.ask(client)
        assert server.requests[-1].headers["x-workspace-id"] == server.workspace_id
    assert paths(server) == ["workspaces"] * 4 + ["completions"] * 2
    _, listed = (mode.call(client, what) for what in ("quotas", "models"))
    assert f"/{server.workspace_id}/" in server.requests[-2].path
    assert client.known_model(listed[0].id) in listed


def test_each_key_that_a_function_gives_has_its_own_workspace(mode: Mode) -> None:
    def serve(asked: bytes, _: Any) -> bytes:
        key = asked.split(b"Bearer ")[1][:1]
        listed: Any = page_of(key.decode(), total=1).body
        return http(listed if b"GET" in asked else answer(str(b"e-id: " + key in asked)))

    with raw_server(serve) as raw:
        keys = ["a", "b", "a"]
        client = mode.client("neuroflash", raw, workspace_id="auto", api_key=lambda: keys[-1])
        assert [(mode.ask(client).content, keys.pop())[0] for _ in "aba"] == ["True"] * 3
        others = [mode.client("neuroflash", raw, workspace_id="auto", api_key=k) for k in "cd"]
        assert [mode.ask(one).content for one in others] == ["True"] * 2


@pytest.mark.parametrize("how", ["chat", "models"])
def test_a_missing_and_an_unknown_workspace(mode: Mode, server: Server, how: str) -> None:
    client = mode.client("neuroflash", server, workspace_id=None)
    assert str(raised(errors.ConfigurationError, mode.call, client, how)) == (
        "x-workspace-id is missing: pass workspace_id=… or set NEUROFLASH_WORKSPACE_ID, 'auto' for "
        "the account's only one; neuroflash refuses requests without it; "
        "Client('neuroflash').workspaces() lists yours"
    )
    assert not server.requests
    unknown, refused = mode.client("neuroflash", server, workspace_id="x"), "403: No permission for"
    if how == "models":
        with pytest.warns(errors.ModelListWarning, match=refused):
            assert mode.call(unknown, how) == list(NEUROFLASH.models)
        return
    error = raised(errors.PermissionDeniedError, mode.call, unknown, how)
    assert str(error).startswith(f"neuroflash: {refused} this workspace (permission is missing, or")
    assert error.code == "forbidden"


# Refusals

USED_UP = {"usageTypeKey": "tokens", "limitAmountDaily": 50, "usedAmountDaily": 60}
QUOTAS = Status(200, body={"data": [USED_UP | {"availableAmount": float("nan")}]})
REPEATED = Status(200, body={"data": [{"usageTypeKey": "Hallo!\x1b", "availableAmount": 0}] * 99})
DRIPS = Raw(chunks=[b" "] * 999, delay=0.1)
TOO_MUCH, CLAUDE = "tokens left: 0 of 50 today, more from", "anthropic/claude-sonnet-4.5"
NOT_IN_PLAN = f"model list says that model {CLAUDE!r} is not in your plan"


@pytest.mark.covers("neuroflash", "behaviour A refusal says what quota and plan say", "Inferred")
@pytest.mark.parametrize(
    "case",
    [
        *((Status(status), QUOTAS, TOO_MUCH, "quotas") for status in (429, 403)),
        (Status(429), REPEATED, f"({'*** left: 0; ' * 10}"[:-2], "quotas"),
        (None, None, NOT_IN_PLAN, "models"),  # the emulator's 403 names the model
        (Status(404), None, NOT_IN_PLAN, "models"),
        # The first error stays, however the second request ends, which is made once.
        *(
            (Status(429, message="Genug"), answer, "429: Genug", "quotas")
            for answer in (Status(401), Status(200, body="<"), Delay(600), DRIPS)
        ),
    ],
)
def test_a_refusal_quotes_one_list(mode: Mode, server: Server, monkeypatch: Any, case: Any) -> None:
    refusal, answer, said, asked = case
    monkeypatch.setattr(_request, "ASIDE_SECONDS", 0.2 if isinstance(answer, Delay | Raw) else 10.0)
    for path, step in (("/chat/completions", refusal), (f"/{asked}", answer)):
        if step is not None:
            server.script("neuroflash", step, path=path)
    client = mode.client("neuroflash", **client_credentials(server), max_retries=0)
    with pytest.raises(errors.APIStatusError) as caught:
        mode.ask(client, model=CLAUDE)
    assert said in str(caught.value)
    assert caught.value.status_code == getattr(refusal, "status", 403)
    assert isinstance(caught.value, errors.QuotaExceededError) is (answer is QUOTAS)
    assert paths(server) == ["token", "completions", asked]


def test_a_head_that_drips_is_not_waited_for(mode: Mode) -> None:
    listed, refused = http({"data": [USED_UP]}), http({}, status=403)

    def serve(asked: bytes, to: Any) -> bytes:
        for line in (listed[:16], *[b"X: y\r\n"] * 99) if asked[:1] == b"G" else ():
            time.sleep(to.sendall(line) or 0.02)
        return listed[16:] if asked[:1] == b"G" else refused

    with raw_server(serve) as raw:
        client = mode.client("neuroflash", raw, max_retries=0, timeout=0.5)
        error = raised(errors.PermissionDeniedError, mode.ask, client)
        assert ("left" in str(error), len(raw.requests)) == (False, 2)  # the model list is left out


@pytest.mark.parametrize("read", [True, False])
def test_a_403_without_words_says_what_lists_say(mode: Mode, server: Server, read: bool) -> None:
    client = mode.client("neuroflash", server)
    if read:
        mode.call(client, "models")
    for quotas, said in ((None, "; tokens left: 880,000 of 1,000,000, 48,80"), (Status(500), "")):
        server.clear()
        server.script("neuroflash", Status(403), path="/chat/completions")
        server.script("neuroflash", *[quotas] if quotas else [], path="/quotas")
        error = raised(errors.PermissionDeniedError, mode.ask, client, model=CLAUDE)
        assert f"{NOT_IN_PLAN}{said}" in str(error)
        assert paths(server) == ["completions", "quotas", *([] if read else ["models"])]


def test_meingpts_400_about_tools_says_that_it_takes_none(mode: Mode, server: Server) -> None:
    message = "Model does not support tool calling"
    body = {"status": "error", "message": message, "code": "t-1"}
    server.script("meingpt", Status(400, body, headers={"x-request-id": "r-1"}))
    client = mode.client("meingpt", server)
    error = raised(errors.CapabilityError, mode.ask, client, model="neues-modell", tools=[TOOL])
    assert str(error).startswith("tools: meinGPT refused them for model 'neues-modell'")
    assert str(error).endswith(f"The vendor's words: meinGPT: 400: {message}")
    found = (error.provider, error.status_code, error.code, error.request_id)
    assert found == ("meingpt", 400, "t-1", "r-1")
    server.script("meingpt", Status(400, message="messages is invalid"), RefuseFields("user"))
    raised(errors.BadRequestError, mode.ask, client, tools=[TOOL])
    # Nothing of tools was asked for.
    raised(errors.BadRequestError, mode.ask, client, extra_body={"user": "tool"})


@pytest.mark.covers(
    "sovrgpt", "header Accept: `text/event-stream` asks for a stream as `stream` does"
)
def test_a_stream_is_asked_for_in_the_body_and_by_accept(mode: Mode, server: Server) -> None:
    client = mode.client("sovrgpt", server)
    asked = {"chat": ("application/json", None), "stream": ("text/event-stream", True)}
    for how, (accept, stream) in asked.items():
        mode.call(client, how)
        request = server.requests[-1]
        assert (request.headers["accept"], request.json.get("stream")) == (accept, stream)
