"""The order in which the brain looks for an answer."""

import json

from dsgvo.emulator.brain import formats, prompts, talk
from dsgvo.emulator.brain.asks import Ask, Message
from dsgvo.emulator.brain.choosing import Choice, choose
from dsgvo.emulator.brain.passages import context_of, passages, question_of
from dsgvo.emulator.brain.quoting import quotes, say, unknown
from dsgvo.emulator.brain.summing import is_summary, summary
from dsgvo.emulator.brain.text import is_english, sentences
from dsgvo.emulator.jsons import as_object, dumps
from dsgvo.emulator.values import Answer, ToolCall

_SHORT_RESULT = 240


def answer(ask: Ask) -> Answer:
    """Answer a request.

    Args:
        ask: The request.

    Returns:
        Calls of tools, or text; JSON where the request wants it.
    """
    calls = _calls(ask)
    if calls:
        return Answer(
            tool_calls=tuple(ToolCall(one.tool.name, dumps(one.arguments)) for one in calls)
        )
    schema = formats.schema_of_request(ask)
    if schema is not None:
        return Answer(formats.instance(ask, schema))
    special = prompts.answer(ask)
    if special is not None:
        return Answer(special)
    wanted = formats.schema_in_prompt(ask)
    if wanted is not None:
        return Answer(formats.instance(ask, wanted))
    text = _text(ask)
    if ask.response_format.get("type") == "json_object":
        return Answer(formats.small_object(ask, text))
    return Answer(text)


def _calls(ask: Ask) -> list[Choice]:
    if not ask.tools or ask.tool_choice == "none":
        return []
    text = question_of(ask.last_user)
    named = as_object(as_object(ask.tool_choice).get("function")).get("name")
    if named is not None:
        tool = next(tool for tool in ask.tools if tool.name == named)
        return choose([tool], _material(ask, text), forced=True)
    results = _results(ask)
    if ask.tool_choice == "required":
        done = {name for name, _ in results}
        fresh = [tool for tool in ask.tools if tool.name not in done]
        return choose(fresh or ask.tools, _material(ask, text), forced=True)
    return [] if results else choose(ask.tools, text, forced=False)


def _material(ask: Ask, text: str) -> str:
    """Return what a forced call may draw on: the results of tools, or the context of a prompt."""
    results = " ".join(result for _, result in _results(ask))
    if results:
        return f"{text} {results}"
    return formats.material(ask)


def _text(ask: Ask) -> str:
    results = _results(ask)
    if results:
        return _from_results(ask, results)
    context = context_of(ask)
    question = question_of(ask.last_user)
    if context is not None:
        if is_summary(question):
            return summary(context)
        return say(quotes(question, passages(context))) or unknown(
            question, f"{ask.system}\n{ask.last_user}"
        )
    if is_summary(question) and len(sentences(ask.last_user)) > 3:
        return summary(ask.last_user)
    for found in (talk.repeat(question), talk.remembered(ask), talk.add_up(question)):
        if found is not None:
            return found
    return talk.introduce(ask)


def _from_results(ask: Ask, results: list[tuple[str, str]]) -> str:
    """Answer with what the tools returned: short results as they are, long ones by quoting."""
    question = ask.last_user
    english = is_english(question)
    parts: list[str] = []
    for name, result in results:
        shown = _shown(result)
        if len(shown) > _SHORT_RESULT:
            found = quotes(question, passages(shown))
            parts.append(say(found) or unknown(question, ask.system))
        elif not shown:
            parts.append(f"{name} returned nothing." if english else f"{name} lieferte nichts.")
        else:
            says = f"{name} says: {shown}" if english else f"{name} sagt: {shown}"
            parts.append(says if len(results) > 1 or " " not in shown else shown)
    return " ".join(dict.fromkeys(parts))


def _results(ask: Ask) -> list[tuple[str, str]]:
    """Return name and result of each tool that was called since the user last spoke."""
    turn: list[Message] = []
    for message in reversed(ask.messages):
        if message.role == "user":
            break
        turn.insert(0, message)
    names = {call_id: name for message in turn for call_id, name, _ in message.calls}
    return [
        (names.get(message.call_id) or "Werkzeug", message.text)
        for message in turn
        if message.role == "tool"
    ]


def _shown(result: str) -> str:
    """Return a result as a person reads it: the value alone, of an object with one value."""
    try:
        parsed = json.loads(result)
    except ValueError:
        return result.strip()
    if isinstance(parsed, str):
        return parsed
    values = as_object(parsed)
    if len(values) == 1:
        value = next(iter(values.values()))
        return value if isinstance(value, str) else dumps(value)
    return ", ".join(f"{key}: {_plain(value)}" for key, value in values.items()) or result.strip()


def _plain(value: object) -> str:
    return value if isinstance(value, str) else dumps(value)
