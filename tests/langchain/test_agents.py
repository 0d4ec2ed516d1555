"""LangGraph agents on these models: tools, structured answers, middleware, retrieval."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from langgraph.checkpoint.memory import InMemorySaver

from dsgvo.emulator import Reply, Server
from tests.frameworks.test_structured import ANNA, TEXT, Person
from tests.langchain.support import EMBEDDINGS, Mode, bodies, chat, roles
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


def test_an_agent_streams_tokens_and_steps(server: Server, mode: Mode) -> None:
    agent = create_agent(chat("sovrgpt"), [get_weather])
    pieces = mode.listed(agent, "stream", QUESTION, stream_mode="messages")
    text = "".join(
        message.text for message, _ in pieces if type(message).__name__ == "AIMessageChunk"
    )
    assert "21 Grad" in text
    assert all(body["stream"] for body in bodies(server))
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


NATIVE = [(name, ProviderStrategy) for name in ("innogpt", "meingpt", "neuroflash")]


@pytest.mark.parametrize(
    ("vendor", "strategy"), [*((vendor, ToolStrategy) for vendor in MODELS), *NATIVE]
)
def test_an_agent_answers_by_a_schema(
    server: Server, mode: Mode, vendor: str, strategy: Any
) -> None:
    by_tool = strategy is ToolStrategy
    call = {"name": "get_weather", "arguments": {"city": "Köln"}}
    last = Reply(tool_calls=[{"name": "Person", "arguments": TEXT}]) if by_tool else Reply(TEXT)
    server.script(vendor, Reply(tool_calls=[call]), last)
    agent = create_agent(chat(vendor), [get_weather], response_format=strategy(Person))
    assert mode.invoke(agent, QUESTION)["structured_response"] == ANNA
    if by_tool:
        assert [body["tool_choice"] for body in bodies(server)] == ["required", "required"]
    else:
        assert bodies(server)[1]["response_format"]["json_schema"]["name"] == "Person"


def test_the_strategy_that_the_agent_chooses_itself_works(provider: str, mode: Mode) -> None:
    agent = create_agent(chat(provider), [], response_format=Person)
    answer = mode.invoke(agent, {"messages": [("user", "„Anna“ ist 34 Jahre alt.")]})
    assert answer["structured_response"] == ANNA


# Retrieval

TEXTS = {
    "urlaub.md": "Beschäftigte haben Anspruch auf 30 Urlaubstage im Kalenderjahr.",
    "passwort.md": "Ein Passwort hat mindestens vierzehn Zeichen und bleibt geheim.",
    "panne.md": "Eine Datenpanne wird binnen 72 Stunden der Aufsichtsbehörde gemeldet.",
}
DOCUMENTS = [Document(text, metadata={"source": name}) for name, text in TEXTS.items()]
PROMPT = ChatPromptTemplate([("system", "Der Kontext:\n{context}"), ("user", "{question}")])


@pytest.mark.parametrize(("embedded_by", "answered_by"), [("innogpt", "sovrgpt"), ("meingpt",) * 2])
def test_the_answer_comes_from_the_passage(mode: Mode, embedded_by: str, answered_by: str) -> None:
    store = InMemoryVectorStore(EMBEDDINGS[embedded_by](dimensions=512, batch_size=2))
    mode.call(store, "add_documents", DOCUMENTS)
    retriever = store.as_retriever(search_kwargs={"k": 1})
    passage = retriever | (lambda found: found[0].page_content)
    context = {"context": passage, "question": RunnablePassthrough()}
    chain: Any = context | PROMPT | chat(answered_by) | StrOutputParser()
    question = "Wie lang muss ein Passwort sein?"
    assert mode.invoke(retriever, question)[0].metadata["source"] == "passwort.md"
    assert "vierzehn Zeichen" in "".join(mode.stream(chain, question))
