"""Fixtures for pytest: a running emulator and cassettes for the tests of any project.

Installed with ``pip install 'dsgvo-llm[emulator]'``, pytest finds them by itself.
"""

from collections.abc import Generator
from typing import Any

import pytest

from dsgvo.emulator.server import Server, running


@pytest.fixture(scope="session")
def dsgvo_emulator_server() -> Generator[Server]:
    """Run one emulator for the whole session.

    Yields:
        The server. Tests use ``dsgvo_emulator``, which starts each of them afresh.
    """
    with running() as server:
        yield server


@pytest.fixture
def dsgvo_emulator(dsgvo_emulator_server: Server) -> Generator[Server]:
    """Give a test a running emulator without requests and scripts of others.

    Yields:
        The server: ``base_url("sovrgpt")``, ``api_key``, ``script(…)``, ``requests``.
    """
    dsgvo_emulator_server.clear()
    yield dsgvo_emulator_server
    dsgvo_emulator_server.clear()


@pytest.fixture(scope="session")
def dsgvo_vcr_config() -> Generator[dict[str, Any]]:
    """Give vcrpy the rules by which this project records: readable, exact, and without secrets.

    For ``vcr.VCR(**dsgvo_vcr_config)``, and for pytest-recording's ``vcr_config``. What is recorded
    from the emulator is kept under the vendor's own addresses.

    Yields:
        Arguments of ``vcr.VCR``, for all tests of the session: who changes one makes a copy first,
        ``{**dsgvo_vcr_config, "record_mode": "none"}``.

    Raises:
        ModuleNotFoundError: If vcrpy is not installed.
    """
    from dsgvo.emulator.cassettes import Rules

    with Rules().registered() as config:
        yield config
