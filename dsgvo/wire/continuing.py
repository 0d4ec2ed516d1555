"""The rest of an answer that was cut: how it is asked for, and joined to what had come."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["GO_ON", "Seam", "continued", "continued_body"]

GO_ON = (
    "Your answer was cut off. Repeat its last three words exactly as they stand, and go on from "
    "there as if nothing had happened: no introduction, and nothing else said twice."
)
"""What the user says to get the rest. The words that are repeated show where it begins, for a text
may have been cut inside a word or before a space."""

OVERLAP = 400
"""Characters before the cut that the rest may repeat."""

_WORD = re.compile(r"(?<!\S)\S")
_SPACE = re.compile(r"\s+")
_FENCE = re.compile(r"\s*```[^\n`]+\n")  # with a language: else it may be the block's end
_FENCE_BEGUN = re.compile(r"\s*`{1,3}[^\n`]{,40}")
_OF_WHOLE_ANSWERS = frozenset({"response_format", "structured_outputs"})


def continued(messages: Sequence[Mapping[str, Any]], text: str) -> list[Mapping[str, Any]]:
    """Return the conversation that asks for the rest of an answer, of which a text has come."""
    said = {"role": "assistant", "content": text}
    return [*messages, said, {"role": "user", "content": GO_ON}]


def continued_body(body: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return the request for the rest of an answer.

    A form that a whole answer must have is left out: the rest of an object is no object.
    """
    rest = {name: value for name, value in body.items() if name not in _OF_WHOLE_ANSWERS}
    return {**rest, "messages": continued(body["messages"], text)}


class Seam:
    r"""Takes out of the rest of a text what it repeats of the words before the cut.

    What may be a repetition is held until it is known to be none. A line's end and a blank between
    two words are the same.

    Args:
        before: The text before the cut.

    Examples:
        >>> seam = Seam("Der Donaudampf")
        >>> [seam.feed(piece) for piece in ("Der ", "Donau", "dampfer ", "legt ab.")]
        ['', '', 'er ', 'legt ab.']
        >>> Seam("Eins, zwei").feed(", drei"), Seam("Nach Ulm und Bonn").feed("Bonn und")
        (', drei', ' und')
        >>> Seam("2 000").feed(" 000 €"), Seam("| Mo | 2 |").feed("\n| Di | 1 |")
        (' 000 €', '\n| Di | 1 |')
        >>> Seam("| 0 | 0 | 0").feed("0 | 0 | 0 |"), Seam("0 | 0 | 0").feed("| 0 | 7", last=True)
        (' | 0 |', ' | 7')
        >>> Seam("Eins,\nzwei ").feed("Eins, zwei  drei")
        ' drei'
        >>> Seam("| 1 |\n").feed("| 2 |", last=True)
        '| 2 |'
        >>> Seam("```py\na = 1\nb = ").feed("```py\nb = 2")
        '2'
    """

    __slots__ = ("_ends", "_fenced", "_held", "_space", "repeats")

    def __init__(self, before: str) -> None:
        tail = before[-OVERLAP:]
        self._space = tail[len(tail.rstrip()) :]
        words = _SPACE.sub(" ", tail)
        ends = [words[word.start() :] for word in _WORD.finditer(words)]  # the longest first
        sure = ends[:-2] or ends[:1]  # three words as they were asked for, or all that there are
        self._ends = [*sure[-1:], *ends]  # those first: words may recur
        self._fenced = before.count("```") % 2 == 1  # some open the block anew
        self._held = ""
        self.repeats = False
        """Whether the rest begins with words from before the cut."""

    def feed(self, text: str, *, last: bool = False) -> str:
        """Take the next piece of the rest, or the ``last`` of a whole one; return what is new."""
        if not self._ends:
            return text
        held = self._held + text
        fence = _FENCE.match(held) if self._fenced else None
        words = held[fence.end() :] if fence else held
        begun = _SPACE.sub(" ", words.lstrip())
        short = len(held) < 2 * OVERLAP  # of blanks alone, more may come without an end
        begins = self._fenced and _FENCE_BEGUN.fullmatch(held)
        if short and not last and (begins or any(end.startswith(begun) for end in self._ends)):
            self._held = held
            return ""
        goes_on = words[:1].isspace() and not self._space  # fewer words recur by chance then
        for end in filter(begun.startswith, self._ends):
            said = re.match(r"\s*" + r"\s+".join(map(re.escape, end.split())), words)
            rest = words[said.end() :] if said else ""
            is_all = last and not rest.strip()
            if goes_on and len(end) < len(self._ends[0]) and not is_all:
                continue
            if rest.startswith(self._space) or is_all:
                self.repeats = True
                break
        else:
            rest, self._space = held, ""
        self._ends.clear()
        return rest.removeprefix(self._space)
