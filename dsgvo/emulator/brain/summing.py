"""Summaries and keywords: the sentences and words that the rest of a text talks about most."""

import re
from collections import Counter

from dsgvo.emulator.brain.passages import passages
from dsgvo.emulator.brain.text import fold, is_stop_word, stem, terms

_SUMMARY = re.compile(
    r"\b(?:zusammenfass\w*|fasse\b.*\bzusammen|kernpunkte|kernaussagen|überblick|summar\w+"
    r"|tl;?dr|main points|key points)",
    re.IGNORECASE | re.DOTALL,
)
_SENTENCES = 3


def is_summary(text: str) -> bool:
    """Tell whether a text asks for a summary."""
    return _SUMMARY.search(text) is not None


def summary(text: str) -> str:
    """Return the three sentences that say most of what a text is about, in their order."""
    found = [one.text for passage in passages(text) for one in passage.statements]
    unique = list(dict.fromkeys(found))
    counts = Counter(stem(term) for sentence in unique for term in terms(sentence))

    def weight(place: int) -> float:
        inside = terms(unique[place])
        told = sum(counts[stem(term)] for term in inside) / (len(inside) + 4)
        return told + (0.5 if place == 0 else 0.0)

    best = sorted(range(len(unique)), key=weight, reverse=True)[:_SENTENCES]
    return " ".join(unique[place] for place in sorted(best))


def keywords(text: str, most: int) -> list[str]:
    """Return the words that a text uses most, as it writes them."""
    counts: Counter[str] = Counter()
    spelled: dict[str, str] = {}
    for word in re.findall(r"[^\W\d_]{4,}", text):
        folded = fold(word)
        if not is_stop_word(folded):
            counts[stem(folded)] += 2 if word[0].isupper() else 1
            spelled.setdefault(stem(folded), word)
    return [spelled[key] for key, _ in counts.most_common(most)]
