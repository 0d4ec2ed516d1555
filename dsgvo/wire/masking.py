"""Secrets and prompts in a server's text, however it quotes them, replaced by ``***``.

Texts are compared by their letters and digits alone, in any case: a quote may be laid out anew, cut
into pieces or spaced out. A server's text is read as it came and with its escapes undone, layer by
layer, so that a prompt, which may be long, is read once and as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from html import unescape
from itertools import compress
from struct import unpack_from
from typing import NamedTuple
from urllib.parse import unquote_plus

__all__ = ["EXCERPT", "masked", "on_one_line"]

EXCERPT = 13
"""Letters and digits in a row that a text and a prompt share when one quotes the other."""

_BLOCK = EXCERPT // 2 + 1  # wherever blocks begin, each excerpt holds a whole one
_SLICE = _BLOCK << 10  # letters of a prompt that are cut into blocks at once
_WIDE = "utf-32-le"  # bytes are cut at once, and here each letter has as many
_START = 4

_READINGS = 12
"""Forms in which a text is read."""

_BLANK_CODES = frozenset("bfnrt")
_NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalnum())
# Latin-1's signs, accents that stand alone, blanks, punctuation, marks that do not show
_NO_WIDE_LETTERS = re.compile(
    rb"\xc2[\x80-\xbf]|\xcc.|\xcd[\x80-\xaf]|\xe1\x9a\x80|\xe2[\x80\x81].|\xe3\x80."
    rb"|\xef\xb8[\x80-\x8f]|\xef\xbb\xbf",
    re.S,
)


class _Reading(NamedTuple):
    """A text in another form, and from where to where each character stands in what came."""

    text: str
    spans: list[tuple[int, int]]


def masked(text: str, secrets: Iterable[str], *, unseen: int = 0) -> str:
    """Return a text on one line, with what it quotes of secrets masked.

    Args:
        text: The text.
        secrets: What must not show.
        unseen: Characters at its end that only tell what those before them belong to.

    Examples:
        >>> masked("no 'ERIKA\u2009Beispiel', please", ["Erika Beispiel"])
        "no '***', please"
    """
    text = _NO_LINE_YET.sub(" ", text)
    seen = max(len(text) - unseen, 0)
    kept: list[str] = []
    end = 0
    for start, stop in sorted(_quotes(_readings(text), secrets)):
        if start >= seen:
            break
        if start > end or not kept:
            kept += text[end:start], "***"
        end = max(end, stop)
    return on_one_line("".join(kept) + text[end:seen])


def on_one_line(text: str) -> str:
    """Return a text with single spaces for its white space, and for what steers a terminal."""
    return _NO_LINE.sub(" ", text)


def _readings(text: str) -> list[_Reading]:
    """Return a text as it is, and as it was before somebody escaped it, once or several times."""
    readings = [_Reading(text, [(at, at + 1) for at in range(len(text))])]
    known = {text}
    for reading in readings:
        for pattern, meant in _ESCAPES:
            if len(readings) < _READINGS and pattern.search(reading.text):
                plain = _replaced(_replaced(reading, pattern, meant), _BLANKS, lambda _: " ")
                if plain.text not in known:
                    known.add(plain.text)
                    readings.append(plain)
    return readings


def _replaced(reading: _Reading, pattern: re.Pattern[str], meant: Callable[[str], str]) -> _Reading:
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    end = 0
    for token in pattern.finditer(reading.text):
        plain = meant(token[0])
        pieces += reading.text[end : token.start()], plain
        spans += reading.spans[end : token.start()]
        end = token.end()
        spans += [(reading.spans[token.start()][0], reading.spans[end - 1][1])] * len(plain)
    pieces.append(reading.text[end:])
    spans += reading.spans[end:]
    return _Reading("".join(pieces), spans)


def _backslash(escape: str) -> str:
    if len(escape) == 2:
        return " " if escape[1] in _BLANK_CODES else escape[1]
    codes = escape.encode().decode("unicode_escape")
    return codes.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _misread(letters: str) -> str:
    return letters.encode("latin-1").decode(errors="replace")


_NO_PART = r"(?!(?<=[\xc2-\xf4\x80-\xbf])[\x80-\x9f]|(?<=\xc3)\xa0)"  # of a letter's misread bytes
_BLANKS = re.compile(rf"(?:{_NO_PART}\s)+")
_STEERS = r"[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_NO_LINE = re.compile(f"{_STEERS}+")
_NO_LINE_YET = re.compile(f"(?:{_NO_PART}{_STEERS})+")
# An address's, JSON's and Python's, HTML's, and UTF-8 that was read as Latin-1
_ESCAPES: list[tuple[re.Pattern[str], Callable[[str], str]]] = [
    (re.compile(r"(?:%[\da-fA-F]{2})+|\+"), unquote_plus),
    (
        re.compile(
            r"(?:\\u[\da-fA-F]{4})+|\\x[\da-fA-F]{2}|\\U00(?:0[\da-fA-F]|10)[\da-fA-F]{4}"
            r"|\\[\\\"'/bfnrt]"
        ),
        _backslash,
    ),
    (re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|\w{1,31});", re.ASCII), unescape),
    (
        re.compile(r"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{2})[\x80-\xbf]"),
        _misread,
    ),
]


def _quotes(readings: list[_Reading], secrets: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield from where to where secrets are quoted: pieces of long ones, short ones as a whole."""
    letters, words = _folded(readings, _letters), _folded(readings, str.casefold)
    windows = {letters.text[at : at + EXCERPT] for at in range(len(letters.text) - EXCERPT + 1)}
    blocks = {_wide(letters.text[at : at + _BLOCK]) for at in range(len(letters.text) - _BLOCK + 1)}
    starts = {words.text[at : at + _START] for at in range(len(words.text))}
    quoted: set[str] = set()
    for secret in secrets:
        plain = _letters(secret)
        shared = set(_shared(plain, windows, blocks))
        quoted |= shared
        if len(plain) < EXCERPT or (shared and len(plain) <= len(letters.text)):
            whole = " ".join(secret.casefold().split())
            if whole and (len(whole) < _START or whole[:_START] in starts):
                yield from _found(whole, words)
        if len(plain) < EXCERPT and _wide(plain[:_BLOCK]) in blocks:
            yield from _found(plain, letters)
    if quoted:
        for at in range(len(letters.text) - EXCERPT + 1):
            if letters.text[at : at + EXCERPT] in quoted:
                yield letters.spans[at][0], letters.spans[at + EXCERPT - 1][1]


