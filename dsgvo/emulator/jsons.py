"""Small helpers that give parsed JSON exact types."""

import json
from typing import Any, TypeAlias, TypeGuard

JsonObject: TypeAlias = dict[str, Any]


def is_object(value: Any) -> TypeGuard[JsonObject]:
    """Tell whether ``value`` is a JSON object."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Tell whether ``value`` is a JSON array."""
    return isinstance(value, list)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Tell whether ``value`` is a JSON number; ``true`` is none, though bool is an int here."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_object(value: Any) -> JsonObject:
    """Return ``value`` if it is a JSON object, else an empty one."""
    return value if is_object(value) else {}


def as_list(value: Any) -> list[Any]:
    """Return ``value`` if it is a JSON array, else an empty one."""
    return value if is_list(value) else []


def as_text(value: Any) -> str:
    """Return ``value`` if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def dumps(value: Any) -> str:
    """Write JSON as the vendors do: compact, and with umlauts as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
