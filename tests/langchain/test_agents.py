"""LangGraph agents on these models: tools, structured answers."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from dsgvo.emulator import Reply, Server
from tests.frameworks.test_structured import ANNA, TEXT, Person
from tests.langchain.support import Mode, bodies, chat, roles
from tests.vendors import MODELS, THINKING_MODEL


@tool
def get_weather(city: str) -> str:
    """Holt das Wetter einer Stadt."""
    return f"In {city} sind es 21 Grad."


@tool
def multiply(a: int, b: int) -> int:
    """Multipliziert zwei Zahlen."""
    return a * b


QUESTION = {"messages": [("user", "Wie ist das Wetter in „Köln“?")]}


@pytest.mark.parametrize(
    ("vendor", "model"),
    [*MODELS.items(), ("innogpt", "gpt-5"), ("sovrgpt", THINKING_MODEL)],
)
def test_an_agent_uses_its_tool_and_remembers(
    server: Server, mode: Mode, vendor: str, model: str
) -> None:
    tools, saver = [get_weather, multiply], InMemorySaver()
    agent = create_agent(
        chat(vendor, model=model), tools, system_prompt="Sei knapp.", checkpointer=saver
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    messages = mode.invoke(agent, QUESTION, config=config)["messages"]
    assert messages[1].tool_calls[0]["args"] == {"city": "Köln"}
    assert "21 Grad" in messages[-1].text
    thinks = messages[1].content_blocks[0]["type"] == "reasoning"
    assert thinks == (model == THINKING_MODEL)
    mode.invoke(agent, {"messages": [("user", "Danke.")]}, config=config)
    assert "Ich lese die Frage" not in server.requests[-1].body.decode()  # what it thought
    asked = ["system", "user"]
    called = [*asked, "assistant", "tool"]
    assert [roles(body["messages"]) for body in bodies(server)] == [
        *(asked, called, [*called, "assistant", "user"]),
    ]


def test_a_broken_call_in_a_streamed_answer_is_not_carried_out(server: Server, mode: Mode) -> None:
    ran: list[str] = []

    @tool
    def delete(path: str) -> str:
        """Delete a folder."""
        ran.append(path)
        return "deleted"

    half = {"name": "delete", "arguments": '{"path": "/daten/anna'}
    server.script("sovrgpt", Reply(tool_calls=[half], finish_reason="length"))
    agent = create_agent(chat("sovrgpt"), [delete])
    mode.listed(agent, "stream", {"messages": [("user", "x")]}, stream_mode="messages")
    assert ran == []


@pytest.mark.parametrize("by", [Person, ToolStrategy(Person)], ids=["default", "tool"])
def test_an_agent_answers_by_a_schema(server: Server, provider: str, mode: Mode, by: Any) -> None:
    agent = create_agent(chat(provider), [get_weather], response_format=by)
    answer = mode.invoke(agent, {"messages": [("user", "„Anna“ ist 34 Jahre alt.")]})
    assert answer["structured_response"] == ANNA
    assert by is Person or bodies(server)[0]["tool_choice"] == "required"


def test_an_agent_answers_by_a_schema_of_the_vendor(server: Server, mode: Mode) -> None:
    call = {"name": "get_weather", "arguments": {"city": "Köln"}}
    server.script("innogpt", Reply(tool_calls=[call]), Reply(TEXT))
    agent = create_agent(chat("innogpt"), [get_weather], response_format=ProviderStrategy(Person))
    assert mode.invoke(agent, QUESTION)["structured_response"] == ANNA
    assert bodies(server)[1]["response_format"]["json_schema"]["name"] == "Person"
