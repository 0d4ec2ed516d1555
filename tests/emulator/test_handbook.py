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
    "Wie lang muss ein Passwort sein?": "mindestens 14 Zeichen",
    "Wie hoch ist die Kilometerpauschale für das eigene Auto?": "0,35 Euro",
    "An wie vielen Tagen in der Woche ist mobiles Arbeiten möglich?": "drei Tagen in der Woche",
}
"""Questions that the demo asks, and the like: always right."""
ANSWERED = SURE | {
    "Was bekomme ich pro Kilometer für das Motorrad?": "0,20 Euro",
    "Wie viele Arbeitstage im Jahr darf ich aus dem EU-Ausland arbeiten?": "20 Arbeitstagen",
    "Wie viele Urlaubstage habe ich im Jahr?": "30 Tage Urlaub",
    "Wann muss ich mich krankmelden?": "bis 9:00 Uhr",
    "Unter welcher Adresse erreiche ich die Datenschutzbeauftragte?": "dsb@brachvogel.example",
    "Wie lange vorher muss ich eine Auslandsreise beantragen?": "drei Wochen vorher",
}
UNANSWERED = [
    "Darf ich meinen Hund ins Büro mitbringen?",
    "Wer gewinnt die Bundesliga?",
    "Wie hoch ist das Weihnachtsgeld?",
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
    assert len(missed) <= 1, missed
    assert len(wrong) <= 2, wrong
    assert len(invented) <= 1, invented
    assert not {*SURE, "Darf ich meinen Hund ins Büro mitbringen?"} & {*missed, *wrong, *invented}
