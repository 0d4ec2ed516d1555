"""What is wrong with an argument, in the same words wherever it was given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeGuard, TypeVar, cast

from dsgvo.errors import ConfigurationError

__all__ = [
    "equal",
    "is_given",
    "listed",
    "refuse_content",
    "require",
    "shown",
    "unknown_argument",
    "wrong_argument",
]

_T = TypeVar("_T")

_KEY_LIKE = re.compile(
    r"(?i)\A\s*(?:bearer\s|(?:sk|pk|key|api)[-_])|"
    r"(?=[a-z0-9]*[0-9])(?=[0-9]*[a-z])(?:[a-z0-9]{20})"
)
"""How keys begin, or twenty letters and digits without a break, which no model id has."""

_LONGEST = 400

# Values of these are never shown: they are secret, or may hold what is.
_HIDDEN = frozenset(
    {"api_key", "client_secret", "default_headers", "extra_body", "additional_kwargs"}
)


def unknown_argument(owner: str, name: str, known: Iterable[str], otherwise: str) -> str:
    """Say that a class has no such argument, and which one may have been meant.

    Examples:
        >>> unknown_argument("ChatSovrGPT", "modle", ["model"], "")
        "ChatSovrGPT has no argument 'modle': did you mean 'model'?"
    """
    close = get_close_matches(name, list(known), cutoff=0.8)
    return f"{owner} has no argument {name!r}: " + (
        f"did you mean {close[0]!r}?" if close else otherwise
    )


def wrong_argument(name: str, value: object, message: str) -> str:
    """Say what is wrong with an argument; its value is shown if it can hold no secret.

    Examples:
        >>> wrong_argument("temperature", "hot", "use a number")
        "temperature='hot': use a number"
        >>> wrong_argument("api_key", 3, "use a text")
        'api_key: use a text'
    """
    public = name.partition(".")[0] not in _HIDDEN and isinstance(value, str | int | float)
    return f"{name}={shown(value)}: {message}" if public else f"{name}: {message}"


def require(name: str, value: object, kind: type) -> None:
    """Refuse a value of another kind, without quoting it: it may be a prompt.

    Raises:
        ConfigurationError: If it is none of that kind.
    """
    if not isinstance(value, kind):
        raise ConfigurationError(f"{name} is a {type(value).__name__}, not a {kind.__name__}")


def refuse_content(extra_body: Mapping[str, Any] | None, *names: str) -> None:
    """Refuse fields of ``extra_body`` that would replace what the call was given to ask about.

    Raises:
        ConfigurationError: If there is one of these names.
    """
    for name in names:
        if extra_body and name in extra_body:
            raise ConfigurationError(
                f"extra_body[{name!r}] would replace what the call was given: pass it there"
            )


def listed(name: str, values: Iterable[_T]) -> list[_T]:
    """Return what there is of an argument that is a list.

    Raises:
        ConfigurationError: If it is ``None``, say, or a dict, of which only the keys would be left.
    """
    if isinstance(values, Mapping) or not isinstance(values, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        kind = type(cast("object", values)).__name__
        raise ConfigurationError(f"{name} is a {kind}: pass a list")
    return list(values)


def equal(value: object, other: object) -> bool:
    """Return whether two values are equal, where one may be of a kind that cannot be compared.

    Examples:
        >>> from decimal import Decimal
        >>> equal(1.0, 1), equal(Decimal("sNaN"), 1)
        (True, False)
    """
    try:
        return bool(value == other)
    except Exception:  # noqa: BLE001 - a signalling NaN, an array
        return False


def is_given(value: _T | None) -> TypeGuard[_T]:
    """Return whether an argument is given: an empty text, as of a variable, says nothing."""
    return value is not None and not (isinstance(value, str) and not value)


def shown(value: object) -> str:
    """Return a value as an error may show it: shortened if it looks like a key in a wrong place.

    Examples:
        >>> shown("gpt-4o"), shown("sk-abcdef123456")
        ("'gpt-4o'", "'sk-a…' (a key?)")
    """
    if isinstance(value, str) and _KEY_LIKE.search(value[:1000]):
        return f"{value[:4] + '…'!r} (a key?)"
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number with thousands of digits, a deep object
        return f"<{type(value).__name__}>"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
