"""Answering a question with the sentences of a context that fit it."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dsgvo.emulator.brain.lexicon import word_set
from dsgvo.emulator.brain.passages import Passage
from dsgvo.emulator.brain.text import alike, fold, is_english, stem, terms, words

_FITS = 0.42
_MOST_SENTENCES = 3
_NEARLY_BEST = 0.8
_NOUNS = 1.5
# A noun of the question that no passage knows: the answer is probably about something else.
_STRANGE = 0.6
# German writes nouns with a capital letter; the first word of a sentence has one anyway.
_NOUN = re.compile(r"(?<=[^.!?\s] )[A-ZÄÖÜ]\w{2,}")
_QUANTITY = re.compile(
    r"\b(?:wie ?viele?|wie (?:hoch|lange?|oft|gross|weit|teuer)|wann|bis wann|ab wann"
    r"|how (?:many|much|long|often|high|far)"
    r"|when)\b"
)
_PERSON = re.compile(r"\b(?:wer|wem|wen|who|whom)\b")
_CONTACT = re.compile(
    r"@|\b(?:beauftragte|abteilung|stelle|team|leitung|service ?desk|hotline|frau|herr)"
)
_DIGIT = re.compile(
    r"\d|\b(?:ein|zwei|drei|vier|funf|sechs|sieben|acht|neun|zehn|zwolf|jahrlich|monatlich"
    r"|taglich)\b"
)
# Words that a question and any document share without meaning the same.
_WEAK = word_set(
    """
    schnell bald haufig teuer hoch lang lange viel oft gross weit firma unternehmen mitarbeiter
    heisst bedeutet genau frage dokument unterlagen handbuch context query information
    informationen steht sagt sagen gilt geht mache machst macht machen tun muss erhalte bekomme
    bekommen brauche
    """
)


@dataclass(frozen=True)
class Quote:
    """A sentence that fits.

    Args:
        text: The sentence.
        marker: Number of its passage, or empty.
        score: How well it fits, from 0 to about 1.3.
        place: Position in the context.
    """

    text: str
    marker: str
    score: float
    place: int


def quotes(question: str, context: Sequence[Passage]) -> list[Quote]:
    """Return the fitting sentences of the context, in its order; none if nothing fits."""
    ranked = rank(question, context)
    if not ranked or ranked[0].score < _FITS:
        return []
    best = ranked[0].score
    chosen = [quote for quote in ranked if quote.score >= max(_FITS, best * _NEARLY_BEST)]
    unique = list(
        {fold(quote.text): quote for quote in reversed(chosen[: _MOST_SENTENCES * 2])}.values()
    )
    unique.sort(key=lambda quote: -quote.score)
    return sorted(unique[:_MOST_SENTENCES], key=lambda quote: quote.place)


def rank(question: str, context: Sequence[Passage]) -> list[Quote]:
    """Return all sentences of the context, the best first."""
    wanted = terms(question) or words(question)
    found = [
        (passage, heading, sentence)
        for passage in context
        for heading, sentence in passage.sentences
    ]
    if not wanted or not found:
        return []
    bags = [frozenset(words(sentence)) for _, _, sentence in found]
    nouns = frozenset(fold(noun) for noun in _NOUN.findall(question))
    weights = _weights(wanted, nouns, bags)
    known = frozenset[str]().union(*bags, *(words(f"{p.title} {h}") for p, h, _ in found))
    trust = _STRANGE ** sum(
        max((alike(noun, word) for word in known), default=0.0) < 0.65
        for noun in nouns & weights.keys()
    )
    asked = fold(question)
    ranked: list[Quote] = []
    for place, (passage, heading, sentence) in enumerate(found):
        about = frozenset(words(f"{passage.title} {heading}"))
        near = bags[place - 1] if place and found[place - 1][0] is passage else frozenset[str]()
        score = trust * _covered(weights, bags[place], about, near)
        if score:
            score += _expected(asked, fold(sentence)) * min(1.0, score * 2)
        ranked.append(Quote(_plain(sentence), passage.marker, score, place))
    return sorted(ranked, key=lambda quote: -quote.score)


def say(found: Sequence[Quote]) -> str:
    """Write quotes as an answer, with the numbers of their passages."""
    parts: list[str] = []
    for position, quote in enumerate(found):
        following = found[position + 1].marker if position + 1 < len(found) else ""
        text = quote.text if re.search(r"[.!?:…]$", quote.text) else quote.text + "."
        cite = f" [{quote.marker}]" if quote.marker and quote.marker != following else ""
        parts.append(text + cite)
    return " ".join(parts)


_PRESCRIBED = re.compile(r"[„“\"»«]([^„“”\"»«\n]{3,200})[“”\"«»]|(?<!\w)'([^'\n]{3,200})'(?!\w)")
_CONDITION = re.compile(
    r"\b(?:wenn|falls|sofern|sonst|andernfalls|if|otherwise|when|unless)\b", re.IGNORECASE
)
_NEGATION = re.compile(
    r"\b(?:nicht|nichts|kein\w*|not|no|none|don't|doesn't|cannot|can't|without|ohne|otherwise"
    r"|sonst|andernfalls)\b",
    re.IGNORECASE,
)


def unknown(question: str, instructions: str) -> str:
    """Return what to say when nothing fits: the prescribed sentence if there is one."""
    for sentence in re.split(r"\n|(?<=[.!?])\s+(?=[A-ZÄÖÜ])", instructions):
        prescribed = _PRESCRIBED.search(sentence)
        if prescribed and _CONDITION.search(sentence) and _NEGATION.search(sentence):
            return (prescribed[1] or prescribed[2]).strip()
    if is_english(question):
        return "The documents do not say anything about that."
    return "Dazu steht nichts in den Unterlagen."


def _weights(
    wanted: Sequence[str], nouns: frozenset[str], bags: Sequence[frozenset[str]]
) -> dict[str, float]:
    """Weigh each word of the question: rare words, long words and nouns say most."""
    weights: dict[str, float] = {}
    for term in wanted:
        seen = sum(any(alike(term, word) >= 0.7 for word in bag) for bag in bags)
        rarity = math.log(1 + (len(bags) + 1) / (seen + 0.5))
        weak = 0.25 if term in _WEAK else (_NOUNS if term in nouns else 1.0)
        weights[term] = rarity * weak * min(len(term), 12) ** 0.5
    return weights


def _covered(
    weights: dict[str, float], bag: frozenset[str], about: frozenset[str], near: frozenset[str]
) -> float:
    total = sum(weights.values())
    own = 0.0
    for term, weight in weights.items():
        inside = max(max((alike(term, word) for word in bag), default=0.0), _parts(term, bag))
        around = 0.55 * max((alike(term, word) for word in about), default=0.0)
        before = 0.45 * max((alike(term, word) for word in near), default=0.0)
        own += weight * max(inside, around, before)
    return own / total


def _parts(term: str, bag: frozenset[str]) -> float:
    """Find a compound in its parts: ``Urlaubstage`` in "30 Tage Urlaub"."""
    if len(term) < 8:
        return 0.0
    ending = stem(term)
    starts = any(term.startswith(stem(word)) for word in bag if len(word) >= 4)
    ends = any(term.endswith(word) or ending.endswith(stem(word)) for word in bag if len(word) >= 4)
    return 0.97 if starts and ends else 0.0


def _expected(question: str, sentence: str) -> float:
    """Favour sentences with the kind of thing that is asked for."""
    bonus = 0.0
    if _QUANTITY.search(question) and _DIGIT.search(sentence):
        bonus += 0.15
    if _PERSON.search(question) and _CONTACT.search(sentence):
        bonus += 0.12
    return bonus - (0.2 if sentence.endswith("?") else 0.0)


def _plain(sentence: str) -> str:
    return re.sub(r"\s+", " ", sentence.replace("**", "")).strip()
