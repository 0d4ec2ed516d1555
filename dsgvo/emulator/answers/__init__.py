"""Unscripted answers: plain, deterministic, without a model.

Passages in the prompt are answered with the sentences that fit best, tools with a call of the one
whose words fit, a schema with its plainest instance, everything else with what the emulator is.
"""

import json
import re

from dsgvo.emulator.answers.instances import make_instance
from dsgvo.emulator.answers.passages import cite, fitting, sentences, split_prompt
from dsgvo.emulator.answers.prompt import Prompt, read_prompt
from dsgvo.emulator.answers.words import is_english, stems
from dsgvo.emulator.jsons import JsonObject, as_object, as_text, dumps
from dsgvo.emulator.values import Answer, ToolCall

__all__ = ["answer", "read_prompt"]

_SHORT = 240
"""Characters up to which a tool's result is an answer as it is."""

_INTRODUCTION = (
    (
        "Ich bin der lokale Emulator von {}, ohne Sprachmodell: Ich antworte aus den Dokumenten, "
        "Werkzeugen und Schemas einer Anfrage."
    ),
    " Dateien, die ich nicht ansehen kann: {}.",
    " Du schreibst: „{}“",
)
_ENGLISH_INTRODUCTION = (
    (
        "I am the local emulator of {}, without a language model: I answer from the documents, "
        "tools and schemas of a request."
    ),
    " Files that I cannot look at: {}.",
    " You wrote: “{}”",
)


def answer(prompt: Prompt) -> Answer:
    """Answer a request: with a call of a tool, or text; JSON where the request wants it."""
    question, passages = split_prompt(prompt.instructions, prompt.user)
    found = fitting(question, passages or [])
    quoted = " ".join(one.text for one in found)
    told = " ".join([quoted or question, *(result for _, result in prompt.results)])
    tool = _tool(prompt, question)
    if tool is not None:
        arguments = dumps(make_instance(as_object(tool.get("parameters")), told))
        return Answer(tool_calls=(ToolCall(as_text(tool.get("name")), arguments),))
    schema = prompt.schema
    if schema is not None:
        return Answer(dumps(make_instance(schema, told)))
    if prompt.results:
        text = " ".join(
            dict.fromkeys(_from_result(question, result) for _, result in prompt.results)
        )
    else:
        text = _introduction(prompt) if passages is None else cite(found, question)
    return Answer(dumps({"answer": text}) if prompt.wants_json else text)


def _tool(prompt: Prompt, question: str) -> JsonObject | None:
    """Return the tool to call: the one that is named, or that has most of the question's words."""
    tools, choice = prompt.tools, prompt.body.get("tool_choice") or "auto"
    named = as_object(as_object(choice).get("function")).get("name")
    if named is not None:
        return next(tool for tool in tools if tool["name"] == named)
    if not tools or choice == "none" or (prompt.results and choice != "required"):
        return None
    called = {name for name, _ in prompt.results}
    english = is_english(question)
    asked = {*stems(question, english=english)}

    def fit(tool: JsonObject) -> int:
        properties = as_object(as_object(tool.get("parameters")).get("properties"))
        names = re.sub(r"[_-]|(?<=[a-z])(?=[A-Z])", " ", " ".join([tool["name"], *properties]))
        told = f"{names} {as_text(tool.get('description'))}"
        return len(asked.intersection(stems(told, english=english)))

    best = max([tool for tool in tools if tool["name"] not in called] or tools, key=fit)
    return best if fit(best) or choice == "required" else None


def _from_result(question: str, result: str) -> str:
    """Answer with the result of a tool: its one value, a short result as it is, else quotes."""
    try:
        found = json.loads(result)
    except (ValueError, RecursionError):
        found = result
    values = list(as_object(found).values())
    text = values[0] if len(values) == 1 else found
    text = text if isinstance(text, str) else result.strip()
    return text if len(text) <= _SHORT else cite(fitting(question, sentences(text)), question)


def _introduction(prompt: Prompt) -> str:
    asked = " ".join(prompt.user.split())
    asked = asked if len(asked) <= _SHORT else asked[:_SHORT].rstrip() + " …"
    words = _ENGLISH_INTRODUCTION if is_english(asked) else _INTRODUCTION
    filled = zip(words, (prompt.vendor, prompt.links, asked), strict=True)
    return "".join(text.format(value) for text, value in filled if value)
