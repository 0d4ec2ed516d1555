"""Schemas on the wire: names, forms, examples, and objects in texts."""

import json
from functools import reduce
from typing import Any

from dsgvo.errors import ConfigurationError
from dsgvo.wire import structured
from dsgvo.wire.names import valid_name, valid_tool_names
from dsgvo.wire.structured import OutputSchema, example_of, schema_request, with_properties
from tests.core.support import raised

NAMES = {name: name for name in ("hole_wetter-2", "_privat_", "a" * 64)} | {"a" * 80: "a" * 64}
NAMES |= {"Antwort[int]": "Antwort_int", "Straße Ä": "Strasse_Ae", "crème brûlée": "creme_brulee"}
NAMES |= {"天気": "answer", "": "answer"}


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "x": "ö"}} | more


# tools' names → on the wire
WIRE = {"Größe": "Groesse_2", "x" * 70: "x" * 64, "x" * 71: "x" * 56 + "_2", "ö": "oe"}
WIRE |= {"fort ß": "fort_ss"}  # called before, and offered no more
USER = {"role": "user", "name": "Größe", "content": "?"}


def talk(wire: dict[str, str]) -> dict[str, Any]:
    """Return a request whose tools go by these names on the wire."""
    called, *others, gone = (wire.get(name, name) for name in WIRE)
    calls = {"role": "assistant", "tool_calls": [tool(called, id="1"), tool("add"), tool(gone)]}
    results = [{"role": "tool", "name": name, "content": "7"} for name in (called, "add")]
    tools = [*map(tool, (called, "Groesse", "oe_2", "", *others)), {"type": "web_search"}]
    body = {"messages": [USER, calls, *results], "tools": [*tools, {"function": {"x": 1}}]}
    return body | {"tool_choice": tool(called, y=1), "temperature": 1}


def test_names_become_valid_of_tools_in_choice_and_history_too() -> None:
    assert {name: valid_name(name) for name in NAMES} == NAMES
    body, messages = talk({}), talk({})["messages"]
    body["messages"] = messages
    assert valid_tool_names(body) == {valid: own for own, valid in WIRE.items()} | {"oe_2": "oe_2"}
    assert body == talk(WIRE)
    assert messages == talk({})["messages"]  # the history is the caller's
    for tools in ({}, {"tools": []}, {"tools": [tool("add"), tool("")]}):
        kept = {"messages": [USER], **tools}
        assert (valid_tool_names(kept), kept) == ({}, {"messages": [USER], **tools})


A: dict[str, Any] = {"type": "array"}


def test_tools_without_arguments_have_properties_and_arrays_items() -> None:
    empty, odd = {"type": "object", "properties": {}}, {"type": "object", "a": 1}
    assert with_properties(None) == with_properties({}) == empty
    assert with_properties(odd) == odd | {"properties": {}}
    assert with_properties(odd, {"type": "object", "b": 1}) == odd | {"properties": {}}
    for given in (None, {"a": {}}):  # all of it is lost, or what holds itself
        assert with_properties(given, TREE)["required"] == ["name"]
    objects = ({"type": "object", key: []} for key in ("$ref", "anyOf", "allOf"))
    for kept in ({"$ref": "#/$defs/A"}, *objects, {"a": [[A]], "enum": [A], "default": A}):
        assert with_properties(kept) == kept
    for array in (A, A | {"type": ["null", "array"]}):
        full, lacks = array | {"items": {}}, {"$defs": {"enum": array}, "anyOf": [{"not": array}]}
        assert with_properties(lacks) == {"$defs": {"enum": full}, "anyOf": [{"not": full}]}
    deep = reduce(lambda inner, _: {"items": inner, "contains": inner}, range(9999), A)
    assert with_properties(deep).keys() == deep.keys()


CHILDREN = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
NODE: dict[str, Any] = {
    "title": "Tree",
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": CHILDREN},
    "required": ["name"],
}
DEFS: dict[str, Any] = {"$defs": {"Tree": NODE, "L": {"type": "array", "description": "Namen"}}}
TREE, LIST = DEFS | {"$ref": "#/$defs/Tree"}, DEFS | {"$ref": "#/$defs/L"}
CHOICE: dict[str, Any] = {"anyOf": [NODE, {"type": "null"}]}
OBJ, ONE_OF = {"type": "object"}, {"oneOf": [NODE]}
OF, MANY = {"title": "R", "description": "A"}, {"title": "T", "type": "array", "description": "D"}
OLD: dict[str, Any] = {"title": "T", "$ref": "#/definitions/T", "definitions": {"T": NODE}}


def wrapped(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"value": schema}, "required": ["value"]}


