"""Structured output: schemas as the wire wants them, requests for instances, and answers read.

Both framework packages ask and read by these functions; they differ in what they make of a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic_core import from_json, to_json

from dsgvo.errors import ConfigurationError
from dsgvo.providers import StructuredOutputMethod
from dsgvo.wire.messages import without_surrogates
from dsgvo.wire.names import valid_name
from dsgvo.wire.request import response_format

__all__ = [
    "CUT_SHORT",
    "SCHEMA_IN_PROMPT",
    "OutputSchema",
    "closed",
    "faults",
    "is_recursive",
    "no_instance",
    "object_in",
    "read_again_at",
    "schema_request",
    "unwrapped_schema",
    "with_items",
    "with_properties",
    "with_schema",
]

SCHEMA_IN_PROMPT = "schema_in_prompt"
"""Argument of a request by which JSON mode has a schema put into the prompt."""

CUT_SHORT = frozenset({"length", "content_filter"})
"""Finish reasons of an answer that may be less than the model meant, even if it fits the schema."""

_WRAPPED = "value"
_DEEPEST = 16
_LARGEST = 200  # values of an example
_MOST_FAULTS = 20  # that an error tells
_BY_NAME = frozenset(
    {"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"}
)  # hold schemas under names of the user's
_VALUES = frozenset({"const", "default", "enum", "examples"})  # hold no schemas


def with_properties(
    parameters: Mapping[str, Any] | None, own: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a tool's parameters as strict servers want them: with ``properties``, and ``items``.

    Args:
        parameters: A framework's schema of them, in which it has written definitions out.
        own: The schema that it was made of, if there is one: taken where a definition holds itself,
            which cannot be written out, and where nothing is left of it.

    Examples:
        >>> with_properties({"type": "object"})
        {'type': 'object', 'properties': {}}
    """
    given = dict(parameters or {"type": "object"})
    if own is not None and (not parameters or is_recursive(own)):
        rooted = _rooted(own, _resolved(own, own))
        given = {key: value for key, value in rooted.items() if key not in {"title", "description"}}
    if given.get("type") == "object" and not given.keys() & {
        "properties",
        "$ref",
        "anyOf",
        "allOf",
    }:
        given["properties"] = {}
    return with_items(given)


