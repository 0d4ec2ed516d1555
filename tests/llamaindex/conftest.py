from __future__ import annotations

from collections.abc import Iterator

import pytest
from llama_index.core import Settings

from dsgvo.emulator import Server
from tests.llamaindex.support import Mode


@pytest.fixture(autouse=True)
def vendors(vendor_environment: Server) -> Server:
    """Every model of these tests finds the emulator, and its key, in the environment."""
    return vendor_environment


@pytest.fixture(autouse=True)
def nothing_in_settings() -> Iterator[None]:
    """No LLM and embedding model is taken from LlamaIndex's global settings by accident."""
    Settings._llm = Settings._embed_model = None
    yield
    Settings._llm = Settings._embed_model = None


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Both ways to call a model."""
    return Mode(request.param)
