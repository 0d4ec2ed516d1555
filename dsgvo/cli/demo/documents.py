"""Text of a folder's documents, page by page, and what was skipped."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from dsgvo.cli.files import UnreadableError, decode, mark_headings, read_regular
from dsgvo.cli.screen import printable
from dsgvo.errors import ConfigurationError

__all__ = ["SUFFIXES", "Library", "Page", "place", "read_documents"]

SUFFIXES = (".md", ".txt", ".pdf")
MAX_FILES = 2_000
MAX_FILE_BYTES = 50_000_000
MAX_CHARACTERS = 10_000_000  # of all files: 13,000 passages, each of which a vendor charges for


class Page(NamedTuple):
    """The text of a PDF's page, or of a whole file, whose number is 0; Markdown, if it says so."""

    text: str
    number: int = 0
    markdown: bool = False


@dataclass
class Library:
    """The pages of each file of a folder, by path, and why others were skipped, by name."""

    root: Path
    pages: dict[Path, list[Page]] = field(default_factory=dict[Path, list[Page]])
    skipped: dict[str, str] = field(default_factory=dict[str, str])

    def __iter__(self) -> Iterator[tuple[str, Page]]:
        return ((self.name(path), page) for path, pages in self.pages.items() for page in pages)

    def name(self, path: Path) -> str:
        """Return the path below the folder, as it is shown and cited."""
        return printable(path.relative_to(self.root).as_posix())


def place(page: int, title: str, line: int) -> str:
    """Say where in a file a passage is: ``"page 2"``, the heading above it, or ``"line 12"``."""
    return f"page {page}" if page else title.rpartition(" › ")[2] or f"line {line}"


def read_documents(folder: Path) -> Library:
    """Read all documents of a folder and the folders in it, or a single file.

    Returns:
        The texts in the order of the file names, and what was skipped: hidden files silently, and
        with its reason what is not a document, cannot be read, or goes beyond 2,000 files, 50 MB a
        file or 10,000,000 characters in all.

    Raises:
        ConfigurationError: If the folder is missing or empty, or no file of it can be used.
    """
    if not folder.exists():
        raise ConfigurationError(f"--docs {folder}: there is no such folder")
    library, room = Library(folder if folder.is_dir() else folder.parent), MAX_CHARACTERS
    found = list(islice(_files(folder), MAX_FILES + 1))
    if not found:
        raise ConfigurationError(f"--docs {folder}: the folder has no files that can be read")
    for path in found[:MAX_FILES]:
        try:
            library.pages[path] = pages = _read(path, room)
            room -= sum(len(page.text) for page in pages)
        except UnreadableError as error:
            library.skipped[library.name(path)] = str(error)
    if len(found) > MAX_FILES:
        library.skipped["the rest"] = f"more than {MAX_FILES:,} files"
    if not library.pages:
        file, reason = next(iter(library.skipped.items()))
        raise ConfigurationError(
            f"--docs {folder}: none of {len(found)} file(s) can be used, e.g. {file}: {reason}; "
            f"put {', '.join(SUFFIXES)} files there"
        )
    return library


def _files(folder: Path) -> Iterator[Path]:
    """Yield regular files in order, a single file for itself."""
    if folder.is_file():
        yield folder
    for above, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(above, name) for name in sorted(names) if not name.startswith("."))
        yield from (path for path in paths if path.is_file())


def _read(path: Path, room: int) -> list[Page]:
    """Return a file's pages, which may have as many characters as there is room for."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UnreadableError(f"not one of {', '.join(SUFFIXES)}")
    data = read_regular(path, MAX_FILE_BYTES)
    if not data:
        raise UnreadableError("empty")
    pages: list[Page] = []
    # A long gap says nothing, and tiktoken's expressions fail on one of a million blanks.
    text = "" if suffix == ".pdf" else re.sub(r"[^\S\n]{99,}", " ", decode(data))
    marked = text if suffix == ".md" else mark_headings(text)
    whole = Page(marked, 0, suffix == ".md" or marked != text)
    for page in _pdf(data) if suffix == ".pdf" else [whole]:
        room -= len(page.text)
        if room < 0:
            raise UnreadableError(f"more than {MAX_CHARACTERS:,} characters in all")
        pages.append(page)
    if not any(re.search(r"\w", page.text) for page in pages):
        scanned = "; scanned pages need text recognition first" if suffix == ".pdf" else ""
        raise UnreadableError(f"no text in it{scanned}")
    return pages


_HYPHEN = re.compile(r"(?<=[^\W\d_])-\n(?!(?:und|oder|bzw)\b)(?=[a-zäöüß])")


def _pdf(data: bytes) -> Iterator[Page]:
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # says at length what is said below
    try:
        reader = PdfReader(BytesIO(data))
        # Many PDFs are encrypted with an empty password, just to forbid printing.
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableError("encrypted")  # noqa: TRY301
        for number, page in enumerate(reader.pages, 1):
            yield Page(_HYPHEN.sub("", page.extract_text()).strip(), number)
    except UnreadableError:
        raise
    except Exception as error:  # noqa: BLE001 - a broken file can fail anywhere in the reader
        needs_aes = type(error).__name__ == "DependencyError"
        raise UnreadableError("encrypted" if needs_aes else "a broken PDF") from None
