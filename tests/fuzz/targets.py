"""One target a reader of ``dsgvo.wire``: any bytes are understood or an error of ours.

A target takes bytes and raises only if the reader breaks a promise. Its first bytes choose how the
rest is read: whose answer it is, and where the bytes are split.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from dsgvo import PROVIDERS
from dsgvo.errors import APIStatusError, DsgvoError
from dsgvo.wire import masking, retry
from dsgvo.wire.account import decode_health, decode_quotas, decode_workspaces
from dsgvo.wire.assistants import decode_assistants, decode_run
from dsgvo.wire.body import InvalidJSONError, parse_json
from dsgvo.wire.chat import ChatDecoder, Completion, Delta
from dsgvo.wire.embeddings import Batch, decode_embeddings, is_too_large, may_refuse_base64
from dsgvo.wire.errors import error_from_body, redact
from dsgvo.wire.masking import EXCERPT
from dsgvo.wire.models import decode_image, decode_models
from dsgvo.wire.rerank import decode_rerank
from dsgvo.wire.sse import SSEDecoder, SSETooLargeError
from dsgvo.wire.thinking import ThinkSplitter, thought_text, thought_unopened
from dsgvo.wire.tools import ToolCall, ToolCallAssembler
from dsgvo.wire.usage import token_counts

SPECS = list(PROVIDERS.values())
_OWN_ID = re.compile(r"call_[0-9a-f]{32}")
PROMPT = "Der Patient Erwin Beispiel leidet an Gicht."


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut bytes into pieces of a size; of size 0 into one."""
    step = size or max(len(data), 1)
    return (data[at : at + step] for at in range(0, len(data), step))


def sse(data: bytes) -> None:
    def events(size: int) -> Any:
        decoder = SSEDecoder(max_bytes=200)
        try:
            return [event for piece in pieces(data[1:], size) for event in decoder.feed(piece)]
        except SSETooLargeError:
            return None

    assert events(data[0] % 8 if data else 0) == events(0)


def chat(data: bytes) -> None:
    """Any answer is whole or an error of ours, the same one wherever its bytes are split."""
    head, body = data[:2].ljust(2, b"\0"), data[2:]

    def answer(size: int) -> tuple[Any, list[Delta]]:
        spec, thinking = SPECS[head[0] % len(SPECS)], ("open" if head[0] >= 128 else None)
        decoder = ChatDecoder(spec, secrets=lambda _: [PROMPT], thinking=thinking)
        deltas: list[Delta] = []
        try:
            for piece in pieces(body, size):
                deltas += decoder.feed(piece)
            deltas += decoder.close()
        except DsgvoError as error:
            return (type(error), str(error), getattr(error, "partial", None)), deltas
        return deltas[-1].completion, deltas

    whole, deltas = answer(0)
    if isinstance(whole, Completion):
        check_completion(whole, deltas)
    assert isinstance(whole, Completion) or PROMPT not in whole[1]
    # By their text, in which NaN is itself; ids that are made up differ.
    assert len({_OWN_ID.sub("", repr(said)) for said in (whole, answer(head[1] % 16)[0])}) == 1


def check_completion(completion: Completion, deltas: list[Delta]) -> None:
    """What comes out is of the types that it says it is, and the deltas add up to it."""
    for part in (completion, *deltas):
        for text in (part.content, part.reasoning, part.refusal):
            text.encode()
        assert isinstance(part.finish_reason, str | None)
        assert isinstance(part.usage, dict | None)
    assert "".join(delta.content for delta in deltas) == completion.content
    shown = "".join(delta.reasoning for delta in deltas)
    assert shown == completion.reasoning or not completion.reasoning
    check_calls([piece for delta in deltas for piece in delta.tool_calls], completion.tool_calls)
    for value in (completion.id, completion.model, completion.system_fingerprint):
        assert isinstance(value, str | None)
    assert completion.created is None or type(completion.created) is int
    if (counts := token_counts(completion.usage)) is not None:
        assert all(type(count) is int and count >= 0 for count in counts if count is not None)
        assert counts.total or not counts.prompt


