from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def on_cassettes(cassette: object) -> None:
    """Every test here runs on its cassette."""