def with_items(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema whose arrays all have ``items``, which strict servers want though empty.

    Examples:
        >>> with_items({"properties": {"tags": {"type": "array"}}})
        {'properties': {'tags': {'type': 'array', 'items': {}}}}
    """
    made: dict[int, dict[str, Any]] = {}  # what one object is made into, wherever it stands
    left = list[dict[str, Any]]()

    def own(value: Any) -> Any:
        if isinstance(value, list):  # of schemas; lists of lists are none
            return [
                own(one) if isinstance(one, Mapping) else one for one in cast("list[Any]", value)
            ]
        if not isinstance(value, Mapping):
            return value
        given = cast("Mapping[str, Any]", value)
        if (known := made.get(id(given))) is None:
            known = made[id(given)] = dict(given)
            left.append(known)
        return known

    whole = own(schema)
    while left:
        fields = left.pop()
        kind = fields.get("type")
        if kind == "array" or (isinstance(kind, list) and "array" in kind):
            fields.setdefault("items", {})
        for name, value in fields.items():
            if name in _BY_NAME and isinstance(value, Mapping):
                by_name = cast("Mapping[str, Any]", value)
                fields[name] = {key: own(inner) for key, inner in by_name.items()}
            elif name not in _VALUES:
                fields[name] = own(value)
    return whole


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """A schema of answers as the wire wants it: an object, under a valid name.

    Args:
        name: Its valid name.
        schema: The schema of an object.
        description: What it is for, if it says so.
        wrapped: Whether the wanted value is the object's one property, since it is no object
            itself: a list, a choice of classes.
    """

    name: str
    schema: Mapping[str, Any]
    description: str | None
    wrapped: bool

    @classmethod
    def of(cls, schema: Mapping[str, Any], name: str | None = None) -> OutputSchema:
        """Return the form of a JSON schema that goes onto the wire.

        Examples:
            >>> OutputSchema.of({"type": "array"}, "Namen").schema
            {'type': 'object', 'properties': {'value': {'type': 'array'}}, 'required': ['value']}
        """
        root = _rooted(schema, _resolved(schema, schema))
        described = root.get("description")
        name = valid_name(name or str(root.get("title") or "answer"))
        wrapped = root.get("type", "object") != "object" or _is_choice(root)
        if not wrapped:  # a reference alone does not say that it is an object
            schema = root
        else:
            inner = {key: value for key, value in schema.items() if key != "$defs"}
            own = {"$defs": schema["$defs"]} if "$defs" in schema else {}
            schema = {
                "type": "object",
                "properties": {_WRAPPED: inner},
                "required": [_WRAPPED],
                **own,
            }
        return cls(name, schema, described if isinstance(described, str) else None, wrapped)

    def holds(self, found: Mapping[str, Any]) -> bool:
        """Return whether the object that a model gave has the wanted value."""
        return not self.wrapped or _WRAPPED in found

    def value(self, found: Mapping[str, Any]) -> Any:
        """Return the wanted value out of the object that a model gave; of a part, perhaps none."""
        return found.get(_WRAPPED) if self.wrapped else found

    def tool(self, strict: bool | None = None) -> dict[str, Any]:
        """Return the tool whose arguments are an instance."""
        function: dict[str, Any] = {
            "name": self.name,
            "description": self.description or f"Give the answer as {self.name}.",
            "parameters": with_properties(self.schema),
        }
        if strict is not None:
            function["strict"] = strict
        return {"type": "function", "function": function}


def schema_request(
    method: StructuredOutputMethod, wanted: OutputSchema, *, strict: bool | None = None
) -> dict[str, Any]:
    """Return the arguments of a chat request that ask for an instance of a schema.

    ``SCHEMA_IN_PROMPT`` among them is for :func:`with_schema`.
    """
    if strict:
        wanted = replace(wanted, schema=closed(wanted.schema))
    if method == "function_calling":
        return {"tools": [wanted.tool(strict)], "tool_choice": wanted.name}
    schema = dict(wanted.schema)
    if wanted.description and "description" not in schema:
        schema = {"description": wanted.description, **schema}
    if method == "json_schema":
        schema = with_items(schema)
    asked: dict[str, Any] = {
        "response_format": response_format(method, name=wanted.name, schema=schema, strict=strict)
    }
    if method == "json_mode":
        asked[SCHEMA_IN_PROMPT] = schema
    return asked


def closed(schema: Any) -> Any:
    """Return a schema whose objects have all their properties and no others, for strict mode."""
    if isinstance(schema, list):
        return [closed(item) for item in cast("list[Any]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    members = cast("Mapping[str, Any]", schema)
    made = {name: closed(member) for name, member in members.items()}
    if isinstance(members.get("properties"), Mapping) and members.get("type") == "object":
        made |= {"additionalProperties": False, "required": [*made["properties"]]}
    return made


def with_schema(
    messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Return the messages with the instruction that makes JSON mode follow a schema.

    With ``{"type": "json_object"}`` alone a server promises JSON, not its shape, and OpenAI's API
    refuses the request unless a message says "JSON". The instruction joins the system message, or
    becomes one. It shows an example of the shape too: small models echo a bare schema back.
    """
    instruction = (
        "Answer with one JSON object and nothing else: no explanation, no Markdown. "
        f"The object must be valid against this JSON schema:\n{to_json(schema).decode()}\n"
        f"Its shape, with other values than yours: {to_json(example_of(schema)).decode()}"
    )
    match messages:
        case [{"role": "system", "content": str(text)} as first, *others]:
            return [{**first, "content": f"{text}\n\n{instruction}"}, *others]
        case _:
            return [{"role": "system", "content": instruction}, *messages]


def unwrapped_schema(schema: Mapping[str, Any]) -> tuple[dict[str, Any], bool | None]:
    """Return the JSON schema inside the form of ``response_format`` or a tool, and its ``strict``.

    Examples:
        >>> unwrapped_schema({"name": "Wert", "schema": {"type": "object"}, "strict": True})
        ({'title': 'Wert', 'type': 'object'}, True)
    """
    kind: object = schema.get("type")
    form: object = schema.get(kind) if kind in ("json_schema", "function") else schema
    if not isinstance(form, Mapping):
        raise ConfigurationError(f"schema: {kind} is not an object with name and schema")
    named = cast("Mapping[str, Any]", form)
    inner: object = named.get("schema") or named.get("parameters")
    if not isinstance(inner, Mapping) or "name" not in named:
        return dict(named), None
    kept = {"title": named["name"], "description": named.get("description")}
    found = {key: value for key, value in kept.items() if value is not None}
    return found | dict(cast("Mapping[str, Any]", inner)), named.get("strict")


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema, or the definition that it refers to."""
    for _ in range(_DEEPEST):
        name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
        found: object = root.get("$defs", {}).get(name)
        if not isinstance(found, Mapping):
            return schema
        schema = cast("Mapping[str, Any]", found)
    return schema


def _is_choice(root: Mapping[str, Any]) -> bool:
    """Return whether a schema without a type of its own is a choice, which no object is."""
    choices = {"anyOf", "oneOf", "enum", "const"}
    return not root.keys() & {"type", "properties"} and bool(root.keys() & choices)


def _rooted(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with what it refers to in place of the reference, and what it says itself."""
    if root is schema:
        return dict(schema)
    return {key: value for key, value in {**root, **schema}.items() if key != "$ref"}


def is_recursive(schema: Mapping[str, Any]) -> bool:
    """Return whether a definition of a schema holds itself, so that it cannot be written out.

    Examples:
        >>> tree = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Tree"}}}
        >>> is_recursive({"$defs": {"Tree": tree}, "$ref": "#/$defs/Tree"})
        True
    """
    definitions: Mapping[str, Any] = schema.get("$defs") or {}
    holds = {name: set(_references(body)) for name, body in definitions.items()}
    for start, direct in holds.items():
        seen: set[str] = set()
        left = list(direct)
        while left:
            name = left.pop()
            if name == start:
                return True
            if name not in seen:
                seen.add(name)
                left.extend(holds.get(name, ()))
    return False


def _references(value: object) -> Iterator[str]:
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, Mapping):
            members = cast("Mapping[str, object]", item)
            if isinstance(name := members.get("$ref"), str):
                yield name.removeprefix("#/$defs/")
            left.extend(members.values())
        elif isinstance(item, list):
            left.extend(cast("list[object]", item))


