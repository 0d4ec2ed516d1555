"""The core's answers as LlamaIndex's: one logic, fed with deltas, for sync and async."""

from __future__ import annotations

from typing import Any, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ContentBlock,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms.llm import ToolSelection
from pydantic_core import from_json

from dsgvo import Completion, Delta, ToolCall
from dsgvo.errors import APIResponseError
from dsgvo.wire.completion import METADATA_FIELDS
from dsgvo.wire.messages import tool_arguments
from dsgvo.wire.usage import numbers, token_counts

__all__ = [
    "ModelOutputError",
    "RawResponse",
    "ResponseBuilder",
    "chat_response",
    "completion",
    "facts",
    "json_object",
    "tool_selections",
]


# Names that LlamaIndex's token counter looks for.
_COUNTED = frozenset(
    {
        *("prompt_tokens", "input_tokens", "prompt_token_count"),
        *("completion_tokens", "output_tokens", "candidates_token_count"),
    }
)

_WHY = {
    "length": "it was cut at max_tokens, raise it",
    "content_filter": "the vendor's content filter stopped it",
}


class ModelOutputError(APIResponseError, ValueError):
    """The model's answer is not what was asked of it.

    There is no tool call where one was required, its arguments are broken, or the answer does not
    fit the schema. Also a ``ValueError``, which is what LlamaIndex raises and catches here.
    """


class RawResponse(dict[str, Any]):
    """What the vendor said, as a plain dict whose keys also read as attributes.

    Examples:
        >>> RawResponse(choices=[{"message": {"content": "Ja."}}]).choices[0].message.content
        'Ja.'
    """

    def __getattr__(self, name: str) -> Any:
        """Return the value of a key, or raise as an object without the attribute does."""
        try:
            value = self[name]
        except KeyError:
            raise AttributeError(name) from None
        if isinstance(value, list):
            items = cast("list[object]", value)
            return [_readable(item) for item in items]
        return _readable(value)


def _readable(value: object) -> object:
    return RawResponse(cast("dict[str, Any]", value)) if type(value) is dict else value


class ResponseBuilder:
    """Turns the deltas of one stream into LlamaIndex's responses, each with all text so far.

    Args:
        single_call: Keep the first tool call alone.
    """

    __slots__ = ("_calls", "_single_call", "_text", "_thoughts")

    def __init__(self, *, single_call: bool = False) -> None:
        self._single_call = single_call
        self._text = ""
        self._thoughts = ""
        self._calls: list[ToolCall] = []

    def feed(self, delta: Delta) -> ChatResponse:
        """Take the next delta and return the response for it."""
        piece = delta.content + delta.refusal if delta.refusal else delta.content
        if delta.completion is not None:
            response = chat_response(delta.completion, single_call=self._single_call)
            response.delta = piece
        else:
            self._text += piece
            for call in delta.tool_calls:
                self._add(call.index, call.id, call.name, call.arguments)
            self._thoughts += delta.reasoning
            usage = _usage(delta.usage) if delta.usage else None
            response = ChatResponse(
                message=_message(self._text, self._thoughts, self._calls),
                delta=piece,
                raw=RawResponse(usage=usage, finish_reason=delta.finish_reason),
                additional_kwargs=numbers(usage) if usage else {},
            )
        if delta.reasoning:
            _additional(response)["thinking_delta"] = delta.reasoning
        return response

    def completion(self, delta: Delta) -> CompletionResponse:
        """Take the next delta and return it as the response of a text completion."""
        return completion(self.feed(delta))

    def _add(self, index: int, call_id: str | None, name: str | None, arguments: str) -> None:
        if self._single_call and index > 0:
            return
        if index == len(self._calls):
            self._calls.append(ToolCall(call_id or "", name or "", arguments))
            return
        call = self._calls[index]
        call.name += name or ""
        call.arguments += arguments


def chat_response(answer: Completion, *, single_call: bool = False) -> ChatResponse:
    """Return a whole answer as LlamaIndex's response.

    ``raw`` holds what the vendor said, with counts in ``usage`` as LlamaIndex's token counter
    reads them.
    """
    calls = answer.tool_calls[:1] if single_call else answer.tool_calls
    usage = _usage(answer.usage)
    message = _message(answer.content + answer.refusal, answer.reasoning, calls, answer.usage)
    for block in message.blocks:
        if isinstance(block, ToolCallBlock):
            text = str(block.tool_kwargs)
            parsed = tool_arguments(text) if block.tool_name else None
            block.tool_kwargs = text if parsed is None else parsed
    for name, value in answer.extra.items():
        # LlamaIndex takes these two for its own.
        if name not in METADATA_FIELDS and name not in {"images", "tool_calls"}:
            message.additional_kwargs[name] = value
    if answer.refusal:
        message.additional_kwargs["refusal"] = answer.refusal
    return ChatResponse(
        message=message,
        raw=_raw(answer, usage),
        logprobs=_logprobs(answer.extra.get("logprobs")),
        additional_kwargs=numbers(usage),
    )