def check_calls(deltas: list[Any], calls: list[ToolCall]) -> None:
    """The deltas add up to the calls by index alone, as both frameworks add them."""
    rebuilt: dict[int, list[str]] = {}
    for delta in deltas:
        call = rebuilt.setdefault(delta.index, ["", "", ""])
        for place, text in enumerate((delta.id, delta.name, delta.arguments)):
            call[place] += text or ""
    assert sorted(rebuilt) == list(range(len(calls)))
    for index, call in enumerate(calls):
        *named, arguments = rebuilt[index]
        assert [call.id, call.name] == named
        assert arguments in {call.arguments, call.arguments or arguments.strip("nul")}
    assert len({call.id for call in calls}) == len(calls)


def thinking(data: bytes) -> None:
    first, text = data[:1].ljust(1, b"@")[0], data[1:].decode("utf-8", "replace")

    def split(size: int) -> tuple[str, str]:
        splitter = ThinkSplitter(opened=first >= 128)
        step = size or max(len(text), 1)
        splits = [splitter.feed(text[at : at + step]) for at in range(0, len(text), step)]
        splits.append(splitter.flush(cut=bool(first & 64)))
        return "".join(s.reasoning for s in splits), "".join(s.content for s in splits)

    assert split(first % 8) == split(0)
    thought_unopened(text)


def tools(data: bytes) -> None:
    """Any list of lists of pieces."""
    assembler, deltas = ToolCallAssembler(), list[Any]()
    try:
        lists = parse_json(data)
        thought_text(lists)
        for items in lists:
            deltas += assembler.add(items)
    except (InvalidJSONError, AttributeError, TypeError):  # errors of ours where chunks are read
        return
    check_calls(deltas + assembler.flush(), assembler.calls)


def embeddings(data: bytes) -> None:
    try:
        result = decode_embeddings(SPECS[0], data, Batch(0, ["a", "b"]))
    except DsgvoError:
        return
    assert len(result.vectors) == 2
    assert all(type(number) is float for vector in result.vectors for number in vector)
    assert result.model is None or isinstance(result.model, str)


def errors(data: bytes) -> None:
    status = [200, 400, 401, 409, 413, 422, 429, 500, 529][data[0] % 9 if data else 0]
    error = error_from_body(SPECS[0], status, data[1:], secrets=[PROMPT])
    assert isinstance(error, APIStatusError)
    assert 0 < len(str(error)) < 700
    assert PROMPT not in f"{error} {error.code}"
    str(error).encode()
    is_too_large(error, Batch(0, ["a"] * 9))
    may_refuse_base64(error)


def masks(data: bytes) -> None:
    """Of what a message and a prompt share, no thirteen letters in a row show."""
    before, _, after = data.decode("utf-8", "replace").partition("|")
    shown = redact(before, [after])
    assert len(shown) <= 400
    if "*" not in before:
        letters, *parts = map(masking._letters, (after, *shown.rstrip("…").split("***")))
        windows = {letters[at : at + EXCERPT] for at in range(len(letters) - EXCERPT + 1)}
        for part in parts:
            assert not any(part[at : at + EXCERPT] in windows for at in range(len(part)))


def retry_after(data: bytes) -> None:
    seconds = retry.retry_after({"retry-after": data.decode("latin-1")}, time.time())
    assert seconds is None or seconds >= 0


