"""Embeddings in OpenAI's shape, without a model: stemmed words and their n-grams, hashed.

Words that come often count less than their number (sublinear), stop words not at all.
"""

import asyncio
import base64
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from dsgvo.emulator.answers.words import grams, pieces, stems
from dsgvo.emulator.checks import check
from dsgvo.emulator.jsons import JsonObject, is_list
from dsgvo.emulator.steps import Step
from dsgvo.emulator.values import FINGERPRINT, Call, HttpReply, json_reply
from dsgvo.providers import PROVIDERS

if TYPE_CHECKING:
    from dsgvo.emulator.upstream import Upstream

_WHOLE = 0.6  # share of a word itself, beside its n-grams, which have 1 together
_DIMENSIONS = 1536
"""Length of the vectors of a model of which the vendor's spec says nothing."""
_BREATH = 8  # texts after which other requests get their turn

Vector: TypeAlias = NDArray[np.float32]


async def embeddings(
    vendor: str, fields: type[BaseModel], upstream: "Upstream | None", call: Call, step: Step
) -> HttpReply:
    """Answer an embeddings request."""
    body, spec = check(fields, call.body), PROVIDERS[vendor]
    texts = _texts(body["input"])
    model = body.get("model") or str(spec.embeddings.default_model)
    size = sum(len(pieces(one)) for one in texts)
    usage = {"prompt_tokens": size, "total_tokens": size}
    vectors: list[Vector] = []
    if upstream:
        vectors, counted = await upstream.vectors(texts, model, body.get("dimensions"))
        usage = counted or usage
    else:
        dimensions = body.get("dimensions") or spec.model(model).dimensions or _DIMENSIONS
        for index, one in enumerate(texts):
            if index % _BREATH == 0:
                await asyncio.sleep(0)
            vectors.append(embed(one, dimensions))
    encode = _base64 if body.get("encoding_format") == "base64" else _floats
    data: list[JsonObject] = [
        {"object": "embedding", "index": index, "embedding": encode(vector)}
        for index, vector in enumerate(vectors)
    ]
    answer = {"object": "list", "data": step.vectors(data), "model": model, "usage": usage}
    return json_reply(200, answer | {"system_fingerprint": FINGERPRINT})


def _texts(value: Any) -> list[str]:
    """Return the texts; token ids stand for words of their own."""
    many: list[Any] = value if is_list(value) and not isinstance(value[0], int) else [value]
    return [
        one if isinstance(one, str) else " ".join(f"token{token}" for token in one) for one in many
    ]


def _floats(vector: Vector) -> list[float]:
    return [round(value, 8) for value in vector.tolist()]


def _base64(vector: Vector) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


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
    """Turn a text into a vector of length 1: cosine and dot product rank the same."""
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
