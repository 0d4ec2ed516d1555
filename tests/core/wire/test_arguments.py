"""What is said of wrong arguments: what was meant is named, and nothing secret is shown."""

from __future__ import annotations

from typing import Any

import pytest

from dsgvo.wire.arguments import unknown_argument, wrong_argument


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("modle", ["temperature", "model"], "C has no argument 'modle': did you mean 'model'?"),
        ("xyz", ["temperature", "model"], "C has no argument 'xyz': see the page"),
        ("xyz", [], "C has no argument 'xyz': see the page"),
    ],
)
def test_an_unknown_argument(name: str, known: list[str], said: str) -> None:
    assert unknown_argument("C", name, iter(known), "see the page") == said


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("temperature", "hot", "temperature='hot': wrong"),
        ("timeout", -1.5, "timeout=-1.5: wrong"),
        ("stop", ["a"], "stop: wrong"),
        ("api_key", "geheim", "api_key: wrong"),
        ("client_secret", "geheim", "client_secret: wrong"),
        ("default_headers.X-Key", "geheim", "default_headers.X-Key: wrong"),
        ("extra_body", "geheim", "extra_body: wrong"),
        ("additional_kwargs.a.b", "geheim", "additional_kwargs.a.b: wrong"),
        ("metadata.api_key", 3, "metadata.api_key=3: wrong"),
    ],
)
def test_a_wrong_argument(name: str, value: Any, said: str) -> None:
    assert wrong_argument(name, value, "wrong") == said
