"""Image generation: a small picture whose colours come from the prompt."""

import base64
import struct
import zlib
from collections.abc import Iterator

from dsgvo.emulator.checks import one_of, text
from dsgvo.emulator.failures import ApiError, FieldError
from dsgvo.emulator.gate import json_reply
from dsgvo.emulator.jsons import is_integer
from dsgvo.emulator.steps import Step
from dsgvo.emulator.values import Call, HttpReply

_CREATED = 1775000000
_SIDE = 64


async def generate(call: Call, step: Step) -> HttpReply:
    """Answer an image generation request.

    The vendor's page shows no answer, so this is OpenAI's shape: ``data`` with ``url`` or
    ``b64_json``. The URL is a data URL, so that nothing has to be fetched from anywhere.

    Args:
        call: The request.
        step: The scripted step for it; nothing of it applies here.

    Returns:
        The pictures as JSON.

    Raises:
        ApiError: If a field is wrong.
    """
    del step
    body = call.body
    faults: list[FieldError] = []
    prompt = body.get("prompt")
    if fault := text(prompt):
        faults.append(FieldError("prompt", "is required" if prompt is None else fault))
    if body.get("model") is not None and (fault := text(body["model"])):
        faults.append(FieldError("model", fault))
    count = 1 if body.get("n") is None else body["n"]
    if not is_integer(count) or not 1 <= count <= 10:
        faults.append(FieldError("n", "must be an integer between 1 and 10"))
    wanted = body.get("response_format") or "url"
    if fault := one_of("url", "b64_json")(wanted):
        faults.append(FieldError("response_format", fault))
    if faults:
        message = f"{faults[0].field} {faults[0].message}"
        raise ApiError(400, message, "invalid_request", tuple(faults))
    pictures = [base64.b64encode(draw(f"{prompt}\0{at}")).decode() for at in range(count)]
    prefix = "data:image/png;base64," if wanted == "url" else ""
    data = [{wanted: prefix + picture, "revised_prompt": prompt} for picture in pictures]
    return json_reply(200, {"created": _CREATED, "data": data, "system_fingerprint": "emulator-1"})


def draw(seed: str) -> bytes:
    """Return a PNG with a gradient of colours that come from ``seed``."""
    digest = zlib.crc32(seed.encode())
    first = tuple(digest >> shift & 0xFF for shift in (0, 8, 16))
    second = tuple(255 - value for value in first)
    lines = b"".join(
        b"\0" + bytes(value for x in range(_SIDE) for value in _mixed(first, second, x, y))
        for y in range(_SIDE)
    )
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _mixed(first: tuple[int, ...], second: tuple[int, ...], x: int, y: int) -> Iterator[int]:
    share = (x + y) / (2 * _SIDE)
    return (int(a + (b - a) * share) for a, b in zip(first, second, strict=True))


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
