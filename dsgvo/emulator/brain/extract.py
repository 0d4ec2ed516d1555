"""Filling the leaves of a JSON schema from a text."""

import re
from collections.abc import Sequence
from typing import Any

from dsgvo.emulator.brain import spans
from dsgvo.emulator.brain.lexicon import word_set
from dsgvo.emulator.brain.spans import Span
from dsgvo.emulator.brain.text import alike, fold, is_stop_word, sentences, words
from dsgvo.emulator.jsons import JsonObject, as_list, as_text, is_number

_PLACE = word_set(
    """
    location city ort stadt place destination ziel region land country
    """
)
_WHOLE = word_set(
    """
    query question frage input prompt suchbegriff suchanfrage search text message nachricht
    content request anfrage q task aufgabe
    """
)
_LONG = word_set(
    """
    description beschreibung summary zusammenfassung reason grund comment notiz note
    """
)
_NO = re.compile(r"\b(?:nicht|kein\w*|ohne|no|not|without|don't|never|nie)\b", re.IGNORECASE)
_PLACED = re.compile(r"\b(?:in|aus|nach|bei|from|to|für|for|of|at|über|von)\s+$", re.IGNORECASE)
_CALLED = re.compile(
    r"\b(?:named|called|namens|heißt|heiße|genannt|name is|name ist|name:|ich bin|i am|i'm)\s+$",
    re.IGNORECASE,
)


def property_words(name: str, schema: JsonObject) -> list[str]:
    """Return the folded words of a property's name, title and description."""
    spelled = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ")
    text = f"{spelled} {as_text(schema.get('description'))}"
    return [word for word in words(text) if not is_stop_word(word)]


