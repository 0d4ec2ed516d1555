"""The parts of a chat request that an answer is made from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsgvo.emulator.jsons import JsonList, JsonObject, as_list, as_object, as_text, is_object
from dsgvo.emulator.values import Upload

_TRIES = 8
"""Objects of a prompt that may be its schema."""


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
class Prompt:
    """A checked chat request.

    Args:
        vendor: Name of the vendor whose dialect is spoken.
        instructions: Text of the system messages.
        user: Text of the last message of the user, with the text of uploads.
        links: Number of its images and linked documents.
        results: Name and result of each tool that was called since.
        tools: The tools on offer.
        tool_choice: ``none``, ``auto``, ``required``, or an object that names one.
        response_format: The wanted format; empty for text.
    """

    vendor: str
    instructions: str
    user: str
    links: int
    results: tuple[tuple[str, str], ...]
    tools: tuple[Tool, ...]
    tool_choice: Any
    response_format: JsonObject

    @property
    def schema(self) -> JsonObject | None:
        """The schema that the answer must fit; JSON mode has it in the prompt, if at all."""
        kind = self.response_format.get("type")
        if kind == "json_schema":
            return as_object(as_object(self.response_format.get("json_schema")).get("schema"))
        if kind != "json_object":
            return None
        return next(filter(None, map(_schema_in, (self.user, self.instructions))), None)


def read_prompt(vendor: str, body: JsonObject, uploads: Sequence[Upload] = ()) -> Prompt:
    """Read a checked request.

    Args:
        vendor: Name of the vendor whose dialect is spoken.
        body: The request.
        uploads: Files that came with it.
    """
    messages = [as_object(message) for message in as_list(body["messages"])]
    roles = [as_text(message.get("role")) for message in messages]
    last = max((at for at, role in enumerate(roles) if role == "user"), default=len(messages) - 1)
    documents = (f"\n<document>\n{upload.text}\n</document>" for upload in uploads)
    rules = [text_of(one) for one in messages if one.get("role") in ("system", "developer")]
    return Prompt(
        vendor=vendor,
        instructions="\n\n".join(rules),
        user=text_of(messages[last]) + "".join(documents),
        links=sum(
            as_object(one).get("type") != "text" for one in as_list(messages[last].get("content"))
        ),
        results=tuple(_results(messages[last + 1 :])),
        tools=tuple(_tool(as_object(one)) for one in as_list(body.get("tools"))),
        tool_choice=body.get("tool_choice") or "auto",
        response_format=as_object(body.get("response_format")),
    )


def text_of(message: JsonObject) -> str:
    """Return the text parts of a message."""
    content = message.get("content")
    texts = [as_text(as_object(part).get("text")) for part in as_list(content)]
    return content if isinstance(content, str) else "\n".join(filter(None, texts))


def _tool(raw: JsonObject) -> Tool:
    function = as_object(raw.get("function"))
    told = as_text(function.get("description"))
    return Tool(as_text(function.get("name")), told, as_object(function.get("parameters")))


def _results(turn: JsonList) -> list[tuple[str, str]]:
    calls = [as_object(call) for message in turn for call in as_list(message.get("tool_calls"))]
    names = {call.get("id"): as_object(call.get("function")).get("name") for call in calls}
    answers = [message for message in turn if message.get("role") == "tool"]
    return [
        (as_text(names.get(message.get("tool_call_id"))), text_of(message)) for message in answers
    ]


def _schema_in(text: str) -> JsonObject | None:
    """Return the first JSON object of a text that looks like a schema of an object."""
    decoder, at = json.JSONDecoder(), -1
    for _ in range(_TRIES):
        at = text.find("{", at + 1)
        if at < 0:
            return None
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if is_object(found) and is_object(found.get("properties")):
            return found
        at = end - 1
    return None
