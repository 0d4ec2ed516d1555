"""Chat completions: from a checked request to the bytes of the answer."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from dsgvo.emulator.answers import answer as unscripted
from dsgvo.emulator.answers import read_prompt
from dsgvo.emulator.checks import validate
from dsgvo.emulator.dialect import Dialect
from dsgvo.emulator.gate import json_reply
from dsgvo.emulator.jsons import JsonObject, as_list, as_object, as_text, dumps
from dsgvo.emulator.sse import DONE, HEADERS, event, pieces
from dsgvo.emulator.state import State
from dsgvo.emulator.steps import Step
from dsgvo.emulator.values import Answer, Call, HttpReply, ToolCall, reasoning_of

FINGERPRINT = "emulator-1"
CREATED = 1775000000
"""The same on every answer: a recording made twice is the same twice."""

_ARGUMENTS_PIECE = 12


async def complete(dialect: Dialect, call: Call, step: Step, state: State) -> HttpReply:
    """Answer a chat request.

    Args:
        dialect: The vendor's.
        call: The request.
        step: The scripted step for it.
        state: The server's memory, with its pace and its upstream server.

    Returns:
        Plain JSON or a stream, as the dialect has it.

    Raises:
        ApiError: If the vendor's page rules the request out.
    """
    body = validate(dialect, call.body)
    dialect.refuse(call)
    model = as_text(body["model"])
    head: JsonObject = {"id": dialect.make_id(call.key), "model": model}
    if dialect.has_created:
        head["created"] = CREATED
    head["system_fingerprint"] = FINGERPRINT
    wanted = as_object(body.get("stream_options")).get("include_usage") is True
    answer, limits = step.answer(), body
    if answer is None and state.upstream:
        if dialect.streams(call):
            chunks = await state.upstream.chunks(body, call)
            source = _relayed(dialect, head, chunks, wanted=wanted)
            return HttpReply(200, HEADERS, [], source=source)
        answer, limits = _in_dialect(dialect, await state.upstream.answer(body, call)), {}
    elif answer is None:
        answer = _limited(unscripted(read_prompt(dialect.title, body, call.uploads)), body)
        answer = dialect.present(answer, model)
    answer = _finished(answer, call.key, limits)
    streamed = dialect.streams(call) if answer.stream is None else answer.stream
    usage = _usage(dialect, body, answer, call)
    if not streamed:
        return json_reply(200, _plain(head, answer, usage))
    writes = [event(chunk) for chunk in _chunks(head, answer, usage if wanted else None)]
    speed = state.pace if answer.pace is None else answer.pace
    return HttpReply(200, HEADERS, [*writes, DONE], speed)


def _in_dialect(dialect: Dialect, answer: Answer) -> Answer:
    """Return the answer of an upstream server with what the vendor adds, without what it omits."""
    more = dialect.more_usage(answer.content or "")
    usage = None if answer.usage is None else {**answer.usage, **more}
    return replace(
        answer, usage=usage, reasoning=answer.reasoning if dialect.thinks_aloud else None
    )


async def _relayed(
    dialect: Dialect, head: JsonObject, chunks: AsyncGenerator[JsonObject], *, wanted: bool
) -> AsyncGenerator[bytes]:
    """Write the chunks of an upstream server in a dialect; without an end if they have none."""
    frame = {**head, "object": "chat.completion.chunk"}
    said, usage, ended, thinking = "", {}, False, False
    async with aclosing(chunks):
        async for chunk in chunks:
            if "error" in chunk:
                yield event({"error": chunk["error"]})
                return
            usage = as_object(chunk.get("usage")) or usage
            for choice in as_list(chunk.get("choices"))[:1]:
                delta = {
                    key: value
                    for key, value in as_object(choice.get("delta")).items()
                    if key in ("role", "content", "tool_calls") and value is not None
                }
                thought = reasoning_of(as_object(choice.get("delta")))
                reason = choice.get("finish_reason")
                content = as_text(delta.get("content"))
                if thought and dialect.thinks_aloud:
                    content = thought + content if thinking else f"<think>\n{thought}{content}"
                    thinking = True
                elif thinking and (content or reason or delta.get("tool_calls")):
                    content, thinking = f"\n</think>\n\n{content}", False
                said += content
                ended = ended or bool(reason)
                if content:
                    delta["content"] = content
                if delta or reason:
                    yield event(
                        {
                            **frame,
                            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
                        }
                    )
    if wanted and usage:
        yield event({**frame, "choices": [], "usage": {**usage, **dialect.more_usage(said)}})
    if ended:
        yield DONE


def _limited(answer: Answer, body: JsonObject) -> Answer:
    """Apply ``stop`` and ``max_tokens`` to the text of an answer."""
    content = answer.content
    if not content:
        return answer
    stop = body.get("stop")
    sequences = [stop] if isinstance(stop, str) else as_list(stop)
    found = [at for at in (content.find(sequence) for sequence in sequences) if at >= 0]
    if found:
        answer = replace(answer, content=content[: min(found)], finish_reason="stop")
    return answer


def _finished(answer: Answer, key: str, body: JsonObject) -> Answer:
    """Fill in ids and the finish reason, move thoughts into the text, and cut to ``max_tokens``."""
    calls = tuple(
        replace(tool, id=tool.id or f"call_{key[:20]}{position:02d}")
        for position, tool in enumerate(answer.tool_calls)
    )
    content = answer.content
    chunks = answer.chunks
    if answer.reasoning is not None and answer.reasoning_field is None:
        thought = f"<think>\n{answer.reasoning}\n</think>\n\n"
        content = thought + (content or "")
        chunks = None if chunks is None else (thought, *chunks)
    reason = answer.finish_reason or ("tool_calls" if calls else "stop")
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    if limit and content and chunks is None and len(parts := pieces(content)) > limit:
        content, reason, calls = "".join(parts[:limit]), "length", ()
    return replace(answer, content=content, chunks=chunks, tool_calls=calls, finish_reason=reason)


def _plain(head: JsonObject, answer: Answer, usage: JsonObject | None) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": answer.content}
    if answer.reasoning is not None and answer.reasoning_field:
        message[answer.reasoning_field] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [_tool_call(call) for call in answer.tool_calls]
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
    whole = {**head, "object": "chat.completion", "choices": [choice]}
    return whole if usage is None else {**whole, "usage": usage}


def _chunks(head: JsonObject, answer: Answer, usage: JsonObject | None) -> Iterator[JsonObject]:
    frame = {**head, "object": "chat.completion.chunk"}

    def chunk(delta: JsonObject, finish_reason: str | None = None) -> JsonObject:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return {**frame, "choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    if answer.reasoning is not None and answer.reasoning_field:
        for piece in pieces(answer.reasoning):
            yield chunk({answer.reasoning_field: piece})
    for piece in answer.chunks if answer.chunks is not None else pieces(answer.content or ""):
        yield chunk({"content": piece})
    for position, call in enumerate(answer.tool_calls):
        for delta in _tool_deltas(call):
            index: JsonObject = {} if answer.omit_index else {"index": position}
            yield chunk({"tool_calls": [index | delta]})
    yield chunk({}, answer.finish_reason)
    if usage is not None:
        yield {**frame, "choices": [], "usage": usage}


def _tool_call(call: ToolCall) -> JsonObject:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _tool_deltas(call: ToolCall) -> Iterator[JsonObject]:
    yield _tool_call(replace(call, arguments=""))
    for start in range(0, len(call.arguments), _ARGUMENTS_PIECE):
        yield {"function": {"arguments": call.arguments[start : start + _ARGUMENTS_PIECE]}}


def _usage(dialect: Dialect, body: JsonObject, answer: Answer, call: Call) -> JsonObject | None:
    if answer.usage is not None:
        return dict(answer.usage) or None
    asked = sum(_size(message) for message in as_list(body["messages"]))
    asked += sum(len(pieces(dumps(tool))) for tool in as_list(body.get("tools")))
    asked += sum(len(upload.data) // 100 + 1 for upload in call.uploads)
    content = answer.content or ""
    said = len(pieces(content)) if answer.chunks is None else len(answer.chunks)
    said += len(pieces(answer.reasoning or "")) if answer.reasoning_field else 0
    said += sum(len(pieces(tool.name + tool.arguments)) for tool in answer.tool_calls)
    usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    return {**usage, **dialect.more_usage(content)}


def _size(message: JsonObject) -> int:
    """Count a message: three for its frame, and the pieces of its text, calls and links."""
    content: Any = message.get("content")
    parts = [content] if isinstance(content, str) else as_list(content)
    texts = [part if isinstance(part, str) else as_text(part.get("text")) for part in parts]
    links = sum(1 for part in parts if not isinstance(part, str) and part["type"] != "text")
    calls = [dumps(call) for call in as_list(message.get("tool_calls"))]
    return 3 + 85 * links + sum(len(pieces(text)) for text in [*texts, *calls])
