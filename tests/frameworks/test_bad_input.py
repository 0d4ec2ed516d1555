"""The table of bad input, through both frameworks: nothing is sent, and the text says why."""

from functools import partial
from typing import Any

import pytest
from langchain_core.exceptions import ModelInvalidRequestError
from langchain_core.messages import AIMessage

from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Server
from tests.bad_input import ADD, CASES, KEY, MODEL, BadInput
from tests.calls import Mode
from tests.frameworks.support import EACH, LLAMAINDEX_NAMES, Way
from tests.frameworks.test_structured import Person
from tests.langchain import support as langchain
from tests.llamaindex import support as llamaindex


def ask(case: BadInput, way: Way, server: Server) -> Any:
    """Make the mistake; fields of a model are arguments of its class, as users write them."""
    given, params = case.given(server.base_url(case.provider)), dict(case.params)
    kinds = langchain.CHAT if way.is_langchain else llamaindex.LLMS
    texts = params.pop("texts", ["a"])
    if case.call == "chat" and "model" not in case.without:
        given.setdefault("model", MODEL)
    fields = kinds[case.provider].model_fields
    for name in [name for name in params if case.call == "embed" or name in fields]:
        given[name] = params.pop(name)
    if case.call == "embed":
        return way.embed(way.embeddings(case.provider, **given), texts)
    return way.answer(kinds[case.provider](**given), **params)


@EACH  # the checks are the core's: each framework makes each mistake in one mode
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_bad_input(case: BadInput, way: Way, server: Server, monkeypatch: Any) -> None:
    for provider in PROVIDERS:
        for name in server.environ(provider):
            monkeypatch.delenv(name, raising=False)
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(getattr(errors, case.error)) as caught:
        ask(case, way, server)
    message = str(caught.value)
    for text in case.says:
        name, equals, value = text.partition("=")
        own = name if way.is_langchain else LLAMAINDEX_NAMES.get(name, name)
        assert f"{own}{equals}{value}" in message
    assert [text for text in (*case.hides, KEY) if text in message] == []
    assert server.requests == []
    assert isinstance(caught.value, ModelInvalidRequestError) or not way.is_langchain


@pytest.mark.parametrize(
    ("framework", "arguments", "says"),
    [
        ("llamaindex", {"model": "a", "model_name": "b"}, "model_name and model are the same arg"),
        ("langchain", {"max_completion_tokens": "viel"}, "max_completion_tokens='viel': Input"),
        ("langchain", {"extra_body": {"a": object()}}, "extra_body['a'] cannot be written as JSON"),
        ("langchain", {"default_headers": {"x": ["geheim"]}}, "default_headers['x'] holds char"),
        ("llamaindex", {"grammar": "g"}, "go into additional_kwargs={'grammar'"),
        ("llamaindex", {"is_chat_model": False}, "all models here are chat models"),
        ("llamaindex", {"context_window": 0}, "context_window=0: use a whole number"),
        ("llamaindex", {"workspace_id": "w"}, "has no argument 'workspace_id'"),
        ("llamaindex", {"structured_output": "xml"}, "structured_output='xml'"),
        ("langchain", ("get_num_tokens", None), "text is a NoneType, not a str"),
        ("langchain", ("get_num_tokens_from_messages", "x"), "messages is a str: pass a list of B"),
        ("langchain", ("bind_tools", [list]), "nothing can be called by <class 'list'>"),
        ("langchain", ("bind_tools", ADD), "tools is a dict: pass a list"),
        ("langchain", ("bind_tools", [ADD | {"function": None}]), "nothing can be called"),
        ("langchain", ("with_structured_output", {"name": 7}), "nothing can be asked for"),
        *(
            ("langchain", ("invoke", [AIMessage("", additional_kwargs={"tool_calls": calls})]), s)
            for calls, s in (("x", "tool_calls'] is a str"), ([{"function": 5}], "[0] is a int"))
        ),
        ("llamaindex", ("chat", [None]), "messages[0] is a NoneType, not a ChatMessage"),
        ("llamaindex", ("complete", None), "prompt is a NoneType, not a str"),
        ("llamaindex", ("chat_with_tools", 7), "tools is a int: pass a list"),
        ("llamaindex", ("get_tool_calls_from_response", 7), "response is a int, not a ChatResp"),
        ("llamaindex", ("structured_predict", Person, "Wo?"), "prompt is a str, not a BasePrompt"),
    ],
)
def test_arguments_that_a_framework_alone_has(framework: str, arguments: Any, says: str) -> None:
    call: Any = partial(Way(framework, Mode("sync"), streamed=False).model, "sovrgpt")
    if isinstance(arguments, tuple):  # those of a method, after its name
        call, arguments = partial(getattr(call(), arguments[0]), *arguments[1:]), {}
    with pytest.raises(errors.ConfigurationError) as caught:
        call(**arguments)
    assert says in str(caught.value)
    assert "geheim" not in str(caught.value)
