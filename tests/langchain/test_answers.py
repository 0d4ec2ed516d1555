"""Answers as LangChain's messages: the same whole and streamed, whatever came with them."""

from typing import Any

import pytest
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk

from dsgvo import Completion, Delta, ToolCall
from dsgvo.emulator import Reply, Server
from dsgvo.wire.tools import ToolCallDelta
from langchain_dsgvo._langchain_internals import force_invalid
from langchain_dsgvo._responses import to_chunks, to_result
from tests.core.support import completed
from tests.langchain.support import Mode, chat, whole


def both(completion: Completion) -> list[AIMessage]:
    """Return an answer as it is mapped whole, and as the sum of its pieces."""
    calls = [
        ToolCallDelta(index, call.id, call.name, call.arguments)
        for index, call in enumerate(completion.tool_calls)
    ]
    first = Delta(content=completion.content, reasoning=completion.reasoning, tool_calls=calls)
    deltas = (first, Delta(completion=completion))
    chunks = [made.message for delta in deltas for made in to_chunks(delta, "m")]
    message: Any = to_result(completion, "m").generations[0].message
    return [message, whole(chunk for chunk in chunks if isinstance(chunk, AIMessageChunk))]


def test_what_says_how_an_answer_was_made_is_metadata() -> None:
    facts: dict[str, Any] = {"service_tier": "flex", "native_finish_reason": "end_turn"}
    facts["logprobs"] = {"content": [{"token": "Ja", "logprob": -0.25, "top_logprobs": []}]}
    facts["content_filter_results"] = {"hate": {"filtered": False}}
    own: dict[str, Any] = {"id": "c", "created": 5, "system_fingerprint": "fp", "request_id": "r"}
    kept: dict[str, Any] = {"annotations": [], "reasoning_content": {"signature": "s"}}
    for message in both(completed(extra={**facts, **kept, "tool_calls": [{}]}, **own)):
        asked = {"model_name": "m", "model_provider": "innogpt", "finish_reason": "stop"}
        assert message.response_metadata == facts | own | asked
        assert message.additional_kwargs == kept


CITED = {"url": "https://example.com/1", "title": "Eins", "start_index": 0, "end_index": 3}
CITATION = {"type": "citation", **CITED}
URL = {"type": "url_citation"}
NEW: dict[str, Any] = {"type": "neu", "a": 1}
ANNOTATIONS: list[Any] = [{"url_citation": CITED, **URL}, {**URL, **CITED}, NEW, 7]
ADDRESSES = ("data:image/png;base64,aGk=", "https://example.com/1")
IMAGES: list[dict[str, Any]] = [
    {"type": "image", "base64": "aGk=", "mime_type": "image/png"},
    {"type": "image", "url": ADDRESSES[1]},
]
# How LangChain wraps what it has no form for.
ODD, OTHER = ({"type": kind, "value": NEW} for kind in ("non_standard_annotation", "non_standard"))


def image_url(url: str) -> dict[str, Any]:
    return {"image_url": {"url": url}}


@pytest.mark.parametrize(
    ("extra", "annotations", "further"),
    [
        ({"annotations": ANNOTATIONS}, [CITATION, CITATION, ODD], []),
        ({"citations": [CITED["url"], NEW]}, [{"type": "citation", "url": CITED["url"]}, ODD], []),
        ({"images": [*map(image_url, ADDRESSES), NEW]}, None, [*IMAGES, OTHER]),
        ({"content_parts": [NEW], "images": "x"}, None, [OTHER]),
        ({"annotations": "x", "unknown": 1}, None, []),
    ],
)
def test_blocks_of_what_came_with_the_text(extra: Any, annotations: Any, further: Any) -> None:
    text: dict[str, Any] = {"type": "text", "text": "Ja."}
    text |= {"annotations": annotations} if annotations else {}
    for message in both(completed(extra=extra)):
        blocks: Any = message.content_blocks
        places = {block.pop("index", "none") for block in blocks[1:]}
        assert blocks == [text, *further]
        assert len(places) == len(further) or not isinstance(message, AIMessageChunk)
        assert (message.content, message.additional_kwargs) == ("Ja.", extra)
    for message in both(completed("", extra={"citations": [CITED["url"]]})):
        assert message.content_blocks[0]["type"] == "text"


