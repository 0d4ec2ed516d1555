from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from llama_index.core import Settings

from dsgvo import PROVIDERS
from dsgvo.emulator import Step
from tests.cassettes.support import Tape
from tests.llamaindex.support import Mode


@pytest.fixture(autouse=True)
def on_cassettes(cassette: Tape) -> None:
    """Every test here runs on its cassette."""


@pytest.fixture(autouse=True)
def nothing_in_settings() -> Iterator[None]:
    """No LLM and embedding model is taken from LlamaIndex's global settings by accident."""
    Settings._llm = Settings._embed_model = None
    yield
    Settings._llm = Settings._embed_model = None


@pytest.fixture(autouse=True)
def own_event_loop() -> Iterator[None]:
    """LlamaIndex's sync methods make an event loop where a thread has none, and leave it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Both ways to call a model."""
    return Mode(request.param)


class Played:
    """What the suite asks a server, answered from the cassette.

    Args:
        tape: The test's.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.api_key = os.environ[PROVIDERS[tape.provider].key_variables[0]]

    def script(self, provider: str, *steps: Step) -> None:
        assert provider == self._tape.provider
        self._tape.script(*steps)

    @property
    def requests(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(json=json.loads(body)) for body in self._tape.bodies()]


@pytest.fixture
def server(cassette: Tape) -> Played:
    """What stands in for the emulator, of which there is none."""
    return Played(cassette)
