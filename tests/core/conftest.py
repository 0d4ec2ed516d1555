import pytest

from dsgvo.transport import _flow
from tests.core.support import Mode


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Both clients, called the same way."""
    return Mode(request.param)


@pytest.fixture
def async_mode() -> Mode:
    """The async client, where only event loops can differ."""
    return Mode("async")


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds between attempts, which are noted and not waited."""
    seconds: list[float] = []

    def run(step: _flow.Sleep) -> None:
        seconds.append(step.seconds)

    async def arun(step: _flow.Sleep) -> None:
        seconds.append(step.seconds)

    monkeypatch.setattr(_flow.Sleep, "run", run)
    monkeypatch.setattr(_flow.Sleep, "arun", arun)
    return seconds
