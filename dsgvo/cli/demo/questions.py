"""What the demo asks, and the words in which models are told how to answer."""

from __future__ import annotations

from collections.abc import Sequence

from dsgvo.cli.demo.sections import Section

__all__ = [
    "AGENT_PROMPT",
    "AGENT_QUESTION",
    "ANSWER_PROMPT",
    "FOLLOW_UP",
    "NOT_FOUND",
    "QUESTIONS",
    "about_headings",
]

NOT_FOUND = "Dazu steht nichts in den Unterlagen."

ANSWER_PROMPT = f"""\
Du beantwortest Fragen allein aus den Fundstellen, die dir gegeben werden, kurz und genau.
Schreibe hinter jede Aussage die Nummer ihrer Fundstelle in eckigen Klammern, zum Beispiel [2].
Antworte in der Sprache der Frage.
Wenn die Fundstellen die Frage nicht beantworten, antworte nur: „{NOT_FOUND}“"""

AGENT_PROMPT = """\
Du hilfst Beschäftigten. Rechne nicht selbst und rate nicht: Verwende die Werkzeuge."""

QUESTIONS = (
    "Innerhalb welcher Frist muss ich eine Datenpanne intern melden?",
    "Wie lang muss ein Passwort sein?",
    "Wie hoch ist die Kilometerpauschale für das eigene Auto?",
    "An wie vielen Tagen in der Woche ist mobiles Arbeiten möglich?",
    "Darf ich meinen Hund ins Büro mitbringen?",  # the handbook says nothing about it
)

FOLLOW_UP = "Und an welche Nummer geht die Meldung?"
"""After the first of the questions, for frameworks with a chat engine."""

AGENT_QUESTION = (
    "Ich fahre vier Tage mit dem eigenen Auto auf Dienstreise im Inland, insgesamt 420 Kilometer, "
    "ohne gestellte Mahlzeiten. Wie viel bekomme ich erstattet?"
)


def about_headings(sections: Sequence[Section], count: int = 3) -> list[str]:
    """Make questions for documents that nobody here knows, out of their own headings.

    Args:
        sections: What was read.
        count: How many questions at most.

    Returns:
        Questions about headings spread over the documents; about the file if there are none.
    """
    titled = [one for one in sections if one.title and len(one.text) > 200] or list(sections)
    step = max(1, len(titled) // count)
    chosen = titled[step // 2 :: step][:count]
    topics = [one.heading.lstrip("0123456789. ") or one.file for one in chosen]
    return [f"Was steht in den Unterlagen zu „{topic}“?" for topic in dict.fromkeys(topics)]
