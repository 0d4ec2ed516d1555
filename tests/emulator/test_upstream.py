# pyright: reportArgumentType=false, reportCallIssue=false
"""A real server behind the dialects: what it is asked, and its answers as the vendors write them.

The server behind is a second emulator in innoGPT's dialect, which is OpenAI's; the judge in front
is the OpenAI SDK.
"""

import asyncio
import base64
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from dsgvo import emulator
from dsgvo.emulator import Delay, Raw, Reply, Server, Status, Truncate
from dsgvo.emulator.steps import Disconnect
from dsgvo.errors import ConfigurationError
from tests.emulator.support import QUESTION, Sdk, paired
from tests.processes import next_line, started
from tests.vendors import MODELS

MODEL = "llama-lokal"
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
CALL = {"name": "wetter", "arguments": {"ort": "Bonn"}, "id": "call_1"}
TOOLS = [{"type": "function", "function": {"name": "wetter", "parameters": {"type": "object"}}}]


@contextmanager
def pair() -> Iterator[tuple[Server, Server]]:
    """A server in front of another."""
    with (
        emulator.running() as behind,
        emulator.running(
            upstream=behind.base_url("innogpt"), upstream_key=behind.api_key, upstream_model=MODEL
        ) as server,
    ):
        yield server, behind


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with pair() as both:
        yield both


@pytest.fixture
def behind(servers: tuple[Server, Server]) -> Server:
    servers[1].clear()
    return servers[1]


@pytest.fixture
def server(servers: tuple[Server, Server]) -> Server:
    servers[0].clear()
    return servers[0]


def text_of(chunks: list[Any]) -> str:
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def test_an_answer_comes_from_behind(
    sdk: Sdk, behind: Server, vendor: str, model: str, server: Server
) -> None:
    behind.script("innogpt", Reply("Von hinten.", usage=USAGE))
    answer = sdk(vendor).chat.completions.create(model=model, messages=QUESTION, temperature=0.5)
    assert answer.choices[0].message.content == "Von hinten."
    assert answer.model == model
    assert answer.usage.total_tokens == 8
    assert getattr(answer.usage, "words_used", None) == (2 if vendor == "neuroflash" else None)
    assert behind.requests[0].json == {"model": MODEL, "messages": QUESTION, "temperature": 0.5}
    assert behind.requests[0].headers["authorization"] == f"Bearer {behind.api_key}"


def test_a_stream_is_passed_on_in_the_dialect(
    sdk: Sdk, behind: Server, vendor: str, model: str
) -> None:
    behind.script("innogpt", Reply(chunks=["Von ", "hin", "ten."], usage=USAGE))
    chunks = sdk(vendor).chat.completions.create(
        model=model, messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    assert [c.choices[0].delta.content for c in chunks if c.choices][1:4] == ["Von ", "hin", "ten."]
    assert len({(chunk.id, chunk.model, chunk.created) for chunk in chunks}) == 1
    assert (chunks[0].created is None) == (vendor == "neuroflash")
    counted = [chunk.usage for chunk in chunks if chunk.usage]
    assert [one.total_tokens for one in counted] == ([] if vendor == "meingpt" else [8])
    assert [getattr(one, "words_used", None) for one in counted] == (
        {"meingpt": [], "neuroflash": [2]}.get(vendor, [None])
    )


def test_gpt_5_streams_unasked(behind: Server, http: Callable[..., httpx.Response]) -> None:
    behind.script("innogpt", Reply("Ja."))
    answer = http("innogpt", json={"model": "gpt-5", "messages": QUESTION, "stream": False})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("data: [DONE]\n\n")
    assert behind.requests[0].json["stream"] is True


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("vendor", "says"),
    [("sovrgpt", "<think>\nHm, ja.\n</think>\n\nAlso gut."), ("neuroflash", "Also gut.")],
)
def test_thoughts_are_written_as_the_vendor_does(
    sdk: Sdk, behind: Server, vendor: str, says: str, streamed: bool
) -> None:
    thought = {"reasoning": "Hm, ja.", "reasoning_field": "reasoning_content"}
    behind.script("innogpt", Reply("Also gut.", **thought))
    asked = {"model": MODELS[vendor], "messages": QUESTION}
    answer = sdk(vendor).chat.completions.create(**asked, stream=streamed)
    assert (text_of(answer) if streamed else answer.choices[0].message.content) == says


