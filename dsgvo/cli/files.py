"""Files of a user's: regular ones, read within a bound, and their text in any usual encoding."""

from __future__ import annotations

import re
import stat
from pathlib import Path

__all__ = ["UnreadableError", "decode", "mark_headings", "read_regular"]

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


_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2})*)\.?\s+[^\W\d_].*[^\s.,;:]")
_UNDERLINED = re.compile(r"(.*\w.*)\n([=~^*-])\2{2,}[ \t]*")
_ENTRY = re.compile(r"[ \t]*(?:\* )?\d{1,2}(?:\.\d{1,2})+\.? .*|[ \t]*\* \d{1,2}\. .*")
_HEADING_CHARACTERS = 200


def mark_headings(text: str) -> str:
    r"""Return a plain text with its headings as Markdown has them, without tables of contents.

    A heading is a paragraph of its own that is underlined, numbered, or in capitals.

    Examples:
        >>> print(mark_headings("1.2. Was kostet das\nim Jahr?\n\nNichts."))
        ## 1.2. Was kostet das im Jahr?
        <BLANKLINE>
        Nichts.
    """
    escaped = re.sub(r"^([ \t]*)(#+ )", r"\1\\\2", text, flags=re.MULTILINE)
    blocks = re.split(r"\n(?:[ \t]*\n)+", escaped)
    return "\n\n".join(map(_marked, blocks))


def _marked(block: str) -> str:
    lines = block.split("\n")
    if sum(_ENTRY.fullmatch(line) is not None for line in lines) * 3 > len(lines):
        return "" if len(lines) > 3 or block.lstrip().startswith("*") else _as_heading(block)
    return _as_heading(block)


def _as_heading(block: str) -> str:
    if len(block) > _HEADING_CHARACTERS or block[:1].isspace():
        return block
    if underlined := _UNDERLINED.fullmatch(block):
        return f"# {underlined[1].strip()}"
    title = " ".join(block.split())
    if numbered := _NUMBERED.fullmatch(title):
        return f"{'#' * min(6, numbered[1].count('.') + 1)} {title}"
    capitals = title.isupper() and "\n" not in block and sum(map(str.isalpha, title)) > 3
    return f"# {title}" if capitals else block