def _folded(readings: list[_Reading], fold: Callable[[str], str]) -> _Reading:
    """Return all readings in a folded form, each on a line of its own."""
    fold = cache(fold)
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    for reading in readings:
        for char, span in zip(reading.text, reading.spans, strict=True):
            pieces.append(fold(char))
            spans += [span] * len(pieces[-1])
        pieces.append("\n")
        spans.append((0, 0))
    return _Reading("".join(pieces), spans)


def _letters(text: str) -> str:
    """Return the letters and digits of a text, in one case."""
    data = text.casefold().encode(errors="surrogatepass").translate(None, _NO_LETTERS)
    if not data.isascii():
        data = _NO_WIDE_LETTERS.sub(b"", data)
    return data.decode(errors="surrogatepass")


def _found(whole: str, words: _Reading) -> Iterator[tuple[int, int]]:
    at = words.text.find(whole)
    while at >= 0:
        end = at + len(whole)
        yield words.spans[at][0], words.spans[end - 1][1]
        at = words.text.find(whole, end)


def _shared(secret: str, windows: set[str], blocks: set[bytes]) -> Iterator[str]:
    """Yield the windows that occur in a secret, at a cost that grows with its length alone."""
    known: set[str] = set()  # an image in Base64 has one stretch of letters a million times
    for start in range(0, len(secret), _SLICE):
        data = _wide(secret[start : start + _SLICE])
        found = unpack_from(f"{4 * _BLOCK}s" * (len(data) // 4 // _BLOCK), data)
        if blocks.isdisjoint(found):  # nearly always
            continue
        piece = secret[max(start - _BLOCK, 0) : start + _SLICE + EXCERPT]
        if piece in known:
            continue
        starts = range(start, start + _BLOCK * len(found), _BLOCK)
        around = {
            secret[max(at - _BLOCK + 1, 0) : at + EXCERPT]
            for at in compress(starts, map(blocks.__contains__, found))
        }
        for letters in around - known:
            for begin in range(len(letters) - EXCERPT + 1):
                if (window := letters[begin : begin + EXCERPT]) in windows:
                    yield window
        known |= {piece, *around}


def _wide(letters: str) -> bytes:
    return letters.encode(_WIDE, "surrogatepass")
