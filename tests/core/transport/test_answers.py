"""Whole answers, read as they come, from streams that may be cut anywhere."""

from __future__ import annotations

import gzip
import socket
from typing import Any

import pytest

from dsgvo import ToolCall
from dsgvo.emulator import (
    DropVectors,
    DuplicateVectors,
    ErrorEvent,
    Raw,
    Reply,
    Server,
    ShuffleVectors,
    Status,
    Step,
    Truncate,
)
from dsgvo.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    DsgvoError,
    IncompleteStreamError,
    RateLimitError,
    StreamError,
)
from tests.core.support import Mode, chunk, http, raised, raw_server, sse, text_of
from tests.vendors import MODELS

PIECES = ["Grüße", " aus", " 漢字", " 🦊"]
TEXT = "".join(PIECES)
CALLS = [{"name": "add", "arguments": {"a": 1}, "id": "c1"}, {"name": "sub", "arguments": "{"}]
PROVIDERS = list(MODELS)
HOWS = ["chat", "stream"]


def result(mode: Mode, client: Any, how: str, **kwargs: Any) -> Any:
    """Return the whole answer of either call."""
    if how == "chat":
        return mode.chat(client, **kwargs)
    deltas = mode.stream(client, **kwargs)
    completion = deltas[-1].completion
    assert completion is not None
    assert text_of(deltas) == completion.content
    return completion


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("streamed", [None, True, False], ids=["asked", "stream", "plain"])
def test_read_what_came_either_form_gives_the_right_result_in_both_modes(
    mode: Mode, server: Server, provider: str, how: str, streamed: bool | None
) -> None:
    server.script(provider, Reply(chunks=PIECES, tool_calls=CALLS, stream=streamed))
    whole = result(mode, mode.client(provider, server), how)
    assert (whole.content, whole.finish_reason) == (TEXT, "tool_calls")
    assert whole.tool_calls[0] == ToolCall("c1", "add", '{"a":1}')
    assert (whole.tool_calls[1].name, whole.tool_calls[1].arguments) == ("sub", "{")
    assert (whole.provider, whole.model) == (provider, MODELS[provider])
    assert whole.request_id.startswith("emulator-")
    assert whole.system_fingerprint == "emulator-1"
    assert len(server.requests) == 1


@pytest.mark.covers(
    "innogpt", "behaviour The GPT-5 series, o3-mini and o4-mini stream even when `stream` is false"
)
@pytest.mark.parametrize(
    "model",
    ["gpt-5", "gpt-5-mini", "GPT-5.1", "o3-mini", "O3-mini-high", "o4-mini", "o4-mini-high"],
)
def test_read_what_came_a_model_that_streams_unasked(
    mode: Mode, server: Server, model: str
) -> None:
    whole = mode.chat(mode.client("innogpt", server), model=model)
    assert whole.finish_reason == "stop"
    assert whole.usage is not None
    assert whole.usage["total_tokens"] > 0
    (request,) = server.requests
    assert request.json["stream"] is True
    assert request.json["stream_options"] == {"include_usage": True}


def test_read_what_came_other_models_are_not_asked_for_a_stream(mode: Mode, server: Server) -> None:
    assert mode.chat(mode.client("innogpt", server)).usage is not None
    (request,) = server.requests
    assert not {"stream", "stream_options"} & request.json.keys()


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("clean", [True, False], ids=["ended", "dropped"])
def test_whole_answers_a_stream_that_breaks_off(
    mode: Mode, server: Server, how: str, clean: bool
) -> None:
    server.script("sovrgpt", Truncate(3, clean, Reply(chunks=PIECES, stream=True)))
    error = raised(IncompleteStreamError, result, mode, mode.client("sovrgpt", server), how)
    assert error.partial is not None
    assert (error.partial.content, error.partial.finish_reason) == ("Grüße aus", None)
    assert (error.provider, error.status_code) == ("sovrgpt", 200)
    assert error.request_id is not None
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("event", [None, "error"])
def test_whole_answers_an_error_event_in_a_stream(
    mode: Mode, server: Server, how: str, event: str | None
) -> None:
    reply = Reply(chunks=PIECES, stream=True)
    server.script("meingpt", ErrorEvent(2, {"message": "kaputt", "code": 429}, event, reply))
    error = raised(StreamError, result, mode, mode.client("meingpt", server), how)
    assert "kaputt" in str(error)
    assert error.partial is not None
    assert (error.partial.content, error.code) == ("Grüße", "429")
    assert len(server.requests) == 1


