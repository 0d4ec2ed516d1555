"""Image generation: a small picture whose colour comes from the prompt."""

import base64
import struct
import zlib

from dsgvo.emulator.checks import Images, check
from dsgvo.emulator.steps import Step
from dsgvo.emulator.values import CREATED, FINGERPRINT, Call, HttpReply, json_reply

_SIDE = 64


async def generate(call: Call, _: Step) -> HttpReply:
    """Answer an image generation request.

    The vendor's page shows no answer, so this is OpenAI's shape: ``data`` with ``url`` or
    ``b64_json``. The URL is a data URL, so that nothing has to be fetched from anywhere.
    """
    body = check(Images, call.body)
    prompt, wanted = body["prompt"], body.get("response_format", "url")
    prefix = "data:image/png;base64," if wanted == "url" else ""
    pictures = [base64.b64encode(_draw(f"{prompt}\0{at}")) for at in range(body.get("n", 1))]
    data = [{wanted: prefix + one.decode(), "revised_prompt": prompt} for one in pictures]
    return json_reply(200, {"created": CREATED, "data": data, "system_fingerprint": FINGERPRINT})


def _draw(seed: str) -> bytes:
    """Return a PNG of one colour, which comes from ``seed``."""
    colour = zlib.crc32(seed.encode()).to_bytes(4, "big")[:3]
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    lines = zlib.compress((b"\0" + colour * _SIDE) * _SIDE)
    chunks = ((b"IHDR", header), (b"IDAT", lines), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
