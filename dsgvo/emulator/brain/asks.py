"""What the brain is asked, read from the body of a chat request."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dsgvo.emulator.jsons import JsonList, JsonObject, as_list, as_object, as_text
from dsgvo.emulator.values import Upload


@dataclass(frozen=True)
class Message:
    """One message of the conversation.

    Args:
        role: Who speaks.
        text: What is said, all text parts together.
        links: Addresses of images and documents.
        calls: Tools that are called: id, name, arguments.
        call_id: Id of the call that a ``tool`` message answers.
    """

    role: str
    text: str
    links: tuple[str, ...] = ()
    calls: tuple[tuple[str, str, JsonObject], ...] = ()
    call_id: str = ""


@dataclass(frozen=True)
class Tool:
    """A tool that may be called.

    Args:
        name: Its name.
        description: What it is for.
        parameters: JSON schema of its arguments.
    """

    name: str
    description: str
    parameters: JsonObject


@dataclass(frozen=True)
class Ask:
    """A request as the brain sees it.

    Args:
        vendor: Name of the vendor whose dialect is spoken.
        model: The model's id.
        messages: The conversation.
        tools: The tools on offer.
        tool_choice: ``none``, ``auto``, ``required``, or an object that names one.
        response_format: The wanted format; empty for text.
    """

    vendor: str
    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: Any = "auto"
    response_format: JsonObject = field(default_factory=dict[str, Any])

    @property
    def last_user(self) -> str:
        """Text of the last message of the user."""
        users = [message.text for message in self.messages if message.role == "user"]
        return users[-1] if users else (self.messages[-1].text if self.messages else "")

    @property
    def system(self) -> str:
        """Text of all instructions."""
        roles = ("system", "developer")
        return "\n".join(message.text for message in self.messages if message.role in roles)


def read_messages(raw: JsonList, uploads: Sequence[Upload] = ()) -> tuple[Message, ...]:
    """Read checked messages; the text of uploads joins the last of them."""
    messages = [_message(as_object(item)) for item in raw]
    for upload in uploads:
        last = messages[-1]
        text = f"{last.text}\n<document name={upload.name!r}>\n{upload.text}\n</document>"
        messages[-1] = replace(last, text=text)
    return tuple(messages)


def read_tools(raw: JsonList) -> tuple[Tool, ...]:
    """Read checked tools."""
    functions = [as_object(as_object(item).get("function")) for item in raw]
    return tuple(
        Tool(
            as_text(function.get("name")),
            as_text(function.get("description")),
            as_object(function.get("parameters")),
        )
        for function in functions
    )


def _message(raw: JsonObject) -> Message:
    content = raw.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else as_list(content)
    texts = [as_text(part.get("text")) for part in parts if part.get("type") == "text"]
    links = tuple(
        as_text(as_object(part.get(kind)).get("url"))
        for part in parts
        for kind in ("image_url", "file_url")
        if part.get("type") == kind
    )
    calls = tuple(_call(as_object(call)) for call in as_list(raw.get("tool_calls")))
    call_id = as_text(raw.get("tool_call_id"))
    return Message(as_text(raw.get("role")), "\n".join(texts), links, calls, call_id)


def _call(raw: JsonObject) -> tuple[str, str, JsonObject]:
    function = as_object(raw.get("function"))
    try:
        arguments = as_object(json.loads(as_text(function.get("arguments")) or "{}"))
    except ValueError:
        arguments = {}
    return as_text(raw.get("id")), as_text(function.get("name")), arguments
