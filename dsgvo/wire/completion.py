"""Answers, whole and in pieces, and how the pieces add up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from dsgvo.wire.tools import ToolCall, ToolCallDelta
from dsgvo.wire.usage import added

__all__ = ["METADATA_FIELDS", "Accumulator", "Completion", "Delta"]

METADATA_FIELDS = frozenset(
    {
        *("logprobs", "service_tier", "native_finish_reason", "stop_reason"),
        *("content_filter_results", "content_filter_result", "prompt_filter_results"),
    }
)
"""Fields of ``extra`` that say how an answer was made; the others are a part of it."""

_MOST_MODELS = 8  # that an answer names: each is looked at, and a server may name one a chunk


@dataclass(slots=True)
class Delta:
    """A piece of an answer.

    Args:
        content: Text of the answer.
        reasoning: Text of the model's thoughts, kept apart from the answer.
        tool_calls: Pieces of tool calls.
        finish_reason: ``stop``, ``length``, ``tool_calls`` or ``content_filter``, in the last
            piece but for the usage.
        usage: The vendor's usage object as it came.
        refusal: Text with which the model declines, where a vendor sends it apart.
        extra: Fields beside these, such as ``citations`` or ``logprobs``; in ``tool_call_fields``
            those of tool calls, by their ids.
        completion: The whole answer, in the last delta of a stream, after all else has come.
    """

    content: str = ""
    reasoning: str = ""
    tool_calls: Sequence[ToolCallDelta] = ()
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    refusal: str = ""
    extra: dict[str, Any] | None = None
    completion: Completion | None = None


@dataclass(slots=True)
class Completion:
    """A whole answer, or what had arrived of one. Fields as in :class:`Delta`.

    Args:
        provider: Name of the provider that answered.
        finish_reason: ``None`` if the vendor ended the answer without one.
        extra: As in :class:`Delta`; lists that came piece by piece are joined.
        id: The vendor's id of the answer.
        model: The model that the vendor says has answered; of several, the first one to be named.
        created: Unix time in seconds, where the vendor sends it.
        request_id: The vendor's id of the request, from the answer's headers.
        headers: The answer's headers, where ``include_response_headers`` asks for them.
        continued: How often the answer was cut and its rest was asked for. Fields beside the text
            are the last part's then, and ``usage`` is the sum of all, if each part came with one.
    """

    provider: str
    content: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list[ToolCall])
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    refusal: str = ""
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    id: str | None = None
    model: str | None = None
    created: int | None = None
    system_fingerprint: str | None = None
    request_id: str | None = None
    headers: Mapping[str, str] | None = None
    continued: int = 0


_NOTHING = Completion("", usage={})  # is read alone


class Accumulator:
    """Adds deltas up to a completion; tool calls are put together by their own assembler.

    Args:
        provider: Name of the provider that answers.
        request_id: The vendor's id of the request.
        headers: The answer's headers that are kept.
        before: The parts so far of an answer that was cut, to which this one is added.

    Examples:
        >>> accumulator = Accumulator("sovrgpt")
        >>> for text in ("Guten ", "Tag"):
        ...     accumulator.add(Delta(content=text), {})
        >>> accumulator.completion([]).content
        'Guten Tag'
    """

    __slots__ = (
        "_before",
        "_completion",
        "_content",
        "_models",
        "_reasoning",
        "_refusal",
        "_usage",
    )

    def __init__(
        self,
        provider: str,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        before: Completion | None = None,
    ) -> None:
        self._completion = Completion(
            provider, tool_calls=[], extra={}, request_id=request_id, headers=headers
        )
        self._before = before or _NOTHING
        if before is not None:
            self._completion.continued = before.continued + 1
            _merge(self._completion.extra, before.extra, {})
        self._content = [self._before.content]
        self._reasoning = [self._before.reasoning]
        self._refusal: list[str] = []
        self._usage: dict[str, Any] | None = None
        self._models = set[str]()

    def add(self, delta: Delta, chunk: Mapping[str, Any]) -> str | None:
        """Add a delta, and what its chunk says of the answer as a whole.

        Returns:
            The model that the chunk names, if none before has named it.
        """
        completion = self._completion
        if delta.content:
            self._content.append(delta.content)
        if delta.reasoning:
            self._reasoning.append(delta.reasoning)
        if delta.refusal:
            self._refusal.append(delta.refusal)
        if delta.finish_reason is not None:
            completion.finish_reason = delta.finish_reason
        if delta.usage is not None:
            if self._usage is None:  # not made anew: a server may send more with each piece
                self._usage = {}
            _take_counts(self._usage, delta.usage)
        if delta.extra is not None:
            _merge(completion.extra, delta.extra, chunk)
        # Every chunk repeats the head; looking for it in those without text finds what comes late.
        known = completion.model
        if chunk and (
            not delta.content or completion.id is None or chunk.get("model", known) != known
        ):
            return self._head(chunk)
        return None

    def drop_reasoning(self) -> None:
        """Forget the thoughts, which turned out to be the answer."""
        del self._reasoning[1:]

    @property
    def empty(self) -> bool:
        """Whether nothing of the answer itself has come, beside tool calls."""
        return not any((*self._content, *self._reasoning, *self._refusal))

    def completion(self, tool_calls: list[ToolCall]) -> Completion:
        """Return what has arrived so far."""
        completion = self._completion
        completion.content = "".join(self._content)
        completion.reasoning = "".join(self._reasoning)
        completion.refusal = "".join(self._refusal)
        completion.tool_calls = tool_calls
        known = None not in (self._before.usage, self._usage)  # else it would be a part's
        completion.usage = added(self._before.usage, self._usage) if known else None
        return completion

    def _head(self, chunk: Mapping[str, Any]) -> str | None:
        completion = self._completion
        completion.id = completion.id or _text(chunk.get("id"))
        completion.system_fingerprint = completion.system_fingerprint or _text(
            chunk.get("system_fingerprint")
        )
        if tier := chunk.get("service_tier"):
            completion.extra["service_tier"] = tier
        if completion.created is None:
            completion.created = _whole_number(chunk.get("created"))
        model = _text(chunk.get("model"))
        if model is None or model in self._models or len(self._models) == _MOST_MODELS:
            return None
        self._models.add(model)
        completion.model = completion.model or model
        return model


def _text(value: object) -> str | None:
    """Return an id or name; some gateways number theirs."""
    if isinstance(value, int):
        return str(value) if value.bit_length() < 64 else None
    return value if value and isinstance(value, str) else None


def _whole_number(value: object) -> int | None:
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    return int(value) if isinstance(value, int) and value.bit_length() < 64 else None


def _take_counts(known: dict[str, Any], later: Mapping[str, Any]) -> None:
    """Take a later usage object: what it leaves open (``null``, 0) is what was known before."""
    for name, value in later.items():
        if isinstance(value, dict):
            if not isinstance(known.get(name), dict):
                known[name] = {}  # of its own: the delta has the other one
            _take_counts(known[name], cast("dict[str, Any]", value))
        elif value or not known.get(name):
            known[name] = value


def _merge(whole: dict[str, Any], piece: Mapping[str, Any], chunk: Mapping[str, Any]) -> None:
    """Add a piece's fields: lists and objects add up, of anything else the last one counts.

    A list beside ``choices`` that begins with what had come is the whole list once more (so does
    Perplexity send its citations), and is not added to itself.
    """
    for name, value in piece.items():
        known: Any = whole.get(name)
        if isinstance(value, list):
            items = cast("list[Any]", value)
            before = cast("list[Any]", known) if isinstance(known, list) else []
            if before and not (name in chunk and items[: len(before)] == before):
                before.extend(items)
            else:
                whole[name] = items.copy()
        elif isinstance(value, dict):
            if not isinstance(known, dict):
                known = whole[name] = {}
            _merge(cast("dict[str, Any]", known), cast("dict[str, Any]", value), {})
        else:
            whole[name] = value
