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


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("temperature", 0, 2),
        ("top_p", 0, 1),
        ("frequency_penalty", -2, 2),
        ("presence_penalty", -2, 2),
        ("repetition_penalty", 0, 2),
    ],
)
def test_ranges_hold_both_ends(name: str, low: float, high: float) -> None:
    for value in (low, high, (low + high) / 2):
        assert body("neuroflash", **{name: value})[name] == value
    for value in (low - 0.001, high + 0.001, math.nan, math.inf, -math.inf, "1", True, [1]):
        with pytest.raises(ConfigurationError, match=f"{name}=") as caught:
            body("neuroflash", **{name: value})
        assert f"use {low:g} to {high:g}" in str(caught.value)
        assert repr(value) in str(caught.value)


WRONG: list[tuple[dict[str, Any], str]] = [
    *(({"max_tokens": value}, f"max_tokens={value!r} is") for value in (0, -1, 1.5, "5", True)),
    *(({"seed": value}, f"seed={value!r} is not a whole number") for value in (1.5, "7", True)),
    *(({"stop": value}, f"stop={value!r}") for value in ([""], ["a", 7], 7, [None])),
    ({"model": 7}, "model=7"),
    ({"messages": []}, "messages is empty"),
    ({"messages": "Hallo"}, "messages is a str: pass a list of dicts"),
    ({"messages": b"Hallo"}, "messages is a bytes: pass a list of dicts"),
    ({"messages": 7}, "messages is a int: pass a list of dicts"),
    ({"messages": {"role": "user"}}, "messages is a dict: pass a list of dicts"),
    ({"messages": [HELLO[0], "Hallo"]}, "messages[1] is a str, not a dict"),
    ({"tools": "add"}, "tools"),
    ({"tools": [print]}, "tools[0]"),
    ({"response_format": "json_object"}, "response_format='json_object'"),
    ({"tools": [ADD], "tool_choice": "mul"}, "tool_choice='mul'"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_values_of_another_type(wrong: dict[str, Any], said: str) -> None:
    error = raised(ConfigurationError, body, **wrong)
    assert str(error).startswith(said)
    assert "Hallo" not in str(error)


@pytest.mark.parametrize(
    ("provider", "name", "value"),
    [
        ("sovrgpt", "max_tokens", 1),
        ("neuroflash", "seed", -7),
        ("sovrgpt", "stop", "Ende"),
        ("sovrgpt", "stop", ["Ende"]),
        ("sovrgpt", "stop", ["a", "b"]),
        ("innogpt", "top_k", 5),
        *((name, "n", 1) for name in PROVIDERS),
    ],
)
def test_values_that_go_out_as_they_are(provider: str, name: str, value: Any) -> None:
    assert body(provider, **{name: value})[name] == value


@pytest.mark.parametrize(
    "nothing",
    [
        *({"stop": value} for value in ("", [], None)),
        *({"tools": [ADD], "tool_choice": value} for value in (None, False)),
    ],
)
def test_what_says_nothing_is_left_out(nothing: dict[str, Any]) -> None:
    assert not {"stop", "tool_choice"} & body(**nothing).keys()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_missing_model_is_told_one_that_the_page_names(provider: str) -> None:
    spec = PROVIDERS[provider]
    named = [known.id for known in spec.models if known.kind == "chat" and "*" not in known.id]
    for model in (None, ""):
        error = raised(ConfigurationError, body, provider, model=model)
        assert f"model is missing: pass model={named[0]!r}, or another of {spec.title}'s" in str(
            error
        )
        assert f"{spec.env}_MODEL" in str(error)
        assert error.provider == provider
    unnamed, given = replace(spec, models=()), {"messages": HELLO, "params": {}, "stream": False}
    error = raised(ConfigurationError, build_chat, unnamed, model=None, **given)
    assert str(error).startswith("model is missing: pass model='…', or")


def test_what_is_left_out_leaves_out_nothing_else() -> None:
    sent = body(stop=None, temperature=1, tools=[], top_p=1, n=None, max_tokens=5)
    assert sent == body() | {"temperature": 1, "top_p": 1, "max_tokens": 5}
    assert list(sent) == ["model", "messages", "temperature", "top_p", "max_tokens"]


@pytest.mark.parametrize("n", [2, 0, "2", [2]])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_more_than_one_answer_is_refused(provider: str, n: Any) -> None:
    error = raised(CapabilityError, body, provider, n=n)
    assert re.search(r"n=.*batch\(\)", str(error))
    assert error.provider == provider


IGNORED = [
    ("sovrgpt", "seed", 7),
    ("sovrgpt", "logit_bias", {"5": 1}),
    ("sovrgpt", "user", "u"),
    ("sovrgpt", "presence_penalty", 1),
    ("sovrgpt", "frequency_penalty", 1),
    ("meingpt", "max_tokens", 5),
    ("meingpt", "top_p", 0.5),
    ("meingpt", "stop", "x"),
    ("meingpt", "seed", 7),
    ("meingpt", "anything_else", 7),
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


def test_documented_and_undocumented_parameters_are_not_ignored() -> None:
    documented = {
        "temperature": 1,
        "max_tokens": 5,
        "reasoning": {"effort": "low"},
        "reasoning_effort": "low",
        "seed": 7,
        "web_search_options": {},
        "structured_outputs": True,
        "frequency_penalty": 1,
        "presence_penalty": 1,
        "repetition_penalty": 1,
        "stop": ["x"],
        "response_format": {"type": "json_object"},
        "tools": [ADD],
        "tool_choice": "auto",
    }
    sent = body("neuroflash", strict=True, **documented)
    assert build("neuroflash", **documented).ignored == {}
    assert {name: sent[name] for name in documented} == documented


def test_a_choice_goes_out_in_openais_form() -> None:
    assert body(tools=[ADD], tool_choice="any")["tool_choice"] == "required"
    named = {"type": "function", "function": {"name": "add"}}
    assert body(tools=[ADD], tool_choice="add")["tool_choice"] == named


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


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_default_method_is_the_first_that_the_vendor_documents(provider: str) -> None:
    spec = PROVIDERS[provider]
    assert check_structured_output(spec, None) == spec.structured_output[0]
    for method in spec.structured_output:
        assert check_structured_output(spec, method) == method


def test_the_response_format_of_a_method() -> None:
    schema = {"type": "object", "description": "Ein Ding"}
    assert response_format("json_mode", name="x", schema=schema, strict=None) == {
        "type": "json_object"
    }
    assert response_format("json_schema", name="x", schema=schema, strict=True) == {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": schema, "description": "Ein Ding", "strict": True},
    }


SHAPE = {"type": "object", "properties": {"größe": {"type": "integer"}}}


def test_json_mode_is_told_the_schema_in_the_system_message() -> None:
    user = {"role": "user", "content": "Hallo"}
    first, *others = with_schema([user], SHAPE)
    assert first["role"] == "system"
    assert "JSON" in first["content"]
    rules, schema, shape = first["content"].split("\n")
    assert rules.endswith("JSON schema:")
    assert json.loads(schema) == SHAPE
    assert shape == 'Its shape, with other values than yours: {"größe":0}'
    assert others == [user]


def test_json_mode_keeps_the_system_message_that_there_is() -> None:
    user = {"role": "user", "content": "Hallo"}
    system = {"role": "system", "content": "Sei knapp.", "name": "s"}
    [alone, _] = with_schema([user], SHAPE)
    joined = f"Sei knapp.\n\n{alone['content']}"
    messages = [system, user]
    assert with_schema(messages, SHAPE) == [system | {"content": joined}, user]
    assert messages[0]["content"] == "Sei knapp."
    parts = {"role": "system", "content": [{"type": "text", "text": "Sei knapp."}]}
    assert with_schema([parts, user], SHAPE) == [alone, parts, user]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), (" \n", 0), ("Haus", 1), ("Häuser", 2), ("Datenschutz", 3), ("a, b.", 4), ("§ 7", 2)],
)
def test_about_how_many_tokens_a_text_has(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


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