class Source:
    """A text from which values are taken; what was taken once is not taken again.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._used: list[Span] = []

    def number(self, name: str, schema: JsonObject, *, whole: bool) -> float | int | None:
        """Return the number that fits a property best, or None."""
        free = [
            span
            for span in self._free(spans.numbers(self.text))
            if span.number is not None and (not whole or span.number == int(span.number))
        ]
        wanted = property_words(name, schema)
        fitting = [span for span in free if _within(span.number or 0.0, schema)]
        best = max(fitting, key=lambda span: self._near(span, wanted), default=None)
        if best is None:
            return None
        self._used.append(best)
        value = best.number or 0.0
        return int(value) if value == int(value) else value

    def boolean(self, name: str, schema: JsonObject) -> bool | None:
        """Return whether the text affirms a property, or None if it does not mention it."""
        for word in re.finditer(r"\w+", self.text):
            if any(alike(fold(word[0]), one) >= 0.8 for one in property_words(name, {})):
                before = " ".join(self.text[: word.start()].split()[-3:])
                return not _NO.search(before)
        del schema
        return None

    def choice(self, options: Sequence[Any]) -> Any:
        """Return the option that the text mentions, or None."""
        folded = f" {fold(self.text)} "
        for option in sorted(options, key=lambda one: -len(str(one))):
            if re.search(rf"(?<!\w){re.escape(fold(str(option)))}(?!\w)", folded):
                return option
        found = words(self.text)
        likely = [
            (max((alike(fold(option), word) for word in found), default=0.0), option)
            for option in options
            if isinstance(option, str) and option
        ]
        best = max(likely, key=lambda pair: pair[0], default=(0.0, None))
        return best[1] if best[0] >= 0.8 else None

    def formatted(self, kind: str) -> str | None:
        """Return the first unused value of a JSON schema format, or None."""
        if kind == "date-time":
            day, hour = self._take(spans.dates(self.text)), self._take(spans.times(self.text))
            return f"{day}T{hour or '00:00:00'}Z" if day else None
        found: dict[str, list[Span]] = {
            "date": spans.dates(self.text),
            "time": [Span(s.start, s.end, s.text + "Z") for s in spans.times(self.text)],
            "email": _matches(spans.EMAIL, self.text),
            "uri": _matches(spans.URL, self.text),
            "uuid": _matches(spans.UUID, self.text),
        }
        return self._take(found.get(kind, []))

    def string(self, name: str, *, needed: bool) -> str | None:
        """Return the piece of text that fits a property, or None if none does.

        Args:
            name: Name of the property.
            needed: Whether it must have a value, so that a likely piece is better than none.
        """
        wanted = property_words(name, {})
        if any(alike(word, "datum") >= 0.85 for word in wanted):
            day = self._take(spans.dates(self.text))
            if day:
                return day
        for kind in ("email", "uri"):
            if (
                kind in wanted
                or (kind == "uri" and {"url", "link"} & set(wanted))
                or (kind == "email" and "mail" in wanted)
            ):
                return self.formatted(kind)
        labelled = self._labelled(wanted)
        if labelled or not needed:
            return labelled
        if set(wanted) & _LONG:
            return self.rest() or None
        if set(wanted) & _WHOLE:
            return self._take(spans.quoted(self.text)) or " ".join(self.text.split()) or None
        return self._named(wanted)

    def _named(self, wanted: list[str]) -> str | None:
        """Return a quoted text or a name; the words before it tell which of them."""
        quoted = self._take(spans.quoted(self.text))
        if quoted:
            return quoted
        free = self._free(spans.names(self.text))
        before = {span: self.text[: span.start] for span in free}
        placed = [span for span in free if _PLACED.search(before[span])]
        called = [span for span in free if _CALLED.search(before[span])]
        if set(wanted) & _PLACE:
            free = placed or free
        elif any(alike(word, "name") >= 0.85 for word in wanted):
            free = called or free
        best = max(free, key=lambda span: self._near(span, wanted), default=None)
        if best is None:
            return None
        self._used.append(best)
        return best.text

    def rest(self) -> str:
        """Return the text that was not taken, without loose punctuation."""
        text = self.text
        for span in sorted(self._used, key=lambda one: -one.start):
            text = text[: span.start] + text[span.end :]
        return " ".join(text.split()).strip(" ,;:-–") or " ".join(self.text.split())

    def items(self) -> list[str]:
        """Return the parts of a list in the text: lines with bullets, or what commas separate."""
        bullets = re.findall(r"^\s*(?:[-*•]|\d+[.)])\s+(.+)$", self.text, re.MULTILINE)
        if bullets:
            return [bullet.strip() for bullet in bullets]
        marked = [span.text for span in spans.quoted(self.text)]
        if len(marked) > 1:
            return marked
        tail = self.text.rsplit(":", 1)[-1]
        parts = re.split(r",\s+|\s+(?:und|and|oder|or)\s+", tail.strip().rstrip(".!?"))
        return [part.strip() for part in parts if part.strip()] if len(parts) > 1 else marked

    def parts(self) -> list[str]:
        """Return the sentences and lines, each of which may be a record."""
        return (
            self.items()
            if re.search(r"^\s*[-*•]", self.text, re.MULTILINE)
            else sentences(self.text)
        )

    def _labelled(self, wanted: list[str]) -> str | None:
        """Return what follows ``name:`` or ``name =``."""
        for match in re.finditer(r"([\w ]{2,30}?)\s*[:=]\s*([^\n,;]+)", self.text):
            label = words(match[1])[-2:]
            if label and any(alike(word, one) >= 0.85 for word in label for one in wanted):
                value = match[2].strip().strip("\"'„“”").rstrip(".")
                self._used.append(Span(match.start(2), match.end(2), value))
                return value or None
        return None

    def _near(self, span: Span, wanted: list[str]) -> float:
        """Score a span by the words around it; earlier ones win a tie."""
        before = words(self.text[: span.start])[-3:]
        after = words(self.text[span.end :])[:2]
        around = [*before, *after]
        fit = sum(max((alike(one, word) for word in around), default=0.0) for one in wanted)
        return fit - span.start / (len(self.text) + 1) * 0.1

    def _take(self, found: list[Span]) -> str | None:
        free = self._free(found)
        if not free:
            return None
        self._used.append(free[0])
        return free[0].text

    def _free(self, found: list[Span]) -> list[Span]:
        return [
            span
            for span in found
            if not any(span.start < used.end and used.start < span.end for used in self._used)
        ]


def _within(value: float, schema: JsonObject) -> bool:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    step = schema.get("multipleOf")
    return (
        not (is_number(low) and value < low)
        and not (is_number(high) and value > high)
        and not (is_number(above) and value <= above)
        and not (is_number(below) and value >= below)
        and not (is_number(step) and step > 0 and value % step)
    )


def allowed(schema: JsonObject) -> list[Any]:
    """Return the values that ``enum`` or ``const`` leave, or an empty list."""
    return [schema["const"]] if "const" in schema else as_list(schema.get("enum"))


def _matches(pattern: re.Pattern[str], text: str) -> list[Span]:
    return [Span(m.start(), m.end(), m[0].rstrip(".,;")) for m in pattern.finditer(text)]
