"""Chunks of a chat answer, or a whole one, read into deltas."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from dsgvo.wire.completion import Delta
from dsgvo.wire.errors import fails
from dsgvo.wire.messages import CALL_FIELDS
from dsgvo.wire.thinking import (
    CLOSING_TAG,
    ThinkSplitter,
    thought_rest,
    thought_text,
    thought_unopened,
)
from dsgvo.wire.tools import NO_NAMES, ToolCall, ToolCallAssembler, ToolCallDelta, joined

__all__ = ["FINAL", "ChunkReader", "ShapeError"]

_CHUNK_KEYS = frozenset(
    {
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "error",
        "system_fingerprint",
        "service_tier",
        CALL_FIELDS,  # a server's own would pass for what came with the calls
    }
)
_PLACES = ("message", "delta", "text")  # of a choice, where gateways put an answer
_ELSEWHERE = {part: frozenset(_PLACES) - {part} for part in _PLACES}
_CHOICE_KEYS = frozenset({"index", *_PLACES, "finish_reason", "error", CALL_FIELDS})
_TEXT_KEYS = frozenset({"role", "content"})
_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "reasoning_text", "thinking")
_LISTS = ("reasoning_details", "thinking_blocks")  # of thoughts; kept too, they hold signatures
_THOUGHTS = frozenset({*_THOUGHT_FIELDS, *_LISTS})
_CALLS = frozenset({"tool_calls", "function_call"})
_WITHOUT_THOUGHTS = _TEXT_KEYS | _CALLS | {"refusal"}
_MESSAGE_KEYS = _WITHOUT_THOUGHTS.union(_THOUGHT_FIELDS, {CALL_FIELDS})

# "error" (OpenRouter, Mistral), "network_error" (Zhipu), "insufficient_system_resource" (DeepSeek),
# "abort" (vLLM, SGLang), "malformed_function_call" (Gemini), and their like.
_FAILED = re.compile(
    r"error|fail|abort|cancel|insufficient|malformed|unexpected|unavailable|overload|time_?out",
    re.I,
)
FINAL = frozenset({"length", "content_filter"})
"""Finish reasons of an answer that is not all that the model would have said."""

# What Anthropic, Mistral, Gemini and Bedrock call these; some gateways pass it on.
_LENGTH = ("length", "max_tokens", "max_output_tokens", "model_length")
_FILTER = ("content_filter", "content_filtered", "safety", "recitation", "prohibited_content")
_SAME = {
    **dict.fromkeys((*_LENGTH, "model_context_window_exceeded"), "length"),
    **dict.fromkeys((*_FILTER, "blocklist", "spii", "guardrail_intervened"), "content_filter"),
}

_SEVERAL = "the vendor sent more than one choice, which was not asked for"
_MOST_COMPARED = 1 << 26  # characters: what comes once more may be short, and what came long


class ShapeError(ValueError):
    """A chunk is not of the documented shape; the message says in what."""


class ChunkReader:
    """Reader of JSON objects in OpenAI's form, one after another.

    Args:
        thinking: ``"open"`` if the prompt's template has opened a thought before the answer.
        before: The thoughts so far, if this is the rest of an answer.

    Examples:
        >>> chunk = {"choices": [{"delta": {"content": "<think>Hm.</think>Ja."}}]}
        >>> delta = ChunkReader().read(chunk, "delta")
        >>> delta.reasoning, delta.content
        ('Hm.', 'Ja.')
    """

    __slots__ = (
        "_answer_begun",
        "_before",
        "_caller",
        "_came",
        "_compared",
        "_counted",
        "_in_field",
        "_number",
        "_open",
        "_place",
        "_splitter",
        "_tools",
        "_went_on",
        "chunks",
        "ended",
        "failure",
        "finish_reason",
        "saw_message",
        "thought_unopened",
    )

    def __init__(
        self,
        *,
        thinking: Literal["open"] | None = None,
        tool_names: Mapping[str, str] = NO_NAMES,
        before: str | None = None,
    ) -> None:
        self._open = thinking == "open"
        self._before = before
        self._splitter = ThinkSplitter(opened=self._open, before=before)
        self._answer_begun = False
        self._tools = ToolCallAssembler(tool_names)
        self._number: object = 0  # of the choice that is read
        self._counted = False  # whether it is a piece's number
        self._caller: tuple[object, str, str] | None = None  # where the tool calls have come
        self._place: str | None = None  # of the text so far
        self._came: list[str] = []  # that text, thoughts in tags too
        self._compared = 0
        self._in_field = False  # whether thoughts come in a field that is a text
        self._went_on = False  # after it had ended
        self.finish_reason: str | None = None
        self.ended = False
        """Whether a finish reason has come, and nothing more of the answer after it."""
        self.chunks = 0
        """How many choices have come."""
        self.saw_message = False
        self.thought_unopened = False
        """Whether a whole answer began inside a thought that the prompt's template had opened."""
        self.failure: Mapping[str, Any] | str | None = None
        """The error that a chunk holds, or the finish reason that is one."""

    @property
    def thought_was_answer(self) -> bool:
        """Whether what showed as a thought was the answer: no template had opened one."""
        return self._splitter.thought_was_answer

    @property
    def has_thoughts(self) -> bool:
        """Whether a thought has come, be it an empty one."""
        return self._splitter.has_thoughts

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls so far."""
        return self._tools.calls

    def read(self, chunk: Mapping[str, Any], part: Literal["delta", "message"]) -> Delta:
        """Return what a chunk, or a whole answer, brings; ``part`` names the field with its text.

        Raises:
            ShapeError: If it is not of the documented shape.
        """
        delta = Delta()
        try:
            choices = chunk.get("choices")
            if choices:
                choice, ended = choices[0], self.ended
                if len(choices) > 1 or (part == "delta" and (choice.get("index") or self._counted)):
                    self._choices(choices, part, delta)
                else:
                    self._choice(choice, part, delta)
                if ended or self._went_on:
                    self._go_on(delta)
            if not chunk.keys() <= _CHUNK_KEYS:
                _keep(delta, chunk, _CHUNK_KEYS)
                if isinstance(groq := chunk.get("x_groq"), dict):
                    groq = cast("dict[str, Any]", groq)
                    _count(delta, groq)
                    if groq.get("error"):  # why it has stopped early
                        self.failure = {"error": groq["error"]}
            if chunk.get("usage") is not None:
                _count(delta, chunk)
        except (AttributeError, LookupError, TypeError) as error:
            raise ShapeError(
                f"a part of the answer is not of the documented shape ({error})"
            ) from None
        if chunk.get("error") and fails(chunk["error"]):  # no call for nearly all chunks
            self.failure = {key: chunk[key] for key in chunk if key != "choices"}
        return delta

    def flush(self, *, cut: bool) -> Delta:
        """Return what was held back, at the end of the answer; ``cut`` if that is missing."""
        split = self._splitter.flush(cut=cut or self.finish_reason == "length")
        in_pieces = self._caller is not None and self._caller[1] != "message"
        cut = cut or self.finish_reason in FINAL or (not self.ended and in_pieces)
        calls = self._tools.flush(cut=cut)
        last = Delta(split.content, split.reasoning, calls or ())
        if fields := self._tools.fields:
            last.extra = {CALL_FIELDS: fields}
        return last

    def _go_on(self, delta: Delta) -> None:
        """Take back that the answer has ended, if more of it comes.

        Open WebUI says ``stop`` with the first chunk, and some say it with each. Where that was
        so, a finish reason beside a piece of the answer says nothing.
        """
        text = delta.content + delta.reasoning + delta.refusal
        if delta.tool_calls or (text and not text.isspace()):
            self._went_on, self.ended = True, False

    def _choice(
        self, choice: dict[str, Any], part: Literal["delta", "message"], delta: Delta
    ) -> None:
        self.chunks += 1
        message: dict[str, Any] | None = choice.get(part)
        finish: Any = choice.get("finish_reason")
        if finish:
            finish = _SAME.get(str(finish).lower(), str(finish))
        if message:
            self.saw_message = True
            content = message.get("content")
            if self._answer_begun and isinstance(content, str) and message.keys() <= _TEXT_KEYS:
                delta.content = content
                self._came.append(content)
            else:
                self._message(message, delta, finish, part, whole=part == "message")
        if not _ELSEWHERE[part].isdisjoint(choice):
            self._elsewhere(choice, part, delta, finish)
        if finish:
            self._finish(finish, delta)
        if choice.get("error") and fails(choice["error"]):
            self.failure = {"error": choice["error"]}
        if not choice.keys() <= _CHOICE_KEYS:
            _keep(delta, choice, _CHOICE_KEYS | {"usage"})
            _count(delta, choice)  # Moonshot's, and others'

    def _choices(
        self, choices: list[dict[str, Any]], part: Literal["delta", "message"], delta: Delta
    ) -> None:
        """Read one message that a gateway has split, as Copilot's does Claude's.

        The first choice has the text, and another one the tool calls. Nobody asks for more than
        one answer, and which of two were meant could not be told.
        """
        calls = list[ToolCallDelta]()
        for place, choice in enumerate(choices):
            # Some leave the number out or send 0 for each; -1 is another choice than one that is 1.
            self._number = number = choice.get("index") or -place
            if number or self._counted:
                filled = [name for name in _PLACES if choice.get(name)] or [part]
                message: dict[str, Any] = choice.get(filled[0]) or {}
                said = {name: message[name] for name in message if message[name]}
                split = len(filled) == 1 and said.keys() <= _CALLS | {"role"}
                if self._counted or not split:
                    self._count(number if len(choices) == 1 else None)
                else:
                    choice = {**choice, filled[0]: said}  # noqa: PLW2901
            self._choice(choice, part, delta)
            calls += delta.tool_calls
            delta.tool_calls = ()
        self._number = 0
        delta.tool_calls = joined(calls) or ()

    def _count(self, number: int | None) -> None:
        """Take a choice's number for that of the piece, from 1 on, as TGI's is (before 2).

        Raises:
            ShapeError: If it is not, so that it is another choice.
        """
        if number != self.chunks + 1 or (self.chunks and not self._counted):
            raise ShapeError(_SEVERAL)
        self._counted, self._number = True, 0

    def _elsewhere(
        self, choice: Mapping[str, Any], part: str, delta: Delta, finish: str | None
    ) -> None:
        """Read what a choice holds in another place than it should, if that has not come yet.

        Gateways send a whole message in a stream: in place of all pieces, or once more after them.
        Beside a piece they send that, or all so far: of that the text is not looked at.
        """
        place = next((name for name in _PLACES if name != part and choice.get(name)), None)
        if place is None:
            return
        self.saw_message = True
        message: dict[str, Any] = {"content": choice[place]} if place == "text" else choice[place]
        right: dict[str, Any] = choice.get(part) or {}
        come = {name for name in message.keys() & right if message[name] == right[name]}
        if right.get("content"):
            come.add("content")
        if self._place is not None and not self._place == place == "text":
            come |= message.keys() - _CALLS - {"content"}
        if self.has_thoughts:
            come |= _THOUGHTS
        left = {name: value for name, value in message.items() if name not in come}
        self._message(left, delta, finish, place, whole="message" in {part, place})

    def _message(
        self,
        message: Mapping[str, Any],
        delta: Delta,
        finish: str | None,
        place: str,
        *,
        whole: bool,
    ) -> None:
        if not message.keys() <= _WITHOUT_THOUGHTS:
            self._thoughts(message, delta)
        content = message.get("content")
        if content:
            text = content if isinstance(content, str) else self._parts(content, delta)
            if self._is_new(text, place):
                if whole and not self._answer_begun and not delta.reasoning:
                    self._open_whole(text, finish)
                self._text(text, delta)
        if message.get("refusal"):
            self._place = self._place or place
            delta.refusal += thought_text(message["refusal"])
        if not _CALLS.isdisjoint(message):
            self._calls(message, delta, place, whole=whole)
        if not message.keys() <= _MESSAGE_KEYS:
            _keep(delta, message, _MESSAGE_KEYS)

    def _is_new(self, text: str, place: str) -> bool:
        """Return whether a text goes on with the answer; else it is the answer once more.

        Raises:
            ShapeError: If it is neither: it is in another place, or a message, and says another.
        """
        if not self._came or self._place == place != "message":
            self._place = place
            if text:
                self._came.append(text)
            return True
        if text:
            self._compare(sum(map(len, self._came)))
            self._came = [answer := self._answer_in("".join(self._came)).strip()]
            if self._answer_in(text).strip() != answer:
                raise ShapeError("the answer came twice, and not alike")
        return False

    def _compare(self, size: int) -> None:
        self._compared += size
        if self._compared > _MOST_COMPARED:
            raise ShapeError("the answer came over and over")

    def _answer_in(self, text: str) -> str:
        """Return a text without thoughts in tags."""
        opened = thought_unopened(text) or (self._open and CLOSING_TAG in text)
        splitter = ThinkSplitter(opened=opened)
        return splitter.feed(text).content + splitter.flush(cut=False).content

    def _calls(self, message: Mapping[str, Any], delta: Delta, place: str, *, whole: bool) -> None:
        """Take tool calls, unless they are those that have come, in another place or form."""
        form, calls = "tool_calls", cast("Any", message.get("tool_calls"))
        only = message.get("function_call")  # OpenAI's first form of them
        if not calls and only and any(only.values()):
            form, calls = "function_call", {"index": 0, "function": only}
        if not calls:
            return
        items: list[dict[str, Any]] = [calls] if isinstance(calls, dict) else calls
        source = (self._number, place, form)
        if not self._tools.begun:
            self._caller = source
        elif self._caller and self._caller[0] != self._number:
            raise ShapeError(_SEVERAL)
        elif place == "message" or self._caller != source:
            self._compare(sum(len(call.arguments) for call in self._tools.calls))
            if not self._tools.are(items):
                raise ShapeError("the calls of tools came twice, and not alike")
            return
        delta.tool_calls = self._tools.add(items, whole=whole)

    def _open_whole(self, text: str, finish: str | None) -> None:
        """Decide of a whole text whether it begins inside a thought."""
        opened = thought_unopened(text)
        self.thought_unopened = opened
        if self._open and not opened:
            opened = CLOSING_TAG in text or finish == "length"
        if opened or self._open:
            self._splitter = ThinkSplitter(opened=opened, before=self._before)

    def _text(self, text: str, delta: Delta) -> None:
        split = self._splitter.feed(text)
        delta.content = split.content
        delta.reasoning += split.reasoning
        self._answer_begun = self._splitter.done and self._place == "delta"

    def _thoughts(self, message: Mapping[str, Any], delta: Delta) -> None:
        """Take the thoughts that come in a field of their own, whatever its name and shape."""
        found = ""
        for name in _THOUGHT_FIELDS:
            value = message.get(name)
            found = found or thought_text(value)
            if value and not isinstance(value, str):
                _keep_rest(delta, name, value)
        self._in_field = self._in_field or bool(found.strip())
        if not self._in_field:  # else a list says the same once more, piece by piece or at the end
            found = next(filter(None, (thought_text(message.get(n)) for n in _LISTS)), found)
        if found:
            delta.reasoning = self._splitter.think(found)

    def _parts(self, content: list[Any] | dict[str, Any], delta: Delta) -> str:
        """Return the text of content in parts; what is neither text nor thought is kept."""
        texts: list[str] = []
        thoughts = [delta.reasoning]
        refusals = [delta.refusal]
        kept: list[Any] = []
        for part in [content] if isinstance(content, dict) else content:
            if isinstance(part, str):
                texts.append(part)
                continue
            fields = cast("dict[str, Any]", part)
            if fields.get("type") in {"thinking", "reasoning"} or "thinking" in fields:
                thoughts.append(self._splitter.think(thought_text(fields)))
                rest = thought_rest(fields)
            else:
                texts.append(_part_text(fields))
                refusals.append(thought_text(fields.get("refusal")))
                rest = {key: fields[key] for key in fields if key not in {"text", "refusal"}}
            if rest.keys() - {"type", "index"} or not rest.keys() < fields.keys():
                kept.append(rest)
        if kept:
            _keep(delta, {"content_parts": kept})
        delta.reasoning, delta.refusal = "".join(thoughts), "".join(refusals)
        return "".join(texts)

    def _finish(self, reason: str, delta: Delta) -> None:
        """Take a finish reason: a last ``stop`` does not hide why the answer was cut."""
        if reason.lower() in {"null", "none"}:
            return
        if _FAILED.search(reason):
            self.failure = self.failure or reason
        self.ended = True
        known = self.finish_reason
        if known is None or (known not in FINAL and reason != "stop"):
            delta.finish_reason = self.finish_reason = reason


def _part_text(part: Mapping[str, Any]) -> str:
    text: object = part.get("text")
    if isinstance(text, dict):  # as OpenAI's assistants have it
        text = cast("dict[str, object]", text).get("value")
    return text if isinstance(text, str) else ""


def _keep(delta: Delta, fields: Mapping[str, Any], known: frozenset[str] = frozenset()) -> None:
    """Keep the fields that are not known, but for those that say nothing."""
    extra = {key: fields[key] for key in fields if key not in known and fields[key] is not None}
    if delta.extra is not None:  # not made anew: one chunk may have many choices
        delta.extra.update(extra)
    elif extra:
        delta.extra = extra


def _keep_rest(delta: Delta, name: str, value: object) -> None:
    rest = thought_rest(value)
    if rest:
        _keep(delta, {name: rest})


def _count(delta: Delta, holder: Mapping[str, Any]) -> None:
    usage = holder.get("usage")
    if isinstance(usage, dict):
        delta.usage = _counts(cast("dict[str, Any]", usage))


def _counts(usage: object) -> Any:
    """Return a vendor's usage without numbers that are none or that nobody can count to."""
    if isinstance(usage, int):
        return usage if usage.bit_length() < 64 else None
    if isinstance(usage, dict):
        return {key: _counts(value) for key, value in cast("dict[str, Any]", usage).items()}
    if isinstance(usage, float):
        return usage if math.isfinite(usage) else None
    return usage
