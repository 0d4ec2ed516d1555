"""Plainest instances of JSON schemas, with values of a text where their types fit."""

import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from dsgvo.emulator.failures import invalid
from dsgvo.emulator.jsons import JsonObject, as_list, as_object, as_text, is_number

_DEPTH = 8
"""Levels, after which nothing more is made of a schema that refers to itself."""
_ROOM, _VALUE = 10_000_000, 1_000
"""Characters that an instance may have, and those that each value of it counts for."""
_TRIES = 8
"""Objects of a prompt that may be its schema."""
_PLAINEST = {
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "niemand@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_QUOTED = re.compile(r"[„“\"»«]([^„“”\"»«\n]+)[“”\"«»]|(?<!\w)['‚‘]([^'‚‘’\n]+)['‘’](?!\w)")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_URL = re.compile(r"https?://[^\s<>\"'“”]*[^\s<>\"'“”.,;:!?)]")
_NUMBER = re.compile(r"(?<![\w.,-])-?\d{1,15}(?:[.,]\d{1,9})?(?![\w,.]*\w)")

_BOUNDS: dict[str, Callable[[float, float], bool]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}
_IMPLIED = {"prefixItems": "array", "items": "array", "required": "object", "properties": "object"}


def make_instance(schema: JsonObject, text: str = "") -> Any:
    """Return the plainest valid instance of a schema. Raises ApiError if that cannot be made."""
    try:
        return _Maker(schema, text).make(schema)
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise invalid("schema", f"A schema cannot be filled: {type(error).__name__}") from None


def schema_in(text: str) -> JsonObject | None:
    """Return the first JSON object of a text that looks like the schema of an object."""
    for at in [found.start() for found in re.finditer("{", text)][:_TRIES]:
        with suppress(ValueError, RecursionError):
            found = as_object(json.JSONDecoder().raw_decode(text, at)[0])
            if as_object(found.get("properties")):
                return found
    return None


class _Maker:
    def __init__(self, root: JsonObject, text: str) -> None:
        self.root = root
        self.text = " ".join(text.split())
        self.addresses = {"email": _EMAIL.findall(text), "uri": _URL.findall(text)}
        rest = _URL.sub(" ", _EMAIL.sub(" ", text))
        self.quoted = [(one or other).strip() for one, other in _QUOTED.findall(rest)]
        self._left = _ROOM
        self.numbers = [float(one.replace(",", ".")) for one in _NUMBER.findall(rest)]

    def _spend(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise OverflowError

    def make(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        found = self._resolved(schema)
        if options := [found["const"]] if "const" in found else as_list(found.get("enum")):
            said = (one for one in options if str(one).lower() in self.text.lower())
            return next(said, options[0])
        if "default" in found:
            return found["default"]
        if variants := as_list(found.get("anyOf")) or as_list(found.get("oneOf")):
            plain = min(variants, key=lambda one: self._resolved(one).get("type") == "null")
            return None if depth > _DEPTH else self.make(plain, name, depth + 1)
        match _kind(found):
            case "object":
                properties = as_object(found.get("properties"))
                required = as_list(found.get("required")) if depth <= _DEPTH else []
                return {key: self.make(properties.get(key, {}), key, depth + 1) for key in required}
            case "array":
                return self._array(found, name, depth)
            case "integer" | "number" as kind:
                return self._number(found, whole=kind == "integer")
            case kind:
                return {"boolean": False, "null": None}.get(kind, self._string(found, name))

    def _array(self, schema: JsonObject, name: str, depth: int) -> list[Any]:
        part = self._resolved(schema.get("items", {}))
        made = [self.make(one, name, depth + 1) for one in as_list(schema.get("prefixItems"))]
        kinds = {"integer": self.numbers, "number": self.numbers, "string": self.quoted}
        given = 0 if made else len(kinds.get(str(part.get("type")), ""))
        count = max(schema.get("minItems", 0), min(given, schema.get("maxItems", given)))
        while len(made) < count and depth <= _DEPTH:
            value = self.make(part, name, depth + 1)
            if schema.get("uniqueItems") and value in made:
                other = len(made) + value if is_number(value) else f"{value}{len(made)}"
                value = next((one for one in as_list(part.get("enum")) if one not in made), other)
            made.append(value)
        return made

    def _string(self, schema: JsonObject, name: str) -> str:
        form = as_text(schema.get("format")) or "email" * ("mail" in f"{name}".lower())
        low, high = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        found = self.addresses.get(form, [] if form else self.quoted)
        for at, one in enumerate(found):
            if low <= len(one) <= high:
                return found.pop(at)
        text = _PLAINEST.get(form) or self.text or name or "…"
        self._spend(max(low, len(text)))
        return text[: schema.get("maxLength")].ljust(low, ".")

    def _number(self, schema: JsonObject, *, whole: bool) -> int | float:
        """Return the next number of the text that is allowed, else the plainest one."""
        bounds = {key: schema[key] for key in _BOUNDS if is_number(schema.get(key))}
        steps = [one for one in (whole and 1, schema.get("multipleOf")) if one]

        def fits(value: float) -> bool:
            fitting = all(_BOUNDS[key](value, bound) for key, bound in bounds.items())
            return fitting and all(value / one % 1 == 0 for one in steps)

        near = _near([0, *bounds.values()], steps[-1] if steps else 1)
        value = next(filter(fits, [*self.numbers, *near]), 0)
        if value in self.numbers:
            self.numbers.remove(value)
        return int(value) if value == int(value) else value

    def _resolved(self, schema: Any) -> JsonObject:
        """Follow ``$ref`` and join ``allOf``."""
        self._spend(_VALUE)
        found = as_object(schema)
        for _ in range(_DEPTH):
            ref = found.get("$ref")
            if not isinstance(ref, str) or not ref.startswith("#"):
                break
            target: Any = self.root
            for part in ref[1:].split("/")[1:]:
                target = as_object(target).get(part.replace("~1", "/").replace("~0", "~"))
            found = as_object(target) | {key: found[key] for key in found if key != "$ref"}
        for part in as_list(found.get("allOf")):
            other = self._resolved(part)
            properties = as_object(other.get("properties")) | as_object(found.get("properties"))
            required = [*as_list(other.get("required")), *as_list(found.get("required"))]
            found = {**other, **found, "properties": properties, "required": required}
        return found


def _kind(schema: JsonObject) -> str:
    """Return the first type of a schema, or the one that its other words imply."""
    given = schema.get("type") or next((_IMPLIED[key] for key in _IMPLIED if key in schema), "")
    return str(next(iter(as_list(given)), given or "string"))


def _near(bases: Sequence[float], step: float) -> Iterator[float]:
    """Yield numbers on steps about the bases, then the bases, then one between them."""
    for base in bases:
        yield from (step * (math.ceil(base / step) + more) for more in (0, 1, -1))
    yield from (*bases, sum(bases) / max(len(bases) - 1, 1))
