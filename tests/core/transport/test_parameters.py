"""Honest parameters, and optional fields that a server refuses."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import dsgvo
from dsgvo import PROVIDERS
from dsgvo.emulator import RefuseFields, Server, Status
from dsgvo.errors import (
    APIStatusError,
    BadRequestError,
    CapabilityError,
    ConfigurationError,
    IgnoredParameterWarning,
)
from tests.core import support
from tests.core.support import HELLO, Mode

HOWS = pytest.mark.parametrize("how", ["chat", "stream"])


@HOWS
def test_honest_parameters_an_ignored_parameter_is_sent_and_warned_of_once(
    mode: Mode, server: Server, how: str
) -> None:
    with pytest.warns(IgnoredParameterWarning, match="SovrGPT accepts 'seed'") as caught:
        assert all(mode.call(mode.client("sovrgpt", server), how, seed=7) for _ in range(3))
    assert len(caught) == 1
    assert [request.json["seed"] for request in server.requests] == [7, 7, 7]


@HOWS
def test_honest_parameters_the_warning_points_at_the_users_line(
    mode: Mode, server: Server, how: str
) -> None:
    with pytest.warns(IgnoredParameterWarning) as caught:
        mode.call(mode.client("sovrgpt", server), how, seed=7)
    assert [warning.filename for warning in caught] == [support.__file__]


def test_honest_parameters_the_warning_points_at_the_users_line_in_code_without_a_module(
    server: Server,
) -> None:
    """As code that an agent runs: ``exec`` with names of its own alone."""
    client = dsgvo.Client("sovrgpt", **support.settings("sovrgpt", server))
    code = compile("ask(question, model='qwen3.5-9b', seed=7)", "by the agent", "exec")
    with pytest.warns(IgnoredParameterWarning) as caught:
        exec(code, {"ask": client.chat, "question": HELLO})
    assert [warning.filename for warning in caught] == ["by the agent"]


@HOWS
def test_honest_parameters_strict_refuses_it_before_anything_is_sent(
    mode: Mode, server: Server, how: str
) -> None:
    with pytest.raises(CapabilityError, match="seed=7"):
        mode.call(mode.client("sovrgpt", server, strict=True), how, seed=7)
    assert server.requests == []


VALUES: dict[str, Any] = {
    "temperature": 0.7,
    "top_p": 0.9,
    "max_tokens": 200,
    "stop": ["\n\n"],
    "tools": [{"type": "function", "function": {"name": "heute", "parameters": {}}}],
    "tool_choice": "none",
    "response_format": {"type": "json_object"},
    "reasoning": {"effort": "low"},
    "reasoning_effort": "low",
    "seed": 7,
    "user": "anna",
    "logit_bias": {"50256": -100},
    "frequency_penalty": -1.5,
    "presence_penalty": 1.5,
    "repetition_penalty": 1.1,
    "web_search_options": {"search_context_size": "low"},
    "structured_outputs": True,
}


@pytest.mark.covers("*", "parameter *")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_honest_parameters_all_that_a_page_names_go_out(
    mode: Mode, server: Server, provider: str
) -> None:
    spec = PROVIDERS[provider]
    ignored = [name for name in VALUES if spec.support(name) == "ignored"]
    fields = {name: VALUES[name] for name in VALUES if spec.support(name) != "undocumented"}
    assert spec.documented | spec.ignored <= {*fields, "messages", "model", "stream"}
    for how in ("chat", "stream"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            mode.call(mode.client(provider, server), how, **fields)
        if how == "chat":  # each is told once
            said = " ".join(str(warning.message) for warning in caught)
            assert [name for name in VALUES if f"'{name}'" in said] == ignored
        body = server.requests[-1].json
        assert {name: body[name] for name in fields} == fields
        assert body.keys() - fields.keys() - {"stream", "stream_options"} == {"messages", "model"}


@HOWS
def test_honest_parameters_extra_body_goes_out_unchecked(
    mode: Mode, server: Server, how: str
) -> None:
    extra = {"seed": 7, "anything": {"at": ["all"]}}
    mode.call(mode.client("sovrgpt", server, strict=True), how, extra_body=extra)
    assert {name: server.requests[0].json[name] for name in extra} == extra


@pytest.mark.covers(
    "neuroflash, sovrgpt",
    "behaviour Embeddings are not documented: refused unless `allow_undocumented`",
    "Inferred",
)
def test_honest_parameters_embeddings_where_none_are_documented(mode: Mode, server: Server) -> None:
    for provider in ("sovrgpt", "neuroflash"):
        with pytest.raises(CapabilityError, match="innoGPT and meinGPT do") as caught:
            mode.embed(mode.client(provider, server), ["a"])
        assert "allow_undocumented=True" in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb"])
def test_text_that_is_no_unicode(mode: Mode, server: Server, value: str) -> None:
    with pytest.raises(ConfigurationError, match="valid Unicode"):
        mode.chat(mode.client("sovrgpt", server), [{"role": "user", "content": value}])
    with pytest.raises(ConfigurationError, match="valid Unicode"):
        mode.embed(mode.client("meingpt", server), [value])
    assert server.requests == []


def test_a_value_that_json_does_not_know(mode: Mode, server: Server) -> None:
    with pytest.raises(ConfigurationError, match="written as JSON"):
        mode.chat(mode.client("sovrgpt", server), top_k=object())
    assert server.requests == []


@pytest.mark.parametrize("provider", ["innogpt", "neuroflash", "sovrgpt", "meingpt"])
def test_stream_options_refused_are_left_out_and_not_tried_again(
    mode: Mode, server: Server, naps: list[float], provider: str
) -> None:
    server.refuse(provider, "stream_options")
    first, second = (mode.client(provider, server, max_retries=0) for _ in range(2))
    for client in (first, second, first):
        deltas = mode.stream(client)
        assert deltas[-1].completion is not None
        assert deltas[-1].completion.finish_reason == "stop"
    with_options = ["stream_options" in request.json for request in server.requests]
    assert with_options == [True, False, False, False]
    assert naps == []


@pytest.mark.covers(
    "neuroflash, sovrgpt",
    "parameter stream_options: usage of a stream; left out where it is refused",
    "Inferred",
)
def test_usage_comes_with_the_stream_where_it_is_given(mode: Mode, server: Server) -> None:
    client = mode.client("neuroflash", server)
    whole = mode.stream(client)[-1].completion
    assert whole is not None
    assert whole.usage is not None
    assert whole.usage["words_used"] > 0
    mode.stream(client, stream_usage=False)
    assert "stream_options" not in server.requests[-1].json


@pytest.mark.parametrize("provider", ["innogpt", "meingpt"])
def test_base64_refused_is_left_out_and_not_tried_again(
    mode: Mode, server: Server, naps: list[float], provider: str
) -> None:
    client = mode.client(provider, server, max_retries=0)
    encoded = mode.embed(client, ["Text"], dimensions=8)
    server.clear()
    server.refuse(provider, "encoding_format")
    for _ in range(3):
        plain = mode.embed(client, ["Text"], dimensions=8)
        assert plain == [pytest.approx(vector, abs=1e-6) for vector in encoded]
    asked = ["encoding_format" in request.json for request in server.requests]
    assert asked == [True, False, False, False]
    assert naps == []


def test_a_refusal_of_something_else_is_an_error(mode: Mode, server: Server) -> None:
    server.script("innogpt", Status(400, message="model is unknown"), RefuseFields("temperature"))
    client = mode.client("innogpt", server)
    with pytest.raises(BadRequestError, match="model is unknown"):
        mode.stream(client)
    with pytest.raises(BadRequestError, match="temperature"):
        mode.stream(client, temperature=1)
    assert len(server.requests) == 2


def test_a_prompt_that_names_the_field_does_not_switch_it_off(mode: Mode, server: Server) -> None:
    messages = [{"role": "user", "content": "Was macht stream_options?"}]
    client = mode.client("innogpt", server)
    server.script("innogpt", Status(500, message="stream_options"), Status(500))
    with pytest.raises(Exception, match="500"):
        mode.stream(mode.client("innogpt", server, max_retries=0), messages)
    mode.stream(client, HELLO)
    assert "stream_options" in server.requests[-1].json


@HOWS
def test_a_message_that_is_none_is_named(mode: Mode, server: Server, how: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^messages\[1\]"):
        mode.call(mode.client("sovrgpt", server), how, [*HELLO, "Hallo!"])
    assert server.requests == []


def test_what_is_said_of_usage_is_sent_as_it_is(mode: Mode, server: Server) -> None:
    own = {"stream_options": {"include_usage": False, "eigenes": 1}}
    mode.stream(mode.client("innogpt", server), extra_body=own)
    assert server.requests[0].json["stream_options"] == own["stream_options"]


def test_a_request_says_what_sends_it(mode: Mode, server: Server) -> None:
    mode.chat(mode.client("sovrgpt", server))
    headers = server.requests[0].headers
    assert headers["user-agent"] == f"dsgvo-llm/{dsgvo.__version__}"
    assert headers["accept"] == "application/json"
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [400, 422])
def test_a_field_is_left_out_whichever_status_refuses_it(
    mode: Mode, server: Server, status: int
) -> None:
    server.script("innogpt", Status(status, message="stream_options is unknown"))
    assert mode.stream(mode.client("innogpt", server))
    sent = [request.json.keys() for request in server.requests]
    assert ["stream_options" in keys for keys in sent] == [True, False]


def test_another_status_that_names_a_field_is_an_error(mode: Mode, server: Server) -> None:
    server.script("innogpt", Status(423, message="stream_options is unknown"))
    with pytest.raises(APIStatusError, match="stream_options"):
        mode.stream(mode.client("innogpt", server))
    assert len(server.requests) == 1
