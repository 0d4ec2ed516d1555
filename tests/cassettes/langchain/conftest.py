from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def on_cassettes(cassette: object) -> None:
    """Every test here runs on its cassette."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a suite that differs in one thing, such as the method, keep the tests of that thing."""
    items[:] = [
        item for item in items if getattr(getattr(item, "cls", None), "only", "") in item.name
    ]
