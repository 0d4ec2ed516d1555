"""What the demo answers over its handbook: the right sentence of the right file, or nothing.

Questions and sentences have few words in common. Without a language model not all are answered, but
nothing is made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from qdrant_client import QdrantClient

from dsgvo.cli.demo.documents import read_documents
from dsgvo.cli.demo.pipeline import services
from dsgvo.cli.demo.questions import NOT_FOUND
from dsgvo.cli.demo.run import CLASSES
from tests.cli.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ANSWERED = {
    "Innerhalb welcher Frist melde ich eine Datenpanne?": ("03", "zwei Stunden"),
    "Wie schnell muss ein Datenverlust intern gemeldet werden?": ("03", "zwei Stunden"),
    "Bis wann muss die Aufsichtsbehörde von einer Datenpanne erfahren?": ("03", "72 Stunden"),
    "Welche Durchwahl hat die Notfallnummer?": ("03", "999"),
    "Wie viele Zeichen braucht ein Passwort?": ("04", "14 Zeichen"),
    "Wie lange ist das Konto nach falschen Eingaben gesperrt?": ("04", "15 Minuten"),
    "Was zahlt die Firma pro Kilometer mit dem eigenen Auto?": ("06", "0,35 Euro"),
    "Wie hoch ist das Tagegeld im Inland?": ("06", "28 Euro"),
    "Wie viel darf eine Übernachtung im Hotel kosten?": ("06", "110 Euro"),
    "Ab welcher Fahrzeit darf ich erste Klasse fahren?": ("06", "drei Stunden"),
    "Wie lange habe ich Zeit, meine Reisekosten abzurechnen?": ("06", "vier Wochen"),
    "Wer genehmigt Reisen ins Ausland?": ("06", "Bereichsleitung"),
    "Darf man innerhalb Deutschlands fliegen?": ("06", "nicht geflogen"),
    "Wie lange werden Rechnungen aufbewahrt?": ("08", "acht Jahre"),
    "Wann werden Bewerbungsunterlagen gelöscht?": ("08", "sechs Monate"),
    "Wie lange bleiben Besucherlisten gespeichert?": ("08", "30 Tagen"),
    "Wann verschwindet eine Abmahnung aus der Personalakte?": ("08", "zwei Jahren"),
    "Nach wie vielen Jahren werden Personalakten vernichtet?": ("08", "drei Jahre"),
    "Wie lange hebt die Firma Kalibrierdaten auf?": ("08", "fünfzehn Jahre"),
    "An wie vielen Tagen pro Woche darf ich mobil arbeiten?": ("07", "drei Tagen"),
    "Wie lange dauert die Probezeit?": ("01", "sechs Monate"),
    "Wie viele Menschen arbeiten bei der Firma?": ("01", "214"),
    "Wo liegt der Hauptsitz?": ("01", "Wiesenhagen"),
    "Was kostet ein Ersatz für den verlorenen Hausausweis?": ("01", "15 Euro"),
    "Wer kümmert sich um Fragen zum Datenschutz?": ("01", "Datenschutzkoordination"),
    "Wie oft wird die Datenschutzschulung wiederholt?": ("02", "zwölf Monate"),
    "Wann werden Aufnahmen der Videokameras überschrieben?": ("02", "72 Stunden"),
    "Ab wie vielen externen Empfängern muss ich BCC verwenden?": ("02", "zehn externe"),
    "Wie schnell werden Fotos nach einem Widerruf entfernt?": ("02", "sieben Tagen"),
    "Was kostet eine weitere Kopie der Auskunft?": ("03", "10 Euro"),
    "Wie lange haben wir Zeit für die Antwort auf ein Auskunftsersuchen?": ("03", "eines Monats"),
    "Wie lange vorher muss ein neuer Unterauftragnehmer angekündigt werden?": ("09", "30 Tage"),
    "Wann endet ein freigegebener Fernwartungszugang?": ("09", "vier Stunden"),
    "Von wem wird ein Vertrag zur Auftragsverarbeitung unterschrieben?": ("09", "zwei Personen"),
    "In welchem Zeitraum muss ein Dienstleister eine Panne an uns melden?": ("09", "24 Stunden"),
}
UNANSWERABLE = (
    "Darf ich meinen Hund ins Büro mitbringen?",
    "Wie hoch ist die Weihnachtsgratifikation?",
    "Wann öffnet die Kantine?",
    "Wer hat 1954 die Weltmeisterschaft gewonnen?",
    "Wie repariere ich meine Waschmaschine?",
    "Welche Aktien sollte ich kaufen?",
    "Gibt es einen Betriebskindergarten?",
    "Wie wird das Wetter morgen in Hamburg?",
)
LEAST = 29
"""How many of them are answered, at least; a change that makes it fewer makes the demo worse."""


@pytest.fixture(scope="module", params=["langchain", "llamaindex"])
def pipeline(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = getattr(import_module(f"dsgvo.cli.demo.with_{request.param}"), CLASSES[request.param])
    library = read_documents(ROOT / "examples" / "handbuch")
    with services(None, None, None, emulator=True) as who:
        ready = made(who, QdrantClient(":memory:"), library, travel=False)
        ready.split()
        list(ready.store())
        yield ready
        ready.close()


def answer(pipeline: Any, question: str) -> tuple[str, set[str]]:
    """The answer, and the files that it cites."""
    events = list(pipeline.ask(question))
    text = "".join(one for one in events if isinstance(one, str))
    found = [source for one in events if isinstance(one, list) for source in one]
    return text, {found[int(number) - 1][0] for number in re.findall(r"\[(\d+)\]", text)}


def test_paraphrases_are_answered_from_the_right_sentence(pipeline: Any) -> None:
    wrong: dict[str, tuple[str, set[str]]] = {}
    for question, (file, fact) in ANSWERED.items():
        text, files = answer(pipeline, question)
        if fact not in text or not any(name.startswith(file) for name in files):
            wrong[question] = text, files
    assert len(ANSWERED) - len(wrong) >= LEAST, wrong
    assert wrong.keys().isdisjoint([*ANSWERED][:2]), "a deadline, however it is asked for"


def test_what_the_handbook_does_not_say_is_said_to_be_unanswered(pipeline: Any) -> None:
    said = {question: answer(pipeline, question)[0] for question in UNANSWERABLE}
    assert said == dict.fromkeys(UNANSWERABLE, NOT_FOUND)
