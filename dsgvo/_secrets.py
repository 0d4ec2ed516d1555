"""Names under which secrets travel, and what keeps them out of tracebacks."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["SECRET_FIELD", "SECRET_NAME", "hidden", "is_secret", "without_frames"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

SECRET_NAME = re.compile("(?i)auth|cookie|credential|key|pass|secret|sig|token|^code$")
"""Found in the name of a header or of a query's parameter that may hold a secret."""

SECRET_FIELD = re.compile(
    r"(?i).*(kennwort|passphrase|passw(or)?[dt]|secret|authorization|credentials?|.token"
    r"|(access|account|api|auth|private|secret|subscription)[-_]?key)|(.*[-_])?(pwd|jwt|bearer|otp)"
    r"|session[-_]?(id|key)"
    r"|(.*[-_])?client[-_]?(assertion|id)"
)
"""Matches the name of a field that holds a secret; ``token`` is none, as texts have tokens."""


_SECRET_VALUE = re.compile(r"(?=\S*\d)\S{16,}")


def is_secret(name: str, value: str) -> bool:
    """Return whether a header or a query's parameter may hold a secret, by its name or its look."""
    return bool(SECRET_NAME.search(name) or _SECRET_VALUE.search(value))


def hidden(value: _T) -> Callable[[], _T]:
    """Return a function that returns a value, for frames that last: no traceback shows it there."""
    return lambda: value


def without_frames(call: Callable[_P, _T]) -> Callable[_P, _T]:
    """Have errors show no frame within a call: the locals there hold what was given, keys too."""

    @wraps(call)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - it is raised again
            failed = error.with_traceback(None)
            failed.__context__ = None
        del args, kwargs
        try:
            raise failed
        finally:
            del failed

    return wrapper
