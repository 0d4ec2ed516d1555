"""A server behind the dialects, here a second emulator; its answers as the vendors write them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest

from dsgvo import emulator
from dsgvo.emulator import Raw, Reply, Server, Status, Truncate, upstream
from dsgvo.emulator.embeddings import embed
from dsgvo.emulator.steps import Disconnect
from dsgvo.errors import ConfigurationError
from tests.core.support import eventually
from tests.emulator.conftest import QUESTION, Sdk, paired
from tests.vendors import MODELS

MODEL = "llama-lokal"
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
CALL = {"name": "wetter", "arguments": {"ort": "Bonn"}, "id": "call_1"}
TOOLS = [{"type": "function", "function": {"name": "wetter", "parameters": {"type": "object"}}}]
STREAM = {"model": "m", "messages": QUESTION, "stream": True}


@contextmanager
def pair() -> Iterator[tuple[Server, Server]]:
    """A server in front of another."""
    with emulator.running() as behind:
        own: Any = {"upstream": behind.base_url("innogpt"), "upstream_key": behind.api_key}
        with emulator.running(**own, upstream_model=MODEL) as server:
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


def text_of(answer: Any) -> str:
    if isinstance(answer, list):
        return "".join(c.choices[0].delta.content or "" for c in answer if c.choices)
    return answer.choices[0].message.content


def test_an_answer_comes_from_behind(ask: Sdk, behind: Server, vendor: str) -> None:
    behind.script("innogpt", Reply("Von hinten.", usage=USAGE, finish_reason=""))
    answer = ask(vendor, temperature=0.5)
    assert (text_of(answer), answer.model) == ("Von hinten.", MODELS[vendor])
    assert answer.choices[0].finish_reason is None
    words = 2 if vendor == "neuroflash" else None
    assert (answer.usage.total_tokens, getattr(answer.usage, "words_used", None)) == (8, words)
    [asked] = behind.requests
    assert asked.json == {"model": MODEL, "messages": QUESTION, "temperature": 0.5}
    assert asked.headers["authorization"] == f"Bearer {behind.api_key}"


def test_a_stream_is_passed_on_in_the_dialect(ask: Sdk, behind: Server, vendor: str) -> None:
    behind.script("innogpt", Reply(chunks=["Von ", "hin", "ten."], usage=USAGE))
    chunks = ask(vendor, stream=True, stream_options={"include_usage": True})
    assert [c.choices[0].delta.content for c in chunks if c.choices][1:4] == ["Von ", "hin", "ten."]
    assert len({(chunk.id, chunk.model, chunk.created) for chunk in chunks}) == 1
    assert (chunks[0].created is None) == (vendor == "neuroflash")
    assert [c.usage.total_tokens for c in chunks if c.usage] == [8] * (vendor != "meingpt")


@pytest.mark.parametrize("streamed", [False, True])
def test_thoughts_are_written_as_the_vendor_does(ask: Sdk, behind: Server, streamed: bool) -> None:
    thought = Reply("Also gut.", reasoning="Hm, ja.", reasoning_field="reasoning_content")
    refusal = b'{"choices":[{"%s":{"refusal":"Nein."}}]}\n\n' % (b"message", b"delta")[streamed]
    behind.script("innogpt", thought, thought, Raw(chunks=[b"data:" * streamed + refusal]))
    assert text_of(ask("sovrgpt", stream=streamed)) == "<think>\nHm, ja.\n</think>\n\nAlso gut."
    assert text_of(ask("neuroflash", stream=streamed)) == "Also gut."
    assert text_of(ask("meingpt", stream=streamed)) == "Nein."


def test_calls_of_tools(ask: Sdk, behind: Server) -> None:
    behind.script("innogpt", Reply(tool_calls=[CALL]), Reply(tool_calls=[CALL]))
    [call] = ask("innogpt", tools=TOOLS).choices[0].message.tool_calls
    called = (call.id, call.function.name, call.function.arguments)
    assert called == ("call_1", "wetter", '{"ort":"Bonn"}')
    chunks = ask("sovrgpt", tools=TOOLS, stream=True)
    calls = [one for chunk in chunks for one in chunk.choices[0].delta.tool_calls or []]
    assert "".join(one.function.arguments or "" for one in calls) == '{"ort":"Bonn"}'
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert behind.requests[0].json["tools"] == TOOLS


def test_what_is_refused_ignored_or_scripted_stays(
    ask: Sdk, server: Server, behind: Server
) -> None:
    server.script("sovrgpt", Reply("vorn"))
    assert text_of(ask("sovrgpt")) == "vorn"
    with pytest.raises(openai.UnprocessableEntityError):
        ask("neuroflash", temperature=3)
    with pytest.raises(openai.AuthenticationError):
        ask("sovrgpt", extra_headers={"Authorization": "Bearer falsch"})
    assert behind.requests == []
    ask("meingpt", max_tokens=5, seed=7, user="ich")
    assert set(behind.requests[0].json) == {"model", "messages"}


def test_embeddings_come_from_behind(sdk: Sdk, behind: Server) -> None:
    asked: Any = {"input": ["eins", "zwei"], "model": "text-embedding-3-small", "dimensions": 4}
    answer = sdk("meingpt").embeddings.create(**asked)
    for one, text in zip(answer.data, asked["input"], strict=True):
        assert one.embedding == pytest.approx(embed(text, 4).tolist(), abs=1e-6)
    assert behind.requests[0].json["model"] == MODEL


@paired(
    "step status says",
    [
        (Status(429, message="langsam", headers={"Retry-After": "7"}), 429, "langsam"),
        (Status(503, body="<html>"), 503, "HTTP 503"),
        (Status(401, message="sk-emulator-0123456789abcdef?"), 502, "wants another key: ***?"),
        (Raw(200, {"content-type": "application/json"}, [b"[]"]), 502, "gave no "),
        (Reply(tool_calls=[{"name": ""}]), 502, "gave no answer"),
        (Raw(200, {"content-type": "application/json"}, [b" " * 3001]), 502, "more than 3,000 b"),
        (Disconnect(), 502, "cannot be reached: RemoteProtocolError"),
    ],
)
def test_errors_are_in_the_vendors_words(
    ask: Sdk, behind: Server, vendor: str, step: Any, status: int, says: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(upstream, "_MOST", 3000)
    behind.script("innogpt", step)
    with pytest.raises(openai.APIStatusError) as caught:
        ask(vendor, stream=status == 503 or says == "gave no ")
    answer = caught.value.response
    assert (answer.status_code, says in answer.text) == (status, True)
    shape = {"meingpt": {"status", "message"}, "neuroflash": {"error", "code"}}
    assert set(answer.json()) == shape.get(vendor, {"error"})
    assert answer.headers.get("retry-after") == ("7" if status == 429 else None)


def stream(server: Server) -> Any:
    url = f"{server.base_url('sovrgpt')}/chat/completions"
    key = {"authorization": f"Bearer {server.api_key}"}
    return httpx.stream("POST", url, json=STREAM, headers=key, trust_env=False)


def test_a_stream_breaks_off_where_the_one_behind_does(server: Server, behind: Server) -> None:
    error = b'data: {"error":{"message":"sk-\\u0065mulator-0123456789abcdef?"}}\n\n'
    behind.script("innogpt", Truncate(after=3, clean=False), Truncate(after=3), Raw(chunks=[error]))
    with stream(server) as answer, pytest.raises(httpx.RemoteProtocolError):
        answer.read()
    with stream(server) as answer:
        assert "[DONE]" not in answer.read().decode()
    with stream(server) as answer:
        assert answer.read() == b'data: {"error":{"message":"***?"}}\n\n'


def test_a_client_that_leaves_cancels_what_is_behind() -> None:
    with pair() as (server, behind):  # no idle connections of other tests between them
        behind.script("innogpt", Reply(chunks=["x"] * 1000, pace=0.05))
        with stream(server) as answer:
            next(answer.iter_lines())
        assert eventually(lambda: not behind.open_connections)


def test_prompts_stay_at_home_unless_told_otherwise() -> None:
    away = "https://8.8.8.8/v1"
    refused = {away: "is not on this machine or a private network"}
    for url in ("", "127.0.0.1:8080", "http://[::1", "http://xn--a", "http://a:99999"):
        refused[url] = "is not a web address"
    for url, says in refused.items():
        with pytest.raises(ConfigurationError, match=says), emulator.running(upstream=url):
            pass
    for url in (away, "http://localhost:1/v1", "http://192.168.0.7/v1"):
        with emulator.running(upstream=url, upstream_anywhere=url == away):
            pass
