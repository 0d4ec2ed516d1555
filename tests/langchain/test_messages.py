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
from dsgvo.errors import CapabilityError, ConfigurationError
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


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (HumanMessage("Hallo"), {"role": "user", "content": "Hallo"}),
        (SystemMessage("Sei knapp."), {"role": "system", "content": "Sei knapp."}),
        (AIMessage("Ja."), {"role": "assistant", "content": "Ja."}),
        (AIMessageChunk(content="Ja."), {"role": "assistant", "content": "Ja."}),
        (
            ChatMessage(content="Sei knapp.", role="developer"),
            {"role": "developer", "content": "Sei knapp."},
        ),
        (
            HumanMessage("Hallo", name="anna"),
            {"role": "user", "content": "Hallo", "name": "anna"},
        ),
        (
            AIMessage("Ja.", name="helfer"),
            {"role": "assistant", "content": "Ja.", "name": "helfer"},
        ),
        (
            AIMessage("", tool_calls=[CALL]),
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
        ),
        (
            AIMessage("Moment.", tool_calls=[CALL]),
            {"role": "assistant", "content": "Moment.", "tool_calls": [WIRE_CALL]},
        ),
        (
            ToolMessage("3", tool_call_id="call_1", name="f"),
            {"role": "tool", "tool_call_id": "call_1", "content": "3"},
        ),
        (
            ToolMessage("kaputt", tool_call_id="call_1", status="error", artifact={"a": 1}),
            {"role": "tool", "tool_call_id": "call_1", "content": "kaputt"},
        ),
        (
            ToolMessage([{"type": "text", "text": "3"}, "und 4"], tool_call_id="call_1"),
            {"role": "tool", "tool_call_id": "call_1", "content": "3\nund 4"},
        ),
        (
            HumanMessage(["Hallo", {"type": "text", "text": "du"}]),
            {"role": "user", "content": "Hallo\ndu"},
        ),
        (
            HumanMessage(content_blocks=[{"type": "text", "text": "Hallo"}]),
            {"role": "user", "content": "Hallo"},
        ),
        (
            SystemMessage([{"type": "text", "text": "Knapp.", "cache_control": {"type": "e"}}]),
            {"role": "system", "content": "Knapp."},
        ),
        (HumanMessage(""), {"role": "user", "content": ""}),
        (AIMessage([]), {"role": "assistant", "content": ""}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseMessage) else "",
)
def test_every_kind_of_message(server: Server, message: BaseMessage, wire: Any) -> None:
    assert sent(server, HumanMessage("x"), message)[1] == wire


URL_PART = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
DATA_PART = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}


@pytest.mark.parametrize(
    ("block", "wire"),
    [
        ({"type": "image", "url": "https://example.com/a.png"}, URL_PART),
        ({"type": "image", "base64": PNG, "mime_type": "image/png"}, DATA_PART),
        ({"type": "image", "source_type": "url", "url": "https://example.com/a.png"}, URL_PART),
        (
            {"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png"},
            DATA_PART,
        ),
        (URL_PART, URL_PART),
        (DATA_PART, DATA_PART),
        (
            {"type": "image_url", "image_url": {"url": "https://a.de/b.png", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://a.de/b.png", "detail": "low"}},
        ),
        (
            {"type": "image_url", "image_url": "https://example.com/a.png"},
            URL_PART,
        ),
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": PNG},
            },
            DATA_PART,
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            URL_PART,
        ),
    ],
)
@pytest.mark.parametrize("provider", ["innogpt", "sovrgpt"])
def test_every_form_of_image(server: Server, provider: str, block: Any, wire: Any) -> None:
    text = {"type": "text", "text": "Was ist das?"}
    [message] = sent(server, HumanMessage([text, block]), provider=provider)
    assert message["content"] == [text, wire]


