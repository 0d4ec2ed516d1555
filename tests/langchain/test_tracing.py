"""LangSmith: what goes there is told once."""

from __future__ import annotations

import warnings

import pytest

from dsgvo.errors import ResidencyWarning
from tests.langchain.support import chat


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "LangSmith at api.smith.langchain.com, in the USA"),
        ({"LANGSMITH_ENDPOINT": "https://eu.api.smith.langchain.com"}, "in the EU"),
        ({"LANGCHAIN_ENDPOINT": "https://smith.example.com/api"}, "a region that is not known"),
    ],
)
def test_tracing_is_told_once(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], says: str
) -> None:
    for name, value in {"LANGSMITH_TRACING": "true", **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.warns(ResidencyWarning, match="Set LANGSMITH_TRACING=false") as told:
        _ = [chat("sovrgpt"), chat("innogpt")]
    assert len(told) == 1
    assert says in str(told[0].message)


@pytest.mark.parametrize(("switch", "residency"), [("true", "any"), ("false", "eu"), ("", "eu")])
def test_no_tracing_and_a_wish_are_silent(
    monkeypatch: pytest.MonkeyPatch, switch: str, residency: str
) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", switch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chat("sovrgpt", residency=residency)
