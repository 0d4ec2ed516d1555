"""Which tools the brain calls, and with which arguments."""

import json

import pytest

from dsgvo.emulator import brain

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


def tool(name: str, told: str, **properties: dict) -> dict:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"function": {"name": name, "description": told, "parameters": parameters}}


ADDER = tool("adder", "Adds two integers.", a=WHOLE, b=WHOLE)
WEATHER = tool("get_weather", "Get the weather at a location.", location=TEXT)
SEARCH = tool("handbuch_suche", "Durchsucht das Handbuch der Firma.", query=TEXT)
MAIL = tool(
    "mail_senden",
    "Verschickt eine E-Mail.",
    email={"type": "string", "format": "email"},
    betreff=TEXT,
)
DAYS = tool(
    "arbeitstage",
    "Zählt die Arbeitstage zwischen zwei Daten.",
    von={"type": "string", "format": "date"},
    bis={"type": "string", "format": "date"},
)
ALL = [ADDER, WEATHER, SEARCH, MAIL, DAYS]


def calls(text: str, tools: list[dict] = ALL, choice: object = "auto") -> list[tuple[str, dict]]:
    ask = brain.Ask(
        "SovrGPT",
        "m",
        brain.read_messages([{"role": "user", "content": text}]),
        brain.read_tools(tools),
        choice,
    )
    return [(call.name, json.loads(call.arguments)) for call in brain.answer(ask).tool_calls]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is 3 + 4", [("adder", {"a": 3, "b": 4})]),
        ("Addiere 1.200 und 34.", [("adder", {"a": 1200, "b": 34})]),
        ("Was ist zwei plus drei?", [("adder", {"a": 2, "b": 3})]),
        ("Wie wird das Wetter in Bad Ems?", [("get_weather", {"location": "Bad Ems"})]),
        (
            "What is the weather in San Francisco, CA?",
            [("get_weather", {"location": "San Francisco, CA"})],
        ),
        (
            "Wie viele Urlaubstage habe ich?",
            [("handbuch_suche", {"query": "Wie viele Urlaubstage habe ich?"})],
        ),
        (
            "Wie viele Arbeitstage liegen zwischen dem 1. März 2026 und dem 15.03.2026?",
            [("arbeitstage", {"von": "2026-03-01", "bis": "2026-03-15"})],
        ),
        (
            "Schicke eine Mail an anna@example.com, Betreff: Urlaub",
            [("mail_senden", {"email": "anna@example.com", "betreff": "Urlaub"})],
        ),
        (
            "Wie ist das Wetter in Bonn und was ist 3 + 4?",
            [("get_weather", {"location": "Bonn"}), ("adder", {"a": 3, "b": 4})],
        ),
        ("Was ist 3 + 4 und 5 + 6?", [("adder", {"a": 3, "b": 4}), ("adder", {"a": 5, "b": 6})]),
        ("Hello", []),
        ("Hallo, wie geht es dir?", []),
        ("Danke!", []),
    ],
)
def test_auto(text: str, expected: list) -> None:
    assert calls(text) == expected


def test_a_tool_may_be_forced_without_anything_to_fill_in() -> None:
    assert calls("Hallo!", [ADDER], "required") == [("adder", {"a": 0, "b": 0})]
    named = {"type": "function", "function": {"name": "get_weather"}}
    assert [name for name, _ in calls("Hallo!", ALL, named)] == ["get_weather"]


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (TEXT | {"format": "date"}, "Am May 3, 2026 bitte.", "2026-05-03"),
        (TEXT | {"format": "date"}, "Am 3.5.26 bitte.", "2026-05-03"),
        (TEXT | {"format": "date-time"}, "Am 3.5.2026 um 14:30 Uhr.", "2026-05-03T14:30:00Z"),
        (TEXT | {"format": "date-time"}, "Am 3.5.2026.", "2026-05-03T00:00:00Z"),
        (TEXT | {"format": "time"}, "Um 9 Uhr.", "09:00:00Z"),
        (TEXT | {"format": "uri"}, "Siehe https://example.com/a.", "https://example.com/a"),
        ({"type": "number"}, "Es sind 1.234,56 Euro.", 1234.56),
        ({"type": "number"}, "It is 1,234.56 dollars.", 1234.56),
        ({"type": "number"}, "Es sind -3,5 Grad.", -3.5),
        ({"enum": ["rot", "grün"]}, "Die Wand ist grün.", "grün"),
        ({"enum": ["urlaub", "krankheit"]}, "Ich bin krank.", "krankheit"),
        ({"type": "array", "items": {"type": "integer"}}, "Nimm 1, 2 und 3.", [1, 2, 3]),
        ({"type": "array", "items": TEXT}, "Nimm 'Apfel' und 'Birne'.", ["Apfel", "Birne"]),
        ({"type": ["integer", "null"]}, "Nimm 5.", 5),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "Nichts.", None),
    ],
)
def test_kinds_of_arguments(schema: dict, text: str, value: object) -> None:
    ((_, arguments),) = calls(text, [tool("f", "Tut etwas.", wert=schema)], "required")
    assert arguments == {"wert": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [("Mit Frühstück bitte.", True), ("Bitte ohne Frühstück.", False), ("Bitte.", False)],
)
def test_yes_or_no(text: str, value: bool) -> None:
    booking = tool("buchen", "Bucht ein Zimmer.", frühstück={"type": "boolean"})
    ((_, arguments),) = calls(text, [booking], "required")
    assert arguments == {"frühstück": value}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("url", "Lies https://example.com/a bitte.", "https://example.com/a"),
        ("email_adresse", "Schreibe an a@example.com.", "a@example.com"),
        ("datum", "Es war am 3. Mai 2026.", "2026-05-03"),
        ("kunde", "Suche Kunde: Maier GmbH, bitte.", "Maier GmbH"),
        ("beschreibung", "Ein langer Text", "Ein langer Text"),
    ],
)
def test_texts_by_the_name_of_the_argument(name: str, text: str, value: str) -> None:
    ((_, arguments),) = calls(text, [tool("f", "Tut etwas.", **{name: TEXT})], "required")
    assert arguments == {name: value}


def test_a_tool_without_arguments() -> None:
    clock = tool("uhrzeit", "Sagt die Uhrzeit.")
    assert calls("Wie spät ist es, welche Uhrzeit?", [clock]) == [("uhrzeit", {})]


def test_a_quoted_name_in_any_script() -> None:
    customer = tool("create_customer", "Creates a customer.", customer_name=TEXT, description=TEXT)
    ((_, arguments),) = calls("Create a customer named '你好' - a company", [customer])
    assert arguments["customer_name"] == "你好"


def test_after_a_required_tool_comes_the_next_one() -> None:
    raw = [
        {"role": "user", "content": "Wie ist das Wetter in Bonn?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": "{kaputt"},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": "20 Grad"},
    ]
    report = tool("bericht", "Gibt das Ergebnis zurück.", grad=WHOLE)
    tools = brain.read_tools([WEATHER, report])
    messages = brain.read_messages(raw)
    required = brain.answer(brain.Ask("SovrGPT", "m", messages, tools, "required"))
    assert [(call.name, call.arguments) for call in required.tool_calls] == [
        ("bericht", '{"grad":20}')
    ]
    assert brain.answer(brain.Ask("SovrGPT", "m", messages, tools)).content == "20 Grad"
