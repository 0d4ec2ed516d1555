"""Embeddings, in the shape of OpenAI's API, which innoGPT and meinGPT follow."""

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from dsgvo.emulator.checks import at_least_one, one_of, text
from dsgvo.emulator.dialect import Dialect
from dsgvo.emulator.failures import ApiError, FieldError
from dsgvo.emulator.gate import json_reply
from dsgvo.emulator.jsons import JsonObject, as_list, as_object, as_text, is_integer, is_list
from dsgvo.emulator.sse import pieces
from dsgvo.emulator.steps import Step
from dsgvo.emulator.values import Call, HttpReply
from dsgvo.emulator.vectors import Vector, embed
from dsgvo.providers import PROVIDERS

if TYPE_CHECKING:
    from dsgvo.emulator.upstream import Upstream

DEFAULT_DIMENSIONS = 1536
"""Length of the vectors of a model of which the vendor's spec says nothing."""
_BREATH = 8
"""Texts after which other requests get their turn."""


async def embeddings(
    dialect: Dialect, call: Call, step: Step, upstream: "Upstream | None"
) -> HttpReply:
    """Answer an embeddings request.

    Args:
        dialect: The vendor's.
        call: The request.
        step: The scripted step for it.
        upstream: The server that answers in place of the emulator.

    Returns:
        The vectors as JSON.

    Raises:
        ApiError: If a field is wrong.
    """
    body = call.body
    texts = _texts(dialect, body)
    model = as_text(body.get("model")) or str(PROVIDERS[dialect.name].embeddings.default_model)
    dimensions = body.get("dimensions") or _dimensions(dialect, model)
    encode = _encode_base64 if body.get("encoding_format") == "base64" else _encode_floats
    size = sum(len(pieces(one)) for one in texts)
    usage = {"prompt_tokens": size, "total_tokens": size}
    vectors: list[Vector] = []
    if upstream:
        answered = await upstream.vectors(texts, model, body.get("dimensions"))
        usage = as_object(answered.get("usage")) or usage
        given = sorted(as_list(answered["data"]), key=lambda one: one.get("index", 0))
        vectors = [np.array(one["embedding"], dtype=np.float32) for one in given]
    for index, one in enumerate([] if upstream else texts):
        if index % _BREATH == 0:
            await asyncio.sleep(0)
        vectors.append(embed(one, dimensions))
    data: list[JsonObject] = [
        {"object": "embedding", "index": index, "embedding": encode(vector)}
        for index, vector in enumerate(vectors)
    ]
    answer = {
        "object": "list",
        "data": step.vectors(data),
        "model": model,
        "usage": usage,
        "system_fingerprint": "emulator-1",
    }
    return json_reply(200, answer)


def _dimensions(dialect: Dialect, model: str) -> int:
    return PROVIDERS[dialect.name].model(model).dimensions or DEFAULT_DIMENSIONS


def _texts(dialect: Dialect, body: JsonObject) -> list[str]:
    faults: list[FieldError] = []
    for name, check in (
        ("input", _input(dialect)),
        ("model", text),
        ("encoding_format", one_of("float", "base64")),
        ("dimensions", at_least_one),
        ("user", text),
    ):
        if body.get(name) is None:
            if name == "input" or (name == "model" and not dialect.embedding_model_optional):
                faults.append(FieldError(name, "is required"))
        elif fault := check(body[name]):
            faults.append(FieldError(name, fault))
    if faults:
        message = f"{faults[0].field} {faults[0].message}"
        raise ApiError(400, message, "invalid_request", tuple(faults))
    value = body["input"]
    if isinstance(value, str):
        return [value]
    if is_integer(value[0]):
        return [_spelled(as_list(value))]
    return [one if isinstance(one, str) else _spelled(as_list(one)) for one in as_list(value)]


def _spelled(tokens: list[Any]) -> str:
    """Stand in for a tokenizer: each id is a word."""
    return " ".join(f"token{token}" for token in tokens)


def _input(dialect: Dialect) -> Any:
    def tokens(value: Any) -> bool:
        return is_list(value) and bool(value) and all(is_integer(token) for token in value)

    def check(value: Any) -> str | None:
        kinds = "a string or an array of strings"
        kinds += " or of token ids" if dialect.token_input else ""
        if isinstance(value, str):
            return None if value else "must not be empty"
        if not is_list(value):
            return f"must be {kinds}"
        if not value:
            return "must not be empty"
        if dialect.token_input and (tokens(value) or all(tokens(one) for one in value)):
            return None
        for position, one in enumerate(value):
            if not isinstance(one, str):
                return f"must be {kinds}"
            if not one:
                return f"must not contain an empty string (position {position})"
        return None

    return check


def _encode_floats(vector: Vector) -> list[float]:
    return [round(value, 8) for value in vector.tolist()]


def _encode_base64(vector: Vector) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()
