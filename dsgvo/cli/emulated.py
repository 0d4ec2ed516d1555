"""The emulator in place of vendors, for one command in this process."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext

from dsgvo.cli.options import require_access
from dsgvo.cli.screen import require_modules
from dsgvo.providers import Provider

__all__ = ["PACE_SECONDS", "access", "emulated"]

PACE_SECONDS = 0.012
"""Between two pieces of an emulated answer, so that a reader sees it stream."""


@contextmanager
def access(*specs: Provider, emulator: bool, visible: bool = False) -> Generator[None]:
    """Put the emulator in the place of vendors, or check that their keys are in the environment.

    Args:
        *specs: The vendors that are asked for.
        emulator: Which of the two.
        visible: Whether somebody watches the answers stream.

    Raises:
        ConfigurationError: If a key is missing; the message names the variable.
    """
    with emulated(*(one.name for one in specs), visible=visible) if emulator else nullcontext():
        for spec in specs:
            require_access(spec)
        yield


@contextmanager
def emulated(*providers: str, visible: bool = False) -> Generator[None]:
    """Run the emulator and let the environment point to it, as a user's would to the vendors.

    Args:
        *providers: Names of the vendors that are asked for.
        visible: Whether somebody watches the answers stream.
    """
    require_modules("emulator", "starlette", "uvicorn", "multipart")
    from dsgvo import emulator

    with emulator.running(pace=PACE_SECONDS if visible else 0.0, record=False) as server:
        values = _direct()
        for provider in providers:
            values |= server.environ(provider)
        with _environment(values):
            yield


def _direct() -> dict[str, str]:
    """Keep a proxy of the user's away from the emulator, which it could not reach."""
    names = ("no_proxy", "NO_PROXY")
    given = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return dict.fromkeys(names, ",".join(filter(None, (given, "127.0.0.1"))))


@contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
