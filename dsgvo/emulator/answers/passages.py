"""Passages of a prompt, and the sentences of them that answer a question."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, cast

from bm25s import BM25  # pyright: ignore[reportMissingTypeStubs]

from dsgvo.emulator.answers.words import grams, is_english, stems

NOTHING = "Dazu steht nichts in den Unterlagen."
_ENGLISH_NOTHING = "The documents do not say anything about that."

_CONTEXT = (
    r"context|kontext|fundstellen?|unterlagen|dokumente?|documents?|quellen?|sources?|auszüge"
    r"|passagen?|passages?|excerpts?|sections?"
)
# A line that announces passages, up to its colon; never a question.
_OPENING = re.compile(
    rf"^(?![^\n]*\?[ \t]*$)[^\n:]*\b(?:{_CONTEXT})\b[^\n:]*(?::|$)", re.IGNORECASE | re.MULTILINE
)
_QUESTION = re.compile(
    r"^[ \t>#*]*(?:user |original )?(?:frage|question|query)[ \t*]*:[ \t*]*",
    re.IGNORECASE | re.MULTILINE,
)
_MARKER = re.compile(
    r"^[ \t]*(?:\[|(?:source|quelle|document|dokument|fundstelle) )(\d+)(?:\]:?|:)[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_FENCE = re.compile(r"^[ \t]*(?:[-=_*`]{3,}\w*|</?\w[^>\n]*>)[ \t]*$", re.MULTILINE)
_TABLE_RULE = re.compile(r"[|: -]{5,}$")
_FILE = re.compile(r"[\w ./-]+\.(?:md|txt|pdf|html?|docx)\b|[\w ]{2,24}: \S+$")
_ITEM = re.compile(r"(?:[-*•–]|\d+[.)])\s+")
_SHORT = 60
"""Characters that a heading has at most."""
# Not after an ordinal (3. Mai), an initial or the last part of "z. B.", or a usual abbreviation.
_SENTENCE_END = re.compile(
    r"(?<=[.!?…])(?<!\b\d\.)(?<!\b\d\d\.)(?<!\b\w\.)(?<!\b(?:Dr|Nr|ca|St)\.)"
    r"(?<!\b(?:bzw|vgl|Abs|Art|Str)\.)\s+"
)
# What asks for a number, and what is one.
_ASKS_NUMBER = re.compile(
    r"\b(?:wie ?(?:viel\w*|lang\w*|hoch|oft|gro(?:ß|ss)|schnell|weit|alt)|wann|\w*frist|kostet"
    r"|kosten|durchwahl|nummer|how (?:many|much|long|often|old|far|large|soon)|when)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|\b(?:ein(?:mal|e[mnr]?)? (?=woche|monat|jahr|tag|stunde)|zwei|drei|vier|fünf|sechs|sieben"
    r"|acht|neun|zehn|elf|zwölf|two|three|four|five|six|seven|eight|nine|ten|twelve)\b",
    re.IGNORECASE,
)
_FITS = 0.35
"""Share of the question that an answer must have in it, rare words counting more."""
_NEARLY = 0.8
"""Share of the best sentence's score from which a second one is an answer too."""


class Sentence(NamedTuple):
    """A sentence, an item of a list or a row of a table."""

    text: str
    around: str
    """Heading, lead-in and sentence above it: what it is about."""
    marker: str
    """Number of its passage, or empty."""


def split_prompt(instructions: str, text: str) -> tuple[str, list[Sentence] | None]:
    """Return the question in the user's text, and the sentences of the passages around it.

    The passages may be in the instructions, too. None: there is no place for any.
    """
    labels = list(_QUESTION.finditer(text))
    if labels:
        start, end = labels[-1].span()
        question = re.split(r"\n\s*\n|\n(?=[^\n]*:)", text[end:], maxsplit=1)[0]
        text = f"{text[:start]}\n{text[end + len(question) :]}"
    elif span := _context(text):
        # Nothing names it: it follows the passages, or stands before them.
        start, end = span
        if not text[end:].strip():
            end = max(0, text.rstrip().rfind("\n"))
        question, rest = _FENCE.sub("", text[end:]), text[:end]
        if end <= start or not question.strip().endswith("?"):
            question, rest = _FENCE.sub("", text[:start]), text
        text = rest
    else:
        question = text
    spans = [(part, span) for part in (instructions, text) if (span := _context(part))]
    context = "\n\n".join(part[start:end] for part, (start, end) in spans)
    return question.strip(), sentences(context) if spans else None


