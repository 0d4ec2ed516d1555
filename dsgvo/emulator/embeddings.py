"""Embeddings, in the shape of OpenAI's API, which innoGPT and meinGPT follow."""

import asyncio
import base64
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from dsgvo.emulator.checks import check
from dsgvo.emulator.jsons import JsonObject, is_list
from dsgvo.emulator.sse import pieces
from dsgvo.emulator.steps import Step
from dsgvo.emulator.values import FINGERPRINT, Call, HttpReply, json_reply
from dsgvo.emulator.vectors import Vector, embed
from dsgvo.providers import PROVIDERS

if TYPE_CHECKING:
    from dsgvo.emulator.upstream import Upstream

_DIMENSIONS = 1536
"""Length of the vectors of a model of which the vendor's spec says nothing."""
_BREATH = 8
"""Texts after which other requests get their turn."""


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
