"""Words, sentences and their likeness, for German and English text."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from dsgvo.emulator.brain.lexicon import (
    ABBREVIATIONS,
    COMMON_WORDS,
    ENGLISH,
    GERMAN,
    SAME,
    SMALL_TALK,
    STOP_WORDS,
)

_FOLDED = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss", "é": "e", "è": "e", "à": "a"})
_WORD = re.compile(r"\w+")

_STOP_WORDS = frozenset(STOP_WORDS.translate(_FOLDED).split())
_COMMON_WORDS = frozenset(COMMON_WORDS.translate(_FOLDED).split())


def fold(text: str) -> str:
    """Return text in lower case with umlauts as plain letters, so that plural and singular meet."""
    return text.lower().translate(_FOLDED)


def is_stop_word(folded: str) -> bool:
    """Tell whether a folded word says nothing about the subject."""
    return folded in _STOP_WORDS


def is_common_word(folded: str) -> bool:
    """Tell whether a folded word is in texts about anything."""
    return folded in _COMMON_WORDS


def words(text: str) -> list[str]:
    """Return the folded words of a text, in order."""
    return _WORD.findall(fold(text))


@lru_cache(maxsize=8192)
def grams(word: str) -> frozenset[str]:
    """Return the character trigrams of a folded word with its borders."""
    padded = f"<{word}>"
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))


_GROUPS: dict[str, set[int]] = {}
for _number, _line in enumerate(SAME.strip().splitlines()):
    for _one in _line.split():
        _GROUPS.setdefault(_one, set()).add(_number)

_ENDINGS = ("innen", "ungen", "ern", "ing", "ung", "en", "er", "es", "em", "ed", "e", "n", "s")


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """Return a folded word without its ending, at least four letters of it.

    A participle loses its ``ge`` and ``t`` too, and meets its verb: ``gemeldet``, ``melden``.
    """
    if word.startswith("ge") and word.endswith("t") and len(word) >= 7:
        return word[2:-2] if word.endswith("et") and len(word) >= 8 else word[2:-1]
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=16384)
def meanings(word: str) -> frozenset[int]:
    """Return the groups of synonyms of a word, of its stem, or of the last part of a compound."""
    bare = stem(word)
    found = _GROUPS.get(word) or _GROUPS.get(bare) or _STEM_GROUPS.get(bare) or set[int]()
    tails = (word[at:] for at in range(3, len(word) - 4))
    ends = (_GROUPS.get(tail) for tail in tails)
    return frozenset(found or next((group for group in ends if group), set[int]()))


_STEM_GROUPS: dict[str, set[int]] = {}
for _word, _numbers in _GROUPS.items():
    _STEM_GROUPS.setdefault(stem(_word), set()).update(_numbers)


@lru_cache(maxsize=65536)
def alike(one: str, other: str) -> float:
    """Tell how alike two folded words are: 1 for the same, 0 for strangers.

    Inflected forms, parts of compounds and everyday synonyms are in between.
    """
    if one == other:
        return 1.0
    if one.isdigit() or other.isdigit():
        return 0.0
    first, second = stem(one), stem(other)
    if first == second:
        return 0.95
    if meanings(one) & meanings(other):
        return 0.85
    short, long = sorted((first, second), key=len)
    if len(short) >= 4 and short in long:
        if long.find(short) in (1, 2):
            # A compound has no first part of two letters: "halt" is not in "Gehalt", and
            # "beschreiben" is not quite "schreiben".
            return 0.5
        # The shorter word must make up a good part of a compound: "Reise" says little about
        # "Reisekostenabrechnung".
        part = min(1.0, len(short) / len(long) / _PART)
        return part * (0.85 if long.startswith(short) or long.endswith(short) else 0.5)
    if len(short) < 5:
        return 0.0
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    if start >= 6 and (start >= len(long) * 0.6 or len(short) - start <= 2):
        return 0.7
    mine, theirs = grams(one), grams(other)
    dice = 2 * len(mine & theirs) / (len(mine) + len(theirs))
    return dice if dice >= 0.55 else 0.0


def terms(text: str) -> list[str]:
    """Return the folded words of a text that say what it is about, each once, in order."""
    found = [word for word in words(text) if not is_stop_word(word)]
    return list(dict.fromkeys(word for word in found if len(word) > 1 or word.isdigit()))


_PART = 0.4
_END = re.compile(r"(?<=[.!?…])[\"“”»«)\]*]*\s+(?=[\"„“»«(\[*]*[A-ZÄÖÜ0-9])")
_BULLET = re.compile(r"^(\s*)([-*•–∗◦▪●]|\d+[.)])\s+")


@dataclass(frozen=True)
class Block:
    """A paragraph, a list item, a row of a table or a heading.

    Args:
        text: Its text on one line, without the sign of a list item.
        sign: What the items of its list begin with; ``1`` for numbers, empty for no item.
        indent: How far a list item is indented.
    """

    text: str
    sign: str = ""
    indent: int = 0


def sentences(text: str) -> list[str]:
    """Split text into sentences; list items and table rows count as sentences."""
    return [sentence for block in blocks(text) for sentence in sentences_of(block.text)]


def sentences_of(block: str) -> list[str]:
    """Split the text of a block into sentences."""
    found: list[str] = []
    start = 0
    for end in _END.finditer(block):
        before = re.split(r"[\s.]+", block[start : end.start()].rstrip(".!?"))[-1].lower()
        ordinal = before.isdigit() and block[end.start() - 1] == "."
        if before in ABBREVIATIONS or ordinal or len(before) == 1:
            continue
        found.append(block[start : end.start()].strip())
        start = end.end()
    found.append(block[start:].strip())
    return [sentence for sentence in found if re.search(r"\w", sentence)]


def blocks(text: str) -> list[Block]:
    """Join the lines of paragraphs; keep list items, table rows and headings apart."""
    found: list[Block] = []
    fresh = True
    for line in text.splitlines():
        stripped = line.strip()
        bullet = _BULLET.match(line)
        if not stripped:
            fresh = True
            continue
        if bullet:
            sign = "1" if bullet[2][0].isdigit() else bullet[2]
            found.append(Block(_BULLET.sub("", stripped), sign, len(bullet[1])))
        elif fresh or stripped.startswith(("#", "|")) or not found:
            found.append(Block(stripped))
        else:
            last = found[-1]
            cut = last.text.endswith("-") and stripped[:1].islower()
            joined = last.text[:-1] + stripped if cut else f"{last.text} {stripped}"
            found[-1] = replace(last, text=joined)
        fresh = stripped.startswith(("#", "|"))
    return found


def is_small_talk(text: str) -> bool:
    """Tell whether a text is a greeting or a courtesy."""
    return len(words(text)) <= 8 and all(word in SMALL_TALK for word in terms(text))


def is_english(text: str) -> bool:
    """Tell whether a text is rather English than German; German if in doubt."""
    found = words(text)
    english = sum(word in ENGLISH for word in found)
    return english > sum(word in GERMAN for word in found)
