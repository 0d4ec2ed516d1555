"""What the demo asks, the words in which models are told how to answer, and the agents' tool."""

from __future__ import annotations

import re

from dsgvo.cli.demo.documents import Library

__all__ = ["AGENT_PROMPT", "ANSWER_PROMPT", "NOT_FOUND", "about_headings", "reisekosten"]

NOT_FOUND = "Dazu steht nichts in den Unterlagen."

ANSWER_PROMPT = f"""\
Du beantwortest Fragen allein aus den Fundstellen, die dir gegeben werden, kurz und genau.
Schreibe hinter jede Aussage die Nummer ihrer Fundstelle in eckigen Klammern, zum Beispiel [2].
Antworte in der Sprache der Frage.
Wenn die Fundstellen die Frage nicht beantworten, antworte nur: „{NOT_FOUND}“"""

AGENT_PROMPT = "Du hilfst Beschäftigten. Rechne und rate nicht selbst: Verwende die Werkzeuge."

QUESTIONS = [
    "Innerhalb welcher Frist muss ich eine Datenpanne intern melden?",
    "Wie lang muss ein Passwort sein?",
    "Wie hoch ist die Kilometerpauschale für das eigene Auto?",
    "An wie vielen Tagen in der Woche ist mobiles Arbeiten möglich?",
    "Darf ich meinen Hund ins Büro mitbringen?",  # the handbook says nothing about it
]

FOLLOW_UP = "Und an welche Nummer geht die Meldung?"  # after the first, in a chat engine

AGENT_QUESTION = (
    "Ich fahre 4 Tage mit dem eigenen Auto auf Dienstreise im Inland, insgesamt 420 Kilometer, "
    "ohne gestellte Mahlzeiten. Wie viel bekomme ich erstattet?"
)


def about_headings(library: Library, count: int = 3) -> list[str]:
    """Make questions about headings spread over documents, or about files without any."""
    text = "\n".join(page.text for _, page in library)
    titles = re.findall(r"^#+ +(\w.*)", text, re.MULTILINE)
    topics = [title.rstrip(" #") for title in titles] or [
        library.name(path) for path in library.pages
    ]
    step = max(1, len(topics) // count)
    chosen = dict.fromkeys(topics[step // 2 :: step][:count])
    return [f"Was steht in den Unterlagen zu „{topic}“?" for topic in chosen]


def reisekosten(tage: int, kilometer: float) -> str:
    """Berechnet die Erstattung einer Dienstreise im Inland nach der Reiserichtlinie.

    Args:
        tage: Dauer der Reise in Kalendertagen, An- und Abreisetag eingeschlossen.
        kilometer: Mit dem eigenen Auto gefahrene Kilometer, 0 ohne eigenes Auto.

    Examples:
        >>> reisekosten(tage=4, kilometer=420)
        'Tagegeld 84,00 € + Kilometergeld 147,00 € = 231,00 €'
    """
    # A day trip counts as one day of more than eight hours, the policy's 14 euros.
    daily = 14.00 if tage < 2 else 2 * 14.00 + (tage - 2) * 28.00
    driving = kilometer * 0.35
    amounts = [f"{amount:.2f} €".replace(".", ",") for amount in (daily, driving, daily + driving)]
    return f"Tagegeld {amounts[0]} + Kilometergeld {amounts[1]} = {amounts[2]}"
