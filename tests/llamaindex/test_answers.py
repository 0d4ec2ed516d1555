"""Answers as LlamaIndex's responses: whole and as they grow, and what came with them."""

import json
import pickle
from itertools import pairwise
from typing import Any

import pytest
from llama_index.core import Document, Settings, SummaryIndex
from llama_index.core.base.llms import types
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.tools import FunctionTool, ToolMetadata

from dsgvo import Completion, Delta
from dsgvo.emulator import Reply, Server
from dsgvo.errors import ConfigurationError
from llamaindex_dsgvo import ModelOutputError
from llamaindex_dsgvo._responses import ResponseBuilder, chat_response
from tests.core.support import completed
from tests.llamaindex.support import Mode, bodies, llm

HELLO = [types.ChatMessage("Hallo!")]


def addiere(a: int, b: int = 0) -> int:
    """Addiert zwei Zahlen."""
    return a + b


ADD = FunctionTool.from_defaults(addiere)


def read(answer: Completion) -> Any:
    """Return the response for a whole answer; ``raw`` is typed as perhaps nothing."""
    return chat_response(answer)


def test_an_answer_and_its_thoughts_grow(mode: Mode, server: Server) -> None:
    server.script("sovrgpt", *[Reply("Dann antworten.", reasoning="Erst denken.")] * 4)
    model = llm("sovrgpt")
    whole = mode.call(model, "chat", HELLO)
    thought = types.ThinkingBlock(content="Erst denken.")
    assert whole.message.blocks == [thought, types.TextBlock(text="Dann antworten.")]
    parts = mode.listed(model, "stream_chat", HELLO)
    grown = "".join(part.additional_kwargs.get("thinking_delta", "") for part in parts)
    assert grown.strip() == "Erst denken."
    texts = [part.message.content or "" for part in parts]
    assert all(after.startswith(before) for before, after in pairwise(texts))
    text = mode.call(model, "complete", "Hallo!")
    text_parts = mode.listed(model, "stream_complete", "Hallo!")
    for growing in (parts, text_parts):
        assert "".join(part.delta for part in growing) == "Dann antworten."
    assert text.text == text_parts[-1].text == "Dann antworten."
    assert parts[-1].message == whole.message
    for one in (whole, parts[-1], text, text_parts[-1]):
        assert (one.raw.model, one.raw["finish_reason"]) == ("qwen3.5-9b", "stop")
        assert one.raw["usage"]["total_tokens"] == one.additional_kwargs["total_tokens"] > 0
    assert text_parts[-1].raw.choices[0].message.content == text.text
    assert parts[0].raw.usage is parts[0].raw["usage"] is None


def test_what_came_with_an_answer() -> None:
    extra: dict[str, Any] = {"native_finish_reason": "end_turn"}
    extra |= {"annotations": [{"type": "url_citation"}], "images": [{"image_url": {"url": "x"}}]}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    answer = completed(extra=extra | {"tool_calls": [{}]}, model="m", usage=usage)
    streamed: Any = ResponseBuilder().feed(Delta(completion=answer))
    for response in (read(answer), streamed):
        raw = response.raw
        assert ({name: raw[name] for name in extra}, raw.tool_calls) == (extra, [])
        assert response.message.additional_kwargs == {"annotations": extra["annotations"]}
        # A chat store keeps it.
        assert types.ChatMessage.model_validate_json(response.message.model_dump_json())
        # It reads as a dict and by attributes.
        assert (raw.usage.total_tokens, raw.model, raw.choices[0].finish_reason) == (4, "m", "stop")
        assert pickle.loads(pickle.dumps(raw)) == json.loads(json.dumps(raw)) == raw
        with pytest.raises(AttributeError, match="nirgends"):
            _ = raw.nirgends
    assert read(answer).raw.choices[0].message.content == "Ja."


TOKENS = [{"token": "a", "logprob": -1.0, "bytes": [97]}, {"token": "b", "logprob": -2.0}]


def test_logprobs() -> None:
    told = {"content": [TOKENS[0] | {"top_logprobs": TOKENS}]}
    response = read(completed(extra={"logprobs": told}))
    pairs = [[(one.token, one.logprob) for one in place] for place in response.logprobs]
    assert (pairs, response.raw.logprobs) == ([[("a", -1.0), ("b", -2.0)]], told)
    for odd in ({"content": None}, {"content": [{"token": 1}]}):
        assert read(completed(extra={"logprobs": odd})).logprobs is None


