"""Files of a user's: regular ones, read within a bound, and their text in any usual encoding."""

from __future__ import annotations

import re
import stat
from pathlib import Path

__all__ = ["UnreadableError", "decode", "read_regular"]

_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_OLD_ENCODINGS = ["cp1252", "cp850", "mac_roman", "utf_16_le"]
# Tab, line feed, form feed, carriage return and escape are in texts; other controls are not.
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


class UnreadableError(Exception):
    """Says why a file cannot be used."""


def read_regular(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file, without waiting for a pipe or reading a device.

    Args:
        path: The file.
        limit: How many bytes it may have.

    Raises:
        UnreadableError: If it is not a regular file, larger, missing, or not to be opened.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableError("not a regular file")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:  # a null character in the name is a ValueError
        raise UnreadableError((getattr(error, "strerror", None) or str(error)).lower()) from None
    if len(data) > limit:
        raise UnreadableError(f"more than {limit:,} bytes")
    return data


def decode(data: bytes) -> str:
    """Return a file's text: UTF-8, what its byte order mark says, or an older German encoding.

    Raises:
        UnreadableError: If it is not a text.
    """
    marked = [name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)]
    try:
        text = data.decode(marked[0] if marked else "utf-8")
    except UnicodeDecodeError:
        text = data.decode(_guess(data), errors="replace")
    if len(_BINARY.findall(text)) * 100 > len(text):
        raise UnreadableError("not a text")
    return "\n".join(text.splitlines())


def _guess(data: bytes) -> str:
    try:
        from charset_normalizer import from_bytes
    except ModuleNotFoundError:  # only the demo's extra has it
        return "cp1252"
    best = from_bytes(data, cp_isolation=_OLD_ENCODINGS).best()
    return best.encoding if best else "cp1252"
