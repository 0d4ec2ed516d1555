"""How the emulator is asked: by the official OpenAI SDK, its judge, and as ``curl`` would."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import cycle
from typing import Any

import httpx
import pytest
from openai import OpenAI, Stream

from dsgvo.emulator import Server
from tests.vendors import MODELS

Http = Callable[..., httpx.Response]
# The SDK types requests closer than a test that also sends wrong ones can follow.
Sdk = Callable[..., Any]
QUESTION = [{"role": "user", "content": "Hallo, wer bist du?"}]


def paired(names: str, rows: Iterable[Any]) -> pytest.MarkDecorator:
    """Parametrize a test whose code is one for all vendors: each row has one, each vendor rows."""
    listed = [row if isinstance(row, tuple) else (row,) for row in rows]
    table = [(vendor, *row) for vendor, row in zip(cycle(MODELS), listed, strict=False)]
    return pytest.mark.parametrize(("vendor", *names.split()), table)


@pytest.fixture(params=list(MODELS))
def vendor(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def sdk(server: Server) -> Iterator[Sdk]:
    """Make a client of the SDK for a vendor."""
    with ExitStack() as clients:

        def make(vendor: str, **changes: Any) -> OpenAI:
            settings: dict[str, Any] = {
                "base_url": server.base_url(vendor),
                "api_key": server.api_key,
                "max_retries": 0,
                "default_headers": {"x-workspace-id": server.workspace_id},
            }
            return clients.enter_context(OpenAI(**settings | changes))

        yield make


@pytest.fixture
def ask(sdk: Sdk) -> Sdk:
    """Ask for chat by the SDK; a stream comes complete."""

    def chat(vendor: str, **fields: Any) -> Any:
        asked = {"model": MODELS[vendor], "messages": QUESTION} | fields
        answer = sdk(vendor).chat.completions.create(**asked)
        return list(answer) if isinstance(answer, Stream) else answer

    return chat


@pytest.fixture
def http(server: Server) -> Iterator[Http]:
    """Send one request, with the vendor's key and workspace."""
    with httpx.Client(trust_env=False, timeout=10) as client:

        def send(
            vendor: str,
            path: str = "/chat/completions",
            method: str = "POST",
            headers: dict[str, str] | None = None,
            **body: Any,
        ) -> httpx.Response:
            base = server.url + f"/{vendor}" if path.startswith("//") else server.base_url(vendor)
            key = {"authorization": f"Bearer {server.api_key}"}
            own = key | {"x-workspace-id": server.workspace_id} | (headers or {})
            sent = {name: value for name, value in own.items() if value}
            return client.request(method, base + path.replace("//", "/"), headers=sent, **body)

        yield send
