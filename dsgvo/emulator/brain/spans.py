"""Finding values in text: numbers, dates, quoted text, names, addresses."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dsgvo.emulator.brain.text import fold, is_stop_word

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "januar january jan",
            "februar february feb",
            "marz march mar",
            "april apr",
            "mai may",
            "juni june jun",
            "juli july jul",
            "august aug",
            "september sep sept",
            "oktober october okt oct",
            "november nov",
            "dezember december dez dec",
        ),
        start=1,
    )
    for name in names.split()
}
_NUMBER_WORDS = {
    word: number
    for number, names in enumerate(
        (
            "null zero",
            "eins one",
            "zwei two",
            "drei three",
            "vier four",
            "funf five",
            "sechs six",
            "sieben seven",
            "acht eight",
            "neun nine",
            "zehn ten",
            "elf eleven",
            "zwolf twelve",
        )
    )
    for word in names.split()
}
_NUMBER = re.compile(
    r"(?<![\w.,])[-+]?(?:\d{1,3}(?:[.]\d{3})+(?:,\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?"
    r"|\d+(?:[.,]\d+)?)(?![\w]*[A-Za-z_]\w*\()"
)
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?))?")
_GERMAN_DATE = re.compile(r"\b(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2})\b")
_NAMED_DATE = re.compile(r"\b(\d{1,2})\.?\s+([A-Za-zäÄ]{3,9})\.?\s+(\d{4})\b")
_ENGLISH_DATE = re.compile(r"\b([A-Z][a-z]{2,8})\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b")
_TIME = re.compile(
    r"\b([01]?\d|2[0-3])[:.]([0-5]\d)(?!\.?\d)(?:\s*Uhr)?|\b([01]?\d|2[0-3])\s*Uhr\b"
)
_QUOTED = re.compile(
    r"„([^„“”]+)[“”]|“([^“”]+)”|\"([^\"]+)\"|»([^»«]+)«|«([^»«]+)»|`([^`]+)`"
    r"|(?<!\w)'([^'\n]+)'(?!\w)|‚([^‚‘]+)‘"
)
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
URL = re.compile(r"https?://[^\s<>\"')\]]+")
UUID = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE
)
_NAME = re.compile(
    r"[^\W\d_a-zäöüß][\w'’-]*(?:(?:\s+(?:von|van|de|der|am|an der)\s+|\s+)[^\W\d_a-zäöüß][\w'’-]*)*"
    r"(?:,\s[A-Z]{2}\b)?"
)
_PREDICATE = re.compile(
    r"\s*(?:[,(:]|(?:ist|hat|war|wohnt|arbeitet|möchte|is|has|was|works|lives)\b)"
)
# What is said of people: "Anna ist 34", "Anna wohnt in Köln".
_PERSON = re.compile(
    r"\s+(?:(?:ist|war|wird|is|was|turns)\s+\d|(?:wohnt|arbeitet|möchte|lives|works)\b)"
)
_AMOUNT = re.compile(r"\d\s*$")


@dataclass(frozen=True)
class Span:
    """A value and its place in the text.

    Args:
        start: Where it begins.
        end: Where it ends.
        text: The value as text.
        number: The value as a number, if it is one.
    """

    start: int
    end: int
    text: str
    number: float | None = None


def numbers(text: str) -> list[Span]:
    """Return the numbers of a text, German and English, in order; those in dates are left out."""
    taken = [(span.start, span.end) for span in dates(text)]
    found = [
        Span(match.start(), match.end(), match[0], read_number(match[0]))
        for match in _NUMBER.finditer(text)
        if not any(start <= match.start() < end for start, end in taken)
    ]
    for match in re.finditer(r"[^\W\d_]+", text):
        value = _NUMBER_WORDS.get(fold(match[0]))
        if value is not None:
            found.append(Span(match.start(), match.end(), match[0], float(value)))
    return sorted(found, key=lambda span: span.start)


def read_number(text: str) -> float:
    """Read a number as German or English write it: ``1.234,5``, ``1,234.5``, ``3,5``, ``3.5``."""
    if re.fullmatch(r"[-+]?\d{1,3}(?:\.\d{3})+(?:,\d+)?", text):
        return float(text.replace(".", "").replace(",", "."))
    if re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        return float(text.replace(",", ""))
    return float(text.replace(",", "."))


def dates(text: str) -> list[Span]:
    """Return the dates of a text as ISO dates, in order."""
    found = [*_numeric_dates(text), *_named_dates(text)]
    return sorted(found, key=lambda span: span.start)


def _numeric_dates(text: str) -> Iterator[Span]:
    for match in _ISO.finditer(text):
        yield from _date(match, match[1], match[2], match[3])
    for match in _GERMAN_DATE.finditer(text):
        year = match[3] if len(match[3]) == 4 else f"20{match[3]}"
        yield from _date(match, year, match[2], match[1])


def _named_dates(text: str) -> Iterator[Span]:
    for pattern, day, month in ((_NAMED_DATE, 1, 2), (_ENGLISH_DATE, 2, 1)):
        for match in pattern.finditer(text):
            number = _MONTHS.get(fold(match[month]))
            if number:
                yield from _date(match, match[3], str(number), match[day])


def _date(match: re.Match[str], year: str, month: str, day: str) -> Iterator[Span]:
    if 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
        iso = f"{int(year):04d}-{int(month):02d}-{int(day):02d}"
        yield Span(match.start(), match.end(), iso)


def times(text: str) -> list[Span]:
    """Return the times of day of a text as ``HH:MM:SS``."""
    covered = [(span.start, span.end) for span in _numeric_dates(text)]
    return [
        Span(match.start(), match.end(), f"{int(match[1] or match[3]):02d}:{match[2] or '00'}:00")
        for match in _TIME.finditer(text)
        if not any(start <= match.start() < end for start, end in covered)
    ]


def quoted(text: str) -> list[Span]:
    """Return what stands in quotation marks, without them."""
    return [
        Span(match.start(), match.end(), next(filter(None, match.groups())).strip())
        for match in _QUOTED.finditer(text)
    ]


def names(text: str) -> list[Span]:
    """Return runs of words with a capital letter, without those that open a sentence by habit."""
    found: list[Span] = []
    for match in _NAME.finditer(text):
        start, value = match.start(), match[0]
        opens = not text[:start].strip() or re.search(r"[.!?:]\s*$", text[:start]) is not None
        first = re.split(r"\s", value)[0]
        said = _PREDICATE if len(value) > len(first) else _PERSON
        subject = said.match(text, match.end())
        counted = _AMOUNT.search(text[:start])  # "34 Jahre": a unit
        if is_stop_word(fold(first)) or counted or (opens and not subject):
            value = value[len(first) :].lstrip()
            start = match.end() - len(value)
        if value:
            found.append(Span(start, match.end(), value))
    return found