# a schema, and its name if one is given → the form on the wire
ROOTS: list[tuple[dict[str, Any], str | None, OutputSchema]] = [
    ({}, None, OutputSchema("answer", {}, None, False)),
    ({"description": 7}, "Größe", OutputSchema("Groesse", {"description": 7}, None, False)),
    (TREE, None, OutputSchema("Tree", DEFS | NODE, None, False)),
    (TREE | OF, None, OutputSchema("R", DEFS | NODE | OF, "A", False)),
    (CHOICE, "x", OutputSchema("x", wrapped(CHOICE), None, True)),
    (CHOICE | NODE, None, OutputSchema("Tree", CHOICE | NODE, None, False)),
    *(
        (CHOICE | said, "x", OutputSchema("x", CHOICE | said, None, False))
        for said in (OBJ, {"properties": {}})
    ),
    (ONE_OF, "x", OutputSchema("x", wrapped(ONE_OF), None, True)),
    (OLD, None, OutputSchema("T", OLD, None, False)),
    ({"enum": [1]}, "x", OutputSchema("x", wrapped({"enum": [1]}), None, True)),
    (LIST, None, OutputSchema("answer", wrapped({"$ref": "#/$defs/L"}) | DEFS, "Namen", True)),
    (MANY, None, OutputSchema("T", wrapped(MANY), "D", True)),
]


def test_the_root_on_the_wire_is_an_object() -> None:
    for schema, name, wanted in ROOTS:
        assert OutputSchema.of(schema, name) == wanted
        found = {"value": [1], "x": 2}
        assert wanted.value(found) == ([1] if wanted.wrapped else found)
        assert (wanted.holds({}), wanted.holds(found)) == (not wanted.wrapped, True)
    assert OutputSchema("x", {}, None, True).value({}) is None


INNER = {"type": "object", "properties": {}}
OBJECT: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"anyOf": [INNER, *(OPEN := [{"properties": {}}, OBJ, A])]}},
}
CLOSED: dict[str, Any] = {"additionalProperties": False, "required": []}
STRICT = OBJECT | CLOSED | {"properties": {"a": {"anyOf": [INNER | CLOSED, *OPEN]}}}
STRICT |= {"required": ["a"]}
DESCRIBED = {"description": "Ding"}


def test_what_asks_for_an_instance() -> None:
    wanted = OutputSchema("Ding", OBJECT, "Ding", False)
    for strict, schema in ((None, OBJECT), (False, OBJECT), (True, STRICT)):
        own = {} if strict is None else {"strict": strict}
        form = {"name": "Ding", "schema": DESCRIBED | with_properties(schema)} | DESCRIBED | own
        function = {"name": "Ding", "parameters": with_properties(schema)} | DESCRIBED | own
        assert schema_request("function_calling", wanted, strict=strict) == {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": "Ding",
        }
        assert schema_request("json_schema", wanted, strict=strict) == {
            "response_format": {"type": "json_schema", "json_schema": form}
        }
        assert schema_request("json_mode", wanted, strict=strict) == {
            "response_format": {"type": "json_object"},
            structured.SCHEMA_IN_PROMPT: DESCRIBED | schema,
        }
    bare = OutputSchema("Ding", {}, None, False)
    assert bare.tool()["function"]["description"] == "Give the answer as Ding."
    form = {"name": "Ding", "schema": {}}
    assert schema_request("json_schema", bare)["response_format"]["json_schema"] == form


ABC = {start: {"$ref": f"#/$defs/{end}"} for start, end in ("AB", "BC", "CB")}
LOOP, LINE = {"$defs": ABC}, {"$defs": ABC | {"C": {"$ref": "#/$defs/D"}}}


NAMED, TITLED = {"name": "a"}, {"title": "a"}
FORM = NAMED | DESCRIBED | {"schema": INNER}
# a form that ``response_format`` or a tool has → the schema in it, and whether it is strict
FORMS: list[tuple[dict[str, Any], tuple[dict[str, Any], bool | None]]] = [
    ({"type": "object", "schema": 1}, ({"type": "object", "schema": 1}, None)),
    ({"schema": INNER}, ({"schema": INNER}, None)),
    ({"type": "function", "function": NAMED | {"parameters": INNER}}, (TITLED | INNER, None)),
    ({"type": "function", "function": NAMED}, (NAMED, None)),
    (NAMED | {"schema": INNER, "strict": True}, (TITLED | INNER, True)),
    ({"type": "json_schema", "json_schema": FORM}, (TITLED | DESCRIBED | INNER, None)),
]


def test_forms_around_a_schema_and_which_schemas_hold_themselves() -> None:
    schemas: list[dict[str, Any]] = [TREE, LOOP, LINE, {"type": "object"}]
    assert [schema for schema in schemas if structured.is_recursive(schema)] == [TREE, LOOP]
    assert [(form, structured.unwrapped_schema(form)) for form, _ in FORMS] == FORMS
    wrong = {"type": "json_schema", "json_schema": 7}
    error = raised(ConfigurationError, structured.unwrapped_schema, wrong)
    assert str(error) == "schema: json_schema is not an object with name and schema"


