"""Small answers that need no documents: repeating, sums, what was said before, and who this is."""

import re
from collections.abc import Callable

from dsgvo.emulator.brain.asks import Ask
from dsgvo.emulator.brain.passages import Passage
from dsgvo.emulator.brain.quoting import quotes
from dsgvo.emulator.brain.spans import read_number
from dsgvo.emulator.brain.statements import Statement
from dsgvo.emulator.brain.text import is_english, sentences, terms

_REPEAT = re.compile(
    r"^(?:bitte\s+|please\s+)?(?:sag(?:e|\s+mir)?|wiederhole|schreib(?:e)?|antworte|gib|say"
    r"|repeat|reply|respond|answer|write|echo)"
    r"(?:\s+(?:nur|genau|bitte|just|only|exactly|back|after me|das wort|den satz|den text"
    r"|the word|the words|mit|with|einfach|folgendes|wörtlich|zurück))*"
    r"(?P<colon>\s*:)?\s+(?P<what>.+?)\s*$",
    re.IGNORECASE | re.DOTALL,
)
_WRAPPED = re.compile(r"^[„“\"'»«`](.+)[“”\"'«»`][.!]?$", re.DOTALL)
_SUM = re.compile(
    r"(?<![\w.,])(-?\d+(?:[.,]\d+)?)\s*([-+*×·/÷]|plus|minus|mal"
    r"|times)\s*(-?\d+(?:[.,]\d+)?)(?![\w.,]*\d)"
)
_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "plus": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "minus": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "×": lambda a, b: a * b,
    "·": lambda a, b: a * b,
    "mal": lambda a, b: a * b,
    "times": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "÷": lambda a, b: a / b,
}
_MY_NAME = re.compile(
    r"\b(?i:ich heiße|ich heisse|mein name ist|my name is|i am called|call me|nenn mich|ich bin"
    r"|i am|i'm)\s+([A-ZÄÖÜ][\w-]*(?:\s+[A-ZÄÖÜ][\w-]+)*)"
)
_WHO_AM_I = re.compile(
    r"\bwie heiße ich\b|\bwie heisse ich\b|\bmein(?:en)? name[n]?\b.*\?|\bwer bin ich\b"
    r"|\bmy name\b.*\?|\bwho am i\b",
    re.IGNORECASE,
)
_ABOUT_ME = re.compile(r"\b(?:ich|mein\w*|mir|mich|i|my|me|we|wir|unser\w*|our)\b", re.IGNORECASE)
_QUOTE_LENGTH = 120


def repeat(text: str) -> str | None:
    """Return what the user wants to be said, word for word."""
    match = _REPEAT.match(text.strip())
    if not match:
        return None
    what = match["what"].strip()
    wrapped = _WRAPPED.match(what)
    if wrapped:
        return wrapped[1]
    asked = re.match(
        r"(?:bitte\s+|please\s+)?(?:sage?|wiederhole|say|repeat|echo)\b(?!\s+(?:mir|me)\b)",
        text,
        re.IGNORECASE,
    )
    return what if match["colon"] or (asked and len(what) < 200) else None


def add_up(text: str) -> str | None:
    """Return the result of a sum in the text."""
    match = _SUM.search(text)
    if not match:
        return None
    first, second = read_number(match[1]), read_number(match[3])
    if match[2] in "/÷" and second == 0:
        return None
    result = _OPERATIONS[match[2].lower()](first, second)
    shown = str(int(result)) if result == int(result) else f"{result:.10g}"
    if not is_english(text):
        shown = shown.replace(".", ",")
    return f"{match[1]} {match[2]} {match[3]} = {shown}"


def remembered(ask: Ask) -> str | None:
    """Answer from what the user said earlier in the conversation."""
    users = [message.text for message in ask.messages if message.role == "user"]
    question, earlier = ask.last_user, users[:-1]
    if not earlier or not _ABOUT_ME.search(question):
        return None
    english = is_english(question)
    if _WHO_AM_I.search(question):
        named = [match for text in earlier for match in _MY_NAME.finditer(text)]
        if named:
            name = named[-1][1]
            return f"Your name is {name}." if english else f"Du heißt {name}."
    told = [one for text in earlier for one in sentences(text) if not one.endswith("?")]
    found = quotes(question, [Passage("", "", tuple(Statement("", one) for one in told))])
    if not found or not terms(question):
        return None
    said = found[-1].text
    return f"You said: “{said}”" if english else f"Du hast gesagt: „{said}“"


def introduce(ask: Ask) -> str:
    """Say what this is, and quote the question."""
    question = " ".join(ask.last_user.split())
    short = question if len(question) <= _QUOTE_LENGTH else question[:_QUOTE_LENGTH].rstrip() + " …"
    links = [link for message in ask.messages if message.role == "user" for link in message.links]
    if is_english(question):
        seen = (
            f" There are {len(links)} linked or attached files, which I cannot look at."
            if links
            else ""
        )
        asked = f" You wrote: “{short}”" if short else ""
        return (
            f"I am the local emulator of {ask.vendor}, without a language model: I answer from the "
            f"documents, tools and schemas of a request.{seen}{asked}"
        )
    seen = (
        f" Angehängt oder verlinkt: {len(links)} Datei(en), die ich nicht ansehen kann."
        if links
        else ""
    )
    asked = f" Du schreibst: „{short}“" if short else ""
    return (
        f"Ich bin der lokale Emulator von {ask.vendor}, ohne Sprachmodell: Ich antworte aus den "
        f"Dokumenten, Werkzeugen und Schemas einer Anfrage.{seen}{asked}"
    )
