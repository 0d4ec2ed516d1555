"""Private texts of a request, which must not show in messages: prompts are personal data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

__all__ = ["private_texts"]

_CONTENT_FIELDS = ("messages", "input", "prompt", "query", "documents")
_SHORTEST = 4


def private_texts(body: Mapping[str, Any] | None) -> list[str]:
    """Return the texts of a request's content that a vendor's message might quote.

    Examples:
        >>> private_texts({"model": "m", "messages": [{"role": "user", "content": "Meine IBAN"}]})
        ['Meine IBAN']
    """
    if body is None:
        return []
    found: set[str] = set()
    for name in _CONTENT_FIELDS:
        found.update(_texts(body.get(name)))
    return [text for text in found if len(text) >= _SHORTEST]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[str, object]", value).items():
            if key not in {"role", "type"}:
                yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in cast("list[object]", value):
            yield from _texts(item)
