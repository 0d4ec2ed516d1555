"""Passages of a prompt, and the sentences of them that answer a question."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from bm25s import BM25  # pyright: ignore[reportMissingTypeStubs]

from dsgvo.emulator.answers.words import grams, is_english, stems

NOTHING = {
    False: "Dazu steht nichts in den Unterlagen.",
    True: "The documents do not say anything about that.",
}
"""What to say when nothing fits, by whether the question is English."""

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
_ITEM = re.compile(r"\A(?:[-*•–]|\d+[.)])\s+")
_NEW_LINE = re.compile(r"(?:[-*•–]|\d+[.)])\s+|\|")
_SHORT = 60
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
_AROUND, _OFF_KIND = 0.7, 0.5
_FITS = 0.42
_NEARLY = 0.85
_MOST_SENTENCES = 2


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
        rest = f"{text[:start]}\n{text[end + len(question) :]}"
    else:
        question, rest = _unlabelled(text)
    spans = [(part, span) for part in (instructions, rest) if (span := _context(part))]
    context = "\n\n".join(part[start:end] for part, (start, end) in spans)
    return question.strip(), sentences(context) if spans else None


def _unlabelled(text: str) -> tuple[str, str]:
    """Find a question that nothing names: it follows the passages, or stands before them."""
    span = _context(text)
    if span is None:
        return text, text
    start, end = span
    if not text[end:].strip():
        end = max(text.rstrip().rfind("\n\n"), text.rstrip().rfind("\n")) + 1
    question = _FENCE.sub("", text[end:])
    if end > start and question.strip().endswith("?"):
        return question, text[:end]
    return _FENCE.sub("", text[:start]), text


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


def _of_passage(marker: str, text: str) -> list[Sentence]:
    found: list[Sentence] = []
    heading = lead = before = ""
    for block in re.split(r"\n[ \t]*\n", text):
        joined: list[list[str]] = []
        lines = [line.strip() for line in _FENCE.sub("", block).strip().splitlines()]
        lines = [line for line in lines if line and not _TABLE_RULE.match(line)]
        for at, line in enumerate(lines):
            if _is_heading(lines, at):
                joined.append([f"# {line.strip('#* ')}"])
            elif at and not _NEW_LINE.match(line) and joined[-1][0][0] not in "#|":
                joined[-1].append(line)
            else:
                joined.append([line])
        for line in map(" ".join, joined):
            if line.startswith("#"):
                heading, lead = line, ""
                continue
            if line.startswith("|") and not lead.startswith("|"):
                lead = line  # the names of a table's columns
                continue
            row = line.strip("| ").replace(" |", ",") if line.startswith("|") else line
            before = ""
            for part in _SENTENCE_END.split(_ITEM.sub("", row, count=1)):
                if said := " ".join(part.replace("**", "").split()):
                    found.append(Sentence(said, f"{heading} {lead} {before}", marker))
                    before = part
            lead = line if line.endswith(":") else lead
    return found


def _is_heading(lines: Sequence[str], at: int) -> bool:
    """Tell a heading by its marks, or because it is short and does not end as a sentence does."""
    line, above = lines[at], lines[at - 1] if at else "."
    short = len(line) < _SHORT and line[-1:].isalnum() and above[-1:] in ".!?"
    titles = short and at + 1 < len(lines) and not line.startswith(("-", "*", "•"))
    return line.startswith("#") or bool(_FILE.match(line)) or titles


def fitting(question: str, found: Sequence[Sentence]) -> list[Sentence]:
    """Return the sentences that fit a question best, in their order; none if none fits."""
    english = is_english(question)
    wanted = stems(question, english=english)
    if not wanted or not found:
        return []
    own = [_terms(stems(one.text, english=english)) for one in found]
    around = [_terms(stems(one.around, english=english)) for one in found]
    pairs = zip(_scores(wanted, own), _scores(wanted, around), strict=True)
    scores = [here + _AROUND * there for here, there in pairs]
    if _ASKS_NUMBER.search(question):
        fits = (1.0 if _NUMBER.search(one.text) else _OFF_KIND for one in found)
        scores = [score * fit for score, fit in zip(scores, fits, strict=True)]
    good = [at for at, score in enumerate(scores) if score >= _NEARLY * max(scores)]
    good = sorted(good, key=lambda at: -scores[at])[:_MOST_SENTENCES]
    covered = max(_covered(wanted, own, {*own[at], *around[at]}) for at in good)
    chosen = sorted({found[at].text: at for at in good}.values())
    return [found[at] for at in chosen] if covered >= _FITS else []


def cite(found: Sequence[Sentence], question: str) -> str:
    """Return sentences with the numbers of their passages; that there are none, if so."""
    cited = [f"{one.text} [{one.marker}]" if one.marker else one.text for one in found]
    return " ".join(cited) or NOTHING[is_english(question)]


def _terms(words: Sequence[str]) -> list[str]:
    return [part for word in words for part in (word, *grams(word))]


def _scores(wanted: Sequence[str], documents: Sequence[list[str]]) -> list[float]:
    bm25 = cast("Any", BM25)(method="lucene", k1=1.2, b=0.5)
    if any(documents):
        bm25.index(list(documents), show_progress=False)
        known = [term for term in _terms(wanted) if term in bm25.vocab_dict]
        if known:
            return bm25.get_scores(known).tolist()
    return [0.0] * len(documents)


def _covered(wanted: Sequence[str], documents: Sequence[list[str]], found: set[str]) -> float:
    """Return the share of the question's terms that were found, rare ones counting more."""
    seen = Counter(term for one in documents for term in set(one))
    total = got = 0.0
    for word in set(wanted):
        parts = _terms([word])
        for part in parts:
            rarity = math.log(1 + (len(documents) - seen[part] + 0.5) / (seen[part] + 0.5))
            total += rarity / len(parts)
            got += rarity / len(parts) if part in found else 0.0
    return got / total if total else 0.0
