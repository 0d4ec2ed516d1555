"""Dialects by vendor: each is the module of its vendor's name in this package."""

from importlib import import_module

from dsgvo.emulator.dialect import Dialect
from dsgvo.providers import PROVIDERS


def dialects() -> dict[str, Dialect]:
    """Return the dialects of all vendors, in their order."""
    return {name: import_module(f"dsgvo.emulator.{name}").DIALECT for name in PROVIDERS}
