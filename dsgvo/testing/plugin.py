"""Pytest plugin: a running emulator, and the rules of recordings for pytest-recording.

Installed with ``pip install 'dsgvo-llm[emulator,testing]'``, pytest finds it by itself. It imports
nothing until a test asks for one of its fixtures.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dsgvo.emulator import Server

_RULES = pytest.StashKey[Any]()


@pytest.fixture(scope="session")
def dsgvo_emulator_server() -> Generator[Server]:
    """Run one emulator for the whole session; tests use ``dsgvo_emulator``."""
    from dsgvo import emulator

    with emulator.running() as server:
        yield server


@pytest.fixture
def dsgvo_emulator(dsgvo_emulator_server: Server) -> Generator[Server]:
    """Give a test a running emulator without requests and scripts of others."""
    dsgvo_emulator_server.clear()
    yield dsgvo_emulator_server
    dsgvo_emulator_server.clear()


@pytest.fixture(scope="session")
def dsgvo_vcr_config(pytestconfig: pytest.Config) -> dict[str, Any]:
    """Return the rules of :func:`dsgvo.testing.recorder` for pytest-recording's ``vcr_config``.

    Raises:
        ModuleNotFoundError: If vcrpy is not installed.
    """
    from dsgvo.testing._rules import Rules

    rules = pytestconfig.stash[_RULES] = Rules()
    return rules.options()


@pytest.hookimpl(optionalhook=True)
def pytest_recording_configure(config: pytest.Config, vcr: Any) -> None:
    """Tell pytest-recording's recorder what the names in the rules stand for."""
    if rules := config.stash.get(_RULES, None):
        rules.register(vcr)
