"""Fixtures of all tests: one emulator a worker, and nothing that leaks into the next test."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server
from dsgvo.transport._pools import runtime
from tests.calls import Mode

# No deadline: a busy machine that measures coverage is slow, and no test here is about speed.
hypothesis.settings.register_profile("suite", deadline=None)
# For `make mutants`, which runs the same test for hundreds of changed programs.
hypothesis.settings.register_profile(
    "mutants", max_examples=25, derandomize=True, database=None, deadline=None
)
hypothesis.settings.load_profile("suite")

pytest_plugins = ["dsgvo.testing.plugin"]  # the fixtures that users have

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def server(dsgvo_emulator: Server) -> Server:
    """The emulator as users' tests have it, with nothing left from another test."""
    return dsgvo_emulator


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No vendor's variable and no proxy of the machine reaches a test."""
    prefixes = (*(f"{spec.env}_" for spec in PROVIDERS.values()), "DSGVO_", "SOVR_KEY")
    for name in list(os.environ):
        if name.startswith(prefixes) or name.lower() in PROXY_VARIABLES:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What the process remembers is forgotten, and connections kept for threads are closed."""
    runtime.reset()
    yield
    runtime.reset()


@pytest.fixture
def vendor_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Every vendor's variables point to the emulator, as a user's would to the vendor."""
    for provider in PROVIDERS:
        for name, value in server.environ(provider).items():
            monkeypatch.setenv(name, value)
    return server


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Both ways to call a model."""
    return Mode(request.param)
