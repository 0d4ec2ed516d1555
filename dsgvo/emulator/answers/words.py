"""Stemmed words and their character n-grams, German and English; the pieces of a stream."""

import re
from functools import lru_cache
from typing import Any, cast

import snowballstemmer  # pyright: ignore[reportMissingTypeStubs]
from bm25s.stopwords import (  # pyright: ignore[reportMissingTypeStubs]
    STOPWORDS_EN,
    STOPWORDS_GERMAN,
)

_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"\s*(?:\w{1,8}|[^\w\s])|\s+\Z")
_GRAM = 3
_CACHED_WORDS = 65_536
_LONGEST = 100  # letters of a word that is stemmed: some take time quadratic in them
_GERMAN, _ENGLISH = frozenset(STOPWORDS_GERMAN), frozenset(STOPWORDS_EN)
# Words of questions, which say what kind of thing is asked for and not what it is about.
_QUESTION_WORDS = (
    "wann wer wem wen wessen wieviel lang lange viel viele vielen hoch oft schnell groß große darf "
    "dürfen muss müssen musst möchte gibt gilt gelten geht beträgt dauert bekomme bekommt erhalte "
    "brauche brauchen brauchst kostet kosten heißt pro je bitte "
    "when where who whom which what how why can many much long often give get cost need does please"
)
_STOP_WORDS = _GERMAN | _ENGLISH | {*_QUESTION_WORDS.split()}
_STEMMERS: dict[str, Any] = {
    name: cast("Any", snowballstemmer).stemmer(name) for name in ("german", "english")
}


def is_english(text: str) -> bool:
    """Tell whether a text has more of the small words of English than of those of German."""
    words = _WORD.findall(text.lower())
    return sum(word in _ENGLISH for word in words) > sum(word in _GERMAN for word in words)


def stems(text: str, *, english: bool | None = None) -> list[str]:
    """Return the stems of the words of a text, without stop words."""
    language = "english" if english or (english is None and is_english(text)) else "german"
    words = _WORD.findall(text.lower())
    return [_stem(word, language) for word in words if word not in _STOP_WORDS]


@lru_cache(maxsize=_CACHED_WORDS)
def _stem(word: str, language: str) -> str:
    return _STEMMERS[language].stemWord(word) if len(word) <= _LONGEST else word


@lru_cache(maxsize=_CACHED_WORDS)
def grams(stem: str) -> tuple[str, ...]:
    """Return the character n-grams of a stem, in which the parts of German compounds meet.

    A number has none but itself: 2024 is not like 2025.
    """
    if stem.isdigit() or len(stem) <= _GRAM:
        return (stem,)
    return tuple(stem[at : at + _GRAM] for at in range(len(stem) - _GRAM + 1))


def pieces(text: str) -> list[str]:
    """Split text into the pieces that stand for tokens.

    A piece is up to eight letters or digits, or one other character, with the blanks before it.
    Put together again they are the text. Usage counts them, ``max_tokens`` cuts at them, and a
    stream sends one an event.
    """
    return _PIECE.findall(text)
