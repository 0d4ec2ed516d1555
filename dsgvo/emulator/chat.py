"""Chat completions: from a checked request to the bytes of the answer."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from dsgvo.emulator.answers import answer as unscripted
from dsgvo.emulator.answers.words import pieces
from dsgvo.emulator.checks import check
from dsgvo.emulator.dialect import Dialect
from dsgvo.emulator.jsons import JsonObject, as_list, as_object, as_text, dumps
from dsgvo.emulator.state import State
from dsgvo.emulator.steps import Reply, Step, Truncate
from dsgvo.emulator.values import CREATED, FINGERPRINT, Call, HttpReply, json_reply, reasoning_of
from dsgvo.providers import PROVIDERS

_ARGUMENTS_PIECE = 12  # characters of a call's arguments in a piece of a stream
_STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_DONE = b"data: [DONE]\n\n"


async def complete(dialect: Dialect, state: State, call: Call, step: Step) -> HttpReply:
    """Answer a chat request."""
    body = check(dialect.chat, call.body, dialect.field_status)
    dialect.refuse(call)
    created = {"created": CREATED} if dialect.has_created else {}
    head = {"id": dialect.make_id(call.key), "model": body["model"], **created}
    head["system_fingerprint"] = FINGERPRINT
    wanted = as_object(body.get("stream_options")).get("include_usage") is True
    answer, limits = step.answer(), body
    if answer is None and state.upstream:
        if dialect.streams(call):
            chunks = await state.upstream.chunks(body, call)
            source = _relayed(dialect, head, chunks, wanted=wanted)
            return HttpReply(200, _STREAM, [], source=source)
        answer, limits = _in_dialect(dialect, await state.upstream.answer(body, call)), {}
    elif answer is None:
        answer = unscripted(PROVIDERS[dialect.name].title, body, call.uploads)
        answer = dialect.present(answer, body["model"])
    answer = _finished(answer, call.key, limits)
    streamed = dialect.streams(call) if answer.stream is None else answer.stream
    usage = _usage(dialect, body, answer, call)
    speed = state.pace if answer.pace is None else answer.pace
    limit = PROVIDERS[dialect.name].closes_after and state.closes_after  # at a pace of the events
    chunks = _chunks(dialect, head, answer, usage if wanted else None)
    writes = [_event(chunk) for chunk in chunks] if streamed or limit else []
    reply = HttpReply(200, _STREAM, [*writes, _DONE], speed)
    reply = reply if streamed else json_reply(200, _plain(head, answer, usage))
    if limit and speed * len(writes) > limit:
        return Truncate(int(limit / speed), clean=streamed).transform_response(reply)
    return reply


def _in_dialect(dialect: Dialect, answer: Reply) -> Reply:
    """Return the answer of an upstream server with what the vendor adds, without what it omits."""
    more = dialect.more_usage(answer.content or "")
    usage = None if answer.usage is None else {**answer.usage, **more}
    reasoning = answer.reasoning if dialect.thinks_aloud else None
    return replace(answer, usage=usage, reasoning=reasoning)


class _Aloud:
    """Writes the thoughts of a stream into its text, or leaves them out."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self.thinking = False

    def delta(self, given: JsonObject, *, ends: bool) -> JsonObject:
        delta = {n: given[n] for n in ("role", "content", "tool_calls") if given.get(n) is not None}
        content = as_text(given.get("content") or given.get("refusal"))
        thought = reasoning_of(given)
        if thought and self.wanted:
            content = thought + content if self.thinking else f"<think>\n{thought}{content}"
            self.thinking = True
        elif self.thinking and (content or ends or delta.get("tool_calls")):
            content, self.thinking = f"\n</think>\n\n{content}", False
        return delta | ({"content": content} if content else {})


async def _relayed(
    dialect: Dialect, head: JsonObject, chunks: AsyncGenerator[JsonObject], *, wanted: bool
) -> AsyncGenerator[bytes]:
    """Write the chunks of an upstream server in a dialect; without an end if they have none."""
    said, usage, ended, aloud = "", {}, False, _Aloud(dialect.thinks_aloud)
    async with aclosing(chunks):
        async for chunk in chunks:
            if chunk.get("error"):
                yield _event({"error": chunk["error"]})
                return
            usage = as_object(chunk.get("usage")) or usage
            for choice in map(as_object, as_list(chunk.get("choices"))[:1]):
                reason = choice.get("finish_reason")
                delta = aloud.delta(as_object(choice.get("delta")), ends=bool(reason))
                said += as_text(delta.get("content"))
                ended = ended or bool(reason)
                if delta or reason:
                    yield _event(_chunk(head, delta, reason))
    if wanted and usage:
        yield _event(_chunk(head, {}) | {"choices": [], "usage": usage | dialect.more_usage(said)})
    if ended:
        yield _DONE


