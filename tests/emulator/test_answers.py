"""Unscripted answers: sentences of passages, calls of tools, instances of schemas."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from dsgvo.emulator.answers import answer
from dsgvo.emulator.answers.instances import make_instance
from dsgvo.emulator.failures import ApiError
from tests.core.support import raised

NOTHING = "Dazu steht nichts in den Unterlagen."
CONTEXT = """\
[1] urlaub.md, Abschnitt Urlaub
Allen Beschäftigten stehen 30 Tage Erholungsurlaub im Kalenderjahr zu. Der Antrag ist mindestens
vier Wochen vorher über das Personalportal zu stellen. Resturlaub verfällt am 31. März des
Folgejahres.

[2] reisen.md
## Kilometerpauschale
Für Fahrten mit dem eigenen Pkw werden 0,30 Euro je gefahrenem Kilometer erstattet. Belege sind
binnen 14 Tagen einzureichen, z. B. als Foto.

[3] kontakt.md
| Anliegen | Raum | Telefon |
|---|---|---|
| Schlüssel und Ausweise | 004 | 3311 |
| Beamer und Mikrofone | 117 | 3322 |
"""


def tool(name: str, told: str, **properties: dict) -> dict:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"function": {"name": name, "description": told, "parameters": parameters}}


def said(*turns: tuple[str, str], **more: Any) -> str:
    messages = [{"role": role, "content": content} for role, content in turns]
    return answer("SovrGPT", {"messages": messages, **more}).content or ""


@pytest.mark.parametrize(
    ("question", "answered"),
    [
        ("Wie lange vorher muss ich Urlaub beantragen?", "Der Antrag ist mindestens vier Wochen"),
        ("Wann muss ich Belege einreichen?", "Belege sind binnen 14 Tagen einzureichen, z. B. a"),
        ("Welches Telefon ist für Beamer?", "Beamer und Mikrofone, 117, 3322 [3]"),
    ],
)
def test_the_best_sentence_with_its_number(question: str, answered: str) -> None:
    rule = "Antworte nur mit den folgenden Unterlagen."
    found = said(("system", f"{rule}\n\nUnterlagen:\n{CONTEXT}"), ("user", question))
    assert found.startswith(answered)
    assert re.fullmatch(r"([^[]+ \[\d\] ?)+", found)


def test_without_passages() -> None:
    assert said(("user", "Kontext:\n\n\nFrage: Wie viel Urlaub habe ich?")) == NOTHING
    prompt = "Context:\nThe office opens at 8.\n\nQuestion: {}"
    assert said(("user", prompt.format("When does the office open?"))) == "The office opens at 8."
    assert "do not say" in said(("user", prompt.format("Who won the cup in Brazil?")))
    answered = said(("user", "Erzähl mir was. " * 100))
    assert ("bin der lokale Emulator von SovrGPT" in answered, len(answered) < 450) == (True, True)
    assert "I am the local emulator" in said(("user", "Who are you and what is this?"))
    mode = {"response_format": {"type": "json_object"}}
    assert set(json.loads(said(("user", ""), **mode))) == {"answer"}


TEXT = {"type": "string"}
TOOLS = [
    tool("adder", "Adds two integers.", a={"type": "integer"}, b={"type": "integer"}),
    tool("getWeather", "Holt das Wetter eines Orts.", ort=TEXT),
    tool("mail_senden", "Verschickt eine Mail.", email=TEXT | {"format": "email"}, betreff=TEXT),
]
MAIL = {"email": "a@example.com", "betreff": "Urlaub"}


@pytest.mark.parametrize(
    ("text", "choice", "expected"),
    [
        ("Wie wird das Wetter in „Bad Ems“?", "auto", ("getWeather", {"ort": "Bad Ems"})),
        ("Mail an a@example.com: „Urlaub“", "auto", ("mail_senden", MAIL)),
        ("Wie wird das Wetter?", "none", None),
        ("Hallo!", "required", ("adder", {"a": 0, "b": 0})),
    ],
)
def test_the_tool_whose_words_fit(text: str, choice: Any, expected: Any) -> None:
    body = {"messages": [{"role": "user", "content": text}], "tools": TOOLS, "tool_choice": choice}
    calls = [(call["name"], call["arguments"]) for call in answer("x", body).tool_calls]
    assert calls == ([expected] if expected else [])


BOUNDS: Any = [{"exclusiveMinimum": -5, "exclusiveMaximum": -3}, {"minimum": 10, "multipleOf": 7}]
LEAVES: list[dict[str, Any]] = [
    *({"type": kind, **bounds} for kind in ("integer", "number") for bounds in BOUNDS),
    *({"type": kind} for kind in ("boolean", "null", "string")),
    *(TEXT | {"format": form} for form in ("date", "time", "email", "uri", "uuid")),
    *(TEXT | {"minLength": low, "maxLength": low + 3} for low in (0, 4, 30)),
    *({"enum": [1, "b"]}, {"const": True}, {"type": ["string", "null"]}, {"$ref": "#/$defs/ort"}),
    {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "integer"}, TEXT], "minItems": 2},
]


def nested(leaf: dict[str, Any]) -> Iterator[dict[str, Any]]:
    closed = {"type": "object", "properties": {"a": leaf, "b": leaf}, "required": ["a", "b"]}
    yield from (leaf, closed | {"additionalProperties": False}, {"allOf": [closed]})
    yield {"anyOf": [{"type": "null"}, leaf, {"type": "string"}]}
    yield {"type": "array", "items": leaf, "minItems": 3, "maxItems": 4}


@pytest.mark.parametrize("text", ["", "Hallo", "1 2 3", "'a', 'b' a@b.de 3,5 14", "-4 4 49 " * 9])
def test_every_instance_is_valid(text: str) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    for schema in (one for leaf in LEAVES for one in nested(leaf)):
        rooted = schema | {"$defs": {"ort": {"type": "object", "properties": {"x": {}}}}}
        validator = jsonschema.Draft202012Validator(rooted, format_checker=checker)
        validator.validate(json.loads(json.dumps(make_instance(rooted, text))))


def test_a_schema_that_refers_to_itself_ends() -> None:
    node = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert make_instance(node)["a"]
    assert make_instance({"$ref": "#"}) is not None
    assert make_instance(TEXT, "‚" * 200_000)
    bad: list[Any] = [{"required": [1]}, *(TEXT | {"minLength": low} for low in (10**9, "x"))]
    bad += [{"allOf": [{"$ref": "#"}]}, {"type": "array", "minItems": 10**9, "items": {}}]
    for schema in bad:
        assert raised(ApiError, make_instance, schema).status == 400
