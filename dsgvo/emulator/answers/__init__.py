"""Unscripted answers: plain, deterministic, without a model.

Passages in the prompt are answered with the sentences that fit best, tools with a call of the one
whose words fit, a schema with its plainest instance, everything else with what the emulator is.
"""

import json
import re

from dsgvo.emulator.answers.instances import make_instance
from dsgvo.emulator.answers.passages import fitting, quote, sentences, split_prompt
from dsgvo.emulator.answers.prompt import Prompt, Tool, read_prompt
from dsgvo.emulator.answers.words import is_english, stems
from dsgvo.emulator.jsons import as_object, dumps
from dsgvo.emulator.values import Answer, ToolCall

__all__ = ["answer", "read_prompt"]

_SHORT = 240
"""Characters up to which a tool's result is an answer as it is."""


def answer(prompt: Prompt) -> Answer:
    """Answer a request.

    Args:
        prompt: The request.

    Returns:
        A call of a tool, or text; JSON where the request wants it.
    """
    question, passages = split_prompt(prompt.instructions, prompt.user)
    quoted = " ".join(one.text for one in fitting(question, passages or []))
    told = " ".join([quoted or question, *(result for _, result in prompt.results)])
    tool = _tool(prompt, question)
    if tool:
        arguments = dumps(make_instance(tool.parameters, told))
        return Answer(tool_calls=(ToolCall(tool.name, arguments),))
    schema = prompt.schema
    if schema is not None:
        return Answer(dumps(make_instance(schema, told)))
    if prompt.results:
        text = " ".join(dict.fromkeys(_told(question, result) for _, result in prompt.results))
    elif passages is not None:
        text = quote(question, passages)
    else:
        text = _introduction(prompt)
    return Answer(
        dumps({"answer": text}) if prompt.response_format.get("type") == "json_object" else text
    )


def _tool(prompt: Prompt, question: str) -> Tool | None:
    """Return the tool to call: the one that is named, or that has most of the question's words."""
    choice = prompt.tool_choice
    named = as_object(as_object(choice).get("function")).get("name")
    if named is not None:
        return next(tool for tool in prompt.tools if tool.name == named)
    if not prompt.tools or choice == "none" or (prompt.results and choice != "required"):
        return None
    called = {name for name, _ in prompt.results}
    fresh = [tool for tool in prompt.tools if tool.name not in called] or list(prompt.tools)
    english = is_english(question)
    asked = set(stems(question, english=english))
    fits = {tool.name: len(asked & {*stems(_told_of(tool), english=english)}) for tool in fresh}
    best = max(fresh, key=lambda tool: fits[tool.name])
    return best if fits[best.name] or choice == "required" else None


def _told_of(tool: Tool) -> str:
    names = [tool.name, *as_object(tool.parameters.get("properties"))]
    spaced = re.sub(r"[_-]|(?<=[a-z])(?=[A-Z])", " ", " ".join(names))
    return f"{spaced} {tool.description}"


def _told(question: str, result: str) -> str:
    """Answer with the result of a tool: its one value, a short result as it is, else quotes."""
    try:
        found = json.loads(result)
    except (ValueError, RecursionError):
        found = result
    values = list(as_object(found).values())
    text = values[0] if len(values) == 1 else found
    text = text if isinstance(text, str) else result.strip()
    if len(text) <= _SHORT:
        return text
    return quote(question, sentences(text))


def _introduction(prompt: Prompt) -> str:
    asked = " ".join(prompt.user.split())
    asked = asked if len(asked) <= _SHORT else asked[:_SHORT].rstrip() + " …"
    if is_english(asked):
        seen = f" Files that I cannot look at: {prompt.links}." if prompt.links else ""
        wrote = f" You wrote: “{asked}”" if asked else ""
        return (
            f"I am the local emulator of {prompt.vendor}, without a language model: I answer from "
            f"the documents, tools and schemas of a request.{seen}{wrote}"
        )
    seen = f" Dateien, die ich nicht ansehen kann: {prompt.links}." if prompt.links else ""
    wrote = f" Du schreibst: „{asked}“" if asked else ""
    return (
        f"Ich bin der lokale Emulator von {prompt.vendor}, ohne Sprachmodell: Ich antworte aus den "
        f"Dokumenten, Werkzeugen und Schemas einer Anfrage.{seen}{wrote}"
    )
