"""LangSmith: what goes there is told once, unless nothing does or the user wishes it."""

import warnings

import pytest

from dsgvo.errors import ResidencyWarning
from tests.langchain.support import chat


@pytest.mark.parametrize(
    ("variables", "residency", "says"),
    [
        ({}, "eu", "LangSmith at api.smith.langchain.com, in the USA"),
        ({"LANGSMITH_ENDPOINT": "https://eu.api.smith.langchain.com"}, "eu", "in the EU"),
        ({"LANGCHAIN_ENDPOINT": "https://smith.example.com/a"}, "eu", "a region that is not known"),
        ({"LANGSMITH_ENDPOINT": "https://["}, "eu", "LangSmith at https://[, a region that"),
        ({}, "any", ""),
        ({"LANGSMITH_TRACING": "false"}, "eu", ""),
    ],
)
def test_tracing_is_told_once(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], residency: str, says: str
) -> None:
    for name, value in ({"LANGSMITH_TRACING": "true"} | variables).items():
        monkeypatch.setenv(name, value)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        _ = [chat(provider, residency=residency) for provider in ("sovrgpt", "innogpt")]
    assert [warning.category for warning in told] == [ResidencyWarning] * bool(says)
    for warning in told:
        assert says in str(warning.message)
        assert "Set LANGSMITH_TRACING=false" in str(warning.message)
