"""Documents from a folder, cut into sections at their headings.

Nothing here belongs to a framework. Both read the same sections, so their answers name the same
places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from pathlib import Path

from dsgvo.cli.demo.pdf import read_pdf
from dsgvo.cli.demo.sections import Section, UnreadableError
from dsgvo.errors import ConfigurationError

__all__ = ["Library", "Skipped", "read_documents"]


@dataclass(frozen=True)
class Skipped:
    """A file that was left out, and why."""

    file: str
    reason: str


@dataclass
class Library:
    """What was read of a folder."""

    sections: list[Section] = field(default_factory=list[Section])
    files: list[str] = field(default_factory=list[str])
    skipped: list[Skipped] = field(default_factory=list[Skipped])


def read_documents(folder: Path) -> Library:
    """Read all documents of a folder and the folders in it.

    Args:
        folder: The folder, or a single file. Hidden files are left out.

    Returns:
        The sections in the order of the file names, and what was skipped.

    Raises:
        ConfigurationError: If the folder is missing or empty, or no file of it can be used.
    """
    if not folder.exists():
        raise ConfigurationError(f"--docs {folder}: there is no such folder")
    try:
        paths = [folder] if folder.is_file() else sorted(_files(folder))
    except OSError as error:
        raise ConfigurationError(f"--docs {folder}: {error.strerror}") from None
    if not paths:
        raise ConfigurationError(f"--docs {folder}: the folder has no files")
    library = Library()
    root = folder.parent if folder.is_file() else folder
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            sections = _read(path, name)
        except UnreadableError as error:
            library.skipped.append(Skipped(name, str(error)))
        except OSError as error:
            library.skipped.append(Skipped(name, (error.strerror or str(error)).lower()))
        else:
            library.files.append(name)
            library.sections += sections
    if not library.sections:
        first = library.skipped[0]
        raise ConfigurationError(
            f"--docs {folder}: none of {len(paths)} file(s) can be used, e.g. {first.file}: "
            f"{first.reason}; put {', '.join(_READERS)} files there"
        )
    return library


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        below = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") for part in below):
            yield path


def _read(path: Path, name: str) -> list[Section]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UnreadableError(f"not one of {', '.join(_READERS)}")
    if path.stat().st_size == 0:
        raise UnreadableError("empty")
    sections = [section for section in reader(path, name) if re.search(r"\w", section.text)]
    if not sections:
        raise UnreadableError("no text in it")
    return sections


# Text

_BYTE_ORDER_MARKS = (
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
# Tab, line feed, form feed, carriage return and escape are in texts; other controls are not.
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def _decode(data: bytes) -> str:
    """Return a file's text. German files from before Unicode are mostly in Windows-1252."""
    marked = [encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)]
    for encoding in marked or ["utf-8", "cp1252"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if len(_BINARY.findall(text)) * 100 > len(text):
            raise UnreadableError("no text, although its name says so")
        return "\n".join(text.splitlines())
    raise UnreadableError("neither UTF-8 nor Windows-1252")


_MARKDOWN_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*")
_FENCE = re.compile(r"\s*(?:```|~~~)")


def _markdown(path: Path, name: str) -> Iterator[Section]:
    above: list[tuple[int, str]] = []
    body: list[str] = []
    fenced = False

    def section() -> Section:
        titles = " › ".join(title for _, title in above)
        return Section("\n".join(body).strip(), name, titles)

    for line in _decode(path.read_bytes()).split("\n"):
        fenced ^= _FENCE.match(line) is not None
        heading = None if fenced else _MARKDOWN_HEADING.fullmatch(line)
        if heading is None:
            body.append(line)
            continue
        yield section()
        body.clear()
        level = len(heading[1])
        above = [(depth, title) for depth, title in above if depth < level]
        above.append((level, heading[2]))
    yield section()


_NUMBERED = re.compile(r"(?:Kapitel |Chapter |§ ?)?\d{1,2}(?:\.\d{1,2})*\.?\s+[^\W\d_].{1,70}")
_SUBSECTION = re.compile(r"\d{1,2}(?:\.\d{1,2})+\.?\s+[^\W\d_]")
_HEADING_LINES = 3
_UNDERLINE = re.compile(r"([=\-~*^])\1{2,}")


def _heading(lines: Sequence[str], at: int) -> int:
    """Return how many lines the heading at a line has: 0 if there is none.

    A heading is underlined, in capitals, or numbered. Those numbered twice may be questions and
    run over several lines, as in lists of frequent questions.
    """
    text, after = lines[at].strip(), lines[at + 1].strip()
    if not re.search(r"\w", text) or len(text) > 80 or lines[at - 1].strip():
        return 0
    if _UNDERLINE.fullmatch(after):
        return 1
    if _SUBSECTION.match(lines[at]):
        block = list(takewhile(str.strip, lines[at : at + _HEADING_LINES + 1]))
        return len(block) if len(block) <= _HEADING_LINES and block[-1][-1] not in ".,;:" else 0
    if after or text[-1] in ".,;:!?":
        return 0
    capitals = text == text.upper() and sum(map(str.isalpha, text)) > 3
    return int(capitals or _NUMBERED.fullmatch(text) is not None)


def _plain(path: Path, name: str) -> Iterator[Section]:
    lines = ["", *(line.rstrip() for line in _decode(path.read_bytes()).split("\n")), ""]
    sizes = {at: size for at in range(1, len(lines) - 1) if (size := _heading(lines, at))}
    for start, end in pairwise([0, *sizes, len(lines)]):
        first = start + sizes.get(start, 1)
        if _UNDERLINE.fullmatch(lines[first].strip()) if first < end else False:
            first += 1
        title = " ".join(" ".join(lines[start : start + sizes.get(start, 1)]).split())
        while first < end and not lines[first]:
            first += 1
        yield Section("\n".join(lines[first:end]).rstrip(), name, title, line=first)


_READERS = {".md": _markdown, ".txt": _plain, ".pdf": read_pdf}
