"""Separates ``<think>…</think>`` blocks from the answer that follows them.

The blocks stand before the answer (SovrGPT: "vor der finalen Antwort"), so the tag opens a thought
only there. An answer that merely mentions the tag keeps it.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

__all__ = ["Split", "ThinkSplitter"]

_OPEN = "<think>"
_CLOSE = "</think>"


class Split(NamedTuple):
    """A piece of text, told apart."""

    reasoning: str
    content: str


class _State(Enum):
    BEFORE = auto()  # nothing but white space yet, or between two thoughts
    THINKING = auto()
    ANSWER = auto()


class ThinkSplitter:
    r"""Incremental splitter; tags may be split over pieces anywhere.

    Example:
        >>> splitter = ThinkSplitter()
        >>> splitter.feed("<th"), splitter.feed("ink>Hm.</think>\n\nJa.")
        (Split(reasoning='', content=''), Split(reasoning='Hm.', content='Ja.'))
    """

    __slots__ = ("_fresh", "_held", "_space", "_state", "_thought")

    def __init__(self) -> None:
        self._state = _State.BEFORE
        self._held: str = ""  # text that may still turn out to be a tag
        self._thought = False  # a thought was closed: white space before the answer is dropped
        self._fresh = True  # nothing but white space has come of this thought
        self._space = ""  # white space that shows if the thoughts go on

    @property
    def done(self) -> bool:
        """Whether the answer has begun, so that all that follows belongs to it."""
        return self._state is _State.ANSWER

    def feed(self, text: str) -> Split:
        """Take the next piece of ``content`` and return what is certain of it."""
        if self._state is _State.ANSWER:
            return Split("", text)
        text = self._held + text
        self._held = ""
        reasoning: list[str] = []
        while True:
            if self._state is _State.THINKING:
                end = text.find(_CLOSE)
                if end < 0:
                    keep = _partial_tag(text, _CLOSE)
                    self._held = text[len(text) - keep :]
                    reasoning.append(self._think(text[: len(text) - keep]))
                    return Split("".join(reasoning), "")
                reasoning.append(self._think(text[:end]))
                text = text[end + len(_CLOSE) :]
                self._close()
            start = text.lstrip()
            if start.startswith(_OPEN):
                text = start[len(_OPEN) :]
                self._state = _State.THINKING
            elif _OPEN.startswith(start):  # also when nothing has come yet
                self._held = text
                return Split("".join(reasoning), "")
            else:
                self._state = _State.ANSWER
                return Split("".join(reasoning), start if self._thought else text)

    def flush(self) -> Split:
        """Return what was held back, at the end of the text.

        A thought that was never closed, because the answer was cut by ``max_tokens``, stays a
        thought.
        """
        if self._state is _State.THINKING:
            return Split(self._think(self._held), "")
        return Split("", self._held.lstrip() if self._thought else self._held)

    def _think(self, text: str) -> str:
        """Return a thought's text; white space next to its tags belongs to them."""
        if self._fresh:
            text = text.lstrip()
            if not text:
                return ""
            self._fresh = False
        text = self._space + text
        kept = text.rstrip()
        self._space = text[len(kept) :]
        return kept

    def _close(self) -> None:
        if not self._fresh:
            self._space = "\n\n"  # between this thought and a further one
        self._fresh = True
        self._thought = True
        self._state = _State.BEFORE


def _partial_tag(text: str, tag: str) -> int:
    """Return how many characters at the end of ``text`` begin ``tag``."""
    sizes = range(min(len(tag) - 1, len(text)), 0, -1)
    return next((size for size in sizes if tag.startswith(text[-size:])), 0)
