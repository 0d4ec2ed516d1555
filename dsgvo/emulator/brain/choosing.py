"""Choosing tools for a request, and filling their arguments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dsgvo.emulator.brain.asks import Tool
from dsgvo.emulator.brain.extract import Source, property_words
from dsgvo.emulator.brain.instance import MISSING, Maker
from dsgvo.emulator.brain.lexicon import word_set
from dsgvo.emulator.brain.text import alike, is_small_talk, is_stop_word, terms, words
from dsgvo.emulator.jsons import JsonObject, as_list, as_object

_FITS = 1.0
_OPERATIONS = (
    (re.compile(r"\d\s*\+\s*\d"), "add plus sum"),
    (re.compile(r"\d\s*[*×·]\s*\d|\d\s+mal\s+\d"), "multiply times product"),
    (re.compile(r"\d\s*[-−–]\s*\d(?![\d.-]*-\d)"), "subtract minus"),
    (re.compile(r"\d\s*[/÷:]\s*\d"), "divide divided quotient"),
)
_SEARCHES = word_set(
    """
    search suche such suchen durchsucht durchsuchen find finde finden retrieve retriever
    lookup query knowledge wissen handbuch dokumente unterlagen documents nachschlagen docs
    """
)
_ASKS = re.compile(
    r"\?|^\s*(?:wie|was|wer|wem|wen|wann|wo|welche\w*|warum|wieso|how|what|who|when|where|which"
    r"|why)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"(?<=[.!?;])\s+|\s+(?:und|and|sowie|außerdem|then|dann)\s+|,\s+")
# Words that descriptions of tools share, whatever the tool does.
_COMMON = word_set(
    """
    tool tools function funktion get gets use used using value input output return returns
    take takes given string number integer one two both ist gibt zuruck liefert holt wert
    werkzeug my magic make
    """
)


@dataclass(frozen=True)
class Choice:
    """A tool to call.

    Args:
        tool: The tool.
        arguments: Its arguments.
        sure: Whether the text gives all arguments that the tool requires.
    """

    tool: Tool
    arguments: JsonObject
    sure: bool


def choose(tools: Sequence[Tool], text: str, *, forced: bool) -> list[Choice]:
    """Choose the tools to call for a text.

    Args:
        tools: The tools on offer.
        text: What the user says.
        forced: Whether one must be called even if none fits.

    Returns:
        The calls; several if the text asks for several.
    """
    if not tools:
        return []
    scores = {tool.name: fit(tool, text) for tool in tools}
    best = max(tools, key=lambda tool: scores[tool.name])
    if scores[best.name] < _FITS and not forced:
        return []
    whole = fill(best, text)
    several = _several(tools, text)
    return several if len(several) > 1 else [whole]


def fill(tool: Tool, text: str) -> Choice:
    """Fill the arguments of a tool from a text."""
    maker = Maker(tool.parameters, Source(text))
    schema = {"type": "object", **maker.resolve(tool.parameters)}
    found = as_object(maker.find(schema, "", 1))
    required = as_list(schema.get("required"))
    probe = Maker(tool.parameters, Source(text))
    properties = as_object(schema.get("properties"))
    given = {key for key in properties if probe.find(properties[key], key, 2) is not MISSING}
    if not found:
        found = as_object(Maker(tool.parameters, Source(text)).make(schema))
    return Choice(tool, found, all(key in given for key in required))


def fit(tool: Tool, text: str) -> float:
    """Tell how well a tool fits a text; 1 and more is a fit."""
    if re.search(rf"\b{re.escape(tool.name)}\b", text):
        return 5.0
    asked = terms(text)
    for pattern, meaning in _OPERATIONS:
        if pattern.search(text):
            asked += meaning.split()
    named = [word for word in property_words(tool.name, {}) if word not in _COMMON]
    told = [word for word in dict.fromkeys(words(tool.description)) if _says(word)]
    properties = as_object(tool.parameters.get("properties"))
    taken = [
        word
        for name, part in properties.items()
        for word in [*property_words(name, as_object(part)), *_options(as_object(part))]
        if _says(word)
    ]
    score = 0.0
    for words_, weight in ((named, 2.0), (told, 1.0), (taken, 0.6)):
        best = sorted(max((alike(one, word) for word in asked), default=0.0) for one in words_)
        score += weight * sum(value for value in best[-2:] if value >= 0.65)
    searches = any(word in _SEARCHES for word in [*words(tool.name.replace("_", " ")), *told])
    if searches and _ASKS.search(text) and len(words(text)) >= 3 and not is_small_talk(text):
        score = max(score, _FITS) + 0.01
    return score


def _says(word: str) -> bool:
    return not is_stop_word(word) and word not in _COMMON and len(word) > 1


def _options(schema: JsonObject) -> list[str]:
    return [word for option in as_list(schema.get("enum")) for word in words(str(option))]


def _several(tools: Sequence[Tool], text: str) -> list[Choice]:
    """Look for several calls, one a clause; a clause that fits no tool continues the last."""
    calls: list[Choice] = []
    last: Tool | None = None
    for clause in _CLAUSE.split(text):
        scored = [(fit(tool, clause), tool) for tool in tools]
        score, tool = max(scored, key=lambda pair: pair[0])
        if score < _FITS:
            if last is None:
                continue
            tool = last
        call = fill(tool, clause)
        last = tool
        known = any(one.tool == tool and one.arguments == call.arguments for one in calls)
        needs = as_list(tool.parameters.get("required"))
        if call.sure and not known and (needs or not any(one.tool == tool for one in calls)):
            calls.append(call)
    return calls
