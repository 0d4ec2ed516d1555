"""The parts of a chat request that an answer is made from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from dsgvo.emulator.jsons import JsonObject, as_list, as_object, as_text, is_object
from dsgvo.emulator.values import Upload

_TRIES = 8
"""Objects of a prompt that may be its schema."""


@dataclass(frozen=True)
class Prompt:
    """A checked chat request.

    Args:
        vendor: Name of the vendor whose dialect is spoken.
        body: The request.
        instructions: Text of the system messages.
        user: Text of the last message of the user, with the text of uploads.
        links: Number of its images and linked documents.
        results: Name and result of each tool that was called since.
    """

    vendor: str
    body: JsonObject
    instructions: str
    user: str
    links: int
    results: tuple[tuple[str, str], ...]

    @property
    def tools(self) -> list[JsonObject]:
        """The functions on offer."""
        return [as_object(tool.get("function")) for tool in as_list(self.body.get("tools"))]

    @property
    def wants_json(self) -> bool:
        """Whether JSON mode is on."""
        return as_object(self.body.get("response_format")).get("type") == "json_object"

    @property
    def schema(self) -> JsonObject | None:
        """The schema that the answer must fit; JSON mode has it in the prompt, if at all."""
        wanted = as_object(self.body.get("response_format"))
        if wanted.get("type") == "json_schema":
            return as_object(as_object(wanted.get("json_schema")).get("schema"))
        texts = (self.user, self.instructions) if self.wants_json else ()
        return next(filter(None, map(_schema_in, texts)), None)


def read_prompt(vendor: str, body: JsonObject, uploads: Sequence[Upload] = ()) -> Prompt:
    """Read a checked request, and the files that came with it."""
    messages = [as_object(message) for message in as_list(body["messages"])]
    users = [at for at, message in enumerate(messages) if message.get("role") == "user"]
    last = users[-1] if users else len(messages) - 1
    parts = as_list(messages[last].get("content"))
    turn = messages[last + 1 :]
    calls = [as_object(call) for message in turn for call in as_list(message.get("tool_calls"))]
    names = {one.get("id"): as_text(as_object(one.get("function")).get("name")) for one in calls}
    return Prompt(
        vendor,
        body,
        "\n\n".join(_text(one) for one in messages if one["role"] in ("system", "developer")),
        _text(messages[last])
        + "".join(f"\n<document>\n{one.text}\n</document>" for one in uploads),
        sum(part.get("type") != "text" for part in parts),
        tuple(
            (names.get(one.get("tool_call_id"), ""), _text(one))
            for one in turn
            if one.get("role") == "tool"
        ),
    )


def _text(message: JsonObject) -> str:
    content = message.get("content")
    texts = [as_text(as_object(part).get("text")) for part in as_list(content)]
    return content if isinstance(content, str) else "\n".join(filter(None, texts))


def _schema_in(text: str) -> JsonObject | None:
    """Return the first JSON object of a text that looks like a schema of an object."""
    at = -1
    for _ in range(_TRIES):
        at = text.find("{", at + 1)
        if at < 0:
            break
        try:
            found, end = json.JSONDecoder().raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if is_object(found) and is_object(found.get("properties")):
            return found
        at = end - 1
    return None
