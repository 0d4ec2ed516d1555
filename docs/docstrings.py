"""Docstrings as the site shows them: a griffe extension, which mkdocstrings loads."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":\w+:`~?([^`]+)`")
TITLED = re.compile(r"^(?!Examples:)([A-Z][^\n]*):\n(?=    >>> )", re.M)


class Docstrings(griffe.Extension):
    """Roles become code, and each titled run of ``>>>`` a section of examples."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Turn the docstring of an object, before it is parsed."""
        if obj.docstring:
            text = ROLE.sub(r"`\1`", obj.docstring.value)
            obj.docstring.value = TITLED.sub(r"Examples: \1\n", text)
