"""The embeddings find the right passage in German text."""

import numpy as np
import pytest

from dsgvo.emulator.vectors import embed

PASSAGES = {
    "urlaub": (
        "Allen Beschäftigten stehen 30 Tage Erholungsurlaub im Kalenderjahr zu. Der "
        "Antrag ist mindestens vier Wochen vorher zu stellen; Resturlaub verfällt Ende "
        "März des Folgejahres."
    ),
    "reise": (
        "Für Dienstreisen mit dem eigenen Pkw werden 0,30 Euro je gefahrenem Kilometer "
        "erstattet. Bahnfahrten werden in der zweiten Klasse gebucht. Belege sind binnen "
        "14 Tagen einzureichen."
    ),
    "passwort": (
        "Passwörter müssen mindestens 14 Zeichen lang sein und dürfen nicht weitergegeben "
        "werden. Nach fünf Fehlversuchen wird das Konto für eine Viertelstunde gesperrt."
    ),
    "panne": (
        "Eine Datenschutzverletzung ist sofort der Datenschutzbeauftragten zu melden. Sie "
        "prüft, ob die Aufsichtsbehörde innerhalb von 72 Stunden zu unterrichten ist."
    ),
    "loeschen": (
        "Bewerbungsunterlagen werden sechs Monate nach der Absage gelöscht, Rechnungen "
        "und Buchungsbelege nach acht Jahren. Die Löschung wird protokolliert."
    ),
    "homeoffice": (
        "Mobiles Arbeiten ist an bis zu drei Tagen in der Woche möglich. Der Bildschirm "
        "ist vor Blicken zu schützen, Ausdrucke gehören in den Aktenvernichter."
    ),
    "krank": (
        "Wer erkrankt, meldet sich vor Arbeitsbeginn bei der Führungskraft. Ab dem "
        "vierten Tag ist eine ärztliche Bescheinigung über die Arbeitsunfähigkeit nötig."
    ),
    "besuch": (
        "Besucherinnen und Besucher tragen sich am Empfang ein, erhalten einen Ausweis "
        "und werden im Haus begleitet. In der Werkhalle gilt Schutzbrillenpflicht."
    ),
}


QUESTIONS = {
    "Wie viele Urlaubstage habe ich?": "urlaub",
    "Wann verfällt mein Resturlaub?": "urlaub",
    "Welche Kilometerpauschale gilt für Dienstreisen?": "reise",
    "In welcher Klasse darf ich Bahn fahren?": "reise",
    "Wie lang muss ein Passwort sein?": "passwort",
    "Was passiert nach mehreren Fehlversuchen?": "passwort",
    "Wem melde ich eine Verletzung des Datenschutzes?": "panne",
    "Wie schnell muss die Aufsichtsbehörde informiert werden?": "panne",
    "Wann werden Bewerbungen gelöscht?": "loeschen",
    "Wie lange heben wir Rechnungen auf?": "loeschen",
    "Darf ich mobil arbeiten?": "homeoffice",
    "Ab wann brauche ich eine Bescheinigung vom Arzt?": "krank",
    "Was gilt für Besucher?": "besuch",
}


@pytest.mark.parametrize(("dimensions", "missed"), [(3072, 0), (1024, 0), (256, 1)])
def test_the_right_passage_is_nearest(dimensions: int, missed: int) -> None:
    passages = np.array([embed(text, dimensions) for text in PASSAGES.values()])
    asked = np.array([embed(question, dimensions) for question in QUESTIONS])
    nearest = [list(PASSAGES)[at] for at in (asked @ passages.T).argmax(axis=1)]
    wrong = [q for q, found in zip(QUESTIONS, nearest, strict=True) if found != QUESTIONS[q]]
    # So short, words share dimensions.
    assert len(wrong) <= missed, wrong


@pytest.mark.parametrize("text", ["", " ", "😀", "!!!", "der die das", "x"])
@pytest.mark.parametrize("dimensions", [1, 2, 1536])
def test_every_text_has_a_direction(text: str, dimensions: int) -> None:
    vector = embed(text, dimensions)
    assert len(vector) == dimensions
    assert sum(value**2 for value in vector) == pytest.approx(1, abs=1e-5)


def test_it_is_the_same_every_time_and_blind_to_case() -> None:
    assert embed("Ämter und Behörden", 64).tolist() == embed("ÄMTER  UND BEHÖRDEN", 64).tolist()
    assert embed("Urlaub", 64).tolist() != embed("Reise", 64).tolist()


def likeness(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embed(one, 3072), embed(other, 3072), strict=True))


def test_compounds_are_like_their_parts() -> None:
    assert (
        likeness("Meldefrist", "Frist der Meldung") > likeness("Meldefrist", "Rand der Wiese") + 0.2
    )
    assert likeness("Wie viel Urlaub?", "Urlaubstage") > 0.3


def test_numbers_are_not_like_their_neighbours() -> None:
    assert likeness("2024", "2025") < 0.1
    assert likeness("Bericht 2024", "Der Bericht von 2024") > likeness("Bericht 2024", "Bericht")


def test_repeating_a_word_counts_less_each_time() -> None:
    once = likeness("Urlaub", "Urlaub Reise Passwort")
    often = likeness("Urlaub", "Urlaub Urlaub Urlaub Urlaub Reise Passwort")
    assert once < often < 4 * once
