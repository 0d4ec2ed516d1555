"""Bulk work on Ray: classes for ``Dataset.map_batches``, and processes for ``dsgvo.bulk``.

All processes that ask one vendor keep to one limit, which an actor hands out. A key is never an
argument: each process takes it from its environment, or from a function.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsgvo.ray._cluster import Cluster
    from dsgvo.ray._rows import ChatRows, EmbedTexts

__all__ = ["ChatRows", "Cluster", "EmbedTexts"]

_HOMES = {
    "ChatRows": "dsgvo.ray._rows",
    "Cluster": "dsgvo.ray._cluster",
    "EmbedTexts": "dsgvo.ray._rows",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
