"""Where a test's cassette lies, and what its requests run against."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dsgvo.emulator import Server, Step, cassettes
from dsgvo.emulator.cassettes.layout import origin_of

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("DSGVO_CASSETTES_HOME", ROOT / "cassettes"))
MODE = os.environ.get("DSGVO_CASSETTES", "replay")
"""``replay``, ``record`` from the emulator, or ``live`` from a vendor."""


def due(item: pytest.Item) -> bool:
    """Whether a test runs on a cassette."""
    return "cassette" in getattr(item, "fixturenames", ())


def provider_of(item: Any) -> str:
    """The vendor of a test: its parameter ``provider``, or its class's attribute.

    It is ``several`` for a program that talks to more than one; no single key records it live.
    """
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return parameters.get("provider") or item.cls.provider


def place_of(item: Any) -> Path:
    """The file of a test: ``cassettes/<provider>/<framework>/<suite>/<test>.yaml``."""
    provider = provider_of(item)
    suite = getattr(item.cls, "suite", None) or item.path.stem.removeprefix("test_")
    parts = item.callspec.id.split("-") if hasattr(item, "callspec") else []
    name = "-".join(
        [
            item.originalname.removeprefix("test_"),
            *(re.sub(r"\W+", "_", part) for part in parts if part != provider),
        ]
    )
    return HOME / provider / item.path.parent.name / suite / f"{name}.yaml"


def recorded() -> list[Path]:
    """All cassettes that there are."""
    return sorted(HOME.rglob("*.yaml"))


def named(path: Path) -> str:
    """A cassette's path as people say it."""
    return path.relative_to(HOME).as_posix()


@dataclass
class Tape:
    """What a test sees of its cassette.

    Args:
        provider: The vendor of the test.
        server: The emulator, while recording from it.
        misses: Requests that the cassette does not hold, whoever swallowed the error.
    """

    provider: str
    server: Server | None = None
    misses: list[str] = field(default_factory=list)
    vcr_cassette: Any = None

    def bodies(self) -> list[bytes]:
        """The bodies of the test's requests so far."""
        playing = self.vcr_cassette
        made = playing._played_interactions if MODE == "replay" else playing.data
        return [request.body for request, _ in made]

    def script(self, *steps: Step) -> None:
        """Script the emulator's next answers; a replay has them on the cassette."""
        if self.server:
            self.server.script(self.provider, *steps)


def watch(vcr_cassette: Any, tape: Tape) -> None:
    """Note each request that is not on the cassette, also if a test swallows the error."""
    tape.vcr_cassette = vcr_cassette
    look = vcr_cassette.find_requests_with_most_matches

    def noted(request: Any) -> Any:
        tape.misses.append(str(vcr_cassette.filter_request(request)))
        return look(request)

    vcr_cassette.find_requests_with_most_matches = noted


def unplayed(vcr_cassette: Any) -> list[str]:
    """The requests of a cassette that no test made."""
    return [
        str(request)
        for index, request in enumerate(vcr_cassette.requests)
        if not vcr_cassette.play_counts[index]
    ]


def content(path: Path) -> dict[str, Any]:
    """A cassette, parsed."""
    return cassettes.parse(path.read_text(encoding="utf-8"))


def is_live(path: Path) -> bool:
    """Whether a cassette comes from the vendor itself."""
    return path.is_file() and origin_of(content(path))[0] == "live"


def keep(new: str, path: Path) -> None:
    """Write a cassette, unless just the order of requests side by side is another."""
    if path.is_file():
        old = path.read_text(encoding="utf-8")
        if blocks(old) == blocks(new):
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(new, encoding="utf-8")


def blocks(text: str) -> list[str]:
    """A cassette's parts in an order that does not depend on time."""
    cassette = cassettes.parse(text)
    return sorted([cassette["origin"], *(repr(one) for one in cassette["interactions"])])


def python(*args: object, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, without the variables of this one's tests."""
    foreign = ("PYTEST_", "DSGVO_", "COV_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    environ |= {name: str(value) for name, value in variables.items()}
    command = [sys.executable, *map(str, args)]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