def test_calls_of_tools(sdk: Sdk, behind: Server, vendor: str, model: str) -> None:
    behind.script("innogpt", Reply(tool_calls=[CALL]), Reply(tool_calls=[CALL]))
    asked = {"model": model, "messages": QUESTION, "tools": TOOLS}
    [call] = sdk(vendor).chat.completions.create(**asked).choices[0].message.tool_calls
    called = (call.id, call.function.name, call.function.arguments)
    assert called == ("call_1", "wetter", '{"ort":"Bonn"}')
    chunks = sdk(vendor).chat.completions.create(**asked, stream=True)
    calls = [one for chunk in chunks for one in chunk.choices[0].delta.tool_calls or []]
    assert "".join(one.function.arguments or "" for one in calls) == '{"ort":"Bonn"}'
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert behind.requests[0].json["tools"] == TOOLS


def test_a_request_is_checked_as_strictly_as_ever(sdk: Sdk, behind: Server) -> None:
    with pytest.raises(openai.UnprocessableEntityError):
        sdk("neuroflash").chat.completions.create(
            model="openai/gpt-4.1-mini", messages=QUESTION, temperature=3
        )
    with pytest.raises(openai.AuthenticationError):
        sdk("sovrgpt", api_key="falsch").chat.completions.create(model="m", messages=QUESTION)
    assert behind.requests == []


def test_what_the_vendor_ignores_is_not_passed_on(sdk: Sdk, behind: Server) -> None:
    sdk("meingpt").chat.completions.create(
        model="gpt-4o", messages=QUESTION, max_tokens=5, seed=7, user="ich"
    )
    assert set(behind.requests[0].json) == {"model", "messages"}


@pytest.mark.parametrize("vendor", ["innogpt", "meingpt"])
def test_embeddings_come_from_behind(sdk: Sdk, behind: Server, vendor: str) -> None:
    answer = sdk(vendor).embeddings.create(
        model="text-embedding-3-small", input=["eins", "zwei"], dimensions=4
    )
    asked = {"input": ["eins", "zwei"], "model": "m", "dimensions": 4, "encoding_format": "base64"}
    url, key = behind.base_url("innogpt"), {"authorization": f"Bearer {behind.api_key}"}
    own = httpx.post(f"{url}/embeddings", json=asked, headers=key, trust_env=False).json()["data"]
    vectors = [np.frombuffer(base64.b64decode(one["embedding"]), "<f4") for one in own]
    for one, vector in zip(answer.data, vectors, strict=True):
        assert one.embedding == pytest.approx(vector.tolist(), abs=1e-6)
    assert behind.requests[0].json["model"] == MODEL


@paired(
    "step status says",
    [
        (Status(429, message="langsam", headers={"Retry-After": "7"}), 429, "langsam"),
        (Status(400, message="zu lang"), 400, "zu lang"),
        (Status(503, body="<html>"), 503, "HTTP 503"),
        (Status(401, message="wer?"), 502, "The upstream server wants another key: wer?"),
        (Raw(200, {"content-type": "application/json"}, [b"[]"]), 502, "gave no answer"),
        (Raw(200, {"content-type": "text/html"}, [b"<html>"]), 502, "other than JSON"),
        (Disconnect(), 502, "cannot be reached: RemoteProtocolError"),
    ],
)
def test_errors_are_in_the_vendors_words(
    sdk: Sdk, behind: Server, vendor: str, model: str, step: Any, status: int, says: str
) -> None:
    behind.script("innogpt", step, Status(429))
    asked = {"model": model, "messages": QUESTION}
    with pytest.raises(openai.APIStatusError) as caught:
        sdk(vendor).chat.completions.create(**asked)
    with pytest.raises(openai.RateLimitError):
        sdk(vendor).chat.completions.create(**asked, stream=True)
    assert caught.value.status_code == status
    assert says in caught.value.response.text
    shape = {"meingpt": {"status", "message"}, "neuroflash": {"error", "code"}}
    assert set(caught.value.response.json()) == shape.get(vendor, {"error"})
    assert caught.value.response.headers.get("retry-after") == ("7" if status == 429 else None)


def test_nobody_behind() -> None:
    with (
        emulator.running(upstream="http://127.0.0.1:9/v1") as server,
        openai.OpenAI(
            base_url=server.base_url("sovrgpt"), api_key=server.api_key, max_retries=0
        ) as client,
        pytest.raises(openai.InternalServerError, match="cannot be reached: ConnectError"),
    ):
        client.chat.completions.create(model="m", messages=QUESTION)


def stream(server: Server) -> Any:
    return httpx.stream(
        "POST",
        server.base_url("sovrgpt") + "/chat/completions",
        json={"model": "m", "messages": QUESTION, "stream": True},
        headers={"authorization": f"Bearer {server.api_key}"},
        trust_env=False,
    )