def _finished(answer: Reply, key: str, body: JsonObject) -> Reply:
    """Lay an answer out.

    ``stop`` and ``max_tokens`` cut it, thoughts go into the text, calls get OpenAI's shape.
    """
    content, chunks = answer.content, answer.chunks
    usual = "tool_calls" if answer.tool_calls else "stop"
    reason = usual if answer.finish_reason is None else answer.finish_reason or None
    if chunks is not None:
        content = "".join(chunks)
    elif content:
        stop: Any = body.get("stop") or []
        for one in [stop] if isinstance(stop, str) else stop:
            content = content.partition(one)[0]
    if answer.reasoning is not None and answer.reasoning_field is None:
        thought = f"<think>\n{answer.reasoning}\n</think>\n\n"
        content = thought + (content or "")
        chunks = None if chunks is None else (thought, *chunks)
    calls = [_tool_call(one, f"call_{key[:20]}{n:02d}") for n, one in enumerate(answer.tool_calls)]
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    if limit and content and chunks is None and len(parts := pieces(content)) > limit:
        content, reason, calls = "".join(parts[:limit]), "length", []
    return replace(answer, content=content, chunks=chunks, tool_calls=calls, finish_reason=reason)


def _tool_call(call: Any, name: str) -> JsonObject:
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else dumps(arguments)
    function = {"name": call["name"], "arguments": text}
    return {"id": call.get("id") or name, "type": "function", "function": function}


def _plain(head: JsonObject, answer: Reply, usage: JsonObject | None) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": answer.content}
    if answer.reasoning is not None and answer.reasoning_field:
        message[answer.reasoning_field] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = answer.tool_calls
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
    whole = {**head, "object": "chat.completion", "choices": [choice]}
    return whole if usage is None else {**whole, "usage": usage}


def _chunk(head: JsonObject, delta: JsonObject, finish_reason: str | None = None) -> JsonObject:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {**head, "object": "chat.completion.chunk", "choices": [choice]}


def _chunks(dialect: Dialect, head: JsonObject, answer: Reply, usage: Any) -> Iterator[JsonObject]:
    for delta in _deltas(answer):
        yield _chunk(head, delta)
    last, told = _chunk(head, {}, answer.finish_reason), {"usage": usage} if usage else {}
    yield last if dialect.usage_apart else last | told
    if told and dialect.usage_apart:
        yield {**_chunk(head, {}), "choices": [], **told}


def _deltas(answer: Reply) -> Iterator[JsonObject]:
    yield {"role": "assistant", "content": ""}
    if answer.reasoning is not None and answer.reasoning_field:
        for piece in pieces(answer.reasoning):
            yield {answer.reasoning_field: piece}
    for piece in answer.chunks if answer.chunks is not None else pieces(answer.content or ""):
        yield {"content": piece}
    for position, call in enumerate(answer.tool_calls):
        index = {} if answer.omit_index else {"index": position}
        arguments = call["function"]["arguments"]
        opened = {**call, "function": {**call["function"], "arguments": ""}}
        yield {"tool_calls": [{**index, **opened}]}
        for start in range(0, len(arguments), _ARGUMENTS_PIECE):
            piece = {"arguments": arguments[start : start + _ARGUMENTS_PIECE]}
            yield {"tool_calls": [{**index, "function": piece}]}


def _usage(dialect: Dialect, body: JsonObject, answer: Reply, call: Call) -> JsonObject | None:
    if answer.usage is not None:
        return dict(answer.usage) or None
    asked = sum(_size(message) for message in body["messages"])
    asked += sum(len(pieces(dumps(tool))) for tool in body.get("tools", []))
    asked += sum(upload.size // 100 + 1 for upload in call.uploads)
    content, functions = answer.content or "", [one["function"] for one in answer.tool_calls]
    said = len(pieces(content)) if answer.chunks is None else len(answer.chunks)
    said += len(pieces(answer.reasoning or "")) if answer.reasoning_field else 0
    said += sum(len(pieces(one["name"] + one["arguments"])) for one in functions)
    usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    return {**usage, **dialect.more_usage(content)}


def _size(message: JsonObject) -> int:
    """Count a message: three for its frame, and the pieces of its text, calls and links."""
    content: Any = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else as_list(content)
    texts = [as_text(part.get("text")) for part in parts]
    links = sum(part["type"] != "text" for part in parts)
    calls = [dumps(call) for call in as_list(message.get("tool_calls"))]
    return 3 + 85 * links + sum(len(pieces(text)) for text in [*texts, *calls])


def _event(payload: Any) -> bytes:
    return f"data: {dumps(payload)}\n\n".encode()
