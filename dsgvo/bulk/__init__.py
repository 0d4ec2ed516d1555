"""Bulk work that resumes: files of requests in OpenAI's Batch format, and corpora to embed.

A run is cut into parts of so many rows. What a part has received is kept at once, a whole part is
written, renamed and noted in a journal, so that a run that ends in any way goes on where it was.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsgvo.bulk._arrays import embed_arrays
    from dsgvo.bulk._batch import run_batch
    from dsgvo.bulk._dataset import embed_dataset
    from dsgvo.bulk._engine import Summary

__all__ = ["Summary", "embed_arrays", "embed_dataset", "run_batch"]

_HOMES = {
    "Summary": "dsgvo.bulk._engine",
    "embed_arrays": "dsgvo.bulk._arrays",
    "embed_dataset": "dsgvo.bulk._dataset",
    "run_batch": "dsgvo.bulk._batch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
