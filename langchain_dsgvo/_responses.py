"""Answers as LangChain's messages, whole or piece by piece."""

from __future__ import annotations

import json
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall
from langchain_core.messages import ToolCall as LangChainToolCall
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.json import parse_partial_json
from pydantic_core import from_json

from dsgvo import Completion, Delta

__all__ = ["first_call_index", "to_chunk", "to_result"]


def to_result(completion: Completion) -> ChatResult:
    """Return a whole answer as LangChain's result of one generation."""
    calls: list[LangChainToolCall] = []
    broken: list[InvalidToolCall] = []
    for call in completion.tool_calls:
        args = _arguments(call.arguments)
        if args is None:
            broken.append(
                invalid_tool_call(
                    name=call.name,
                    args=call.arguments,
                    id=call.id,
                    error="the arguments are not a JSON object",
                )
            )
        else:
            calls.append(tool_call(name=call.name, args=args, id=call.id))
    message = AIMessage(
        content=completion.content,
        additional_kwargs=_additional(completion),
        response_metadata=_metadata(completion),
        tool_calls=calls,
        invalid_tool_calls=broken,
        usage_metadata=_usage(completion.usage),
    )
    generation = ChatGeneration(
        message=message, generation_info={"finish_reason": completion.finish_reason}
    )
    output = {"token_usage": completion.usage, "model_name": completion.model}
    return ChatResult(generations=[generation], llm_output=output)


def _arguments(text: str) -> dict[str, Any] | None:
    """Return a call's arguments, or nothing if they are no JSON object. None given is no fault."""
    try:
        args = from_json(text or "{}")
    except ValueError:
        try:
            args = json.loads(text, strict=False)  # models leave line breaks in texts unescaped
        except (ValueError, RecursionError):
            return None
    return cast("dict[str, Any]", args) if isinstance(args, dict) else None


def to_chunk(delta: Delta, first_call: int = 0) -> ChatGenerationChunk | None:
    """Return a piece of an answer as LangChain's chunk, or nothing if it brings no text.

    What is known of the answer as a whole comes with its last chunk.

    Args:
        delta: The piece.
        first_call: Index of the answer's first tool call; see :func:`first_call_index`.
    """
    if delta.completion is not None:
        return _last_chunk(delta, delta.completion, first_call)
    if delta.content and not delta.tool_calls and not delta.reasoning:  # nearly all
        return _text_chunk(delta.content)
    if delta.content or delta.tool_calls or delta.reasoning:
        return ChatGenerationChunk(
            message=AIMessageChunk(
                content=delta.content,
                additional_kwargs=_thoughts(delta),
                tool_call_chunks=[
                    tool_call_chunk(
                        name=call.name,
                        args=call.arguments,
                        id=call.id,
                        index=first_call + call.index,
                    )
                    for call in delta.tool_calls
                ],
            )
        )
    return None


_MESSAGE = AIMessageChunk(content="")
_CHUNK = ChatGenerationChunk(message=_MESSAGE)
_CONTAINERS: list[tuple[str, type]] = [
    (name, kind)
    for name, value in vars(_MESSAGE).items()
    for kind in (list, dict)
    if type(value) is kind
]


def _text_chunk(text: str) -> ChatGenerationChunk:
    """Return a chunk of plain text.

    It is a copy with containers of its own: there is nothing to validate, and validating two
    models is half of what a streamed token costs.
    """
    message = _MESSAGE.model_copy()
    fields = vars(message)
    for name, kind in _CONTAINERS:
        fields[name] = kind()
    fields["content"] = text
    chunk = _CHUNK.model_copy()
    fields = vars(chunk)
    fields["message"] = message
    fields["text"] = text
    return chunk


def first_call_index(output_version: str | None) -> int:
    """Return the index of a streamed answer's first tool call.

    Under ``output_version="v1"`` LangChain numbers the blocks of text and thoughts itself, from 0
    on, and merges a tool call into the block that has its number.
    """
    return 1000 if output_version == "v1" else 0


def _last_chunk(delta: Delta, completion: Completion, first_call: int) -> ChatGenerationChunk:
    additional = {**_additional(completion), **_thoughts(delta)}
    if not delta.reasoning:
        additional.pop("reasoning_content", None)  # it has come piece by piece
    message = AIMessageChunk(
        content=delta.content,
        additional_kwargs=additional,
        response_metadata=_metadata(completion),
        usage_metadata=_usage(completion.usage),
        tool_call_chunks=[
            tool_call_chunk(name=None, args=end, id=None, index=first_call + index)
            for index, call in enumerate(completion.tool_calls)
            if _arguments(call.arguments) is None and (end := _beyond_mending(call.arguments))
        ],
        chunk_position="last",
    )
    return ChatGenerationChunk(
        message=message, generation_info={"finish_reason": completion.finish_reason}
    )


def _beyond_mending(arguments: str) -> str:
    """Return what to append to broken arguments so that LangChain sees that they are broken.

    When it adds up a stream, it closes whatever JSON is open, and half a call would be carried out
    as if it were whole. A bracket too many stops that, and the call becomes an invalid one, as it
    does in an answer that was not streamed.
    """
    brackets = "}" * (arguments.count("{") + 1)
    for end in ("", brackets, f'"{brackets}', f'""{brackets}'):
        try:
            mended = parse_partial_json(arguments + end)
        except (ValueError, RecursionError):
            return end
        if not isinstance(mended, dict):
            return end
    return ""


def _thoughts(delta: Delta) -> dict[str, Any]:
    # Where LangChain looks for thoughts to give a standard ``reasoning`` content block.
    return {"reasoning_content": delta.reasoning} if delta.reasoning else {}


def _additional(completion: Completion) -> dict[str, Any]:
    fields: dict[str, Any] = dict(completion.extra)
    if completion.reasoning:
        fields["reasoning_content"] = completion.reasoning
    if completion.refusal:
        fields["refusal"] = completion.refusal
    return fields


def _metadata(completion: Completion) -> dict[str, Any]:
    metadata = {
        "finish_reason": completion.finish_reason,
        "model_name": completion.model,
        "model_provider": completion.provider,
        "id": completion.id,
        "created": completion.created,
        "system_fingerprint": completion.system_fingerprint,
        "request_id": completion.request_id,
        "token_usage": completion.usage,
    }
    return {name: value for name, value in metadata.items() if value is not None}


def _usage(usage: dict[str, Any] | None) -> UsageMetadata | None:
    if not usage:
        return None
    read = _details(usage.get("prompt_tokens_details")).get("cached_tokens")
    thought = _details(usage.get("completion_tokens_details")).get("reasoning_tokens")
    prompt, answer = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    metadata = UsageMetadata(
        input_tokens=prompt,
        output_tokens=answer,
        total_tokens=usage.get("total_tokens") or prompt + answer,
    )
    if read is not None:
        metadata["input_token_details"] = InputTokenDetails(cache_read=read)
    if thought is not None:
        metadata["output_token_details"] = OutputTokenDetails(reasoning=thought)
    return metadata


def _details(value: object) -> dict[str, int]:
    return cast("dict[str, int]", value) if isinstance(value, dict) else {}
