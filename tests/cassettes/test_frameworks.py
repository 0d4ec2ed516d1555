"""One recording a vendor, framework and feature of the wire, each in one mode.

The chat of innoGPT in LangChain and of meinGPT in LlamaIndex is in ``test_standard.py``.
"""

from __future__ import annotations  # what is recorded of the tools shows them as text

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from dsgvo import PROVIDERS
from tests.calls import Mode
from tests.frameworks.support import Way
from tests.llamaindex.conformance import wetter
from tests.llamaindex.fixtures import nothing_in_settings, own_event_loop
from tests.vendors import MODELS, THINKING_MODEL

__all__ = ["nothing_in_settings", "own_event_loop"]
pytestmark = pytest.mark.usefixtures("cassette")
WEATHER = 'Wie ist das Wetter in "Köln"?'
STANDARD = {"langchain": "innogpt", "llamaindex": "meingpt"}
AWAITED = {"langchain": ("meingpt", "sovrgpt"), "llamaindex": ("innogpt", "neuroflash")}
SPECIAL = {"innogpt": ["gpt-5"], "sovrgpt": [THINKING_MODEL]}  # streams unasked; thinks


class Person(BaseModel):
    """Eine Person."""

    name: str


def each(
    name: str, of: Callable[[str], list[str]], more: dict[str, list[str]]
) -> pytest.MarkDecorator:
    rows = [
        (framework, provider, one)
        for framework, standard in STANDARD.items()
        for provider in PROVIDERS
        for one in [*([] if provider == standard else of(provider)), *more.get(provider, [])]
    ]
    return pytest.mark.parametrize(("framework", "provider", name), rows)


@pytest.fixture
def way(framework: str, provider: str) -> Way:
    mode = Mode("async" if provider in AWAITED[framework] else "sync")
    return Way(framework, mode, streamed=False)


@each("model", lambda provider: [MODELS[provider]], SPECIAL)
def test_chat(way: Way, provider: str, model: str) -> None:
    llm = way.model(provider, model=model)
    for streamed in (True, False):
        answer = replace(way, streamed=streamed).answer(llm, "Guten Tag!")
        thoughts = ["thoughts"] if model == THINKING_MODEL else []
        assert (answer.finish_reason, answer.kinds) == ("stop", [*thoughts, "text"])


@each("model", lambda provider: [MODELS[provider]], {})
def test_tools(way: Way, provider: str, model: str) -> None:
    llm = way.model(provider, model=model)
    required = {"tool_choice": "wetter"} if way.is_langchain else {"tool_required": True}
    asking = way.call_tools(llm, [wetter], WEATHER, **required)
    [(_, arguments)], [call_id] = asking.calls, asking.ids
    result = way.result(wetter(**arguments), call_id=call_id)
    assert way.answer(llm, [WEATHER, asking.message, result]).text


def methods(provider: str) -> list[str]:
    # Function calling is on the wire as in test_tools.
    return [one for one in PROVIDERS[provider].structured_output if one != "function_calling"]


@each("method", methods, {})
def test_structured(way: Way, provider: str, method: Any) -> None:
    person = way.structured(way.model(provider), Person, method, 'Sie heißt "Anna".')
    assert isinstance(person, Person)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("framework", STANDARD)
def test_embeddings(way: Way, provider: str) -> None:
    name = {"model" if way.is_langchain else "model_name": "text-embedding-3-small"}
    model = way.embeddings(provider, dimensions=8, allow_undocumented=True, **name)
    assert [len(vector) for vector in way.embed(model, ["Urlaub", "Reisekosten"])] == [8, 8]