def test_usage_of_any_shape_is_counted(server: Server, mode: Mode) -> None:
    """LlamaIndex estimates what nobody says: 1000 by this tokenizer, or a few more."""
    known = {"prompt_tokens": 9, "completion_tokens": "4"}
    for usage in (known, {"prompt_tokens": [9], "completion_tokens": {}}, {}):
        counter = TokenCountingHandler(tokenizer=lambda _: [0] * 1000)
        model = llm("sovrgpt", callback_manager=CallbackManager([counter]))
        server.script("sovrgpt", *[Reply("Ja.", usage=usage)] * 4)
        for method, question in (("chat", HELLO), ("complete", "Hallo!")):
            mode.call(model, method, question)
            mode.listed(model, f"stream_{method}", question)
        events = counter.llm_token_counts
        told = [(one.prompt_token_count, one.completion_token_count) for one in events]
        found = [tuple(count // 1000 * 1000 or count for count in pair) for pair in told]
        assert found == [(9, 4) if usage is known else (1000, 1000)] * 4


# Tools


def test_one_tool_call_unless_several_are_allowed(mode: Mode, server: Server) -> None:
    calls, model = [{"name": "addiere", "arguments": {"a": n}} for n in (1, 2)], llm("innogpt")
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


def test_a_tool_that_is_required(server: Server) -> None:
    history = [types.ChatMessage("Hallo")]
    options = {"user_msg": "Und nun?", "chat_history": history, "tool_required": True}
    llm("sovrgpt").chat_with_tools([ADD], **options)
    llm("sovrgpt").chat_with_tools([ADD], **options, tool_choice="auto")
    assert [body["tool_choice"] for body in bodies(server)] == ["required", "auto"]
    assert (len(bodies(server)[0]["messages"]), len(history)) == (2, 1)  # which is the caller's
    with pytest.raises(ConfigurationError, match=r"tools: <built-in .* makes one of a function"):
        llm("sovrgpt").chat_with_tools([ADD, print], **options)  # pyright: ignore[reportArgumentType]
    nameless = FunctionTool(print, metadata=ToolMetadata("x"))
    with pytest.raises(ConfigurationError, match=r"tools\[0\]: its function is no object with a n"):
        llm("sovrgpt").chat_with_tools([nameless], **options)


BROKEN = {"name": "addiere", "arguments": '{"a": 1'}


def test_a_name_that_no_server_takes_is_another_on_the_wire_alone(
    mode: Mode, server: Server
) -> None:
    names = {"tage für": "tage_fuer", "f.g": "f_g_2", "f_g": "f_g"}
    tools = [
        FunctionTool.from_defaults(lambda x, name=name: (name, x), name=name) for name in names
    ]
    for name, sent in names.items():
        called = Reply(tool_calls=[{"name": sent, "arguments": {"x": 1}, "id": "1"}])
        server.script("innogpt", *[called] * 2)
        result = mode.call(llm("innogpt"), "predict_and_call", tools, user_msg="?")
        assert result.sources[0].raw_output == (name, 1)
        answer = mode.call(llm("innogpt"), "chat_with_tools", tools, "?", tool_choice=name)
        assert [one.tool_name for one in llm("innogpt").get_tool_calls_from_response(answer)] == [
            name
        ]
        body = bodies(server)[-1]
        offered = [tool["function"]["name"] for tool in body["tools"]]
        assert (offered, body["tool_choice"]["function"]["name"]) == ([*names.values()], sent)


def test_calls_that_cannot_be_made(mode: Mode, server: Server) -> None:
    model, asked = llm("meingpt"), {"tools": [ADD], "user_msg": "x"}
    for reply, says in (
        (Reply(tool_calls=[BROKEN]), "of tool call 1 .* no valid JSON object"),
        (Reply(tool_calls=[BROKEN], finish_reason="length"), "max_tokens"),
        (Reply(tool_calls=[BROKEN | {"arguments": ""}], finish_reason="SAFETY"), "content filter"),
        (Reply(content="Nein."), "answered in text"),
    ):
        server.script("meingpt", reply, reply)
        for ask in (
            lambda: [mode.call(model, "chat_with_tools", **asked)],
            lambda: mode.listed(model, "stream_chat_with_tools", **asked),
        ):
            with pytest.raises(ModelOutputError, match=says) as caught:
                model.get_tool_calls_from_response(ask()[-1])
            assert isinstance(caught.value, ValueError)  # as LlamaIndex raises here


# What LlamaIndex is told of the model


@pytest.mark.parametrize("max_tokens", [None, 65_536])
def test_a_guessed_window_leaves_room_for_the_prompt(
    server: Server, caplog: pytest.LogCaptureFixture, max_tokens: int | None
) -> None:
    passages = [Document(text=f"Absatz {n}. 30 Tage Urlaub. " + "Wort " * 700) for n in range(5)]
    model = llm("sovrgpt", model="unbekannt", max_tokens=max_tokens)
    Settings.tokenizer = str.split  # none is downloaded
    for _ in range(2):
        SummaryIndex.from_documents(passages).as_query_engine(llm=model).query("Wie viele Tage?")
    assert len(server.requests) == 2
    [told] = [record.getMessage() for record in caplog.records if "context_window" in record.msg]
    assert "the context window of model 'unbekannt' is: 32768 tokens are taken" in told
    caplog.clear()
    metadata = llm("sovrgpt", model="x", context_window=8192, max_tokens=1000).metadata
    assert (metadata.context_window, metadata.num_output) == (8192, 1000)
    assert (llm("sovrgpt", context_window=1).metadata.num_output, caplog.records) == (-1, [])