def test_a_refusal_is_a_block() -> None:
    call = ToolCall("1", "f", "{}")
    for message in both(completed("", refusal="Nein.", reasoning="Hm.", tool_calls=[call])):
        kinds = [block["type"] for block in message.content_blocks]
        assert kinds == ["reasoning", "tool_call", "refusal"]
        assert message.additional_kwargs["refusal"] == "Nein."


def test_each_block_stands_first_in_a_chunk_of_its_own() -> None:
    """LangChain's events know it by its place, and see no end of a call in the last chunk."""
    broken = completed("AB", tool_calls=[ToolCall("1", "f", "[1]")])
    pieces = (Delta(content="A"), Delta(reasoning="x", content="B"))
    last = Delta(reasoning="y", content="C", completion=broken)
    chunks = [made.message for delta in (*pieces, last) for made in to_chunks(delta, "m")]
    kinds = [[block["type"] for block in chunk.content_blocks] for chunk in chunks]
    thoughts_and_text = [["reasoning"], ["text"]]
    assert kinds == [["text"], *thoughts_and_text, ["reasoning"], ["tool_call_chunk"], ["text"]]
    for arguments in ('{"a": ' * 50_000, '{"a": "' + '\\"' * 500_000, "{" + '"a", ' * 200_000):
        assert len(force_invalid(arguments)) <= len(arguments)


def test_a_chunk_of_text_is_what_the_constructors_make_and_shares_nothing() -> None:
    chunk, second = (to_chunks(Delta(content="Grüße"), "m")[0] for _ in range(2))
    expected = ChatGenerationChunk(message=AIMessageChunk(content="Grüße"))
    assert (chunk, (repr(chunk), dumps(chunk))) == (expected, (repr(expected), dumps(expected)))
    for made, wanted in ((chunk, expected), (chunk.message, expected.message)):
        assert made.model_fields_set == wanted.model_fields_set
    for name, value in vars(chunk.message).items():
        assert not isinstance(value, list | dict) or value is not getattr(second.message, name)


READ = {"cached_tokens": 2, "cache_write_tokens": 3, "audio_tokens": 1}
WROTE = {"reasoning_tokens": 2.0, "audio_tokens": 5}
USAGE: dict[str, Any] = {"prompt_tokens": 9, "completion_tokens": "4", "total_tokens": None}
USAGE |= {"prompt_tokens_details": READ, "completion_tokens_details": WROTE}


def test_usage_with_its_details_and_without() -> None:
    counted: Any = {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13}
    counted["input_token_details"] = {"cache_read": 2, "cache_creation": 3, "audio": 1}
    counted["output_token_details"] = {"reasoning": 2, "audio": 5}
    for message in both(completed(usage=USAGE)):
        assert message.usage_metadata == counted
        assert message.response_metadata["token_usage"] == USAGE
    for message in both(completed(usage={"prompt_tokens": None})):
        assert message.usage_metadata is None


@pytest.mark.covers("neuroflash", "behaviour `usage.cost`, where it is sent, is kept", "Seen")
def test_generate_says_what_all_answers_cost(server: Server, mode: Mode) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "words_used": 2, "cost": 0.5}
    server.script("neuroflash", *[Reply("Ja.", usage=usage)] * 2)
    result = mode.call(chat("neuroflash"), "generate", [[HumanMessage("a")], [HumanMessage("b")]])
    twice = {name: 2 * count for name, count in usage.items()}
    assert result.llm_output == {"token_usage": twice, "model_name": "openai/gpt-4.1-mini"}
