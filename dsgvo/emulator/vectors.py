"""Embeddings without a model: hashed words and character n-grams.

A text becomes the sum of its words. A word is itself, the everyday meaning that it shares
with others, and its character n-grams of three to five letters, which is how German compounds and
inflected forms meet (``Urlaubsantrag``, ``Urlaubs``). Each feature is hashed to a dimension and a
sign.

Words count by how telling they are, which is guessed without a corpus: words that carry no meaning
not at all, words of any text little, verbs and adjectives less than names and German nouns, and
acronyms most. Words that come often count less than their number (sublinear). The result has length
1, so that cosine and dot product rank the same.
"""

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from zlib import crc32

from dsgvo.emulator.brain.text import fold, is_common_word, is_stop_word, meanings

_WORD = re.compile(r"\w+")
_SIZES = (3, 4, 5)
_WHOLE, _MEANING = 0.6, 0.3
_ACRONYM, _NOUN, _NUMBER, _OTHER, _COMMON = 1.3, 1.0, 0.8, 0.9, 0.6
_ACRONYM_LENGTH = 6
_CACHED_WORDS = 65_536

Feature = tuple[int, float]


@lru_cache(maxsize=_CACHED_WORDS)
def _features(word: str, dimensions: int) -> tuple[Feature, ...]:
    """Return the dimensions that a folded word touches with its shares, of length 1 together."""
    named = [(word, _WHOLE)]
    if not word.isdigit():
        # Numbers are themselves alone: 2024 is not like 2025.
        padded = f"<{word}>"
        grams = [padded[at : at + n] for n in _SIZES for at in range(len(padded) - n + 1)]
        share = 1 / math.sqrt(len(grams) or 1)
        named += [(gram, share) for gram in grams]
        named += [(f"#{number}", _MEANING) for number in meanings(word)]
    sums: dict[int, float] = {}
    for name, share in named:
        hashed = crc32(name.encode())
        at = (hashed & 0x7FFFFFFF) % dimensions
        sums[at] = sums.get(at, 0.0) + (share if hashed & 0x80000000 else -share)
    length = math.sqrt(sum(value * value for value in sums.values())) or 1.0
    return tuple((at, value / length) for at, value in sums.items())


@lru_cache(maxsize=_CACHED_WORDS)
def _weighed(spelled: str) -> tuple[str, float]:
    """Return a word folded, and how telling it is."""
    word = fold(spelled)
    if is_stop_word(word):
        return word, 0.0
    if spelled.isdigit():
        return word, _NUMBER
    if is_common_word(word):
        return word, _COMMON
    if spelled.isupper() and 1 < len(spelled) <= _ACRONYM_LENGTH:
        return word, _ACRONYM
    return word, _NOUN if spelled[0].isupper() else _OTHER


def _telling(text: str) -> dict[str, float]:
    """Return the telling words of a text with their weights."""
    if text.isupper():
        text = text.title()  # in a text of capitals, a word of capitals is no acronym
    counts: Counter[str] = Counter()
    best: dict[str, float] = {}
    for spelled, count in Counter(_WORD.findall(text)).items():
        word, weight = _weighed(spelled)
        counts[word] += count
        best[word] = max(weight, best.get(word, 0.0))
    return {
        word: weight * (1.0 + math.log(counts[word])) for word, weight in best.items() if weight
    }


def embed(text: str, dimensions: int) -> "array[float]":
    """Turn a text into a vector.

    Args:
        text: Any text, best in German or English.
        dimensions: Length of the vector, 1 or more.

    Returns:
        The vector, of length 1, as C floats.
    """
    # A text without a telling word still needs a direction of its own.
    weights = _telling(text) or dict.fromkeys(_all(text), 1.0)
    sums = [0.0] * dimensions
    for word, weight in weights.items():
        for at, value in _features(word, dimensions):
            sums[at] += weight * value
    length = math.sqrt(sum([value * value for value in sums if value]))
    if length == 0.0:
        sums[0] = length = 1.0
    scale = 1.0 / length
    return array("f", [value * scale for value in sums])


def _all(text: str) -> Iterable[str]:
    """Return all words of a text, or its characters if it has none."""
    return _WORD.findall(fold(text)) or text
