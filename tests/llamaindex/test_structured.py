"""Structured output: the method that the vendor documents, and answers that do not fit."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.program import FunctionCallingProgram, LLMTextCompletionProgram
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, Field, RootModel

from dsgvo.emulator import Reply, Server
from dsgvo.errors import CapabilityError, ConfigurationError
from llamaindex_dsgvo import ModelOutputError
from tests.llamaindex.support import Mode, bodies, llm

PROMPT = PromptTemplate("Lies die Angaben zur Person.\n\n{text}")
TEXT = "Name: „Anna“\nAlter: 34"


class Person(BaseModel):
    """A person."""

    name: str
    alter: int = Field(ge=0)


@pytest.mark.parametrize(
    ("provider", "arguments", "way"),
    [
        ("innogpt", {}, "tool"),
        ("meingpt", {}, "tool"),
        ("sovrgpt", {}, "tool"),
        ("neuroflash", {}, "json_schema"),
        ("meingpt", {"model": "llama-3.1-sonar-large-128k-online"}, "json_schema"),
        ("sovrgpt", {"is_function_calling_model": False}, "json_object"),
        ("innogpt", {"structured_output": "json_schema"}, "json_schema"),
        ("innogpt", {"should_use_structured_outputs": True}, "json_schema"),
        ("innogpt", {"structured_output": "json_mode"}, "json_object"),
        ("neuroflash", {"structured_output": "function_calling"}, "tool"),
    ],
)
def test_the_way_that_is_documented(
    mode: Mode, server: Server, provider: str, arguments: dict[str, Any], way: str
) -> None:
    model = llm(provider, **arguments)
    person = mode.call(model, "structured_predict", Person, PROMPT, text=TEXT)
    assert person == Person(name="Anna", alter=34)
    body = bodies(server)[0]
    if way == "tool":
        assert body["tool_choice"] == {"type": "function", "function": {"name": "Person"}}
        assert "response_format" not in body
    else:
        assert body["response_format"]["type"] == way
        assert "tools" not in body
    in_prompt = '"properties"' in json.dumps(body["messages"]).replace('\\"', '"')
    assert in_prompt is (way == "json_object")


def test_a_way_that_is_not_documented() -> None:
    with pytest.raises(CapabilityError, match=r"json_schema.*is not documented by SovrGPT"):
        llm("sovrgpt", structured_output="json_schema")
    with pytest.raises(ConfigurationError, match="structured_output='xml'"):
        llm("sovrgpt", structured_output="xml")


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(content="Das weiß ich nicht."), "instead of calling the tool|not a JSON object"),
        (Reply(content='{"name": "Anna"}'), "instead of calling the tool|alter: Field required"),
        (Reply(content='{"name": "An', finish_reason="length"), "max_tokens"),
        (Reply(content="", finish_reason="content_filter"), "content filter"),
    ],
)
@pytest.mark.parametrize("provider", ["innogpt", "neuroflash"])
def test_answers_that_do_not_fit(
    mode: Mode, server: Server, provider: str, reply: Reply, says: str
) -> None:
    server.script(provider, reply, reply)
    model = llm(provider)
    for method in ("structured_predict", "stream_structured_predict"):
        call = mode.listed if method.startswith("stream") else mode.call
        with pytest.raises(ModelOutputError, match=says) as caught:
            call(model, method, Person, PROMPT, text=TEXT)
        assert "Anna" not in str(caught.value)
        assert isinstance(caught.value, ValueError)


def test_tool_arguments_that_do_not_fit(mode: Mode, server: Server) -> None:
    call = {"name": "Person", "arguments": {"name": "geheim", "alter": -1}}
    server.script("innogpt", Reply(tool_calls=[call]))
    with pytest.raises(ModelOutputError, match=r"alter: .*greater than or equal to 0") as caught:
        mode.call(llm("innogpt"), "structured_predict", Person, PROMPT, text=TEXT)
    assert "geheim" not in str(caught.value)


def test_json_in_markdown_after_a_thought(mode: Mode, server: Server) -> None:
    content = 'Gern:\n```json\n{"name": "Anna", "alter": 34}\n```'
    reply = Reply(reasoning='{"name": "falsch"}', content=content)
    server.script("sovrgpt", reply, reply)
    model = llm("sovrgpt", structured_output="json_mode")
    expected = Person(name="Anna", alter=34)
    assert mode.call(model, "structured_predict", Person, PROMPT, text=TEXT) == expected
    grown = mode.listed(model, "stream_structured_predict", Person, PROMPT, text=TEXT)
    assert grown[-1] == expected
    assert all(getattr(one, "name", None) != "falsch" for one in grown)


_T = TypeVar("_T")


class Kasten(BaseModel, Generic[_T]):
    """A box."""

    inhalt: _T


def test_names_that_no_vendor_takes(server: Server) -> None:
    llm("neuroflash").structured_predict(Kasten[int], PromptTemplate("Inhalt: 5"))
    assert bodies(server)[0]["response_format"]["json_schema"]["name"] == "Kasten_int"


def test_system_prompt_and_parameters_go_along(mode: Mode, server: Server) -> None:
    model = llm("neuroflash", system_prompt="Sei genau.")
    prompt = ChatPromptTemplate([ChatMessage("Name: „{name}“\nAlter: 3")])
    person = mode.call(
        model,
        "structured_predict",
        Person,
        prompt,
        llm_kwargs={"temperature": 0, "tool_choice": "auto"},
        name="Bea",
    )
    assert person.name == "Bea"
    body = bodies(server)[0]
    assert body["messages"][0] == {"role": "system", "content": "Sei genau."}
    assert body["temperature"] == 0
    assert "tool_choice" not in body


ANNA = {"name": "Anna", "alter": 34}
BY_TOOL = Reply(tool_calls=[{"name": "Person", "arguments": ANNA}])
BY_TEXT = Reply(content=json.dumps(ANNA))


@pytest.mark.parametrize(
    ("program_mode", "reply"),
    [(PydanticProgramMode.FUNCTION, BY_TOOL), (PydanticProgramMode.LLM, BY_TEXT)],
)
def test_llama_indexs_own_programs(
    mode: Mode, server: Server, program_mode: PydanticProgramMode, reply: Reply
) -> None:
    server.script("innogpt", reply, reply)
    model = llm("innogpt", pydantic_program_mode=program_mode)
    assert mode.call(model, "structured_predict", Person, PROMPT, text=TEXT) == Person(**ANNA)
    grown = mode.listed(model, "stream_structured_predict", Person, PROMPT, text=TEXT)
    assert grown[-1] == Person(**ANNA)


@pytest.mark.parametrize(
    ("program", "reply"),
    [(FunctionCallingProgram, BY_TOOL), (LLMTextCompletionProgram, BY_TEXT)],
)
def test_programs(server: Server, program: Any, reply: Reply) -> None:
    server.script("sovrgpt", reply)
    made = program.from_defaults(
        output_cls=Person, prompt_template_str=PROMPT.template, llm=llm("sovrgpt")
    )
    assert made(text=TEXT) == Person(**ANNA)


class Tree(BaseModel):
    """A tree."""

    name: str
    children: list[Tree] = []


TREE = Tree(name="a", children=[Tree(name="b")])


class People(RootModel[list[Person]]):
    """All persons."""


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
@pytest.mark.parametrize(
    ("output_cls", "given", "expected"),
    [
        (
            Tree,
            {"name": "a", "children": [{"name": "b"}]},
            Tree(name="a", children=[Tree(name="b")]),
        ),
        (People, {"value": [ANNA]}, People([Person(**ANNA)])),
    ],
    ids=["recursive", "list"],
)
def test_every_form_of_class(
    mode: Mode, server: Server, method: str, output_cls: Any, given: Any, expected: Any
) -> None:
    call = {"name": output_cls.__name__, "arguments": given}
    reply = Reply(tool_calls=[call]) if method == "function_calling" else Reply(json.dumps(given))
    server.script("innogpt", reply)
    model = llm("innogpt", structured_output=method)
    assert mode.call(model, "structured_predict", output_cls, PROMPT, text=TEXT) == expected


def test_a_class_as_response_format(mode: Mode, server: Server) -> None:
    answer = mode.call(llm("innogpt"), "chat", [ChatMessage(TEXT)], response_format=Person)
    assert Person.model_validate_json(answer.message.content) == Person(**ANNA)
    assert bodies(server)[0]["response_format"]["type"] == "json_schema"
