"""Caches, rate limits, and the rules of the transport as a LangChain program meets them."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import RunnableParallel, RunnablePassthrough

from dsgvo.emulator import Raw, Reply, Server
from dsgvo.errors import AuthenticationError
from tests.langchain.support import Mode, Way, bodies, chat, whole

# Caches


@pytest.fixture
def cache() -> Iterator[InMemoryCache]:
    cache = InMemoryCache()
    set_llm_cache(cache)
    yield cache
    set_llm_cache(None)


def test_a_cached_answer_costs_no_request(
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


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 0.2},
        {"model": "gemma-4-26b-a4b"},
        {"max_tokens": 9},
        {"stop": ["X"]},
        {"model_kwargs": {"top_k": 1}},
        {"extra_body": {"top_k": 1}},
    ],
)
def test_other_settings_miss_the_cache(
    server: Server, mode: Mode, cache: InMemoryCache, other: dict[str, Any]
) -> None:
    settings = {"temperature": 0.1}
    mode.invoke(chat("sovrgpt", **settings), "Hallo!")
    mode.invoke(chat("sovrgpt", **settings | other), "Hallo!")
    assert len(server.requests) == 2


def test_other_parameters_of_the_call_miss_the_cache(
    server: Server, mode: Mode, cache: InMemoryCache
) -> None:
    model = chat("sovrgpt")
    for parameters in ({}, {"temperature": 0.2}, {"stop": ["X"]}, {"tool_choice": "none"}):
        mode.invoke(model, "Hallo!", **parameters)
        mode.invoke(model, "Hallo!", **parameters)
    assert len(server.requests) == 4


def test_other_vendors_and_servers_miss_the_cache(server: Server, cache: InMemoryCache) -> None:
    chat("sovrgpt", model="m").invoke("Hallo!")
    chat("innogpt", model="m").invoke("Hallo!")
    assert len(server.requests) == 2
    with pytest.raises(AuthenticationError):  # asked, since the address differs
        chat(
            "sovrgpt", model="m", base_url=server.base_url("innogpt"), api_key="x", max_retries=0
        ).invoke("Hallo!")
    assert len(server.requests) == 3


def test_a_key_is_no_part_of_what_is_cached(server: Server, cache: InMemoryCache) -> None:
    chat("sovrgpt").invoke("Hallo!")
    assert server.api_key not in repr(cache._cache)


def test_a_model_may_have_its_own_cache_or_none(server: Server, cache: InMemoryCache) -> None:
    for _ in range(2):
        chat("sovrgpt", cache=False).invoke("Hallo!")
    assert len(server.requests) == 2
    own = InMemoryCache()
    for _ in range(2):
        chat("sovrgpt", cache=own).invoke("Hallo!")
    assert len(server.requests) == 3


class Counter(BaseRateLimiter):
    """Counts who asked for leave, and gives it."""

    def __init__(self) -> None:
        self.asked = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.asked += 1
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        self.asked += 1
        return True


def test_a_rate_limiter_is_asked_before_each_request(server: Server, mode: Mode) -> None:
    limiter = Counter()
    model = chat("sovrgpt", rate_limiter=limiter)
    mode.invoke(model, "Hallo!")
    mode.stream(model, "Hallo!")
    mode.batch(model, ["a", "b"])
    assert limiter.asked == len(server.requests) == 4


# Chains


def test_a_chain_streams_through(server: Server, mode: Mode) -> None:
    server.script("sovrgpt", Reply(chunks=["Guten", " Tag", "."]))
    prompt = ChatPromptTemplate.from_messages([("system", "Sei {style}."), ("user", "{text}")])
    chain = prompt | chat("sovrgpt") | StrOutputParser()
    pieces = mode.stream(chain, {"style": "knapp", "text": "Hallo!"})
    assert [piece for piece in pieces if piece] == ["Guten", " Tag", "."]


def test_vendors_side_by_side(server: Server, mode: Mode) -> None:
    both = RunnableParallel(a=chat("sovrgpt"), b=chat("innogpt"), asked=RunnablePassthrough())
    answer = mode.invoke(both, "Hallo!")
    assert answer["a"].response_metadata["model_provider"] == "sovrgpt"
    assert answer["b"].response_metadata["model_provider"] == "innogpt"
    assert answer["asked"] == "Hallo!"


# Connections


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait for what another thread is about to do."""
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.01)
    return False


