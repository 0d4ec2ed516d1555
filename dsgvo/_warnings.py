"""Warnings that are given once and point to the user's own line."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Hashable, Sequence

from dsgvo.errors import CapabilityError, IgnoredParameterWarning
from dsgvo.providers import Provider

__all__ = ["first_time", "forget", "tell_left_out", "warn_once"]

_LIBRARIES = frozenset(
    {
        *("asyncio", "dsgvo", "langchain_dsgvo", "langchain_core", "langchain", "langgraph"),
        *("llamaindex_dsgvo", "llama_index", "llama_index_instrumentation", "wrapt"),
    }
)
"""What may stand between the user's line and a warning about it."""

MAX_REMEMBERED = 10_000
"""What has been told and is remembered; the oldest is forgotten first, since a server may be the
one who names what is told."""

_warned: dict[Hashable, None] = {}


def first_time(key: Hashable) -> bool:
    """Return whether something has not been told yet in this process; from now on it has."""
    if key in _warned:
        return False
    while len(_warned) >= MAX_REMEMBERED:
        _warned.pop(next(iter(_warned), None), None)
    _warned[key] = None
    return True


def warn_once(
    key: Hashable, message: str, category: type[Warning] = IgnoredParameterWarning
) -> None:
    """Warn the first time that ``key`` is given."""
    if first_time(key):
        warnings.warn(message, category, stacklevel=_callers_level())


def forget() -> None:
    """Let each warning be given once more."""
    _warned.clear()


def _callers_level() -> int:
    """Return which frame, counted from the caller's, is the user's: the first outside libraries."""
    level, frame = 0, inspect.currentframe()
    while frame and str(frame.f_globals.get("__name__")).partition(".")[0] in _LIBRARIES:
        level, frame = level + 1, frame.f_back
    return level


def tell_left_out(spec: Provider, model: str, kinds: Sequence[str], *, strict: bool) -> None:
    """Warn once of each kind of content that tools' results hold and the vendor does not take.

    Raises:
        CapabilityError: If ``strict`` is set and there is any.
    """
    for kind in kinds:
        message = (
            f"{spec.title} documents no {kind} input for model {model!r} ({spec.page}): the {kind} "
            "in a tool's result is left out, its text is sent"
        )
        if strict:
            raise CapabilityError(message, provider=spec.name)
        warn_once((spec.name, model, "tool result", kind), message)
