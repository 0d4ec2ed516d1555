from pathlib import Path

import pytest

from dsgvo import PROVIDERS
from tests.langchain.support import Mode, Way
from tests.pairing import paired
from tests.vendors import vendors

__all__ = ["vendors"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    paired(items, Path(__file__).parent)


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
