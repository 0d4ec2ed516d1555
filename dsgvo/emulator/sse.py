"""Server-sent events as the vendors write them."""

import re
from typing import Any

from dsgvo.emulator.jsons import dumps

HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
DONE = b"data: [DONE]\n\n"

_PIECE = re.compile(r"\s*(?:\w{1,8}|[^\w\s])|\s+\Z")


def event(payload: Any) -> bytes:
    """Return one event with JSON data."""
    return f"data: {dumps(payload)}\n\n".encode()


def pieces(text: str) -> list[str]:
    """Split text into the pieces that stand for tokens.

    A piece is up to eight letters or digits, or one other character, with the blanks before it.
    Put together again they are the text. Usage counts them, ``max_tokens`` cuts at them, and a
    stream sends one an event.
    """
    return _PIECE.findall(text)
