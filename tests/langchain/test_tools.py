"""Tools in what LangChain alone has: kinds of tools, pieces of calls, invalid ones, names."""

import json
from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage

from dsgvo.emulator import Reply, Server
from tests.frameworks import test_structured as forms
from tests.frameworks.test_answers import get_weather
from tests.langchain.support import Way, bodies, chat


def test_a_dict_and_a_tool_of_the_vendor_stay_as_they_are() -> None:
    own = {"name": "f", "description": "  a\n   b", "parameters": {"properties": {}}}
    tools: Any = [{"type": "function", "function": own}, {"type": "web_search", "name": "w"}]
    bound = chat("innogpt").bind_tools(tools, parallel_tool_calls=False)
    assert bound.kwargs == {"tools": tools, "parallel_tool_calls": False}


def test_an_invalid_call_can_be_answered(server: Server, way: Way) -> None:
    """However it came: LangChain would mend a streamed one, and half a call would run."""
    call = {"name": "get_weather", "arguments": '{"city": ', "id": "call_1"}
    server.script("sovrgpt", Reply(tool_calls=[call]))
    model = chat("sovrgpt").bind_tools([get_weather])
    asked = way.answer(model, "Wie ist das Wetter?")
    [invalid] = asked.invalid_tool_calls
    assert (asked.tool_calls, invalid["name"], invalid["id"]) == ([], "get_weather", "call_1")
    result = ToolMessage("kaputt", tool_call_id="call_1")
    way.answer(model, [("user", "Wie ist das Wetter?"), asked, result])
    [call] = bodies(server)[1]["messages"][1]["tool_calls"]
    # A strict server reads the arguments of earlier calls.
    [(name, kept)] = json.loads(call["function"]["arguments"]).items()
    assert (call["id"], name, kept.strip("}")) == ("call_1", "invalid_arguments", '{"city": ')


def test_a_name_that_no_server_takes_is_another_on_the_wire_alone(server: Server, way: Way) -> None:
    call = Reply(tool_calls=[{"name": "Groesse", "arguments": {"wert": 3}, "id": "1"}])
    server.script("innogpt", call, Reply("Drei."))
    question = HumanMessage("Wie groß?")
    asked = way.answer(chat("innogpt").bind_tools([forms.Größe], tool_choice="Größe"), [question])
    assert [one["name"] for one in asked.tool_calls] == ["Größe"]
    history = [question, asked, ToolMessage("3", tool_call_id="1")]
    way.answer(chat("innogpt").bind_tools([forms.Größe]), history)
    first, second = bodies(server)
    sent = (first["tools"][0], first["tool_choice"], second["messages"][1]["tool_calls"][0])
    assert [one["function"]["name"] for one in sent] == ["Groesse"] * 3
