"""Tests on cassettes: replayed without any server, or recorded by ``make cassettes``."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS, emulator
from dsgvo.emulator import Server, cassettes
from dsgvo.emulator.access import Access
from dsgvo.emulator.vendors import DIALECTS
from tests.cassettes.support import (
    MODE,
    Tape,
    due,
    is_live,
    keep,
    named,
    place_of,
    provider_of,
    unplayed,
    watch,
)

LISTED = os.environ.get("DSGVO_CASSETTES_LIST")
ONLY = os.environ.get("DSGVO_CASSETTES_PROVIDER")
# Read before a fixture clears the environment for the test. What is another vendor's stays out, so
# that nobody is called but the one who was asked for.
OWN = {
    name: value
    for name, value in os.environ.items()
    if ONLY
    and (name.startswith(f"{PROVIDERS[ONLY].env}_") or name in PROVIDERS[ONLY].key_variables)
}
REPLACE_LIVE = "DSGVO_CASSETTES_REPLACE_LIVE" in os.environ
passed = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:] = filter(belongs, items)
    if MODE == "replay":
        for item in filter(due, items):
            item.add_marker(pytest.mark.disable_socket)  # not even to this machine
        return
    wanted = [item for item in items if due(item) and ONLY in {"", None, provider_of(item)}]
    if MODE == "live":
        # A vendor takes no script.
        wanted = [item for item in wanted if not item.get_closest_marker("scripted")]
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = wanted


def belongs(item: pytest.Item) -> bool:
    """Whether a class wants this test of its suite; one that differs in a thing wants its tests."""
    cls = getattr(item, "cls", None)
    return not due(item) or (
        getattr(cls, "only", "") in item.name and item.name != getattr(cls, "not_here", None)
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    if LISTED and MODE == "replay":
        places = [named(place_of(item)) for item in session.items if due(item)]
        Path(LISTED).write_text("\n".join(places), encoding="utf-8")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if due(item):
        if call.when == "call":
            item.stash[passed] = report.passed
        if report.failed and MODE == "replay":
            hint = (
                "Is the change meant? Then: make cassettes, and review what differs in cassettes/"
            )
            report.sections.append(("cassettes", hint))
        if report.skipped and MODE == "replay" and place_of(item).is_file():
            report.outcome = "failed"
            report.longrepr = f"skipped, but {named(place_of(item))} is there: remove one of both"
    return report


@pytest.fixture(scope="session")
def recording_server() -> Iterator[Server]:
    """The emulator to record from. Nothing asks for it in a replay."""
    with emulator.running(undocumented_embeddings=True) as server:
        yield server


@pytest.fixture
def cassette(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tape]:
    """Play a test's cassette, or record it; the test finds each vendor in the environment."""
    # Frameworks make ids by chance and send them: here the same ones each time.
    chance = random.Random(request.node.name)
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4))
    place, provider = place_of(request.node), provider_of(request.node)
    if MODE == "replay":
        yield from replayed(place, provider, monkeypatch)
        return
    tape = Tape(provider)
    stand_ins: dict[str, str] = {}
    if MODE == "record":
        server: Server = request.getfixturevalue("recording_server")
        server.clear()
        tape.server = server
        for name in PROVIDERS:
            for variable, value in server.environ(name).items():
                monkeypatch.setenv(variable, value)
    else:
        access = Access()
        private = {"WORKSPACE_ID": access.workspace_id, "CLIENT_ID": access.client_id}
        for variable, value in OWN.items():
            monkeypatch.setenv(variable, value)
            for ending, stand_in in private.items():
                if variable.endswith(ending):
                    stand_ins[value] = stand_in
    fresh = tmp_path / "cassette.yaml"
    vcr = cassettes.recorder(cassettes.Rules(stand_ins=stand_ins), record_mode="all")
    with vcr.use_cassette(str(fresh)) as tape.vcr_cassette:
        yield tape
    if request.node.stash.get(passed, False) and fresh.is_file():
        if MODE == "live" or REPLACE_LIVE or not is_live(place):
            keep(fresh.read_text(encoding="utf-8"), place)
        if LISTED:
            with Path(LISTED).open("a", encoding="utf-8") as listed:
                listed.write(f"{named(place)}\n")


def replayed(place: Path, provider: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tape]:
    access = Access()
    known = {"api_key": "key-of-the-replay", "workspace_id": access.workspace_id}
    for name in PROVIDERS:
        for setting, variable in DIALECTS[name].environment.items():
            if setting in known:
                monkeypatch.setenv(variable, known[setting])
    tape = Tape(provider)
    vcr = cassettes.recorder(record_mode="none")
    with vcr.use_cassette(str(place)) as playing:
        watch(playing, tape)
        yield tape
    assert tape.misses == [], f"not in {named(place)}: run make cassettes"
    assert unplayed(playing) == [], f"in {named(place)}, but not asked for: run make cassettes"
