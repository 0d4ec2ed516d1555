"""Blocks and roles on the wire."""

from typing import Any

import pytest
from llama_index.core.base.llms import types

from dsgvo import PROVIDERS
from dsgvo.errors import ConfigurationError
from llamaindex_dsgvo._messages import to_wire

INNOGPT = PROVIDERS["innogpt"]
CALL = {"id": "call_1", "type": "function", "function": {"name": "addiere", "arguments": '{"a":1}'}}
BROKEN = CALL | {"function": {"name": "f", "arguments": '{"a'}}
A, NAME = {"a": 1}, {"name": "addiere"}
BEDROCKS, GOOGLES = NAME | {"toolUseId": "call_1", "input": A}, NAME | {"args": A}
RESPONSES = NAME | {"id": "fc_1", "call_id": "call_1", "arguments": A}
COHERES, LINK = NAME | {"parameters": A}, types.ImageBlock(url="ui://bild")
QUOTED = CALL | {"function": {"name": "f", "arguments": '{"invalid_arguments":"{\\"a"}'}}
SYSTEM, ANSWERED = ({"role": role, "content": "Hallo"} for role in ("system", "assistant"))
ASKED = {"role": "user", "content": "eins\nzwei\ndrei"}
LINKED = {"role": "tool", "content": "ui://bild", "tool_call_id": "1"}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
NAMED = CALLED | {"tool_calls": [CALL | {"id": "addiere"}]}
THOUGHTFUL = {"role": "assistant", "content": "eins", "reasoning_content": "Hm."}
IMAGE: Any = {"url": "https://example.com/bild.jpg", "detail": "low"}
BILD, THOUGHT = types.ImageBlock(**IMAGE), types.ThinkingBlock(content="Hm.")
EINS, ZWEI, LEER = (types.TextBlock(text=text) for text in ("eins", "zwei", ""))
DREI = types.CitableBlock(title="t", source="s", content=[types.TextBlock(text="drei")])
CITED = types.CitationBlock(cited_content=ZWEI, source="s", title="t", additional_location_info={})
MARK = types.CachePoint(cache_control=types.CacheControl(type="ephemeral"))
PARTS = [{"type": "text", "text": "eins"}, {"type": "image_url", "image_url": IMAGE}]


def calling(kwargs: Any, call_id: str | None = "call_1") -> types.ChatMessage:
    block = types.ToolCallBlock(tool_call_id=call_id, tool_name="addiere", tool_kwargs=kwargs)
    return assistant(LEER, block)


def result(call_id: str) -> types.ChatMessage:
    return types.ChatMessage("3", role="tool", additional_kwargs={"tool_call_id": call_id})


def assistant(*blocks: Any, **fields: Any) -> types.ChatMessage:
    return types.ChatMessage(role="assistant", blocks=list(blocks), additional_kwargs=fields)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (types.ChatMessage("Hallo"), {"role": "user", "content": "Hallo"}),
        *((types.ChatMessage("Hallo", role=role), SYSTEM) for role in ("system", "developer")),
        (types.ChatMessage("Hallo", role="chatbot"), ANSWERED),
        (result("call_1"), {"role": "tool", "content": "3", "tool_call_id": "call_1"}),
        *((calling(kwargs), CALLED) for kwargs in (A, '{"a":1}')),
        # Chat stores of other integrations hold calls so.
        *((assistant(tool_calls=[call]), CALLED) for call in (CALL, BEDROCKS, RESPONSES)),
        *((assistant(tool_calls=[call]), NAMED) for call in (GOOGLES, COHERES)),
        (calling(A, None), NAMED),
        (types.ChatMessage(role="tool", blocks=[LINK], additional_kwargs={"call_id": "1"}), LINKED),
        (assistant(tool_calls=[BROKEN, {"function": None}]), CALLED | {"tool_calls": [QUOTED]}),
        (assistant(refusal="Hallo"), ANSWERED),
        (types.ChatMessage(blocks=[EINS, CITED, MARK, DREI]), ASKED),
        (types.ChatMessage(blocks=[EINS, LEER, BILD]), ASKED | {"content": PARTS}),
        (assistant(EINS, ZWEI), ANSWERED | {"content": "einszwei"}),
        (assistant(MARK, THOUGHT, EINS, CITED, BILD), THOUGHTFUL),
    ],
)
def test_every_kind_of_message(message: types.ChatMessage, expected: Any) -> None:
    assert to_wire([message], INNOGPT) == [expected]


def test_results_are_in_the_order_of_the_calls() -> None:
    given = ["2", "2-2", "1", "2"]
    called = assistant(*(block for one in given for block in calling(A, one).blocks))
    first, *sent = to_wire([called, *map(result, ["3", "1", "2", "2", "2-2"])], INNOGPT)
    ids = [call["id"] for call in first["tool_calls"]]
    assert ids == ["2", "2-2", "1", "2-3"]
    assert [message["tool_call_id"] for message in sent] == [*ids, "3"]
    *_, again = to_wire([called, result("1"), calling(A, "2")], INNOGPT)
    assert again["tool_calls"][0]["id"] == "2"  # of another turn


def test_what_no_vendor_takes() -> None:
    system = types.ChatMessage(role="system", blocks=[BILD])
    wrong = {"text alone": system, "_call_id": types.ChatMessage("3", role="tool")}
    calls = {"is a str": "x", "is a list": [{"function": [1]}]}
    for said, one in (wrong | {k: assistant(tool_calls=v) for k, v in calls.items()}).items():
        with pytest.raises(ConfigurationError, match=said):
            to_wire([one], INNOGPT)
