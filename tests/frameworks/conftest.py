import pytest

from tests.frameworks.support import WAYS, Way
from tests.llamaindex.fixtures import nothing_in_settings, own_event_loop
from tests.vendors import vendors

__all__ = ["nothing_in_settings", "own_event_loop", "vendors"]


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    """Both frameworks, each whole and streamed; not paired with rows: each has its own code."""
    return request.param
