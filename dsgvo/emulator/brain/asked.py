"""What kind of thing a question asks for, a number, a name or a day, and whether it is there."""

import re

from dsgvo.emulator.brain.text import alike, fold, words

_NUMBER = (
    r"(?:\d[\d.,:/]*|(?:ein|zwei|drei|vier|funf|sechs|sieben|acht|neun|zehn|elf|zwolf|funfzehn"
    r"|zwanzig|dreissig|hundert\w*|tausend\w*|one|two|three|four|five|six|seven|eight|nine|ten"
    r"|twelve))"
)
_SPAN = (
    r"(?:sekunden?|minuten?|stunden?|tage?n?|werktage?n?|arbeitstage?n?|kalendertage?n?|wochen?"
    r"|monate?n?s?|quartale?n?|jahre?n?s?|seconds?|minutes?|hours?|days?|weeks?|months?|years?)"
)
_COUNT = rf"(?<!\w){_NUMBER}(?!\w)(?<!\bein)"
_DAY = (
    rf"\d|\b(?:{_SPAN}|januar|februar|marz|april|mai|juni|juli|august|september|oktober|november"
    r"|dezember|\w*tags?|morgens|abends|nachts|mittags|uhr|ende|beginn|anfang|sobald|sofort"
    r"|after|before|until|january|february|march|may|june|july|october|december|\w+day)\b"
)
_OFTEN = (
    r"\w*mal\b|\w*jahrlich\w*|\w*monatlich\w*|\w*wochentlich\w*|\w*taglich\w*|\w*stundlich\w*"
    rf"|\b(?:alle|aller|jede[nrms]?|every|each|once|twice|regelmassig|immer|nie)\b|{_NUMBER}\s+mal"
)
_QUANTITY = (
    r"\bwie ?viele?\b|\bwie (?:hoch|lang|gross|weit|teuer|schwer|alt)|\bwas kostet\b"
    r"|\bwelche[mnr] (?:betrag|hohe|summe|anzahl)"
    r"|\bhow (?:many|much|high|far|big|large|old)\b"
)
_WHO = (
    r"@|\b(?:\w*beauftragte\w*|\w*abteilung|\w*stelle|\w*team|\w*leitung|service ?desk"
    r"|hotline|frau|herr|dr)\b"
)
_KINDS = tuple(
    (re.compile(asked), re.compile(said))
    for asked, said in (
        (r"\bwie ?(?:lange|schnell)\b|\bhow (?:long|soon)\b|\bfrist\b", rf"{_COUNT}|\b{_SPAN}\b"),
        (r"\bwie ?(?:oft|haufig)\b|\bhow often\b", _OFTEN),
        (r"\bwelche[ms] jahr\b|\b(?:what|which) year\b", r"\b(?:1[5-9]|20)\d\d\b"),
        (r"\bwann\b|\bwhen\b", _DAY),
        (_QUANTITY, _COUNT),
        (r"\b(?:wer|wem|wen|who|whom)\b", _WHO),
    )
)
_NAMED = re.compile(r"\bwie heiss(?:t|en)\b|\bwhat is (?:the|its) name\b|\bwhat is \w+ called\b")
_NAME = re.compile(
    r"[„“\"»«”‚‘]|\b(?:heißt|heißen|genannt|nennt|namens|Name|Codename|called|named|Frau|Herr|Dr)\b"
    r"|#\w"
)
_COUNTED = re.compile(r"\bwie ?viele? (\w+)|\bhow (?:many|much) (\w+)")
_NEAR = 3
_HAS, _ATTACHED = 0.15, 0.1
_LACKS, _NAMELESS = 0.72, 0.4


def fits_kind(question: str, sentence: str, score: float) -> float:
    """Weigh a score by whether a sentence has the kind of thing that a question asks for.

    Args:
        question: The question, folded.
        sentence: The sentence.
        score: How well the words of the sentence fit.

    Returns:
        More for a sentence with such a thing, most if it belongs to what is counted; less for one
        without.
    """
    sure = min(1.0, score * 2)
    folded = fold(sentence)
    if _NAMED.search(question):
        return score + _HAS * sure if _NAME.search(sentence) else score * _NAMELESS
    for asked, said in _KINDS:
        if asked.search(question):
            if not said.search(folded):
                return score * _LACKS
            return score + (_HAS + _ATTACHED * _is_counted(question, folded)) * sure
    return score


def _is_counted(question: str, sentence: str) -> bool:
    """Tell whether a number of the sentence counts what the question asks to be counted."""
    asked = _COUNTED.search(question)
    if not asked:
        return False
    thing = asked[1] or asked[2]
    return any(
        any(alike(thing, word) >= 0.7 for word in words(sentence[number.end() :])[:_NEAR])
        for number in re.finditer(_COUNT, sentence)
    )
