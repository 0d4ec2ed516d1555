"""Plainest instances of JSON schemas, with values of a text where their types fit."""

import math
import re
from typing import Any

from dsgvo.emulator.jsons import JsonObject, as_list, as_object, as_text, is_number

_DEPTH = 8
_PLAINEST = {
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "niemand@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_QUOTED = re.compile(r"[„“\"»«]([^„“”\"»«\n]+)[“”\"«»]|(?<!\w)['‚‘]([^'‘’\n]+)['‘’](?!\w)")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_URL = re.compile(r"https?://[^\s<>\"'“”]*[^\s<>\"'“”.,;:!?)]")
_NUMBER = re.compile(r"(?<![\w.,-])-?\d{1,15}(?:[.,]\d{1,9})?(?![\w,.]*\w)")


def make_instance(schema: JsonObject, text: str = "") -> Any:
    """Return the plainest valid instance of a schema.

    Args:
        schema: The schema. ``pattern``, ``not``, ``if`` and the like are not looked at.
        text: Where quoted strings, numbers and addresses come from, each used once, in their
            order; as a whole it stands for any other string.
    """
    return _Maker(schema, text).make(schema)


class _Maker:
    def __init__(self, root: JsonObject, text: str) -> None:
        self.root = root
        self.text = " ".join(text.split())
        self.addresses = {"email": _EMAIL.findall(text), "uri": _URL.findall(text)}
        rest = _URL.sub(" ", _EMAIL.sub(" ", text))
        self.quoted = [(one or other).strip() for one, other in _QUOTED.findall(rest)]
        self.numbers = [float(one.replace(",", ".")) for one in _NUMBER.findall(rest)]

    def make(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        found = self._resolved(schema)
        options = [found["const"]] if "const" in found else as_list(found.get("enum"))
        if options:
            said = (one for one in options if str(one).lower() in self.text.lower())
            return next(said, options[0])
        if "default" in found:
            return found["default"]
        if variants := as_list(found.get("anyOf")) or as_list(found.get("oneOf")):
            kinds = [self._resolved(variant) for variant in variants]
            plain = next((kind for kind in kinds if kind.get("type") != "null"), kinds[0])
            return None if depth > _DEPTH else self.make(plain, name, depth + 1)
        kinds = as_list(found.get("type")) or [found.get("type") or _implied(found)]
        kind = str(kinds[0])
        if kind == "object":
            properties = as_object(found.get("properties"))
            required = as_list(found.get("required")) if depth <= _DEPTH else []
            return {key: self.make(properties.get(key, {}), key, depth + 1) for key in required}
        if kind == "array":
            return self._array(found, name, depth)
        if kind in ("integer", "number"):
            return self._number(found, whole=kind == "integer")
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
        form = as_text(schema.get("format")) or "email" * ("mail" in name.lower())
        low, high = schema.get("minLength", 0), schema.get("maxLength")
        found = self.addresses.get(form, [] if form else self.quoted)
        for at, one in enumerate(found):
            if low <= len(one) <= (high or math.inf):
                return found.pop(at)
        return (_PLAINEST.get(form) or self.text or name or "…")[:high].ljust(low, ".")

    def _number(self, schema: JsonObject, *, whole: bool) -> int | float:
        """Return the next number of the text that is allowed, else the plainest one."""
        keys = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        bounds = [schema[key] for key in keys if is_number(schema.get(key))]
        step = schema.get("multipleOf") or 1
        near = [base + step * more for base in (0, *bounds) for more in (0, 1, -1)]
        near += [math.ceil(one / step) * step for one in near]
        near += [sum(bounds) / len(bounds)] if bounds and not whole else []
        fits = (one for one in (*self.numbers, *near) if _is_allowed(one, schema, whole=whole))
        value = next(fits, 0)
        if value in self.numbers:
            self.numbers.remove(value)
        return int(value) if value == int(value) else value

    def _resolved(self, schema: Any) -> JsonObject:
        """Follow ``$ref`` and join ``allOf``."""
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


def _implied(schema: JsonObject) -> str:
    if schema.get("properties") or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _is_allowed(value: float, schema: JsonObject, *, whole: bool) -> bool:
    return (
        (not whole or value == int(value))
        and schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
        and schema.get("exclusiveMinimum", -math.inf) < value
        and value < schema.get("exclusiveMaximum", math.inf)
        and (value / (schema.get("multipleOf") or value or 1)) % 1 == 0
    )
