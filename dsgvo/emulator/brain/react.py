"""ReAct prompts: a thought, and then an action in text or the answer."""

import json
import re

from dsgvo.emulator.brain.asks import Ask, Tool
from dsgvo.emulator.brain.choosing import choose
from dsgvo.emulator.brain.passages import passages, question_of
from dsgvo.emulator.brain.quoting import quotes, say, unknown
from dsgvo.emulator.brain.talk import introduce
from dsgvo.emulator.jsons import as_object, dumps

_TOOL = re.compile(
    r"> Tool Name: (?P<name>[^\n]+)\nTool Description: (?P<told>.*?)"
    r"\nTool Args: (?P<args>\{[^\n]*\})",
    re.DOTALL,
)
_OBSERVED = re.compile(r"^\s*Observation:\s*(.*)$", re.DOTALL)
_SHORT = 240


def step(ask: Ask, text: str) -> str:
    """Return the next step of a ReAct agent.

    Args:
        ask: The request.
        text: Its instructions and last message.
    """
    observed = [
        match[1].strip()
        for message in ask.messages
        if message.role in ("user", "tool") and (match := _OBSERVED.match(message.text))
    ]
    asked = [
        message.text
        for message in ask.messages
        if message.role == "user" and not _OBSERVED.match(message.text)
    ]
    question = question_of(asked[-1]) if asked else ""
    if observed:
        result = observed[-1]
        found = say(quotes(question, passages(result))) if len(result) > _SHORT else result
        return _answer("Ich kann jetzt antworten.", found or unknown(question, text))
    calls = choose(_tools(text), question, forced=False)
    if not calls:
        return _answer("Dafür brauche ich kein Werkzeug.", introduce(ask))
    call = calls[0]
    return (
        "Thought: Ich brauche ein Werkzeug, um zu antworten.\n"
        f"Action: {call.tool.name}\nAction Input: {dumps(call.arguments)}"
    )


def _answer(thought: str, text: str) -> str:
    return f"Thought: {thought}\nAnswer: {text}"


def _tools(text: str) -> list[Tool]:
    found: list[Tool] = []
    for match in _TOOL.finditer(text):
        try:
            schema = as_object(json.loads(match["args"]))
        except ValueError:
            schema = {}
        found.append(Tool(match["name"].strip(), match["told"].strip(), schema))
    return found
