"""Where the data goes: models are refused by where the vendor says that they run."""

from dataclasses import replace
from enum import Enum
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server
from dsgvo.errors import ConfigurationError, ResidencyError, ResidencyWarning
from dsgvo.providers import Model
from dsgvo.transport._pools import runtime
from dsgvo.wire.residency import RESIDENCY_VARIABLE, answered_elsewhere, check_residency
from tests.core.support import HELLO, Mode, answer, chunk, http, raised, raw_server, sse
from tests.vendors import MODELS

MEINGPT, FIELD = PROVIDERS["meingpt"], Enum("FIELD", {"MODEL": "model"}, type=str)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(["chat", "stream"], (HELLO,)),
    "embed": (["Guten Tag"],),
    "generate_image": ("ein Icon",),
    "rerank": ("Wie viel Urlaub?", ["30 Tage"]),
    "run_assistant": ("emulator-1", HELLO),
}


def done(mode: Mode, client: Any, how: str, **kwargs: Any) -> None:
    mode.call(client, how, *ARGUMENTS[how], **kwargs)


@pytest.mark.covers("meingpt", "behaviour Ids that end in `-us` say where a model runs", "Doc")
@pytest.mark.covers("innogpt", "behaviour Where a model runs is not said: unknown", "Public")
@pytest.mark.parametrize("how", ["chat", "stream", "embed"])
def test_by_default_the_us_is_refused_in_any_spelling(mode: Mode, server: Server, how: str) -> None:
    client = mode.client("meingpt", server)
    for model in ("o9-us", " O1-US-2024-12-17 ", "o9-us@20251101", "o9-us:free"):
        error = raised(ResidencyError, done, mode, client, how, model=model)
        assert f"model={model.strip()!r}: by what meinGPT says it runs in US (" in str(error)
        assert error.provider == "meingpt"
    for model in ("o1-us\n", "o1\u200b-us"):
        error = raised(ConfigurationError, done, mode, client, how, model=model)
        assert f"model={model!r}: an id holds no control characters" in str(error)
    assert "model=5" in str(raised(ConfigurationError, done, mode, client, how, model=5))
    named = ("o1-us", "o1\u2011us", "o1-\u0443s", "us.o1", "o1_us", "o1@us-1")
    extras: list[Any] = [{"model": model} for model in named]
    extras += [{"models": ["o1-us"]}, {"fallback": {"m": "o1-us"}}, {"fallbacks": {"o1-us"}}]
    extras += [{name: "o1-us"} for name in ("backup_model", "modelId", "Model_name", "engine")]
    extras += [{"fallbacks": [{"model": "m", "Fallbacks": ({"Model": b"o1-us"},)}]}]
    extras += [{"router": {"fallbacks": {"m": ["o1-us"]}}}, {FIELD.MODEL: "o1-us"}]
    extras += [{"tools": [{"type": "image_generation", "model": "o1-us"}]}]
    raised(ResidencyError, done, mode, client, how, model="m", extra_query=extras[0])
    raised(ResidencyError, mode.client, "meingpt", server, default_query=extras[0])
    for extra in extras:
        raised(ResidencyError, done, mode, client, how, model="m", extra_body=extra)
        raised(ResidencyError, done, mode, client, "run_assistant", extra_body=extra)
    no_name = raised(ConfigurationError, done, mode, client, how, extra_body={b"model": "o1-us"})
    assert "extra_body: the field b'model' has a name that is no str" in str(no_name)
    assert not server.requests
    for way in ({"residency": "any"}, {"trusted_models": ["o1-us"]}):
        done(mode, mode.client("meingpt", server, **way), how, model="o1-us")
    fine = {"chat_template_kwargs": {"model_identity": "Höflich"}, "a_model": "Text in en-us"}
    fine |= {"x": {"output_schema": {"$defs": {"model": {"type": "en-us"}}}}}
    done(mode, client, how, model="ganz-neu", extra_body=fine)  # what is unknown passes
    assert [request.json["model"] for request in server.requests] == ["o1-us", "o1-us", "ganz-neu"]


US = "runs in US (meinGPT: Modell API)"
NOT_NAMED = "runs at a place that the vendor's pages do not name"