def deep(depth: int, schema: Any) -> Any:
    """Return a schema so deep in objects whose one property must be there."""
    required = {"type": "object", "required": ["a"]}
    return required | {"properties": {"a": deep(depth - 1, schema)}} if depth else schema


TEXT = {"type": "string"}
EXAMPLES: list[tuple[dict[str, Any], Any]] = [
    (TREE, {"name": "…", "children": [{"name": "…"}]}),
    *(({"type": kind}, value) for kind, value in (("number", 0.5), ("integer", 0), ("null", None))),
    *(({"type": [kind, "null"]}, value) for kind, value in (("boolean", True), ("x", "…"))),
    *(({}, "…"), ({"type": "array"}, []), ({"type": "object"}, {}), ({"enum": {"a": 5}}, {})),
    *(({"const": 3, "default": 4}, 3), ({"default": 4, "enum": [5]}, 4)),
    ({"const": None, "default": None, "examples": ["Köln"], "enum": ["a"]}, "Köln"),
    *(({kind: [{"type": "null"}, TEXT]}, None) for kind in ("anyOf", "oneOf", "allOf")),
    *(({"enum": [5]}, 5), ({"type": "array", "items": [{"enum": [5]}, TEXT]}, [5])),
    ({"anyOf": [{"properties": {"a": TEXT, "b": True}}]}, {"a": "…", "b": "…"}),
    (deep(3, {"properties": {"a": TEXT}}), {"a": {"a": {"a": {}}}}),
    (deep(3, {"type": "array", "items": TEXT}), {"a": {"a": {"a": ["…"]}}}),
]


def test_examples_show_the_shape_and_stay_small() -> None:
    assert [(schema, example_of(schema)) for schema, _ in EXAMPLES] == EXAMPLES
    assert str(example_of(deep(17, TEXT))).count("a") == 16
    lists = json.loads('{"type": "array", "items": ' * 20 + "{}" + "}" * 20)
    assert str(example_of(lists)).count("[") == 17
    # One that doubles with each step stays small.
    refs = ({"$ref": f"#/$defs/S{step + 1}"} for step in range(40))
    sides = ({"properties": {"a": ref, "b": ref}, "required": ["a", "b"]} for ref in refs)
    steps = {f"S{step}": {"type": "object"} | side for step, side in enumerate(sides)}
    assert len(str(example_of({"$defs": steps, "$ref": "#/$defs/S0"}))) < 5000


def test_faults_tell_what_the_schema_holds_and_nothing_of_the_answer() -> None:
    tag = {"loc": ("pet",), "msg": "Input tag 'Anna' found", "ctx": {"tag": "Anna"}}
    errors: list[Any] = [tag, {"loc": ("pet", "Cat", "Anna", 0), "msg": "m"}, *[tag] * 98]
    told = structured.faults(errors, {"properties": {"pet": {"anyOf": [{"title": "Cat"}]}}})
    assert told.startswith("pet: Input tag … found; pet.Cat.….0: m; pet: Input")
    assert (told.count("tag"), told[-3:]) == (19, "; …")


OBJECTS: dict[str, Any] = {
    **dict.fromkeys(['{"a": 1', '{"a": {"b": 1}', "[1]", "", "}{", '{"a":' * 5000 + "}" * 5000]),
    '{"a": 1}': {"a": 1},
    ' Gern:\n```json\n{"a": 1}\n```\nSo.': {"a": 1},
    'Im Fall {x}:\n```\nx\n```\noder\n```\n{"a": 1}\n```': {"a": 1},
    '```\n{"a": 1}\n```' * 2: {"a": 1},
    '```\n{"a": 1}\n```\noder\n```{"a": 2}': None,
    'Gern: {"a": 1}.': {"a": 1},
    '{"a": "b\nc\\ud83d"}': {"a": "b\nc\ufffd"},
}
GROWING = {'Gern: {"a": "xy': {"a": "xy"}, "Gern: ": None}
# finish reason, tool, whether it was called, text → why
WHY: dict[tuple[str, str | None, bool, str], str] = {
    ("length", None, False, ""): "cut at max_tokens",
    ("content_filter", "t", True, "x"): "content filter",
    ("stop", "t", False, "x"): "instead of calling the tool 't'",
    ("stop", "t", True, ""): "arguments of the tool call",
    ("stop", None, False, "x"): "not a JSON object",
    ("stop", "t", False, ""): "stands in its thoughts",
}


def test_objects_in_texts_whole_or_growing_and_why_there_is_none() -> None:
    assert {text: structured.object_in(text) for text in OBJECTS} == OBJECTS
    assert {text: structured.object_in(text, growing=True) for text in GROWING} == GROWING
    for (finish, tool, called, text), why in WHY.items():
        found = {"called": called, "text": text, "thoughts": "Hm."}
        assert why in structured.no_instance(finish, tool=tool, **found)
