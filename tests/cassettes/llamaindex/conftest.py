from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Step
from tests.cassettes.support import Tape
from tests.llamaindex.fixtures import mode, nothing_in_settings, own_event_loop

__all__ = ["mode", "nothing_in_settings", "own_event_loop"]


@pytest.fixture(autouse=True)
def on_cassettes(cassette: Tape) -> None:
    """Every test here runs on its cassette."""


class Played:
    """What the suite asks a server, answered from the cassette.

    Args:
        tape: The test's.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        variables = PROVIDERS[tape.provider].key_variables
        self.api_key = next(filter(None, map(os.environ.get, variables)), None)

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
