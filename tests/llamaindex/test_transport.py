"""The rules of the transport, seen through LlamaIndex's methods."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from dsgvo import errors
from dsgvo.emulator import (
    Disconnect,
    ErrorEvent,
    Raw,
    Redirect,
    Reply,
    Server,
    Status,
    Truncate,
)
from tests.llamaindex.support import LLMS, Mode, llm, run

HELLO = [ChatMessage("Hallo!")]
LONG = Reply(chunks=["eins ", "zwei ", "drei ", "vier"])


@pytest.mark.parametrize("clean", [True, False])
def test_a_truncated_stream(mode: Mode, server: Server, clean: bool) -> None:
    server.script("sovrgpt", Truncate(after=3, clean=clean, reply=LONG))
    with pytest.raises(errors.IncompleteStreamError) as caught:
        mode.listed(llm("sovrgpt"), "stream_chat", HELLO)
    partial = caught.value.partial
    assert partial is not None
    assert "eins zwei drei vier".startswith(partial.content.strip())
    assert partial.content
    assert partial.content not in str(caught.value)


def test_an_error_event(mode: Mode, server: Server) -> None:
    server.script("innogpt", ErrorEvent(after=2, reply=LONG))
    with pytest.raises(errors.StreamError, match="scripted error"):
        mode.listed(llm("innogpt"), "stream_complete", "Hallo!")


def test_a_stream_that_nobody_asked_for(mode: Mode, server: Server) -> None:
    server.script("meingpt", Reply(content="Guten Tag.", stream=True))
    assert mode.call(llm("meingpt"), "chat", HELLO).message.content == "Guten Tag."


def test_plain_json_in_place_of_a_stream(mode: Mode, server: Server) -> None:
    server.script("meingpt", Reply(content="Guten Tag.", stream=False))
    parts = mode.listed(llm("meingpt"), "stream_chat", HELLO)
    assert "".join(part.delta for part in parts) == "Guten Tag."
    assert parts[-1].raw["finish_reason"] == "stop"


def test_a_limit_is_waited_for(mode: Mode, server: Server) -> None:
    server.script("innogpt", Status(429, headers={"Retry-After": "0"}), Disconnect())
    assert mode.call(llm("innogpt"), "chat", HELLO).message.content
    assert len(server.requests) == 3


def test_a_long_limit_is_an_error_with_the_time(mode: Mode, server: Server) -> None:
    server.script("innogpt", Status(429, headers={"Retry-After": "3600"}))
    with pytest.raises(errors.RateLimitError) as caught:
        mode.listed(llm("innogpt"), "stream_chat", HELLO)
    assert caught.value.retry_after == 3600
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (Status(200, body="<html>Bitte anmelden</html>"), errors.APIResponseError),
        (Status(200, body={"choices": []}), errors.APIResponseError),
        (Redirect("https://login.example/"), errors.RedirectError),
        (Status(413), errors.RequestTooLargeError),
    ],
)
def test_answers_that_are_none(mode: Mode, server: Server, step: Any, error: type) -> None:
    server.script("sovrgpt", step, step)
    model = llm("sovrgpt", max_retries=0)
    with pytest.raises(error):
        mode.call(model, "chat", HELLO)
    with pytest.raises(error):
        mode.listed(model, "stream_chat", HELLO)


@pytest.mark.parametrize("provider", list(LLMS))
def test_a_wrong_key(mode: Mode, provider: str) -> None:
    with pytest.raises(errors.AuthenticationError) as caught:
        mode.call(llm(provider, api_key="falsch-4711"), "chat", HELLO)
    assert "falsch-4711" not in str(caught.value)


def _closed(server: Server) -> bool:
    until = time.monotonic() + 5
    while server.open_connections and time.monotonic() < until:
        time.sleep(0.01)
    return not server.open_connections


def test_an_abandoned_stream_frees_its_connection(server: Server) -> None:
    slow = Reply(chunks=["Wort "] * 200, pace=0.05)
    server.script("sovrgpt", slow, slow, slow)
    responses = llm("sovrgpt").stream_chat(HELLO)
    assert next(responses).message.role == "assistant"
    responses.close()
    assert _closed(server)
    for response in llm("sovrgpt").stream_complete("Hallo!"):
        if response.text:
            break
    del response
    assert _closed(server)


def test_a_cancelled_stream_frees_its_connection(server: Server) -> None:
    slow = Reply(chunks=["Wort "] * 200, pace=0.05)
    server.script("sovrgpt", slow, slow)

    async def cancelled() -> bool:
        arrived = asyncio.Event()

        async def read() -> None:
            async for _ in await llm("sovrgpt").astream_chat(HELLO):
                arrived.set()

        task = asyncio.create_task(read())
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.to_thread(_closed, server)

    async def closed_early() -> bool:
        responses: Any = await llm("sovrgpt").astream_complete("Hallo!")
        await anext(responses)
        await responses.aclose()
        return await asyncio.to_thread(_closed, server)

    assert run(cancelled)
    assert run(closed_early)


def test_one_model_in_many_threads() -> None:
    model = llm("sovrgpt")
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: model.complete("Hallo!").text, range(16)))
    assert len(answers) == 1


def test_one_model_in_two_loops_at_once() -> None:
    model = llm("sovrgpt")
    found: list[str] = []

    def thread() -> None:
        found.append(run(lambda: model.acomplete("Hallo!")).text)

    threads = [threading.Thread(target=thread) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 2
    assert len(set(found)) == 1


def test_bytes_split_anywhere(mode: Mode, server: Server) -> None:
    event = 'data: {"choices":[{"delta":{"content":"Größe"},"finish_reason":"stop"}]}\r\n\r\n'
    data = event.encode()
    server.script("innogpt", Raw(chunks=[data[n : n + 1] for n in range(len(data))]))
    parts = mode.listed(llm("innogpt"), "stream_chat", HELLO)
    assert parts[-1].message.content == "Größe"
