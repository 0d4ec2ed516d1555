"""Unscripted answers: plain, deterministic, without a model.

Passages in the prompt are answered with the sentences that fit best, tools with a call of the one
whose words fit, a schema with its plainest instance, everything else with what the emulator is.
"""

import re
from collections.abc import Sequence

from dsgvo.emulator.answers.instances import make_instance, schema_in
from dsgvo.emulator.answers.passages import cite, fitting, sentences, split_prompt
from dsgvo.emulator.answers.words import is_english, stems
from dsgvo.emulator.jsons import JsonObject, as_list, as_object, as_text, dumps
from dsgvo.emulator.steps import Reply
from dsgvo.emulator.values import Upload
from dsgvo.wire.body import InvalidJSONError, parse_json
from dsgvo.wire.continuing import GO_ON

__all__ = ["answer"]

_SHORT = 240
"""Characters up to which a text is said as it is: a tool's result, or what the user wrote."""

_INTRODUCTIONS = {
    False: (
        (
            "Ich bin der lokale Emulator von {}, ohne Sprachmodell: Ich antworte aus den "
            "Dokumenten, Werkzeugen und Schemas einer Anfrage."
        ),
        " Dateien, die ich nicht ansehen kann: {}.",
        " Du schreibst: „{}“",
    ),
    True: (
        (
            "I am the local emulator of {}, without a language model: I answer from the documents, "
            "tools and schemas of a request."
        ),
        " Files that I cannot look at: {}.",
        " You wrote: “{}”",
    ),
}
"""What it says of itself, by whether the question is English."""


def answer(vendor: str, body: JsonObject, uploads: Sequence[Upload] = ()) -> Reply:
    """Answer a checked request: with a call of a tool, or text; JSON where it wants JSON."""
    messages = body["messages"]
    if messages[-1].get("content") == GO_ON and messages[2:]:
        whole = answer(vendor, {**body, "messages": messages[:-2]}, uploads).content or ""
        said = _text(messages[-2])  # of which some words are said once more
        return Reply(whole[said.rfind(" ", 0, max(len(said) - 20, 0)) + 1 :])
    users = [at for at, one in enumerate(messages) if one["role"] == "user"]
    last = max(users, default=len(messages) - 1)
    rules = "\n\n".join(_texts(messages, "system", "developer"))
    files = "".join(f"\n<document>\n{one.text}\n</document>" for one in uploads)
    said = _text(messages[last]) + files
    results = _texts(messages[last + 1 :], "tool")
    question, passages = split_prompt(rules, said)
    found = fitting(question, passages or [])
    told = " ".join([" ".join(one.text for one in found) or question, *results])
    tool = _tool(body, messages[last + 1 :], question)
    if tool is not None:
        arguments = make_instance(as_object(tool.get("parameters")), told)
        return Reply(tool_calls=[{"name": tool["name"], "arguments": arguments}])
    wanted = as_object(body.get("response_format"))
    json_mode = wanted.get("type") == "json_object"
    schema = as_object(wanted.get("json_schema")).get("schema")
    if schema := schema or (json_mode and schema_in(f"{rules}\n{said}")):
        return Reply(dumps(make_instance(schema, told)))
    if results:
        text = " ".join(dict.fromkeys(_from_result(question, one) for one in results))
    elif passages is not None:
        text = cite(found, question)
    else:
        text = _introduction(vendor, messages[last], said)
    return Reply(dumps({"answer": text}) if json_mode else text)


def _texts(messages: Sequence[JsonObject], *roles: str) -> list[str]:
    return [_text(one) for one in messages if one["role"] in roles]


def _text(message: JsonObject) -> str:
    content = message.get("content")
    texts = [as_text(part.get("text")) for part in as_list(content)]
    return content if isinstance(content, str) else "\n".join(filter(None, texts))


def _tool(body: JsonObject, turn: list[JsonObject], question: str) -> JsonObject | None:
    """Return the tool to call: the one that is named, or that has most of the question's words."""
    tools = [tool["function"] for tool in as_list(body.get("tools"))]
    choice = body.get("tool_choice") or "auto"
    named = as_object(as_object(choice).get("function")).get("name")
    if named is not None:
        return next(tool for tool in tools if tool["name"] == named)
    if not tools or choice == "none" or (_texts(turn, "tool") and choice != "required"):
        return None
    calls = [as_object(call) for one in turn for call in as_list(one.get("tool_calls"))]
    called = {as_object(call.get("function")).get("name") for call in calls}
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
        found = parse_json(result)
    except InvalidJSONError:
        found = result
    values = list(as_object(found).values())
    text = values[0] if len(values) == 1 else found
    text = text if isinstance(text, str) else result.strip()
    return text if len(text) <= _SHORT else cite(fitting(question, sentences(text)), question)


def _introduction(vendor: str, message: JsonObject, said: str) -> str:
    links = sum(part["type"] != "text" for part in as_list(message.get("content")))
    asked = " ".join(said.split())
    asked = asked if len(asked) <= _SHORT else asked[:_SHORT].rstrip() + " …"
    filled = zip(_INTRODUCTIONS[is_english(asked)], (vendor, links, asked), strict=True)
    return "".join(text.format(value) for text, value in filled if value)
