"""Blocks and roles on the wire."""

from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from dsgvo import PROVIDERS
from dsgvo.errors import CapabilityError, ConfigurationError
from llamaindex_dsgvo._messages import to_wire

INNOGPT = PROVIDERS["innogpt"]
CALL = {"id": "call_1", "type": "function", "function": {"name": "addiere", "arguments": '{"a":1}'}}
BROKEN = CALL | {"function": {"name": "f", "arguments": '{"a'}}
QUOTED = CALL | {"function": {"name": "f", "arguments": '{"invalid_arguments":"{\\"a"}'}}
SYSTEM = {"role": "system", "content": "Hallo"}
ANSWERED = {"role": "assistant", "content": "Hallo"}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "content": "3", "tool_call_id": "call_1"}
IMAGE: Any = {"url": "https://example.com/bild.jpg", "detail": "low"}
EINS, ZWEI = TextBlock(text="eins"), TextBlock(text="zwei")
DREI = CitableBlock(title="t", source="s", content=[TextBlock(text="drei")])
CITED = CitationBlock(cited_content=ZWEI, source="s", title="t", additional_location_info={})
MARK = CachePoint(cache_control=CacheControl(type="ephemeral"))
PARTS = [{"type": "text", "text": "eins"}, {"type": "image_url", "image_url": IMAGE}]


def calling(kwargs: Any) -> ChatMessage:
    block = ToolCallBlock(tool_call_id="call_1", tool_name="addiere", tool_kwargs=kwargs)
    return assistant(TextBlock(text=""), block)


def assistant(*blocks: Any, **fields: Any) -> ChatMessage:
    return ChatMessage(role="assistant", blocks=list(blocks), additional_kwargs=fields)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (ChatMessage("Hallo"), {"role": "user", "content": "Hallo"}),
        (ChatMessage("Hallo", role="system"), SYSTEM),
        (ChatMessage("Hallo", role="developer"), SYSTEM),
        (ChatMessage("Hallo", role="chatbot"), ANSWERED),
        (ChatMessage("3", role="tool", additional_kwargs={"tool_call_id": "call_1"}), RESULT),
        (calling({"a": 1}), CALLED),
        (calling('{"a":1}'), CALLED),
        # Chat stores of other integrations hold calls so.
        (assistant(tool_calls=[CALL]), CALLED),
        (assistant(tool_calls=[BROKEN, {"function": None}]), CALLED | {"tool_calls": [QUOTED]}),
        (assistant(refusal="Hallo"), ANSWERED),
        (
            ChatMessage(blocks=[EINS, CITED, MARK, DREI]),
            {"role": "user", "content": "eins\nzwei\ndrei"},
        ),
        (ChatMessage(blocks=[EINS, ImageBlock(**IMAGE)]), {"role": "user", "content": PARTS}),
        # Of an answer its own text goes back alone.
        (assistant(EINS, ZWEI), {"role": "assistant", "content": "einszwei"}),
        (
            assistant(MARK, ThinkingBlock(content="Hm."), EINS, CITED, ImageBlock(**IMAGE)),
            {"role": "assistant", "content": "eins"},
        ),
    ],
)
def test_every_kind_of_message(message: ChatMessage, expected: Any) -> None:
    assert to_wire([message], INNOGPT) == [expected]


@pytest.mark.parametrize(
    ("message", "error", "says"),
    [
        (ChatMessage("3", role="tool"), ConfigurationError, "tool_call_id"),
        (
            ChatMessage(role="system", blocks=[ImageBlock(**IMAGE)]),
            CapabilityError,
            "a system message holds text alone",
        ),
    ],
)
def test_what_no_vendor_takes(message: ChatMessage, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        to_wire([message], INNOGPT)
