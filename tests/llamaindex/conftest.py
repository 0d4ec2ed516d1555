from pathlib import Path

import pytest

from tests.llamaindex.fixtures import nothing_in_settings, own_event_loop
from tests.pairing import paired
from tests.vendors import vendors

__all__ = ["nothing_in_settings", "own_event_loop", "vendors"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    paired(items, Path(__file__).parent)