LONG = Reply(chunks=["Wort "] * 10_000)


def test_a_stream_that_is_left_frees_its_connection(server: Server) -> None:
    server.script("sovrgpt", LONG)
    # Connections of the test before may be about to end.
    assert eventually(lambda: server.open_connections == 0)
    stream = chat("sovrgpt").stream("Hallo!")
    assert next(stream).text == "Wort "
    assert server.open_connections > 0
    stream.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert eventually(lambda: server.open_connections == 0)


def test_a_stream_that_is_forgotten_frees_its_connection(server: Server) -> None:
    server.script("sovrgpt", LONG)
    # Connections of the test before may be about to end.
    assert eventually(lambda: server.open_connections == 0)
    for _ in chat("sovrgpt").stream("Hallo!"):
        break
    gc.collect()
    assert eventually(lambda: server.open_connections == 0)


async def test_an_async_stream_that_is_left_frees_its_connection(server: Server) -> None:
    server.script("sovrgpt", LONG)
    # Connections of the test before may be about to end.
    assert await asyncio.to_thread(eventually, lambda: server.open_connections == 0)
    stream = chat("sovrgpt").astream("Hallo!")
    assert (await anext(stream)).text == "Wort "
    await stream.aclose()
    assert await asyncio.to_thread(eventually, lambda: server.open_connections == 0)


async def test_a_cancelled_task_frees_its_connection(server: Server) -> None:
    server.script("sovrgpt", LONG)
    # Connections of the test before may be about to end.
    assert await asyncio.to_thread(eventually, lambda: server.open_connections == 0)
    started = asyncio.Event()

    async def read() -> None:
        async for _ in chat("sovrgpt").astream("Hallo!"):
            started.set()
            await asyncio.sleep(0)

    task = asyncio.create_task(read())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(eventually, lambda: server.open_connections == 0)


def test_one_model_serves_loop_after_loop(server: Server) -> None:
    model = chat("sovrgpt")
    answers = [asyncio.run(model.ainvoke("Hallo!")).content for _ in range(3)]
    assert answers == [model.invoke("Hallo!").content] * 3


def test_one_model_serves_many_threads(server: Server) -> None:
    model = chat("sovrgpt")
    questions = [f"Antworte mit dem Wort „Zahl{number}“." for number in range(24)]
    expected = [model.invoke(question).content for question in questions]

    def ask(question: str) -> tuple[str, str, str]:
        return (
            model.invoke(question).content,
            whole(model.stream(question)).text,
            asyncio.run(model.ainvoke(question)).content,
        )

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, questions)) == [(one, one, one) for one in expected]


async def test_many_streams_at_once_keep_their_tokens_in_order(server: Server) -> None:
    words = [[f"{number}:{place} " for place in range(30)] for number in range(40)]
    server.script("sovrgpt", *[Reply(chunks=chunks) for chunks in words])
    model = chat("sovrgpt")

    async def read() -> list[str]:
        return [chunk.text async for chunk in model.astream("Hallo!") if chunk.text]

    read_words = await asyncio.gather(*(read() for _ in words))
    assert sorted(read_words) == sorted(words)


def test_bytes_may_be_cut_anywhere(server: Server, mode: Mode) -> None:
    text = "Grüße 🦊"
    event = f'data: {{"choices":[{{"delta":{{"content":"{text}"}}}}]}}\r\n\r\n'.encode()
    last = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n'
    pieces = [bytes([byte]) for byte in event + last]
    server.script("sovrgpt", Raw(chunks=pieces))
    assert whole(mode.stream(chat("sovrgpt"), "Hallo!")).text == text


def test_a_model_asked_to_stream_that_answers_whole(server: Server, way: Way) -> None:
    server.script("sovrgpt", Reply("Ja.", stream=False))
    answer = way.answer(chat("sovrgpt"))
    assert (answer.text, answer.response_metadata["finish_reason"]) == ("Ja.", "stop")
    assert len(bodies(server)) == 1
