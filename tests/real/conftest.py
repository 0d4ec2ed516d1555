import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.llamaindex.fixtures import nothing_in_settings, own_event_loop
from tests.real.servers import Llama, Target, free_port, litellm, vllm

__all__ = ["nothing_in_settings", "own_event_loop"]


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """llama.cpp's server."""
    one = Llama(tmp_path_factory.mktemp("llama"), free_port())
    with one.running():
        yield one.target


@pytest.fixture(scope="session")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Llama:
    """A second one, for tests to start and to kill."""
    return Llama(tmp_path_factory.mktemp("mortal"), free_port())


@pytest.fixture(scope="session")
def proxy(
    llama: Target, mortal: Llama, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """LiteLLM's proxy in front of both."""
    behind = {llama.model: llama, "mortal": mortal.target}
    with litellm(tmp_path_factory.mktemp("litellm"), behind) as target:
        yield target


@pytest.fixture(scope="session")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """vLLM, of eight gigabytes."""
    if not os.environ.get("VLLM"):
        pytest.skip("vLLM takes 8 GB of disk, and runs when asked: make test-real VLLM=1")
    with vllm(tmp_path_factory.mktemp("vllm")) as target:
        yield target


@pytest.fixture(params=["llama.cpp", "LiteLLM", "vLLM"])
def target(request: pytest.FixtureRequest) -> Target:
    """Each server."""
    fixture = {"llama.cpp": "llama", "LiteLLM": "proxy", "vLLM": "big"}[request.param]
    return request.getfixturevalue(fixture)


@pytest.fixture(params=["llama.cpp", "LiteLLM"])
def doomed(request: pytest.FixtureRequest, mortal: Llama) -> Target:
    """The way to the server that is killed: straight, and through the proxy."""
    if request.param == "llama.cpp":
        return mortal.target
    return replace(request.getfixturevalue("proxy"), model="mortal")
