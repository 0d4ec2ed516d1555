"""Answers, calls of tools and histories, alike in both frameworks and however they are asked."""

from typing import Any

import pytest
from langchain_core.tools import StructuredTool
from llama_index.core.base.llms.types import ToolCallBlock

from dsgvo import PROVIDERS, ToolCall, errors
from dsgvo.emulator import Raw, Reply, Server, Status
from llamaindex_dsgvo._responses import chat_response
from tests.calls import bodies
from tests.core.support import chunk, completed, sse
from tests.frameworks.support import EACH, Way
from tests.frameworks.test_structured import Person
from tests.langchain.test_answers import both
from tests.vendors import MODELS


@pytest.mark.covers("*", "endpoint POST */chat/completions")
@pytest.mark.parametrize(
    ("provider", "model"),
    [*MODELS.items(), ("innogpt", "gpt-5-mini")],  # the last streams, whatever is asked for
)
def test_all_ways_give_the_same_answer(server: Server, way: Way, provider: str, model: str) -> None:
    server.script(provider, Reply("Grüße aus Köln.", usage={"prompt_tokens": 3}))
    answer = way.answer(way.model(provider, model=model))
    assert (answer.text, answer.kinds, answer.calls) == ("Grüße aus Köln.", ["text"], [])
    assert (answer.finish_reason, answer.model) == ("stop", model)
    without_usage = provider == "meingpt" and way.streamed  # its page has no stream_options
    assert answer.usage.get("prompt_tokens") == (None if without_usage else 3)
    [body] = bodies(server)
    assert body["messages"] == [{"role": "user", "content": "Hallo!"}]
    assert body.keys() - {"stream", "stream_options"} == {"model", "messages"}


def test_the_settings_go_out_and_a_call_wins_over_them(server: Server, way: Way) -> None:
    body, headers = {"logprobs": True, "extra_body": {"a": 1}}, {"x-abteilung": "7"}
    settings = {"temperature": 0.1, "max_tokens": 50, "stop": "ENDE", "default_headers": headers}
    model = way.model("neuroflash", body=body, **settings)
    way.answer(model, temperature=0.7, stop=["SCHLUSS"], model="other/model")
    model.temperature = 0.2
    way.answer(model)
    asked = [
        {"temperature": 0.7, "stop": ["SCHLUSS"], "model": "other/model"},
        {"temperature": 0.2, "stop": "ENDE", "model": MODELS["neuroflash"]},
    ]
    for request, own in zip(server.requests, asked, strict=True):
        sent = own | {"max_tokens": 50, "logprobs": True, "a": 1}
        assert {name: request.json[name] for name in sent} == sent
        assert request.headers["x-abteilung"] == "7"
        assert request.headers["x-workspace-id"] == server.workspace_id


# Tools


def get_weather(city: str) -> str:
    """Holt das Wetter."""
    return f"In {city} scheint die Sonne."


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


BOTH = [get_weather, add]
QUESTION = "Wie ist das Wetter in „Köln“?"
CITIES = ["Köln", "Bonn"]
TWO_CALLS = [{"name": "get_weather", "arguments": {"city": one}, "id": one} for one in CITIES]


@pytest.mark.covers("sovrgpt", "content A tool's result as a `tool` message", "Doc")
@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_a_call_goes_out_and_comes_back(server: Server, way: Way, provider: str) -> None:
    model = way.model(provider)
    asked = way.call_tools(model, BOTH, QUESTION)
    assert asked.calls == [("get_weather", {"city": "Köln"})]
    [call_id] = asked.ids
    result = way.result("In Köln scheint die Sonne.", call_id=call_id)
    answer = way.call_tools(model, BOTH, [QUESTION, asked.message, result])
    assert (answer.calls, "In Köln scheint die Sonne." in answer.text) == ([], True)
    function = {"name": "get_weather", "arguments": '{"city":"Köln"}'}
    sent = {"id": call_id, "type": "function", "function": function}
    assert bodies(server)[1]["messages"] == [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": None, "tool_calls": [sent]},
        {"role": "tool", "tool_call_id": call_id, "content": "In Köln scheint die Sonne."},
    ]


@pytest.mark.parametrize("omit_index", [False, True])
def test_parallel_calls_beside_a_text(server: Server, way: Way, omit_index: bool) -> None:
    server.script("sovrgpt", Reply("Moment.", tool_calls=TWO_CALLS, omit_index=omit_index))
    answer = way.call_tools(way.model("sovrgpt"), [get_weather])
    assert (answer.text, answer.finish_reason) == ("Moment.", "tool_calls")
    assert answer.calls == [("get_weather", {"city": city}) for city in CITIES]
    assert answer.kinds == ["text", "tool_call", "tool_call"]


MADE: list[tuple[str, str, Any]] = [
    *(("f", "", {}), ("f", '{"a": "x\ny"}', {"a": "x\ny"}), ("", "{}", None)),
    *(("f", broken, None) for broken in ('{"a": 1', '{"a": "\\"{[', "[1]")),
]


