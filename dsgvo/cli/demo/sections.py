"""Pieces of documents that know their place: a heading, a page, a line."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Section", "UnreadableError"]


class UnreadableError(Exception):
    """Says why a file cannot be used."""


@dataclass(frozen=True)
class Section:
    """A piece of a document, as long as its author made it.

    Args:
        text: The text, without its heading.
        file: Path of the file below the folder.
        title: Heading, with those above it: ``"Reisen › Tagegeld"``. May be empty.
        pages: Page numbers, each with the offset in ``text`` where the page begins.
        line: Number of the first line, where lines are all that a file has to point at.
    """

    text: str
    file: str
    title: str = ""
    pages: tuple[tuple[int, int], ...] = ()
    line: int | None = None

    @property
    def heading(self) -> str:
        """The heading right above the text."""
        return self.title.rpartition(" › ")[2]

    def place(self, start: int = 0, end: int | None = None) -> str:
        """Say where a part of the text is: ``"page 2, 5. Tagegeld"``, ``"Urlaub"``, ``"line 12"``.

        Args:
            start: Offset of its first character.
            end: Offset after its last one; by default the end of the text.
        """
        end = len(self.text) if end is None else end
        before = [number for offset, number in self.pages if offset <= start]
        inside = [number for offset, number in self.pages if start < offset < end]
        pages = [*before[-1:], *inside]
        parts: list[str] = []
        if pages:
            parts.append(f"page {pages[0]}" if len(pages) == 1 else f"pages {pages[0]}–{pages[-1]}")
        if self.heading:
            parts.append(self.heading)
        if self.line is not None:
            parts.append(f"line {self.line + self.text.count(chr(10), 0, start)}")
        return ", ".join(parts) or "beginning"
