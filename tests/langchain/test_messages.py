"""Messages of every kind, as they go out to the vendor."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    message_to_dict,
    messages_from_dict,
    trim_messages,
)
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

from dsgvo.emulator import Reply, Server
from dsgvo.errors import ConfigurationError
from tests.langchain.support import Mode, Way, bodies, chat
from tests.vendors import THINKING_MODEL

PNG = "iVBORw0KGgo="
CALL: Any = {"name": "f", "args": {"a": 1}, "id": "call_1", "type": "tool_call"}
WIRE_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "f", "arguments": '{"a":1}'},
}


def sent(server: Server, *messages: BaseMessage, provider: str = "innogpt") -> list[Any]:
    """Return messages as the vendor gets them."""
    server.script(provider, Reply("Ja."))
    chat(provider).invoke(list(messages))
    return bodies(server)[-1]["messages"]


def assistant(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def result(content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "call_1", "content": content}


def user(content: str, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **more}


HALLO: Any = {"type": "text", "text": "Hallo"}
CACHED = {"type": "text", "text": "Knapp.", "cache_control": {"type": "e"}}
KNAPP = {"role": "system", "content": "Knapp."}
PARTS: list[Any] = [{"type": "text", "text": "3"}, "und 4"]


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (HumanMessage("Hallo"), user("Hallo")),
        (SystemMessage("Knapp."), KNAPP),
        (AIMessage("Ja."), assistant("Ja.")),
        (AIMessageChunk(content="Ja."), assistant("Ja.")),
        (ChatMessage(content="Knapp.", role="developer"), KNAPP | {"role": "developer"}),
        (HumanMessage("Hallo", name="anna"), user("Hallo", name="anna")),
        (AIMessage("Ja.", name="helfer"), assistant("Ja.", name="helfer")),
        (AIMessage("", tool_calls=[CALL]), assistant(None, tool_calls=[WIRE_CALL])),
        (AIMessage("Ja.", tool_calls=[CALL]), assistant("Ja.", tool_calls=[WIRE_CALL])),
        (ToolMessage("3", tool_call_id="call_1", name="f"), result("3")),
        (
            ToolMessage("kaputt", tool_call_id="call_1", status="error", artifact={"a": 1}),
            result("kaputt"),
        ),
        (ToolMessage(PARTS, tool_call_id="call_1"), result("3\nund 4")),
        (HumanMessage([HALLO, "du"]), user("Hallo\ndu")),
        (HumanMessage(content_blocks=[HALLO]), user("Hallo")),
        (SystemMessage([CACHED]), KNAPP),
        (HumanMessage(""), user("")),
        (AIMessage([]), assistant("")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseMessage) else "",
)
def test_every_kind_of_message(server: Server, message: BaseMessage, wire: Any) -> None:
    assert sent(server, HumanMessage("x"), message)[1] == wire


@pytest.mark.parametrize(
    ("message", "error", "says"),
    [
        (FunctionMessage(content="3", name="f"), ConfigurationError, r"\[1\] is a FunctionMessage"),
        (RemoveMessage(id="1"), ConfigurationError, r"messages\[1\] is a RemoveMessage"),
        # Said by langchain-core:
        (HumanMessage([{"type": "image", "base64": PNG}]), ValueError, "mime_type"),
        (HumanMessage("\ud83d"), ConfigurationError, "valid Unicode"),
        (AIMessage("\ud83d"), ConfigurationError, "valid Unicode"),
        (ToolMessage("\ud83d", tool_call_id="1"), ConfigurationError, "valid Unicode"),
    ],
)
def test_messages_that_no_vendor_takes_are_refused(
    server: Server, way: Way, message: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        way.answer(chat("sovrgpt"), [HumanMessage("x"), message])
    with pytest.raises(ConfigurationError, match="messages is empty"):
        way.answer(chat("sovrgpt"), [])
    assert server.requests == []


TEXT = {"type": "text", "text": "Moment."}
FROM_OTHERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "anthropic": (
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "x"},
            {"type": "redacted_thinking", "data": "x"},
            TEXT,
            {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
        ],
        {"tool_calls": [CALL], "response_metadata": {"model_provider": "anthropic"}},
    ),
    "openai responses": (
        [
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
            {**TEXT, "annotations": [], "id": "msg_1"},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f"},
        ],
        {"tool_calls": [CALL], "response_metadata": {"model_provider": "openai"}},
    ),
    "openai chat": (
        "Moment.",
        {"additional_kwargs": {"tool_calls": [WIRE_CALL], "refusal": None}},
    ),
    "standard blocks": (
        [{"type": "reasoning", "reasoning": "Hm."}, TEXT, CALL],
        {"tool_calls": [CALL]},
    ),
    "server tools": (
        [
            {"type": "server_tool_call", "name": "web_search", "args": {}, "id": "1"},
            {"type": "server_tool_result", "tool_call_id": "1", "status": "success"},
            TEXT,
        ],
        {},
    ),
    "a wrapped block": (
        [{"type": "non_standard", "value": {"type": "thinking", "thinking": "Hm."}}, "Moment."],
        {},
    ),
    "deepseek": ("Moment.", {"additional_kwargs": {"reasoning_content": "Hm."}}),
}


@pytest.mark.parametrize("origin", FROM_OTHERS)
def test_answers_of_other_providers_go_on_here(server: Server, origin: str) -> None:
    content, fields = FROM_OTHERS[origin]
    message = AIMessage(content, **fields)
    messages = [HumanMessage("x"), message]
    expected: dict[str, Any] = {"role": "assistant", "content": "Moment."}
    if message.tool_calls:
        messages.append(ToolMessage("3", tool_call_id="call_1"))
        expected["tool_calls"] = [WIRE_CALL]
    assert sent(server, *messages)[1] == expected


def test_every_way_to_give_messages(server: Server, way: Way) -> None:
    server.script("sovrgpt", *[Reply("Ja.")] * 5)
    model = chat("sovrgpt")
    prompt = ChatPromptTemplate.from_messages(
        [("system", "{style}"), MessagesPlaceholder("history"), ("human", "{question}")]
    )
    way.answer(model, "Hallo")
    way.answer(model, [("user", "Hallo")])
    way.answer(model, [{"role": "user", "content": "Hallo"}])
    way.answer(model, prompt.invoke({"style": "knapp", "history": [], "question": "Hallo"}))
    way.answer(prompt | model, {"style": "knapp", "history": [("ai", "Ja?")], "question": "Hallo"})
    assert [body["messages"] for body in bodies(server)] == [
        *[[{"role": "user", "content": "Hallo"}]] * 3,
        [{"role": "system", "content": "knapp"}, {"role": "user", "content": "Hallo"}],
        [
            {"role": "system", "content": "knapp"},
            {"role": "assistant", "content": "Ja?"},
            {"role": "user", "content": "Hallo"},
        ],
    ]


def test_messages_can_be_stored_and_read_again(server: Server, way: Way) -> None:
    """A conversation kept in a database goes on where it was."""
    call = {"name": "f", "arguments": {"a": 1}, "id": "call_1"}
    server.script("sovrgpt", Reply("Moment.", reasoning="Hm.", tool_calls=[call]))
    answer = way.answer(chat("sovrgpt"))
    [again] = messages_from_dict([message_to_dict(answer)])
    result = ToolMessage("3", tool_call_id="call_1")
    assert sent(server, HumanMessage("Hallo!"), again, result, provider="sovrgpt") == [
        {"role": "user", "content": "Hallo!"},
        {"role": "assistant", "content": "Moment.", "tool_calls": [WIRE_CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "3"},
    ]


def test_messages_are_not_changed_by_being_sent(server: Server, mode: Mode) -> None:
    message = HumanMessage(
        [{"type": "text", "text": "Hallo"}, {"type": "image", "url": "https://a.de/b"}]
    )
    before = message.model_copy(deep=True)
    mode.invoke(chat("innogpt"), [message])
    assert message == before


def test_history_can_be_trimmed_by_this_models_count(server: Server) -> None:
    model = chat("sovrgpt")
    history = [HumanMessage("Wort " * 50), AIMessage("Wort " * 50), HumanMessage("Kurz.")]
    kept = trim_messages(history, max_tokens=40, token_counter=model, strategy="last")
    assert kept == history[2:]


# Thoughts


def test_thoughts_stream_first_and_answer_after(server: Server, mode: Mode) -> None:
    chunks = ["<thi", "nk>Erst ", "denken.</th", "ink>\n\nDie", " Antwort."]
    server.script("sovrgpt", Reply(chunks=chunks))
    pieces = [
        (block["type"], block.get("reasoning") or block.get("text"))
        for chunk in mode.stream(chat("sovrgpt"), "Hallo!")
        for block in chunk.content_blocks
    ]
    reasoning = [("reasoning", "Erst"), ("reasoning", " denken.")]
    assert pieces == [*reasoning, ("text", "Die"), ("text", " Antwort.")]


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_thoughts_in_either_form_of_content_stay_here(
    server: Server, way: Way, version: str
) -> None:
    model = chat("sovrgpt", model=THINKING_MODEL, output_version=version)
    server.script("sovrgpt", Reply("Die Antwort.", reasoning="Erst denken."))
    first = way.answer(model, "Wer bist du?")
    reasoning, text = first.content_blocks
    assert (reasoning["type"], reasoning["reasoning"]) == ("reasoning", "Erst denken.")
    assert (text["type"], text["text"]) == ("text", "Die Antwort.")
    if version == "v0":
        assert first.content == first.text == "Die Antwort."
        assert first.additional_kwargs == {"reasoning_content": "Erst denken."}
    else:
        assert [block["type"] for block in first.content] == ["reasoning", "text"]
    way.answer(model, [("user", "Wer bist du?"), first, ("user", "Danke.")])
    sent = {"role": "assistant", "content": "Die Antwort."}
    assert bodies(server)[1]["messages"][1] == sent