# wire/test_chat.py has all that may come in place of an answer.
NO_ANSWERS: dict[str, tuple[Step, type[DsgvoError], str]] = {
    "login page": (Status(200, "<html><title>Anmelden</title>"), APIResponseError, "'Anmelden'"),
    "empty body": (Status(200, b""), APIResponseError, "an empty body"),
    "no content": (Status(204, b"", {"content-length": "0"}), APIResponseError, "an empty body"),
    "error body": (Status(200, {"error": "kaputt", "code": "429"}), RateLimitError, "kaputt"),
    "JSON cut": (Status(200, b'{"choices": [{'), APIResponseError, "breaks off"),
    "connection cut": (
        *(Truncate(clean=False, reply=Reply(TEXT, stream=False)), APIConnectionError),
        "broke",
    ),
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(("step", "kind", "said"), NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_whole_answers_an_answer_that_is_none(
    mode: Mode, server: Server, how: str, step: Step, kind: type[DsgvoError], said: str
) -> None:
    server.script("neuroflash", step)
    client = mode.client("neuroflash", server, max_retries=0)
    assert said in str(raised(kind, result, mode, client, how))
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("ending", ["drop", "silence"])
def test_whole_answers_after_done_nothing_more_is_needed(mode: Mode, how: str, ending: str) -> None:
    body = sse(chunk("Ja.", "stop"))

    def handler(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(http(body, kind="text/event-stream", length=len(body) + 10))
        if ending == "drop":
            connection.close()

    with raw_server(handler) as raw:
        client = mode.client("sovrgpt", api_key="k", base_url=raw.url, timeout=60)
        assert result(mode, client, how).content == "Ja."
        assert len(raw.requests) == 1


COMPRESSED = gzip.compress(sse(*map(chunk, PIECES), chunk(None, "stop")))


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("encoding", ["gzip", "GZIP"])
def test_read_what_came_a_compressed_answer_is_read(mode: Mode, how: str, encoding: str) -> None:
    headers = [f"Content-Encoding: {encoding}"]
    with raw_server(http(COMPRESSED, kind="text/event-stream", headers=headers)) as raw:
        client = mode.client("sovrgpt", api_key="k", base_url=raw.url)
        assert result(mode, client, how).content == TEXT


@pytest.mark.parametrize("how", HOWS)
def test_whole_answers_a_compressed_answer_that_is_none(
    mode: Mode, how: str, naps: list[float]
) -> None:
    body = COMPRESSED[:20] + b"kein gzip" + COMPRESSED[20:]
    headers = ["Content-Encoding: gzip", "x-request-id: r-1"]
    with raw_server(http(body, kind="text/event-stream", headers=headers)) as raw:
        client = mode.client("sovrgpt", api_key="k", base_url=raw.url)
        with pytest.raises(APIError, match="broke") as caught:
            result(mode, client, how)
        assert (len(raw.requests), naps) == (1, [])
    assert caught.value.provider == "sovrgpt"


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_sse_bytes_split_anywhere(mode: Mode, server: Server, size: int, ending: bytes) -> None:
    body = b"\xef\xbb\xbf: ping\n" + sse(*map(chunk, PIECES), chunk(None, "stop"))
    body = body.replace(b"\n", ending)
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    server.script("innogpt", Raw(chunks=pieces))
    assert text_of(mode.stream(mode.client("innogpt", server))) == TEXT


def test_sse_an_event_without_end_is_bounded(mode: Mode, server: Server) -> None:
    server.script("innogpt", Raw(chunks=[b"data: ", *[b"x" * 1024 * 1024] * 18], drop=True))
    with pytest.raises(IncompleteStreamError, match="larger than"):
        mode.stream(mode.client("innogpt", server))


TEXTS = [f"Satz {number}" for number in range(7)]


@pytest.mark.parametrize("provider", ["innogpt", "meingpt"])
def test_whole_answers_vectors_are_matched_by_index(
    mode: Mode, server: Server, provider: str
) -> None:
    client = mode.client(provider, server)
    straight = mode.embed(client, TEXTS, dimensions=8)
    server.script(provider, ShuffleVectors(1))
    assert mode.embed(client, TEXTS, dimensions=8) == straight
    assert len({tuple(vector) for vector in straight}) == len(TEXTS)
    assert {len(vector) for vector in straight} == {8}
    server.clear()
    cut = mode.embed(client, iter(TEXTS), dimensions=8, batch_size=3, max_concurrency=4)
    assert cut == straight
    assert sorted(len(request.json["input"]) for request in server.requests) == [1, 3, 3]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (DropVectors(2), "expected 7 vectors, got 5"),
        (DuplicateVectors(), "index 0 came twice"),
        (Status(200, "<html><title>Anmelden</title>"), "'Anmelden'"),
        (Status(200, {"data": [None] * 7}), "not of the documented shape"),
    ],
)
def test_whole_answers_vectors_that_do_not_fit(
    mode: Mode, server: Server, step: Step, said: str
) -> None:
    server.script("meingpt", step)
    with pytest.raises(APIResponseError, match=said):
        mode.embed(mode.client("meingpt", server), TEXTS)
    assert len(server.requests) == 1


@pytest.mark.parametrize("limit", [{"texts": 3}, {"bytes": 20}])
def test_a_batch_too_large_is_halved(mode: Mode, server: Server, limit: dict[str, int]) -> None:
    client = mode.client("innogpt", server)
    whole = mode.embed(client, TEXTS, dimensions=8)
    server.limit_embeddings("innogpt", **limit)
    assert mode.embed(client, TEXTS, dimensions=8) == whole


def test_a_text_too_large_alone_is_an_error_that_names_it(mode: Mode, server: Server) -> None:
    server.limit_embeddings("innogpt", bytes=20)
    with pytest.raises(DsgvoError) as caught:
        mode.embed(mode.client("innogpt", server), ["kurz", "x" * 30, "auch kurz"], batch_size=1)
    assert caught.value.__notes__ == ["while embedding text 1"]


def test_an_empty_list_costs_no_request(mode: Mode, server: Server) -> None:
    assert mode.embed(mode.client("meingpt", server), []) == []
    assert server.requests == []


def test_an_answer_of_any_size_is_not_read(mode: Mode, server: Server) -> None:
    client = mode.client("meingpt", server, max_response_bytes=1000)
    said = "embeddings of more than 1000 bytes; max_response_bytes= sets the bound"
    with pytest.raises(APIResponseError, match=said):
        mode.embed(client, ["Text"])
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_chat_answer_of_any_size_is_not_read(
    mode: Mode, server: Server, how: str, streamed: bool
) -> None:
    client = mode.client("meingpt", server, max_response_bytes=1000, max_retries=0)
    server.script("meingpt", Reply(chunks=["Ja."] * 1000, stream=streamed))
    with pytest.raises(APIError, match="more than 1000 bytes") as caught:
        mode.call(client, how)
    assert len(server.requests) == 1
    partial = getattr(caught.value, "partial", None)
    assert (partial is not None) is streamed
    assert partial is None or partial.content.startswith("Ja.Ja.")


def test_a_template_that_opens_thoughts_is_known_once_seen(mode: Mode, server: Server) -> None:
    client = mode.client("sovrgpt", server)
    body = sse(chunk("Hm.\n</think>\n\nJa."), chunk(None, "stop"))
    for thought in ("", "Hm."):  # when the tag comes, its thought has been shown as text
        server.script("sovrgpt", Raw(chunks=[body]))
        completion = mode.stream(client)[-1].completion
        assert completion is not None
        assert (completion.reasoning, completion.content[-3:]) == (thought, "Ja.")
    server.script("sovrgpt", Raw(chunks=[sse(chunk("Ja."), chunk(None, "stop"))]))
    last = mode.stream(client)[-1].completion
    assert last is not None
    assert (last.reasoning, last.content) == ("", "Ja.")
