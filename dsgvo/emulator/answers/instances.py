"""The plainest instances of JSON schemas, with values of a text where their types fit."""

import math
import re
from typing import Any

from dsgvo.emulator.jsons import JsonObject, as_list, as_object, as_text, is_number, is_object

_DEPTH = 8
_PLAINEST = {
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT0S",
    "email": "niemand@example.com",
    "idn-email": "niemand@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "/",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_QUOTED = re.compile(r"[„“\"»«]([^„“”\"»«\n]+)[“”\"«»]|(?<!\w)['‚‘]([^'‘’\n]+)['‘’](?!\w)")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_URL = re.compile(r"https?://[^\s<>\"'“”]*[^\s<>\"'“”.,;:!?)]")
_NUMBER = re.compile(r"(?<![\w.,-])-?\d{1,15}(?:[.,]\d{1,9})?(?![\w,.]*\w)")


class _Values:
    """The quoted strings, numbers and addresses of a text; each is used once, in their order."""

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())
        self.addresses = {"email": _EMAIL.findall(text), "uri": _URL.findall(text)}
        self.addresses |= {"url": self.addresses["uri"], "idn-email": self.addresses["email"]}
        rest = _URL.sub(" ", _EMAIL.sub(" ", text))
        self.quoted = [(one or other).strip() for one, other in _QUOTED.findall(rest)]
        self.numbers = [float(one.replace(",", ".")) for one in _NUMBER.findall(rest)]

    def string(self, schema: JsonObject, name: str) -> str:
        form = as_text(schema.get("format")) or next(
            (kind for kind in ("email", "url") if kind in name.lower()), ""
        )
        found = self.addresses.get(form, [] if form else self.quoted)
        at = next((at for at, one in enumerate(found) if _has_length(one, schema)), None)
        return found.pop(at) if at is not None else _plainest_string(schema, form, self.text, name)

    def number(self, schema: JsonObject, *, whole: bool) -> int | float:
        for at, value in enumerate(self.numbers):
            if _is_allowed(value, schema, whole=whole):
                found = self.numbers.pop(at)
                return int(found) if found.is_integer() else found
        return _plainest_number(schema, whole=whole)


def make_instance(schema: JsonObject, text: str = "") -> Any:
    """Return the plainest valid instance of a schema.

    Args:
        schema: The schema. ``pattern``, ``not``, ``if`` and the like are not looked at.
        text: Where quoted strings, numbers and addresses come from; as a whole it stands for
            any other string.
    """
    return _Maker(schema, _Values(text)).make(schema)


class _Maker:
    def __init__(self, root: JsonObject, values: _Values) -> None:
        self.root = root
        self.values = values

    def make(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        found = self._resolved(schema)
        if "const" in found:
            return found["const"]
        if options := as_list(found.get("enum")):
            text = self.values.text.lower()
            said = (one for one in options if isinstance(one, str) and one and one.lower() in text)
            return next(said, options[0])
        if "default" in found:
            return found["default"]
        variants = as_list(found.get("anyOf")) or as_list(found.get("oneOf"))
        if variants:
            kinds = [self._resolved(variant) for variant in variants]
            plain = next((kind for kind in kinds if kind.get("type") != "null"), kinds[0])
            return None if depth > _DEPTH else self.make(plain, name, depth + 1)
        kinds = as_list(found.get("type")) or [found.get("type") or _implied(found)]
        return self._of_kind(str(kinds[0]), found, name, depth)

    def _of_kind(self, kind: str, schema: JsonObject, name: str, depth: int) -> Any:
        if kind == "object":
            properties = as_object(schema.get("properties"))
            required = as_list(schema.get("required")) if depth <= _DEPTH else []
            return {key: self.make(properties.get(key, {}), key, depth + 1) for key in required}
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in ("integer", "number"):
            return self.values.number(schema, whole=kind == "integer")
        if kind == "boolean":
            return False
        return None if kind == "null" else self.values.string(schema, name)

    def _array(self, schema: JsonObject, name: str, depth: int) -> list[Any]:
        part = self._resolved(schema.get("items", {}))
        made = [self.make(one, name, depth + 1) for one in as_list(schema.get("prefixItems"))]
        low, high = (int(schema.get(key) or 0) for key in ("minItems", "maxItems"))
        kind = part.get("type")
        given = self.values.numbers if kind in ("integer", "number") else self.values.quoted
        count = len(given) if kind in ("integer", "number", "string") and not made else 0
        count = max(low, min(count, high) if "maxItems" in schema else count)
        options = as_list(part.get("enum"))
        while len(made) < count and depth <= _DEPTH:
            value = self.make(part, name, depth + 1)
            if schema.get("uniqueItems") and value in made:
                fresh = [one for one in options if one not in made]
                other = len(made) + value if is_number(value) else f"{value}{len(made)}"
                value = fresh[0] if fresh else other
            made.append(value)
        return made

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
            other = self._resolved(part) if is_object(part) and part is not schema else {}
            joined = {"properties": as_object(other.get("properties"))}
            joined["properties"] |= as_object(found.get("properties"))
            required = [*as_list(other.get("required")), *as_list(found.get("required"))]
            found = {**other, **found, **joined, "required": required}
        return found


def _implied(schema: JsonObject) -> str:
    if schema.get("properties") or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _has_length(text: str, schema: JsonObject) -> bool:
    return schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", math.inf)


def _plainest_string(schema: JsonObject, form: str, text: str, name: str) -> str:
    plain = _PLAINEST.get(form) or text or name or "…"
    return plain[: schema.get("maxLength")].ljust(schema.get("minLength", 0), ".")


def _is_allowed(value: float, schema: JsonObject, *, whole: bool) -> bool:
    step = schema.get("multipleOf")
    return (
        (not whole or value.is_integer())
        and schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
        and value > schema.get("exclusiveMinimum", -math.inf)
        and value < schema.get("exclusiveMaximum", math.inf)
        and (not is_number(step) or not step or (value / step).is_integer())
    )


def _plainest_number(schema: JsonObject, *, whole: bool) -> int | float:
    """Return the allowed number that is nearest to zero, or a bound."""
    bounds = [
        schema[key]
        for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        if is_number(schema.get(key))
    ]
    step = schema.get("multipleOf") or 1
    near = [base + step * more for base in (0, *bounds) for more in (0, 1, -1)]
    near += [math.ceil(one / step) * step for one in near]
    if len(bounds) > 1 and not whole:
        near.append(sum(bounds) / len(bounds))
    fitting = (one for one in near if _is_allowed(float(one), schema, whole=whole))
    value = next(fitting, 0)
    return int(value) if value == int(value) else value
