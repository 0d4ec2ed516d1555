"""Tools: what is offered, what is chosen, what comes back, and the way round again."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool, tool
from pydantic import BaseModel, Field

from dsgvo.emulator import Reply, Server
from dsgvo.errors import ConfigurationError
from tests.langchain.support import Mode, Way, bodies, chat


def get_weather(city: str) -> str:
    """Holt das Wetter.

    Args:
        city: Die Stadt.
    """
    return f"In {city} scheint die Sonne."


class Weather(BaseModel):
    """Holt das Wetter."""

    city: str = Field(description="Die Stadt.")


class WeatherDict(TypedDict):
    """Holt das Wetter."""

    city: Annotated[str, ..., "Die Stadt."]


WEATHER_PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Die Stadt."}},
    "required": ["city"],
}
DESCRIBED = {"description": "Holt das Wetter."}


@tool(parse_docstring=True)
def weather_tool(city: str) -> str:
    """Holt das Wetter.

    Args:
        city: Die Stadt.
    """
    return get_weather(city)


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


OPENAIS = {"name": "openai", "parameters": WEATHER_PARAMETERS, **DESCRIBED}
OFFERS: dict[str, Any] = {
    "get_weather": get_weather,
    "Weather": Weather,
    "WeatherDict": WeatherDict,
    "weather": {"title": "weather", **DESCRIBED, **WEATHER_PARAMETERS},
    "weather_tool": weather_tool,
    "structured": StructuredTool.from_function(
        get_weather, name="structured", parse_docstring=True
    ),
    "openai": {"type": "function", "function": OPENAIS},
    "function": OPENAIS | {"name": "function"},
    "anthropic": {"name": "anthropic", "input_schema": WEATHER_PARAMETERS, **DESCRIBED},
}


@pytest.mark.parametrize("name", list(OFFERS))
def test_every_kind_of_tool_is_offered_in_openais_form(server: Server, name: str) -> None:
    answer = chat("sovrgpt").bind_tools([OFFERS[name]]).invoke("Wie ist das Wetter in „Köln“?")
    [offered] = bodies(server)[0]["tools"]
    description = offered["function"].pop("description")
    assert description.startswith("Holt das Wetter.")
    assert offered == {
        "type": "function",
        "function": {"name": name, "parameters": WEATHER_PARAMETERS},
    }
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [
        (name, {"city": "Köln"})
    ]


NAMED = {"type": "function", "function": {"name": "add"}}


BOTH = [get_weather, add]


@pytest.mark.parametrize(
    ("tools", "choice", "sent"),
    [
        (BOTH, None, None),
        (BOTH, False, None),
        (BOTH, "auto", "auto"),
        (BOTH, "none", "none"),
        (BOTH, "any", "required"),
        (BOTH, "required", "required"),
        (BOTH, True, "required"),
        ([add], True, NAMED),
        (BOTH, "add", NAMED),
        (BOTH, NAMED, NAMED),
        (BOTH, {"type": "any"}, "required"),
        (BOTH, {"type": "tool", "name": "add"}, NAMED),
    ],
)
def test_every_form_of_tool_choice(
    server: Server, way: Way, tools: Any, choice: Any, sent: Any
) -> None:
    way.answer(chat("innogpt").bind_tools(tools, tool_choice=choice))
    assert bodies(server)[0].get("tool_choice") == sent


def test_what_was_chosen_is_what_is_called(server: Server, provider: str, way: Way) -> None:
    model = chat(provider)

    def called(choice: Any) -> list[str]:
        bound = model.bind_tools(BOTH, tool_choice=choice)
        return [call["name"] for call in way.answer(bound, "Add 1 and 2.").tool_calls]

    assert called("none") == []
    assert called("get_weather") == ["get_weather"]
    assert called("any") == ["add"]


UNKNOWN = "tool_choice='ad' names no tool that is offered: use one of 'get_weather', 'add', or '"
NO_FUNCTION = (
    "tool_choice names the function 'ad', which is not among the tools offered: "
    "'get_weather', 'add'"
)


@pytest.mark.parametrize(
    ("choice", "message"),
    [("ad", UNKNOWN), ({"type": "function", "function": {"name": "ad"}}, NO_FUNCTION)],
)
def test_an_unknown_choice_is_refused_before_sending(
    server: Server, choice: Any, message: str
) -> None:
    model = chat("sovrgpt")
    for mistake in (
        lambda: model.bind_tools(BOTH, tool_choice=choice),
        lambda: model.bind_tools(BOTH).invoke("Hallo!", tool_choice=choice),
    ):
        with pytest.raises(ConfigurationError) as caught:
            mistake()
        assert str(caught.value).startswith(message)
    assert server.requests == []


def test_strict_tools_close_their_schemas_and_parameters_are_bound_along(server: Server) -> None:
    model = chat("innogpt").bind_tools([add], strict=True, parallel_tool_calls=False)
    model.invoke("Hallo!")
    [body] = bodies(server)
    assert body["parallel_tool_calls"] is False
    [offered] = body["tools"]
    assert offered["function"]["strict"] is True
    assert offered["function"]["parameters"]["additionalProperties"] is False


TWO_CALLS = [
    {"name": "get_weather", "arguments": {"city": "Köln"}, "id": "call_1"},
    {"name": "get_weather", "arguments": {"city": "Bonn"}, "id": "call_2"},
]


@pytest.mark.parametrize("omit_index", [False, True])
def test_parallel_calls(server: Server, provider: str, way: Way, omit_index: bool) -> None:
    server.script(provider, Reply("Moment.", tool_calls=TWO_CALLS, omit_index=omit_index))
    answer = way.answer(chat(provider).bind_tools([get_weather]))
    assert answer.content == "Moment."
    assert answer.tool_calls == [
        {"type": "tool_call", "id": "call_1", "name": "get_weather", "args": {"city": "Köln"}},
        {"type": "tool_call", "id": "call_2", "name": "get_weather", "args": {"city": "Bonn"}},
    ]
    assert answer.invalid_tool_calls == []
    assert answer.response_metadata["finish_reason"] == "tool_calls"
    assert [block["type"] for block in answer.content_blocks] == ["text", "tool_call", "tool_call"]


def test_pieces_of_a_streamed_call(server: Server, mode: Mode) -> None:
    server.script("sovrgpt", Reply(tool_calls=TWO_CALLS[:1]))
    chunks = mode.stream(chat("sovrgpt").bind_tools([get_weather]), "Hallo!")
    piece = {"name": None, "id": None, "index": 0, "type": "tool_call_chunk"}
    assert [chunk.tool_call_chunks for chunk in chunks] == [
        [piece | {"name": "get_weather", "args": "", "id": "call_1"}],
        [piece | {"args": '{"city":"Köl'}],
        [piece | {"args": 'n"}'}],
        [],
    ]


def test_a_round_trip(server: Server, provider: str, way: Way) -> None:
    model = chat(provider).bind_tools([weather_tool])
    question = HumanMessage("Wie ist das Wetter in „Köln“?")
    asked = way.answer(model, [question])
    result = weather_tool.invoke(asked.tool_calls[0])
    answer = way.answer(model, [question, asked, result])
    assert answer.tool_calls == []
    assert "In Köln scheint die Sonne." in answer.text
    call_id = asked.tool_calls[0]["id"]
    assert bodies(server)[1]["messages"] == [
        {"role": "user", "content": "Wie ist das Wetter in „Köln“?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": call_id,
                    "type": "function",
                    "function": {"name": "weather_tool", "arguments": '{"city":"Köln"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": call_id, "content": "In Köln scheint die Sonne."},
    ]


def test_an_invalid_call_can_be_answered(server: Server, way: Way) -> None:
    """However it came: LangChain would mend a streamed one, and half a call would run."""
    call = {"name": "get_weather", "arguments": '{"city": ', "id": "call_1"}
    server.script("sovrgpt", Reply(tool_calls=[call]))
    model = chat("sovrgpt").bind_tools([get_weather])
    asked = way.answer(model, "Wie ist das Wetter?")
    assert asked.tool_calls == []
    [invalid] = asked.invalid_tool_calls
    assert (invalid["name"], invalid["id"]) == ("get_weather", "call_1")
    result = ToolMessage("kaputt", tool_call_id="call_1")
    way.answer(model, [("user", "Wie ist das Wetter?"), asked, result])
    [call] = bodies(server)[1]["messages"][1]["tool_calls"]
    # A strict server reads the arguments of earlier calls.
    [(name, kept)] = json.loads(call["function"]["arguments"]).items()
    assert (name, kept.strip("}")) == ("invalid_arguments", '{"city": ')
    assert (call["id"], call["function"]["name"]) == ("call_1", "get_weather")


def test_v1_content_holds_the_calls_beside_text_and_thoughts(server: Server, way: Way) -> None:
    server.script("sovrgpt", Reply("Moment.", reasoning="Hm.", tool_calls=TWO_CALLS))
    answer = way.answer(chat("sovrgpt", output_version="v1").bind_tools([get_weather]))
    assert isinstance(answer, AIMessage)
    blocks = [{k: v for k, v in block.items() if k != "index"} for block in answer.content]  # pyright: ignore[reportAttributeAccessIssue]
    assert [block["type"] for block in blocks] == ["reasoning", "text", "tool_call", "tool_call"]
    assert blocks[2:] == [
        {"type": "tool_call", "id": "call_1", "name": "get_weather", "args": {"city": "Köln"}},
        {"type": "tool_call", "id": "call_2", "name": "get_weather", "args": {"city": "Bonn"}},
    ]
    assert answer.content_blocks == answer.content


class Größe(BaseModel):  # noqa: PLC2401 - as German programs have them
    """Nennt eine Größe."""

    wert: int


def test_a_name_that_no_server_takes_is_another_on_the_wire_alone(server: Server, way: Way) -> None:
    call = Reply(tool_calls=[{"name": "Groesse", "arguments": {"wert": 3}}])
    server.script("innogpt", call, Reply("Drei."))
    bound = chat("innogpt").bind_tools([Größe], tool_choice="Größe")
    asked = way.answer(bound, "Wie groß?")
    assert [one["name"] for one in asked.tool_calls] == ["Größe"]
    history = [
        HumanMessage("Wie groß?"),
        asked,
        ToolMessage("3", tool_call_id=asked.tool_calls[0]["id"]),
    ]
    assert way.answer(chat("innogpt").bind_tools([Größe]), history).text == "Drei."
    first, second = bodies(server)
    assert first["tools"][0]["function"]["name"] == "Groesse"
    assert first["tool_choice"]["function"]["name"] == "Groesse"
    assert second["messages"][1]["tool_calls"][0]["function"]["name"] == "Groesse"
