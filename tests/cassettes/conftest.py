"""Tests on recordings: replayed without any server, or recorded by ``make cassettes``."""

import json
import os
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dsgvo import PROVIDERS, emulator, testing
from dsgvo.emulator import Server, Step
from tests.cassettes.record import HOME

MODE = os.environ.get("DSGVO_RECORD", "replay")  # or what is recorded: "emulator", "live"
ONLY = os.environ.get("DSGVO_RECORD_PROVIDER", "")
# Read before a fixture clears the environment for the test. What is another vendor's stays out, so
# that nobody is called but the one who was asked for.
OWN = {
    name: value
    for name, value in os.environ.items()
    if MODE == "live"
    and (name.startswith(f"{PROVIDERS[ONLY].env}_") or name in PROVIDERS[ONLY].key_variables)
}
PLACES, PASSED = pytest.StashKey[set[Path]](), pytest.StashKey[bool]()


def place_of(item: Any) -> Path:
    """The file of a test: ``cassettes/<provider>/<suite>/<test>.yaml``."""
    parameters = dict(item.callspec.params) if hasattr(item, "callspec") else {}
    provider = parameters.pop("provider", None) or item.cls.provider
    suite = item.cls.suite if item.cls else item.path.stem.removeprefix("test_")
    suite = parameters.pop("framework", suite)
    words = [item.originalname.removeprefix("test_"), *map(str, parameters.values())]
    return HOME / provider / suite / f"{'-'.join(words).replace('/', '_')}.yaml"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Cut the network off, or choose what is recorded."""
    due = [item for item in items if "cassette" in getattr(item, "fixturenames", ())]
    config.stash[PLACES] = {place_of(item) for item in due}
    if MODE == "replay":
        for item in due:
            item.add_marker(pytest.mark.disable_socket)  # not even to this machine
        return
    due = [item for item in due if ONLY in {"", place_of(item).relative_to(HOME).parts[0]}]
    if MODE == "live":  # a vendor takes no script
        due = [item for item in due if not item.get_closest_marker("scripted")]
    items[:] = due


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    item.stash[PASSED] = call.when == "call" and report.passed
    if report.failed and MODE == "replay":
        hint = "Is the change meant? Then: make cassettes, and review git diff cassettes"
        report.sections.append(("cassettes", hint))
    return report


class Tape:
    """What a test sees of its recording, also where it wants a server's key and requests."""

    def __init__(self, server: Server | None) -> None:
        self.server = server
        self.api_key = server.api_key if server else "key-of-the-replay"
        self.recording: Any = None

    def script(self, provider: str, *steps: Step) -> None:
        """Script the emulator's next answers; a replay has them on the cassette."""
        if self.server:
            self.server.script(provider, *steps)

    @property
    def requests(self) -> list[Any]:
        if self.server:
            return self.server.requests
        sent = [request.body for request, _ in self.recording._played_interactions]
        return [SimpleNamespace(json=json.loads(body)) for body in sent]


@pytest.fixture(scope="session")
def recording_server() -> Iterator[Server]:
    """The emulator to record from."""
    with emulator.running(undocumented_embeddings=True) as server:
        yield server


@pytest.fixture
def cassette(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tape]:
    """Play a test's recording, or make it; the test finds each vendor in the environment."""
    # Frameworks make ids by chance and send them: here the same ones each time.
    chance = random.Random(request.node.name)
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4))
    tape = Tape(request.getfixturevalue("recording_server") if MODE == "emulator" else None)
    if tape.server:
        tape.server.clear()
    for name, spec in PROVIDERS.items():
        values = {spec.key_variables[0]: tape.api_key}
        values |= {one.variable: f"{one.argument}-of-the-replay" for one in spec.header_arguments}
        for variable, value in (tape.server.environ(name) if tape.server else values).items():
            monkeypatch.setenv(variable, value)
    for variable, value in OWN.items():
        monkeypatch.setenv(variable, value)
    place = place_of(request.node)
    monkeypatch.setattr("io.text_encoding", lambda given, _=2: given or "cp1252")  # as on Windows
    vcr = testing.recorder(record_mode="none" if MODE == "replay" else "all")
    with vcr.use_cassette(str(place)) as tape.recording:
        misses: list[str] = []  # also those whose error a framework swallows
        look = tape.recording.find_requests_with_most_matches
        noted = lambda sent: misses.append(str(sent)) or look(sent)  # noqa: E731
        monkeypatch.setattr(tape.recording, "find_requests_with_most_matches", noted)
        yield tape
    if MODE == "replay":
        assert misses == [], "not recorded: make cassettes"
        assert tape.recording.all_played, f"{place} has more than is asked for: make cassettes"
    elif not request.node.stash.get(PASSED, False):
        place.unlink(missing_ok=True)
