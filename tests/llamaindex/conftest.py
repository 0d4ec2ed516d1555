from pathlib import Path

import pytest

from dsgvo.emulator import Server
from tests.llamaindex.fixtures import mode, nothing_in_settings, own_event_loop
from tests.pairing import paired

__all__ = ["mode", "nothing_in_settings", "own_event_loop"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    paired(items, Path(__file__).parent)


@pytest.fixture(autouse=True)
def vendors(vendor_environment: Server) -> Server:
    """Every model of these tests finds the emulator, and its key, in the environment."""
    return vendor_environment
