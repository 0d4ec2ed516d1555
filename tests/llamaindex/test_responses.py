"""Answers: text, thoughts, tool calls and counts, whole and as they grow."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.tools import FunctionTool

from dsgvo.emulator import Reply, Server
from llamaindex_dsgvo import ModelOutputError
from tests.llamaindex.support import LLMS, Mode, bodies, llm
from tests.vendors import MODELS, THINKING_MODEL

HELLO = [ChatMessage("Hallo!")]
# meinGPT's page does not list stream_options and says that what is not listed is ignored.
COUNTS_STREAMS = [provider for provider in LLMS if provider != "meingpt"]


def addiere(a: int, b: int = 0) -> int:
    """Addiert zwei Zahlen."""
    return a + b


ADD = FunctionTool.from_defaults(addiere)


@pytest.mark.parametrize("provider", list(LLMS))
def test_four_ways_to_one_answer(provider: str, mode: Mode) -> None:
    model = llm(provider)
    whole = mode.call(model, "chat", HELLO)
    parts = mode.listed(model, "stream_chat", HELLO)
    text = mode.call(model, "complete", "Hallo!")
    text_parts = mode.listed(model, "stream_complete", "Hallo!")
    assert whole.message.content
    assert "".join(part.delta for part in parts) == whole.message.content
    assert parts[-1].message == whole.message
    assert text.text == whole.message.content == text_parts[-1].text
    assert "".join(part.delta for part in text_parts) == text.text
    grown = [part.message.content for part in parts]
    assert all(after.startswith(before) for before, after in pairwise(grown))
    for one in (whole, parts[-1], text, text_parts[-1]):
        assert one.raw["model"] == MODELS[provider]
        assert one.raw["finish_reason"] == "stop"
    counted = (whole, parts[-1], text, text_parts[-1])
    for one in counted if provider in COUNTS_STREAMS else (whole, text):
        assert one.raw["usage"]["total_tokens"] == one.additional_kwargs["total_tokens"] > 0


def test_thoughts_grow(mode: Mode, server: Server) -> None:
    reply = Reply(reasoning="Erst denken.", content="Dann antworten.")
    server.script("sovrgpt", reply, reply)
    model = llm("sovrgpt", model=THINKING_MODEL)
    whole = mode.call(model, "chat", HELLO)
    thought = ThinkingBlock(content="Erst denken.")
    assert whole.message.blocks == [thought, TextBlock(text="Dann antworten.")]
    parts = mode.listed(model, "stream_chat", HELLO)
    grown = "".join(part.additional_kwargs.get("thinking_delta", "") for part in parts)
    assert grown.strip() == "Erst denken."
    assert "".join(part.delta for part in parts) == "Dann antworten."
    assert parts[-1].message == whole.message


def test_tool_calls_grow(mode: Mode, server: Server) -> None:
    server.script(
        "innogpt", Reply(tool_calls=[{"name": "addiere", "arguments": {"a": 12345, "b": 67890}}])
    )
    model = llm("innogpt")
    parts = mode.listed(model, "stream_chat_with_tools", [ADD], user_msg="Addiere!")
    blocks = [
        block for part in parts for block in part.message.blocks if isinstance(block, ToolCallBlock)
    ]
    texts = [block.tool_kwargs for block in blocks if isinstance(block.tool_kwargs, str)]
    assert len(set(texts)) > 2
    assert texts == sorted(texts, key=len)
    assert blocks[-1].tool_kwargs == {"a": 12345, "b": 67890}
    assert len({block.tool_call_id for block in blocks}) == 1
    partial = [
        model.get_tool_calls_from_response(part, error_on_no_tool_call=False) for part in parts
    ]
    assert partial[-1][0].tool_kwargs == {"a": 12345, "b": 67890}


def test_one_tool_call_unless_several_are_allowed(mode: Mode, server: Server) -> None:
    calls = [{"name": "addiere", "arguments": {"a": n}} for n in (1, 2)]
    model = llm("innogpt")
    for allowed, expected in ((False, [1]), (True, [1, 2])):
        server.script("innogpt", Reply(tool_calls=calls), Reply(tool_calls=calls))
        options = {"user_msg": "x", "allow_parallel_tool_calls": allowed}
        whole = mode.call(model, "chat_with_tools", [ADD], **options)
        parts = mode.listed(model, "stream_chat_with_tools", [ADD], **options)
        kinds = [[block.block_type for block in part.message.blocks] for part in parts]
        assert max(one.count("tool_call") for one in kinds) == len(expected)
        for response in (whole, parts[-1]):
            found = model.get_tool_calls_from_response(response)
            assert [call.tool_kwargs["a"] for call in found] == expected


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ({}, None),
        ({"tool_required": True}, "required"),
        ({"tool_choice": "addiere"}, {"type": "function", "function": {"name": "addiere"}}),
        ({"tool_choice": "none"}, "none"),
        ({"tool_choice": "any"}, "required"),
        ({"tool_choice": "auto", "tool_required": True}, "auto"),
    ],
)
def test_tool_choice(mode: Mode, server: Server, arguments: dict[str, Any], sent: Any) -> None:
    history = [ChatMessage("Hallo")]
    model = llm("sovrgpt")
    mode.call(
        model, "chat_with_tools", [ADD], user_msg="Und nun?", chat_history=history, **arguments
    )
    assert bodies(server)[0].get("tool_choice") == sent
    assert len(history) == 1  # the caller's list is its own


def test_strict_tools(server: Server) -> None:
    llm("innogpt").chat_with_tools([ADD], user_msg="x", strict=True)
    function = bodies(server)[0]["tools"][0]["function"]
    assert function["strict"] is True
    assert function["parameters"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(tool_calls=[{"name": "addiere", "arguments": '{"a": 1'}]), "no valid JSON object"),
        (
            Reply(tool_calls=[{"name": "addiere", "arguments": '{"a": 1'}], finish_reason="length"),
            "max_tokens",
        ),
        (Reply(content="Nein."), "answered in text"),
    ],
)
def test_calls_that_cannot_be_made(mode: Mode, server: Server, reply: Reply, says: str) -> None:
    server.script("meingpt", reply, reply)
    model = llm("meingpt")
    whole = mode.call(model, "chat_with_tools", [ADD], user_msg="x")
    last = mode.listed(model, "stream_chat_with_tools", [ADD], user_msg="x")[-1]
    for response in (whole, last):
        with pytest.raises(ModelOutputError, match=says) as caught:
            model.get_tool_calls_from_response(response)
        assert isinstance(caught.value, ValueError)  # as LlamaIndex raises here


def test_partial_arguments_of_a_response_made_elsewhere() -> None:
    block = ToolCallBlock(tool_call_id="1", tool_name="addiere", tool_kwargs='{"a": 1, "b"')
    response = ChatResponse(message=ChatMessage(role="assistant", blocks=[block]))
    (call,) = llm("meingpt").get_tool_calls_from_response(response)
    assert call.tool_kwargs == {"a": 1}


@pytest.mark.parametrize("provider", COUNTS_STREAMS)
def test_token_counting(provider: str, mode: Mode) -> None:
    counter = TokenCountingHandler(tokenizer=lambda _: [0] * 1000)
    model = llm(provider, callback_manager=CallbackManager([counter]))
    expected = 0
    for method, question in (("chat", HELLO), ("complete", "Hallo!")):
        usage = mode.call(model, method, question).additional_kwargs
        expected += 2 * usage["total_tokens"]
        mode.listed(model, f"stream_{method}", question)
    assert counter.total_llm_token_count == expected
    assert len(counter.llm_token_counts) == 4


def test_token_counting_without_usage(mode: Mode, server: Server) -> None:
    """LlamaIndex estimates what a server does not say."""
    counter = TokenCountingHandler(tokenizer=lambda _: [0] * 10)
    model = llm("sovrgpt", callback_manager=CallbackManager([counter]))
    server.script("sovrgpt", Reply(content="Ja.", usage={}), Reply(content="Ja.", usage={}))
    assert mode.call(model, "chat", HELLO).additional_kwargs == {}
    mode.listed(model, "stream_chat", HELLO)
    assert counter.completion_llm_token_count == 20


def test_metadata() -> None:
    metadata = llm("meingpt").metadata
    assert (metadata.context_window, metadata.num_output) == (32_768, -1)
    assert metadata.is_chat_model
    assert metadata.is_function_calling_model
    sonar = llm("meingpt", model="llama-3.1-sonar-large-128k-online")
    assert not sonar.metadata.is_function_calling_model
    override = llm("meingpt", model="neu-und-unbekannt", context_window=9, max_tokens=5)
    assert (override.metadata.context_window, override.metadata.num_output) == (9, 5)
    assert llm("meingpt", is_function_calling_model=False).metadata.model_name == "gpt-4o"


@pytest.mark.filterwarnings("ignore::dsgvo.errors.IgnoredParameterWarning")
@pytest.mark.parametrize("provider", list(LLMS))
def test_parameters(provider: str, mode: Mode, server: Server) -> None:
    model = llm(provider, temperature=0.5, max_tokens=50, top_p=0.9, stop=["ENDE"])
    model.additional_kwargs = {"seed": 7, "extra_body": {"x": 1}}
    mode.call(model, "complete", "Hallo!", max_tokens=60)
    body = bodies(server)[0]
    sent = {name: body.get(name) for name in ("temperature", "max_tokens", "top_p", "stop")}
    assert sent == {"temperature": 0.5, "max_tokens": 60, "top_p": 0.9, "stop": ["ENDE"]}
    assert (body["seed"], body["x"]) == (7, 1)


def test_a_changed_model_asks_with_the_new_settings(server: Server) -> None:
    model = llm("sovrgpt")
    model.temperature = 0.25
    model.default_headers = {"X-Team": "rag"}
    model.complete("Hallo!")
    assert bodies(server)[0]["temperature"] == 0.25
    assert server.requests[0].headers["x-team"] == "rag"