def lists(data: bytes) -> None:
    """What comes of models, workspaces, quotas, health, images, assistants and reranking."""
    spec = SPECS[data[0] % len(SPECS)] if data else SPECS[0]
    quotas = partial(decode_quotas, now=datetime(2026, 1, 1, tzinfo=UTC))
    scores = partial(decode_rerank, batch=Batch(0, ["a", "b"]))
    readers = (decode_models, decode_workspaces, decode_health, decode_image, decode_assistants)
    for read in (*readers, decode_run, quotas, scores):
        with suppress(DsgvoError):
            read(spec, data[1:])


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (sse, chat, thinking, tools, embeddings, errors, masks, retry_after, lists)
}
HEADS = {"chat": 2} | dict.fromkeys(("sse", "errors", "lists"), 1)
"""How many of a target's first bytes choose how the rest is read."""


def _chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


_CALL = {"index": 0, "id": "c1", "function": {"name": "add", "arguments": '{"a":1}'}}
_PARTS = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Ja."}]
_DETAILS = [{"type": "reasoning.text", "text": "Hm."}]
_MESSAGE = {"content": _PARTS, "reasoning_details": _DETAILS, "refusal": "Nein."}
_CHOICE = {"message": _MESSAGE | {"tool_calls": [_CALL]}, "finish_reason": "stop"}
_THOUGHTS = ["Hm.\n</think>\n\nJa.", " <think> a <thi</ </think>\n<think>\n </think> <b> </think>"]
_USAGE = {"prompt_tokens": 3, "total_tokens": "4", "prompt_tokens_details": {"cached_tokens": 1}}
_ERROR = {"error": {"message": "kaputt", "code": 429, "metadata": {"raw": '{"detail": "x"}'}}}
_PROBLEM = {"detail": [{"loc": ["a", 0], "msg": "x"}]}
_CHUNKS = [
    _chunk(content="<think>Hm.</think>Ja.", reasoning="Hm."),
    _chunk("tool_calls", tool_calls=[_CALL], annotations=[1]),
    _chunk("stop") | {"usage": _USAGE},
]
EXAMPLES: dict[str, list[Any]] = {
    "chat": [*_CHUNKS, {"choices": [_CHOICE], "usage": _USAGE, "created": 5}, _ERROR],
    "tools": [[[_CALL], [{"index": 0, "function": {"arguments": "null"}}]]],
    "embeddings": [
        {"data": [{"index": 1, "embedding": [1, 2]}, {"embedding": "AACAPwAAAEA="}], "model": "m"}
    ],
    "errors": [_ERROR, [{"error": {"message": _PROBLEM}}], {"errors": [{"field": "a"}]}],
    "lists": [
        *({"data": [{"id": "m", "available": True}]}, {"data": [{"b64_json": "aGk=", "url": "x"}]}),
        {"models": [{"name": "m"}], "page": {"totalElements": 1}},
        {"assistants": [{"id": "a"}], "text": "Ja.", "messages": [{}], "usage": {}},
        {"results": [{"index": at, "relevance_score": 0.5} for at in (1, 0)]},
    ],
}
"""JSON that a target reads."""


def _events(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


SEEDS: dict[str, list[bytes]] = {
    "sse": [b"\1" + b"x" * 207 + b"\n", b"\3data: a\r\ndata: b\r\n\r\nevent: x\rid: 1\r\r: c\n\n"],
    "thinking": [b"\x81" + text.encode() for text in _THOUGHTS],
    "masks": [f"invalid: {PROMPT[4:30]}|{PROMPT}".encode()],
    "retry_after": [b"7", b"Sun, 06 Nov 1994 08:49:37 GMT", b"Fri, 31 Dec 9999 23:59:59 -99999"],
    **{
        name: [b"\3\1"[: HEADS.get(name, 0)] + json.dumps(value).encode() for value in values]
        for name, values in EXAMPLES.items()
    },
}
SEEDS["chat"] += [
    b"\0\0" + _events(*_CHUNKS) + b"data: [DONE]\n\n",
    b"\2\5" + _events(*_CHUNKS[:1], _ERROR) + b"event: error\ndata: x\n\n",
    *(b"\x80\7" + _events(_chunk(content=text), _chunk("length")) for text in _THOUGHTS),
    b"\0\0<html><title>Anmelden</title>",
]
