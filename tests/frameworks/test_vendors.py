"""What the vendors document, through the chat models of both frameworks."""

from functools import partial
from typing import Any

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool

from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Reply, Server, running
from langchain_dsgvo import InnoGPTImageGeneration
from llamaindex_dsgvo import InnoGPTImageToolSpec, use
from tests import calls
from tests.calls import bodies, run
from tests.core.support import settings
from tests.frameworks.support import Way
from tests.vendors import MODELS, THINKING_MODEL

THOUGHT, ANSWER = "Berlin hat 3,7 Millionen, also mehr als Hamburg.", "Berlin ist größer."


def get_price(symbol: str) -> float:
    """Holt den aktuellen Preis."""
    return {"BTC": 97000.0}.get(symbol, 1.0)


TOOLS = [convert_to_openai_tool(get_price)]


@pytest.mark.covers(
    "sovrgpt",
    "behaviour `<think>…</think>` before the answer: kept apart, and not sent back",
    "Doc",
)
@pytest.mark.parametrize("field", [None, "reasoning_content", "reasoning"])
def test_thoughts_are_apart_and_not_sent_back(server: Server, way: Way, field: Any) -> None:
    blocks: Any = {"output_version": "v1"} if way.is_langchain and field else {}
    model = way.model("sovrgpt", model=THINKING_MODEL, **blocks)
    server.script("sovrgpt", Reply(ANSWER, reasoning=THOUGHT, reasoning_field=field))
    answer = way.answer(model)
    assert (answer.text, answer.thoughts.strip()) == (ANSWER, THOUGHT)
    assert answer.kinds == ["thoughts", "text"]
    assert not blocks or answer.message.content == answer.message.content_blocks
    way.answer(model, ["Hallo!", answer.message, "Und Hamburg?"])
    assert bodies(server)[-1]["messages"][1] == {"role": "assistant", "content": ANSWER}
    assert THOUGHT.encode() not in server.requests[-1].body


@pytest.mark.covers("sovrgpt", "parameter seed")
@pytest.mark.parametrize(
    ("provider", "field", "value", "own"),
    [("sovrgpt", "seed", 1, False), ("meingpt", "max_tokens", 9, True)],
)
def test_what_a_vendor_ignores_is_said_once(
    server: Server, way: Way, provider: str, field: str, value: Any, own: bool
) -> None:
    given = {field: value} if own else {"body": {field: value}}
    says = f"accepts '{field}' and does not honour it"
    with pytest.warns(errors.IgnoredParameterWarning, match=says) as seen:
        way.answer(way.model(provider, **given))
    # It points at the line of the user, who is tests/calls.py here.
    assert {warning.filename for warning in seen} == {calls.__file__}
    way.answer(way.model(provider, **given))
    assert [body[field] for body in bodies(server)] == [value, value]
    with pytest.raises(errors.CapabilityError, match=says):
        way.answer(way.model(provider, strict=True, **given))
    assert len(server.requests) == 2


EFFORTS = ["max", "xhigh", "high", "medium", "low", "minimal", "none"]


@pytest.mark.covers("neuroflash", "behaviour `reasoning_effort` is one of seven", "Seen")
@pytest.mark.covers("neuroflash", "parameter *")
def test_all_fields_of_neuroflash_can_be_set(server: Server, way: Way) -> None:
    typed: dict[str, Any] = {"temperature": 0.7, "max_tokens": 200, "seed": 7, "stop": ["\n\n"]}
    typed |= {"reasoning": {"effort": "low"}, "reasoning_effort": "low", "structured_outputs": True}
    typed |= {"frequency_penalty": -1.5, "presence_penalty": 1.5, "repetition_penalty": 1.1}
    typed["web_search_options"] = {"search_context_size": "low"}
    model = way.model("neuroflash", strict=True, **typed)
    further = {"response_format": {"type": "text"}, "tools": TOOLS, "tool_choice": "auto"}
    way.answer(model, **further)
    [body] = bodies(server)
    assert body.items() >= (typed | further).items()
    for effort in EFFORTS:
        way.answer(way.model("neuroflash", reasoning_effort=effort))
    assert [body["reasoning_effort"] for body in bodies(server)[1:]] == EFFORTS


