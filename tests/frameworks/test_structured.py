"""Structured output: every class by every method that the vendor documents, or a typed error."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any, cast
from unittest.mock import patch

import pytest
from langchain_core.exceptions import ModelRefusalError, OutputParserException
from langchain_core.tools import StructuredTool
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, BeforeValidator, Field, RootModel

from dsgvo import PROVIDERS, errors
from dsgvo.emulator import Raw, Reply, Server
from dsgvo.wire import structured
from llamaindex_dsgvo import ModelOutputError
from tests.calls import bodies
from tests.frameworks.support import EACH, Way

QUESTION = "Name: „Anna“\nAlter: 34"
TEXT = '{"name": "Anna", "alter": 34}'
METHODS = ("function_calling", "json_schema", "json_mode")


class Person(BaseModel):
    """Eine Person."""

    name: str
    alter: int = Field(description="Alter in Jahren.", ge=0)


ANNA = Person(name="Anna", alter=34)


def reply(method: str, text: str = TEXT, name: str = "Person", **more: Any) -> Reply:
    """Script what a model says that follows a method."""
    if method == "function_calling":
        return Reply(tool_calls=[{"name": name, "arguments": t} for t in text.split("|")], **more)
    return Reply(text, **more)


def asked_by(body: dict[str, Any]) -> str:
    """Return by which method a request asks."""
    if "tools" in body:
        name = body["tools"][0]["function"]["name"]
        assert body["tool_choice"] == {"type": "function", "function": {"name": name}}
        assert "response_format" not in body
        return "function_calling"
    in_prompt = "Alter in Jahren." in json.dumps(body["messages"])
    assert in_prompt is (body["response_format"]["type"] == "json_object")
    return "json_mode" if in_prompt else body["response_format"]["type"]


CASES = [
    (name, method, method or spec.structured_output[0])
    for name, spec in PROVIDERS.items()
    for method in (None, *spec.structured_output)
]


@pytest.mark.parametrize(("provider", "method", "sent"), CASES)
def test_every_documented_method_and_by_default_the_best(
    server: Server, way: Way, provider: str, method: Any, sent: str
) -> None:
    of_all = {} if way.is_langchain or provider != "neuroflash" else {"response_format": {}}
    assert way.structured(way.model(provider, **of_all), Person, method, QUESTION) == ANNA
    assert [asked_by(body) for body in bodies(server)] == [sent]


@EACH
def test_a_class_as_response_format_and_a_model_without_tools(server: Server, way: Way) -> None:
    for provider in ("innogpt", "sovrgpt"):
        answer = way.answer(way.model(provider), QUESTION, response_format=Person)
        assert Person.model_validate_json(answer.text) == ANNA
    sonar = way.model("meingpt", model="llama-3.1-sonar-large-128k-online")
    assert way.structured(sonar, Person, None, QUESTION) == ANNA
    sent = ["json_schema", "json_mode", "json_schema"]
    assert [asked_by(body) for body in bodies(server)] == sent


@pytest.mark.covers(
    "sovrgpt",
    "behaviour JSON mode is `json_object` alone: JSON schemas are refused before sending",
    "Doc",
)
@EACH
def test_methods_that_are_not_documented_are_refused_with_those_there_are(
    server: Server, way: Way
) -> None:
    says = "'json_schema' is not documented by SovrGPT.*use 'function_calling' or 'json_mode'"
    with pytest.raises(errors.CapabilityError, match=says):
        way.structured(way.model("sovrgpt"), Person, "json_schema", QUESTION)
    assert server.requests == []


# Forms of classes


class Tree(BaseModel):
    """Ein Baum."""

    name: str
    children: list[Tree] = []


class Größe(BaseModel):  # noqa: PLC2401 - as German programs have them
    """Eine Größe."""

    wert: int


class People(
    RootModel[Annotated[list[Person], BeforeValidator(lambda p: dict(p[-1])["alter"] and p)]]
):
    """Alle Personen; was noch wächst, ist ein ``KeyError``."""


class Either(RootModel[Person | Größe]):
    """Was es ist."""


FORMS: list[tuple[BaseModel, str, bool]] = [
    (Tree(name="a", children=[Tree(name="b")]), "Tree", True),
    (Größe(wert=1), "Groesse", False),
    (People([ANNA]), "People", True),
    (Either(ANNA), "Either", True),
]


@EACH
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("made", "name", "nested"), FORMS, ids=[name for _, name, _ in FORMS])
def test_every_form_of_class_goes_out_whole_and_under_a_valid_name(
    server: Server, way: Way, method: str, made: BaseModel, name: str, nested: bool
) -> None:
    text = made.model_dump_json()
    text = f'{{"value": {text}}}' if isinstance(made, RootModel) else text
    server.script("innogpt", reply(method, text, name))
    assert way.structured(way.model("innogpt"), type(made), method, "Wer?") == made
    [body] = bodies(server)
    asked = json.dumps(body, ensure_ascii=False).replace('\\"', '"')
    assert ("$ref" in asked) is nested
    assert '"items": {}' not in asked
    if method == "function_calling":
        function = body["tools"][0]["function"]
        assert (function["name"], function["parameters"]["type"]) == (name, "object")
    elif method == "json_schema":
        assert body["response_format"]["json_schema"]["name"] == name


@pytest.mark.parametrize("wrong", [list[Person], Person | None, HTTPStatus, list, "P"], ids=str)
def test_what_is_no_class_is_told(way: Way, wrong: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match="for a list, a choice or an enum"):
        way.structured(way.model("innogpt"), wrong, "json_schema", QUESTION)


# Answers that do not fit

FAULTS: dict[str, tuple[str, str | None, str]] = {
    "cut": ('{"name": "Anna", "alter": 3', "length", "the answer was cut at max_tokens"),
    "no JSON": ("Anna ist 34.", None, "not (a|valid) JSON"),
    "out of range": ('{"name": "Anna", "alter": -1}', None, "alter: .*greater than or equal"),
    "missing field": ('{"name": "Anna"}', None, "alter: Field required"),
    "no call": ("Anna ist 34.", None, "answered in text instead of calling|not a JSON object"),
    "another": ("Anna ist 34.", None, "did not call the tool 'Per|answer is not a JSON object"),
    "two": ('{"name": "Anna"}|{"name": "Anne"}', None, "several calls differ|or holds several"),
    "thoughts": ("", None, "all that the model wrote stands in its thoughts"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_does_not_fit_is_an_error_and_never_mended(
    server: Server, way: Way, method: str, fault: str
) -> None:
    text, finish_reason, says = FAULTS[fault]
    in_text = "json_mode" if fault in {"no call", "thoughts"} else method
    name = "Andere" if fault == "another" else "Person"
    more = {} if text else {"reasoning": TEXT, "reasoning_field": "reasoning_content"}
    server.script("innogpt", reply(in_text, text, name, finish_reason=finish_reason, **more))
    kind = OutputParserException if way.is_langchain else ModelOutputError
    with pytest.raises(kind, match=says) as caught:
        way.structured(way.model("innogpt"), Person, method, QUESTION)
    assert ("Anna" in str(caught.value), isinstance(caught.value, ValueError)) == (False, True)


def test_a_long_answer_is_not_read_again_with_each_piece(server: Server, way: Way) -> None:
    text = f'{{"value": {People([ANNA] * 999).model_dump_json()}}}'
    server.script("innogpt", Reply(chunks=[text[at : at + 3] for at in range(0, len(text), 3)]))
    with patch.object(structured, "from_json", wraps=structured.from_json) as read:
        assert len(way.structured(way.model("innogpt"), People, "json_mode", "Wer?").root) == 999
    assert 0 < read.call_count < 2000


def test_a_refusal_is_an_error_without_the_models_words(server: Server, way: Way) -> None:
    message = {"role": "assistant", "refusal": f"Das sage ich nicht: {ANNA.model_dump_json()}"}
    body = json.dumps({"choices": [{"finish_reason": "stop", "message": message}]}).encode()
    server.script("innogpt", Raw(headers={"content-type": "application/json"}, chunks=[body]))
    kind = ModelRefusalError if way.is_langchain else ModelOutputError
    with pytest.raises(kind, match="the model declined") as caught:
        way.structured(way.model("innogpt"), Person, "json_schema", "Wer?")
    assert "Das sage ich nicht" not in str(caught.value)
    raw: Any = getattr(caught.value, "raw_message", None)
    assert not way.is_langchain or raw.additional_kwargs["refusal"] == message["refusal"]


@EACH
def test_tools_whose_arguments_hold_themselves_keep_their_schema(server: Server, way: Way) -> None:
    model, shown = way.model("innogpt"), cast("Any", repr)
    own = Tree.model_json_schema()  # MCP's tools have such dicts
    for kind, dicts in ((Tree, [own]), (Größe, [])):
        if way.is_langchain:
            tools = [
                StructuredTool.from_function(shown, name="f", description="d", args_schema=one)
                for one in (kind, *dicts)
            ]
            way.answer(model.bind_tools([*tools, kind, *({"title": "T"} | one for one in dicts)]))
        else:
            tools = [FunctionTool.from_defaults(shown, name="f", fn_schema=kind)]
            way.mode.call(model, "chat_with_tools", tools, "Hallo!")
    found = [[one["function"]["parameters"] for one in body["tools"]] for body in bodies(server)]
    recursive, plain = [one for one, *others in found if others == [one] * len(others)]
    whole = own["$defs"]
    root = {key: whole["Tree"][key] for key in ("type", "properties", "required")}
    assert (recursive, plain["required"]) == (root | {"$defs": whole}, ["wert"])
