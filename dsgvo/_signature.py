"""Signatures that methods keep, for frameworks that ask for them on each call."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Signature
from typing import Any, TypeVar

__all__ = ["keep_signature"]

_F = TypeVar("_F", bound=Callable[..., Any])


class _Kept(Signature):
    """A method's signature; of the bound method's, made of it, it keeps the last one."""

    _last: tuple[object, Signature | None] = None, None

    def replace(self, **changes: Any) -> Any:
        asked, made = self._last
        if made is None or asked != changes:
            made = super().replace(**changes)
            self._last = changes, made
        return made


def keep_signature(method: _F) -> _F:
    """Keep a method's signature with it: worked out anew, it is 5 % of a framework's call."""
    vars(method)["__signature__"] = _Kept.from_callable(method)
    return method
