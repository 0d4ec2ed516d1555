"""Asking a model: whole, streamed, in batches, with callbacks, and what comes with the answer."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.callbacks.usage import get_usage_metadata_callback
from langchain_core.messages import AIMessage

from dsgvo.emulator import Reply, Server, Status
from dsgvo.errors import APIError
from tests.langchain.support import Mode, Way, bodies, chat, whole
from tests.vendors import MODELS

STREAMS_UNASKED = "gpt-5-mini"
BETA = pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")


def test_the_four_ways_give_the_same_answer(server: Server, provider: str, way: Way) -> None:
    server.script(provider, Reply("Grüße aus Köln."))
    answer = way.answer(chat(provider))
    assert isinstance(answer, AIMessage)
    assert (answer.content, answer.text) == ("Grüße aus Köln.", "Grüße aus Köln.")
    assert answer.tool_calls == answer.invalid_tool_calls == []


def test_a_model_that_streams_unasked_gives_the_same_answer(server: Server, way: Way) -> None:
    server.script("innogpt", Reply("Grüße aus Köln.", usage={"prompt_tokens": 3}))
    answer = way.answer(chat("innogpt", model=STREAMS_UNASKED))
    assert answer.content == "Grüße aus Köln."
    assert answer.response_metadata["model_name"] == STREAMS_UNASKED
    assert answer.usage_metadata == {"input_tokens": 3, "output_tokens": 0, "total_tokens": 3}


def test_what_comes_with_the_answer(server: Server, way: Way) -> None:
    server.script("neuroflash", Reply("Ein Wort mehr."))
    answer = way.answer(chat("neuroflash"))
    metadata = answer.response_metadata
    assert metadata.pop("id").startswith("gen-")
    assert metadata.pop("request_id").startswith("emulator-")
    assert metadata == {
        "finish_reason": "stop",
        "model_name": "openai/gpt-4.1-mini",
        "model_provider": "neuroflash",
        "system_fingerprint": "emulator-1",
        "token_usage": {
            "prompt_tokens": 5,
            "completion_tokens": 4,
            "total_tokens": 9,
            "words_used": 3,
        },
    }
    assert answer.usage_metadata == {"input_tokens": 5, "output_tokens": 4, "total_tokens": 9}


def test_usage_of_a_stream_comes_once_with_the_last_chunk(server: Server, mode: Mode) -> None:
    server.script("sovrgpt", Reply(chunks=["Guten", " Tag", "."]))
    chunks = mode.stream(chat("sovrgpt"), "Hallo!")
    assert [(chunk.content, chunk.chunk_position) for chunk in chunks] == [
        ("Guten", None),
        (" Tag", None),
        (".", None),
        ("", "last"),
    ]
    assert [chunk.usage_metadata for chunk in chunks] == [
        *[None] * 3,
        {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8},
    ]
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].id.startswith("lc_run-")
    assert [set(chunk.response_metadata) for chunk in chunks[:3]] == [set()] * 3


def test_a_plain_request_has_no_more_than_was_said(server: Server, mode: Mode) -> None:
    mode.invoke(chat("sovrgpt", temperature=0.2), "Hallo!")
    assert bodies(server) == snapshot(
        [
            {
                "model": "qwen3.5-9b",
                "temperature": 0.2,
                "messages": [{"role": "user", "content": "Hallo!"}],
            }
        ]
    )


def test_settings_go_out_and_a_call_wins_over_them(server: Server, way: Way) -> None:
    model = chat(
        "neuroflash",
        temperature=0.1,
        max_tokens=50,
        stop="ENDE",
        model_kwargs={"logprobs": True},
        extra_body={"a": 1, "b": 1},
        default_headers={"x-abteilung": "7"},
    )
    way.answer(model, temperature=0.7, stop=["SCHLUSS"], extra_body={"b": 2}, model="other/model")
    [request] = server.requests
    body = {k: v for k, v in request.json.items() if k not in {"stream", "stream_options"}}
    assert body == {
        "model": "other/model",
        "messages": [{"role": "user", "content": "Hallo!"}],
        "temperature": 0.7,
        "max_tokens": 50,
        "stop": ["SCHLUSS"],
        "logprobs": True,
        "a": 1,
        "b": 2,
    }
    assert request.headers["x-abteilung"] == "7"
    assert request.headers["x-workspace-id"] == server.workspace_id


def test_batches_answer_in_order_and_keep_failures_apart(server: Server, mode: Mode) -> None:
    model = chat("sovrgpt", max_retries=0)
    questions = [f"Antworte mit dem Wort „Zahl{number}“." for number in range(5)]
    answers = mode.batch(model, questions)
    alone = [mode.invoke(model, question).content for question in questions]
    assert [answer.content for answer in answers] == alone
    assert len(set(alone)) == 5
    server.script("sovrgpt", Status(500))
    mixed = mode.batch(model, questions, return_exceptions=True)
    assert sum(isinstance(one, APIError) for one in mixed) == 1
    pairs = zip(mixed, alone, strict=True)
    assert all(isinstance(one, APIError) or one.content == plain for one, plain in pairs)


HEARD: dict[str, Any] = {
    "on_chat_model_start": lambda _, messages, **__: ("start", messages[0][0].content),
    "on_llm_new_token": lambda token, **_: ("token", token),
    "on_llm_end": lambda response, **_: ("end", response.generations[0][0].text),
    "on_llm_error": lambda error, **_: ("error", type(error).__name__),
}


def handler_of(mode: Mode, events: list[Any]) -> Any:
    """Return a callback handler that keeps what it hears, in order."""

    def hears(show: Any) -> Any:
        async def awaited(_: Any, *args: Any, **kwargs: Any) -> None:
            events.append(show(*args, **kwargs))

        def blocking(_: Any, *args: Any, **kwargs: Any) -> None:
            events.append(show(*args, **kwargs))

        return awaited if mode.is_async else blocking

    kind = AsyncCallbackHandler if mode.is_async else BaseCallbackHandler
    return type("Handler", (kind,), {name: hears(show) for name, show in HEARD.items()})()


def test_callbacks_hear_each_token_once_and_in_order(server: Server, mode: Mode) -> None:
    events: list[Any] = []
    config: Any = {"callbacks": [handler_of(mode, events)]}
    server.script("sovrgpt", *[Reply(chunks=["Guten", " Tag", "."])] * 2, Reply("Ja."), Status(400))
    chunks = mode.stream(chat("sovrgpt"), "Hallo!", config=config)
    # ``streaming=True`` streams behind invoke.
    answer = mode.invoke(chat("sovrgpt", streaming=True), "Hallo!", config=config)
    mode.invoke(chat("sovrgpt"), "Hallo!", config=config)
    with pytest.raises(APIError):
        mode.invoke(chat("sovrgpt"), "Hallo!", config=config)
    tokens = ["Guten", " Tag", ".", ""]
    start = ("start", "Hallo!")
    streamed = [start, *(("token", text) for text in tokens), ("end", "Guten Tag.")]
    answered = [start, ("end", "Ja."), start, ("error", "BadRequestError")]
    assert events == [*streamed, *streamed, *answered]
    assert [chunk.content for chunk in chunks] == tokens
    assert (answer.content, answer.usage_metadata["output_tokens"]) == ("Guten Tag.", 3)
    assert [body.get("stream") for body in bodies(server)] == [True, True, None, None]


def test_streaming_and_its_usage_can_be_turned_off(server: Server, mode: Mode) -> None:
    [answer] = mode.stream(chat("sovrgpt", disable_streaming=True), "Hallo!")
    model = chat("sovrgpt", stream_usage=False)
    assert whole(mode.stream(model, "Hallo!")).usage_metadata is None
    assert whole(mode.stream(model, "Hallo!", stream_usage=True)).usage_metadata is not None
    assert answer.usage_metadata is not None
    assert ["stream" in body for body in bodies(server)] == [False, True, True]
    assert ["stream_options" in body for body in bodies(server)] == [False, False, True]


def test_usage_is_counted_by_langchains_own_callback(server: Server, way: Way) -> None:
    server.script("sovrgpt", Reply("Eins."), Reply("Eins und zwei."))
    with get_usage_metadata_callback() as counter:
        way.answer(chat("sovrgpt"))
        way.answer(chat("sovrgpt"))
    assert counter.usage_metadata == {
        "qwen3.5-9b": {"input_tokens": 10, "output_tokens": 6, "total_tokens": 16}
    }


async def test_events_in_version_2(server: Server) -> None:
    server.script("sovrgpt", Reply(chunks=["Guten", " Tag."]))
    events = [event async for event in chat("sovrgpt").astream_events("Hallo!", version="v2")]
    assert [event["event"] for event in events] == [
        "on_chat_model_start",
        *["on_chat_model_stream"] * 3,
        "on_chat_model_end",
    ]
    assert [event["data"]["chunk"].content for event in events[1:4]] == ["Guten", " Tag.", ""]
    assert events[-1]["data"]["output"].content == "Guten Tag."
    assert events[0]["metadata"]["ls_provider"] == "sovrgpt"


@BETA
def test_events_in_version_3(server: Server) -> None:
    server.script("sovrgpt", Reply(chunks=["Guten", " Tag."]))
    stream = chat("sovrgpt").stream_events("Hallo!", version="v3")
    events = list(stream)
    assert [event["event"] for event in events] == [
        "message-start",
        "content-block-start",
        "content-block-delta",
        "content-block-delta",
        "content-block-finish",
        "message-finish",
    ]
    assert "".join(stream.text) == "Guten Tag."
    assert stream.output.usage_metadata == {
        "input_tokens": 5,
        "output_tokens": 2,
        "total_tokens": 7,
    }


@BETA
async def test_events_in_version_3_awaited(server: Server) -> None:
    server.script("sovrgpt", Reply(chunks=["Guten", " Tag."]))
    stream = await chat("sovrgpt").astream_events("Hallo!", version="v3")
    assert [text async for text in stream.text] == ["Guten", " Tag."]
    output = await stream.output
    assert output.content_blocks == [{"type": "text", "text": "Guten Tag.", "index": 0}]
    assert output.response_metadata["finish_reason"] == "stop"


def test_a_stream_that_is_not_read_sends_nothing(server: Server) -> None:
    chat("sovrgpt").stream("Hallo!")
    assert server.requests == []


def test_the_model_may_come_from_the_environment(
    server: Server, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{provider.upper()}_MODEL", MODELS[provider])
    model = chat(provider, model="")
    assert (model.model, model.model_name) == (MODELS[provider], MODELS[provider])
