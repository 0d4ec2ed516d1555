"""Blocks and roles on the wire."""

from typing import Any

import pytest
from llama_index.core.base.llms import types

from dsgvo import PROVIDERS
from dsgvo.errors import CapabilityError, ConfigurationError
from llamaindex_dsgvo._messages import to_wire

INNOGPT = PROVIDERS["innogpt"]
CALL = {"id": "call_1", "type": "function", "function": {"name": "addiere", "arguments": '{"a":1}'}}
BROKEN = CALL | {"function": {"name": "f", "arguments": '{"a'}}
QUOTED = CALL | {"function": {"name": "f", "arguments": '{"invalid_arguments":"{\\"a"}'}}
SYSTEM = {"role": "system", "content": "Hallo"}
ANSWERED = {"role": "assistant", "content": "Hallo"}
ASKED = {"role": "user", "content": "eins\nzwei\ndrei"}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "content": "3", "tool_call_id": "call_1"}
IMAGE: Any = {"url": "https://example.com/bild.jpg", "detail": "low"}
BILD, THOUGHT = types.ImageBlock(**IMAGE), types.ThinkingBlock(content="Hm.")
EINS, ZWEI = types.TextBlock(text="eins"), types.TextBlock(text="zwei")
DREI = types.CitableBlock(title="t", source="s", content=[types.TextBlock(text="drei")])
CITED = types.CitationBlock(cited_content=ZWEI, source="s", title="t", additional_location_info={})
MARK = types.CachePoint(cache_control=types.CacheControl(type="ephemeral"))
PARTS = [{"type": "text", "text": "eins"}, {"type": "image_url", "image_url": IMAGE}]


def calling(kwargs: Any) -> types.ChatMessage:
    block = types.ToolCallBlock(tool_call_id="call_1", tool_name="addiere", tool_kwargs=kwargs)
    return assistant(types.TextBlock(text=""), block)


def assistant(*blocks: Any, **fields: Any) -> types.ChatMessage:
    return types.ChatMessage(role="assistant", blocks=list(blocks), additional_kwargs=fields)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (types.ChatMessage("Hallo"), {"role": "user", "content": "Hallo"}),
        (types.ChatMessage("Hallo", role="system"), SYSTEM),
        (types.ChatMessage("Hallo", role="developer"), SYSTEM),
        (types.ChatMessage("Hallo", role="chatbot"), ANSWERED),
        (types.ChatMessage("3", role="tool", additional_kwargs={"tool_call_id": "call_1"}), RESULT),
        (calling({"a": 1}), CALLED),
        (calling('{"a":1}'), CALLED),
        # Chat stores of other integrations hold calls so.
        (assistant(tool_calls=[CALL]), CALLED),
        (assistant(tool_calls=[BROKEN, {"function": None}]), CALLED | {"tool_calls": [QUOTED]}),
        (assistant(refusal="Hallo"), ANSWERED),
        (types.ChatMessage(blocks=[EINS, CITED, MARK, DREI]), ASKED),
        (types.ChatMessage(blocks=[EINS, BILD]), ASKED | {"content": PARTS}),
        # Of an answer its own text goes back alone.
        (assistant(EINS, ZWEI), ANSWERED | {"content": "einszwei"}),
        (assistant(MARK, THOUGHT, EINS, CITED, BILD), ANSWERED | {"content": "eins"}),
    ],
)
def test_every_kind_of_message(message: types.ChatMessage, expected: Any) -> None:
    assert to_wire([message], INNOGPT) == [expected]


def test_what_no_vendor_takes() -> None:
    image = types.ChatMessage(role="system", blocks=[BILD])
    with pytest.raises(CapabilityError, match="a system message holds text alone"):
        to_wire([image], INNOGPT)
    with pytest.raises(ConfigurationError, match="tool_call_id"):
        to_wire([types.ChatMessage("3", role="tool")], INNOGPT)
