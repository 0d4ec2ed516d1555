"""Model lists, workspaces and quotas: where they are asked for, and what they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import pytest

from dsgvo import PROVIDERS, Client
from dsgvo.emulator import Delay, Server, Status
from dsgvo.errors import (
    APIResponseError,
    APIStatusError,
    ConfigurationError,
    ModelListWarning,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)
from dsgvo.transport import _request
from tests.core.support import Mode, client_credentials, raised
from tests.vendors import MODELS

MODES = cycle([Mode("sync"), Mode("async")])
MEINGPT, NEUROFLASH = PROVIDERS["meingpt"], PROVIDERS["neuroflash"]


def paths(server: Server) -> list[str]:
    return [request.path.rpartition("/")[2] for request in server.requests]


# Model lists


@pytest.mark.covers("innogpt, meingpt, neuroflash", "endpoint GET */models*")
@pytest.mark.parametrize(
    ("provider", "path", "model", "said"),
    [
        ("innogpt", "/api/ext/v1/models", "gpt-5", {"images": True, "context_window": 272_000}),
        ("meingpt", "/api/models/v1", "gpt-4o", {"name": "GPT-4O", "owned_by": "azure"}),
        (
            "neuroflash",
            "/api/ds-prototypes/model_selection/models",
            "claude-sonnet-4.5",
            {"context_window": 200_000, "available": False, "reasoning": False},
        ),
    ],
)
def test_what_a_list_says_of_a_model(
    mode: Mode, server: Server, provider: str, path: str, model: str, said: dict[str, Any]
) -> None:
    listed = {m.id: m for m in mode.call(mode.client(provider, server), "models")}[model]
    assert {name: getattr(listed, name) for name in said} == said
    [request] = server.requests
    assert request.path == f"/{provider}{path}"
    assert listed.source == f"{PROVIDERS[provider].title}'s model list"


def test_who_runs_a_model_is_no_region(server: Server) -> None:
    [gpt] = [m for m in Mode("sync").client("innogpt", server).models() if m.id == "gpt-5"]
    assert (gpt.region, str(gpt.processor)[:23]) == (None, "OpenAI, by its own API ")


@pytest.mark.parametrize(("status", "asked"), [(403, 2), (404, 1), (405, 1)])
@pytest.mark.parametrize(("provider", "paired"), list(zip(MODELS, MODES, strict=False)))
def test_a_list_that_cannot_be_had_is_told_and_the_catalogue_stands_in(
    server: Server, provider: str, paired: Mode, status: int, asked: int
) -> None:
    client = paired.client(provider, server)
    path = urlsplit(str(PROVIDERS[provider].models_url)).path
    server.script(provider, Status(status), Status(status), path=path)
    with pytest.warns(ModelListWarning, match="model list cannot be had") as told:
        found = [paired.call(client, "models") for _ in range(2)]
    assert found == [list(PROVIDERS[provider].models)] * 2
    assert (len(told), len(server.requests)) == (1, asked)  # what is missing is not asked for again


@pytest.mark.parametrize(
    ("provider", "base_url", "models"),
    [
        ("innogpt", "https://llm.example/v1", "https://llm.example/v1/models"),
        ("sovrgpt", "http://localhost:8080/v1", "http://localhost:8080/v1/models"),
        ("sovrgpt", "https://sovrgpt.com/api/v2", "https://sovrgpt.com/api/v2/models"),
        ("meingpt", MEINGPT.base_url, "https://app.meingpt.com/api/models/v1"),
        ("meingpt", MEINGPT.other_base_urls[0], "https://app.meingpt.com/api/models/v1"),
        ("meingpt", "https://llm.example/v1", "https://llm.example/api/models/v1"),
        ("meingpt", "https://gate.example/m/api/openai/v1", "https://gate.example/m/api/models/v1"),
        ("neuroflash", NEUROFLASH.base_url, NEUROFLASH.models_url),
        ("neuroflash", NEUROFLASH.other_base_urls[0], NEUROFLASH.models_url),
        (
            "neuroflash",
            "https://gate.example/n/content_generation",
            "https://gate.example/n/model_selection/models",
        ),
    ],
)
def test_a_base_url_moves_what_lies_below_and_beside_it(
    provider: str, base_url: str, models: str
) -> None:
    config = Client(provider, api_key="k", base_url=base_url).config
    assert config.url(str(config.spec.models_url)) == models


@pytest.mark.parametrize("detour", ["", "/content_generation"])
def test_either_base_url_of_neuroflash_has_all_lists(
    mode: Mode, server: Server, detour: str
) -> None:
    way = client_credentials(server)
    client = mode.client("neuroflash", **way | {"base_url": way["base_url"] + detour})
    for call in ("models", "workspaces", "quotas", "health"):
        assert mode.call(client, call)
    assert mode.ask(client).content
    assert server.requests[0].path == "/neuroflash/oauth/v2/token"


@pytest.mark.covers("neuroflash, meingpt", "behaviour Two base URLs: a 404 names the other", "Seen")
@pytest.mark.parametrize("provider", ["neuroflash", "meingpt"])
def test_a_404_under_one_base_url_names_the_other(
    mode: Mode, server: Server, provider: str
) -> None:
    base = server.base_url(provider)
    other = base + "/content_generation"
    if provider == "meingpt":
        other = base.replace("/openai", "/external/openai")
    for here, there in ((base, other), (other, base)):
        client = mode.client(provider, server, base_url=here)
        server.script(provider, Status(404))
        error = raised(NotFoundError, mode.ask, client)
        assert f"is seen to answer under {there} too" in str(error)
        assert mode.ask(client).content


# Workspaces and quotas


def page_of(*ids: str, number: int = 0, total: int = 3) -> Status:
    about = {"size": 2, "totalElements": total, "totalPages": 2, "currentPage": number}
    return Status(200, body={"data": [{"id": one} for one in ids], "page": about})


@pytest.mark.covers("neuroflash", "behaviour Lists of the account come in pages", "Seen")
@pytest.mark.parametrize("first", [0, 1])
def test_all_pages_of_workspaces_are_read(mode: Mode, server: Server, first: int) -> None:
    pages = page_of("a", "b", number=first), page_of("c", number=first + 1)
    server.script("neuroflash", *pages, path="/workspaces")
    client = mode.client("neuroflash", server, workspace_id=None)
    assert [one.id for one in mode.call(client, "workspaces")] == ["a", "b", "c"]
    server.script("neuroflash", page_of("a"), page_of("a"), path="/workspaces")
    error = raised(APIResponseError, mode.call, client, "workspaces")
    assert "expected page 1 of workspaces, got page 0" in str(error)
    assert "pass workspace_id=…" in str(error)


def test_the_only_workspace_is_taken_and_asked_for_once(mode: Mode, server: Server) -> None:
    client = mode.client("neuroflash", server, workspace_id="auto")
    for _ in range(2):
        mode.ask(client)
        assert server.requests[-1].headers["x-workspace-id"] == server.workspace_id
    assert paths(server) == ["workspaces", "completions", "completions"]


@pytest.mark.parametrize(("ids", "said"), [("ab", "has 2 workspaces, .* 'a' .* 'b'"), ("", "no w")])
def test_which_of_several_workspaces_is_not_guessed(
    mode: Mode, server: Server, ids: str, said: str
) -> None:
    server.script("neuroflash", page_of(*ids, total=len(ids)), path="/workspaces")
    client = mode.client("neuroflash", server, workspace_id="auto")
    with pytest.raises(ConfigurationError, match=said):
        mode.ask(client)
    assert paths(server) == ["workspaces"]


@pytest.mark.covers("neuroflash", "endpoint GET */quotas", "Public")
def test_quotas_say_what_is_left_and_when_there_is_more(mode: Mode, server: Server) -> None:
    tokens, images = mode.call(mode.client("neuroflash", server), "quotas")
    assert (tokens.kind, tokens.left, tokens.daily_left) == ("tokens", 880_000, 48_800)
    assert tokens.resets_at - datetime.now(UTC) <= timedelta(days=1)
    assert str(images) == "images left: 40 of 50, 5 of 5 today"
    assert "x-workspace-id" in server.requests[0].headers


# Refusals


USED_UP = {"usageTypeKey": "tokens", "limitAmountDaily": 50, "usedAmountDaily": 60}
TOO_MUCH = "tokens left: 0 of 50 today, more from"
NOT_IN_PLAN = "model list says that model 'anthropic/claude-sonnet-4.5' is not in your plan"


@pytest.mark.covers("neuroflash", "behaviour A refusal says what quota and plan say", "Inferred")
@pytest.mark.parametrize(
    ("refusal", "answer", "said", "asked"),
    [
        (Status(429), Status(200, body={"data": [USED_UP]}), TOO_MUCH, "quotas"),
        (Status(403), Status(200, body={"data": [USED_UP]}), TOO_MUCH, "quotas"),
        (None, None, NOT_IN_PLAN, "models"),  # the emulator's 403 names the model
        (Status(404), None, NOT_IN_PLAN, "models"),
        # The first error stays, however the second request ends, which is made once.
        *(
            (Status(429, message="Genug"), answer, "429: Genug", "quotas")
            for answer in (Status(500), Status(401), Status(429), Status(200, body="<html>"))
        ),
    ],
)
def test_a_refusal_says_what_one_list_says(
    mode: Mode, server: Server, refusal: Any, answer: Any, said: str, asked: str
) -> None:
    if refusal is not None:
        server.script("neuroflash", refusal, path="/chat/completions")
    if answer is not None:
        server.script("neuroflash", answer, path=f"/{asked}")
    client = mode.client("neuroflash", **client_credentials(server), max_retries=0)
    with pytest.raises(APIStatusError) as caught:
        mode.ask(client, model="anthropic/claude-sonnet-4.5")
    assert said in str(caught.value)
    assert caught.value.status_code == getattr(refusal, "status", 403)
    assert paths(server) == ["token", "completions", asked]


def test_a_list_that_was_read_says_why_without_a_request(mode: Mode, server: Server) -> None:
    client = mode.client("neuroflash", server)
    mode.call(client, "models")
    error = raised(PermissionDeniedError, mode.ask, client, model="anthropic/claude-sonnet-4.5")
    assert NOT_IN_PLAN in str(error)
    assert paths(server) == ["models", "completions"]


def test_what_a_refusal_is_explained_with_has_a_limit_of_time(
    mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_request, "ASIDE_SECONDS", 0.2)
    server.script("neuroflash", Status(429), path="/chat/completions")
    server.script("neuroflash", Delay(600), path="/quotas")
    raised(RateLimitError, mode.ask, mode.client("neuroflash", server, max_retries=0))
