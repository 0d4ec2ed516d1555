"""LlamaIndex's messages and blocks as the vendors' API takes them, which is OpenAI's form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import IOBase
from typing import Any, cast

from llama_index.core.base.llms.types import (
    BaseContentBlock,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic_core import to_json

from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.providers import Provider
from dsgvo.wire.files import file_part, image_part

__all__ = ["to_wire"]

# The vendors know four roles; LlamaIndex has further names for them.
_ROLES = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}


def to_wire(messages: Sequence[ChatMessage], provider: Provider) -> list[dict[str, Any]]:
    """Return messages in OpenAI's form.

    Thoughts of earlier turns are not sent back.

    Raises:
        CapabilityError: If the vendor documents no input of a block's kind.
        ConfigurationError: If a message is incomplete.
    """
    return [_message(message, provider, place) for place, message in enumerate(messages)]


def _message(message: ChatMessage, provider: Provider, place: int) -> dict[str, Any]:
    role = _ROLES[message.role]
    wire: dict[str, Any] = {"role": role}
    parts: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for block in _leaves(message.blocks):
        match block:
            case TextBlock():
                parts.append({"type": "text", "text": block.text})
            case ToolCallBlock():
                calls.append(_call(block))
            case ThinkingBlock():
                pass
            case _:
                if role != "user":
                    raise CapabilityError(
                        f"messages[{place}]: a {role} message holds text alone, not a "
                        f"{type(block).__name__}; pass it in a user message",
                        provider=provider.name,
                    )
                parts.append(_media(block, provider, place))
    wire["content"] = _content(parts)
    # Messages of other integrations, and of older chat stores, hold calls in OpenAI's form only.
    calls = calls or [_plain(call) for call in message.additional_kwargs.get("tool_calls") or ()]
    if role == "assistant" and calls:
        wire["content"] = wire["content"] or None
        wire["tool_calls"] = calls
    elif role == "tool":
        wire["tool_call_id"] = _call_id(message, place)
    return wire


def _leaves(blocks: Iterable[BaseContentBlock]) -> Iterator[BaseContentBlock]:
    for block in blocks:
        if isinstance(block, CitableBlock):
            yield from block.content
        elif isinstance(block, CitationBlock):
            yield block.cited_content
        else:
            yield block


def _content(parts: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]
    if all(part["type"] == "text" for part in parts):
        # Two of the four vendors document plain text alone; ChatMessage.content joins it so too.
        return "\n".join(part["text"] for part in parts)
    return parts


def _call(block: ToolCallBlock) -> dict[str, Any]:
    arguments = block.tool_kwargs
    return {
        "id": block.tool_call_id,
        "type": "function",
        "function": {
            "name": block.tool_name,
            "arguments": arguments if isinstance(arguments, str) else to_json(arguments).decode(),
        },
    }


def _plain(call: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", call if isinstance(call, dict) else call.model_dump())


def _call_id(message: ChatMessage, place: int) -> str:
    call_id = message.additional_kwargs.get("tool_call_id")
    if not call_id:
        raise ConfigurationError(
            f"messages[{place}] is a tool's result and names no call: pass "
            "additional_kwargs={'tool_call_id': …} with the id of the call it answers"
        )
    return str(call_id)


def _media(block: BaseContentBlock, provider: Provider, place: int) -> dict[str, Any]:
    # An address goes out as it is: the vendor fetches it, never this process.
    match block:
        case ImageBlock():
            return image_part(
                url=str(block.url) if block.url else None,
                data=_bytes(block.image),
                path=block.path,
                mime_type=block.image_mimetype,
                detail=block.detail,
            )
        case DocumentBlock():
            return file_part(
                url=block.url,
                data=_bytes(block.data),
                path=block.path,
                mime_type=block.document_mimetype,
                name=None if block.title == "input_document" else block.title,
            )
        case _:
            raise CapabilityError(
                f"messages[{place}]: none of the vendors documents input for a "
                f"{type(block).__name__}; pass its text in a TextBlock",
                provider=provider.name,
            )


def _bytes(data: bytes | IOBase | None) -> bytes | str | None:
    if data is None or isinstance(data, bytes):
        # A block holds bytes as base64 already.
        return data and data.decode("ascii")
    data.seek(0)
    return cast("bytes", data.read())
