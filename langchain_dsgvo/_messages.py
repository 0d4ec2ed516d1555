"""LangChain's messages as the vendors' API takes them, which is OpenAI's form."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from dsgvo import file_part, image_part
from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.wire.files import Upload, is_address
from dsgvo.wire.messages import assistant_message, content_of, function_call
from dsgvo.wire.names import valid_name
from dsgvo.wire.request import check_objects

__all__ = ["digest_of", "named_files", "to_wire"]

_THOUGHTS = frozenset({"thinking", "redacted_thinking", "reasoning", "reasoning_content"})
# Blocks that other vendors' integrations leave in the messages of users and systems.
_DROPPED_BLOCKS = frozenset({"cachePoint", "cache_point", "guard_content"})
# What LangChain lets a tool's result hold that is a text to every model.
_DATA = frozenset({"json", "search_result", "custom_tool_call_output"})


def to_wire(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return messages in OpenAI's form; results of tools may still hold images and documents.

    Raises:
        ConfigurationError: If a message or a content block is of a kind that no vendor takes; the
            text says which.
    """
    return [_message(message, position) for position, message in enumerate(messages)]


def named_files(messages: Sequence[BaseMessage]) -> list[Path | bytes]:
    """Return the documents and images of which messages hold the place, or what no cache sees."""
    contents = [message.content for message in messages if isinstance(message.content, list)]
    blocks = [block for content in contents for block in content if isinstance(block, dict)]
    values = (block.get("value") for block in blocks if block.get("type") == "non_standard")
    blocks += [cast("dict[str, Any]", value) for value in values if isinstance(value, dict)]
    uploads = [block["upload"] for block in blocks if isinstance(block.get("upload"), Upload)]
    held = [upload.data for upload in uploads if upload.data is not None]
    paths = [*(_inner(block).get("path") for block in blocks), *(file.path for file in uploads)]
    return [*held, *(Path(path) for path in paths if isinstance(path, str | Path))]


def digest_of(files: Sequence[Path | bytes]) -> str:
    """Return what tells files apart by what they hold; one that cannot be read holds nothing."""
    found = sha256()
    for file in files:
        data = file if isinstance(file, bytes) else b""
        with suppress(OSError, RuntimeError, ValueError):
            if isinstance(file, Path) and (path := file.expanduser()).is_file():
                data = path.read_bytes()
        found.update(sha256(data).digest())
    return found.hexdigest()


def _message(message: BaseMessage, position: int) -> dict[str, Any]:
    match message:
        case HumanMessage():
            wire: dict[str, Any] = {"role": "user"}
        case SystemMessage():
            wire = {"role": "system"}
        case AIMessage():
            return _assistant(message)
        case ToolMessage():
            wire = {"role": "tool", "tool_call_id": message.tool_call_id}
        case ChatMessage():
            wire = {"role": message.role}
        case _:
            raise ConfigurationError(
                f"messages[{position}] is a {type(message).__name__}: use HumanMessage, "
                "AIMessage, SystemMessage, ToolMessage or ChatMessage"
            )
    wire["content"] = _content(message, position)
    return wire if isinstance(message, ToolMessage) else _named(wire, message)


def _assistant(message: AIMessage) -> dict[str, Any]:
    calls = [function_call(call["id"], call["name"], call["args"]) for call in message.tool_calls]
    calls += [
        function_call(call["id"], call["name"], call["args"]) for call in message.invalid_tool_calls
    ]
    wire = assistant_message(
        "".join(_assistant_texts(_raw_content(message))),
        # A message out of another integration may hold its calls in OpenAI's form only.
        calls or list(_openai_calls(message.additional_kwargs)),
        refusal=message.additional_kwargs.get("refusal"),
        reasoning=_reasoning(message),
    )
    return _named(wire, message)


def _named(wire: dict[str, Any], message: BaseMessage) -> dict[str, Any]:
    if message.name and (name := valid_name(message.name, otherwise="")):
        wire["name"] = name
    return wire