def test_the_message_says_what_is_said_by_whom_and_the_ways_out() -> None:
    wrong: Any = [("o1-us", "eu", US), ("o1-us", "strict", US), ("gpt-4o", "strict", NOT_NAMED)]
    for model, residency, where in wrong:
        assert str(raised(ResidencyError, check_residency, MEINGPT, model, residency, ["x"])) == (
            f"model={model!r}: by what meinGPT says it {where}, and residency={residency!r} "
            "refuses that. Your contract decides: pass residency='any' or set "
            f"DSGVO_RESIDENCY, or pass trusted_models=[{model!r}]"
        )
        check_residency(MEINGPT, model, residency, [f" {model.upper()}"])
        check_residency(MEINGPT, model, "any")
    told = "meinGPT answered with model 'o1-us', asked for 'o1': model='o1-us': by what meinGPT "
    found = answered_elsewhere(MEINGPT, "o1", "o1-us", "strict", ["x"])
    assert str(found).startswith(f"{told}says it {US}, and residency='strict' refuses that.")
    accepted: Any = [("o1-us", "o1-us", "eu"), ("o1", "o1-us", "any"), ("o1", "gpt-4o", "strict")]
    assert not any(answered_elsewhere(MEINGPT, *answered) for answered in accepted)
    assert answered_elsewhere(MEINGPT, "o1", "o1-us", "eu", ["o1-us"]) is None
    for region in ("EU", "DE", "FR", "IS", "NO"):
        spec = replace(MEINGPT, models=(Model(id="m", source="page", region=region),))
        check_residency(spec, "m", "strict")
        raised(ResidencyError, check_residency, spec, "n", "strict")
    placed = [m for spec in PROVIDERS.values() for m in spec.models if m.region is not None]
    ids = ("o1-us", "o1-mini-us", "*-us", "*[_./:@]us", "*[-_./:@]us[!a-z]*", "us[-_./:@]*")
    assert {model.id: model.region for model in placed} == dict.fromkeys(ids, "US")
    assert all(model.source for spec in PROVIDERS.values() for model in spec.models)


@pytest.mark.parametrize(
    ("provider", "how", "named", "model"),
    [
        *(("sovrgpt", how, True, MODELS["sovrgpt"]) for how in ("chat", "stream")),
        ("innogpt", "embed", True, "text-embedding-3-small"),
        ("meingpt", "embed", False, str(MEINGPT.embeddings.default_model)),
        ("innogpt", "generate_image", True, "gpt-image-1"),
        ("sovrgpt", "rerank", False, "bge-reranker-v2-m3"),
        ("meingpt", "run_assistant", False, "emulator-1"),
    ],
)
def test_strict_refuses_what_nobody_says(
    mode: Mode, server: Server, provider: str, how: str, named: bool, model: str
) -> None:
    given = {"model": model} if named else {}
    client = mode.client(provider, server, residency="strict")
    error = raised(ResidencyError, done, mode, client, how, **given)
    assert (str(error).count(repr(model)), error.provider) == (2, provider)
    assert not server.requests
    client = mode.client(provider, server, residency="strict", trusted_models=[model])
    done(mode, client, how, **given)
    assert len(server.requests) == 1
    if how == "generate_image":
        raised(ResidencyError, done, mode, client, how, extra_body={"model": "x"}, **given)
        error = raised(ResidencyError, done, mode, client, how)
        said = "model is missing: innoGPT does not say which model"
        assert (said in str(error), error.provider) == (True, provider)


def test_the_setting_is_eu_or_comes_from_the_environment(mode: Mode, monkeypatch: Any) -> None:
    def used(residency: str | None = None) -> str:
        return mode.client("meingpt", api_key="k", residency=residency).config.residency

    for value in ("", "any", "strict"):
        monkeypatch.setenv(RESIDENCY_VARIABLE, value)
        assert (used(), used("eu")) == (value or "eu", "eu")
    for value in ("EU", "usa"):
        monkeypatch.setenv(RESIDENCY_VARIABLE, value)
        said = f"residency={value!r} (argument or DSGVO_RESIDENCY): use 'eu', 'strict' or 'any'"
        assert {str(raised(ConfigurationError, used, given)) for given in (None, value)} == {said}


@pytest.mark.parametrize("how", ["chat", "stream", "run_assistant", "rerank"])
def test_another_model_that_answers_from_elsewhere_is_told_once(mode: Mode, how: str) -> None:
    ranked = {"results": [{"index": 0, "relevance_score": 1}]}
    whole = answer() | ranked | {"model": " o1-us\n", "text": "Ja."}
    pieces = sse(*({"model": m} | chunk("Ja.", "stop") for m in ("o1", "o1-us")))
    spec: Any = replace(MEINGPT, reranking=PROVIDERS["sovrgpt"].reranking)
    with raw_server(http(pieces if how == "stream" else whole)) as raw:
        client = mode.client(spec, api_key="k", base_url=raw.url)
        named = {} if how == "run_assistant" else {"model": "o1"}
        said = f"answered with model 'o1-us', asked for '({named.get('model', 'emulator-1')}|o3)'"
        with pytest.warns(ResidencyWarning, match=said) as told:
            _ = [done(mode, client, how, **k) for k in (named, named, named and {"model": "o3"})]
        for accepts in ({"residency": "any"}, {"trusted_models": ["o1-us"]}):
            runtime.reset()  # a warning would be an error
            done(mode, mode.client(spec, api_key="k", base_url=raw.url, **accepts), how, **named)
    assert len(told) == 1 + len(named)


def test_vectors_of_another_model_are_told(mode: Mode) -> None:
    body, warns = {"data": [{"embedding": [1.0]}], "model": "o1-us"}, pytest.warns
    with raw_server(lambda *_: http(body)) as raw:
        client = mode.client("meingpt", api_key="k", base_url=raw.url)
        with warns(match="for 'text-"), warns(match="place of 'text-"):
            done(mode, client, "embed")
        body["model"] = f"text-embedding-3-large-{'2' * 300}"  # no date is looked for in it
        with warns(match=r"'\(no id\)' answered in place of 'text-"):
            done(mode, client, "embed")
