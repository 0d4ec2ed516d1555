import pytest

from dsgvo.emulator import Server
from tests.frameworks.support import WAYS, Way
from tests.llamaindex.fixtures import mode, nothing_in_settings, own_event_loop

__all__ = ["mode", "nothing_in_settings", "own_event_loop"]


@pytest.fixture(autouse=True)
def vendors(vendor_environment: Server) -> Server:
    """Every model of these tests finds the emulator, and its key, in the environment."""
    return vendor_environment


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    """Both frameworks, each whole and streamed; not paired with rows: each has its own code."""
    return request.param
