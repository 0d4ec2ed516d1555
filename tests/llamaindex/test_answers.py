"""Answers as LlamaIndex's responses, whatever came with them, and histories of other vendors."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from llama_index.core import Document, Settings, SummaryIndex
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitationBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.tools import FunctionTool

from dsgvo import Completion, Delta, ToolCall
from dsgvo.emulator import Reply, Server, Status
from dsgvo.errors import CapabilityError, IgnoredParameterWarning
from dsgvo.wire.tools import ToolCallDelta
from llamaindex_dsgvo._responses import RawResponse, ResponseBuilder, chat_response
from tests.llamaindex.support import Mode, bodies, llm

HELLO = [ChatMessage("Hallo!")]


def completed(content: str = "Ja.", **more: Any) -> Completion:
    return Completion("innogpt", content=content, finish_reason="stop", **more)


def read(answer: Completion) -> Any:
    """Return the response for a whole answer; ``raw`` is typed as perhaps nothing."""
    return chat_response(answer)


def test_what_came_with_an_answer() -> None:
    extra = {
        "annotations": [{"type": "url_citation"}],
        "logprobs": {"content": [{"token": "Ja", "logprob": -0.25, "bytes": None}]},
        "images": [{"image_url": {"url": "x"}}],
        "native_finish_reason": "end_turn",
    }
    answer = completed(extra=extra, model="m", usage={"prompt_tokens": 3})
    streamed: Any = ResponseBuilder().feed(Delta(completion=answer))
    for response in (read(answer), streamed):
        assert {name: response.raw[name] for name in extra} == extra
        assert response.message.additional_kwargs == {"annotations": extra["annotations"]}
        # A chat store keeps it.
        assert ChatMessage.model_validate_json(response.message.model_dump_json())


@pytest.mark.parametrize(
    ("logprobs", "found"),
    [
        ({"content": [{"token": "Ja", "logprob": -0.25, "top_logprobs": []}]}, [[("Ja", -0.25)]]),
        (
            {
                "content": [
                    {
                        "token": "a",
                        "logprob": -1.0,
                        "bytes": [97],
                        "top_logprobs": [
                            {"token": "a", "logprob": -1.0, "bytes": [97]},
                            {"token": "b", "logprob": -2.0, "bytes": None},
                        ],
                    }
                ]
            },
            [[("a", -1.0), ("b", -2.0)]],
        ),
        ({"content": None}, None),
        ({"tokens": ["a"], "token_logprobs": [-1.0]}, None),
        ("x", None),
        ({"content": [{"token": 1}]}, None),
        ({"content": ["a"]}, None),
    ],
)
def test_logprobs(logprobs: Any, found: Any) -> None:
    response = read(completed(extra={"logprobs": logprobs}))
    pairs = response.logprobs and [[(t.token, t.logprob) for t in one] for one in response.logprobs]
    assert pairs == found
    assert response.raw.logprobs == logprobs


def test_raw_reads_as_a_dict_and_by_attributes() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    raw = read(completed(model="m", usage=usage)).raw
    assert raw.choices[0].message.content == raw["choices"][0]["message"]["content"] == "Ja."
    assert (raw.usage.total_tokens, raw.model, raw.choices[0].finish_reason) == (4, "m", "stop")
    assert pickle.loads(pickle.dumps(raw)) == json.loads(json.dumps(raw)) == raw
    assert isinstance(raw, RawResponse)
    with pytest.raises(AttributeError, match="nirgends"):
        _ = raw.nirgends


def test_raw_reads_by_attributes_in_streams_too(server: Server, mode: Mode) -> None:
    first, *_, last = mode.listed(llm("innogpt"), "stream_chat", HELLO)
    assert first.raw.usage is first.raw["usage"] is None
    assert last.raw.usage.total_tokens == last.raw["usage"]["total_tokens"]
    *_, last = mode.listed(llm("innogpt"), "stream_complete", "Hallo!")
    assert last.raw.choices[0].message.content == last.text


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": 9, "completion_tokens": "4", "prompt_tokens_details": "x"}, (9, 4)),
        ({"input_tokens": 9, "output_tokens": 4.0}, (9, 4)),
        ({"promptTokenCount": 9, "candidatesTokenCount": 4}, (9, 4)),
        ({"prompt_tokens": None, "completion_tokens": 4}, (1000, 4)),
        ({"prompt_tokens": [9], "completion_tokens": {}}, (1000, 1000)),
        ({"words_used": 3}, (1000, 1000)),
    ],
)
def test_usage_of_any_shape_is_counted(
    server: Server, mode: Mode, usage: Any, counted: tuple[int, int]
) -> None:
    """LlamaIndex estimates what nobody says: 1000 by this tokenizer, or a few more."""
    counter = TokenCountingHandler(tokenizer=lambda _: [0] * 1000)
    model = llm("sovrgpt", callback_manager=CallbackManager([counter]))
    server.script("sovrgpt", *[Reply("Ja.", usage=usage)] * 2)
    mode.call(model, "chat", HELLO)
    mode.listed(model, "stream_chat", HELLO)
    for event in counter.llm_token_counts:
        found = (event.prompt_token_count, event.completion_token_count)
        assert tuple(count // 1000 * 1000 or count for count in found) == counted


@pytest.mark.parametrize(
    ("name", "arguments", "kwargs"),
    [
        ("f", "null", {}),
        ("f", "", {}),
        ("f", '{"a": "x\ny"}', {"a": "x\ny"}),
        ("f", '{"a": 1', '{"a": 1'),
        ("", "{}", "{}"),
    ],
)
def test_arguments_of_calls(name: str, arguments: str, kwargs: Any) -> None:
    response = chat_response(completed("", tool_calls=[ToolCall("1", name, arguments)]))
    [block] = response.message.blocks
    assert isinstance(block, ToolCallBlock)
    assert block.tool_kwargs == kwargs


def test_the_name_of_a_call_may_come_in_pieces() -> None:
    builder = ResponseBuilder()
    for delta in (ToolCallDelta(0, "1", "addi", ""), ToolCallDelta(0, None, "ere", "{}")):
        response = builder.feed(Delta(tool_calls=[delta]))
    call = ToolCallBlock(tool_call_id="1", tool_name="addiere", tool_kwargs="{}")
    assert response.message.blocks[-1] == call


def test_a_refusal_streams_as_text() -> None:
    response = ResponseBuilder().feed(Delta(refusal="Nein."))
    assert (response.delta, response.message.content) == ("Nein.", "Nein.")


# Histories


@pytest.mark.parametrize(
    ("blocks", "text"),
    [
        (["Das sind ", "42", " Euro."], "Das sind 42 Euro."),
        (
            [
                CachePoint(cache_control=CacheControl(type="ephemeral")),
                "Gefunden.",
                CitationBlock(
                    cited_content=TextBlock(text="Quelle"),
                    source="s",
                    title="t",
                    additional_location_info={},
                ),
                ImageBlock(url="https://example.com/a.png"),
            ],
            "Gefunden.",
        ),
    ],
)
def test_answers_of_other_vendors_go_back_as_text(
    server: Server, blocks: list[Any], text: str
) -> None:
    found = [TextBlock(text=block) if isinstance(block, str) else block for block in blocks]
    history = [*HELLO, ChatMessage(role="assistant", blocks=found), *HELLO]
    llm("innogpt").chat(history)
    assert bodies(server)[0]["messages"][1] == {"role": "assistant", "content": text}


def test_a_refusal_and_broken_calls_go_back(server: Server) -> None:
    broken = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a'}}
    history = [
        *HELLO,
        ChatMessage("", role="assistant", additional_kwargs={"refusal": "Nein."}),
        ChatMessage("", role="assistant", additional_kwargs={"tool_calls": [broken]}),
        ChatMessage("?", role="tool", additional_kwargs={"tool_call_id": "1"}),
    ]
    llm("innogpt").chat(history)
    _, declined, called, _ = bodies(server)[0]["messages"]
    assert declined == {"role": "assistant", "content": "Nein."}
    arguments = called["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"invalid_arguments": '{"a'}


def tool_loop(*results: Any) -> list[ChatMessage]:
    call = ToolCallBlock(tool_call_id="1", tool_name="kurs", tool_kwargs={})
    thoughts = ThinkingBlock(content="Hm.")
    details = {"reasoning_details": [{"data": "x"}]}
    return [
        *HELLO,
        ChatMessage(role="assistant", blocks=[thoughts, call], additional_kwargs=details),
        ChatMessage(role="tool", blocks=[*results], additional_kwargs={"tool_call_id": "1"}),
    ]


def test_an_image_in_a_tools_result(server: Server, mode: Mode) -> None:
    messages = tool_loop(TextBlock(text="Der Kurs:"), ImageBlock(url="https://example.com/a.png"))
    mode.call(llm("innogpt"), "chat", messages)
    *_, result, shown = bodies(server)[0]["messages"]
    assert (result["role"], result["content"]) == ("tool", "Der Kurs:")
    assert [part["type"] for part in shown["content"]] == ["text", "image_url"]
    with pytest.warns(IgnoredParameterWarning, match="documents no image input"):
        mode.call(llm("meingpt"), "chat", messages)
    mode.listed(llm("meingpt"), "stream_chat", messages)  # told once
    assert bodies(server)[2]["messages"][-1] == result
    with pytest.raises(CapabilityError, match="documents no image input"):
        mode.call(llm("meingpt", strict=True), "chat", messages)


def test_an_audio_in_a_tools_result_is_left_out(server: Server) -> None:
    with pytest.warns(IgnoredParameterWarning, match="documents no audio input"):
        llm("innogpt").chat(tool_loop(AudioBlock(audio=b"x", format="mp3")))
    assert bodies(server)[0]["messages"][-1]["content"] == "(not shown)"


def test_thoughts_go_back_once_a_server_wants_them(server: Server, mode: Mode) -> None:
    server.script("sovrgpt", Status(400, message="`reasoning_content` must be passed back"))
    messages = tool_loop(TextBlock(text="3"))
    mode.call(llm("sovrgpt"), "chat", messages)
    mode.listed(llm("sovrgpt"), "stream_chat", messages)
    mode.call(llm("innogpt"), "chat", messages)
    mode.call(llm("innogpt", send_reasoning=True), "chat", messages)
    sent = [body["messages"][1].get("reasoning_content") for body in bodies(server)]
    assert sent == [None, "Hm.", "Hm.", None, "Hm."]
    assert bodies(server)[1]["messages"][1]["reasoning_details"] == [{"data": "x"}]


# What LlamaIndex is told of the model


@pytest.mark.parametrize("max_tokens", [None, 32_000, 65_536, 10**6])
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


def test_a_window_that_is_given_is_what_llamaindex_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metadata = llm("sovrgpt", model="x", context_window=8192, max_tokens=1000).metadata
    assert (metadata.context_window, metadata.num_output) == (8192, 1000)
    assert caplog.records == []


def test_a_tools_description_is_the_same_under_every_python(server: Server) -> None:
    def kurs(symbol: str) -> str:
        return symbol

    for indent in ("    ", ""):  # from 3.13 on, the compiler takes it away
        kurs.__doc__ = f"Gib den Kurs.\n\n{indent}Zeile zwei.\n{indent}    - tiefer\n{indent}"
        tool = FunctionTool.from_defaults(kurs)
        llm("innogpt").chat_with_tools([tool], user_msg="x")
    [first, second] = [body["tools"][0]["function"]["description"] for body in bodies(server)]
    assert first == second
    assert first.splitlines()[1:] == ["Gib den Kurs.", "", "Zeile zwei.", "    - tiefer"]