def test_calls_are_valid_or_invalid_whole_and_streamed() -> None:
    for name, arguments, valid in MADE:
        answer = completed("", tool_calls=[ToolCall("1", name, arguments)])
        [block] = chat_response(answer).message.blocks
        assert isinstance(block, ToolCallBlock)
        assert block.tool_kwargs == (arguments if valid is None else valid)
        for message in both(answer):
            made = [call["args"] for call in message.tool_calls]
            assert made == ([] if valid is None else [valid])
            assert len(message.invalid_tool_calls) == (valid is None)
            for call in message.invalid_tool_calls:
                assert (call["args"] or "").startswith(arguments)


NAMED = {"type": "function", "function": {"name": "add"}}
CHOICES: list[tuple[Any, Any]] = [
    *[(None, None), (False, None), ("auto", "auto"), ("any", "required"), (True, "required")],
    *((choice, NAMED) for choice in ("add", NAMED, {"type": "tool", "name": "add"})),
]


@EACH
def test_a_choice_of_tools(server: Server, way: Way) -> None:
    for choice, sent in CHOICES:
        way.call_tools(way.model("innogpt"), BOTH, tool_choice=choice)
        assert bodies(server)[-1].get("tool_choice") == sent


@EACH
def test_strict_tools_close_their_schemas(server: Server, way: Way) -> None:
    def greet(who: Person, often: int = 1, words: dict[str, int] | None = None) -> None:
        """Greet somebody."""

    way.call_tools(way.model("innogpt"), [greet], strict=True)
    tool = bodies(server)[0]["tools"][0]["function"]
    assert (tool["strict"], tool["parameters"]["required"]) == (True, ["who", "often", "words"])
    assert "'additionalProperties': {'type': 'integer'}" in str(tool)
    assert str(tool["parameters"]).count("'additionalProperties': False") == 2


@EACH
def test_a_tools_description_is_the_same_under_every_python(server: Server, way: Way) -> None:
    def kurs(symbol: str) -> str:
        return symbol

    for indent in ("    ", ""):  # from 3.13 on, the compiler takes it away
        kurs.__doc__ = f"Gib den Kurs.\n\n{indent}Zeile zwei.\n{indent}    - tiefer\n{indent}"
        offered: Any = StructuredTool.from_function(kurs) if way.is_langchain else kurs
        way.call_tools(way.model("innogpt"), [offered])
    for body in bodies(server):
        description = body["tools"][0]["function"]["description"]
        assert description.endswith("Gib den Kurs.\n\nZeile zwei.\n    - tiefer")


# Histories


def test_an_image_of_a_tool_goes_in_a_users_message_or_not_at_all(server: Server, way: Way) -> None:
    image = way.image("https://example.com/a.png")
    server.script("innogpt", Reply(tool_calls=[{"name": "kurs", "arguments": {}, "id": "1"}]))
    asked = way.answer(way.model("innogpt"), "Zeig den Kurs!").message
    history = ["Zeig den Kurs!", asked, way.result("Der Kurs:", image)]
    way.answer(way.model("innogpt"), history)
    *_, result, shown = bodies(server)[1]["messages"]
    assert result == {"role": "tool", "tool_call_id": "1", "content": "Der Kurs:"}
    assert [part["type"] for part in shown["content"]] == ["text", "image_url"]
    with pytest.warns(errors.IgnoredParameterWarning, match="documents no image input"):
        way.answer(way.model("meingpt"), history)
    way.answer(way.model("meingpt"), history)  # told once
    assert [body["messages"][-1] for body in bodies(server)[2:]] == [result, result]
    with pytest.raises(errors.CapabilityError, match="documents no image input"):
        way.answer(way.model("meingpt", strict=True), history)


def test_thoughts_go_back_once_a_server_wants_them(server: Server, way: Way) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "kurs", "arguments": "{}"}}
    signed = call | {"extra_content": {"google": {"thought_signature": "c2ln"}}}
    thoughts = {"reasoning_content": "Hm.", "reasoning_details": [{"type": "x", "data": "x"}]}
    came = [chunk(None, tool_calls=[call | {"index": 0, "note": None}], **thoughts)]
    came += [chunk(None, "tool_calls", tool_calls=[signed | {"index": 0}])]
    wants = "thinking is enabled but reasoning_content is missing in assistant tool call message"
    server.script("sovrgpt", Raw(chunks=[sse(*came)]), Status(400, message=wants))
    answered = way.answer(way.model("sovrgpt"), "a").message
    kept = type(answered).model_validate_json(answered.model_dump_json())  # as in a checkpoint
    history = ["a", kept, way.result("3")]
    for _ in range(2):
        way.answer(way.model("sovrgpt"), history)
    way.answer(way.model("sovrgpt", send_reasoning=False), history)
    way.answer(way.model("neuroflash"), history)
    way.answer(way.model("neuroflash"), history, send_reasoning=True)
    sent = [body["messages"][1] for body in bodies(server)[1:]]
    plain = {"role": "assistant", "content": None, "tool_calls": [call]}
    whole = plain | thoughts | {"tool_calls": [signed]}
    assert sent == [plain, whole, whole, plain, plain, whole]