def test_a_stream_breaks_off_where_the_one_behind_does(server: Server, behind: Server) -> None:
    behind.script("innogpt", Truncate(after=3, clean=False), Truncate(after=3))
    with stream(server) as answer, pytest.raises(httpx.RemoteProtocolError):
        answer.read()
    with stream(server) as answer:
        assert "[DONE]" not in answer.read().decode()
    behind.script("innogpt", Raw(chunks=[b'data: {"error": {"message": "kaputt"}}\n\n']))
    with stream(server) as answer:
        assert answer.read() == b'data: {"error":{"message":"kaputt"}}\n\n'


def eventually(what: Callable[[], bool]) -> bool:
    """Wait until something is so."""
    for _ in range(500):
        if what():
            return True
        time.sleep(0.01)
    return False


def test_a_client_that_leaves_cancels_what_is_behind() -> None:
    with pair() as (server, behind):  # no idle connections of other tests between them
        behind.script("innogpt", Reply(chunks=["x"] * 1000, pace=0.05))
        with stream(server) as answer:
            next(answer.iter_lines())
        assert eventually(lambda: not behind.open_connections)


def test_a_client_that_leaves_before_the_answer(server: Server, behind: Server) -> None:
    behind.script("innogpt", Delay(60))
    data = json.dumps({"model": "m", "messages": QUESTION})
    head = "POST /sovrgpt/api/v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Authorization: Bearer {server.api_key}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n{data}".encode())
        assert eventually(lambda: bool(behind.requests))
    assert eventually(lambda: not server.open_connections)


async def test_many_streams_at_once(server: Server, behind: Server) -> None:
    behind.script("innogpt", *[Reply(chunks=["a", "b", "c"], pace=0.01)] * 40)
    async with openai.AsyncOpenAI(
        base_url=server.base_url("sovrgpt"), api_key=server.api_key
    ) as client:

        async def ask() -> str:
            asked = {"model": "m", "messages": QUESTION, "stream": True}
            chunks = await client.chat.completions.create(**asked)
            return text_of([chunk async for chunk in chunks])

        assert await asyncio.gather(*(ask() for _ in range(40))) == ["abc"] * 40


def test_scripts_are_for_the_front(sdk: Sdk, server: Server, behind: Server) -> None:
    server.script("sovrgpt", Reply("vorn"), Truncate(after=1))
    answer = sdk("sovrgpt").chat.completions.create(model="m", messages=QUESTION)
    assert answer.choices[0].message.content == "vorn"
    assert behind.requests == []
    with stream(server) as cut:
        assert json.loads(cut.read().decode()[6:])["choices"][0]["delta"]["role"] == "assistant"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("127.0.0.1:8080", "is not a web address"),
        ("ftp://127.0.0.1/v1", "is not a web address"),
        ("http://[::1", "is not a web address"),
        ("https://8.8.8.8/v1", "is not on this machine or a private network"),
    ],
)
def test_prompts_stay_at_home(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says), emulator.running(upstream=url):
        pass


def test_a_private_host_is_taken_and_any_when_told_so() -> None:
    for url, anywhere in (
        ("http://localhost:1/v1", False),
        ("http://192.168.0.7/v1", False),
        ("https://8.8.8.8/v1", True),
    ):
        with emulator.running(upstream=url, upstream_anywhere=anywhere):
            pass


COMMAND = [sys.executable, "-c", "from dsgvo.cli import main; main()", "emulator", "--port=0"]


@pytest.mark.slow
def test_the_command_passes_requests_on(behind: Server) -> None:
    behind.script("innogpt", Reply("Von hinten."))
    program = [*COMMAND, f"--upstream={behind.base_url('innogpt')}", f"--upstream-model={MODEL}"]
    with started(program, os.environ | {"DSGVO_UPSTREAM_KEY": behind.api_key}) as process:
        shown: dict[str, str] = {}
        while "SOVRGPT_BASE_URL" not in shown:
            name, _, value = next_line(process).strip().removeprefix("export ").partition("=")
            shown[name] = value
        with openai.OpenAI(
            base_url=shown["SOVRGPT_BASE_URL"], api_key=shown["SOVRGPT_API_KEY"]
        ) as client:
            answer = client.chat.completions.create(model="m", messages=QUESTION)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=20)
    assert answer.choices[0].message.content == "Von hinten."
    assert behind.requests[0].json["model"] == MODEL
    assert (process.returncode, said.strip(), errors) == (0, "stopped", "")


@pytest.mark.slow
def test_the_command_keeps_prompts_at_home() -> None:
    with started([*COMMAND, "--upstream=https://8.8.8.8/v1"]) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "--upstream-anywhere" in errors
