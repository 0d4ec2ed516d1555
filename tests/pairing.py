"""Pairs of what is tested and how it is asked, in place of all combinations.

Sync and async, whole and streamed share their code: each case runs in one of the ways, and each
way with some of the cases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from pathlib import Path

import pytest

__all__ = ["paired"]

WAYS = ("mode", "way")
"""Parameters that say how is asked."""


def paired(items: list[pytest.Item], folder: Path) -> None:
    """Take out of a folder's tests those that ask a case in a way that another case has."""
    cases: dict[Hashable, dict[Hashable, int]] = defaultdict(dict)
    ways: dict[Hashable, set[int]] = defaultdict(set)
    found: list[tuple[pytest.Item, Hashable, int, int]] = []
    for item in items:
        indices: dict[str, int] = getattr(getattr(item, "callspec", None), "indices", {})
        way = next((name for name in WAYS if name in indices), None)
        if way is None or not item.path.is_relative_to(folder):
            continue
        test = item.nodeid.partition("[")[0]
        case = tuple(value for name, value in indices.items() if name != way)
        number = cases[test].setdefault(case, len(cases[test]))
        ways[test].add(indices[way])
        found.append((item, test, number, indices[way]))
    left_out: set[pytest.Item] = set()
    for item, test, number, way_index in found:
        step = min(len(cases[test]), len(ways[test]))
        if number % step != way_index % step:
            left_out.add(item)
    items[:] = [item for item in items if item not in left_out]
