"""Questions over the sample handbook, paraphrases too: found by the vectors, answered with the
right sentence.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from langchain_text_splitters import RecursiveCharacterTextSplitter
from pypdf import PdfReader

from dsgvo.emulator.answers import answer
from dsgvo.emulator.vectors import embed

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbuch"
NOTHING = "Dazu steht nichts in den Unterlagen."
PASSAGES = 8

ANSWERED = {
    "Innerhalb welcher Frist muss ich eine Datenpanne intern melden?": "innerhalb von zwei Stunden",
    "Innerhalb welcher Frist melde ich eine Datenpanne?": "innerhalb von zwei Stunden",
    "Wie schnell muss man Datenpannen melden?": "innerhalb von zwei Stunden",
    "An welche Nummer geht die Meldung einer Datenpanne?": "Durchwahl 999",
    "Wann muss die Aufsichtsbehörde einen Vorfall erfahren?": "72 Stunden nach Bekanntwerden",
    "Welche Meldefrist gilt gegenüber der Aufsichtsbehörde?": "72 Stunden nach Bekanntwerden",
    "Wie lang muss ein Passwort sein?": "mindestens 14 Zeichen",
    "Wie viele Zeichen brauchen Passwörter?": "mindestens 14 Zeichen",
    "Was ist die Mindestlänge für ein Firmenpasswort?": "mindestens 14 Zeichen",
    "Was passiert nach fünf falschen Eingaben des Passworts?": "15 Minuten gesperrt",
    "Wie hoch ist die Kilometerpauschale für das eigene Auto?": "0,35 Euro",
    "Wie viel Kilometergeld gibt es pro Kilometer mit dem eigenen Auto?": "0,35 Euro",
    "Was bekomme ich pro Kilometer für das Motorrad?": "0,20 Euro",
    "An wie vielen Tagen in der Woche ist mobiles Arbeiten möglich?": "drei Tagen in der Woche",
    "Wie oft pro Woche darf ich mobil arbeiten?": "drei Tagen in der Woche",
    "Wie viele Arbeitstage im Jahr darf ich aus dem EU-Ausland arbeiten?": "20 Arbeitstagen",
    "Wie viele Urlaubstage habe ich im Jahr?": "30 Tage Urlaub",
    "Bis wann kann ich Resturlaub nehmen?": "31. März",
    "Wann verfällt der Resturlaub?": "31. März",
    "Wie lange dauert die Probezeit?": "sechs Monate",
    "Was kostet der Ersatz für einen verlorenen Hausausweis?": "15 Euro",
    "Wie viele Beschäftigte hat die Firma?": "214 Beschäftigte",
    "Wann werden Bewerbungsunterlagen gelöscht?": "sechs Monate nach der Absage",
    "Wie lange werden Bewerbungen aufbewahrt?": "Monate nach der Absage|im Bewerberpool",
    "Wie lange müssen Rechnungen aufbewahrt werden?": "acht Jahre",
    "Wie lange bewahren wir Jahresabschlüsse auf?": "zehn Jahre",
    "Wann werden Besucherlisten vernichtet?": "30 Tagen",
    "Wie lange werden Videoaufnahmen gespeichert?": "72 Stunden automatisch",
    "Welche Klasse gilt für Bahnfahrten?": "zweiten Klasse",
    "Wie viel darf ein Hotel pro Nacht kosten?": "110 Euro|150 Euro",
    "Wie hoch ist die Obergrenze für Hotels?": "110 Euro",
    "Wie hoch ist das Tagegeld im Inland?": "28 Euro",
    "Bis wann muss ich Reisekosten abrechnen?": "vier Wochen nach dem Ende",
    "Wie viel Budget gibt es für KI-Dienste je Person?": "25 Euro je Person",
    "Darf ich private Cloudspeicher für Firmendaten nutzen?": "Private Cloudspeicher sind",
    "Wie lange können gelöschte Dateien wiederhergestellt werden?": "90 Tage",
    "Wann muss ich mich krankmelden?": "bis 9:00 Uhr",
    "Bis wie viel Uhr melde ich mich bei Krankheit?": "bis 9:00 Uhr",
    "Wie hoch ist der Zuschuss für die Ausstattung zu Hause?": "400 Euro",
    "Wie viele Wochenstunden beträgt die Arbeitszeit?": "38 Stunden",
    "Wie lange ist die Pause nach sechs Stunden?": "30 Minuten",
    "Wer muss einen Vertrag zur Auftragsverarbeitung unterschreiben?": "zwei Personen unter",
    "Wie lange im Voraus müssen neue Unterauftragnehmer angekündigt werden?": "30 Tage vorher",
    "Innerhalb welcher Zeit muss ein Dienstleister eine Datenpanne melden?": "24 Stunden",
    "Wie lange werden Fragen an Kiebitz gespeichert?": "14 Tage",
    "Was kostet ein ausgemustertes Notebook?": "80 Euro",
    "Wann werden Notebooks ersetzt?": "vier Jahren",
    "Wie lange ist die VPN-Verbindung offen?": "zwölf Stunden",
    "Unter welcher Adresse erreiche ich die Datenschutzbeauftragte?": "dsb@brachvogel.example",
    "Wann läuft die Datensicherung?": "1:00 Uhr",
    "Wie viele Tage Sonderurlaub gibt es für die eigene Hochzeit?": "Hochzeit (zwei Tage)",
    "Welche Durchwahl hat die Reisestelle?": "150",
    "Wie groß dürfen Anhänge sein?": "20 Megabyte",
    "Wie lange vorher muss ich eine Auslandsreise beantragen?": "drei Wochen vorher",
    "Wie oft wird die Datenschutzschulung wiederholt?": "alle zwölf Monate",
}
UNANSWERED = [
    "Darf ich meinen Hund ins Büro mitbringen?",
    "Wie heißt der Hund des Geschäftsführers?",
    "Was gibt es heute in der Kantine?",
    "Wer gewinnt die Bundesliga?",
    "Wie hoch ist das Weihnachtsgeld?",
    "Wie wird das Wetter morgen in Berlin?",
    "Welche Farbe hat das Firmenlogo?",
    "Gibt es einen Betriebskindergarten?",
    "Wie hoch ist die Miete in München?",
    "Was kostet ein Jobticket?",
    "Wann ist die Weihnachtsfeier?",
    "Bekomme ich einen Dienstwagen?",
]
SURE = {
    "Innerhalb welcher Frist muss ich eine Datenpanne intern melden?",
    "Innerhalb welcher Frist melde ich eine Datenpanne?",
    "Wie lang muss ein Passwort sein?",
    "Wie hoch ist die Kilometerpauschale für das eigene Auto?",
    "An wie vielen Tagen in der Woche ist mobiles Arbeiten möglich?",
    "An welche Nummer geht die Meldung einer Datenpanne?",
    "Darf ich meinen Hund ins Büro mitbringen?",
}
"""Questions that the demo asks, and the like: always right."""


def sections() -> Iterator[str]:
    for path in sorted(HANDBOOK.iterdir()):
        if path.suffix == ".pdf":
            yield from (page.extract_text() for page in PdfReader(path).pages)
        else:
            yield from re.split(r"(?m)^(?=## )", path.read_text("utf-8"))


@pytest.mark.slow
def test_questions_over_the_handbook() -> None:
    splitter = RecursiveCharacterTextSplitter(chunk_size=800, chunk_overlap=120)
    chunks = [chunk for section in sections() for chunk in splitter.split_text(section)]
    matrix = np.array([embed(chunk, 1536) for chunk in chunks])

    def ask(question: str) -> tuple[str, str]:
        best = np.argsort(-(matrix @ embed(question, 1536)))[:PASSAGES]
        context = "\n\n".join(f"[{n}] {chunks[at]}" for n, at in enumerate(best, 1))
        content = f"Fundstellen:\n\n{context}\n\nFrage: {question}"
        body = {"messages": [{"role": "user", "content": content}]}
        return context, answer("x", body).content or ""

    missed, wrong, invented = [], [], []
    for question, said in ANSWERED.items():
        context, answered = (re.sub(r"\s+", " ", text) for text in ask(question))
        missed += [] if any(part in context for part in said.split("|")) else [question]
        wrong += [] if any(part in answered for part in said.split("|")) else [question]
    invented = [question for question in UNANSWERED if ask(question)[1] != NOTHING]
    # What it reached when this was written: two more may be lost to a change for the better.
    assert len(missed) <= 2, missed
    assert len(wrong) <= 5, wrong
    assert len(invented) <= 3, invented
    assert not SURE & {*missed, *wrong, *invented}
