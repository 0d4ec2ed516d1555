"""Making an instance of a JSON schema out of a text."""

import math
from typing import Any

from dsgvo.emulator.brain.extract import Source, allowed
from dsgvo.emulator.jsons import JsonObject, as_list, as_object, as_text, is_number, is_object

_DEPTH = 8
_EXAMPLES = {
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


class Missing:
    """Stands for a value that the text does not give."""


MISSING = Missing()


class Maker:
    """Makes instances of one schema.

    Args:
        root: The schema, to which ``$ref`` refers.
        source: The text from which values come.
    """

    def __init__(self, root: JsonObject, source: Source) -> None:
        self.root = root
        self.source = source

    def make(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """Return an instance: from the text where it says something, else the plainest valid one.

        Args:
            schema: The schema, or a part of it.
            name: Name of the property that it is for.
            depth: How deep it is nested.
        """
        found = self.find(schema, name, depth)
        return self.plainest(schema, name, depth) if isinstance(found, Missing) else found

    def find(self, schema: Any, name: str, depth: int, *, needed: bool = True) -> Any:
        """Return what the text says about a property, or MISSING.

        Args:
            schema: The schema, or a part of it.
            name: Name of the property that it is for.
            depth: How deep it is nested.
            needed: Whether a likely value is better than none.
        """
        schema = self.resolve(schema)
        options = allowed(schema)
        if options:
            chosen = options[0] if len(options) == 1 else self.source.choice(options)
            return MISSING if chosen is None and None not in options else chosen
        variants = as_list(schema.get("anyOf")) or as_list(schema.get("oneOf"))
        if variants:
            return self._first_found(schema, variants, name, depth, needed)
        kinds = schema.get("type") or _implied(schema)
        for kind in as_list(kinds) or [kinds]:
            value = self._find_kind(str(kind), schema, name, depth, needed and "null" not in kinds)
            if not isinstance(value, Missing):
                return value
        return MISSING

    def _first_found(
        self, schema: JsonObject, variants: list[Any], name: str, depth: int, needed: bool
    ) -> Any:
        inherited = {key: schema[key] for key in ("description", "title") if key in schema}
        parts = [self.resolve(variant) for variant in variants]
        needed = needed and not any(part.get("type") == "null" for part in parts)
        for part in parts:
            if part.get("type") != "null":
                value = self.find(inherited | part, name, depth, needed=needed)
                if not isinstance(value, Missing):
                    return value
        return MISSING

    def _find_kind(self, kind: str, schema: JsonObject, name: str, depth: int, needed: bool) -> Any:
        if kind == "object":
            return self._find_object(schema, depth)
        if kind == "array":
            return self._find_array(schema, name, depth)
        if kind in ("integer", "number"):
            value = self.source.number(name, schema, whole=kind == "integer")
            return MISSING if value is None else value
        if kind == "boolean":
            value = self.source.boolean(name, schema)
            return MISSING if value is None else value
        if kind == "string":
            form = as_text(schema.get("format"))
            source = self.source
            given = source.formatted(form) if form else source.string(name, needed=needed)
            return MISSING if given is None or not _fits(given, schema) else given
        return MISSING

    def _find_object(self, schema: JsonObject, depth: int) -> Any:
        properties = as_object(schema.get("properties"))
        if depth > _DEPTH:
            return MISSING
        found: JsonObject = {}
        required = as_list(schema.get("required"))
        for key, part in _by_certainty(properties):
            value = self.find(part, key, depth + 1, needed=key in required)
            if not isinstance(value, Missing):
                found[key] = value
        if not found and depth:
            return MISSING
        for key in required:
            if key not in found:
                found[key] = self.plainest(properties.get(key, {}), key, depth + 1)
        ordered = [*properties, *(key for key in found if key not in properties)]
        return {key: found[key] for key in ordered if key in found}

    def _find_array(self, schema: JsonObject, name: str, depth: int) -> Any:
        if depth > _DEPTH:
            return MISSING
        part = self.resolve(schema.get("items", {}))
        kind = part.get("type") or ("" if "anyOf" in part or "oneOf" in part else _implied(part))
        if as_list(schema.get("prefixItems")):
            return MISSING
        values: list[Any] = []
        if kind == "object":
            for text in self.source.parts():
                value = Maker(self.root, Source(text)).find(part, name, depth + 1)
                if not isinstance(value, Missing):
                    values.append(value)
        elif kind == "string" and not allowed(part) and "format" not in part:
            values = [text for text in self.source.items() if _fits(text, part)]
        else:
            value = self.find(part, name, depth + 1)
            while not isinstance(value, Missing) and value not in values:
                values.append(value)
                value = self.find(part, name, depth + 1)
        return self._sized(values, schema, name, depth) if values else MISSING

    def _sized(self, values: list[Any], schema: JsonObject, name: str, depth: int) -> list[Any]:
        if schema.get("uniqueItems"):
            values = [value for at, value in enumerate(values) if value not in values[:at]]
        high, low = schema.get("maxItems"), schema.get("minItems")
        if is_number(high):
            values = values[: int(high)]
        while is_number(low) and len(values) < low:
            values.append(self._another(schema, values, name, depth))
        return values

    def _another(self, schema: JsonObject, values: list[Any], name: str, depth: int) -> Any:
        """Return one more item; another one than those before if they must differ."""
        part = self.resolve(schema.get("items", {}))
        value = self.plainest(part, name, depth + 1)
        if not schema.get("uniqueItems"):
            return value
        for option in allowed(part):
            if option not in values:
                return option
        for number in range(len(values) + 1):
            for other in (f"{value}{number}", number + (value if is_number(value) else 0)):
                if type(other) is type(value) and other not in values:
                    return other
        return value

    def plainest(self, schema: Any, name: str, depth: int) -> Any:
        """Return the plainest valid instance, without looking at the text for more than words."""
        schema = self.resolve(schema)
        if "default" in schema:
            return schema["default"]
        options = allowed(schema)
        if options:
            return options[0]
        variants = as_list(schema.get("anyOf")) or as_list(schema.get("oneOf"))
        if variants:
            kinds = [self.resolve(variant) for variant in variants]
            null = next((kind for kind in kinds if kind.get("type") == "null"), None)
            return None if null else self.plainest(kinds[0], name, depth)
        kinds = schema.get("type") or _implied(schema)
        kinds = as_list(kinds) or [kinds]
        return None if "null" in kinds else self._plainest_kind(str(kinds[0]), schema, name, depth)

    def _plainest_kind(self, kind: str, schema: JsonObject, name: str, depth: int) -> Any:
        if kind == "object":
            properties = as_object(schema.get("properties"))
            required = as_list(schema.get("required"))
            return {key: self.plainest(properties.get(key, {}), key, depth + 1) for key in required}
        if kind == "array":
            prefix = as_list(schema.get("prefixItems"))
            start = [self.make(part, name, depth + 1) for part in prefix]
            return self._sized(start, schema, name, depth)
        if kind in ("integer", "number"):
            return _plainest_number(schema, whole=kind == "integer")
        if kind == "boolean":
            return False
        form = as_text(schema.get("format"))
        text = _EXAMPLES.get(form) or " ".join(self.source.text.split()) or name or "…"
        high, low = schema.get("maxLength"), schema.get("minLength")
        text = text[: int(high)] if is_number(high) else text
        return text.ljust(int(low), ".") if is_number(low) else text

    def resolve(self, schema: Any) -> JsonObject:
        """Follow ``$ref`` and join ``allOf``."""
        found = as_object(schema)
        for _ in range(_DEPTH):
            ref = found.get("$ref")
            if not isinstance(ref, str) or not ref.startswith("#"):
                break
            target: Any = self.root
            for part in ref[1:].strip("/").split("/") if ref != "#" else []:
                target = as_object(target).get(part.replace("~1", "/").replace("~0", "~"))
            found = as_object(target) | {key: found[key] for key in found if key != "$ref"}
        for part in as_list(found.get("allOf")):
            found = _joined(found, self.resolve(part))
        return found


def make_instance(schema: JsonObject, text: str) -> Any:
    """Return an instance of ``schema`` with values from ``text``."""
    return Maker(schema, Source(text)).make(schema)


def _by_certainty(properties: JsonObject) -> list[tuple[str, Any]]:
    """Put properties first that only certain text fits, and free text last."""

    def rank(pair: tuple[str, Any]) -> int:
        part = as_object(pair[1])
        if allowed(part) or "format" in part:
            return 0
        return 2 if part.get("type") == "string" and pair[0] == "description" else 1

    return sorted(properties.items(), key=rank)


def _implied(schema: JsonObject) -> str:
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _joined(first: JsonObject, second: JsonObject) -> JsonObject:
    joined = {**second, **{key: value for key, value in first.items() if key != "allOf"}}
    for key in ("properties",):
        if is_object(first.get(key)) and is_object(second.get(key)):
            joined[key] = second[key] | first[key]
    if "required" in first and "required" in second:
        joined["required"] = [*second["required"], *first["required"]]
    return joined


def _fits(text: str, schema: JsonObject) -> bool:
    high, low = schema.get("maxLength"), schema.get("minLength")
    return not (is_number(high) and len(text) > high) and not (is_number(low) and len(text) < low)


def _plainest_number(schema: JsonObject, *, whole: bool) -> int | float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = schema.get("multipleOf")
    open_low = "exclusiveMinimum" in schema and schema.get("minimum") in (
        None,
        schema["exclusiveMinimum"],
    )
    unit = step if is_number(step) and step > 0 else 1
    value: float = 0
    if is_number(low) and (value < low or (open_low and value <= low)):
        value = math.ceil(low / unit) * unit
        value += unit if open_low and value <= low else 0
    if is_number(high) and value > high:
        value = math.floor(high / unit) * unit
    if is_number(high) and "exclusiveMaximum" in schema and value >= high:
        value = low + (high - low) / 2 if is_number(low) and not whole else high - unit
    if is_number(high) and not whole and value > high:
        value = high
    return int(value) if value == int(value) else value
