"""Private texts of a request, which must not show in messages: prompts are personal data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from dsgvo.wire.completion import Completion

__all__ = ["all_texts", "private_answer", "private_texts"]

_NOT_CONTENT = frozenset(
    {
        *("model", "tools", "tool_choice", "response_format", "reasoning_effort"),
        *("encoding_format", "stream_options", "size", "quality", "style"),
    }
)
"""Fields of a body that say how to answer; a message that names their values is of help."""

_CONTENT = frozenset(
    {"messages", "input", "prompt", "query", "documents", "metadata", "user", "safety_identifier"}
)
"""Fields that hold personal data, however short; of others a message may name a value."""

_VALUES = ("enum", "const", "default", "examples")  # of a schema: customers, perhaps

_PLAIN = frozenset({"role", "type", "tool_call_id"})
_PLAIN_OF_CALL = _PLAIN | {"id"}

_SHORTEST = 4
_SURELY_QUOTED = 16  # shorter texts are found in ordinary words


def private_texts(body: Mapping[str, Any] | None) -> list[str]:
    """Return the texts of a request's content that a vendor's message might quote.

    Examples:
        >>> private_texts({"model": "m", "messages": [{"role": "user", "content": "Meine IBAN"}]})
        ['Meine IBAN']
    """
    if body is None:
        return []
    found: set[str] = set()
    for name, value in body.items():
        shortest = _SHORTEST if name in _CONTENT else _SURELY_QUOTED
        texts = _values(value) if name in _NOT_CONTENT else _texts(value)
        found.update(text for text in texts if len(text) >= shortest)
    return list(found)


def all_texts(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a request, in order, and the names that its tools and formats give.

    Examples:
        >>> [*all_texts({"model": "m", "tools": [{"description": "Zeigt das Wetter."}]})]
        ['m', 'description', 'Zeigt das Wetter.']
    """
    for name in body:
        yield from _all_of(body[name], named=name != "messages")


def _all_of(value: object, *, named: bool) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[str, object]", value).items():
            if named:
                yield key
            yield from _all_of(item, named=named)
    elif isinstance(value, list | tuple):
        for item in cast("list[object]", value):
            yield from _all_of(item, named=named)


def private_answer(answer: Completion) -> list[str]:
    """Return the texts of an answer that a vendor's message might quote, as why it is blocked."""
    said = [answer.content, answer.reasoning, answer.refusal]
    said += (call.arguments for call in answer.tool_calls)
    return [text for text in said if len(text) >= _SURELY_QUOTED]


def _values(schema: object) -> Iterator[str]:
    """Yield the texts that a schema, or what holds one, allows as values."""
    if isinstance(schema, Mapping):
        for key, item in cast("Mapping[str, object]", schema).items():
            yield from _texts(item) if key in _VALUES else _values(item)
    elif isinstance(schema, list | tuple):
        for item in cast("list[object]", schema):
            yield from _values(item)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        plain = _PLAIN_OF_CALL if "function" in value else _PLAIN
        for key, item in cast("Mapping[str, object]", value).items():
            if key not in plain:
                yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in cast("list[object]", value):
            yield from _texts(item)
