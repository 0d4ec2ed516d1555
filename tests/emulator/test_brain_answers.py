"""What the brain says over German text: grounded answers, honest ignorance, small talk."""

from typing import Any

import pytest

from dsgvo.emulator import brain
from dsgvo.emulator.brain.text import alike, sentences

CONTEXT = """\
[1] urlaub.md, Abschnitt Urlaub
Allen Beschäftigten stehen 30 Tage Erholungsurlaub im Kalenderjahr zu. Der Antrag ist mindestens
vier Wochen vorher über das Personalportal zu stellen. Resturlaub verfällt am 31. März des
Folgejahres.

[2] reisen.md
## Kilometerpauschale
Für Fahrten mit dem eigenen Pkw werden 0,30 Euro je gefahrenem Kilometer erstattet. Belege sind
binnen 14 Tagen einzureichen, z. B. als Foto.

[3] it.md
Kennwörter müssen mindestens 14 Zeichen lang sein. Den Verlust eines Geräts melden Sie sofort dem
Service Desk unter servicedesk@example.com. Die Datenschutzbeauftragte ist Frau Dr. Petra Lindner.
"""
NOTHING = "Dazu steht nichts in den Unterlagen."


def say(*turns: tuple[str, str], **settings: Any) -> str:
    raw = [{"role": role, "content": content} for role, content in turns]
    ask = brain.Ask("SovrGPT", "m", brain.read_messages(raw), **settings)
    return brain.answer(ask).content or ""


def grounded(question: str, rule: str = "") -> str:
    system = f"Antworte nur mit den folgenden Unterlagen. {rule}\n\nUnterlagen:\n{CONTEXT}"
    return say(("system", system), ("user", question))


@pytest.mark.parametrize(
    ("question", "part", "source"),
    [
        ("Wie viele Urlaubstage habe ich?", "30 Tage Erholungsurlaub", "[1]"),
        ("Bis wann verfällt der Resturlaub?", "31. März", "[1]"),
        ("Wie lange vorher muss ich Urlaub beantragen?", "vier Wochen", "[1]"),
        ("Wie hoch ist die Kilometerpauschale?", "0,30 Euro", "[2]"),
        ("Wann muss ich Reisebelege einreichen?", "14 Tagen einzureichen, z. B. als Foto.", "[2]"),
        ("Wie lang muss mein Passwort sein?", "14 Zeichen", "[3]"),
        ("Was mache ich, wenn ich mein Diensthandy verliere?", "servicedesk@example.com", "[3]"),
        ("Wer ist die Datenschutzbeauftragte?", "Dr. Petra Lindner", "[3]"),
    ],
)
def test_answers_come_from_the_fitting_passage(question: str, part: str, source: str) -> None:
    answer = grounded(question)
    assert part in answer
    assert source in answer


@pytest.mark.parametrize(
    "question",
    [
        "Wie heißt der Hund des Geschäftsführers?",
        "Wie hoch ist die Miete in München?",
        "Wer gewinnt die Bundesliga?",
        "Gibt es eine Kantine?",
        "Wann wurde die Firma gegründet?",
    ],
)
def test_what_is_not_there_is_not_answered(question: str) -> None:
    assert grounded(question) == NOTHING
    rule = "Steht die Antwort nicht darin, schreibe: „Das weiß ich leider nicht.“"
    assert grounded(question, rule) == NOTHING
    rule = "Wenn sie die Antwort nicht enthalten, schreibe genau: „Das weiß ich leider nicht.“"
    assert grounded(question, rule) == "Das weiß ich leider nicht."


@pytest.mark.parametrize(
    "prompt",
    [
        "Kontext:\n{context}\n\nFrage: {question}\nAntwort:",
        "Frage: {question}\n\nKontext: {context}",
        "If you don't know, just say that.\nQuestion: {question} \nContext: {context} \nAnswer:",
        "<kontext>\n{context}\n</kontext>\n\n{question}",
        "Beantworte die Frage mit diesen Auszügen:\n\n{context}\n\nFrage: {question}",
        "Hier sind die Dokumente:\n---------------\n{context}\n---------------\n{question}",
    ],
)
def test_many_forms_of_prompts(prompt: str) -> None:
    filled = prompt.format(context=CONTEXT, question="Bis wann verfällt der Resturlaub?")
    answer = say(("user", filled))
    assert "31. März" in answer
    assert "[1]" in answer
    unknown = prompt.format(context=CONTEXT, question="Wer gewinnt die Bundesliga?")
    assert say(("user", unknown)) == NOTHING


