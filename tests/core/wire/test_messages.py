"""Histories on the wire: calls, thoughts, and what tools' results hold beside text."""

import json
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.errors import ConfigurationError
from dsgvo.wire import messages as wire
from dsgvo.wire.forms import in_forms
from tests.core.support import raised

# The text of a call's arguments → what a tool is called with
ARGUMENTS: dict[str, Any] = {
    **{text: {} for text in ("", " \n", " null ")},
    **dict.fromkeys(['{"a": 1', "[1]", "{" * 100_000, '{"a": ' + "[" * 300 + "]" * 300 + "}"]),
    '{"a": "x\ny"}': {"a": "x\ny"},  # models leave line breaks unescaped
    r'{"a": "\ud83d"}': {"a": "\ufffd"},
}
# arguments of an earlier call → the object that goes out
SENT: list[tuple[Any, dict[str, Any]]] = [
    *((given, {}) for given in (None, "")),
    *((given, {"a": "NaN"}) for given in ('{"a": NaN}', {"a": float("nan")})),
    *((given, {"invalid_arguments": given}) for given in ('{"a": 1', "[1]")),
    ('{"a": "x\ny"}', {"a": "x\ny"}),
    ('{"a": "\ud83d', {"invalid_arguments": '{"a": "\ufffd'}),
    ({"a": "\ud83d", "b": -float("inf")}, {"a": "\ufffd", "b": "-Infinity"}),
    ({"a": {"\udc00": ["\ud83d\ude00"]}}, {"a": {"\ufffd": ["😀"]}}),
]


def test_arguments_that_come_and_those_of_earlier_calls_are_objects() -> None:
    assert {text: wire.tool_arguments(text) for text in ARGUMENTS} == ARGUMENTS
    for given, sent in SENT:
        call = wire.function_call("1", "f", given)
        text = call["function"].pop("arguments")
        text.encode()
        assert json.loads(text, parse_constant=pytest.fail) == sent
        assert call == {"id": "1", "type": "function", "function": {"name": "f"}}
    assert wire.function_call("1", "f", '{ "a":1 }')["function"]["arguments"] == '{ "a":1 }'
    assert wire.function_call("1", "", {})["function"]["name"] == "unnamed"
    error = raised(ConfigurationError, wire.function_call, "1", "f", {"a": object()})
    assert "earlier call of tool 'f'" in str(error)


CALLS = [wire.function_call("1", "f", {})]


def test_an_assistants_turn() -> None:
    thoughts = {"reasoning_content": "Hm.", "reasoning_details": None}
    thought = wire.assistant_message("Ja.", [], reasoning=thoughts)
    asked = wire.assistant_message("", CALLS, reasoning=thoughts | {wire.CALL_FIELDS: {"1": 5}})
    called = {"role": "assistant", "content": None, "tool_calls": CALLS}
    plain = {"role": "assistant", "content": "Ja."}
    assert [thought, asked] == [one | {"reasoning_content": "Hm."} for one in (plain, called)]
    assert in_forms({"messages": [thought, asked]}, ()) == {"messages": [plain, called]}
    assert wire.assistant_message("Ja.", [], refusal="Nein.", reasoning={}) == plain
    for refusal in ("Nein.", ""):
        declined = wire.assistant_message("", [], refusal=refusal, reasoning={})
        assert declined == {"role": "assistant", "content": refusal}


def test_thoughts_that_a_stream_cut_go_back_whole() -> None:
    text = {"type": "reasoning.text", "index": 0}
    pieces: list[Any] = [
        text | {"text": "Ich ", "signature": None, "format": "f"},
        text | {"text": "frage.", "signature": "s", "format": None},
        {"type": "reasoning.encrypted", "index": 1, "data": "x", "id": "1"},
        *[{"type": "reasoning.text", "text": "ohne Nummer"}] * 2,
        *({"type": kind, "index": at, "text": "x"} for kind, at in (("a", 2), ("b", 2), ("b", 3))),
        7,
    ]
    said = (("Ich ", ""), ("frage.", ""), ("", "s"), ("Neu.", "t"))
    blocks = [{"type": "thinking", "thinking": one, "signature": end} for one, end in said]
    listed = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    others: list[Any] = [{"thinking": "Hm."}, *blocks[:2]]
    others += [listed | {"index": index} for index in (None, None, 0, 0)]
    others += [{"index": 1, "signature": False}] * 2
    given = {"reasoning_details": pieces, "thinking_blocks": [*blocks, *others]}
    signed = [blocks[2] | {"thinking": "Ich frage."}, blocks[3], *others]
    whole = [text | {"text": "Ich frage.", "signature": "s", "format": "f"}, *pieces[2:]]
    sent = wire.assistant_message("", CALLS, reasoning=given)
    assert sent.items() >= {"reasoning_details": whole, "thinking_blocks": signed}.items()
    assert pieces[0]["text"] == "Ich "  # the history is the caller's


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
FILE = {"type": "file_url", "file_url": {"url": "https://example.com/a.pdf"}}
HERE = {"type": "text", "text": "hier"}
ASKED: dict[str, Any] = {"role": "user", "content": "Und?"}
UND, BLANK = ({"type": "text", "text": text} for text in ("Und?", " "))  # Claude refuses blank ones
ANSWERED = {"role": "assistant", "content": "So."}
FOLLOWS = "(see the next user message)"


def result(*parts: Any, call_id: str = "1", text: str = "") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": text or list(parts)}


def user(*parts: Any) -> dict[str, Any]:
    """Return a user's message; a number stands for the label of that call's result."""
    labelled = zip(parts, [f"From the result of tool call {part}:" for part in parts], strict=True)
    content = [{"type": "text", "text": t} if isinstance(p, int) else p for p, t in labelled]
    return {"role": "user", "content": content}


SETTLED: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = [
    ([ASKED], [ASKED]),
    ([result(HERE, HERE, IMAGE)], [result(text="hier\nhier"), user(1, IMAGE)]),
    (  # results of parallel calls stay together
        [result(IMAGE), result(HERE, FILE, call_id="2"), ANSWERED],
        [result(text=FOLLOWS), result(call_id="2", text="hier"), user(1, IMAGE, 2, FILE), ANSWERED],
    ),
    # some models' templates want the roles to alternate
    ([result(IMAGE), ASKED] * 2, [result(text=FOLLOWS), user(1, IMAGE, UND)] * 2),
    ([result(IMAGE), user(HERE, BLANK)], [result(text=FOLLOWS), user(1, IMAGE, HERE)]),
]


def test_media_in_tools_results_follow_them_or_are_left_out() -> None:
    for messages, settled in SETTLED:
        found = wire.media_after_tool_results(PROVIDERS["innogpt"], "gpt-5", messages)
        assert found == (settled, [])
    audio = {"type": "audio"}
    missing = {"meingpt": (IMAGE, "image"), "sovrgpt": (FILE, "file"), "innogpt": (audio, "audio")}
    for provider, (part, kind) in missing.items():
        messages = [result(HERE, part), result(part)]
        found = wire.media_after_tool_results(PROVIDERS[provider], "m", messages)
        assert found == ([result(text="hier"), result(text="(not shown)")], [kind, kind])