def _raw(answer: Completion, usage: dict[str, Any] | None) -> RawResponse:
    calls = [_openai_form(call) for call in answer.tool_calls]
    message = {
        "role": "assistant",
        "content": answer.content,
        "reasoning_content": answer.reasoning,
        "refusal": answer.refusal,
        "tool_calls": calls,
    }
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
    return RawResponse(
        {
            **answer.extra,
            "provider": answer.provider,
            "id": answer.id,
            "model": answer.model,
            "created": answer.created,
            "choices": [choice],
            "content": answer.content,
            "reasoning": answer.reasoning,
            "refusal": answer.refusal,
            "tool_calls": calls,
            "finish_reason": answer.finish_reason,
            "usage": usage,
            "system_fingerprint": answer.system_fingerprint,
            "request_id": answer.request_id,
            **({"continued": answer.continued} if answer.continued else {}),
            **({"headers": answer.headers} if answer.headers is not None else {}),
        }
    )


def _logprobs(logprobs: Any) -> list[list[LogProb]] | None:
    """Return OpenAI's log probabilities: for each token the likeliest ones, or itself alone."""
    found: list[list[LogProb]] = []
    try:
        for token in logprobs["content"]:
            likeliest = token.get("top_logprobs") or [token]
            found.append([_logprob(one) for one in likeliest])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # another form stays in ``raw`` alone
    return found


def _logprob(fields: dict[str, Any]) -> LogProb:
    known = {name: value for name, value in fields.items() if value is not None}
    return LogProb.model_validate(known)


def completion(response: ChatResponse) -> CompletionResponse:
    """Return a chat response as the response of a text completion."""
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        logprobs=response.logprobs,
        additional_kwargs={
            **response.message.additional_kwargs,
            **_additional(response),
        },
    )


def facts(response: ChatResponse) -> dict[str, Any]:
    """Return what the vendor said beside the answer; empty for responses made elsewhere."""
    raw: object = response.raw
    return cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}


def json_object(text: str, *, growing: bool = False) -> dict[str, Any] | None:
    """Return the JSON object that a text is, or begins if it is still growing."""
    try:
        found: object = from_json(text, allow_partial="trailing-strings" if growing else False)
    except ValueError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def tool_selections(response: ChatResponse, provider: str) -> list[ToolSelection]:
    """Return the tools that a response calls, with what has come of their arguments.

    Raises:
        ModelOutputError: If the answer is whole and the arguments of a call are not a JSON object:
            mending them could call the tool with other arguments than the model meant.
    """
    calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    return [
        ToolSelection(
            tool_id=call.tool_call_id or "",
            tool_name=call.tool_name,
            tool_kwargs=_selected_arguments(call, number, facts(response), provider),
        )
        for number, call in enumerate(calls, 1)
    ]


def _selected_arguments(
    call: ToolCallBlock, number: int, raw: dict[str, Any], provider: str
) -> dict[str, Any]:
    if isinstance(call.tool_kwargs, dict):
        return call.tool_kwargs
    if "tool_calls" not in raw:  # the answer is still growing
        return json_object(call.tool_kwargs, growing=True) or {}
    why = _WHY.get(raw["finish_reason"], "the model wrote no valid JSON object")
    raise ModelOutputError(  # a model may write anything where the tool's name belongs
        f"the arguments of tool call {number} cannot be read: {why}",
        provider=provider,
        request_id=raw.get("request_id"),
    )


def _message(
    text: str, thoughts: str, calls: list[ToolCall], usage: dict[str, Any] | None = None
) -> ChatMessage:
    blocks: list[ContentBlock] = []
    if thoughts:
        blocks.append(ThinkingBlock(content=thoughts, num_tokens=_reasoning_tokens(usage)))
    if text or not calls:
        blocks.append(TextBlock(text=text))
    if not calls:
        return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks)
    blocks.extend(
        ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.arguments)
        for call in calls
    )
    # LlamaIndex's helpers for streamed objects look for tool calls here.
    additional = {"tool_calls": [_openai_form(call) for call in calls]}
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=additional)


def _openai_form(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _additional(response: ChatResponse) -> dict[str, Any]:
    return cast("dict[str, Any]", response.additional_kwargs)  # pyright: ignore[reportUnknownMemberType]


def _usage(usage: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a vendor's usage with OpenAI's counts in it, whatever it calls them."""
    if not usage:
        return usage
    told = {name: value for name, value in usage.items() if value is not None}
    counts = token_counts(usage)
    if counts is None:  # LlamaIndex would add up what is not a count
        return {**told, **dict.fromkeys(told.keys() & _COUNTED, 0)}
    return {
        **told,
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.total,
    }


def _reasoning_tokens(usage: dict[str, Any] | None) -> int | None:
    counts = token_counts(usage)
    return None if counts is None else counts.reasoning
