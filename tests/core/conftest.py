from __future__ import annotations

import pytest

from tests.core.support import Mode


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Both clients, called the same way."""
    return Mode(request.param)
