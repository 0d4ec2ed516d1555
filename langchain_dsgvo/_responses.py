"""Answers as LangChain's messages, whole or piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall
from langchain_core.messages import ToolCall as LangChainToolCall
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from dsgvo import PROVIDERS, Completion, Delta, ToolCall
from dsgvo.wire.completion import METADATA_FIELDS
from dsgvo.wire.messages import tool_arguments
from dsgvo.wire.usage import added, numbers, token_counts
from langchain_dsgvo._content_blocks import blocks_of_chunk, content_blocks
from langchain_dsgvo._langchain_internals import first_call_index, force_invalid, text_chunk

__all__ = ["combined_output", "first_call_index", "to_chunks", "to_result", "usage_metadata"]

# LangChain would make calls of what came beside the message, which are not its own.
_NO_PART = METADATA_FIELDS | {"tool_calls"}

for _provider in PROVIDERS:  # as their answers name it in ``model_provider``
    register_translator(_provider, content_blocks, blocks_of_chunk)


def to_result(completion: Completion, model: str) -> ChatResult:
    """Return a whole answer as LangChain's result of one generation.

    Args:
        completion: The answer.
        model: The model that was asked, for answers that do not name theirs.
    """
    calls: list[LangChainToolCall] = []
    broken: list[InvalidToolCall] = []
    for call in completion.tool_calls:
        args = tool_arguments(call.arguments)
        if args is None or not call.name:
            broken.append(
                invalid_tool_call(
                    name=call.name,
                    args=call.arguments,
                    id=call.id,
                    error="the arguments are not a JSON object"
                    if call.name
                    else "no tool is named",
                )
            )
        else:
            calls.append(tool_call(name=call.name, args=args, id=call.id))
    metadata = _metadata(completion, model)
    message = AIMessage(
        content=completion.content,
        name=_name(completion),
        additional_kwargs=_additional(completion),
        response_metadata=metadata,
        tool_calls=calls,
        invalid_tool_calls=broken,
        usage_metadata=usage_metadata(completion.usage),
    )
    generation = ChatGeneration(
        message=message, generation_info={"finish_reason": completion.finish_reason}
    )
    # LangChain puts it into the message's metadata as well.
    output = {name: metadata[name] for name in ("token_usage", "model_name") if name in metadata}
    return ChatResult(generations=[generation], llm_output=output)


def combined_output(outputs: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Return what ``generate`` says of several answers: the sum of their counts, and the model."""
    used: dict[str, Any] | None = None
    names: dict[str, str] = {}
    for output in filter(None, outputs):  # there is none for an answer out of the cache
        names["model_name"] = output["model_name"]
        used = added(used, numbers(output.get("token_usage")))
    return {"token_usage": used or {}, **names}


def to_chunks(delta: Delta, model: str, first_call: int = 0) -> Sequence[ChatGenerationChunk]:
    """Return a piece of an answer as LangChain's chunks, none if it brings no text.

    What is known of the answer as a whole comes with its last chunk. Thoughts have a chunk of their
    own: LangChain's events know a block by its place in a chunk, so that a text beside thoughts
    would be another one than the text before and after it, and the answer out of order.

    Args:
        delta: The piece.
        model: The model that was asked, for answers that do not name theirs.
        first_call: Index of the answer's first tool call; see :func:`first_call_index`.
    """
    completion = delta.completion
    if delta.content and not (delta.tool_calls or delta.reasoning or completion):  # nearly all
        return (text_chunk(delta.content),)
    chunks: list[ChatGenerationChunk] = []
    if delta.reasoning:
        # Where LangChain looks for thoughts to give a standard ``reasoning`` content block.
        thoughts = {"reasoning_content": delta.reasoning}
        chunks.append(_chunk(AIMessageChunk(content="", additional_kwargs=thoughts)))
    calls = [
        tool_call_chunk(
            name=call.name, args=call.arguments, id=call.id, index=first_call + call.index
        )
        for call in delta.tool_calls
    ]
    if completion is not None:
        calls += [
            tool_call_chunk(name=None, args=end, id=None, index=first_call + index)
            for index, call in enumerate(completion.tool_calls)
            if (end := _invalid_end(call))
        ]
    if calls or (delta.content and completion is None):
        content = "" if completion else delta.content
        chunks.append(_chunk(AIMessageChunk(content=content, tool_call_chunks=calls)))
    if completion is not None:
        chunks.append(_last_chunk(delta.content, completion, model))
    return chunks


def _chunk(message: AIMessageChunk) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=message)


def _last_chunk(content: str, completion: Completion, model: str) -> ChatGenerationChunk:
    additional = _additional(completion)
    if completion.reasoning:  # it has come piece by piece
        del additional["reasoning_content"]
    message = AIMessageChunk(
        content=content,
        name=_name(completion),
        additional_kwargs=additional,
        response_metadata=_metadata(completion, model),
        usage_metadata=usage_metadata(completion.usage),
        chunk_position="last",
    )
    return ChatGenerationChunk(
        message=message, generation_info={"finish_reason": completion.finish_reason}
    )


def _invalid_end(call: ToolCall) -> str:
    """Return what makes LangChain see that a streamed call cannot be made, if it cannot be."""
    if call.name and tool_arguments(call.arguments) is not None:
        return ""
    return force_invalid(call.arguments) or "}"


def _name(completion: Completion) -> str | None:
    name = completion.extra.get("name")
    return name if isinstance(name, str) else None


def _additional(completion: Completion) -> dict[str, Any]:
    fields = {name: value for name, value in completion.extra.items() if name not in _NO_PART}
    if completion.reasoning:
        fields["reasoning_content"] = completion.reasoning
    if completion.refusal:
        fields["refusal"] = completion.refusal
    return fields


def _metadata(completion: Completion, model: str) -> dict[str, Any]:
    metadata = {
        **{name: value for name, value in completion.extra.items() if name in METADATA_FIELDS},
        "finish_reason": completion.finish_reason,
        "model_name": completion.model or model,
        "model_provider": completion.provider,
        "id": completion.id,
        "created": completion.created,
        "system_fingerprint": completion.system_fingerprint,
        "request_id": completion.request_id,
        "headers": completion.headers,
        "token_usage": completion.usage,
        "continued": completion.continued or None,
    }
    return {name: value for name, value in metadata.items() if value is not None}


def usage_metadata(usage: dict[str, Any] | None) -> UsageMetadata | None:
    """Return a vendor's token counts as LangChain has them."""
    counts = token_counts(usage)
    if counts is None:
        return None
    metadata = UsageMetadata(
        input_tokens=counts.prompt, output_tokens=counts.completion, total_tokens=counts.total
    )
    read = InputTokenDetails()
    if counts.cache_read is not None:
        read["cache_read"] = counts.cache_read
    if counts.cache_creation is not None:
        read["cache_creation"] = counts.cache_creation
    if counts.prompt_audio is not None:
        read["audio"] = counts.prompt_audio
    wrote = OutputTokenDetails()
    if counts.reasoning is not None:
        wrote["reasoning"] = counts.reasoning
    if counts.completion_audio is not None:
        wrote["audio"] = counts.completion_audio
    if read:
        metadata["input_token_details"] = read
    if wrote:
        metadata["output_token_details"] = wrote
    return metadata
