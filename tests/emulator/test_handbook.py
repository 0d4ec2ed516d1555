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

SURE = {
    "Innerhalb welcher Frist muss ich eine Datenpanne intern melden?": "innerhalb von zwei Stunden",
    "Innerhalb welcher Frist melde ich eine Datenpanne?": "innerhalb von zwei Stunden",
    "Wie lang muss ein Passwort sein?": "mindestens 14 Zeichen",
    "Wie hoch ist die Kilometerpauschale für das eigene Auto?": "0,35 Euro",
    "An wie vielen Tagen in der Woche ist mobiles Arbeiten möglich?": "drei Tagen in der Woche",
    "An welche Nummer geht die Meldung einer Datenpanne?": "Durchwahl 999",
}
"""Questions that the demo asks, and the like: always right."""
ANSWERED = SURE | {
    "Wann muss die Aufsichtsbehörde einen Vorfall erfahren?": "72 Stunden nach Bekanntwerden",
    "Welche Meldefrist gilt gegenüber der Aufsichtsbehörde?": "72 Stunden nach Bekanntwerden",
    "Was passiert nach fünf falschen Eingaben des Passworts?": "15 Minuten gesperrt",
    "Was bekomme ich pro Kilometer für das Motorrad?": "0,20 Euro",
    "Wie viele Arbeitstage im Jahr darf ich aus dem EU-Ausland arbeiten?": "20 Arbeitstagen",
    "Wie viele Urlaubstage habe ich im Jahr?": "30 Tage Urlaub",
    "Bis wann kann ich Resturlaub nehmen?": "31. März",
    "Wie lange dauert die Probezeit?": "sechs Monate",
    "Was kostet der Ersatz für einen verlorenen Hausausweis?": "15 Euro",
    "Wie viele Beschäftigte hat die Firma?": "214 Beschäftigte",
    "Wann werden Bewerbungsunterlagen gelöscht?": "sechs Monate nach der Absage",
    "Wie lange müssen Rechnungen aufbewahrt werden?": "acht Jahre",
    "Wie viel darf ein Hotel pro Nacht kosten?": "110 Euro|150 Euro",
    "Wie hoch ist das Tagegeld im Inland?": "28 Euro",
    "Bis wann muss ich Reisekosten abrechnen?": "vier Wochen nach dem Ende",
    "Wie viel Budget gibt es für KI-Dienste je Person?": "25 Euro je Person",
    "Darf ich private Cloudspeicher für Firmendaten nutzen?": "Private Cloudspeicher sind",
    "Wie lange können gelöschte Dateien wiederhergestellt werden?": "90 Tage",
    "Wann muss ich mich krankmelden?": "bis 9:00 Uhr",
    "Wie hoch ist der Zuschuss für die Ausstattung zu Hause?": "400 Euro",
    "Wie viele Wochenstunden beträgt die Arbeitszeit?": "38 Stunden",
    "Wer muss einen Vertrag zur Auftragsverarbeitung unterschreiben?": "zwei Personen unter",
    "Wann werden Notebooks ersetzt?": "vier Jahren",
    "Wie lange ist die VPN-Verbindung offen?": "zwölf Stunden",
    "Unter welcher Adresse erreiche ich die Datenschutzbeauftragte?": "dsb@brachvogel.example",
    "Wie viele Tage Sonderurlaub gibt es für die eigene Hochzeit?": "Hochzeit (zwei Tage)",
    "Welche Durchwahl hat die Reisestelle?": "150",
    "Wie lange vorher muss ich eine Auslandsreise beantragen?": "drei Wochen vorher",
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

    missed, wrong = [], []
    for question, said in ANSWERED.items():
        context, answered = (re.sub(r"\s+", " ", text) for text in ask(question))
        missed += [] if any(part in context for part in said.split("|")) else [question]
        wrong += [] if any(part in answered for part in said.split("|")) else [question]
    invented = [question for question in UNANSWERED if ask(question)[1] != NOTHING]
    # One or more may be lost to a change for the better.
    assert len(missed) <= 2, missed
    assert len(wrong) <= 4, wrong
    assert len(invented) <= 3, invented
    assert not {*SURE, "Darf ich meinen Hund ins Büro mitbringen?"} & {*missed, *wrong, *invented}
