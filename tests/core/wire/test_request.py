"""Chat requests: what the user wants, checked against what the vendor says, as a body."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from dsgvo import PROVIDERS, file_part, image_part
from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.providers import Model
from dsgvo.wire.arguments import listed, require, shown, unknown_argument, wrong_argument
from dsgvo.wire.private import private_texts
from dsgvo.wire.request import ChatRequest, build_chat, check_structured_output
from dsgvo.wire.structured import with_schema
from dsgvo.wire.tokens import estimate_tokens
from tests.core.support import HELLO, raised
from tests.vendors import MODELS

ADD = {"type": "function", "function": {"name": "add", "parameters": {}}}
OWN = ("model", "messages", "stream", "strict", "stream_usage", "send_reasoning", "extra_body")


def build(provider: str = "sovrgpt", **params: Any) -> ChatRequest:
    given = {"model": MODELS[provider], "messages": HELLO, "stream": False}
    given |= {name: params.pop(name) for name in OWN if name in params}
    return build_chat(PROVIDERS[provider], params=params, **given)


def body(provider: str = "sovrgpt", **params: Any) -> dict[str, Any]:
    return build(provider, **params).body


def request(fields: dict[str, Any], **more: Any) -> ChatRequest:
    """Return a request with fields of its body, and of its own."""
    body = {"model": "m", "messages": HELLO} | fields
    own: dict[str, Any] = {"body": body, "model": body["model"], "stream": "stream" in body}
    own |= {"upload": None, "unsure_of_images": False, "history": body["messages"]}
    own["forms"] = frozenset({"thoughts"})
    own |= {"optional": {}, "ignored": {}, "tool_names": {}, **more}
    return ChatRequest(**own)


def asked(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": "Was?"}, *parts]}]


IMAGE, UPLOAD = image_part(url="https://example.com/a.png"), file_part(data=b"%PDF-1")
SEEN = {"messages": asked(IMAGE)}
PLAIN: list[dict[str, Any]] = [{"role": "assistant", "content": "Hm?"}, *HELLO]
HM, NO_FORMS = {"reasoning_content": "Hm."}, frozenset[str]()
THOUGHT, STILL, OE = [PLAIN[0] | HM, *HELLO], {"send_reasoning": False}, {"oe": "ö"}
OWN_NAME, VALID = (PLAIN[0] | {"tool_calls": [{"function": {"name": n}}]} for n in ("ö", "oe"))
STREAM, USAGE = {"stream": True}, {"stream_options": {"include_usage": True}}
UPLOADED = {"messages": [{"role": "user", "content": "Was?"}]}
# vendor, what is given → the request
REQUESTS: list[tuple[str, dict[str, Any], ChatRequest]] = [
    *((provider, {}, request({})) for provider in PROVIDERS),
    ("sovrgpt", {"model": " m ", "stop": [], "tools": [], "top_p": None} | USAGE, request({})),
    ("sovrgpt", {"temperature": 0, "stream_usage": True}, request({"temperature": 0})),
    ("sovrgpt", STREAM | {"stream_usage": True}, request(STREAM, optional=USAGE)),
    ("sovrgpt", STREAM | USAGE | {"stream_usage": True}, request(USAGE | STREAM)),
    # It streams unasked.
    ("innogpt", {"model": "gpt-5"}, request({"model": "gpt-5"} | STREAM)),
    ("sovrgpt", {"top_p": 1, "extra_body": {"model": "n"}}, request({"top_p": 1, "model": "n"})),
    ("sovrgpt", {"messages": THOUGHT}, request({"messages": THOUGHT})),
    ("sovrgpt", {"messages": THOUGHT, **STILL}, request({"messages": PLAIN}, forms=NO_FORMS)),
    (
        *("sovrgpt", {"messages": [OWN_NAME | HM], "send_reasoning": None}),
        request({"messages": [VALID]}, history=[VALID | HM], forms=NO_FORMS, tool_names=OE),
    ),
    ("innogpt", {"messages": asked(UPLOAD)}, request(UPLOADED, upload=UPLOAD["upload"])),
    ("sovrgpt", SEEN, request(SEEN, unsure_of_images=True)),
]


@pytest.mark.parametrize(("provider", "given", "expected"), REQUESTS)
def test_a_request_has_no_more(provider: str, given: dict[str, Any], expected: ChatRequest) -> None:
    found = build(provider, **{"model": "m"} | given)
    assert (found, list(found.body)) == (expected, list(expected.body))


RANGES = {
    **dict.fromkeys(["temperature", "repetition_penalty"], (0, 2)),
    **dict.fromkeys(["frequency_penalty", "presence_penalty"], (-2, 2)),
    "top_p": (0, 1),
}


def test_ranges_hold_both_ends() -> None:
    for name, (low, high) in RANGES.items():
        for value in (low, high, (low + high) / 2):
            assert body("neuroflash", **{name: value})[name] == value
        for value in (low - 0.001, high + 0.001, math.nan, "1", True):
            error = raised(ConfigurationError, body, "neuroflash", **{name: value})
            assert str(error) == f"{name}={value!r} is out of range: use {low} to {high}"
    assert body("neuroflash", reasoning_effort="low")["reasoning_effort"] == "low"
    error = raised(ConfigurationError, body, "neuroflash", reasoning_effort="viel")
    efforts = ", ".join(map(repr, PROVIDERS["neuroflash"].choices["reasoning_effort"]))
    said = f"neuroflash takes {efforts}; extra_body passes others unchecked"
    assert str(error) == f"reasoning_effort='viel': {said}"


# a mistake → how the error starts
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"max_tokens": 0}, "max_tokens=0 is out of range: use 1 or more"),
    ({"max_tokens": 1.5}, "max_tokens=1.5 is not a whole number"),
    *(({"seed": value}, f"seed={value!r} is not a whole number") for value in (1.5, True)),
    *(({"stop": value}, f"stop={value!r}") for value in ([""], ["a", 7], 7)),
    *(({"model": 7}, "model=7"), ({"messages": []}, "messages is empty")),
    *(({"messages": m}, f"messages is a {type(m).__name__}: pass a") for m in (b"", HELLO[0])),
    ({"messages": [{"content": iter([])}]}, "messages[0].content is a list_iterator: pass a text"),
    ({"user": {"a": iter([])}}, "user is or holds an iterator: pass a list"),
    ({"messages": [HELLO[0], "Hallo"]}, "messages[1] is a str, not a dict"),
    ({"messages": [*HELLO, {"tool_calls": 5}]}, "messages[1].tool_calls is a int: pass a list"),
    ({"tools": "add"}, "tools"),
    ({"tools": [ADD, {"function": None}]}, "tools[1]: its function is no object with a name"),
    ({"tools": [{"function": {"name": 7}}]}, "tools[0]: its function is no object with a name"),
    ({"response_format": "json_object"}, "response_format='json_object'"),
]


def test_values_of_another_type() -> None:
    for wrong, said in WRONG:
        error = raised(ConfigurationError, body, **wrong)
        assert str(error).startswith(said)
        assert "Hallo" not in str(error)


SENT = {"max_tokens": 1, "seed": -7, "top_k": 5, "n": 1, "response_format": {"type": "text"}}


def test_what_goes_out_as_it_is_and_what_says_nothing_and_is_left_out() -> None:
    for stop in ("Ende", ["Ende"], ["a", "b"]):
        sent = body("neuroflash", strict=True, temperature=1, tools=[], stop=stop, **SENT)
        assert sent == body("neuroflash") | {"temperature": 1, "stop": stop} | SENT


@pytest.mark.covers("sovrgpt", "parameter n: more than one answer is refused before sending", "Doc")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_the_vendor_has_not_is_refused_in_its_name(provider: str) -> None:
    spec = PROVIDERS[provider]
    named = [known.id for known in spec.models if known.kind == "chat" and "*" not in known.id]
    given: Any = {"messages": HELLO, "params": {}, "stream": False}
    for asked, model in ((spec, named[0]), (replace(spec, models=()), "…")):
        error = raised(ConfigurationError, build_chat, asked, model="", **given)
        way_out = f"pass model={model!r}, or another of {spec.title}'s, or set {spec.env}_MODEL"
        assert (str(error), error.provider) == (f"model is missing: {way_out}", provider)
    assert raised(ConfigurationError, body, provider, model=7).provider == provider
    for n in (2, 0):
        error = raised(CapabilityError, body, provider, n=n)
        assert str(error).startswith(f"n={n!r}: {spec.title} gives one answer a request; call bat")
        assert error.provider == provider


IGNORED = [
    *(("sovrgpt", name, 1) for name in ("seed", "user", "presence_penalty", "frequency_penalty")),
    *[("sovrgpt", "logit_bias", {"5": 1}), ("meingpt", "stop", "x")],
    *(("meingpt", name, 1) for name in ("max_tokens", "top_p", "seed", "anything_else")),
]


def test_an_ignored_parameter_is_sent_and_told_or_refused_when_strict() -> None:
    for provider, name, value in IGNORED:
        spec = PROVIDERS[provider]
        told = f"{spec.title} accepts {name!r} and does not honour it ({spec.page}); model 'm'"
        told += " will answer as if it were not set"
        given: dict[str, Any] = {"model": "m", name: value}
        assert build(provider, **given) == request({name: value}, ignored={name: told})
        error = raised(CapabilityError, body, provider, strict=True, **given)
        said = name if name in {"stop", "logit_bias"} else f"{name}=1"  # a text may be private
        assert (str(error), error.provider) == (f"{said}: {told}", provider)
    seen = {"model": "m", "messages": asked(IMAGE)}
    told = "meinGPT documents no image input (meinGPT: Completions); model 'm' may answer as if "
    told += "there were no image"
    assert build("meingpt", **seen).ignored == {"images": told}
    assert build("innogpt", **seen).ignored == {}
    assert str(raised(CapabilityError, body, "meingpt", strict=True, **seen)) == f"messages: {told}"


@pytest.mark.covers(
    "meingpt",
    "behaviour Models without tools, as Perplexity's: 400, or refused before sending",
    "Doc",
)
def test_tools_for_a_model_known_not_to_take_them() -> None:
    error = raised(CapabilityError, body, "meingpt", model="sonar-pro", tools=[ADD])
    assert str(error).startswith("tools: meinGPT says that model 'sonar-pro' does not take tools (")
    assert error.provider == "meingpt"
    assert body("meingpt", model="unbekannt", tools=[ADD])["tools"] == [ADD]
    spec = replace(PROVIDERS["innogpt"], models=(Model(id="m", source="s", images=False),))
    for parts in ([IMAGE], [{"type": "audio"}], [UPLOAD, file_part(data=b"%PDF-2")]):
        given: Any = {"messages": asked(*parts), "params": {}, "stream": False}
        error = raised(CapabilityError, build_chat, spec, model="m", **given)
        assert (error.provider, "model 'm'" in str(error)) == ("innogpt", parts == [IMAGE])


def test_a_json_schema_is_refused_where_only_json_mode_is_documented() -> None:
    error = raised(CapabilityError, body, "sovrgpt", response_format={"type": "json_schema"})
    assert str(error).startswith("method='json_schema' is not documented by SovrGPT (")
    assert error.provider == "sovrgpt"
    for spec in PROVIDERS.values():
        found = [check_structured_output(spec, asked) for asked in (None, *spec.structured_output)]
        assert found == [spec.structured_output[0], *spec.structured_output]


def test_json_mode_is_told_the_schema_in_the_system_message() -> None:
    shape = {"type": "object", "properties": {"größe": {"type": "integer"}}}
    user = {"role": "user", "content": "Hallo"}
    alone, *others = with_schema([user], shape)
    rules, schema, example = alone["content"].split("\n")
    assert rules.endswith("JSON schema:")
    assert (json.loads(schema), alone["role"], others) == (shape, "system", [user])
    assert example == 'Its shape, with other values than yours: {"größe":0}'
    system = {"role": "system", "content": "Sei knapp.", "name": "s"}
    joined = system | {"content": f"Sei knapp.\n\n{alone['content']}"}
    assert with_schema([system, user], shape) == [joined, user]
    parts = {"role": "system", "content": [{"type": "text", "text": "Sei knapp."}]}
    assert with_schema([parts, user], shape) == [alone, parts, user]


def test_the_private_texts_of_a_request_and_their_tokens() -> None:
    counts = {"": 0, " \n": 0, "Haus": 1, "Häuser": 2, "Datenschutz": 3, "a, b.": 4, "§ 7": 2}
    assert {text: estimate_tokens(text) for text in counts} == counts
    user = {"role": "user", "content": [{"type": "text", "text": "Mein Befund"}]}
    calls = [{"id": "call_1", "function": {"name": "f"}}]  # ids are nobody's words
    messages = [user, {"tool_calls": calls}, {"tool_call_id": "call_1", "content": "abc"}]
    for text, texts in (("prompt", "metadata"), ("user", "documents")):
        body = {"model": "geheim" * 3, "messages": messages, texts: ["Text eins"], text: "Bild"}
        body |= {"service_tier": "flex"}
        assert sorted(private_texts(body)) == ["Bild", "Mein Befund", "Text eins"]
    assert private_texts(None) == []
    values = {"a": {"enum": ["Erika Mustermann", "Max"], "description": "Der Name der Kundin"}}
    tools = [{"function": {"name": "f", "parameters": {"properties": values}}}]
    assert private_texts({"tools": tools}) == ["Erika Mustermann"]


# an argument and its value → what is said of it
SAID: dict[tuple[str, Any], str] = {
    ("temperature", "hot"): "temperature='hot': wrong",
    ("metadata.api_key", 3): "metadata.api_key=3: wrong",
    ("model", "sk-abcdef123456"): "model='sk-a…' (a key?): wrong",
    ("stop", ("a",)): "stop: wrong",
    **{
        (name, "geheim"): f"{name}: wrong"
        for name in ("api_key", "default_headers.X-Key", "extra_body", "additional_kwargs.a.b")
    },
}


def test_what_is_said_of_wrong_and_unknown_arguments_shows_nothing_secret() -> None:
    assert {argument: wrong_argument(*argument, "wrong") for argument in SAID} == SAID
    meant = {"modle": "did you mean 'model'?", "xyz": "see the page"}
    told = {name: unknown_argument("C", name, ["top_p", "model"], "see the page") for name in meant}
    assert told == {name: f"C has no argument {name!r}: {said}" for name, said in meant.items()}
    for name, value in {"NoneType": None, "dict": {"geheim": 1}, "int": 7}.items():
        error = raised(ConfigurationError, listed, "texts", value)
        assert str(error) == f"texts is a {name}: pass a list"
        error = raised(ConfigurationError, require, "text", value, str)
        assert str(error) == f"text is a {name}, not a str"
    assert [shown("x" * size) for size in (398, 399)] == [repr("x" * 398), f"'{'x' * 398}…"]
