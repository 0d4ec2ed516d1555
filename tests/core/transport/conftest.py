"""The transport's tests run on both backends, wherever a test has an event loop."""

import inspect

import pytest

from tests.core.support import Mode


@pytest.fixture(autouse=True)
def backend(
    request: pytest.FixtureRequest, isolated_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What carries the asynchronous calls of a test that has both, as all below do."""
    if hasattr(request, "param"):
        monkeypatch.setenv("DSGVO_ASYNC_BACKEND", request.param)


@pytest.fixture(params=["sync", "async", "httpcore"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mode:
    """Both clients, called the same way; the asynchronous one on aiohttp and on httpcore."""
    if request.param == "httpcore":
        monkeypatch.setenv("DSGVO_ASYNC_BACKEND", "httpcore")
    return Mode("sync" if request.param == "sync" else "async")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that is asynchronous by itself each backend."""
    if "mode" not in metafunc.fixturenames and "async" in inspect.getsource(metafunc.function):
        metafunc.parametrize("backend", ["httpcore", "aiohttp"], indirect=True)
