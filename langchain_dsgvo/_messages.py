"""LangChain's messages as the vendors' API takes them, which is OpenAI's form."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic_core import to_json

from dsgvo import file_part, image_part
from dsgvo.errors import CapabilityError, ConfigurationError

__all__ = ["to_wire"]

# Blocks of an assistant's earlier turn that are not sent back: thoughts stay with the turn that
# thought them, tool calls travel in ``tool_calls``, and other vendors' own tools mean nothing here.
_NOT_SENT_BACK = frozenset(
    {
        "thinking",
        "redacted_thinking",
        "reasoning",
        "reasoning_content",
        "tool_use",
        "tool_call",
        "tool_call_chunk",
        "invalid_tool_call",
        "input_json_delta",
        "function_call",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
    }
)


def to_wire(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return messages in OpenAI's form.

    Raises:
        ConfigurationError: If a message or a content block is of a kind that no vendor takes; the
            text says which.
    """
    return [_message(message, position) for position, message in enumerate(messages)]


def _message(message: BaseMessage, position: int) -> dict[str, Any]:
    match message:
        case HumanMessage():
            wire: dict[str, Any] = {"role": "user"}
        case SystemMessage():
            wire = {"role": "system"}
        case AIMessage():
            return _assistant(message, position)
        case ToolMessage():
            wire = {"role": "tool", "tool_call_id": message.tool_call_id}
        case ChatMessage():
            wire = {"role": message.role}
        case _:
            raise ConfigurationError(
                f"messages[{position}] is a {type(message).__name__}: use HumanMessage, "
                "AIMessage, SystemMessage, ToolMessage or ChatMessage"
            )
    wire["content"] = _content(_raw_content(message), position)
    if message.name and not isinstance(message, ToolMessage):
        wire["name"] = message.name
    return wire


def _assistant(message: AIMessage, position: int) -> dict[str, Any]:
    calls = [_call(call["id"], call["name"], call["args"]) for call in message.tool_calls]
    calls += [
        _call(call["id"], call["name"], call["args"] or "") for call in message.invalid_tool_calls
    ]
    # A message out of another integration may hold its calls in OpenAI's form only.
    calls = calls or cast("list[dict[str, Any]]", message.additional_kwargs.get("tool_calls", []))
    content = _content(_raw_content(message), position)
    wire: dict[str, Any] = {"role": "assistant", "content": content}
    if message.name:
        wire["name"] = message.name
    if calls:
        wire["content"] = content or None
        wire["tool_calls"] = calls
    return wire


def _call(call_id: str | None, name: str | None, args: dict[str, Any] | str) -> dict[str, Any]:
    arguments = args if isinstance(args, str) else to_json(args).decode()
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _raw_content(message: BaseMessage) -> str | list[str | dict[str, Any]]:
    return cast("str | list[str | dict[str, Any]]", message.content)


def _content(
    content: str | list[str | dict[str, Any]], position: int
) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    parts = [part for block in content if (part := _part(block, position)) is not None]
    if all(part.get("type") == "text" for part in parts):
        # Two of the four vendors document plain text alone, and it says the same.
        return "\n".join(str(part["text"]) for part in parts)
    return parts


def _part(block: str | dict[str, Any], position: int) -> dict[str, Any] | None:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    kind = block.get("type")
    if kind in _NOT_SENT_BACK:
        return None
    if kind == "non_standard" and isinstance(block.get("value"), dict):  # a vendor's own, wrapped
        return _part(block["value"], position)
    if kind == "text" or "text" in block:  # also a "text-plain" or a "file" that holds its text
        return {"type": "text", "text": block.get("text", "")}
    if kind == "image_url" and isinstance(block.get("image_url"), str):
        return image_part(url=block["image_url"])  # as older versions of LangChain took it
    if kind == "image":
        return image_part(**_source(block, position))
    if kind == "text-plain" and (text := block.get("base64")) is not None:
        return {"type": "text", "text": _decoded(text, position)}
    if kind in {"file", "text-plain"} and not isinstance(block.get("file"), dict):
        return file_part(**_source(block, position), name=_file_name(block))
    if kind == "document":  # Anthropic's
        return _document(block, position)
    if kind in {"audio", "video"}:
        raise CapabilityError(f"messages[{position}]: none of the vendors documents {kind} input")
    if kind is None:
        raise ConfigurationError(
            f"messages[{position}]: a content block with the keys {', '.join(map(repr, block))} "
            "has no type: use {'type': 'text', 'text': …}, or json.dumps() for data"
        )
    return block  # OpenAI's own forms, and what a vendor adds to them


def _decoded(text: str, position: int) -> str:
    try:
        return b64decode(text, validate=True).decode()
    except ValueError:
        raise ConfigurationError(
            f"messages[{position}]: the base64 of a text-plain block is no UTF-8 text"
        ) from None


def _document(block: dict[str, Any], position: int) -> dict[str, Any]:
    source = block.get("source")
    if isinstance(source, dict):
        fields = cast("dict[str, Any]", source)
        if fields.get("type") == "text":
            return {"type": "text", "text": fields.get("data", "")}
    return file_part(**_source(block, position), name=block.get("title"))


def _source(block: dict[str, Any], position: int) -> dict[str, Any]:
    """Return where the data of a content block is, as the core's content parts take it.

    The block is a standard one of LangChain (today's or its first form) or Anthropic's, which
    keeps much the same keys one level deeper.
    """
    source = block.get("source")
    inner = {**block, **cast("dict[str, Any]", source)} if isinstance(source, dict) else block
    found = {
        "url": inner.get("url"),
        "data": inner.get("base64") or inner.get("data"),
        "path": inner.get("path"),
        "mime_type": inner.get("mime_type") or inner.get("media_type"),
    }
    if found["url"] is found["data"] is found["path"] is None:
        kind = block["type"]
        if inner.get("file_id") or inner.get("source_type") == "id":
            raise CapabilityError(
                f"messages[{position}]: the {kind} block names a file by its id: none of the "
                "vendors documents a store of files; pass its url, base64 or path"
            )
        raise ConfigurationError(
            f"messages[{position}]: the {kind} block has no url, base64 or path: use "
            f"{{'type': {kind!r}, 'url': …}} or {{'type': {kind!r}, 'base64': …, 'mime_type': …}}"
        )
    return found


def _file_name(block: dict[str, Any]) -> str | None:
    extras = cast("dict[str, Any]", block.get("extras") or {})
    # LangChain moves the first form's metadata into the extras.
    metadata = cast("dict[str, Any]", block.get("metadata") or extras.get("metadata") or {})
    found = (
        fields.get(key) for fields in (block, extras, metadata) for key in ("filename", "name")
    )
    return next((name for name in found if isinstance(name, str) and name), None)