@pytest.mark.parametrize(
    ("block", "error", "message"),
    [
        ({"type": "audio", "url": "https://a.de/a.wav"}, CapabilityError, "audio input"),
        ({"type": "video", "url": "https://a.de/a.mp4"}, CapabilityError, "video input"),
        ({"grad": 21}, ConfigurationError, "keys 'grad' has no type"),
        ({"type": "image"}, ConfigurationError, "no url, base64 or path"),
        ({"type": "image", "base64": PNG}, ValueError, "mime_type"),  # said by langchain-core
    ],
)
def test_blocks_that_no_vendor_takes_are_refused_before_sending(
    server: Server, mode: Mode, block: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        mode.invoke(chat("innogpt"), [HumanMessage([block])])
    assert server.requests == []


@pytest.mark.parametrize(
    "message",
    [FunctionMessage(content="3", name="f"), RemoveMessage(id="1")],
    ids=lambda one: one.type,
)
def test_messages_that_no_vendor_takes_are_refused(server: Server, message: BaseMessage) -> None:
    with pytest.raises(ConfigurationError, match=rf"messages\[1\] is a {type(message).__name__}"):
        chat("sovrgpt").invoke([HumanMessage("x"), message])
    assert server.requests == []


def test_no_message_at_all_is_refused(server: Server, mode: Mode) -> None:
    with pytest.raises(ConfigurationError, match="messages is empty"):
        mode.invoke(chat("sovrgpt"), [])
    assert server.requests == []


FROM_OTHERS: dict[str, tuple[AIMessage, dict[str, Any]]] = {
    "anthropic": (
        AIMessage(
            [
                {"type": "thinking", "thinking": "Hm.", "signature": "x"},
                {"type": "redacted_thinking", "data": "x"},
                {"type": "text", "text": "Moment."},
                {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
            ],
            tool_calls=[CALL],
            response_metadata={"model_provider": "anthropic"},
        ),
        {"role": "assistant", "content": "Moment.", "tool_calls": [WIRE_CALL]},
    ),
    "openai responses": (
        AIMessage(
            [
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
                {"type": "text", "text": "Moment.", "annotations": [], "id": "msg_1"},
                {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f"},
            ],
            tool_calls=[CALL],
            response_metadata={"model_provider": "openai"},
        ),
        {"role": "assistant", "content": "Moment.", "tool_calls": [WIRE_CALL]},
    ),
    "openai chat": (
        AIMessage(
            "Moment.",
            additional_kwargs={"tool_calls": [WIRE_CALL], "refusal": None},
        ),
        {"role": "assistant", "content": "Moment.", "tool_calls": [WIRE_CALL]},
    ),
    "standard blocks": (
        AIMessage(
            content_blocks=[
                {"type": "reasoning", "reasoning": "Hm."},
                {"type": "text", "text": "Moment."},
                {"type": "tool_call", "id": "call_1", "name": "f", "args": {"a": 1}},
            ]
        ),
        {"role": "assistant", "content": "Moment.", "tool_calls": [WIRE_CALL]},
    ),
    "server tools": (
        AIMessage(
            content_blocks=[
                {"type": "server_tool_call", "name": "web_search", "args": {}, "id": "1"},
                {"type": "server_tool_result", "tool_call_id": "1", "status": "success"},
                {"type": "text", "text": "Moment."},
            ]
        ),
        {"role": "assistant", "content": "Moment."},
    ),
    "a wrapped block": (
        AIMessage(
            [{"type": "non_standard", "value": {"type": "thinking", "thinking": "Hm."}}, "Ja."]
        ),
        {"role": "assistant", "content": "Ja."},
    ),
    "deepseek": (
        AIMessage("Ja.", additional_kwargs={"reasoning_content": "Hm."}),
        {"role": "assistant", "content": "Ja."},
    ),
}


@pytest.mark.parametrize("origin", list(FROM_OTHERS))
def test_answers_of_other_providers_go_on_here(server: Server, provider: str, origin: str) -> None:
    message, wire = FROM_OTHERS[origin]
    messages = [HumanMessage("x"), message]
    if message.tool_calls:
        messages.append(ToolMessage("3", tool_call_id="call_1"))
    assert sent(server, *messages, provider=provider)[1] == wire


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


@pytest.mark.parametrize("field", [None, "reasoning_content", "reasoning"])
def test_thoughts_are_apart_from_the_answer(server: Server, way: Way, field: Any) -> None:
    script = Reply("Die Antwort.", reasoning="Erst denken.", reasoning_field=field)
    server.script("sovrgpt", script)
    answer = way.answer(chat("sovrgpt"))
    assert answer.text == answer.content == "Die Antwort."
    reasoning, text = answer.content_blocks
    assert (reasoning["type"], reasoning["reasoning"]) == ("reasoning", "Erst denken.")
    assert text == {"type": "text", "text": "Die Antwort."}
    assert answer.additional_kwargs == {"reasoning_content": "Erst denken."}


def test_thoughts_stream_first_and_answer_after(server: Server, mode: Mode) -> None:
    chunks = ["<thi", "nk>Erst ", "denken.</th", "ink>\n\nDie", " Antwort."]
    server.script("sovrgpt", Reply(chunks=chunks))
    pieces = [
        (block["type"], block.get("reasoning") or block.get("text"))
        for chunk in mode.stream(chat("sovrgpt"), "Hallo!")
        for block in chunk.content_blocks
    ]
    assert pieces == [
        ("reasoning", "Erst"),
        ("reasoning", " denken."),
        ("text", "Die"),
        ("text", " Antwort."),
    ]


def test_thoughts_are_not_sent_back(server: Server, way: Way) -> None:
    model = chat("sovrgpt", model=THINKING_MODEL)
    first = way.answer(model, "Wer bist du?")
    assert first.content_blocks[0]["type"] == "reasoning"
    way.answer(model, [("user", "Wer bist du?"), first, ("user", "Danke.")])
    assert bodies(server)[1]["messages"][1] == {"role": "assistant", "content": first.text}
    assert "Ich lese die Frage" not in server.requests[1].body.decode()


def test_thoughts_in_v1_content_are_not_sent_back_either(server: Server, way: Way) -> None:
    model = chat("sovrgpt", model=THINKING_MODEL, output_version="v1")
    first = way.answer(model, "Wer bist du?")
    assert [block["type"] for block in first.content] == ["reasoning", "text"]
    way.answer(model, [("user", "Wer bist du?"), first, ("user", "Danke.")])
    assert bodies(server)[1]["messages"][1] == {"role": "assistant", "content": first.text}


def test_an_answer_that_is_all_thought(server: Server, way: Way) -> None:
    server.script("sovrgpt", Reply("<think>Erst den", finish_reason="length"))
    answer = way.answer(chat("sovrgpt"))
    assert answer.text == ""
    assert answer.content_blocks[0]["reasoning"] == "Erst den"
    assert answer.response_metadata["finish_reason"] == "length"


def test_an_answer_about_the_tag_keeps_it(server: Server, way: Way) -> None:
    text = "Das Tag <think> öffnet einen Gedanken, </think> schließt ihn."
    server.script("sovrgpt", Reply(text))
    assert way.answer(chat("sovrgpt")).content == text