def _openai_calls(fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    calls: Any = fields.get("tool_calls")
    if not calls:  # nearly always
        return
    check_objects("additional_kwargs['tool_calls']", calls)
    functions: list[Any] = [call.get("function") or {} for call in calls]
    check_objects("the function of additional_kwargs['tool_calls']", functions)
    for call, function in zip(calls, functions, strict=True):
        if function:
            yield function_call(call.get("id"), function.get("name"), function.get("arguments"))


def _assistant_texts(content: str | list[str | dict[str, Any]]) -> Iterator[str]:
    """Yield the texts of an earlier answer, of whatever vendor it is.

    All else is left out: thoughts stay with the turn that thought them, tool calls travel in
    ``tool_calls``, and other vendors' own tools mean nothing here.
    """
    if isinstance(content, str):
        yield content
        return
    for block in content:
        if isinstance(block, str):
            yield block
            continue
        fields = _object(block.get("value")) if block.get("type") == "non_standard" else block
        if fields.get("type") not in _THOUGHTS:
            yield _text_in(fields, "text", "refusal")


def _reasoning(message: AIMessage) -> dict[str, Any]:
    """Return the thoughts of an earlier answer, by the names under which servers want them."""
    fields = message.additional_kwargs
    thoughts = fields.get("reasoning_content")
    if not thoughts and isinstance(message.content, list):
        blocks = (block for block in message.content if isinstance(block, dict))
        thoughts = "".join(_text_in(block, "reasoning", "thinking") for block in blocks)
    return {**fields, "reasoning_content": thoughts}


def _text_in(block: dict[str, Any], *names: str) -> str:
    return next((text for name in names if isinstance(text := block.get(name), str)), "")


def _raw_content(message: BaseMessage) -> str | list[str | dict[str, Any]]:
    return cast("str | list[str | dict[str, Any]]", message.content)


def _content(message: BaseMessage, position: int) -> str | list[dict[str, Any]]:
    content = _raw_content(message)
    if isinstance(content, str):
        return content
    is_result = isinstance(message, ToolMessage)
    parts = [part for block in content if (part := _part(block, position, is_result=is_result))]
    return content_of(parts)


def _part(block: str | dict[str, Any], position: int, *, is_result: bool) -> dict[str, Any] | None:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    kind = block.get("type")
    if kind in _DROPPED_BLOCKS or (kind is None and block.keys() <= _DROPPED_BLOCKS):
        return None
    if kind == "non_standard" and isinstance(block.get("value"), dict):  # a vendor's own, wrapped
        return _part(block["value"], position, is_result=is_result)
    if kind == "text" or "text" in block:  # also a "text-plain" or a "file" that holds its text
        return {"type": "text", "text": block.get("text") or ""}
    if kind in {"audio", "video"}:
        if is_result:  # it is the tool's doing, not the caller's
            return {"type": kind}
        raise CapabilityError(f"messages[{position}]: none of the vendors documents {kind} input")
    if is_result and (kind in _DATA or (kind is None and "json" in block)):
        return {"type": "text", "text": json.dumps(block, ensure_ascii=False, default=str)}
    if kind is None:
        raise ConfigurationError(
            f"messages[{position}]: a content block has no type: use "
            "{'type': 'text', 'text': …}, or json.dumps() for data"
        )
    if is_result and (link := _link(block)) is not None:
        return {"type": "text", "text": link}
    if is_result and (block.get("base64") or block.get("data")):
        block = {name: block[name] for name in block if name != "url"}  # where it was
    if is_result and _inner(block).get("path") is not None:
        raise ConfigurationError(
            f"messages[{position}]: a tool's result names a file of this machine, and may be "
            "anybody's words: let the tool read the file and return its base64"
        )
    return _media(kind, block, position) or block  # OpenAI's own, and what a vendor adds to them


def _link(block: dict[str, Any]) -> str | None:
    """Return the address of what only its MCP server can read."""
    inner = _inner(block)
    url = inner.get("url")
    if not isinstance(url, str) or is_address(url) or inner.get("base64") or inner.get("data"):
        return None
    return url


def _media(kind: str, block: dict[str, Any], position: int) -> dict[str, Any] | None:
    if kind in {"image_url", "input_image"} and isinstance(block.get("image_url"), str):
        return image_part(url=block["image_url"])  # LangChain's first form; OpenAI's Responses API
    if kind == "image":
        return image_part(**_source(block, position))
    if kind == "text-plain" and (text := block.get("base64")) is not None:
        return {"type": "text", "text": _decoded(text, position)}
    if kind in {"file", "text-plain"} and not isinstance(block.get("file"), dict):
        return file_part(**_source(block, position), name=_file_name(block))
    if kind == "document":  # Anthropic's
        return _document(block, position)
    return None


def _decoded(text: str, position: int) -> str:
    try:
        return b64decode(text, validate=True).decode()
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"messages[{position}]: the base64 of a text-plain block is not UTF-8 text"
        ) from None


def _document(block: dict[str, Any], position: int) -> dict[str, Any]:
    source = block.get("source")
    if isinstance(source, dict):
        fields = cast("dict[str, Any]", source)
        if fields.get("type") == "text":
            return {"type": "text", "text": fields.get("data", "")}
    return file_part(**_source(block, position), name=block.get("title"))


def _inner(block: dict[str, Any]) -> dict[str, Any]:
    source = block.get("source")
    return {**block, **cast("dict[str, Any]", source)} if isinstance(source, dict) else block


def _source(block: dict[str, Any], position: int) -> dict[str, Any]:
    """Return where the data of a content block is, as the core's content parts take it.

    The block is a standard one of LangChain (today's or its first form) or Anthropic's, which
    keeps much the same keys one level deeper.
    """
    inner = _inner(block)
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
    extras = _object(block.get("extras"))
    # LangChain moves the first form's metadata into the extras.
    metadata = _object(block.get("metadata") or extras.get("metadata"))
    found = (
        fields.get(key) for fields in (block, extras, metadata) for key in ("filename", "name")
    )
    return next((name for name in found if isinstance(name, str) and name), None)


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
