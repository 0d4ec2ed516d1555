"""LangGraph agents on these models: tools, structured answers."""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.tools import tool

from dsgvo.emulator import Server
from tests.frameworks.test_structured import ANNA, Person
from tests.langchain.support import Mode, bodies, chat


@tool
def get_weather(city: str) -> str:
    """Holt das Wetter einer Stadt."""
    return f"In {city} sind es 21 Grad."


@pytest.mark.parametrize("by", [Person, ToolStrategy(Person)], ids=["default", "tool"])
def test_an_agent_answers_by_a_schema(server: Server, provider: str, mode: Mode, by: Any) -> None:
    agent = create_agent(chat(provider), [get_weather], response_format=by)
    answer = mode.invoke(agent, {"messages": [("user", "„Anna“ ist 34 Jahre alt.")]})
    assert answer["structured_response"] == ANNA
    assert by is Person or bodies(server)[0]["tool_choice"] == "required"
