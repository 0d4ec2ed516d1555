"""Pairs of what is tested and how it is asked, in place of all combinations.

Sync and async, whole and streamed share their code: each case runs in one of the ways, and each
way with some of the cases.
"""

from collections import defaultdict
from collections.abc import Hashable
from pathlib import Path

import pytest

WAYS = ("mode", "way")
"""Parameters that say how is asked."""


def paired(items: list[pytest.Item], folder: Path) -> None:
    """Take out of a folder's tests those that ask a case in a way that another case has."""
    cases: dict[str, dict[Hashable, int]] = defaultdict(dict)
    ways: dict[str, dict[Hashable, int]] = defaultdict(dict)
    found: list[tuple[pytest.Item, str, int, int]] = []
    for item in items:
        # A row's values are the same objects in each way; its index among the calls is not.
        values = getattr(getattr(item, "callspec", None), "params", {})
        given = {name: id(value) for name, value in values.items()}
        way = next((name for name in WAYS if name in given), None)
        if way is None or not item.path.is_relative_to(folder):
            continue
        test = item.nodeid.partition("[")[0]
        way_number = ways[test].setdefault(given.pop(way), len(ways[test]))
        number = cases[test].setdefault(tuple(given.items()), len(cases[test]))
        found.append((item, test, number, way_number))
    left_out: set[pytest.Item] = set()
    for item, test, number, way_number in found:
        step = min(len(cases[test]), len(ways[test]))
        if number % step != way_number % step:
            left_out.add(item)
    items[:] = [item for item in items if item not in left_out]
