"""LangGraph agents on these models: tools, structured answers, middleware."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel, Field

from dsgvo.emulator import Reply, Server, Status
from dsgvo.errors import CapabilityError, InternalServerError, RateLimitError
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


def test_an_agent_uses_its_tool(server: Server, provider: str, mode: Mode) -> None:
    agent = create_agent(chat(provider), [get_weather, multiply], system_prompt="Sei knapp.")
    messages = mode.invoke(agent, QUESTION)["messages"]
    assert [type(message) for message in messages] == [
        HumanMessage,
        AIMessage,
        ToolMessage,
        AIMessage,
    ]
    assert messages[1].tool_calls[0]["args"] == {"city": "Köln"}
    assert "21 Grad" in messages[-1].text
    assert [roles(body["messages"]) for body in bodies(server)] == [
        ["system", "user"],
        ["system", "user", "assistant", "tool"],
    ]


@pytest.mark.parametrize(("vendor", "model"), [("innogpt", "gpt-5"), ("sovrgpt", THINKING_MODEL)])
def test_an_agent_on_a_model_that_streams_unasked_or_thinks(
    server: Server, mode: Mode, vendor: str, model: str
) -> None:
    agent = create_agent(chat(vendor, model=model), [get_weather])
    messages = mode.invoke(agent, QUESTION)["messages"]
    thinks = model == THINKING_MODEL
    assert (messages[1].content_blocks[0]["type"] == "reasoning") == thinks
    assert "21 Grad" in messages[-1].text
    assert "Ich lese die Frage" not in server.requests[-1].body.decode()


def test_an_agent_streams_tokens_and_steps(server: Server, mode: Mode) -> None:
    agent = create_agent(chat("sovrgpt"), [get_weather])
    pieces = mode.listed(agent, "stream", QUESTION, stream_mode="messages")
    text = "".join(
        message.text for message, _ in pieces if type(message).__name__ == "AIMessageChunk"
    )
    assert "21 Grad" in text
    assert all(body["stream"] for body in bodies(server))
    server.clear()
    steps = mode.listed(agent, "stream", QUESTION, stream_mode="updates")
    assert [list(step) for step in steps] == [["model"], ["tools"], ["model"]]


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


def test_an_agent_remembers(server: Server, mode: Mode) -> None:
    agent = create_agent(chat("sovrgpt"), [get_weather], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    mode.invoke(agent, QUESTION, config=config)
    mode.invoke(agent, {"messages": [("user", "Danke.")]}, config=config)
    assert roles(bodies(server)[-1]["messages"]) == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]


class Weather(BaseModel):
    """Das Wetter einer Stadt."""

    city: str = Field(description="Name der Stadt.")
    degrees: int = Field(description="Temperatur in Grad.")


WEATHER = '{"city": "Köln", "degrees": 21}'


@pytest.mark.parametrize(
    ("vendor", "strategy"),
    [
        *((vendor, ToolStrategy) for vendor in MODELS),
        *((vendor, ProviderStrategy) for vendor in ("innogpt", "meingpt", "neuroflash")),
    ],
)
def test_an_agent_answers_by_a_schema(
    server: Server, mode: Mode, vendor: str, strategy: Any
) -> None:
    by_tool = strategy is ToolStrategy
    call = {"name": "get_weather", "arguments": {"city": "Köln"}}
    answer = {"name": "Weather", "arguments": WEATHER}
    last = Reply(tool_calls=[answer]) if by_tool else Reply(WEATHER)
    server.script(vendor, Reply(tool_calls=[call]), last)
    agent = create_agent(chat(vendor), [get_weather], response_format=strategy(Weather))
    assert mode.invoke(agent, QUESTION)["structured_response"] == Weather(city="Köln", degrees=21)
    if by_tool:
        assert [body["tool_choice"] for body in bodies(server)] == ["required", "required"]
    else:
        assert bodies(server)[1]["response_format"]["json_schema"]["name"] == "Weather"


def test_a_schema_of_the_provider_is_refused_where_none_is_documented(
    server: Server, mode: Mode
) -> None:
    agent = create_agent(chat("sovrgpt"), [], response_format=ProviderStrategy(Weather))
    with pytest.raises(CapabilityError, match="use 'function_calling' or 'json_mode'"):
        mode.invoke(agent, QUESTION)
    assert server.requests == []


def test_the_strategy_that_the_agent_chooses_itself_works(
    server: Server, provider: str, mode: Mode
) -> None:
    agent = create_agent(chat(provider), [], response_format=Weather)
    answer = mode.invoke(agent, {"messages": [("user", "In „Köln“ sind es 21 Grad.")]})
    assert answer["structured_response"] == Weather(city="Köln", degrees=21)


@pytest.mark.parametrize(
    ("retry_on", "asked"), [((Exception,), 3), ((RateLimitError,), 1)], ids=["any", "limits"]
)
def test_retries_of_the_middleware_know_these_errors(
    server: Server, mode: Mode, retry_on: Any, asked: int
) -> None:
    server.script("sovrgpt", Status(500), Status(429), Reply("Ja."))
    retry = ModelRetryMiddleware(
        max_retries=2, retry_on=retry_on, on_failure="error", initial_delay=0, backoff_factor=0
    )
    agent = create_agent(chat("sovrgpt", max_retries=0), [], middleware=[retry])
    if asked == 1:
        with pytest.raises(InternalServerError):
            mode.invoke(agent, QUESTION)
    else:
        assert mode.invoke(agent, QUESTION)["messages"][-1].text == "Ja."
    assert len(server.requests) == asked


def test_another_vendor_takes_over(server: Server, mode: Mode) -> None:
    server.script("sovrgpt", Status(503))
    agent = create_agent(
        chat("sovrgpt", max_retries=0),
        [get_weather],
        middleware=[ModelFallbackMiddleware(chat("innogpt"))],
    )
    messages = mode.invoke(agent, QUESTION)["messages"]
    assert messages[1].response_metadata["model_name"] == MODELS["innogpt"]
    assert "21 Grad" in messages[-1].text


def test_long_conversations_are_summed_up(server: Server, mode: Mode) -> None:
    model = chat("sovrgpt")
    summary = SummarizationMiddleware(model, trigger=("tokens", 300), keep=("messages", 2))
    agent = create_agent(model, [], middleware=[summary])
    history = [(role, "Wort " * 60) for _ in range(4) for role in ("user", "assistant")]
    messages = mode.invoke(agent, {"messages": [*history, ("user", "Und nun?")]})["messages"]
    assert len(messages) < 6
    assert messages[-2].text == "Und nun?"
    assert len(bodies(server)) == 2


def test_calls_can_be_limited(server: Server, mode: Mode) -> None:
    call = {"name": "get_weather", "arguments": {"city": "Köln"}}
    server.script("sovrgpt", *[Reply(tool_calls=[call])] * 9)
    limit = ModelCallLimitMiddleware(run_limit=3, exit_behavior="end")
    agent = create_agent(chat("sovrgpt"), [get_weather], middleware=[limit])
    mode.invoke(agent, QUESTION)
    assert len(server.requests) == 3
