"""What every suite on LlamaIndex needs, over sockets and on cassettes; a conftest takes it in."""

import asyncio
from collections.abc import Iterator

import pytest
from llama_index.core import Settings

__all__ = ["nothing_in_settings", "own_event_loop"]


@pytest.fixture(autouse=True)
def nothing_in_settings() -> Iterator[None]:
    """No LLM and embedding model is taken from LlamaIndex's global settings by accident."""
    Settings._llm = Settings._embed_model = None
    yield
    Settings._llm = Settings._embed_model = None


@pytest.fixture(autouse=True)
def own_event_loop() -> Iterator[None]:
    """LlamaIndex's sync methods make an event loop where a thread has none, and leave it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
