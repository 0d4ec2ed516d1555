"""Honest parameters, and optional fields that a server refuses."""

import warnings
from typing import Any

import numpy
import pytest

import dsgvo
from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Server, Status
from tests.core import support
from tests.core.support import HELLO, MODELS, Mode, raised


@pytest.mark.parametrize("how", ["chat", "stream"])  # where the stack is looked at
def test_honest_parameters_ignored_ones_are_told_once(mode: Mode, server: Server, how: str) -> None:
    with pytest.warns(errors.IgnoredParameterWarning, match="SovrGPT accepts 'seed'") as caught:
        assert all(mode.call(mode.client("sovrgpt", server), how, seed=7) for _ in range(3))
    assert [warning.filename for warning in caught] == [support.__file__]  # the user's line
    assert [request.json["seed"] for request in server.requests] == [7, 7, 7]
    strict = mode.client("sovrgpt", server, strict=True)
    assert "seed=7" in str(raised(errors.CapabilityError, mode.call, strict, how, seed=7))
    assert len(server.requests) == 3


def test_honest_parameters_warn_at_the_users_line_without_a_module(server: Server) -> None:
    client = dsgvo.Client("sovrgpt", **support.settings("sovrgpt", server))
    code = compile("ask(question, model='qwen3.5-9b', seed=7)", "by the agent", "exec")
    with pytest.warns(errors.IgnoredParameterWarning) as caught:
        exec(code, {"ask": client.chat, "question": HELLO})
    assert [warning.filename for warning in caught] == ["by the agent"]


HEUTE = {"type": "function", "function": {"name": "heute", "parameters": {}}}
VALUES: dict[str, Any] = {"temperature": numpy.float32(0.5), "top_p": 0.9, "stop": ["\n\n"]}
VALUES |= {"tools": [HEUTE], "tool_choice": "none", "response_format": {"type": "json_object"}}
VALUES |= {"reasoning": {"effort": "low"}, "reasoning_effort": "low", "seed": 7, "user": "anna"}
VALUES |= {"logit_bias": {"50256": -100}, "frequency_penalty": -1.5, "presence_penalty": 1.5}
VALUES |= {"repetition_penalty": 1.1, "structured_outputs": True, "max_tokens": numpy.int64(9)}
VALUES["web_search_options"] = {"search_context_size": "low"}
JSON = "application/json"
SENT = {"user-agent": f"dsgvo-llm/{dsgvo.__version__}", "accept": JSON, "content-type": JSON}


@pytest.mark.covers("*", "parameter *")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_honest_parameters_all_of_a_page_go_out(mode: Mode, server: Server, provider: str) -> None:
    spec = PROVIDERS[provider]
    ignored = [name for name in VALUES if spec.support(name) == "ignored"]
    fields = {name: VALUES[name] for name in VALUES if spec.support(name) != "undocumented"}
    assert spec.documented | spec.ignored <= {*fields, "messages", "model", "stream"}
    extra = {"anything": {"at": ["all"]}}
    given = fields | {"extra_body": extra}
    for how in ("chat", "stream"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            mode.call(mode.client(provider, server), how, **given)
        request = server.requests[-1]
        if how == "chat":  # each is told once
            said = " ".join(str(warning.message) for warning in caught)
            assert [name for name in VALUES if f"'{name}'" in said] == ignored
            assert {name: request.headers[name] for name in SENT} == SENT
        assert "stream" not in request.json or how == "stream"
        body = {k: v for k, v in request.json.items() if k not in {"stream", "stream_options"}}
        assert body == fields | extra | {"messages": HELLO, "model": MODELS[provider]}
    assert (given, HELLO[0]["content"]) == (fields | {"extra_body": extra}, "Hallo!")


def test_what_json_does_not_know_is_refused_before_sending(mode: Mode, server: Server) -> None:
    chat, embedding = mode.client("sovrgpt", server), mode.client("meingpt", server)
    for call, said in (
        (lambda: mode.ask(chat, [{"role": "user", "content": "a\udfffb"}]), "valid Unicode"),
        (lambda: mode.ask(chat, extra_body={"messages": []}), "['messages'] would replace what"),
        (lambda: mode.embed(embedding, ["a"], extra_body={"input": "b"}), "['input'] would"),
        (lambda: mode.embed(embedding, numpy.array(3), batch_size=numpy.int64(1)), "texts is a nd"),
        (lambda: mode.ask(chat, extra_body={"a": id}), "body['a'] cannot be written as JSON (Py"),
        (lambda: mode.ask(chat, stop=numpy.ones(2)), "stop"),
        (lambda: mode.ask(chat, tools=numpy.ones(2)), "tools is a ndarray"),
        (lambda: mode.ask(chat, tools=[HEUTE], tool_choice=numpy.ones(2)), "tool_choice"),
    ):
        assert said in str(raised(errors.ConfigurationError, call))
    assert server.requests == []


@pytest.mark.covers(
    "neuroflash, sovrgpt",
    "parameter stream_options: usage of a stream; left out where it is refused",
    "Inferred",
)
@pytest.mark.covers(
    "neuroflash", "behaviour The answer has an id like `gen-…` and no `created`", "Doc"
)
@pytest.mark.covers(
    "neuroflash", "behaviour `usage.words_used` is what the quota counts, plain and streamed", "Doc"
)
def test_usage_comes_with_the_stream_where_it_is_given(mode: Mode, server: Server) -> None:
    client = mode.client("neuroflash", server)
    whole: Any = mode.stream(client)[-1].completion
    assert whole.usage["words_used"] > 0
    own = {"stream_options": {"include_usage": False, "eigenes": 1}}
    mode.stream(client, stream_usage=False)
    mode.stream(client, extra_body=own)
    sent = [request.json.get("stream_options") for request in server.requests]
    assert sent == [{"include_usage": True}, None, own["stream_options"]]
    assert ((whole.id or "")[:4], whole.created) == ("gen-", None)
    assert mode.chat(client).usage == whole.usage


@pytest.mark.parametrize(
    ("status", "named", "kind"),
    [
        (400, "stream_options", None),
        (422, "stream_options", errors.UnprocessableEntityError),  # nor is it taken without it
        (500, "stream_options", errors.InternalServerError),  # as one that quotes the prompt
        (400, "model", errors.BadRequestError),
    ],
)
def test_which_refusals_are_of_the_field_and_remembered(
    mode: Mode, server: Server, naps: list[float], status: int, named: str, kind: Any
) -> None:
    refusal = Status(status, message=f"{named} is unknown")
    server.script("innogpt", *[refusal] * (2 if kind is errors.UnprocessableEntityError else 1))
    first, second = (mode.client("innogpt", server, max_retries=0) for _ in range(2))
    done = raised(kind, mode.stream, first) if kind else mode.stream(first)
    assert "is unknown" in str(done) if kind else done
    assert all(mode.stream(second, model=name) for name in (None, "gpt-4o"))
    sent = ["stream_options" in request.json for request in server.requests]
    again = [False] * (kind in {None, errors.UnprocessableEntityError})
    assert (sent, naps) == ([True, *again, kind is not None, True], [])
