"""Thoughts, told apart from the answer: ``<think>…</think>`` in text, and objects that hold them.

The blocks stand before the answer (SovrGPT: "vor der finalen Antwort"), so the tag opens a thought
only there. An answer that merely mentions the tag keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, NamedTuple, cast

__all__ = [
    "CLOSING_TAG",
    "Split",
    "ThinkSplitter",
    "thought_rest",
    "thought_text",
    "thought_unopened",
]

_OPEN = "<think>"
CLOSING_TAG = "</think>"
_THOUGHT_FIELDS = ("thinking", "reasoning", "text", "content", "summary", "reasoning_content")
_BETWEEN = "\n\n"  # a thought and a further one
_MAX_NESTING = 6
_NOT_BLANK = re.compile(r"\S")
_NO_TAG = re.compile(r"[^\s<]")
_QUOTES = "`'\"„“”«»()<>"
_BEHIND_WORDS = ".,;:!?)\\'"  # no answer begins so


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

    Args:
        opened: Whether the prompt's template has written the opening tag, so that the text begins
            inside a thought.
        before: The thoughts so far, if the text is the rest of an answer: white space before it is
            the answer's then, but for lines behind a tag, and what it thinks stands apart.

    Examples:
        >>> splitter = ThinkSplitter()
        >>> splitter.feed("<th"), splitter.feed("ink>Hm.</think>\n\nJa.")
        (Split(reasoning='', content=''), Split(reasoning='Hm.', content='Ja.'))
    """

    __slots__ = (
        "_blank",
        "_fresh",
        "_held",
        "_opened",
        "_rest",
        "_space",
        "_state",
        "_tagged",
        "_unclosed",
        "has_thoughts",
        "thought_was_answer",
    )

    def __init__(self, *, opened: bool = False, before: str | None = None) -> None:
        self._state = _State.BEFORE
        self._opened = opened
        self._rest = before is not None
        self._tagged = False  # a closing tag has come
        self._unclosed: list[str] | None = None  # the text so far, if it may be no thought
        self._held: str = ""  # text that may still turn out to be a tag
        self._blank: list[str] = []  # white space before it
        self.has_thoughts = False
        """Whether a thought has come, be it empty: white space before the answer is dropped."""
        self._fresh = True  # nothing but white space has come of this thought
        self.thought_was_answer = False
        """Whether what showed as a thought turned out to be the answer, at the end."""
        # White space that shows if the thoughts go on.
        self._space: list[str] = [_BETWEEN] if before else []

    @property
    def done(self) -> bool:
        """Whether the answer has begun, so that all that follows belongs to it."""
        return self._state is _State.ANSWER

    def feed(self, text: str) -> Split:
        """Take the next piece of ``content`` and return what is certain of it."""
        if self._state is _State.ANSWER:
            return Split("", text)
        begins = self._state is _State.BEFORE and not (self._opened or self._held)
        if begins and _NO_TAG.match(text):  # nearly all answers
            self._state = _State.ANSWER
            return Split("", self._after_blank(text))
        text = self._held + text
        self._held = ""
        at = 0  # what comes before it is told apart: a copy of the rest for each tag would not end
        reasoning: list[str] = []
        while True:
            if self._state is _State.THINKING:
                end = text.find(CLOSING_TAG, at)
                if end < 0:
                    text = text[at:]
                    keep = _partial_tag(text, CLOSING_TAG)
                    self._held = text[len(text) - keep :]
                    reasoning.append(self._think(text[: len(text) - keep]))
                    return Split("".join(reasoning), "")
                reasoning.append(self._think(text[at:end]))
                at = end + len(CLOSING_TAG)
                self._close()
            start = _NOT_BLANK.search(text, at)
            begin = start.start() if start else len(text)
            self._blank.append(text[at:begin])
            if text.startswith(_OPEN, begin):
                at = begin + len(_OPEN)
                self._open()
                continue
            if text.startswith(CLOSING_TAG, begin):  # an empty thought that the template opened
                at = begin + len(CLOSING_TAG)
                self._close()
                continue
            rest = text[begin:]
            if _OPEN.startswith(rest) or CLOSING_TAG.startswith(rest):  # also nothing
                self._held = rest
                return Split("".join(reasoning), "")
            if not self._opened:
                self._state = _State.ANSWER
                return Split("".join(reasoning), self._after_blank(rest))
            text, at = "".join((*self._blank, rest)), 0
            self._open()
            self._unclosed = []

    def think(self, text: str) -> str:
        """Return what shows of a piece of thought that came in a field of its own."""
        if not text.isspace():
            self._opened = False
            self.has_thoughts = True
        return self._think(text)

    def flush(self, *, cut: bool) -> Split:
        """Return what was held back, at the end of the text.

        A thought that was never closed, because the answer was cut by ``max_tokens``, stays a
        thought. One that only the template can have opened is the answer if it was not ``cut``.
        """
        if self._state is not _State.THINKING:
            return Split("", "" if self.done else self._after_blank(self._held))
        reasoning = self._think(self._held)
        if cut or self._unclosed is None:
            return Split(reasoning, "")
        self.thought_was_answer = True
        return Split("", "".join(self._unclosed))

    def _think(self, text: str) -> str:
        """Return a thought's text; white space at its ends belongs to the tags."""
        if self._unclosed is not None:
            self._unclosed.append(text)
        if self._fresh:
            text = text.lstrip()
            if not text:
                return ""
            self._fresh = False
        kept = text.rstrip()
        if kept:
            self._space, before = [text[len(kept) :]], self._space
            return "".join((*before, kept))
        self._space.append(text)
        return ""

    def _after_blank(self, text: str) -> str:
        """Return the answer's first text, with the white space before it if that is the answer's.

        It is if no thought came. Of the rest of an answer it is, too, but for the template's lines
        behind a tag.
        """
        blank = "".join(self._blank)
        own = self._rest and not (self._tagged and "\n" in blank)
        return f"{blank}{text}" if own or not self.has_thoughts else text

    def _open(self) -> None:
        self._end_thought()
        self._state = _State.THINKING

    def _close(self) -> None:
        self._end_thought()
        self._opened = False
        self._unclosed = None
        self.has_thoughts = self._tagged = True
        self._state = _State.BEFORE

    def _end_thought(self) -> None:
        if not self._fresh:
            self._space = [_BETWEEN]
        self._fresh = True
        self._blank = []


