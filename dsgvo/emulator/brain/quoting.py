"""Answering a question with the sentences of a context that fit it."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dsgvo.emulator.brain.asked import fits_kind
from dsgvo.emulator.brain.lexicon import word_set
from dsgvo.emulator.brain.passages import Passage
from dsgvo.emulator.brain.statements import Statement
from dsgvo.emulator.brain.text import (
    alike,
    fold,
    is_common_word,
    is_english,
    stem,
    terms,
    words,
)

_FITS = 0.45
_MOST_SENTENCES = 3
_MOST_ITEMS = 8
_NEARLY_BEST = 0.9
_NOUNS, _COMMON, _LEAST = 1.5, 0.5, 0.2
# Words around a sentence say what it is about: its heading, the sentence before, its lead-in.
_HEADING, _BEFORE, _LEAD = 0.55, 0.4, 0.8
_QUESTION, _TITLE = 0.4, 0.7
# A noun of the question that a passage does not know, or none: the answer is probably about
# something else.
_MISSED, _STRANGE = 0.8, 0.75
# German writes nouns with a capital letter; the first word of a sentence has one anyway.
_NOUN = re.compile(r"(?<=[^.!?\s] )[A-ZÄÖÜ]\w{2,}")
# Sentences that begin so go on from the one before.
_REFERS = re.compile(
    r"(?:(?:Er|Es|Ihm|Ihnen|Dies|Dazu|Dafür|Damit|Darin|Dabei|Danach|Darauf|Dort|Dieser|Diese"
    r"|Dieses|They|It|This|These|That|Then)\b|(?:Sie|Ihr) (?:ist|sind|wird|werden|hat|haben|kann"
    r"|können|dauert|gilt|gelten|muss|müssen|nennen|nennt|umfasst)\b)"
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
    """Return the fitting sentences of the context, in its order; none if nothing fits.

    They can be understood by themselves: an item of a list comes with its lead-in, a lead-in with
    its items, and a sentence that begins with "they" with the one before.
    """
    ranked = rank(question, context)
    if not ranked or ranked[0].score < _FITS:
        return []
    best = ranked[0].score
    chosen = [quote for quote in ranked if quote.score >= max(_FITS, best * _NEARLY_BEST)]
    unique = list(
        {fold(quote.text): quote for quote in reversed(chosen[: _MOST_SENTENCES * 2])}.values()
    )
    unique.sort(key=lambda quote: -quote.score)
    places = sorted(quote.place for quote in unique[:_MOST_SENTENCES])
    return _whole(places, sorted(ranked, key=lambda quote: quote.place), _statements(context))


def rank(question: str, context: Sequence[Passage]) -> list[Quote]:
    """Return all sentences of the context, the best first."""
    wanted = terms(question) or words(question)
    found = _statements(context)
    if not wanted or not found:
        return []
    bags = [frozenset(words(one.text)) for _, _, one in found]
    nouns = frozenset(fold(noun) for noun in _NOUN.findall(question))
    weights = _weights(wanted, nouns, bags)
    telling = [noun for noun in nouns & weights.keys() if not is_common_word(noun)]
    trust = _trust(telling, context)
    asked = fold(question)
    headings = {one.heading for _, _, one in found}
    ranked: list[Quote] = []
    for place, (passage, first, one) in enumerate(found):
        around = [
            (_HEADING, frozenset(words(f"{passage.title} {one.heading}"))),
            (_BEFORE, bags[place - 1] if place > first else frozenset[str]()),
            (_LEAD, bags[first + one.lead] if one.lead is not None else frozenset[str]()),
        ]
        score = trust[first] * _covered(weights, bags[place], around)
        score = fits_kind(asked, one.text, score)
        score *= _QUESTION if one.text.endswith("?") else _TITLE if one.text in headings else 1.0
        ranked.append(Quote(_plain(one.text), passage.marker, score, place))
    return sorted(ranked, key=lambda quote: -quote.score)


def say(found: Sequence[Quote]) -> str:
    """Write quotes as an answer, with the numbers of their passages."""
    parts: list[str] = []
    for position, quote in enumerate(found):
        following = found[position + 1].marker if position + 1 < len(found) else ""
        text = quote.text if re.search(r"[.!?:…,;]$", quote.text) else quote.text + "."
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


Said = tuple[Passage, int, Statement]
"""A statement, its passage, and the place of the passage's first statement."""


