"""What is wrong with an argument, in the same words wherever it was given."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["unknown_argument", "wrong_argument"]

# Values of these are never shown: they are secret, or may hold what is.
_HIDDEN = frozenset(
    {"api_key", "client_secret", "default_headers", "extra_body", "additional_kwargs"}
)


def unknown_argument(owner: str, name: str, known: Iterable[str], otherwise: str) -> str:
    """Say that a class has no such argument, and which one may have been meant.

    Example:
        >>> unknown_argument("ChatSovrGPT", "modle", ["model"], "")
        "ChatSovrGPT has no argument 'modle': did you mean 'model'?"
    """
    close = get_close_matches(name, list(known), n=1, cutoff=0.8)
    return f"{owner} has no argument {name!r}: " + (
        f"did you mean {close[0]!r}?" if close else otherwise
    )


def wrong_argument(name: str, value: object, message: str) -> str:
    """Say what is wrong with an argument; its value is shown if it can hold no secret.

    Example:
        >>> wrong_argument("temperature", "hot", "use a number")
        "temperature='hot': use a number"
        >>> wrong_argument("api_key", 3, "use a text")
        'api_key: use a text'
    """
    shown = name.partition(".")[0] not in _HIDDEN and isinstance(value, str | int | float)
    return f"{name}={value!r}: {message}" if shown else f"{name}: {message}"
