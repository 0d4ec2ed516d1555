"""Chat requests: what the user wants, checked against what the vendor says, as a body."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.wire.private import private_texts
from dsgvo.wire.request import ChatRequest, build_chat, check_structured_output, response_format
from dsgvo.wire.structured import with_schema
from dsgvo.wire.tokens import estimate_tokens
from tests.core.support import HELLO, raised
from tests.vendors import MODELS

ADD = {"type": "function", "function": {"name": "add", "parameters": {}}}


def build(provider: str = "sovrgpt", **params: Any) -> ChatRequest:
    return build_chat(
        PROVIDERS[provider],
        model=params.pop("model", MODELS[provider]),
        messages=params.pop("messages", HELLO),
        stream=params.pop("stream", False),
        strict=params.pop("strict", False),
        params=params,
    )


def body(provider: str = "sovrgpt", **params: Any) -> dict[str, Any]:
    return build(provider, **params).body


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_body_has_what_was_asked_for_and_no_more(provider: str) -> None:
    plain = {"model": MODELS[provider], "messages": HELLO}
    assert body(provider) == plain
    assert body(provider, stream=True) == plain | {"stream": True}
    assert body(provider, temperature=0, stop=None, tools=[]) == plain | {"temperature": 0}


RANGES = {
    **dict.fromkeys(["temperature", "repetition_penalty"], (0, 2)),
    **dict.fromkeys(["frequency_penalty", "presence_penalty"], (-2, 2)),
    "top_p": (0, 1),
}


@pytest.mark.parametrize("name", RANGES)
def test_ranges_hold_both_ends(name: str) -> None:
    low, high = RANGES[name]
    for value in (low, high, (low + high) / 2):
        assert body("neuroflash", **{name: value})[name] == value
    for value in (low - 0.001, high + 0.001, math.nan, math.inf, -math.inf, "1", True, [1]):
        with pytest.raises(ConfigurationError, match=f"{name}=") as caught:
            body("neuroflash", **{name: value})
        assert f"use {low:g} to {high:g}" in str(caught.value)
        assert repr(value) in str(caught.value)


# a mistake → how the error starts
WRONG: list[tuple[dict[str, Any], str]] = [
    *(({"max_tokens": value}, f"max_tokens={value!r} is") for value in (0, 1.5, "5", True)),
    *(({"seed": value}, f"seed={value!r} is not a whole number") for value in (1.5, "7", True)),
    *(({"stop": value}, f"stop={value!r}") for value in ([""], ["a", 7], 7)),
    ({"model": 7}, "model=7"),
    ({"messages": []}, "messages is empty"),
    *(
        ({"messages": value}, f"messages is a {type(value).__name__}: pass a list of dicts")
        for value in ("Hallo", b"Hallo", 7, {"role": "user"})
    ),
    ({"messages": [HELLO[0], "Hallo"]}, "messages[1] is a str, not a dict"),
    *(({"tools": "add"}, "tools"), ({"tools": [print]}, "tools[0]")),
    ({"response_format": "json_object"}, "response_format='json_object'"),
    ({"tools": [ADD], "tool_choice": "mul"}, "tool_choice='mul'"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_values_of_another_type(wrong: dict[str, Any], said: str) -> None:
    error = raised(ConfigurationError, body, **wrong)
    assert str(error).startswith(said)
    assert "Hallo" not in str(error)


SENT = {"max_tokens": 1, "seed": -7, "top_k": 5, "n": 1, "response_format": {"type": "text"}}


@pytest.mark.parametrize("stop", ["Ende", ["Ende"], ["a", "b"]])
def test_what_goes_out_as_it_is_and_what_says_nothing_and_is_left_out(stop: Any) -> None:
    asked = {"temperature": 1, "tools": [], "top_p": None, "stop": stop} | SENT
    sent = body("neuroflash", strict=True, **asked)
    assert sent == body("neuroflash") | {"temperature": 1, "stop": stop} | SENT
    assert list(sent) == ["model", "messages", "temperature", "stop", *SENT]
    for nothing in ("", [], None):
        assert "stop" not in body(stop=nothing)
    for choice in (None, False):
        assert "tool_choice" not in body(tools=[ADD], tool_choice=choice)
    assert body(tools=[ADD], tool_choice="any")["tool_choice"] == "required"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_the_vendor_has_not_is_refused_in_its_name(provider: str) -> None:
    spec = PROVIDERS[provider]
    named = [known.id for known in spec.models if known.kind == "chat" and "*" not in known.id]
    for model in (None, ""):
        error = raised(ConfigurationError, body, provider, model=model)
        said = f"model is missing: pass model={named[0]!r}, or another of {spec.title}'s"
        assert str(error).startswith(said)
        assert f"{spec.env}_MODEL" in str(error)
        assert error.provider == provider
    unnamed, given = replace(spec, models=()), {"messages": HELLO, "params": {}, "stream": False}
    error = raised(ConfigurationError, build_chat, unnamed, model=None, **given)
    assert str(error).startswith("model is missing: pass model='…', or")
    for n in (2, 0, "2", [2]):
        error = raised(CapabilityError, body, provider, n=n)
        assert re.search(r"n=.*batch\(\)", str(error))
        assert error.provider == provider


IGNORED = [
    *(("sovrgpt", name, 1) for name in ("seed", "user", "presence_penalty", "frequency_penalty")),
    ("sovrgpt", "logit_bias", {"5": 1}),
    *(("meingpt", name, 1) for name in ("max_tokens", "top_p", "seed", "anything_else")),
    ("meingpt", "stop", "x"),
]


@pytest.mark.parametrize(("provider", "name", "value"), IGNORED)
def test_an_ignored_parameter_is_sent_and_told_or_refused_when_strict(
    provider: str, name: str, value: Any
) -> None:
    request = build(provider, **{name: value})
    assert (request.body[name], list(request.ignored)) == (value, [name])
    told = request.ignored[name]
    error = raised(CapabilityError, body, provider, strict=True, **{name: value})
    assert error.provider == provider
    assert str(error).startswith(f"{name}={value!r}: ")
    for said in (told, str(error)):
        assert f"{PROVIDERS[provider].title} accepts {name!r}" in said
        assert PROVIDERS[provider].page in said
    assert repr(MODELS[provider]) in told


@pytest.mark.covers(
    "meingpt", "behaviour Models without tools, as Perplexity's: 400, or refused before sending"
)
@pytest.mark.parametrize("model", ["llama-3.1-sonar-large-128k-online", "sonar-pro"])
def test_tools_for_a_model_known_not_to_take_them(model: str) -> None:
    error = raised(CapabilityError, body, "meingpt", model=model, tools=[ADD])
    assert f"{model!r} does not take tools" in str(error)
    assert error.provider == "meingpt"
    assert body("meingpt", model="unbekannt", tools=[ADD])["tools"] == [ADD]


SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}


def test_a_json_schema_is_refused_where_only_json_mode_is_documented() -> None:
    error = raised(CapabilityError, body, "sovrgpt", response_format=SCHEMA)
    assert "json_schema" in str(error)
    assert "'function_calling' or 'json_mode'" in str(error)
    assert error.provider == "sovrgpt"
    assert body("sovrgpt", response_format={"type": "json_object"})["response_format"]
    for provider in ("innogpt", "meingpt", "neuroflash"):
        assert body(provider, response_format=SCHEMA)["response_format"] == SCHEMA


def test_the_method_of_structured_output_and_its_response_format() -> None:
    for spec in PROVIDERS.values():
        assert check_structured_output(spec, None) == spec.structured_output[0]
        found = [check_structured_output(spec, method) for method in spec.structured_output]
        assert found == list(spec.structured_output)
    schema = {"type": "object", "description": "Ein Ding"}
    plain = response_format("json_mode", name="x", schema=schema, strict=None)
    assert plain == {"type": "json_object"}
    wanted = {"name": "x", "schema": schema, "description": "Ein Ding", "strict": True}
    formed = response_format("json_schema", name="x", schema=schema, strict=True)
    assert formed == {"type": "json_schema", "json_schema": wanted}


def test_json_mode_is_told_the_schema_in_the_system_message() -> None:
    shape = {"type": "object", "properties": {"größe": {"type": "integer"}}}
    user = {"role": "user", "content": "Hallo"}
    alone, *others = with_schema([user], shape)
    rules, schema, example = alone["content"].split("\n")
    assert "JSON" in rules
    assert rules.endswith("JSON schema:")
    assert json.loads(schema) == shape
    assert example == 'Its shape, with other values than yours: {"größe":0}'
    assert (alone["role"], others) == ("system", [user])
    system = {"role": "system", "content": "Sei knapp.", "name": "s"}
    messages, joined = [system, user], f"Sei knapp.\n\n{alone['content']}"
    assert with_schema(messages, shape) == [system | {"content": joined}, user]
    assert messages[0]["content"] == "Sei knapp."
    parts = {"role": "system", "content": [{"type": "text", "text": "Sei knapp."}]}
    assert with_schema([parts, user], shape) == [alone, parts, user]


TOKENS = {"": 0, " \n": 0, "Haus": 1, "Häuser": 2, "Datenschutz": 3, "a, b.": 4, "§ 7": 2}


def test_about_how_many_tokens_a_text_has() -> None:
    assert {text: estimate_tokens(text) for text in TOKENS} == TOKENS


def test_the_private_texts_of_a_request() -> None:
    request = {
        "model": "geheimes-modell",
        "messages": [
            {"role": "user", "content": "Meine IBAN"},
            {"role": "user", "content": [{"type": "text", "text": "Mein Befund"}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "abc"},
        ],
        "input": ["Text eins"],
        "prompt": "Ein Bild",
    }
    found = {"Meine IBAN", "Mein Befund", "call_1", "Text eins", "Ein Bild"}
    assert set(private_texts(request)) == found
    assert private_texts(None) == []
    assert sorted(private_texts({"input": ["1234", "123", ""]})) == ["1234"]
