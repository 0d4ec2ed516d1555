"""Answers as JSON: by the schema of the request, by a schema in the prompt, or by named keys."""

import json
import re
from typing import Any

from dsgvo.emulator.brain.asks import Ask
from dsgvo.emulator.brain.instance import make_instance
from dsgvo.emulator.brain.passages import context_of, question_of
from dsgvo.emulator.brain.text import sentences
from dsgvo.emulator.jsons import JsonObject, as_list, as_object, is_list, is_object

_KEYS = re.compile(
    r"\b(?:keys?|fields?|propert(?:y|ies)|feld(?:er|ern)?|schlüsseln?|attribut\w*)\b", re.IGNORECASE
)
_WANTS_JSON = re.compile(r"\bjson\b", re.IGNORECASE)


def schema_of_request(ask: Ask) -> JsonObject | None:
    """Return the schema of ``response_format``, if it has one."""
    return as_object(ask.response_format.get("json_schema")).get("schema")


def schema_in_prompt(ask: Ask) -> JsonObject | None:
    """Return the schema that the prompt asks the answer to follow.

    It is a JSON schema in the text, an example object, or names of keys.
    """
    text = f"{ask.system}\n{ask.last_user}"
    if not _WANTS_JSON.search(text):
        return None
    objects = [value for value, _, _ in json_values(text) if is_object(value)]
    schemas = [value for value in objects if is_object(value.get("properties"))]
    if schemas:
        return schemas[-1]
    examples = [value for value in objects if value]
    if examples and ask.response_format:
        return _from_example(examples[-1])
    keys = _named_keys(text)
    if not keys:
        return None
    properties = {key: {"type": "string"} for key in keys}
    return {"type": "object", "properties": properties, "required": keys}


def instance(ask: Ask, schema: JsonObject) -> str:
    """Return an instance of a schema with values from the conversation, as JSON text."""
    made = make_instance(schema, material(ask))
    return json.dumps(made, ensure_ascii=False)


def small_object(ask: Ask, text: str) -> str:
    """Return a JSON object around a text, for requests that want JSON without saying which."""
    key = "answer" if re.search(r"\b(?:answer|the|what)\b", ask.last_user) else "antwort"
    return json.dumps({key: text}, ensure_ascii=False)


def material(ask: Ask) -> str:
    """Return the text from which values are taken: context or question, without the wanted form."""
    user = without_json(ask.last_user)
    told = [one for one in sentences(user) if not _WANTS_JSON.search(one)]
    user = "\n".join(told) if told and len(told) < len(sentences(user)) else user
    context = context_of(ask)
    if context and len(context) > 40:
        return without_json(context)
    return question_of(user) if user.strip() else without_json(ask.system)


def without_json(text: str) -> str:
    """Return a text without the JSON objects in it."""
    for _, start, end in reversed(json_values(text)):
        text = text[:start] + text[end:]
    return text


def json_values(text: str) -> list[tuple[Any, int, int]]:
    """Return the JSON objects in a text, each with its place."""
    found: list[tuple[Any, int, int]] = []
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
            found.append((value, at, end))
        except ValueError:
            end = at + 1
        at = text.find("{", end)
    return found


def _from_example(example: JsonObject) -> JsonObject:
    properties = {key: _type_of(value) for key, value in example.items()}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _type_of(value: Any) -> JsonObject:
    if is_object(value):
        return _from_example(value)
    if is_list(value):
        return {"type": "array", "items": _type_of(as_list(value)[0]) if value else {}}
    names = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"))
    return {"type": next((name for kind, name in names if isinstance(value, kind)), "null")}


def _named_keys(text: str) -> list[str]:
    """Read the names in quotation marks near the word "keys"."""
    for match in _KEYS.finditer(text):
        around = text[max(0, match.start() - 120) : match.end() + 120]
        names = re.findall(r"[\"'`„“]([A-Za-z_][\w-]{0,40})[\"'`“”]", around)
        if names:
            return list(dict.fromkeys(names))
    return []
