"""Honest parameters, and optional fields that a server refuses."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import dsgvo
from dsgvo import PROVIDERS
from dsgvo.emulator import Server, Status
from dsgvo.errors import (
    APIStatusError,
    BadRequestError,
    CapabilityError,
    ConfigurationError,
    IgnoredParameterWarning,
    InternalServerError,
)
from tests.core import support
from tests.core.support import HELLO, MODELS, Mode, raised

hows = pytest.mark.parametrize("how", ["chat", "stream"])  # where the stack is looked at


@hows
def test_honest_parameters_an_ignored_parameter_is_sent_and_warned_of_once(
    mode: Mode, server: Server, how: str
) -> None:
    with pytest.warns(IgnoredParameterWarning, match="SovrGPT accepts 'seed'") as caught:
        assert all(mode.call(mode.client("sovrgpt", server), how, seed=7) for _ in range(3))
    assert [warning.filename for warning in caught] == [support.__file__]  # the user's line
    assert [request.json["seed"] for request in server.requests] == [7, 7, 7]
    strict = mode.client("sovrgpt", server, strict=True)
    assert "seed=7" in str(raised(CapabilityError, mode.call, strict, how, seed=7))
    assert len(server.requests) == 3


def test_honest_parameters_the_warning_points_at_the_users_line_in_code_without_a_module(
    server: Server,
) -> None:
    """As code that an agent runs: ``exec`` with names of its own alone."""
    client = dsgvo.Client("sovrgpt", **support.settings("sovrgpt", server))
    code = compile("ask(question, model='qwen3.5-9b', seed=7)", "by the agent", "exec")
    with pytest.warns(IgnoredParameterWarning) as caught:
        exec(code, {"ask": client.chat, "question": HELLO})
    assert [warning.filename for warning in caught] == ["by the agent"]


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


def test_honest_parameters_what_goes_out_beside_them(mode: Mode, server: Server) -> None:
    extra = {"seed": 7, "anything": {"at": ["all"]}}
    params: dict[str, Any] = {"stop": ["x"], "extra_body": extra}
    mode.chat(mode.client("sovrgpt", server, strict=True), **params)
    (request,) = server.requests
    messages = [{"role": "user", "content": "Hallo!"}]
    assert request.json == {
        "model": MODELS["sovrgpt"],
        "messages": messages,
        "stop": ["x"],
        **extra,
    }
    # What the caller wrote is left as it was.
    assert (HELLO, params) == (messages, {"stop": ["x"], "extra_body": extra})
    wanted = {
        "user-agent": f"dsgvo-llm/{dsgvo.__version__}",
        "accept": "application/json",
        "content-type": "application/json",
    }
    assert {name: request.headers[name] for name in wanted} == wanted


def test_what_json_does_not_know_is_refused_before_sending(mode: Mode, server: Server) -> None:
    chat, embedding = mode.client("sovrgpt", server), mode.client("meingpt", server)
    wrong = [{"role": "user", "content": "a\udfffb"}]
    assert "valid Unicode" in str(raised(ConfigurationError, mode.ask, chat, wrong))
    assert "valid Unicode" in str(raised(ConfigurationError, mode.embed, embedding, ["\ud800"]))
    assert "written as JSON" in str(raised(ConfigurationError, mode.ask, chat, top_k=object()))
    error = raised(ConfigurationError, mode.ask, chat, [*HELLO, "Hallo!"])
    assert str(error).startswith("messages[1]")
    assert server.requests == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_stream_options_refused_are_left_out_and_not_tried_again(
    mode: Mode, server: Server, naps: list[float], provider: str
) -> None:
    server.refuse(provider, "stream_options")
    first, second = (mode.client(provider, server, max_retries=0) for _ in range(2))
    for client in (first, second, first):
        completion = mode.stream(client)[-1].completion
        assert completion is not None
        assert completion.finish_reason == "stop"
    with_options = ["stream_options" in request.json for request in server.requests]
    assert (with_options, naps) == ([True, False, False, False], [])


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
    own = {"stream_options": {"include_usage": False, "eigenes": 1}}
    mode.stream(client, stream_usage=False)
    mode.stream(client, extra_body=own)
    sent = [request.json.get("stream_options") for request in server.requests]
    assert sent == [{"include_usage": True}, None, own["stream_options"]]


@pytest.mark.parametrize(
    ("status", "named", "kind"),
    [
        (400, "stream_options", None),
        (422, "stream_options", None),
        (423, "stream_options", APIStatusError),
        (500, "stream_options", InternalServerError),  # as one that quotes the prompt
        (400, "model", BadRequestError),
    ],
)
def test_which_refusals_are_of_the_field(
    mode: Mode, server: Server, status: int, named: str, kind: type[APIStatusError] | None
) -> None:
    server.script("innogpt", Status(status, message=f"{named} is unknown"))
    client = mode.client("innogpt", server, max_retries=0)
    if kind is None:
        assert mode.stream(client)
    else:
        assert "is unknown" in str(raised(kind, mode.stream, client))
    mode.stream(client)
    sent = ["stream_options" in request.json for request in server.requests]
    assert sent == ([True, False, False] if kind is None else [True, True])
