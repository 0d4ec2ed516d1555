"""Caches, rate limits and chains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.runnables import RunnableParallel, RunnablePassthrough

from dsgvo.emulator import Reply, Server
from tests.langchain.support import Mode, chat

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


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        ({"temperature": 0.2}, {}),
        ({"model": "gemma-4-26b-a4b"}, {}),
        ({"max_tokens": 9}, {}),
        ({"stop": ["X"]}, {}),
        ({"model_kwargs": {"top_k": 1}}, {}),
        ({"extra_body": {"top_k": 1}}, {}),
        ({}, {"temperature": 0.2}),
        ({}, {"stop": ["X"]}),
        ({}, {"tool_choice": "none"}),
    ],
)
def test_other_settings_and_parameters_miss_the_cache(
    server: Server, mode: Mode, cache: InMemoryCache, settings: Any, parameters: Any
) -> None:
    mode.invoke(chat("sovrgpt", temperature=0.1), "Hallo!")
    for _ in range(2):
        model = chat("sovrgpt", **{"temperature": 0.1} | settings)
        mode.invoke(model, "Hallo!", **parameters)
    assert len(server.requests) == 2


def test_other_vendors_servers_and_caches_miss_the_cache(
    server: Server, cache: InMemoryCache
) -> None:
    own = InMemoryCache()
    others = (
        ("sovrgpt", {}),
        ("innogpt", {}),
        ("sovrgpt", {"base_url": server.base_url("sovrgpt").replace("127.0.0.1", "localhost")}),
        ("sovrgpt", {"cache": False}),
        ("sovrgpt", {"cache": False}),
        ("sovrgpt", {"cache": own}),
    )
    for count, (provider, settings) in enumerate(others, 1):
        chat(provider, model="m", **settings).invoke("Hallo!")
        assert len(server.requests) == count, settings
    for settings in ({}, {"cache": own}):
        chat("sovrgpt", model="m", **settings).invoke("Hallo!")
    assert len(server.requests) == len(others)


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
