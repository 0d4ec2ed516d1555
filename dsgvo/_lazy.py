"""Packages whose vendors' modules are imported when one of their names is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from dsgvo.providers import PROVIDERS

__all__ = ["vendors_names"]


def vendors_names(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package: its classes take time to make.

    Args:
        package: Name of the package, which has one module a vendor.
    """

    def find(name: str) -> Any:
        for provider in PROVIDERS:
            if provider in name.lower():
                module = import_module(f"{package}.{provider}")
                return module if name == provider else getattr(module, name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        module = sys.modules[package]
        return sorted({*vars(module), *module.__all__})

    return find, names
