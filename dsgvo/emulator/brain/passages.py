"""Finding the passages and the question in a prompt."""

import re
from dataclasses import dataclass

from dsgvo.emulator.brain.asks import Ask
from dsgvo.emulator.brain.statements import Statement, add_statements

_QUESTION = re.compile(
    r"^[ \t>#*]*(?:(?:user |original |latest |input |search )?(?:query|question)|(?:benutzer)?frage"
    r"|follow up (?:input|question)|anfrage|aufgabe)[*]*[ \t]*(?:ist|lautet|is"
    r"|of the user)?[ \t]*:[*]*[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER = re.compile(
    r"^[ \t>#*]*(?:(?:helpful |final |new |refined |hilfreiche )?(?:answer|response)|antwort"
    r"|original answer)"
    r"[*]*[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_ABOUT_CONTEXT = (
    r"context|kontext|unterlagen|dokument\w*|documents?|sources?|quellen|auszüge|ausschnitte"
    r"|passagen"
    r"|passages|excerpts|abschnitte|textstellen|fundstellen|informationen|information|material"
)
_OPENING = re.compile(
    rf"^(?!.*\?\s*$)(?=.*\b(?:{_ABOUT_CONTEXT})\b)[^\n]*(?::|below\.?|follow\.?)[*]*[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_INLINE = re.compile(
    r"^[ \t>#*]*(?:new )?(?:context|kontext|unterlagen|dokumente|quellen"
    r"|passages?)[*]*[ \t]*:[*]*[ \t]*(?=\S)",
    re.IGNORECASE | re.MULTILINE,
)
_RULE = re.compile(r"^[ \t]*(?:-{4,}|={4,}|_{4,}|\*{4,}|`{3,}\w*|\"{3})[ \t]*$", re.MULTILINE)
_TAGGED = re.compile(
    r"<(context|kontext|documents?|dokumente?|unterlagen|quellen|sources?"
    r"|passages?)\b[^>]*>(.*)</\1>",
    re.IGNORECASE | re.DOTALL,
)
_MARKER = re.compile(
    r"^[ \t]*(?:\[(?P<a>\d+)\]:?|\((?P<b>\d+)\)"
    r"|(?:source|quelle|document|dokument|doc|passage|abschnitt|auszug|fundstelle"
    r"|treffer)[ \t]+(?P<c>\d+)\b[ \t]*[:.)]?"
    r"|<(?:document|dokument|source|quelle|passage)\b[^>]*?(?:id|index|nr"
    r"|n)=[\"']?(?P<d>\d+)[\"']?[^>]*>)[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_META = re.compile(
    r"^[ \t]*[\w ]{2,24}:[ \t]+\S[^\n]*(?<![.!?])[ \t]*$|^[ \t]*[\w./\\-]+\.(?:md|txt|pdf|html?"
    r"|docx)\b[^\n]*$"
)
_HEADING = re.compile(r"^[ \t]*#+[ \t]*(.+?)[ \t]*#*$")
_LONG = 280


@dataclass(frozen=True)
class Passage:
    """A piece of the context.

    Args:
        marker: Its number in the prompt, or empty.
        title: Heading, file name and the like: tells what it is about, and is not quoted.
        statements: What it says.
    """

    marker: str
    title: str
    statements: tuple[Statement, ...]


def question_of(text: str) -> str:
    """Return the question inside a prompt, or the whole text."""
    found = list(_QUESTION.finditer(text))
    if not found:
        rest = _without_context(text)
        return _RULE.sub("", _OPENING.sub("", rest)).strip() or rest.strip() or text.strip()
    tail = text[found[-1].end() :]
    ends = [
        match.start() for pattern in (_ANSWER, _RULE, _INLINE) if (match := pattern.search(tail))
    ]
    question = tail[: min(ends)] if ends else tail
    return question.split("\n\n\n")[0].strip() or text.strip()


def context_of(ask: Ask) -> str | None:
    """Return the context in the instructions and the last message of the user.

    Returns:
        None if there is none; an empty string if there is a place for it with nothing in it.
    """
    found = [_context(text) for text in (ask.system, ask.last_user)]
    parts = [part for part in found if part is not None]
    return "\n\n".join(parts) if parts else None


def passages(context: str) -> list[Passage]:
    """Split a context at its markers, or at blank lines if it has none."""
    context = re.sub(
        r"</?(?:context|kontext|documents|dokumente|quellen|sources)\b[^>]*>", "", context
    )
    markers = list(_MARKER.finditer(context))
    if not markers:
        return [_passage("", context)] if context.strip() else []
    ends = [marker.start() for marker in markers[1:]] + [len(context)]
    return [
        _passage(next(filter(None, marker.groups())), context[marker.end() : end])
        for marker, end in zip(markers, ends, strict=True)
    ]


def _passage(marker: str, text: str) -> Passage:
    text = re.sub(r"</?(?:document|dokument|source|quelle|passage)\b[^>]*>", "", text)
    titles: list[str] = []
    heading, body = "", ""
    found: list[Statement] = []
    lines = text.strip("\n").splitlines()
    for position, line in enumerate(lines):
        head = _HEADING.match(line)
        named = position == 0 and marker and len(lines) > 1 and not re.search(r"[.!?…]\s*$", line)
        if head or named or _META.match(line):
            add_statements(found, heading, body)
            body = ""
            titles.append(line.strip("# \t"))
            if head:
                heading = head[1]
        elif not _RULE.match(line):
            body += line + "\n"
    add_statements(found, heading, body)
    return Passage(marker, " ".join(titles), tuple(found))


def _context(text: str) -> str | None:
    tagged = _TAGGED.search(text)
    if tagged:
        return tagged[2]
    opening = _OPENING.search(text)
    inline = _INLINE.search(text)
    if opening or inline:
        match = min((one for one in (opening, inline) if one), key=lambda one: one.start())
        return _until_question(text[match.end() :])
    rules = list(_RULE.finditer(text))
    if len(rules) >= 2:
        return text[rules[0].end() : rules[-1].start()]
    if len(list(_MARKER.finditer(text))) >= 2:
        return _until_question(text[next(_MARKER.finditer(text)).start() :])
    question = next(iter(_QUESTION.finditer(text)), None)
    if question and question.start() > _LONG:
        return text[: question.start()]
    return None


def _until_question(text: str) -> str:
    """Cut what follows the passages: a closing rule, the question, or an instruction."""
    rules = list(_RULE.finditer(text))
    if len(rules) >= 2 and not text[: rules[0].start()].strip():
        return text[rules[0].end() : rules[1].start()]
    questions = list(_QUESTION.finditer(text))
    if questions:
        return text[: questions[-1].start()]
    instruction = re.search(
        r"^\s*(?:Instruction|Anweisung|Hinweis):.*", text, re.MULTILINE | re.DOTALL
    )
    return text[: instruction.start()] if instruction else text


def _without_context(text: str) -> str:
    text = _TAGGED.sub(" ", text)
    context = _context(text)
    return text.replace(context, " ") if context else text
