"""Vendors for tests: a plain model of each, and the classes of both frameworks.

A further vendor is a further line in ``MODELS``.
"""

from types import ModuleType
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server

MODELS = {
    "innogpt": "claude-4-5-sonnet",
    "meingpt": "gpt-4o",
    "neuroflash": "openai/gpt-4.1-mini",
    "sovrgpt": "qwen3.5-9b",
}
"""One model a vendor that answers plainly when asked plainly."""
THINKING_MODEL = "qwen3.5-27b-thinking"
"""The emulator's name for a reasoning model of SovrGPT; its page names none."""

assert MODELS.keys() == PROVIDERS.keys(), (
    f"tests/vendors.py: MODELS names {sorted(MODELS)}, dsgvo.PROVIDERS {sorted(PROVIDERS)}"
)


@pytest.fixture(autouse=True)
def vendors(vendor_environment: Server) -> Server:
    """Every model of a suite finds the emulator, and its key, in the environment; a
    conftest takes it in."""
    return vendor_environment


def classes(package: ModuleType, pattern: str) -> dict[str, Any]:
    """Return a package's class of each vendor, such as ``"Chat{}"`` for its chat models."""
    titles = {name: spec.title[0].upper() + spec.title[1:] for name, spec in PROVIDERS.items()}
    return {name: getattr(package, pattern.format(title)) for name, title in titles.items()}
