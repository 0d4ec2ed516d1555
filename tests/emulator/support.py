"""What tests of the emulator share: how it is asked, and what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

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