def test_a_cut_answer_is_continued(way: Way) -> None:
    with running(pace=0.001, closes_after=0.01) as server:
        model = way.model("neuroflash", continue_cut_answers=9, **settings("neuroflash", server))
        answer = way.answer(model)
        assert answer.text.endswith("Du schreibst: „Hallo!“")
        assert answer.text.count("Emulator") == 1
        times = len(server.requests) - 1
        if way.is_langchain:
            assert answer.message.response_metadata["continued"] == times > 1
        else:
            assert model.complete("Hallo!").raw["continued"] == times > 1


# Where the data goes


def every_class(way: Way) -> list[Any]:
    """Return what makes an object of each class, of ``model=`` and further settings."""
    embeddings: Any = partial(way.embeddings, allow_undocumented=True)
    makers = [partial(make, name) for make in (way.model, embeddings) for name in PROVIDERS]
    if way.is_langchain:
        return [*makers, InnoGPTImageGeneration]
    return [*makers, InnoGPTImageToolSpec, partial(use, "innogpt", embed_model=None)]


def test_unknown_places_and_the_us_are_refused_on_every_class(
    server: Server, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = {"model": "ganz-neu", "residency": "strict"}
    for make in every_class(way):
        with pytest.raises(errors.ResidencyError):
            make(**new)
        make(**new, trusted_models=["ganz-neu"])
    for make in (way.model, way.embeddings, *([] if way.is_langchain else [use])):
        with pytest.raises(errors.ResidencyError, match="runs in US"):
            make("meingpt", model="o1-us")
        make("meingpt", model="o1-us", residency="any")
    monkeypatch.setenv("DSGVO_RESIDENCY", "strict")
    with pytest.raises(errors.ResidencyError):
        way.model("sovrgpt", model="ganz-neu")
    assert server.requests == []


def test_a_model_named_at_the_call_is_looked_at(server: Server, way: Way) -> None:
    model, elsewhere = way.model("meingpt"), {"model": "o1-us"}
    for asked_for in (
        lambda: way.answer(model, **elsewhere),
        lambda: way.answer(model, extra_body=elsewhere),
        lambda: way.answer(way.model("meingpt", body=elsewhere)),
        lambda: way.answer(way.model("meingpt", body={"extra_body": elsewhere})),
        lambda: way.answer(model.model_copy(update=elsewhere)),
    ):
        with pytest.raises(errors.ResidencyError):
            asked_for()
    assert server.requests == []


@pytest.mark.covers("*", "model *")
@pytest.mark.parametrize("provider", list(MODELS))
def test_what_is_known_of_a_model_comes_from_the_catalogue(way: Way, provider: str) -> None:
    facts = {"images": "image_inputs", "files": "pdf_inputs", "tools": "tool_calling"}
    facts |= {"context_window": "max_input_tokens", "reasoning": "reasoning_output"}
    for known in PROVIDERS[provider].models:
        if known.kind != "chat" or "*" in known.id:
            continue
        model = way.model(provider, model=known.id, residency="any")
        if way.is_langchain:
            found = {name: getattr(known, fact) for fact, name in facts.items()}
            assert (model.profile or {}) == {k: v for k, v in found.items() if v is not None}
            continue
        assert model.metadata.is_function_calling_model is (known.tools is not False)
        assert model.metadata.context_window == (known.context_window or 32_768)


def test_a_model_list_once_read_says_what_a_model_can(way: Way, server: Server) -> None:
    name = {"model": "openai/gpt-5"}  # the catalogue has it not
    if way.is_langchain:
        model = way.model("neuroflash", **name)
        assert model.profile is None
        found = way.mode.call(model, "load_profile")
        assert found == model.profile == way.model("neuroflash", **name).profile
        assert (found["max_input_tokens"], found["reasoning_output"]) == (400_000, True)
    else:
        model = way.model("neuroflash", context_window="auto", **name)

        async def window() -> int:
            return model.metadata.context_window

        if way.mode.is_async:  # on the loop nothing blocks: the first call reads the list
            assert run(window) == 32_768
            way.answer(model)
        for one in (model, model, way.model("neuroflash", **name)):
            assert one.metadata.context_window == 400_000
    assert len([one for one in server.requests if one.path.endswith("/models")]) == 1
    more: Any = {} if way.is_langchain else {"context_window": "auto"}
    for unknown in ("erfunden", "erdacht"):
        model = way.model("neuroflash", model=unknown, **more)
        with pytest.warns(errors.ModelListWarning, match=f"does not name model '{unknown}'"):
            way.mode.call(model, "load_profile") if way.is_langchain else model.metadata
