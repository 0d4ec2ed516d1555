"""The official OpenAI SDK pointed at the emulator: it is the judge here, not our own client."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI

from dsgvo.emulator import Server

# One model a vendor that answers plainly when asked plainly.
MODELS = {
    "innogpt": "claude-4-5-sonnet",
    "meingpt": "gpt-4o",
    "neuroflash": "openai/gpt-4.1-mini",
    "sovrgpt": "qwen3.5-9b",
}


@pytest.fixture(params=list(MODELS))
def vendor(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(vendor: str) -> str:
    return MODELS[vendor]


@pytest.fixture
def sdk(server: Server) -> Iterator[Callable[..., OpenAI]]:
    """Make a client of the SDK for a vendor."""
    clients: list[OpenAI] = []

    def make(vendor: str, **changes: Any) -> OpenAI:
        settings: dict[str, Any] = {
            "base_url": server.base_url(vendor),
            "api_key": server.api_key,
            "max_retries": 0,
            "default_headers": {"x-workspace-id": server.workspace_id},
        }
        clients.append(OpenAI(**settings | changes))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
async def async_sdk(server: Server) -> AsyncIterator[Callable[[str], AsyncOpenAI]]:
    """Make an asynchronous client of the SDK for a vendor."""
    clients: list[AsyncOpenAI] = []

    def make(vendor: str) -> AsyncOpenAI:
        clients.append(
            AsyncOpenAI(
                base_url=server.base_url(vendor),
                api_key=server.api_key,
                max_retries=0,
                default_headers={"x-workspace-id": server.workspace_id},
            )
        )
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


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
