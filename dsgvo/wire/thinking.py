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
    "Split",
    "ThinkSplitter",
    "closes_thought",
    "thought_rest",
    "thought_text",
    "thought_unopened",
]

_OPEN = "<think>"
_CLOSE = "</think>"
_BETWEEN = "\n\n"  # a thought and a further one
_THOUGHT_FIELDS = ("thinking", "reasoning", "text", "content", "summary", "reasoning_content")
_MAX_NESTING = 6
_NOT_BLANK = re.compile(r"\S")
_NO_TAG = re.compile(r"[^\s<]")
_QUOTES = frozenset("`'\"„“”«»()<>")
# A fence is alone in its line, but for what it says of the code, and the mark of a list or quote.
_FENCE = re.compile(r"^[^A-Za-z`\n]*```[^`\n]*$", re.M)
_QUOTED_BY = {"`": "`", "'": "'", '"': '"', "„": "“”", "“": "”", "«": "»", "»": "«", "(": ")"}
_BEFORE_QUOTE = frozenset("([{*_/=:")


class Split(NamedTuple):
    """A piece of text, told apart."""

    reasoning: str
    content: str


class _State(Enum):
    BEFORE = auto()  # nothing but white space yet, or between two thoughts
    THINKING = auto()
    ANSWER = auto()


class _Unclosed:
    """The text of a thought that only the prompt's template can have opened: or of the answer."""

    __slots__ = ("_judged", "doubtful", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._judged = 0  # how many of them came before the last closing tag
        self.doubtful: int | None = None  # how many before the last that may have ended the thought

    def closes(self, after: str) -> bool | None:
        """Return whether the closing tag that comes next ends the thought, or is but mentioned.

        A mention stands inside a line, in quotes of its own or behind an opening tag. One that is
        taken for an end shows the rest of a thought, one that is not shows all of it at the end:
        the latter of tags in doubt is mended then.

        Args:
            after: What follows; ``None`` is returned if that is to tell and is empty.
        """
        before = "".join(self.pieces[self._judged :])
        line = before.rpartition("\n")[2]
        _, opened, inside = line.rpartition(_OPEN)
        closers = _QUOTED_BY.get(line[-1:], "") if _quotes(line) else ""
        if not (opened or closers):
            return True
        if not after:
            return None
        if not opened and after not in closers:
            return True
        self._judged = len(self.pieces)
        ends = after.isalnum() or after in {"\n", "\r"} or " " in inside
        if ends and after not in closers:
            self.doubtful = len(self.pieces)
        return False

    def parted(self) -> tuple[str, str]:
        """Return the thought and the answer, at the end of a text that no tag has parted."""
        if self.doubtful is None:
            return "", "".join(self.pieces)
        thought, answer = self.pieces[: self.doubtful], self.pieces[self.doubtful + 1 :]
        return "".join(thought).strip(), "".join(answer).lstrip()


class ThinkSplitter:
    r"""Incremental splitter; tags may be split over pieces anywhere.

    Args:
        opened: Whether the prompt's template has written the opening tag, so that the text begins
            inside a thought.
        before: The thoughts so far, if the text is the rest of an answer: white space before it is
            the answer's then, and what it thinks stands apart from them.

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
        "_unclosed",
        "has_thoughts",
        "thought_left",
    )

    def __init__(self, *, opened: bool = False, before: str | None = None) -> None:
        self._state = _State.BEFORE
        self._opened = opened
        self._rest = before is not None
        self._unclosed: _Unclosed | None = None  # the text so far, if it may be no thought
        self._held: str = ""  # text that may still turn out to be a tag
        self._blank: list[str] = []  # white space before it
        self.has_thoughts = False
        """Whether a thought has come, be it empty: white space before the answer is dropped."""
        self._fresh = True  # nothing but white space has come of this thought
        self.thought_left: str | None = None
        """What is left of the thoughts if the answer turned out to be among them, at the end."""
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
                end = text.find(_CLOSE, at)
                if end < 0:
                    text = text[at:]
                    keep = _partial_tag(text, _CLOSE)
                    self._held = text[len(text) - keep :]
                    reasoning.append(self._think(text[: len(text) - keep]))
                    return Split("".join(reasoning), "")
                reasoning.append(self._think(text[at:end]))
                at = end + len(_CLOSE)
                closes = self._unclosed is None or self._unclosed.closes(text[at : at + 1])
                if closes is None:
                    self._held = _CLOSE
                    return Split("".join(reasoning), "")
                if not closes:
                    reasoning.append(self._think(_CLOSE))
                    continue
                self._close()
            start = _NOT_BLANK.search(text, at)
            begin = start.start() if start else len(text)
            self._blank.append(text[at:begin])
            if text.startswith(_OPEN, begin):
                at = begin + len(_OPEN)
                self._open()
                continue
            if text.startswith(_CLOSE, begin):  # an empty thought that the template opened
                at = begin + len(_CLOSE)
                self._close()
                continue
            rest = text[begin:]
            if _OPEN.startswith(rest) or _CLOSE.startswith(rest):  # also nothing
                self._held = rest
                return Split("".join(reasoning), "")
            if not self._opened:
                self._state = _State.ANSWER
                return Split("".join(reasoning), self._after_blank(rest))
            text, at = "".join((*self._blank, rest)), 0
            self._open()
            self._unclosed = _Unclosed()

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
        self.thought_left, answer = self._unclosed.parted()
        self.has_thoughts |= bool(self.thought_left)
        return Split("", answer)

    def _think(self, text: str) -> str:
        """Return a thought's text; white space at its ends belongs to the tags."""
        if self._unclosed is not None:
            self._unclosed.pieces.append(text)
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

        It is if no thought came, or if the text goes on with what had come.
        """
        dropped = self.has_thoughts and not self._rest
        return text if dropped else "".join((*self._blank, text))

    def _open(self) -> None:
        self._end_thought()
        self._state = _State.THINKING

    def _close(self) -> None:
        self._end_thought()
        self._opened = False
        self._unclosed = None
        self.has_thoughts = True
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
    before, tag, after = text.partition(_CLOSE)
    fenced = len(_FENCE.findall(before)) % 2 and len(_FENCE.findall(after)) % 2
    if not tag or fenced or _OPEN in before:
        return False
    if before[-1:] in {" ", "\t"}:
        return after[:1] in {"\n", "\r"} or after[:1].isalnum()
    return before[-1:] not in _QUOTES


def closes_thought(text: str) -> bool:
    """Return whether any tag of a whole text ends a thought that the template may have opened."""
    splitter = ThinkSplitter(opened=True)
    splitter.feed(text)
    splitter.flush(cut=False)
    return splitter.has_thoughts


def _quotes(line: str) -> bool:
    """Return whether a line's last character opens a quote, rather than ends one or a fence."""
    quoted = line.rstrip(line[-1:])
    before = quoted[-1:]
    return len(line) - len(quoted) < 3 and (before in _BEFORE_QUOTE or not before.strip())


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
