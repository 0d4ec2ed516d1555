"""The core: ours, raw httpx over httpcore as the peer, and raw httpx over aiohttp as the floor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import httpx

from benchmarks import raw
from benchmarks.raw import MODEL, QUESTION
from benchmarks.rows import CHUNKS_OF_MANY, THREADS

Run = Callable[[], int]
"""Does the work once and returns how many units that was."""


def build(contestant: str, name: str, url: str) -> Run:
    """Return what a row's contestant does."""
    url = f"{url}/chunks/{CHUNKS_OF_MANY}"
    if name == "core-threads":
        return _in_threads(contestant, url)
    many = int(name.rpartition("-")[2])
    if contestant != "ours":
        return at_once(raw_stream(url, aiohttp=contestant == "floor"), many)
    from dsgvo import AsyncClient

    client = AsyncClient("sovrgpt", api_key="sk-benchmark", base_url=url)
    messages = [{"role": "user", "content": QUESTION}]

    async def ours() -> int:
        return sum([bool(delta.content) async for delta in client.stream(messages, model=MODEL)])

    return at_once(ours, many)


def at_once(stream: Callable[[], Awaitable[int]], many: int) -> Run:
    """Return what reads so many streams at once, on the process's one loop: peers share clients."""
    loop = _loop()

    async def run() -> int:
        return sum(await asyncio.gather(*(stream() for _ in range(many))))

    return lambda: loop.run_until_complete(run())


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def raw_stream(url: str, *, aiohttp: bool = True) -> Callable[[], Awaitable[int]]:
    """Return what reads a stream with httpx and json alone."""
    made: list[httpx.AsyncClient] = []

    def client() -> httpx.AsyncClient:  # made on the loop, as aiohttp wants it
        if not made:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
            settings: dict[str, Any] = {"limits": limits, "timeout": 60}
            if aiohttp:
                import aiohttp as library
                from httpx_aiohttp import AiohttpTransport

                def session() -> library.ClientSession:
                    return library.ClientSession(connector=library.TCPConnector(limit=0))

                settings = {"transport": AiohttpTransport(client=session), "timeout": 60}
            made.append(httpx.AsyncClient(**settings))
        return made[0]

    async def stream() -> int:
        return await raw.astream(client(), url)

    return stream


def _in_threads(contestant: str, url: str) -> Run:
    if contestant == "ours":
        from dsgvo import Client

        one = Client("sovrgpt", api_key="sk-benchmark", base_url=url)
        messages = [{"role": "user", "content": QUESTION}]

        def stream() -> int:
            return sum(bool(delta.content) for delta in one.stream(messages, model=MODEL))
    else:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        client = httpx.Client(limits=limits, timeout=60)

        def stream() -> int:
            return raw.stream(client, url)

    threads = ThreadPoolExecutor(THREADS)
    return lambda: sum(threads.map(lambda _: stream(), range(THREADS)))
