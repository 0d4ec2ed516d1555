"""Embeddings without a model: stemmed words and their character n-grams, hashed to dimensions.

Words that come often count less than their number (sublinear), stop words not at all. A vector has
length 1, so that cosine and dot product rank the same.
"""

from collections import Counter
from functools import lru_cache
from typing import TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dsgvo.emulator.answers.words import grams, stems

_WHOLE = 0.6
"""Share of a word itself beside its n-grams, which have 1 together."""

Vector: TypeAlias = NDArray[np.float32]


@lru_cache(maxsize=65_536)
def _features(stem: str, dimensions: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the dimensions that a stem touches, and its shares of them."""
    parts = grams(stem)
    named = [(stem, _WHOLE), *((f"{part}-", 1 / len(parts) ** 0.5) for part in parts)]
    hashes = [crc32(name.encode()) for name, _ in named]
    signs = [1 if hashed & 0x80000000 else -1 for hashed in hashes]
    places = np.array([(hashed & 0x7FFFFFFF) % dimensions for hashed in hashes])
    return places, np.array([sign * share for sign, (_, share) in zip(signs, named, strict=True)])


def embed(text: str, dimensions: int) -> Vector:
    """Turn a text into a vector."""
    # A text of stop words alone, or without words, still needs a direction of its own.
    counts = Counter(stems(text) or text.lower().split() or list(text))
    found = [(_features(stem, dimensions), count) for stem, count in counts.items()]
    sums = np.zeros(dimensions)
    for (places, shares), count in found:
        np.add.at(sums, places, shares * (1 + np.log(count)))
    length = float(np.linalg.norm(sums))
    if length == 0.0:
        sums[0] = length = 1.0
    return (sums / length).astype(np.float32)
