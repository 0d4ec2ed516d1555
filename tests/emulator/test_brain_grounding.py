"""Answers from lists, tables and lists of questions, and from passages that only look right.

The texts are made up for these tests; what is tested holds for any.
"""

import pytest

from dsgvo.emulator import brain

NOTHING = "Dazu steht nichts in den Unterlagen."


def answered(question: str, *passages: str) -> str:
    context = "\n\n".join(f"[{number}] {text}" for number, text in enumerate(passages, 1))
    raw = [{"role": "user", "content": f"Fundstellen:\n\n{context}\n\nFrage: {question}"}]
    return brain.answer(brain.Ask("SovrGPT", "m", brain.read_messages(raw))).content or ""


BOATS = """verein.txt, Boote
4.1 Boote

• Für die Boote wird vor jeder Saison Lack gebraucht:
– Ruderboot: 2 Liter.
– Segelboot: 5 Liter.
– Kajak: 1 Liter.
• Segelboote brauchen zwei Begleitpersonen, wenn sie auf den großen See fahren:
– eine Person am Ufer,
– eine Person an Bord.
• Kajaks mit einem Platz dürfen allein gefahren werden."""


@pytest.mark.parametrize(
    ("question", "part", "wrong"),
    [
        ("Wie viel Lack braucht ein Segelboot?", "Segelboot: 5 Liter.", "Ruderboot"),
        ("Wie viel Lack braucht ein Kajak?", "Kajak: 1 Liter.", "allein"),
        ("Wie viele Begleitpersonen braucht ein Segelboot?", "zwei Begleitpersonen", "Lack"),
    ],
)
def test_an_item_is_about_what_its_list_is_about(question: str, part: str, wrong: str) -> None:
    answer = answered(question, BOATS)
    assert part in answer
    assert wrong not in answer


def test_an_item_comes_with_its_lead_in_and_a_lead_in_with_its_items() -> None:
    text = "haus.md\nDer Hausmeister hat:\n\n- den Generalschlüssel,\n- die Notrufnummer.\n\nEnde."
    assert answered("Was hat der Hausmeister?", text) == (
        "Der Hausmeister hat: den Generalschlüssel, die Notrufnummer. [1]"
    )
    assert answered("Wer hat den Generalschlüssel?", text) == (
        "Der Hausmeister hat: den Generalschlüssel, [1]"
    )


TABLE = """kontakt.md, Wer hilft
| Anliegen | Raum | Telefon |
|---|---|---|
| Schlüssel und Ausweise | 004 | 3311 |
| Beamer und Mikrofone | 117 | 3322 |"""


@pytest.mark.parametrize(
    ("question", "part", "wrong"),
    [
        ("Welches Telefon ist für Beamer?", "Telefon: 3322", "3311"),
        ("In welchem Raum gibt es Ausweise?", "Raum: 004", "117"),
    ],
)
def test_a_row_of_a_table_is_about_its_columns(question: str, part: str, wrong: str) -> None:
    answer = answered(question, TABLE)
    assert part in answer
    assert wrong not in answer


def test_a_question_in_the_text_is_a_heading_and_no_answer() -> None:
    text = (
        "fragen.txt\nWie wird man Mitglied im Verein?\n\nFormlos, ein Brief an den Vorstand genügt."
    )
    assert answered("Wie wird man Mitglied?", text) == (
        "Formlos, ein Brief an den Vorstand genügt. [1]"
    )


def test_a_sentence_that_goes_on_comes_with_the_one_before() -> None:
    text = (
        "a.md\nDie Kasse führt Frau Ott. Sie ist dienstags im Büro zu erreichen. Tee gibt es auch."
    )
    assert answered("Wann ist sie im Büro zu erreichen?", text) == (
        "Die Kasse führt Frau Ott. Sie ist dienstags im Büro zu erreichen. [1]"
    )


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Wie lange dauert die Ausleihe?", "Die Ausleihe endet nach drei Wochen."),
        ("Wie oft tagt der Beirat?", "Der Beirat tagt vierteljährlich."),
        ("Wie hoch ist die Gebühr?", "Die Gebühr beträgt 7 Euro."),
        ("In welchem Jahr wurde die Bücherei gegründet?", "Die Bücherei besteht seit 1954."),
        ("Wie heißt der Lesekreis?", "Der Lesekreis nennt sich „Blattlaus“."),
        ("Wie viele Plätze hat der Lesesaal?", "Im Lesesaal gibt es 40 Plätze."),
    ],
)
def test_what_kind_of_thing_is_asked_for_decides(question: str, answer: str) -> None:
    text = (
        "Die Ausleihe ist im Erdgeschoss. Die Ausleihe endet nach drei Wochen. Der Beirat tagt im "
        "Saal. Der Beirat tagt vierteljährlich. Die Gebühr ist an der Theke zu zahlen. Die Gebühr "
        "beträgt 7 Euro. Die Bücherei wurde von Bürgern gegründet. Die Bücherei besteht seit 1954. "
        "Der Lesekreis ist offen für alle. Der Lesekreis nennt sich „Blattlaus“. Der Lesesaal hat "
        "große Fenster. Im Lesesaal gibt es 40 Plätze."
    )
    assert answer in answered(question, f"buecherei.txt\n{text}")


@pytest.mark.parametrize(
    "question",
    [
        "Gibt es einen Zuschuss zum Sportverein?",
        "Wie hoch ist der Zuschuss zur Brille?",
        "Wie heißt die Leiterin der Werkstatt?",
    ],
)
def test_a_shared_noun_is_no_answer(question: str) -> None:
    assert (
        answered(
            question,
            "a.md\nFür Umzüge zahlt die Firma einen Zuschuss von 300 Euro.",
            "b.md\nDie Werkstatt hat eine Leiterin und zwei Gesellen.",
        )
        == NOTHING
    )
