"""Asking a model: what comes with the answer, tokens and callbacks, caches, limits and chains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_llm_cache

from dsgvo.emulator import Reply, Server, Status
from dsgvo.errors import APIError
from tests.langchain.support import Mode, Way, bodies, chat, whole


def test_what_comes_with_the_answer(server: Server, way: Way) -> None:
    server.script("neuroflash", Reply("Ein Wort mehr."))
    answer = way.answer(chat("neuroflash"))
    metadata = answer.response_metadata
    assert metadata.pop("id").startswith("gen-")
    assert metadata.pop("request_id").startswith("emulator-")
    counts = {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9, "words_used": 3}
    assert metadata == {
        "finish_reason": "stop",
        "model_name": "openai/gpt-4.1-mini",
        "model_provider": "neuroflash",
        "system_fingerprint": "emulator-1",
        "token_usage": counts,
    }
    assert answer.usage_metadata == {"input_tokens": 5, "output_tokens": 4, "total_tokens": 9}


def test_usage_of_a_stream_comes_once_with_the_last_chunk(server: Server, mode: Mode) -> None:
    server.script("sovrgpt", Reply(chunks=["Guten", " Tag", "."]))
    chunks = mode.stream(chat("sovrgpt"), "Hallo!")
    usage = {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}
    assert [(chunk.content, chunk.chunk_position, chunk.usage_metadata) for chunk in chunks] == [
        *((text, None, None) for text in ("Guten", " Tag", ".")),
        ("", "last", usage),
    ]
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].id.startswith("lc_run-")
    assert [set(chunk.response_metadata) for chunk in chunks[:3]] == [set()] * 3


class Heard(BaseCallbackHandler):
    """Keeps what it hears, in order."""

    run_inline = True

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **_: Any) -> None:
        self.events.append(messages[0][0].content)

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self.events.append(token)

    def on_llm_end(self, response: Any, **_: Any) -> None:
        self.events.append(["end", response.generations[0][0].text])

    def on_llm_error(self, error: Any, **_: Any) -> None:
        self.events.append(["error", type(error).__name__])


def test_callbacks_hear_each_token_once_and_in_order(server: Server, mode: Mode) -> None:
    heard = Heard()
    config: Any = {"callbacks": [heard]}
    server.script("sovrgpt", *[Reply(chunks=["Guten", " Tag", "."])] * 2, Reply("Ja."), Status(400))
    chunks = mode.stream(chat("sovrgpt"), "Hallo!", config=config)
    # ``streaming=True`` streams behind invoke.
    answer = mode.invoke(chat("sovrgpt", streaming=True), "Hallo!", config=config)
    mode.invoke(chat("sovrgpt"), "Hallo!", config=config)
    with pytest.raises(APIError):
        mode.invoke(chat("sovrgpt"), "Hallo!", config=config)
    tokens = ["Guten", " Tag", ".", ""]
    streamed = ["Hallo!", *tokens, ["end", "Guten Tag."]]
    answered = ["Hallo!", ["end", "Ja."], "Hallo!", ["error", "BadRequestError"]]
    assert heard.events == [*streamed, *streamed, *answered]
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


# Caches


@pytest.fixture
def cache() -> Iterator[InMemoryCache]:
    cache = InMemoryCache()
    set_llm_cache(cache)
    yield cache
    set_llm_cache(None)


def test_a_cached_answer_costs_no_request_and_holds_no_key(
    server: Server, provider: str, mode: Mode, cache: InMemoryCache
) -> None:
    model = chat(provider, temperature=0.1)
    first = mode.invoke(model, "Wer bist du?")
    second = mode.invoke(model, "Wer bist du?")
    assert len(server.requests) == 1
    assert second.content == first.content
    assert second.response_metadata == first.response_metadata
    assert second.usage_metadata["total_tokens"] == first.usage_metadata["total_tokens"]
    assert second.usage_metadata["total_cost"] == 0  # so LangChain marks a cached answer
    assert server.api_key not in repr(cache._cache)


def test_other_settings_parameters_and_servers_miss_the_cache(
    server: Server, cache: InMemoryCache
) -> None:
    local = server.base_url("sovrgpt").replace("127.0.0.1", "localhost")
    cases: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("sovrgpt", {}, {}),
        ("innogpt", {}, {}),
        ("sovrgpt", {"base_url": local}, {}),
        ("sovrgpt", {"temperature": 0.2}, {}),
        ("sovrgpt", {"model": "n"}, {}),
        ("sovrgpt", {"max_tokens": 9}, {}),
        ("sovrgpt", {"stop": ["X"]}, {}),
        ("sovrgpt", {"model_kwargs": {"top_k": 1}}, {}),
        ("sovrgpt", {"extra_body": {"top_k": 1}}, {}),
        ("sovrgpt", {"default_headers": {"X-Team": "rag"}}, {}),
        ("sovrgpt", {"cache": InMemoryCache()}, {}),
        ("sovrgpt", {}, {"temperature": 0.3}),
        ("sovrgpt", {}, {"stop": ["Y"]}),
        ("sovrgpt", {}, {"tool_choice": "none"}),
    ]
    for _ in range(2):
        for provider, settings, parameters in cases:
            chat(provider, **{"model": "m"} | settings).invoke("Hallo!", **parameters)
        assert len(server.requests) == len(cases)