def _partial_tag(text: str, tag: str) -> int:
    """Return how many characters at the end of ``text`` begin ``tag``."""
    sizes = range(min(len(tag) - 1, len(text)), 0, -1)
    return next((size for size in sizes if tag.startswith(text[-size:])), 0)


def thought_unopened(text: str) -> bool:
    r"""Return whether a whole text begins inside a thought: its first tag closes one.

    Examples:
        >>> thought_unopened("Hm.\n</think>\n\nJa."), thought_unopened("Man schreibt </think> so.")
        (True, False)
    """
    end = text.find(CLOSING_TAG)
    if end < 0 or text.find(_OPEN, 0, end) >= 0 or text.count("```", 0, end) % 2:
        return False
    before, after = text[max(end - 1, 0) : end], text[end + len(CLOSING_TAG) :][:1]
    if after and after in _BEHIND_WORDS:
        return False
    if before in {" ", "\t"}:
        return after in {"\n", "\r"} or after.isalnum()
    return before not in set(_QUOTES)


def thought_text(value: object, depth: int = 0) -> str:
    """Return the text of thoughts in whatever form they came; nothing if there is none.

    Examples:
        >>> thought_text([{"type": "thinking", "thinking": [{"text": "Hm"}]}, {"summary": "."}])
        'Hm.'
    """
    if isinstance(value, str):
        return value
    if value is None or depth > _MAX_NESTING:
        return ""
    if isinstance(value, list):
        return "".join(thought_text(item, depth + 1) for item in cast("list[object]", value))
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, object]", value)
        texts = (thought_text(fields.get(name), depth + 1) for name in _THOUGHT_FIELDS)
        return next(filter(None, texts), "")
    return ""


def thought_rest(value: object) -> Any:
    """Return what an object, or a list of them, holds beside the text of a thought."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        rest = {key: fields[key] for key in fields if key not in _THOUGHT_FIELDS}
        return rest if rest.keys() - {"type", "index"} else {}
    if isinstance(value, list):
        return [rest for item in cast("list[object]", value) if (rest := thought_rest(item))]
    return None if isinstance(value, str) else value
