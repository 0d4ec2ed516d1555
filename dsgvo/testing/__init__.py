"""Recordings and fixtures for tests of applications that use this project's classes.

:func:`recorder` is a `vcrpy <https://vcrpy.readthedocs.io>`_ recorder: a test is recorded once,
from the emulator or from the real service, and replayed ever after without any server. The fixtures
of :mod:`dsgvo.testing.plugin` are found by pytest itself.

    >>> from dsgvo import testing
    >>> testing.recorder(record_mode="none").match_on
    ('method', 'uri', 'dsgvo')
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

__all__ = ["recorder"]


def recorder(hide: Mapping[str, str] | None = None, **options: Any) -> Any:
    """Return a ``vcr.VCR`` that writes readable cassettes without secrets, and matches exactly.

    What the emulator answers is kept under the vendor's address, so a replay needs no ``base_url``.

    Args:
        hide: Further private texts, each with what stands in its place on the cassette. Keys,
            tokens and workspace ids are found without it.
        **options: Arguments of ``vcr.VCR``, such as ``record_mode="none"``.

    Raises:
        ModuleNotFoundError: If vcrpy is not installed.
    """
    # Imported here, since pytest imports this package in every session, for the plugin.
    from dsgvo.testing._rules import Rules

    rules = Rules(hide)
    try:
        vcr = import_module("vcr").VCR(**rules.options(**options))
    except ModuleNotFoundError as error:
        error.msg += ": pip install 'dsgvo-llm[testing]'"
        raise
    rules.register(vcr)
    return vcr
