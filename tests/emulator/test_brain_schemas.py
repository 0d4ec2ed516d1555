"""Instances of JSON schemas: valid whatever the schema, and filled from the text."""

import json
from typing import Any, Literal

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from dsgvo.emulator import brain
from dsgvo.emulator.brain.instance import make_instance

TEXT = (
    "Anna Schmidt ist 34 Jahre alt, erreichbar unter anna@example.com, Rolle Gast, nicht aktiv, "
    "seit dem 3. Mai 2021. Hobbys: Lesen, Segeln und Schach."
)


class Address(BaseModel):
    stadt: str
    land: str | None = None


class Person(BaseModel):
    name: str
    alter: int = Field(ge=0, le=130)
    email: str = Field(json_schema_extra={"format": "email"})
    rolle: Literal["Admin", "Gast"]
    aktiv: bool
    seit: str = Field(json_schema_extra={"format": "date"})
    hobbys: list[str]
    spitzname: str | None = None


def test_a_person_is_read_from_the_text() -> None:
    found = Person.model_validate(make_instance(Person.model_json_schema(), TEXT))
    assert found == Person(
        name="Anna Schmidt",
        alter=34,
        email="anna@example.com",
        rolle="Gast",
        aktiv=False,
        seit="2021-05-03",
        hobbys=["Lesen", "Segeln", "Schach"],
    )


def test_records_are_read_from_a_list() -> None:
    class People(BaseModel):
        personen: list[Person]

    text = "- Anna Schmidt ist 34 Jahre alt\n- Bernd Maier ist 51 Jahre alt"
    found = make_instance(People.model_json_schema(), text)["personen"]
    assert [(one["name"], one["alter"]) for one in found] == [
        ("Anna Schmidt", 34),
        ("Bernd Maier", 51),
    ]


def test_a_schema_that_refers_to_itself_ends() -> None:
    class Node(BaseModel):
        name: str
        kinder: list["Node"] = []
        eltern: "Node | None" = None

    schema = Node.model_json_schema()
    jsonschema.validate(make_instance(schema, "Wurzel"), schema)


@pytest.mark.parametrize("prompt", ["schema", "keys", "example"])
def test_json_by_a_prompt(prompt: str) -> None:
    wanted = {
        "schema": json.dumps(Address.model_json_schema()),
        "keys": "mit den Feldern 'stadt' und 'land'",
        "example": '{"stadt": "Bonn", "land": "DE"}',
    }[prompt]
    ask = brain.Ask(
        "SovrGPT",
        "m",
        brain.read_messages(
            [{"role": "user", "content": f"Ich wohne in Köln. Gib JSON aus: {wanted}"}]
        ),
        response_format={"type": "json_object"},
    )
    made = json.loads(brain.answer(ask).content or "")
    assert made["stadt"] == "Köln"
    assert set(made) <= {"stadt", "land"}


def test_json_without_a_schema_is_a_small_object() -> None:
    ask = brain.Ask(
        "SovrGPT",
        "m",
        brain.read_messages([{"role": "user", "content": "Wiederhole: hallo"}]),
        response_format={"type": "json_object"},
    )
    assert json.loads(brain.answer(ask).content or "") == {"antwort": "hallo"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "prefixItems": [{"type": "integer"}, {"enum": ["x"]}], "minItems": 2},
        {"type": "integer", "multipleOf": 7, "minimum": 10},
        {"type": "integer", "multipleOf": 7, "maximum": -10},
        {"type": "object", "required": ["frei"], "properties": {}},
        {"required": ["a"], "properties": {"a": {"type": "string", "default": "ja"}}},
        {"$ref": "#"},
        {},
    ],
)
@pytest.mark.parametrize("text", ["", "Hallo", "1, 1 und 14", "a, a, b"])
def test_rarer_keywords(schema: dict[str, Any], text: str) -> None:
    jsonschema.validate(make_instance(schema, text), schema if "$ref" not in schema else {})


def test_records_and_examples_of_every_kind() -> None:
    example = '{"a": 1, "b": 1.5, "c": true, "d": "x", "e": null, "f": [1], "g": {"h": []}}'
    messages = [{"role": "user", "content": f"Gib JSON wie dieses aus: {example}"}]
    ask = brain.Ask("x", "m", brain.read_messages(messages), (), "auto", {"type": "json_object"})
    made = json.loads(brain.answer(ask).content or "")
    kinds = {key: type(value).__name__ for key, value in made.items()}
    assert kinds == {
        "a": "int",
        "b": "int",
        "c": "bool",
        "d": "str",
        "e": "NoneType",
        "f": "list",
        "g": "dict",
    }


names = st.text("abcdefghij_", min_size=1, max_size=8)


def numbers(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    low = st.integers(-100, 100)
    bounds = st.tuples(low, st.integers(2, 50)).map(lambda p: (p[0], p[0] + p[1]))
    return st.one_of(
        st.just({"type": kind}),
        bounds.map(lambda b: {"type": kind, "minimum": b[0], "maximum": b[1]}),
        bounds.map(lambda b: {"type": kind, "exclusiveMinimum": b[0], "exclusiveMaximum": b[1]}),
        low.map(lambda value: {"type": kind, "exclusiveMinimum": value}),
        low.map(lambda value: {"type": kind, "exclusiveMaximum": value}),
        low.map(lambda value: {"type": kind, "minimum": value}),
        low.map(lambda value: {"type": kind, "maximum": value}),
    )


FORMATS = ("date", "time", "date-time", "email", "uri", "uuid", "ipv4")
leaves = st.one_of(
    numbers("integer"),
    numbers("number"),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": "string"}),
    st.integers(0, 30).map(lambda n: {"type": "string", "minLength": n, "maxLength": n + 3}),
    st.sampled_from(FORMATS).map(lambda name: {"type": "string", "format": name}),
    st.lists(st.one_of(names, st.integers()), min_size=1, max_size=4, unique=True).map(
        lambda options: {"enum": options}
    ),
    st.one_of(names, st.integers(), st.booleans()).map(lambda value: {"const": value}),
    st.just({"type": ["string", "null"]}),
    st.just({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    st.just({"$ref": "#/$defs/ort"}),
)


def nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    objects = st.dictionaries(names, inner, max_size=4).flatmap(
        lambda properties: st.sets(st.sampled_from(sorted(properties) or [""])).map(
            lambda required: {
                "type": "object",
                "properties": properties,
                "required": sorted(required & set(properties)),
                "additionalProperties": False,
            }
        )
    )
    arrays = st.tuples(inner, st.integers(0, 3)).map(
        lambda pair: {"type": "array", "items": pair[0], "minItems": pair[1], "maxItems": 4}
    )
    choices = st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts})
    return st.one_of(objects, arrays, choices, objects.map(lambda one: {"allOf": [one]}))


schemas = st.recursive(leaves, nested, max_leaves=8)
texts = st.one_of(
    st.just(TEXT),
    st.text(max_size=60),
    st.sampled_from(["Hallo", "1 2 3", "ja; nein; 3,5 Euro am 31.12.2020 um 9 Uhr", "'a', 'b'"]),
)


@settings(max_examples=300, deadline=None)
@given(schema=schemas, text=texts)
def test_every_instance_is_valid(schema: dict[str, Any], text: str) -> None:
    rooted = {**schema, "$defs": {"ort": {"type": "object", "properties": {"x": {}}}}}
    made = make_instance(rooted, text)
    jsonschema.Draft202012Validator(
        rooted, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(json.loads(json.dumps(made)))
