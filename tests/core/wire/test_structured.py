"""Schemas on the wire: names, forms, examples, and objects in texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsgvo.errors import ConfigurationError
from dsgvo.wire.names import valid_name
from dsgvo.wire.structured import (
    OutputSchema,
    example_of,
    is_recursive,
    no_instance,
    object_in,
    unwrapped_schema,
    with_properties,
)

TREE: dict[str, Any] = {
    "$defs": {
        "Tree": {
            "title": "Tree",
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
            },
            "required": ["name"],
        }
    },
    "$ref": "#/$defs/Tree",
}


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("Person", "Person"),
        ("hole_wetter-2", "hole_wetter-2"),
        ("_privat_", "_privat_"),
        ("Antwort[int]", "Antwort_int"),
        ("Größe", "Groesse"),
        ("Straße Ä", "Strasse_Ae"),
        ("crème brûlée", "creme_brulee"),
        ("天気", "answer"),
        ("", "answer"),
        ("a" * 80, "a" * 64),
    ],
)
def test_names_become_valid(name: str, valid: str) -> None:
    assert valid_name(name) == valid


@given(st.text())
def test_every_name_becomes_valid_once_and_for_all(name: str) -> None:
    valid = valid_name(name)
    assert 1 <= len(valid) <= 64
    assert all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in valid)
    assert valid_name(valid) == valid


@pytest.mark.parametrize(
    ("parameters", "sent"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        ({"type": "object", "additionalProperties": False}, None),
        ({"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}),
        ({"type": "object", "anyOf": []}, {"type": "object", "anyOf": []}),
    ],
)
def test_tools_without_arguments_have_properties(parameters: Any, sent: Any) -> None:
    assert with_properties(parameters) == (sent or {**parameters, "properties": {}})


@pytest.mark.parametrize(
    ("schema", "wrapped"),
    [
        ({"type": "object", "properties": {}}, False),
        ({"properties": {}}, False),
        (TREE, False),
        ({"type": "array", "items": {"type": "string"}}, True),
        ({"type": "string", "enum": ["a"]}, True),
        ({"$defs": {"L": {"type": "array"}}, "$ref": "#/$defs/L"}, True),
    ],
)
def test_the_root_on_the_wire_is_an_object(schema: dict[str, Any], wrapped: bool) -> None:
    wanted = OutputSchema.of(schema, "Wert")
    assert wanted.wrapped is wrapped
    assert "$ref" not in wanted.schema
    if wrapped:
        assert wanted.schema["required"] == ["value"]
        assert wanted.value({"value": [1]}) == [1]
    else:
        assert wanted.value({"value": [1]}) == {"value": [1]}


def test_definitions_stay_where_references_find_them() -> None:
    assert OutputSchema.of(TREE).schema == {**TREE["$defs"]["Tree"], "$defs": TREE["$defs"]}
    assert OutputSchema.of(TREE).name == "Tree"


@pytest.mark.parametrize(
    ("schema", "recursive"),
    [
        (TREE, True),
        ({"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}, True),
        ({"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"type": "string"}}}, False),
        ({"type": "object"}, False),
    ],
)
def test_schemas_that_hold_themselves(schema: dict[str, Any], recursive: bool) -> None:
    assert is_recursive(schema) is recursive


def test_forms_that_are_no_schema_are_told() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    assert unwrapped_schema(form) == ({"title": "a", "type": "object"}, None)
    assert unwrapped_schema({"type": "object", "schema": 1}) == (
        {"type": "object", "schema": 1},
        None,
    )
    with pytest.raises(ConfigurationError, match="json_schema is not an object"):
        unwrapped_schema({"type": "json_schema", "json_schema": 7})


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (TREE, {"name": "…", "children": [{"name": "…"}]}),
        ({"type": "number"}, 0.5),
        ({"type": ["boolean", "null"]}, True),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": 3}, 3),
        ({"type": "string", "examples": ["Köln"]}, "Köln"),
        ({"type": "integer", "default": 7}, 7),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({"type": "array"}, []),
    ],
)
def test_examples_show_the_shape(schema: dict[str, Any], example: Any) -> None:
    assert example_of(schema) == example


def test_an_example_of_a_schema_that_doubles_with_each_step_stays_small() -> None:
    steps = {
        f"S{step}": {
            "type": "object",
            "properties": {side: {"$ref": f"#/$defs/S{step + 1}"} for side in "ab"},
            "required": ["a", "b"],
        }
        for step in range(40)
    }
    assert len(str(example_of({"$defs": steps, "$ref": "#/$defs/S0"}))) < 5000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        (' Gern:\n```json\n{"a": 1}\n```\nSo.', {"a": 1}),
        ('Im Fall {x} gilt:\n```\n{"a": 1}\n```', {"a": 1}),
        ('{"a": "b\nc"}', {"a": "b\nc"}),
        ('{"a": 1', None),
        ("[1]", None),
        ("", None),
        ("}{", None),
        ('{"a":' * 5000 + "}" * 5000, None),
    ],
)
def test_objects_in_texts(text: str, found: Any) -> None:
    assert object_in(text) == found


def test_a_growing_object_is_read_as_far_as_it_is_there() -> None:
    assert object_in('Gern: {"a": "xy', growing=True) == {"a": "xy"}
    assert object_in("Gern: ", growing=True) is None


@pytest.mark.parametrize(
    ("finish", "tool", "called", "says"),
    [
        ("length", None, False, "cut at max_tokens"),
        ("content_filter", "t", True, "content filter"),
        ("stop", "t", False, "instead of calling the tool 't'"),
        ("stop", "t", True, "arguments of the tool call"),
        ("stop", None, False, "not a JSON object"),
    ],
)
def test_why_there_is_no_instance(finish: str, tool: str | None, called: bool, says: str) -> None:
    assert says in no_instance(finish, tool=tool, called=called)
