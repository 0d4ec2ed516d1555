"""Warnings that are given once and point to the user's own line."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Hashable

from dsgvo.errors import IgnoredParameterWarning

__all__ = ["warn_once"]

_LIBRARIES = frozenset(
    {
        *("asyncio", "dsgvo", "langchain_dsgvo", "langchain_core", "langchain", "langgraph"),
        *("llamaindex_dsgvo", "llama_index", "llama_index_instrumentation", "wrapt"),
    }
)
"""What may stand between the user's line and a warning about it."""

_warned: set[Hashable] = set()


def warn_once(key: Hashable, message: str) -> None:
    """Warn of something that is sent and not honoured, the first time that ``key`` is given."""
    if key not in _warned:
        _warned.add(key)
        warnings.warn(message, IgnoredParameterWarning, stacklevel=_callers_level())


def _callers_level() -> int:
    """Return which frame, counted from the caller's, is the user's: the first outside libraries."""
    level, frame = 0, inspect.currentframe()
    while frame and str(frame.f_globals.get("__name__")).partition(".")[0] in _LIBRARIES:
        level, frame = level + 1, frame.f_back
    return level
