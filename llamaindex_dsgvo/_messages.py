"""LlamaIndex's messages and blocks as the vendors' API takes them, which is OpenAI's form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import IOBase
from itertools import count, groupby
from operator import itemgetter
from typing import Any, cast

from llama_index.core.base.llms.types import (
    AudioBlock,
    BaseContentBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import BaseModel

from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.files import file_part, image_part
from dsgvo.providers import Provider
from dsgvo.wire.files import is_address
from dsgvo.wire.messages import assistant_message, content_of, function_call
from dsgvo.wire.request import check_objects

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

# Names in calls that others kept; of OpenAI's Responses API, results name the first.
_IDS = ("call_id", "id", "toolUseId")
_ARGUMENTS = ("arguments", "input", "args", "parameters")


def to_wire(messages: Sequence[ChatMessage], spec: Provider) -> list[dict[str, Any]]:
    """Return messages in OpenAI's form; results of tools may still hold images and documents.

    Raises:
        CapabilityError: If the vendor documents no input of a block's kind.
        ConfigurationError: If a message is incomplete.
    """
    check_objects("messages", messages, ChatMessage)
    wire = (_message(message, spec, position) for position, message in enumerate(messages))
    return list(_in_order_of_calls(wire))


def _in_order_of_calls(messages: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Put the results of parallel calls, which agents note as they come, in the calls' order.

    Of parallel calls that share an id, which is the tool's name where there are none, each gets
    one of its own.
    """
    ids: dict[str, list[str]] = {}  # of the calls that wait for results, by those given
    places: dict[str, int] = {}
    for role, run in groupby(messages, itemgetter("role")):
        together = list(run)
        if role == "tool":
            for message in together:
                if left := ids.get(message["tool_call_id"]):
                    message["tool_call_id"] = left.pop(0)
            together.sort(key=lambda one: places.get(one["tool_call_id"], len(places)))
        ids, places = {}, {}
        calls = [call for message in together for call in message.get("tool_calls") or ()]
        taken = {call["id"] for call in calls}
        for call in calls:
            given = call["id"]
            if given in ids:
                numbered = (f"{given}-{number}" for number in count(len(ids[given]) + 1))
                call["id"] = next(one for one in numbered if one not in taken)
                taken.add(call["id"])
            places[call["id"]] = len(places)
            ids.setdefault(given, []).append(call["id"])
        yield from together


def _message(message: ChatMessage, spec: Provider, position: int) -> dict[str, Any]:
    role = _ROLES[message.role]
    if role == "assistant":
        return _assistant(message)
    parts = [
        part
        for block in _leaves(message.blocks)
        if (part := _part(block, role, spec, position)) is not None
    ]
    wire: dict[str, Any] = {"role": role, "content": content_of(parts)}
    if role == "tool":
        wire["tool_call_id"] = _call_id(message, position)
    return wire


def _assistant(message: ChatMessage) -> dict[str, Any]:
    """Return an earlier answer, of whatever vendor it is: its text and its calls.

    All else is left out. What it cites is not its own text.
    """
    fields = message.additional_kwargs
    calls = [
        # Where there are no ids, as at Ollama and Vertex AI, results name the tool.
        function_call(block.tool_call_id or block.tool_name, block.tool_name, block.tool_kwargs)
        for block in message.blocks
        if isinstance(block, ToolCallBlock)
    ]
    thoughts = [block.content or "" for block in message.blocks if isinstance(block, ThinkingBlock)]
    return assistant_message(
        "".join(block.text for block in message.blocks if isinstance(block, TextBlock)),
        # Messages of other integrations, and of older chat stores, hold calls elsewhere.
        calls or list(_kept_calls(fields)),
        refusal=fields.get("refusal"),
        reasoning={
            **fields,
            "reasoning_content": "".join(thoughts) or fields.get("reasoning_content"),
        },
    )


def _kept_calls(fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield calls as OpenAI's, Anthropic's, Bedrock's, Cohere's or Google's class kept them."""
    given: object = fields.get("tool_calls") or ()
    if isinstance(given, list | tuple):  # some are of OpenAI's SDK
        items = cast("Sequence[object]", given)
        given = [one.model_dump() if isinstance(one, BaseModel) else one for one in items]
    check_objects("additional_kwargs['tool_calls']", given)
    for plain in cast("list[dict[str, Any]]", given):
        function: dict[str, Any] = plain.get("function") or plain
        check_objects("additional_kwargs['tool_calls'].function", [function])
        if name := function.get("name"):
            sent = next(filter(None, map(function.get, _ARGUMENTS)), None)
            yield function_call(next(filter(None, map(plain.get, _IDS)), name), name, sent)


def _part(
    block: BaseContentBlock, role: str, spec: Provider, position: int
) -> dict[str, Any] | None:
    if isinstance(block, TextBlock):
        return {"type": "text", "text": block.text}
    if isinstance(block, CachePoint | ThinkingBlock | ToolCallBlock):
        return None
    if role == "tool" and isinstance(block, AudioBlock | VideoBlock):  # the tool's doing
        return {"type": block.block_type}
    if role == "tool" and (link := _link(block)) is not None:
        return {"type": "text", "text": link}
    if role == "system":
        raise CapabilityError(
            f"messages[{position}]: a system message holds text alone, not a "
            f"{type(block).__name__}; pass it in a user message",
            provider=spec.name,
        )
    return _media(block, spec, position)


def _link(block: BaseContentBlock) -> str | None:
    """Return the address of what only its MCP server can read."""
    fields = vars(block)
    url = str(fields.get("url") or "")
    held = any(fields.get(name) for name in ("image", "data", "path"))
    return url if url and not held and not is_address(url) else None


def _leaves(blocks: Iterable[BaseContentBlock]) -> Iterator[BaseContentBlock]:
    for block in blocks:
        if isinstance(block, CitableBlock):
            yield from block.content
        elif isinstance(block, CitationBlock):
            yield block.cited_content
        else:
            yield block


def _call_id(message: ChatMessage, position: int) -> str:
    fields = message.additional_kwargs
    call_id = fields.get("tool_call_id") or fields.get("call_id")
    if not call_id:
        raise ConfigurationError(
            f"messages[{position}] is a tool's result and names no call: pass "
            "additional_kwargs={'tool_call_id': …} with the id of the call it answers"
        )
    return str(call_id)


def _media(block: BaseContentBlock, spec: Provider, position: int) -> dict[str, Any]:
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
                f"messages[{position}]: none of the vendors documents input for a "
                f"{type(block).__name__}; pass its text in a TextBlock",
                provider=spec.name,
            )


def _bytes(data: bytes | IOBase | None) -> bytes | str | None:
    if data is None or isinstance(data, bytes):
        # A block holds bytes as base64 already.
        return data and data.decode("ascii")
    data.seek(0)
    return cast("bytes", data.read())
