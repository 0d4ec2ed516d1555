from pathlib import Path

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server
from tests.langchain.support import Mode, Way
from tests.pairing import paired


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    paired(items, Path(__file__).parent)


@pytest.fixture(autouse=True)
def vendors(vendor_environment: Server) -> Server:
    """Every model of these tests finds the emulator, and its key, in the environment."""
    return vendor_environment


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Both ways to call a model."""
    return Mode(request.param)


@pytest.fixture(params=["invoke", "stream", "ainvoke", "astream"])
def way(request: pytest.FixtureRequest) -> Way:
    """All four ways to one answer."""
    return Way(
        Mode("async" if request.param.startswith("a") else "sync"),
        streamed=request.param.endswith("stream"),
    )


@pytest.fixture(params=list(PROVIDERS))
def provider(request: pytest.FixtureRequest) -> str:
    """Each vendor."""
    return request.param