def example_of(schema: Mapping[str, Any]) -> Any:
    """Return the plainest value of a schema's shape, to show a model what is wanted.

    Examples:
        >>> example_of({"properties": {"name": {"type": "string"}, "age": {"type": "integer"}}})
        {'name': '…', 'age': 0}
    """
    with suppress(AttributeError, IndexError, KeyError, TypeError):  # for what is no schema
        return _example(schema, schema, 0, iter(range(_LARGEST)))
    return {}


_PLAIN: Mapping[str, Any] = {"integer": 0, "number": 0.5, "boolean": True, "null": None}


def _example(
    schema: Mapping[str, Any], root: Mapping[str, Any], depth: int, room: Iterator[int]
) -> Any:
    if next(room, None) is None:
        return None
    if not isinstance(schema, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        return "…"  # ``true``, which takes anything
    schema = _resolved(schema, root)
    value = next(
        (schema[name] for name in ("const", "default") if schema.get(name) is not None), None
    )
    if value is not None:
        return value
    if choices := _first_list(schema, "examples", "enum"):
        return choices[0]
    if choices := _first_list(schema, "anyOf", "oneOf", "allOf"):
        return _example(choices[0], root, depth, room)
    kind: object = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = cast("list[str]", kind)[0]
    if kind == "object":
        shown = _example_properties(schema, depth)
        return {name: _example(shown[name], root, depth + 1, room) for name in shown}
    if kind == "array":
        items: Any = schema.get("items")
        if isinstance(items, list):  # one for each place, as drafts before 2020 have it
            items = next(iter(cast("list[Any]", items)), None)
        return [_example(items, root, depth + 1, room)] if items and depth < _DEEPEST else []
    return _PLAIN.get(str(kind), "…")


def _example_properties(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Return the properties to show; what may be left out ends a schema that holds itself."""
    properties: Mapping[str, Any] = schema.get("properties") or {}
    required = schema.get("required") or ()
    return {
        name: inner
        for name, inner in properties.items()
        if depth < 2 or (name in required and depth < _DEEPEST)
    }


def _first_list(schema: Mapping[str, Any], *names: str) -> list[Any]:
    """Return the first of a schema's lists of these names that holds something."""
    found: list[list[Any]] = [schema[name] for name in names if schema.get(name)]
    return found[0] if found else []


def read_again_at(size: int) -> int:
    """Return the length at which a growing answer of this one is read again.

    It grows by a part, so that all readings together cost a multiple of the whole length.

    Examples:
        >>> read_again_at(100), read_again_at(25600)
        (100, 25700)
    """
    return size + size // 256


def object_in(text: str, *, growing: bool = False) -> dict[str, Any] | None:
    """Return the JSON object that a text is or holds, or begins if it is still growing.

    Small models wrap JSON in Markdown or a sentence, and leave line breaks inside texts unescaped,
    whatever they are told. Half a surrogate pair becomes U+FFFD, as in a tool call's arguments.
    Of several that differ none is taken.

    Examples:
        >>> object_in('Gern: {"a": 1}')
        {'a': 1}
    """
    for candidates in ([text], text.split("```")[1::2]):
        read = (_object(candidate, growing=growing) for candidate in candidates)
        found = [value for value in read if value is not None]
        if found:  # of two that differ nobody knows which is meant
            return found[0] if growing or all(value == found[0] for value in found) else None
    return None


def _object(text: str, *, growing: bool) -> dict[str, Any] | None:
    start = text.find("{")
    end = len(text) if growing else text.rfind("}") + 1
    found = _json(text[start:end], growing=growing) if start >= 0 else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _json(text: str, *, growing: bool) -> object:
    with suppress(ValueError):
        return from_json(text, allow_partial="trailing-strings" if growing else False)
    with suppress(ValueError, RecursionError):
        return without_surrogates(json.loads(text, strict=False))
    return None


def faults(errors: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> str:
    """Say what does not fit a schema, by Pydantic's errors, without what the answer alone holds.

    Args:
        errors: Pydantic's.
        schema: What was wanted; a name that is nowhere in it is a key of the answer's.

    Examples:
        >>> error = {"loc": ("ages", "Anna", 0), "msg": "Field required"}
        >>> faults([error], {"properties": {"ages": {"type": "object"}}})
        'ages.….0: Field required'
    """
    known = set(_words(schema))
    told: list[str] = []
    for error in errors[:_MOST_FAULTS]:
        parts = (str(one) if isinstance(one, int) or one in known else "…" for one in error["loc"])
        context: Mapping[str, Any] = error.get("ctx") or {}
        tag = f"'{context.get('tag')}'"  # of a union, as the answer has it
        told.append(f"{'.'.join(parts) or 'the whole'}: {error['msg'].replace(tag, '…')}")
    return "; ".join([*told, *(["…"] if len(errors) > _MOST_FAULTS else [])])


def _words(value: object) -> Iterator[str]:
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            members = cast("Mapping[str, object]", item)
            left += [*members, *members.values()]
        elif isinstance(item, list):
            left += cast("list[object]", item)


def no_instance(
    finish_reason: object, *, tool: str | None, called: bool, text: str, thoughts: object
) -> str:
    """Say why an answer holds no instance of a schema.

    Args:
        finish_reason: How the answer ended.
        tool: Name of the tool that was to be called, if one was.
        called: Whether one was called.
        text: That of the answer.
        thoughts: Those of the model, if it wrote any.
    """
    if finish_reason == "length":
        return "the answer was cut at max_tokens: raise max_tokens or ask for less"
    if finish_reason == "content_filter":
        return "the vendor's content filter stopped the answer"
    if called:
        return "the arguments of the tool call are not a JSON object, or several calls differ"
    if thoughts and not text:  # as vLLM sends it where its reasoning parser finds no end of them
        return (
            "the answer is empty, and all that the model wrote stands in its thoughts "
            "(reasoning_content), which are never taken for an answer: switch its thinking off, "
            "or ask by another method"
        )
    if tool is None:
        return "the answer is not a JSON object, or holds several"
    how = "answered in text instead of calling" if text else "did not call"
    return f"the model {how} the tool {tool!r}: ask again, or by another method (json_mode)"
