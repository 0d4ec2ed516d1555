"""What is wrong with an argument, in the same words wherever it was given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from numbers import Integral, Rational, Real
from operator import index
from typing import Any, TypeGuard, TypeVar, cast

from pydantic_core import PydanticSerializationError, to_json

from dsgvo.errors import ConfigurationError

__all__ = [
    "among",
    "as_json",
    "as_number",
    "equal",
    "holds_iterator",
    "is_given",
    "is_list",
    "listed",
    "refuse_content",
    "require",
    "require_json",
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
    {
        *("api_key", "client_secret", "default_headers"),
        *("extra_body", "additional_kwargs", "model_kwargs"),
    }
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
    if not is_list(values):
        kind = type(cast("object", values)).__name__
        raise ConfigurationError(f"{name} is a {kind}: pass a list")
    return list(values)


def is_list(values: object) -> TypeGuard[Iterable[Any]]:
    """Return whether something holds a list's items: a dict its keys alone, an array may be one."""
    number = getattr(values, "shape", None) == ()
    return isinstance(values, Iterable) and not isinstance(values, Mapping) and not number


def as_number(value: Any) -> Any:
    """Return a number of another library, such as NumPy's, as Python's; all else as it is.

    Examples:
        >>> from numpy import float32
        >>> as_number(float32(0.5)), as_number("1")
        (0.5, '1')
    """
    if isinstance(value, int | float) or not isinstance(value, Real):
        return value
    if isinstance(value, Integral):
        return index(value)
    if isinstance(value, Rational):  # a fraction, which JSON has not
        return value
    return float(value)


def as_json(value: object) -> object:
    """Return what JSON has in place of a value that it has not: a number of another library.

    Raises:
        PydanticSerializationError: If there is nothing.
    """
    if (number := as_number(value)) is value:
        raise PydanticSerializationError(type(value).__name__)
    return number


def _written(body: Mapping[str, Any]) -> bytes | str:
    """Return what is sent, or what is wrong with it."""
    try:
        text = to_json(body, fallback=as_json)
        # JSON has no such numbers; texts may hold the words.
        unsure = b"NaN" in text or b"Infinity" in text
        finite = not unsure or text == to_json(body, fallback=as_json, inf_nan_mode="null")
    except (PydanticSerializationError, UnicodeEncodeError, ValueError, RecursionError) as error:
        return type(error).__name__
    return text if finite else "NaN or infinity"


def require_json(body: Mapping[str, Any], within: str = "") -> bytes:
    """Return what is sent of a body.

    Args:
        body: Its fields.
        within: The argument that they were given in, if not each in one of its own.

    Raises:
        ConfigurationError: If it cannot be written as JSON.
    """
    text = _written(body)
    if isinstance(text, bytes):
        for name in filter(lambda name: holds_iterator(body[name]), body if within else ()):
            raise ConfigurationError(f"{within}[{shown(name)}] holds an iterator: pass a list")
        return text
    wrong = [name for name, value in body.items() if isinstance(_written({name: value}), str)]
    names = ", ".join(f"{within}[{shown(name)}]" if within else shown(name) for name in wrong)
    raise ConfigurationError(
        f"{names} cannot be written as JSON ({text}): use plain values, finite numbers and valid "
        "Unicode, without lone surrogates"
    )


def holds_iterator(value: object) -> bool:
    """Return whether a value can be read but once, and is nothing in the next attempt."""
    if isinstance(value, Mapping):
        return any(map(holds_iterator, cast("Mapping[str, object]", value).values()))
    if isinstance(value, list | tuple):
        return any(map(holds_iterator, cast("list[object]", value)))
    return hasattr(value, "__next__")


def among(value: object, choices: Iterable[object]) -> bool:
    """Return whether a value is one of some, where it may be of a kind that cannot be compared."""
    return any(equal(value, one) for one in choices)


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
