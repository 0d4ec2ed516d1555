"""Which texts of a request must not show in messages about it: prompts are personal data."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, cast

__all__ = ["private_texts"]

SHOW_VARIABLE = "DSGVO_SHOW_CONTENT"
"""Set it to ``1`` to see vendors' error messages unabridged while debugging."""

_CONTENT_FIELDS = ("messages", "input", "prompt")
_SHORTEST = 4


def private_texts(body: Mapping[str, Any] | None) -> list[str]:
    """Return the texts of a request's content that a vendor's message might quote.

    Example:
        >>> private_texts({"model": "m", "messages": [{"role": "user", "content": "Meine IBAN"}]})
        ['Meine IBAN']
    """
    if body is None or os.environ.get(SHOW_VARIABLE) == "1":
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
