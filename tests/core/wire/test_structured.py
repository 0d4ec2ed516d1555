"""Schemas on the wire: names, forms, examples, and objects in texts."""

from __future__ import annotations

import re
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

CHILDREN = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
FIELDS = {"name": {"type": "string"}, "children": CHILDREN}
NODE: dict[str, Any] = {"title": "Tree", "type": "object", "properties": FIELDS}
NODE["required"] = ["name"]
TREE: dict[str, Any] = {"$defs": {"Tree": NODE}, "$ref": "#/$defs/Tree"}
NAMES = {
    **{name: name for name in ("Person", "hole_wetter-2", "_privat_", "a" * 64)},
    **dict.fromkeys(["天気", ""], "answer"),
    "Antwort[int]": "Antwort_int",
    "Größe": "Groesse",
    "Straße Ä": "Strasse_Ae",
    "crème brûlée": "creme_brulee",
    "a" * 80: "a" * 64,
}


def test_names_become_valid() -> None:
    assert {name: valid_name(name) for name in NAMES} == NAMES


@given(st.text())
def test_every_name_becomes_valid_once_and_for_all(name: str) -> None:
    valid = valid_name(name)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", valid)
    assert valid_name(valid) == valid


def test_tools_without_arguments_have_properties() -> None:
    empty, odd = {"type": "object", "properties": {}}, {"type": "object", "a": 1}
    assert with_properties(None) == with_properties({}) == empty
    assert with_properties(odd) == odd | {"properties": {}}
    for kept in ({"$ref": "#/$defs/A"}, {"type": "object", "anyOf": []}):
        assert with_properties(kept) == kept


LIST = {"type": "array", "items": {"type": "string"}}
WRAPPED = [LIST, {"type": "string", "enum": ["a"]}, {"$defs": {"L": LIST}, "$ref": "#/$defs/L"}]
ROOTS = [{"type": "object", "properties": {}}, {"properties": {}}, TREE]


@pytest.mark.parametrize("schema", WRAPPED + ROOTS)
def test_the_root_on_the_wire_is_an_object(schema: dict[str, Any]) -> None:
    wanted, wrapped = OutputSchema.of(schema, "Wert"), schema in WRAPPED
    assert "$ref" not in wanted.schema
    assert wanted.wrapped is wrapped
    assert wanted.value({"value": [1]}) == ([1] if wrapped else {"value": [1]})
    assert not wrapped or wanted.schema["required"] == ["value"]


LOOP = {"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}}
LINE = {"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"type": "string"}}}


def test_schemas_that_hold_themselves() -> None:
    schemas: list[dict[str, Any]] = [TREE, LOOP, LINE, {"type": "object"}]
    assert [schema for schema in schemas if is_recursive(schema)] == [TREE, LOOP]
    tree = OutputSchema.of(TREE)  # definitions stay where references find them
    assert (tree.name, tree.schema) == ("Tree", {**NODE, "$defs": TREE["$defs"]})


def test_forms_that_are_not_a_schema_are_told() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    odd = {"type": "object", "schema": 1}
    assert unwrapped_schema(form) == ({"title": "a", "type": "object"}, None)
    assert unwrapped_schema(odd) == (odd, None)
    with pytest.raises(ConfigurationError, match="json_schema is not an object"):
        unwrapped_schema({"type": "json_schema", "json_schema": 7})


EXAMPLES: list[tuple[dict[str, Any], Any]] = [
    (TREE, {"name": "…", "children": [{"name": "…"}]}),
    ({"type": "number"}, 0.5),
    ({"type": ["boolean", "null"]}, True),
    ({"type": "array"}, []),
    ({"enum": ["a", "b"]}, "a"),
    ({"const": 3}, 3),
    ({"type": "integer", "default": 7}, 7),
    ({"type": "string", "examples": ["Köln"]}, "Köln"),
    ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
]


def test_examples_show_the_shape() -> None:
    assert [(schema, example_of(schema)) for schema, _ in EXAMPLES] == EXAMPLES


def test_an_example_of_a_schema_that_doubles_with_each_step_stays_small() -> None:
    refs = ({"$ref": f"#/$defs/S{step + 1}"} for step in range(40))
    sides = ({"properties": {"a": ref, "b": ref}, "required": ["a", "b"]} for ref in refs)
    steps = {f"S{step}": {"type": "object"} | side for step, side in enumerate(sides)}
    assert len(str(example_of({"$defs": steps, "$ref": "#/$defs/S0"}))) < 5000


OBJECTS: dict[str, Any] = {
    **dict.fromkeys(['{"a": 1', "[1]", "", "}{", '{"a":' * 5000 + "}" * 5000]),
    '{"a": 1}': {"a": 1},
    ' Gern:\n```json\n{"a": 1}\n```\nSo.': {"a": 1},
    'Im Fall {x} gilt:\n```\n{"a": 1}\n```': {"a": 1},
    '{"a": "b\nc"}': {"a": "b\nc"},
}
GROWING = {'Gern: {"a": "xy': {"a": "xy"}, "Gern: ": None}


def test_objects_in_texts_whole_or_growing() -> None:
    assert {text: object_in(text) for text in OBJECTS} == OBJECTS
    assert {text: object_in(text, growing=True) for text in GROWING} == GROWING


# finish reason, tool, whether it was called → why
WHY: dict[tuple[str, str | None, bool], str] = {
    ("length", None, False): "cut at max_tokens",
    ("content_filter", "t", True): "content filter",
    ("stop", "t", False): "instead of calling the tool 't'",
    ("stop", "t", True): "arguments of the tool call",
    ("stop", None, False): "not a JSON object",
}


def test_why_there_is_no_instance() -> None:
    for (finish, tool, called), why in WHY.items():
        assert why in no_instance(finish, tool=tool, called=called)