def test_an_empty_context_answers_nothing() -> None:
    assert say(("user", "Kontext:\n\n\nFrage: Wie viel Urlaub habe ich?")) == NOTHING


def test_english_questions_get_english_answers() -> None:
    prompt = "Context:\nThe office opens at 8.\n\nQuestion: {}"
    assert say(("user", prompt.format("When does the office open?"))) == "The office opens at 8."
    assert "do not say" in say(("user", prompt.format("Who won the world cup in Brazil?")))


def test_sentences_know_abbreviations_dates_and_lists() -> None:
    text = "Am 3. Mai kam Dr. Meier z. B. um 9 Uhr. Danach:\n- Kaffee\n- Tee\n\n# Titel\nEnde."
    assert sentences(text) == [
        "Am 3. Mai kam Dr. Meier z. B. um 9 Uhr.",
        "Danach:",
        "Kaffee",
        "Tee",
        "# Titel",
        "Ende.",
    ]


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ("urlaub", "urlaub", 1, 1),
        ("urlaub", "urlaubsantrag", 0.6, 0.9),
        ("passworter", "passwort", 0.9, 1),
        ("kennworter", "passwort", 0.8, 0.9),
        ("diensthandy", "smartphone", 0.8, 0.9),
        ("gemeldet", "melden", 0.9, 1),
        ("firmenkindergarten", "firmendaten", 0, 0.6),
        ("2024", "2025", 0, 0),
        ("hund", "kantine", 0, 0),
    ],
)
def test_likeness_of_words(one: str, other: str, low: float, high: float) -> None:
    assert low <= alike(one, other) <= high
    assert alike(one, other) == alike(other, one)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Sag: eins zwei", "eins zwei"),
        ("Wiederhole bitte genau: „Guten Tag“", "Guten Tag"),
        ("Say exactly: pong", "pong"),
        ("Reply with exactly: 42", "42"),
        ("Was ist 3 + 4?", "3 + 4 = 7"),
        ("Was ist 7 mal 1,5?", "7 mal 1,5 = 10,5"),
        ("What is 10 / 4?", "10 / 4 = 2.5"),
    ],
)
def test_small_tasks(text: str, answer: str) -> None:
    assert say(("user", text)) == answer


def test_it_remembers_the_conversation() -> None:
    told = [
        ("user", "Ich heiße Anna Weber und mein Hund ist braun."),
        ("assistant", "Hallo Anna!"),
    ]
    assert say(*told, ("user", "Wie heiße ich?")) == "Du heißt Anna Weber."
    assert "braun" in say(*told, ("user", "Welche Farbe hat mein Hund?"))
    assert "Emulator" in say(*told, ("user", "Was ist meine Kontonummer?"))


@pytest.mark.parametrize("text", ["Hallo", "Erzähl mir was.", "Division 1 / 0", "", "😀"])
def test_otherwise_it_says_what_it_is(text: str) -> None:
    answer = say(("user", text))
    assert "lokale Emulator von SovrGPT" in answer
    assert text in answer


def test_a_long_question_is_quoted_in_short() -> None:
    assert len(say(("user", "Erzähl mir was. " * 100))) < 400


def test_a_summary_takes_the_main_sentences() -> None:
    answer = say(("user", f"Fasse die Unterlagen zusammen.\n\nUnterlagen:\n{CONTEXT}"))
    assert "30 Tage" in answer
    assert len(sentences(answer)) <= 3


def test_long_tool_results_are_searched() -> None:
    raw = [
        {"role": "user", "content": "Bis wann verfällt der Resturlaub?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "suche", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": CONTEXT},
    ]
    answer = brain.answer(brain.Ask("SovrGPT", "m", brain.read_messages(raw))).content
    assert answer == "Resturlaub verfällt am 31. März des Folgejahres. [1]"


@pytest.mark.parametrize(
    ("result", "part"),
    [
        ('{"result": 3}', "3"),
        ('"sonnig"', "sonnig"),
        ('{"grad": 20, "wetter": "sonnig"}', "grad: 20, wetter: sonnig"),
        ("Fehler: Argument fehlt.", "Fehler: Argument fehlt."),
        ("", "lieferte nichts"),
    ],
)
def test_short_tool_results_are_told(result: str, part: str) -> None:
    raw = [
        {"role": "user", "content": "Wie ist es?"},
        {"role": "tool", "tool_call_id": "unbekannt", "content": result},
    ]
    answer = brain.answer(brain.Ask("SovrGPT", "m", brain.read_messages(raw))).content
    assert part in (answer or "")
