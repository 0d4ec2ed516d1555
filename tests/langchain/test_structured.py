"""Structured output: every kind of schema by every method that the vendor documents."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypedDict, TypeVar

import pytest
from inline_snapshot import snapshot
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import (
    ModelInvalidRequestError,
    ModelRefusalError,
    OutputParserException,
)
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel, Field, RootModel

from dsgvo import PROVIDERS
from dsgvo.emulator import Raw, Reply, Server
from dsgvo.errors import CapabilityError, ConfigurationError
from tests.langchain.support import Mode, Way, bodies, chat


class Person(BaseModel):
    """Eine Person."""

    name: str
    age: int = Field(description="Alter in Jahren.")


class PersonDict(TypedDict):
    """Eine Person."""

    name: str
    age: Annotated[int, ..., "Alter in Jahren."]


PERSON_SCHEMA = {**Person.model_json_schema(), "title": "person"}
SCHEMAS: dict[str, Any] = {
    "pydantic": Person,
    "typeddict": PersonDict,
    "json_schema": PERSON_SCHEMA,
}
EVERY_METHOD = pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
METHODS = [
    (provider, method) for provider, spec in PROVIDERS.items() for method in spec.structured_output
]
NAMES = {"pydantic": "Person", "typeddict": "PersonDict", "json_schema": "person"}
QUESTION = "„Anna“ ist 34 Jahre alt."
DATA = {"name": "Anna", "age": 34}
TEXT = '{"name": "Anna", "age": 34}'


def reply(method: str | None, text: str = TEXT, name: str = "Person", **kwargs: Any) -> Reply:
    """Script what a model says that follows a method."""
    if method == "function_calling":
        return Reply(tool_calls=[{"name": name, "arguments": text}], **kwargs)
    return Reply(text, **kwargs)


@pytest.mark.parametrize(("vendor", "method"), METHODS)
@pytest.mark.parametrize("kind", list(SCHEMAS))
def test_every_schema_by_every_documented_method(
    server: Server, way: Way, vendor: str, method: Any, kind: str
) -> None:
    chain = chat(vendor).with_structured_output(SCHEMAS[kind], method=method)
    answer = way.last(chain, QUESTION)
    assert answer == (Person(**DATA) if kind == "pydantic" else DATA)
    [body] = bodies(server)
    form = body.get("response_format", {}).get("type")
    assert form == {"json_mode": "json_object", "json_schema": "json_schema"}.get(method)
    assert ("tools" in body) == (method == "function_calling")


@pytest.mark.parametrize("kind", list(SCHEMAS))
def test_the_default_is_the_best_that_the_vendor_documents(
    server: Server, provider: str, kind: str
) -> None:
    answer = chat(provider).with_structured_output(SCHEMAS[kind]).invoke(QUESTION)
    assert answer == (Person(**DATA) if kind == "pydantic" else DATA)
    [body] = bodies(server)
    if provider == "neuroflash":
        assert body["response_format"]["type"] == "json_schema"
    else:
        assert body["tool_choice"] == {
            "type": "function",
            "function": {"name": body["tools"][0]["function"]["name"]},
        }


def test_what_json_schema_sends(server: Server) -> None:
    chat("innogpt").with_structured_output(Person, method="json_schema", strict=True).invoke("…?")
    assert bodies(server)[0]["response_format"] == snapshot(
        {
            "type": "json_schema",
            "json_schema": {
                "name": "Person",
                "schema": {
                    "description": "Eine Person.",
                    "properties": {
                        "name": {"type": "string"},
                        "age": {"description": "Alter in Jahren.", "type": "integer"},
                    },
                    "required": ["name", "age"],
                    "type": "object",
                    "additionalProperties": False,
                },
                "description": "Eine Person.",
                "strict": True,
            },
        }
    )


def test_json_mode_puts_the_schema_into_the_prompt(server: Server) -> None:
    chain = chat("sovrgpt").with_structured_output(Person, method="json_mode")
    chain.invoke([("system", "Du bist genau."), ("user", "Anna ist 34.")])
    chain.invoke("Anna ist 34.")
    first, second = bodies(server)
    assert first["response_format"] == {"type": "json_object"}
    system, user = first["messages"]
    rules, schema, shape = system["content"].rsplit("\n", 2)
    assert shape == 'Its shape, with other values than yours: {"name":"…","age":0}'
    assert rules == (
        "Du bist genau.\n\n"
        "Answer with one JSON object and nothing else: no explanation, no Markdown. "
        "The object must be valid against this JSON schema:"
    )
    assert json.loads(schema) == {
        "type": "object",
        "description": "Eine Person.",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer", "description": "Alter in Jahren."},
        },
        "required": ["name", "age"],
    }
    assert user == {"role": "user", "content": "Anna ist 34."}
    assert [message["role"] for message in second["messages"]] == ["system", "user"]
    assert '"Alter in Jahren."' in second["messages"][0]["content"]


def test_json_mode_without_a_schema_gives_the_object(server: Server, way: Way) -> None:
    server.script("sovrgpt", Reply('{"stadt": "Köln"}'))
    chain = chat("sovrgpt").with_structured_output(None, method="json_mode")
    assert way.last(chain, "Antworte in JSON.") == {"stadt": "Köln"}
    assert bodies(server)[0]["messages"] == [{"role": "user", "content": "Antworte in JSON."}]


@EVERY_METHOD
def test_dicts_grow_while_they_stream(server: Server, mode: Mode, method: Any) -> None:
    server.script("innogpt", reply(method, name="person"))
    chain = chat("innogpt").with_structured_output(PERSON_SCHEMA, method=method)
    parts = mode.stream(chain, "Anna ist 34.")
    assert parts[-1] == DATA
    assert len(parts) > 1
    assert parts[0].keys() <= DATA.keys()


@EVERY_METHOD
@pytest.mark.parametrize("kind", SCHEMAS)
def test_include_raw_gives_the_message_too(
    server: Server, mode: Mode, method: Any, kind: str
) -> None:
    chain = chat("innogpt").with_structured_output(SCHEMAS[kind], method=method, include_raw=True)
    answer = mode.invoke(chain, QUESTION)
    assert list(answer) == ["raw", "parsed", "parsing_error"]
    assert answer["parsed"] == (Person(**DATA) if kind == "pydantic" else DATA)
    assert answer["parsing_error"] is None
    assert answer["raw"].usage_metadata["total_tokens"] > 0


FAULTS: dict[str, tuple[str, str | None, str]] = {
    "cut": ('{"name": "Anna", "age": 3', "length", "the answer was cut at max_tokens"),
    "filtered": ('{"name": "An', "content_filter", "content filter stopped"),
    "half": ('{"name": "Anna", "age": 3', None, "JSON"),
    "no JSON": ("Anna ist 34.", None, "not (a|valid) JSON"),
    "wrong type": ('{"name": "Anna", "age": "alt"}', None, "valid integer"),
    "missing field": ('{"name": "Anna"}', None, "Field required"),
}


@EVERY_METHOD
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        *((fault, "pydantic") for fault in FAULTS),
        *(("cut", "typeddict"), ("cut", "json_schema"), ("half", "typeddict")),
    ],
)
def test_an_answer_that_does_not_fit_is_an_error_and_never_mended(
    server: Server, way: Way, method: Any, fault: str, kind: str
) -> None:
    text, finish_reason, says = FAULTS[fault]
    scripted = reply(method, text, NAMES[kind], finish_reason=finish_reason)
    server.script("innogpt", scripted, scripted)
    model, schema = chat("innogpt"), SCHEMAS[kind]
    with pytest.raises(OutputParserException, match=says):
        way.last(model.with_structured_output(schema, method=method), QUESTION)
    raw = model.with_structured_output(schema, method=method, include_raw=True)
    answer = way.mode.invoke(raw, "Wer?")
    assert answer["parsed"] is None
    assert re.search(says, str(answer["parsing_error"]))
    assert "Anna ist" not in str(answer["parsing_error"])
    assert answer["raw"].response_metadata["finish_reason"]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_text_in_place_of_the_call_is_an_error(server: Server, way: Way, kind: str) -> None:
    server.script("sovrgpt", Reply("Anna ist 34."))
    chain = chat("sovrgpt").with_structured_output(SCHEMAS[kind])
    with pytest.raises(OutputParserException, match="answered in text instead of calling"):
        way.last(chain, QUESTION)


def test_a_refusal_is_an_error_that_keeps_the_models_words(server: Server, mode: Mode) -> None:
    body = (
        b'{"choices":[{"index":0,"finish_reason":"stop","message":'
        b'{"role":"assistant","content":null,"refusal":"Das sage ich nicht."}}]}'
    )
    server.script("innogpt", Raw(headers={"content-type": "application/json"}, chunks=[body]))
    chain = chat("innogpt").with_structured_output(Person, method="json_schema")
    with pytest.raises(ModelRefusalError, match="the model declined") as caught:
        mode.invoke(chain, "Wer?")
    assert caught.value.raw_message is not None
    assert caught.value.raw_message.additional_kwargs["refusal"] == "Das sage ich nicht."
    assert "Das sage ich nicht" not in str(caught.value)


@pytest.mark.parametrize(
    "fence", ["```json\n{}\n```", "```\n{}\n```", "\n {} \n", "Gern:\n```json\n{}\n```"]
)
def test_fences_around_the_object_are_read_over(server: Server, way: Way, fence: str) -> None:
    server.script("sovrgpt", Reply(fence.replace("{}", TEXT)))
    chain = chat("sovrgpt").with_structured_output(Person, method="json_mode")
    assert way.last(chain, QUESTION) == Person(**DATA)


class Rank(Enum):
    LEAD = "leitung"
    STAFF = "team"


class Address(BaseModel):
    """Eine Adresse."""

    street: str | None = None
    city: str


class Employee(BaseModel):
    """Jemand, der hier arbeitet."""

    name: str
    rank: Rank
    shift: Literal["früh", "spät"] = "früh"
    address: Address | None = None
    phones: list[str] = []
    boss: Employee | None = None


EMPLOYEE = Employee(
    name="Anna",
    rank=Rank.LEAD,
    shift="spät",
    address=Address(city="Köln"),
    phones=["0221 1", "0221 2"],
    boss=Employee(name="Otto", rank=Rank.STAFF),
)


REFUSED = [
    (provider, method)
    for provider, spec in PROVIDERS.items()
    for method in ("function_calling", "json_schema", "json_mode")
    if method not in spec.structured_output
]


@pytest.mark.parametrize(("vendor", "method"), REFUSED)
def test_undocumented_methods_are_refused_with_those_there_are(
    server: Server, vendor: str, method: Any
) -> None:
    spec = PROVIDERS[vendor]
    with pytest.raises(CapabilityError) as caught:
        chat(vendor).with_structured_output(Person, method=method)
    assert str(caught.value).startswith(f"method={method!r} is not documented by {spec.title}")
    assert all(repr(other) in str(caught.value) for other in spec.structured_output)
    assert isinstance(caught.value, ModelInvalidRequestError)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"schema": None}, "schema is missing: method='function_calling' needs one"),
        ({"schema": Person, "method": "json_mode", "strict": True}, "json_mode' knows no strict"),
        ({"schema": Person, "tools": [], "method": "json_mode"}, "create_agent"),
        ({"schema": Person, "tool_choice": "any"}, "offers the schema alone"),
        ({"schema": Person, "method": "telepathy"}, "method='telepathy' is not documented"),
    ],
)
def test_what_cannot_be_asked_for(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        chat("innogpt").with_structured_output(**wrong)


def test_what_goes_along(server: Server) -> None:
    model = chat("innogpt")
    for strict in (True, False, None):
        model.with_structured_output(Person, strict=strict, temperature=0.1).invoke("Wer?")
    sent = [body["tools"][0]["function"].get("strict") for body in bodies(server)]
    assert sent == [True, False, None]
    assert [body["temperature"] for body in bodies(server)] == [0.1] * 3
    schema = {"name": "person", "schema": PERSON_SCHEMA, "strict": True}
    model.with_structured_output(schema, method="json_schema").invoke("Anna ist 34.")
    form = bodies(server)[-1]["response_format"]["json_schema"]
    assert (form["strict"], form["schema"]["additionalProperties"]) == (True, False)
    server.script("innogpt", reply("function_calling", TREE.model_dump_json(), "Tree"))
    assert model.with_structured_output(Tree, strict=True).invoke("?") == TREE
    parameters = bodies(server)[-1]["tools"][0]["function"]["parameters"]
    assert parameters["additionalProperties"] is False
    assert parameters["$defs"]["Tree"]["additionalProperties"] is False


class Options(BaseCallbackHandler):
    def __init__(self) -> None:
        self.options: list[Any] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.options.append(kwargs["options"])


@EVERY_METHOD
def test_traces_know_the_schema_which_needs_no_title(
    server: Server, mode: Mode, method: Any
) -> None:
    handler = Options()
    schema = {k: v for k, v in PERSON_SCHEMA.items() if k not in {"title", "description"}}
    for wanted, answer in ((Person, Person(**DATA)), (schema, DATA)):
        chain = chat("innogpt").with_structured_output(wanted, method=method)
        assert mode.invoke(chain, QUESTION, config={"callbacks": [handler]}) == answer
    traced = [options["ls_structured_output_format"] for options in handler.options]
    assert [one["kwargs"]["method"] for one in traced] == [method, method]
    assert traced[0]["schema"]["title"] == "Person"


def test_a_chain_goes_on_behind_it_and_says_what_it_gives(server: Server, mode: Mode) -> None:
    older: RunnableLambda[Any, int] = RunnableLambda(lambda person: person.age + 1)
    structured = chat("sovrgpt").with_structured_output(Person)
    assert mode.batch(structured | older, [QUESTION, "Otto ist 50 Jahre alt."]) == [35, 51]
    assert structured.get_output_schema() is Person
    given = chat("innogpt").with_structured_output(PERSON_SCHEMA).get_output_schema()
    assert given.model_json_schema()["type"] == "object"


# Schemas of every form


class Tree(BaseModel):
    """Ein Baum."""

    name: str
    children: list[Tree] = []


class Größe(BaseModel):  # noqa: PLC2401 - as German programs have them
    """Eine Größe."""

    wert: int


_T = TypeVar("_T")


class Antwort(BaseModel, Generic[_T]):
    """Eine Antwort."""

    wert: _T


class People(RootModel[list[Person]]):
    """Alle Personen."""


TREE = Tree(name="a", children=[Tree(name="b")])
PEOPLE = People([Person(**DATA)])
FORMS: dict[str, tuple[Any, str, str, Any]] = {
    "recursive": (Tree, "Tree", TREE.model_dump_json(), TREE),
    "umlaut": (Größe, "Groesse", '{"wert": 1}', Größe(wert=1)),
    "generic": (Antwort[int], "Antwort_int", '{"wert": 1}', Antwort[int](wert=1)),
    "nested": (Employee, "Employee", EMPLOYEE.model_dump_json(), EMPLOYEE),
    "list": (People, "People", f'{{"value": {PEOPLE.model_dump_json()}}}', PEOPLE),
    "OpenAI's form": ({"name": "person", "schema": PERSON_SCHEMA}, "person", TEXT, DATA),
}


@pytest.mark.parametrize(
    ("method", "way"),
    [
        ("function_calling", Way(Mode("sync"), streamed=False)),
        ("json_schema", Way(Mode("async"), streamed=True)),
        ("json_mode", Way(Mode("sync"), streamed=True)),
    ],
    ids=["tool", "schema", "json"],
)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_schema_goes_out_whole_and_under_a_valid_name(
    server: Server, method: Any, way: Way, form: str
) -> None:
    schema, name, text, expected = FORMS[form]
    server.script("innogpt", reply(method, text, name))
    chain = chat("innogpt").with_structured_output(schema, method=method)
    assert way.last(chain, QUESTION) == expected
    [body] = bodies(server)
    asked = json.dumps(body, ensure_ascii=False).replace('\\"', '"')
    assert ("$ref" in asked) == (form in {"recursive", "list", "nested"})
    assert '"items": {}' not in asked
    if method == "function_calling":
        [tool] = body["tools"]
        assert (tool["function"]["name"], tool["function"]["parameters"]["type"]) == (
            name,
            "object",
        )
    elif method == "json_schema":
        assert body["response_format"]["json_schema"]["name"] == name


@pytest.mark.parametrize(
    ("vendor", "kind"), [("innogpt", "json_schema"), ("sovrgpt", "json_object")]
)
def test_a_class_as_response_format(server: Server, mode: Mode, vendor: str, kind: str) -> None:
    bound = chat(vendor).bind(response_format=Person)
    assert json.loads(mode.invoke(bound, "„Anna“ ist 34 Jahre alt.").text) == DATA
    [body] = bodies(server)
    assert body["response_format"]["type"] == kind
    assert ("Alter in Jahren." in body["messages"][0]["content"]) == (kind == "json_object")


def lookup(name: str) -> str:
    """Look a person up."""
    return name


def test_tools_beside_a_schema(server: Server, mode: Mode) -> None:
    call = Reply(tool_calls=[{"name": "lookup", "arguments": '{"name": "Anna"}'}])
    server.script("innogpt", call, Reply(TEXT))
    chain = chat("innogpt").with_structured_output(Person, tools=[lookup], include_raw=True)
    first = mode.invoke(chain, "Wie alt ist Anna?")
    assert (first["parsed"], first["parsing_error"]) == (None, None)
    assert first["raw"].tool_calls[0]["name"] == "lookup"
    assert mode.invoke(chain, "Wie alt ist Anna?")["parsed"] == Person(**DATA)
    for body in bodies(server):
        assert body["tools"][0]["function"]["name"] == "lookup"
        assert body["response_format"]["type"] == "json_schema"
