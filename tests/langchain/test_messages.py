"""Messages of every kind, as they go out to the vendor."""

from typing import Any

import pytest
from langchain_core import messages as lc

from dsgvo.emulator import Reply, Server
from dsgvo.errors import ConfigurationError
from tests.langchain.support import Way, bodies, chat

CALL: Any = {"name": "f", "args": {"a": 1}, "id": "call_1", "type": "tool_call"}
WIRE_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def assistant(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def user(content: str, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **more}


HALLO: Any = {"type": "text", "text": "Hallo"}
TEXT: dict[str, Any] = {"type": "text", "text": "Moment."}
CACHED = {"type": "text", "text": "Knapp.", "cache_control": {"type": "e"}}
KNAPP = {"role": "system", "content": "Knapp."}
RESULT = {
    "role": "tool",
    "tool_call_id": "call_1",
    "content": '3\n4\n{"type": "json"}\n{"json": 1}\nui://a',
}
LINK = {"type": "file", "url": "ui://a"}
PIXEL = {"type": "image", "url": "ui://b", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}
PARTS: list[Any] = [{"type": "text", "text": "3"}, "4", {"type": "json"}, {"json": 1}, LINK, PIXEL]
MARKS: list[Any] = [{"cachePoint": {"type": "default"}}, {"type": "cachePoint"}, HALLO]
FOUND: list[Any] = [
    {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}},
    {"executable_code": {"code": "1"}},
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
    {"type": "redacted_thinking", "data": "x"},
    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    {**TEXT, "annotations": [], "id": "msg_1"},
    {"type": "refusal", "refusal": ""},
]
ANTHROPICS: Any = {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}}
OPENAIS: Any = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f"}
MOMENT = assistant("Moment.")
CALLED = assistant("Moment.", tool_calls=[WIRE_CALL])
WRAPPED = {"type": "non_standard", "value": {"type": "thinking", "thinking": "Hm."}}
UNKNOWN = {"type": "non_standard", "value": {"type": "neu", **HALLO}}
BROKEN = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a'}}
QUOTED = BROKEN | {"function": {"name": "f", "arguments": '{"invalid_arguments":"{\\"a"}'}}


def older(content: Any, **fields: Any) -> lc.AIMessage:
    """Return an answer that holds its calls in OpenAI's form alone."""
    message = lc.AIMessage(content, additional_kwargs=fields)
    message.tool_calls, message.invalid_tool_calls = [], []
    return message


def by(provider: str, *content: Any) -> lc.AIMessage:
    """Return another vendor's answer, of an integration of its own."""
    made_by = {"model_provider": provider}
    return lc.AIMessage([*content], tool_calls=[CALL], response_metadata=made_by)


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (lc.HumanMessage("Hallo"), user("Hallo")),
        (lc.SystemMessage("Knapp."), KNAPP),
        (lc.AIMessageChunk(content="Ja."), assistant("Ja.")),
        (lc.ChatMessage(content="Knapp.", role="developer"), KNAPP | {"role": "developer"}),
        (lc.HumanMessage("Hallo", name="Anna Müller"), user("Hallo", name="Anna_Mueller")),
        (lc.AIMessage("Ja.", name="李"), assistant("Ja.")),
        (lc.ToolMessage(PARTS, tool_call_id="call_1", name="f", status="error"), RESULT),
        (lc.SystemMessage([CACHED]), KNAPP),
        (lc.HumanMessage(MARKS), user("Hallo")),
        (lc.HumanMessage([{"type": "non_standard", "value": HALLO}]), user("Hallo")),
        (lc.AIMessage([]), assistant("")),
        # Answers of other integrations
        (lc.AIMessage(["Das ist ", HALLO, "."]), assistant("Das ist Hallo.")),
        (lc.AIMessage([{"type": "refusal", "refusal": "Nein."}]), assistant("Nein.")),
        (lc.AIMessage(FOUND), MOMENT),
        (lc.AIMessage([WRAPPED, "Moment."]), MOMENT),
        (lc.AIMessage([UNKNOWN]), assistant("Hallo")),
        (lc.AIMessage("Moment.", additional_kwargs={"reasoning_content": "Hm."}), MOMENT),
        (older("Moment.", tool_calls=[WIRE_CALL]), CALLED),
        (older("", tool_calls=[BROKEN, {"function": None}]), assistant(None, tool_calls=[QUOTED])),
        (by("anthropic", *FOUND, ANTHROPICS), CALLED),
        (by("openai", *FOUND, OPENAIS), CALLED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, lc.BaseMessage) else "",
)
def test_every_kind_of_message(server: Server, message: lc.BaseMessage, wire: Any) -> None:
    server.script("innogpt", Reply("Ja."))
    asked: list[lc.BaseMessage] = [lc.HumanMessage("x"), message]
    calls = wire.get("tool_calls", ())
    chat("innogpt").invoke(asked + [lc.ToolMessage("3", tool_call_id=one["id"]) for one in calls])
    assert bodies(server)[0]["messages"][1] == wire


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (lc.FunctionMessage(content="3", name="f"), r"messages\[1\] is a FunctionMessage"),
        (lc.RemoveMessage(id="1"), r"messages\[1\] is a RemoveMessage"),
        (lc.HumanMessage("\ud83d"), "valid Unicode"),
        (lc.HumanMessage([{"type": "text-plain", "base64": 7}]), "is not UTF-8 text"),
        (lc.ToolMessage([{"type": "file", "source": {"path": "."}}], tool_call_id=""), "file of"),
    ],
)
def test_messages_that_no_vendor_takes(server: Server, way: Way, message: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        way.answer(chat("sovrgpt"), [lc.HumanMessage("x"), message])
    with pytest.raises(ConfigurationError, match="messages is empty"):
        way.answer(chat("sovrgpt"), [])
    assert server.requests == []
