"""The official OpenAI SDK pointed at the emulator: it is the judge here, not our own client."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, AsyncStream, OpenAI, Stream
from openai.pagination import AsyncPage, SyncPage

from dsgvo.emulator import Server
from tests.vendors import MODELS


@pytest.fixture(params=list(MODELS))
def vendor(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(vendor: str) -> str:
    return MODELS[vendor]


class Driven:
    """A client of the SDK, or a part of one, whose calls read the same in both of its modes.

    Streams and lists come back complete, so that no test has to say how it waits for them.
    """

    def __init__(self, part: Any, runner: asyncio.Runner | None) -> None:
        self.part = part
        self.runner = runner

    def __getattr__(self, name: str) -> "Driven":
        return Driven(getattr(self.part, name), self.runner)

    def __call__(self, *args: Any, **settings: Any) -> Any:
        if self.runner:
            return self.runner.run(self._awaited(*args, **settings))
        answer = self.part(*args, **settings)
        return list(answer) if isinstance(answer, (Stream, SyncPage)) else answer

    async def _awaited(self, *args: Any, **settings: Any) -> Any:
        answer = await self.part(*args, **settings)
        if isinstance(answer, (AsyncStream, AsyncPage)):
            return [one async for one in answer]
        return answer


@pytest.fixture
def sdk(server: Server) -> Iterator[Callable[..., Driven]]:
    """Make a client of the SDK for a vendor: both of its classes have their vendors."""
    clients: list[OpenAI | AsyncOpenAI] = []
    with asyncio.Runner() as async_runner:

        def make(vendor: str, **changes: Any) -> Driven:
            runner = async_runner if vendor in ("meingpt", "sovrgpt") else None
            settings: dict[str, Any] = {
                "base_url": server.base_url(vendor),
                "api_key": server.api_key,
                "max_retries": 0,
                "default_headers": {"x-workspace-id": server.workspace_id},
            }
            client = (AsyncOpenAI if runner else OpenAI)(**settings | changes)
            clients.append(client)
            return Driven(client, runner)

        yield make
        for client in clients:
            if isinstance(client, OpenAI):
                client.close()
            else:
                async_runner.run(client.close())


@pytest.fixture
def http(server: Server) -> Iterator[Callable[..., httpx.Response]]:
    """Send one request as ``curl`` would, with the vendor's key and workspace."""
    with httpx.Client(trust_env=False, timeout=10) as client:

        def send(
            vendor: str,
            path: str = "/chat/completions",
            method: str = "POST",
            headers: dict[str, str] | None = None,
            **body: Any,
        ) -> httpx.Response:
            base = server.url + f"/{vendor}" if path.startswith("//") else server.base_url(vendor)
            own = {
                "authorization": f"Bearer {server.api_key}",
                "x-workspace-id": server.workspace_id,
            }
            sent = {name: value for name, value in (own | (headers or {})).items() if value}
            return client.request(method, base + path.replace("//", "/"), headers=sent, **body)

        yield send
