"""Text of PDFs, page by page, without what is printed on every page."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsgvo.cli.demo.sections import Section, UnreadableError

if TYPE_CHECKING:
    from pypdf import PageObject

__all__ = ["read_pdf"]


def read_pdf(path: Path, name: str) -> Iterator[Section]:
    """Read a PDF and cut it at numbered headings; without headings, a page is a section.

    Raises:
        UnreadableError: If it is broken or encrypted, or has no text.
    """
    pages = _pages(path)
    if not any(re.search(r"\w", page) for page in pages):
        raise UnreadableError("no text in it; scanned pages need text recognition first")
    yield from _sections_of_pages(pages, name)


def _pages(path: Path) -> list[str]:
    """Return the text of each page."""
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # says at length what is said below
    encrypted, pages = False, list[str]()
    try:
        reader = PdfReader(path)
        # Many PDFs are encrypted with an empty password, just to forbid printing.
        encrypted = reader.is_encrypted and not reader.decrypt("")
        pages = [] if encrypted else [_text(page) for page in reader.pages]
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - a broken file can fail anywhere in the reader
        encrypted = type(error).__name__ == "DependencyError"  # it needs a library for AES
        if not encrypted:
            raise UnreadableError("a broken PDF") from None
    if encrypted:
        raise UnreadableError("encrypted")
    return pages


_RUN_TOGETHER = re.compile(r"\b(?=\w{12})\w*[a-zäöüß][A-ZÄÖÜ]\w*")
"""A long word with a capital inside: several of them mean that spaces were lost."""

_WORD_GAP = -120
"""Thousandths of the font size: kerning within a word is less, a space of justified text more."""


def _text(page: PageObject) -> str:
    """Return the text of a page.

    pypdf takes the width of a space from the font. The fonts that XeTeX embeds do not say it, and
    whole lines become one word; on such pages the gaps are made wide enough to be seen.
    """
    text = page.extract_text()
    if len(_RUN_TOGETHER.findall(text)) < 3:
        return text

    def widen(operator: bytes, operands: list[Any], *_: object) -> None:
        if operator == b"TJ":
            for at, value in enumerate(operands[0]):
                if isinstance(value, int | float) and value <= _WORD_GAP:
                    operands[0][at] = type(value)(-1000)

    return page.extract_text(visitor_operand_before=widen)


# Numbered as in a contract or a manual. A sentence of a list ends in a full stop, a line of a table
# of contents and a date end in a number.
_PAGE_HEADING = re.compile(
    r"[1-9]\d?(?:\.?\s+[A-ZÄÖÜ]|(?:\.\d{1,2})+\.?\s+[^\W\d_])[^.!?;:]{2,60}(?<!\d)"
)
_CONTENTS = re.compile(r"(?:\. ?){5,}\s*\d*$")
_ENTRY = re.compile(r"(?:[1-9]\d?(?:\.\d{1,2})*|[A-Z])\.?\s+[^\W\d].*\s\d{1,3}")
_ITEM = re.compile(r"\s*(?:[•●◦▪∗*–—-]\s|\(?\w{1,2}[.)]\s|$)")
_HYPHEN = re.compile(r"(?<=[^\W\d_])-\n(?!(?:und|oder|bzw)\b)(?=[a-zäöüß])")


def _sections_of_pages(pages: Sequence[str], name: str) -> Iterator[Section]:
    """Cut pages at headings; a section may run over the ends of pages."""
    title = ""
    parts: list[tuple[int, str]] = []
    for number, lines in enumerate(_without_running_lines(pages), 1):
        body: list[str] = []
        for line in lines:
            if not _PAGE_HEADING.fullmatch(line.strip()):
                body.append(line)
                continue
            yield _joined([*parts, (number, "\n".join(body))], name, title)
            title, parts, body = line.strip(), [], []
        parts.append((number, "\n".join(body)))
        if not title:
            yield _joined(parts, name, title)
            parts = []
    yield _joined(parts, name, title)


def _joined(parts: Sequence[tuple[int, str]], name: str, title: str) -> Section:
    """Put the parts of a section together and remember where each page begins."""
    text = ""
    pages: list[tuple[int, int]] = []
    for number, part in parts:
        if part := _unwrapped(_HYPHEN.sub("", part).strip()):
            text += "\n" if text else ""
            pages.append((len(text), number))
            text += part
    return Section(text, name, title, pages=tuple(pages))


def _unwrapped(text: str) -> str:
    """Join the lines of paragraphs, so that text is cut between sentences and not inside them.

    A line goes on in the next one if it is about as long as lines get and ends no sentence. Rows
    of tables are shorter, and items of lists begin with a sign.
    """
    lines = text.split("\n")
    full = sorted(map(len, lines))[len(lines) * 9 // 10] * 0.7
    joined = lines[0]
    for before, line in pairwise(lines):
        goes_on = len(before) >= full and before[-1:] not in ".:!?" and not _ITEM.match(line)
        joined += (" " if goes_on else "\n") + line
    return joined


def _without_running_lines(pages: Sequence[str]) -> list[list[str]]:
    """Leave out tables of contents, and headers and footers: what most pages begin or end with."""
    split = [[line.rstrip() for line in page.strip().split("\n")] for page in pages]
    edges = [{_masked(line) for line in (*lines[:2], *lines[-2:])} for lines in split]
    many = max(3, len(pages) * 2 // 3)
    counts = Counter(edge for one in edges for edge in one)
    running = {edge for edge, count in counts.items() if count >= many}

    def kept(lines: list[str]) -> Iterator[str]:
        contents = sum(_is_entry(line) for line in lines) >= 4
        for at, line in enumerate(lines):
            edge = at < 2 or at >= len(lines) - 2
            if not (edge and _masked(line) in running) and not (contents and _is_entry(line)):
                yield line

    return [list(kept(lines)) for lines in split]


def _is_entry(line: str) -> bool:
    """Tell whether a line may be one of a table of contents: leaders, or a number at each end."""
    return bool(_CONTENTS.search(line) or _ENTRY.fullmatch(line.strip()))


def _masked(line: str) -> str:
    return re.sub(r"\d+", "#", line.strip())
