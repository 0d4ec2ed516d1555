"""Pairs of what is tested and how it is asked, in place of all combinations.

Sync and async, whole and streamed share their code: each case runs in one of the ways, and each
way with some of the cases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest

__all__ = ["paired"]

WAYS = ("mode", "way")
"""Parameters that say how is asked."""


def paired(items: list[pytest.Item], folder: Path) -> None:
    """Take out of a folder's tests those that ask a case in a way that another case has."""
    cases: dict[Hashable, dict[Hashable, int]] = defaultdict(dict)
    ways: dict[Hashable, set[int]] = defaultdict(set)
    found: list[tuple[pytest.Item, Hashable, Hashable, int]] = []
    for item in items:
        indices: dict[str, int] = getattr(getattr(item, "callspec", None), "indices", {})
        way = next((name for name in WAYS if name in indices), None)
        if way is None or not item.path.is_relative_to(folder):
            continue
        function: Any = item
        test = (item.path, function.cls, function.originalname)
        case = tuple(value for name, value in indices.items() if name != way)
        cases[test].setdefault(case, len(cases[test]))
        ways[test].add(indices[way])
        found.append((item, test, case, indices[way]))
    left_out: set[pytest.Item] = set()
    for item, test, case, way_index in found:
        step = min(len(cases[test]), len(ways[test]))
        if cases[test][case] % step != way_index % step:
            left_out.add(item)
    items[:] = [item for item in items if item not in left_out]
