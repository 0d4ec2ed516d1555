"""Where the data goes: models are refused by where the vendor says that they run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server
from dsgvo.errors import ConfigurationError, ResidencyError
from dsgvo.providers import Model, Provider
from dsgvo.wire.residency import RESIDENCY_VARIABLE, check_residency, resolve_residency
from tests.core.support import Mode
from tests.vendors import MODELS

MEINGPT = PROVIDERS["meingpt"]
AMERICAN = ["o1-us", "o1-mini-us", "O1-US", "o9-us"]


def done(mode: Mode, client: Any, how: str, model: str | None) -> None:
    if how == "embed":
        mode.embed(client, ["Guten Tag"], model=model)
    elif how == "generate_image":
        result = client.generate_image("ein Icon", model=model)
        _ = result if mode.name == "sync" else asyncio.run(result)
    else:
        mode.call(client, how, model=model)


@pytest.mark.covers(
    "meingpt",
    "behaviour Ids that end in `-us` say where a model runs",
    "Doc",
)
@pytest.mark.parametrize("how", ["chat", "stream", "embed"])
@pytest.mark.parametrize("model", AMERICAN)
def test_by_default_a_model_that_names_the_us_is_refused(
    mode: Mode, server: Server, how: str, model: str
) -> None:
    with pytest.raises(ResidencyError) as caught:
        done(mode, mode.client("meingpt", server), how, model)
    assert f"model={model!r}: by what meinGPT says it runs in US (" in str(caught.value)
    assert caught.value.provider == "meingpt"
    assert not server.requests


def test_the_message_says_what_is_said_and_the_ways_out() -> None:
    with pytest.raises(ResidencyError) as caught:
        check_residency(MEINGPT, "o1-us", "eu")
    assert str(caught.value) == (
        "model='o1-us': by what meinGPT says it runs in US (meinGPT: Modell API), and "
        "residency='eu' refuses that. Your contract decides: pass residency='any' or set "
        "DSGVO_RESIDENCY, or pass trusted_models=['o1-us']"
    )
    with pytest.raises(ResidencyError, match="runs at a place that the vendor's pages do not name"):
        check_residency(MEINGPT, "gpt-4o", "strict")


@pytest.mark.parametrize("how", ["chat", "stream", "embed"])
@pytest.mark.parametrize("way", [{"residency": "any"}, {"trusted_models": ["o1-us"]}])
def test_a_user_who_has_checked_can_allow_it(
    mode: Mode, server: Server, how: str, way: dict[str, Any]
) -> None:
    done(mode, mode.client("meingpt", server, **way), how, "o1-us")
    assert server.requests[0].json["model"] == "o1-us"


@pytest.mark.parametrize("provider", list(PROVIDERS))
@pytest.mark.parametrize("how", ["chat", "stream"])
def test_strict_refuses_what_nobody_says(
    mode: Mode, server: Server, provider: str, how: str
) -> None:
    model = MODELS[provider]
    with pytest.raises(ResidencyError):
        done(mode, mode.client(provider, server, residency="strict"), how, model)
    assert not server.requests
    trusting = mode.client(provider, server, residency="strict", trusted_models=[model])
    done(mode, trusting, how, model)
    assert len(server.requests) == 1


@pytest.mark.parametrize("provider", ["innogpt", "meingpt"])
def test_strict_holds_for_embeddings(mode: Mode, server: Server, provider: str) -> None:
    model = PROVIDERS[provider].embeddings.default_model
    client = mode.client(provider, server, residency="strict")
    with pytest.raises(ResidencyError):
        mode.embed(client, ["Guten Tag"])
    assert not server.requests
    assert model is not None
    trusting = mode.client(provider, server, residency="strict", trusted_models=[model])
    assert len(mode.embed(trusting, ["Guten Tag"])) == 1


def test_strict_holds_for_images_and_for_a_model_that_nobody_names(
    mode: Mode, server: Server
) -> None:
    client = mode.client("innogpt", server, residency="strict", trusted_models=["gpt-image-1"])
    with pytest.raises(ResidencyError, match="model='dall-e-3'"):
        done(mode, client, "generate_image", "dall-e-3")
    with pytest.raises(ResidencyError, match="model is missing: innoGPT does not say which model"):
        done(mode, client, "generate_image", None)
    assert not server.requests
    done(mode, client, "generate_image", "gpt-image-1")
    assert server.requests[0].json["model"] == "gpt-image-1"


@pytest.mark.covers("innogpt", "behaviour Where a model runs is not said: unknown", "Public")
def test_what_is_unknown_passes_by_default(mode: Mode, server: Server) -> None:
    for model in ("gpt-4o", "ganz-neu"):
        done(mode, mode.client("meingpt", server), "chat", model)
    assert len(server.requests) == 2


@pytest.mark.parametrize("how", ["chat", "stream", "embed"])
def test_a_model_in_extra_body_is_looked_at_too(mode: Mode, server: Server, how: str) -> None:
    client = mode.client("meingpt", server)
    model = "text-embedding-3-large" if how == "embed" else "gpt-4o"
    arguments: tuple[Any, ...] = (["Guten Tag"],) if how == "embed" else ()
    with pytest.raises(ResidencyError):
        mode.call(client, how, *arguments, model=model, extra_body={"model": "o1-us"})
    assert not server.requests


@pytest.mark.parametrize("how", ["chat", "stream", "embed"])
def test_the_setting_may_come_from_the_environment(
    mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv(RESIDENCY_VARIABLE, "any")
    done(mode, mode.client("meingpt", server), how, "o1-us")
    with pytest.raises(ResidencyError):  # the argument wins
        done(mode, mode.client("meingpt", server, residency="eu"), how, "o1-us")
    monkeypatch.setenv(RESIDENCY_VARIABLE, "strict")
    with pytest.raises(ResidencyError):
        done(mode, mode.client("meingpt", server), how, "gpt-4o")
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["EU", "usa", "none", "true"])
def test_a_setting_that_is_none(
    mode: Mode, server: Server, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    said = r"\(argument or DSGVO_RESIDENCY\): use 'eu', 'strict' or 'any'"
    with pytest.raises(ConfigurationError, match=f"residency='{value}' {said}"):
        mode.client("meingpt", server, residency=value)
    monkeypatch.setenv(RESIDENCY_VARIABLE, value)
    with pytest.raises(ConfigurationError, match=said):
        mode.client("meingpt", server)


def test_the_default_is_eu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_residency(None) == "eu"
    monkeypatch.setenv(RESIDENCY_VARIABLE, "")
    assert resolve_residency(None) == "eu"


def test_trusted_models_are_a_list(mode: Mode, server: Server) -> None:
    with pytest.raises(ConfigurationError, match="trusted_models='o1-us': use a list"):
        mode.client("meingpt", server, trusted_models="o1-us")


def elsewhere(region: str) -> Provider:
    model = Model(id="m", source="page", region=region)
    return Provider(
        name="x",
        title="X",
        page="page",
        base_url="https://example.com",
        env="X",
        key_variables=("X_API_KEY",),
        documented=frozenset(),
        models=(model,),
    )


@pytest.mark.parametrize("region", ["EU", "DE", "FR", "IS", "NO"])
def test_europe_passes_even_when_strict(region: str) -> None:
    check_residency(elsewhere(region), "m", "strict")
    check_residency(elsewhere(region), "m", "eu")
    with pytest.raises(ResidencyError):
        check_residency(elsewhere(region), "n", "strict")


@pytest.mark.parametrize("region", ["US", "CN", "IN"])
def test_a_place_elsewhere_does_not(region: str) -> None:
    for residency in ("eu", "strict"):
        with pytest.raises(ResidencyError, match=f"runs in {region}"):
            check_residency(elsewhere(region), "m", residency)
    check_residency(elsewhere(region), "m", "any")


def test_every_region_has_a_source() -> None:
    """What the catalogue says of a place, some page or the model's name says."""
    placed = [m for spec in PROVIDERS.values() for m in spec.models if m.region is not None]
    assert {model.id: model.region for model in placed} == {
        "o1-us": "US",
        "o1-mini-us": "US",
        "*-us": "US",
        "*-us-*": "US",
    }
    assert all(model.source for spec in PROVIDERS.values() for model in spec.models)


def test_the_texts_make_no_legal_claims() -> None:
    root = Path(__file__).parents[2] / "dsgvo"
    files = [root / "wire" / "residency.py", *(root / "providers").glob("*.py")]
    for file in files:
        text = file.read_text("utf-8").lower()
        for claim in ("compliant", "compliance", "konform ", "lawful", "gdpr-safe", "guarantee"):
            assert claim not in text, f"{file.name}: {claim}"
    assert "contract" in (root / "wire" / "residency.py").read_text("utf-8")