def _context(text: str) -> tuple[int, int] | None:
    """Return the span of the passages in a text, or None if there is no place for them."""
    opening, marker = _OPENING.search(text), _MARKER.search(text)
    if opening is None or (marker and marker.start() < opening.start()):
        return (marker.start(), len(text)) if marker else None
    start, end = opening.end(), len(text)
    fences = list(_FENCE.finditer(text, start))
    if fences and opening[0].startswith("<"):
        end = fences[-1].start()
    elif fences and not text[start : fences[0].start()].strip(" .\n"):
        start = fences[0].end()
        end = fences[-1].start() if len(fences) > 1 else end
    announced = opening[0].endswith(":") or text[start:end].strip()
    return (start, end) if announced else None


def sentences(context: str) -> list[Sentence]:
    """Return the sentences of a context; only those of its numbered passages if it has such."""
    parts = _MARKER.split(context)
    numbered = list(zip(parts[1::2], parts[2::2], strict=True)) or [("", context)]
    return [one for marker, text in numbered for one in _of_passage(marker, text)]


def _of_passage(marker: str, text: str) -> Iterator[Sentence]:
    heading = lead = ""
    for line in _lines(text):
        if line.startswith("#"):
            heading, lead = line, ""
        elif line.startswith("|") and not lead.startswith("|"):
            lead = line  # the names of a table's columns
        else:
            row = line.strip("| ").replace(" |", ",") if line.startswith("|") else line
            parts = _SENTENCE_END.split(re.sub(rf"\A{_ITEM.pattern}", "", row))
            said = [one for one in map(_plain, parts) if one]
            for before, part in pairwise(["", *said]):
                yield Sentence(part, f"{heading} {lead} {before}", marker)
            lead = line if line.endswith(":") else lead


def _plain(text: str) -> str:
    return " ".join(text.replace("**", "").split())


def _lines(text: str) -> list[str]:
    """Return headings, with ``#`` before them, rows, items and paragraphs, each as one line."""
    joined: list[str] = []
    for block in re.split(r"\n[ \t]*\n", _FENCE.sub("", text)):
        stripped = map(str.strip, block.splitlines())
        lines = [line for line in stripped if line and not _TABLE_RULE.match(line)]
        for at, (above, line) in enumerate(pairwise([".", *lines]), start=1):
            short = at < len(lines) and _is_title(line, above)
            if line.startswith("#") or _FILE.match(line) or short:
                joined.append(f"# {line.strip('#* ')}")
            elif at > 1 and joined[-1][0] not in "#|" and line[0] != "|" and not _ITEM.match(line):
                joined[-1] += f" {line}"
            else:
                joined.append(line)
    return joined


def _is_title(line: str, above: str) -> bool:
    """Tell whether a line is short and no sentence; one in the middle of a text is no title."""
    said = line[-1].isalnum() and above[-1] in ".!?"
    return said and len(line) < _SHORT and not _ITEM.match(line)


def fitting(question: str, found: Sequence[Sentence]) -> list[Sentence]:
    """Return the one or two sentences that fit a question best, in their order, if any fits."""
    english = is_english(question)
    wanted = {word: _terms([word]) for word in stems(question, english=english)}
    # What a sentence says counts twice, what it is about once.
    texts = (f"{one.around} {one.text} {one.text}" for one in found)
    documents = [_terms(stems(text, english=english)) for text in texts]
    bm25: Any = cast("Any", BM25)(b=0.5)  # half as much for length: a sentence says one thing
    if not wanted or not any(documents):
        return []
    bm25.index(documents, show_progress=False)
    known = [term for terms in wanted.values() for term in terms if term in bm25.vocab_dict]
    if not known:
        return []
    scores = bm25.get_scores(known).tolist()
    if _ASKS_NUMBER.search(question):
        scores = [
            score * (1 if _NUMBER.search(one.text) else 0.35)
            for score, one in zip(scores, found, strict=True)
        ]
    best = sorted(range(len(found)), key=lambda at: -scores[at])[:2]
    good = sorted(at for at in best if scores[at] >= _NEARLY * scores[best[0]])
    if max(_covered(wanted, documents, at) for at in good) < _FITS:
        return []
    return list({found[at].text: found[at] for at in good}.values())


def _covered(wanted: dict[str, list[str]], documents: Sequence[list[str]], at: int) -> float:
    """Return the share of the question's terms that a sentence has, rare ones counting more."""
    seen = Counter(term for one in documents for term in {*one})
    weights = [
        (term, math.log(1 + (len(documents) - seen[term] + 0.5) / (seen[term] + 0.5)) / len(terms))
        for terms in wanted.values()
        for term in terms
    ]
    here = {*documents[at]}
    return sum(weight for term, weight in weights if term in here) / sum(one for _, one in weights)


def cite(found: Sequence[Sentence], question: str) -> str:
    """Return sentences with the numbers of their passages; that there are none, if so."""
    cited = [f"{one.text} [{one.marker}]" if one.marker else one.text for one in found]
    return " ".join(cited) or (_ENGLISH_NOTHING if is_english(question) else NOTHING)


def _terms(words: Sequence[str]) -> list[str]:
    return [part for word in words for part in (word, *grams(word))]
