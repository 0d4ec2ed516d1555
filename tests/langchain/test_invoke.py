"""Asking a model: what comes with the answer, tokens and callbacks, caches, limits and chains."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from dsgvo import file_part
from dsgvo.emulator import Reply, Server, Status
from dsgvo.errors import APIError, AuthenticationError, ConfigurationError
from tests.core.support import ROOT
from tests.langchain.support import Mode, bodies, chat, whole


class Heard(BaseCallbackHandler):
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


@pytest.mark.filterwarnings("ignore:.* is in beta")
def test_callbacks_hear_each_token_once_and_in_order(server: Server, mode: Mode) -> None:
    heard, third = Heard(), Heard()
    config: Any = {"callbacks": [heard]}
    server.script("sovrgpt", *[Reply(chunks=["Guten", " Tag", "."])] * 3, Reply("Ja."), Status(400))
    mode.listed(chat("sovrgpt", callbacks=[third]), "stream_events", "Hallo!", version="v3")
    chunks = mode.stream(chat("sovrgpt"), "Hallo!", config=config)
    answer = mode.invoke(chat("sovrgpt", streaming=True), "Hallo!", config=config)
    mode.invoke(chat("sovrgpt"), "Hallo!", config=config)
    with pytest.raises(APIError):
        mode.invoke(chat("sovrgpt"), "Hallo!", config=config)
    with pytest.raises(ConfigurationError, match="pass config="):
        mode.stream(chat("sovrgpt"), "Hallo!", tags=["geheim"])
    tokens = ["Guten", " Tag", ".", ""]
    streamed = ["Hallo!", *tokens, ["end", "Guten Tag."]]
    answered = ["Hallo!", ["end", "Ja."], "Hallo!", ["error", "BadRequestError"]]
    assert (heard.events, third.events[:5]) == ([*streamed, *streamed, *answered], streamed[:5])
    assert [chunk.content for chunk in chunks] == tokens
    assert (answer.content, answer.usage_metadata["output_tokens"]) == ("Guten Tag.", 3)
    assert [body.get("stream") for body in bodies(server)] == [True, True, True, None, None]


def test_streaming_and_its_usage_can_be_turned_off(server: Server, mode: Mode) -> None:
    [answer] = mode.stream(chat("sovrgpt", disable_streaming=True), "Hallo!")
    model = chat("sovrgpt", stream_usage=False)
    assert whole(mode.stream(model, "Hallo!")).usage_metadata is None
    assert whole(mode.stream(model, "Hallo!", stream_usage=True)).usage_metadata is not None
    assert answer.usage_metadata is not None
    assert [("stream" in one) + ("stream_options" in one) for one in bodies(server)] == [0, 1, 2]


@pytest.fixture
def cache() -> Iterator[InMemoryCache]:
    cache = InMemoryCache()
    set_llm_cache(cache)
    yield cache
    set_llm_cache(None)


def test_a_document_that_is_another_misses_the_cache(
    mode: Mode, server: Server, cache: Any, tmp_path: Path
) -> None:
    path, pdf = tmp_path / "a.pdf", next((ROOT / "examples/handbuch").glob("*.pdf")).read_bytes()
    for data in (pdf, pdf + b"\n") * 2:
        path.write_bytes(data)
        for block in ({"type": "file", "path": str(path)}, file_part(data=data, name="a.pdf")):
            mode.invoke(chat("innogpt"), [HumanMessage(["Was?", block])])
    assert len(server.requests) == 4


def test_other_settings_parameters_and_servers_miss_the_cache(server: Server, cache: Any) -> None:
    local = server.base_url("sovrgpt").replace("127.0.0.1", "localhost")
    settings: list[dict[str, Any]] = [{"base_url": local}, {"cache": InMemoryCache()}]
    settings += [{"model_kwargs": {"top_k": 1}}, {"default_headers": {"X-Team": "rag"}}]
    settings += [{"temperature": 0.2}, {"default_query": {"key": "geheim"}}]
    cases = [("innogpt", {}, {}), ("sovrgpt", {}, {}), *(("sovrgpt", one, {}) for one in settings)]
    for headers in ({"X-Key": f"geheim-{one}"} for one in "ab"):
        cases += [("sovrgpt", {}, {"extra_headers": headers})]
        cases += [("sovrgpt", {"default_headers": headers}, {})]
    cases += [("sovrgpt", {}, {"stop": ["Y"]})]
    for name in ("a", "b"):
        same = type("Same", (BaseModel,), {"__annotations__": {name: str}})
        cases += [("sovrgpt", {}, {"response_format": same})]
    for provider, made, asked in cases * 2:
        chat(provider, **{"model": "m"} | made).invoke("Hallo!", **asked)
    assert len(server.requests) == len(cases)
    assert "geheim" not in repr(cache._cache)
    for model in (changed := chat("sovrgpt", model="m"), changed):
        model.invoke("Hallo!")
        changed.temperature = 0.3
    for _ in "ab":  # of two users, as far as anybody can tell
        model = model.model_copy(update={"api_key": lambda: server.api_key})
        model.invoke("Hallo!")
        model.invoke("Hallo!")
    assert len(server.requests) == len(cases) + 3
    with pytest.raises(AuthenticationError):
        chat("sovrgpt", model="m", api_key="falsch").invoke("Hallo!")
