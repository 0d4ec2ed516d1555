"""Histories on the wire: calls, thoughts, and what tools' results hold beside text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.errors import ConfigurationError
from dsgvo.wire.messages import (
    assistant_message,
    function_call,
    media_after_tool_results,
    tool_arguments,
    wants_reasoning,
    without_reasoning,
)

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
FILE = {"type": "file_url", "file_url": {"url": "https://example.com/a.pdf"}}
HERE = {"type": "text", "text": "hier"}


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        (" \n", {}),
        ("null", {}),
        (" null ", {}),
        ('{"a": "x\ny"}', {"a": "x\ny"}),  # models leave line breaks unescaped
        (r'{"a": "\ud83d"}', {"a": "\ufffd"}),
        (r'{"a": "\ud83d\ude00"}', {"a": "😀"}),
        ('{"a": 1', None),
        ("[1]", None),
        ("1", None),
        ('"{}"', None),
        ("{" * 100_000, None),
        ("[" * 100_000, None),
    ],
)
def test_arguments(text: str, arguments: Any) -> None:
    assert tool_arguments(text) == arguments


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"a": 1}, {"a": 1}),
        ({}, {}),
        (None, {}),
        ("", {}),
        ("null", {}),
        ('{"a": 1}', {"a": 1}),
        ('{"a": "x\ny"}', {"a": "x\ny"}),
        ('{"a": NaN}', {"a": None}),
        ({"a": float("nan")}, {"a": None}),
        ('{"a": 1', {"invalid_arguments": '{"a": 1'}),
        ("[1]", {"invalid_arguments": "[1]"}),
        ('{"a": "\ud83d', {"invalid_arguments": '{"a": "\ufffd'}),
        ({"a": "\ud83d"}, {"a": "\ufffd"}),
        ({"a": {"\udc00": ["\ud83d\ude00"]}}, {"a": {"\ufffd": ["😀"]}}),
    ],
)
def test_arguments_of_earlier_calls_are_json_objects(given: Any, sent: Any) -> None:
    call = function_call("1", "f", given)
    text = call["function"]["arguments"]
    text.encode()
    assert json.loads(text, parse_constant=pytest.fail) == sent
    assert (call["id"], call["type"], call["function"]["name"]) == ("1", "function", "f")


def test_arguments_go_back_as_they_came_or_are_refused() -> None:
    assert function_call("1", "f", '{ "a":1 }')["function"]["arguments"] == '{ "a":1 }'
    with pytest.raises(ConfigurationError, match="earlier call of tool 'f'"):
        function_call("1", "f", {"a": object()})


def test_an_assistants_turn() -> None:
    calls = [function_call("1", "f", {})]
    thoughts = {"reasoning_content": "Hm.", "reasoning_details": None}
    plain = {"role": "assistant", "content": "Ja."}
    assert assistant_message("Ja.", [], reasoning=thoughts) == plain
    called = {"role": "assistant", "content": None, "tool_calls": calls}
    asked = assistant_message("", calls, reasoning=thoughts)
    assert asked == called | {"reasoning_content": "Hm."}
    assert without_reasoning([plain, asked]) == [plain, called]
    declined = assistant_message("", [], refusal="Nein.", reasoning={})
    assert declined == {"role": "assistant", "content": "Nein."}
    assert assistant_message("", [], refusal="", reasoning={})["content"] == ""


def test_thoughts_that_a_stream_cut_go_back_whole() -> None:
    pieces: list[Any] = [
        {"type": "reasoning.text", "index": 0, "text": "Ich ", "signature": None},
        {"type": "reasoning.text", "index": 0, "text": "frage.", "signature": "s"},
        {"type": "reasoning.encrypted", "index": 1, "data": "x", "id": "1"},
        {"type": "reasoning.text", "text": "ohne Nummer"},
        {"type": "reasoning.text", "text": "ohne Nummer"},
        7,
    ]
    calls = [function_call("1", "f", {})]
    given = {"reasoning_details": pieces, "thinking_blocks": [{"thinking": "Hm."}]}
    wire = assistant_message("", calls, reasoning=given)
    assert wire["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "Ich frage.", "signature": "s"},
        *pieces[2:],
    ]
    assert wire["thinking_blocks"] == [{"thinking": "Hm."}]
    assert pieces[0]["text"] == "Ich "  # the history is the caller's


@pytest.mark.parametrize(
    ("says", "wanted"),
    [
        ("Missing `reasoning_content` field in the assistant message at message index 1", True),
        ("Function call is missing a thought_signature in functionCall parts", True),
        ("Expected `thinking` or `redacted_thinking`, but found `tool_use`", True),
        ("reasoning_effort must be one of low, high", False),
    ],
)
def test_which_errors_want_thoughts_back(says: str, wanted: bool) -> None:
    assert wants_reasoning(json.dumps({"error": {"message": says}}).encode()) is wanted


def result(*parts: Any, call_id: str = "1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": list(parts)}


def label(call_id: str) -> dict[str, str]:
    return {"type": "text", "text": f"From the result of tool call {call_id}:"}


ASKED = {"role": "user", "content": "Und?"}
ANSWERED = {"role": "assistant", "content": "So."}
FOLLOWS = "(see the next user message)"


@pytest.mark.parametrize(
    ("messages", "settled"),
    [
        ([ASKED], [ASKED]),
        (
            [result(HERE, IMAGE)],
            [result() | {"content": "hier"}, {"role": "user", "content": [label("1"), IMAGE]}],
        ),
        (  # results of parallel calls stay together
            [result(IMAGE), result(HERE, FILE, call_id="2"), ANSWERED],
            [
                result() | {"content": FOLLOWS},
                result(call_id="2") | {"content": "hier"},
                {"role": "user", "content": [label("1"), IMAGE, label("2"), FILE]},
                ANSWERED,
            ],
        ),
        (  # some models' templates want the roles to alternate
            [result(IMAGE), ASKED],
            [
                result() | {"content": FOLLOWS},
                {"role": "user", "content": [label("1"), IMAGE, {"type": "text", "text": "Und?"}]},
            ],
        ),
        (
            [result(IMAGE), {"role": "user", "content": [HERE]}],
            [
                result() | {"content": FOLLOWS},
                {"role": "user", "content": [label("1"), IMAGE, HERE]},
            ],
        ),
    ],
)
def test_media_in_tools_results_follow_them(messages: Any, settled: Any) -> None:
    assert media_after_tool_results(PROVIDERS["innogpt"], "gpt-5", messages) == (settled, [])


@pytest.mark.parametrize(
    ("provider", "part", "kind"),
    [
        ("meingpt", IMAGE, "image"),
        ("sovrgpt", FILE, "file"),
        ("innogpt", {"type": "audio"}, "audio"),
    ],
)
def test_media_that_the_vendor_does_not_take_are_left_out(
    provider: str, part: Any, kind: str
) -> None:
    messages = [result(HERE, part), result(part)]
    assert media_after_tool_results(PROVIDERS[provider], "m", messages) == (
        [result() | {"content": "hier"}, result() | {"content": "(not shown)"}],
        [kind, kind],
    )
