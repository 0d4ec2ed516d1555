"""What tests of the emulator share: how it is asked, and what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import cycle
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from tests.vendors import MODELS

Http = Callable[..., httpx.Response]
# The SDK types requests closer than a test that also sends wrong ones can follow.
Sdk = Callable[..., Any]

QUESTION = [{"role": "user", "content": "Hallo, wer bist du?"}]

# The names under which a vendor honours a longest answer.
LIMITS = pytest.mark.parametrize(
    ("vendor", "field"),
    [
        ("innogpt", "max_tokens"),
        ("innogpt", "max_completion_tokens"),
        ("neuroflash", "max_tokens"),
        ("sovrgpt", "max_tokens"),
    ],
)


class Person(BaseModel):
    name: str
    alter: int


def paired(names: str, rows: Iterable[Any]) -> pytest.MarkDecorator:
    """Parametrize a test whose code is one for all vendors: each row has one, each vendor rows."""
    listed = [row if isinstance(row, tuple) else (row,) for row in rows]
    table = [(vendor, *row) for vendor, row in zip(cycle(MODELS), listed, strict=False)]
    return pytest.mark.parametrize(("vendor", *names.split()), table)