def _statements(context: Sequence[Passage]) -> list[Said]:
    found: list[Said] = []
    for passage in context:
        first = len(found)
        found += [(passage, first, one) for one in passage.statements]
    return found


def _whole(places: Sequence[int], quoted: Sequence[Quote], said: Sequence[Said]) -> list[Quote]:
    """Add to chosen sentences what they cannot be understood without."""
    leads = {
        at: first + one.lead for at, (_, first, one) in enumerate(said) if one.lead is not None
    }
    wanted = set(places)
    for place in places:
        _, first, one = said[place]
        lead = leads.get(place)
        if lead is not None and said[lead][2].text.endswith(":"):
            wanted.add(lead)
        elif place > first and _REFERS.match(one.text) and said[place - 1][2].text != one.heading:
            wanted.add(place - 1)
        items = [at for at, above in leads.items() if above == place]
        if not wanted.intersection(items):
            wanted.update(items[:_MOST_ITEMS])
    return [quoted[place] for place in sorted(wanted)]


def _weights(
    wanted: Sequence[str], nouns: frozenset[str], bags: Sequence[frozenset[str]]
) -> dict[str, float]:
    """Weigh each word of the question: rare words, long words and nouns say most."""
    weights: dict[str, float] = {}
    for term in wanted:
        seen = sum(any(alike(term, word) >= 0.7 for word in bag) for bag in bags)
        rarity = math.log(1 + (len(bags) + 1) / (max(seen, 1) + 0.5))
        kind = _NOUNS if term in nouns else 1.0
        kind *= _LEAST if term in _WEAK else _COMMON if is_common_word(term) else 1.0
        weights[term] = rarity * kind * min(len(term), 12) ** 0.5
    return weights


def _covered(
    weights: dict[str, float],
    bag: frozenset[str],
    around: Sequence[tuple[float, frozenset[str]]],
) -> float:
    """Return the share of the question that a sentence covers, itself or by what is around it."""
    total = sum(weights.values())
    own = 0.0
    for term, weight in weights.items():
        near = (share * _closest(term, others) for share, others in around)
        own += weight * max(_closest(term, bag), _parts(term, bag), *near)
    return own / total


def _closest(term: str, bag: frozenset[str]) -> float:
    return max((alike(term, word) for word in bag), default=0.0)


def _trust(nouns: Sequence[str], context: Sequence[Passage]) -> dict[int, float]:
    """Tell how far each passage is to be trusted, by the place of its first statement."""
    trust: dict[int, float] = {}
    known: list[int] = []
    place = 0
    for passage in context:
        said = [f"{one.heading} {one.text}" for one in passage.statements]
        bag = frozenset(words(" ".join([passage.title, *said])))
        here = [at for at, noun in enumerate(nouns) if _is_known(noun, bag)]
        trust[place] = _MISSED ** (len(nouns) - len(here))
        known += here
        place += len(said)
    strange = len(nouns) - len(set(known))
    return {first: one * _STRANGE**strange for first, one in trust.items()}


def _is_known(noun: str, bag: frozenset[str]) -> bool:
    """Tell whether a noun, or a compound that begins with it, is among words."""
    return _closest(noun, bag) >= 0.65 or any(word.startswith(noun) for word in bag)


def _parts(term: str, bag: frozenset[str]) -> float:
    """Find a compound in its parts: ``Urlaubstage`` in "30 Tage Urlaub"."""
    if len(term) < 8:
        return 0.0
    ending = stem(term)
    starts = any(term.startswith(stem(word)) for word in bag if len(word) >= 4)
    ends = any(term.endswith(word) or ending.endswith(stem(word)) for word in bag if len(word) >= 4)
    return 0.97 if starts and ends else 0.0


def _plain(sentence: str) -> str:
    return re.sub(r"\s+", " ", sentence.replace("**", "")).strip()
