"""Embeddings without a model: hashed words and character n-grams.

A text becomes the sum of its words. A word is itself, and its character n-grams of three to five
letters, which is how German compounds and inflected forms meet (``Urlaubsantrag``, ``Urlaubs``).
Each feature is hashed to a dimension and a sign; words that come often count less than their
number (sublinear), and words that carry no meaning next to nothing. The result has length 1, so
that cosine and dot product rank the same.
"""

import math
import re
from array import array
from collections import Counter
from functools import lru_cache
from zlib import crc32

from dsgvo.emulator.brain.text import fold, is_stop_word

_WORD = re.compile(r"\w+")
_SIZES = (3, 4, 5)
_WHOLE_WORD = 3.0
_STOP_WORD = 0.05
_CACHED_WORDS = 65_536


@lru_cache(maxsize=_CACHED_WORDS)
def _features(word: str, dimensions: int) -> tuple[tuple[int, float], ...]:
    """Return the dimensions that a word touches with its shares, which have length 1 together."""
    padded = f"<{word}>"
    sums: dict[int, float] = {}
    grams = [padded[at : at + n] for n in _SIZES for at in range(len(padded) - n + 1)]
    weight = 1 / math.sqrt(len(grams)) if grams else 0.0
    for gram, share in [(word, _WHOLE_WORD * (weight or 1.0)), *((gram, weight) for gram in grams)]:
        hashed = crc32(gram.encode())
        signed = share if hashed & 0x80000000 else -share
        at = (hashed & 0x7FFFFFFF) % dimensions
        sums[at] = sums.get(at, 0.0) + signed
    length = math.sqrt(sum(value * value for value in sums.values())) or 1.0
    scale = (_STOP_WORD if is_stop_word(word) else 1.0) / length
    return tuple((at, value * scale) for at, value in sums.items())


def embed(text: str, dimensions: int) -> "array[float]":
    """Turn a text into a vector.

    Args:
        text: Any text, best in German or English.
        dimensions: Length of the vector, 1 or more.

    Returns:
        The vector, of length 1, as C floats.
    """
    sums = [0.0] * dimensions
    counts = Counter(_WORD.findall(fold(text)))
    if not counts:
        # A text without a word still needs a direction of its own.
        counts = Counter(text)
    for word, count in counts.items():
        weight = 1.0 + math.log(count) if count > 1 else 1.0
        for at, value in _features(word, dimensions):
            sums[at] += weight * value
    length = math.sqrt(sum([value * value for value in sums if value]))
    if length == 0.0:
        sums[0] = length = 1.0
    scale = 1.0 / length
    return array("f", [value * scale for value in sums])
