"""Where the data goes: models are refused by where the vendor says that they run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server
from dsgvo.errors import ConfigurationError, DsgvoError, ResidencyError, ResidencyWarning
from dsgvo.providers import Model
from dsgvo.wire.residency import RESIDENCY_VARIABLE, check_residency
from tests.core.support import Mode, answer, http, raised, raw_server
from tests.vendors import MODELS

MEINGPT = PROVIDERS["meingpt"]


def done(mode: Mode, client: Any, how: str, model: str | None, **kwargs: Any) -> None:
    if how == "embed":
        mode.embed(client, ["Guten Tag"], model=model, **kwargs)
    elif how == "generate_image":
        mode.result(client.generate_image("ein Icon", model=model))
    else:
        mode.call(client, how, model=model, **kwargs)


HOWS = pytest.mark.parametrize("how", ["chat", "stream", "embed"])


@pytest.mark.covers("meingpt", "behaviour Ids that end in `-us` say where a model runs", "Doc")
@pytest.mark.covers("innogpt", "behaviour Where a model runs is not said: unknown", "Public")
@HOWS
def test_by_default_a_model_that_names_the_us_is_refused(
    mode: Mode, server: Server, how: str
) -> None:
    client = mode.client("meingpt", server)
    for model in ("o1-us", "o1-mini-us", "O1-US", "o9-us"):
        error = raised(ResidencyError, done, mode, client, how, model)
        assert f"model={model!r}: by what meinGPT says it runs in US (" in str(error)
        assert error.provider == "meingpt"
    raised(ResidencyError, done, mode, client, how, "m", extra_body={"model": "o1-us"})
    assert not server.requests
    for way in ({"residency": "any"}, {"trusted_models": ["o1-us"]}):
        done(mode, mode.client("meingpt", server, **way), how, "o1-us")
    done(mode, client, how, "ganz-neu")  # what is unknown passes
    sent = [request.json["model"] for request in server.requests]
    assert sent == ["o1-us", "o1-us", "ganz-neu"]


def test_the_message_says_what_is_said_and_the_ways_out() -> None:
    assert str(raised(ResidencyError, check_residency, MEINGPT, "o1-us", "eu")) == (
        "model='o1-us': by what meinGPT says it runs in US (meinGPT: Modell API), and "
        "residency='eu' refuses that. Your contract decides: pass residency='any' or set "
        "DSGVO_RESIDENCY, or pass trusted_models=['o1-us']"
    )
    error = raised(ResidencyError, check_residency, MEINGPT, "gpt-4o", "strict")
    assert "runs at a place that the vendor's pages do not name" in str(error)


@pytest.mark.parametrize(
    ("provider", "how", "model"),
    [
        *((name, how, MODELS[name]) for name in PROVIDERS for how in ("chat", "stream")),
        ("innogpt", "embed", "text-embedding-3-small"),
        ("meingpt", "embed", None),
        ("innogpt", "generate_image", "gpt-image-1"),
    ],
)
def test_strict_refuses_what_nobody_says(
    mode: Mode, server: Server, provider: str, how: str, model: str | None
) -> None:
    client = mode.client(provider, server, residency="strict")
    raised(ResidencyError, done, mode, client, how, model)
    assert not server.requests
    trusted = [model or PROVIDERS[provider].embeddings.default_model]
    client = mode.client(provider, server, residency="strict", trusted_models=trusted)
    done(mode, client, how, model)
    assert len(server.requests) == 1
    if how == "generate_image":
        error = raised(ResidencyError, done, mode, client, how, None)
        assert "model is missing: innoGPT does not say which model" in str(error)


def test_the_setting_is_eu_or_comes_from_the_environment(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used(residency: str | None = None) -> str:
        return mode.client("meingpt", api_key="k", residency=residency).config.residency

    assert used() == "eu"
    for value in ("", "any", "strict"):
        monkeypatch.setenv(RESIDENCY_VARIABLE, value)
        assert (used(), used("eu")) == (value or "eu", "eu")
    said = r"\(argument or DSGVO_RESIDENCY\): use 'eu', 'strict' or 'any'"
    for value in ("EU", "usa", "none", "true"):
        with pytest.raises(ConfigurationError, match=f"residency='{value}' {said}"):
            mode.client("meingpt", api_key="k", residency=value)
        monkeypatch.setenv(RESIDENCY_VARIABLE, value)
        with pytest.raises(ConfigurationError, match=f"residency='{value}' {said}"):
            mode.client("meingpt", api_key="k")


@pytest.mark.parametrize("region", ["EU", "DE", "FR", "IS", "NO", "US", "CN", "IN"])
def test_europe_passes_and_a_place_elsewhere_does_not(region: str) -> None:
    spec = replace(MEINGPT, models=(Model(id="m", source="page", region=region),))
    for residency in ("eu", "strict"):
        if region in {"US", "CN", "IN"}:
            error = raised(ResidencyError, check_residency, spec, "m", residency)
            assert f"runs in {region}" in str(error)
        else:
            check_residency(spec, "m", residency)
    check_residency(spec, "m", "any")
    raised(ResidencyError, check_residency, spec, "n", "strict")


def test_every_region_has_a_source() -> None:
    placed = [m for spec in PROVIDERS.values() for m in spec.models if m.region is not None]
    ids = ("o1-us", "o1-mini-us", "*-us", "*-us-*")
    assert {model.id: model.region for model in placed} == dict.fromkeys(ids, "US")
    assert all(model.source for spec in PROVIDERS.values() for model in spec.models)


def test_the_texts_make_no_legal_claims() -> None:
    root = Path(__file__).parents[2] / "dsgvo"
    files = [root / "wire" / "residency.py", *(root / "providers").glob("*.py")]
    for file in files:
        text = file.read_text("utf-8").lower()
        for claim in ("compliant", "compliance", "konform ", "lawful", "gdpr-safe", "guarantee"):
            assert claim not in text, f"{file.name}: {claim}"
    assert "contract" in (root / "wire" / "residency.py").read_text("utf-8")


@pytest.mark.parametrize(
    ("models", "kind", "said"),
    [
        (
            ("o1-us ", " O1-US", "o1-us-2024-12-17", "O1-US-2024-12-17"),
            *(ResidencyError, "runs in US"),
        ),
        (
            ("o1-us\n", "\to1", "o1\u200b-us", "o1\x00"),
            *(ConfigurationError, "holds no control characters"),
        ),
    ],
    ids=["in any spelling", "with control characters"],
)
def test_a_region_is_seen_in_any_spelling_of_an_id(
    mode: Mode, models: tuple[str, ...], kind: type[DsgvoError], said: str
) -> None:
    client = mode.client("meingpt", api_key="k", base_url="http://127.0.0.1:9")
    for model in models:
        assert said in str(raised(kind, mode.chat, client, model=model))


def test_another_model_that_answers_from_elsewhere_is_told_once(mode: Mode) -> None:
    with raw_server(http(answer("Ja.") | {"model": "o1-us"})) as raw:
        client = mode.client("meingpt", api_key="k", base_url=raw.url)
        with pytest.warns(ResidencyWarning, match="answered with model 'o1-us', asked") as told:
            said = [mode.chat(client, model="o1").content for _ in range(2)]
    assert said == ["Ja."] * 2
    assert len(told) == 1
