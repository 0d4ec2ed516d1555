"""Whole answers, read as they come, from streams that may be cut anywhere."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from typing import Any

import pytest

from dsgvo import ToolCall
from dsgvo.emulator import ErrorEvent, Raw, Reply, Server, Status, Step, Truncate
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
STREAM = sse(*map(chunk, PIECES), chunk(None, "stop"))
CALLS = [{"name": "add", "arguments": {"a": 1}, "id": "c1"}, {"name": "sub", "arguments": "{"}]
hows = pytest.mark.parametrize("how", ["chat", "stream"])


def result(mode: Mode, client: Any, how: str) -> Any:
    """Return the whole answer of either call."""
    if how == "chat":
        return mode.chat(client)
    deltas = mode.stream(client)
    completion = deltas[-1].completion
    assert completion is not None
    assert text_of(deltas) == completion.content
    return completion


@pytest.mark.parametrize("provider", MODELS)
@hows
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
    ("model", "streams"),
    [("GPT-5.1", True), ("O3-mini-high", True), ("o4-mini", True), (MODELS["innogpt"], False)],
)
def test_read_what_came_a_model_that_streams_unasked(
    mode: Mode, server: Server, model: str, streams: bool
) -> None:
    whole = mode.chat(mode.client("innogpt", server), model=model)
    assert whole.finish_reason == "stop"
    assert whole.usage is not None
    assert whole.usage["total_tokens"] > 0
    (request,) = server.requests
    asked = {"stream": True, "stream_options": {"include_usage": True}} if streams else {}
    assert {k: v for k, v in request.json.items() if k.startswith("stream")} == asked


STREAMED = Reply(chunks=PIECES, stream=True)
REFUSED = {"message": "kaputt", "code": 429}
BROKEN: dict[str, tuple[Step, type[IncompleteStreamError], str, str | None]] = {
    "ended": (Truncate(3, reply=STREAMED), IncompleteStreamError, "Grüße aus", None),
    "dropped": (Truncate(3, False, reply=STREAMED), IncompleteStreamError, "Grüße aus", None),
    "error": (ErrorEvent(2, REFUSED, reply=STREAMED), StreamError, "Grüße", "429"),
    "named error": (ErrorEvent(2, REFUSED, "error", reply=STREAMED), StreamError, "Grüße", "429"),
}


@hows
@pytest.mark.parametrize(("step", "kind", "came", "code"), BROKEN.values(), ids=BROKEN.keys())
def test_whole_answers_a_stream_that_breaks_off(
    mode: Mode,
    server: Server,
    how: str,
    step: Step,
    kind: type[IncompleteStreamError],
    came: str,
    code: str | None,
) -> None:
    server.script("sovrgpt", step)
    error = raised(kind, result, mode, mode.client("sovrgpt", server), how)
    assert error.partial is not None
    assert (error.partial.content, error.partial.finish_reason) == (came, None)
    assert (error.provider, error.status_code, error.code) == ("sovrgpt", 200, code)
    assert error.request_id is not None
    assert ("kaputt" in str(error)) is (code is not None)
    assert len(server.requests) == 1


# wire/test_chat.py has all that may come in place of an answer.
NO_ANSWERS: dict[str, tuple[Step, type[DsgvoError], str]] = {
    "login page": (Status(200, "<html><title>Anmelden</title>"), APIResponseError, "'Anmelden'"),
    "no content": (Status(204, b"", {"content-length": "0"}), APIResponseError, "an empty body"),
    "error body": (Status(200, {"error": "kaputt", "code": "429"}), RateLimitError, "kaputt"),
    "JSON cut": (Status(200, b'{"choices": [{'), APIResponseError, "breaks off"),
    "connection cut": (
        *(Truncate(clean=False, reply=Reply(TEXT, stream=False)), APIConnectionError),
        "broke",
    ),
}


@hows
@pytest.mark.parametrize(("step", "kind", "said"), NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_whole_answers_an_answer_that_is_none(
    mode: Mode, server: Server, how: str, step: Step, kind: type[DsgvoError], said: str
) -> None:
    server.script("neuroflash", step)
    client = mode.client("neuroflash", server, max_retries=0)
    assert said in str(raised(kind, result, mode, client, how))
    assert [one.method for one in server.requests].count("POST") == 1


@hows
@pytest.mark.parametrize("ending", ["dropped", "held"])
def test_whole_answers_after_done_nothing_more_is_needed(mode: Mode, how: str, ending: str) -> None:
    let_go, over = threading.Event(), threading.Event()

    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(http(STREAM, kind="text/event-stream", length=len(STREAM) + 10))
        if ending == "held" and not let_go.wait(30):
            over.set()
        connection.close()

    with raw_server(serve) as raw:
        client = mode.client("sovrgpt", raw, timeout=60)
        assert result(mode, client, how).content == TEXT
        assert not over.is_set()  # the answer is whole while the server holds its end back
        let_go.set()
        assert len(raw.requests) == 1


ENCODINGS: list[tuple[str, Any]] = [
    ("gzip", gzip.compress),
    ("GZIP", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", lambda data: zlib.compress(data, wbits=-15)),
    ("identity", bytes),
]


@hows
@pytest.mark.parametrize(("encoding", "pack"), ENCODINGS)
def test_read_what_came_in_each_encoding(mode: Mode, how: str, encoding: str, pack: Any) -> None:
    headers = [f"Content-Encoding: {encoding}"]
    with raw_server(http(pack(STREAM), kind="text/event-stream", headers=headers)) as raw:
        assert result(mode, mode.client("sovrgpt", raw), how).content == TEXT


PACKED = gzip.compress(STREAM)
UNFINISHED = gzip.compress(sse(chunk("Ja.", "stop"), done=False))


@hows
@pytest.mark.parametrize(
    ("encoding", "body", "said"),
    [
        ("gzip", PACKED[:20] + b"kein gzip" + PACKED[20:], "its compression: "),
        ("gzip", UNFINISHED[:-8], "the compressed body is not whole"),
        ("gzip, gzip", gzip.compress(PACKED), "'gzip, gzip' was not asked for"),
        ("br", b"x", "'br' was not asked for"),
        ("x" * 5000, b"x", f"'{'x' * 40}' was not asked for"),
    ],
    ids=["broken", "cut", "twice", "unasked", "long"],
)
def test_whole_answers_a_compressed_answer_that_is_none(
    mode: Mode, how: str, naps: list[float], encoding: str, body: bytes, said: str
) -> None:
    headers = [f"Content-Encoding: {encoding}"]
    with raw_server(http(body, kind="text/event-stream", headers=headers)) as raw:
        with pytest.raises(APIError) as caught:
            result(mode, mode.client("sovrgpt", raw), how)
        assert (len(raw.requests), naps) == (1, [])
    assert said in str(caught.value)
    assert caught.value.provider == "sovrgpt"


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_sse_bytes_split_anywhere(mode: Mode, server: Server, size: int, ending: bytes) -> None:
    body = (b"\xef\xbb\xbf: ping\n" + STREAM).replace(b"\n", ending)
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    server.script("innogpt", Raw(chunks=pieces))
    assert text_of(mode.stream(mode.client("innogpt", server))) == TEXT


def test_a_template_that_opens_thoughts_is_known_once_seen(mode: Mode, server: Server) -> None:
    opened, plain = "Hm.\n</think>\n\nJa.", "Ja."
    # When the first tag comes, its thought has been shown as text; a plain answer has none.
    for text, thought in ((opened, ""), (opened, "Hm."), (plain, "")):
        server.script("sovrgpt", Raw(chunks=[sse(chunk(text), chunk(None, "stop"))]))
        completion = mode.stream(mode.client("sovrgpt", server))[-1].completion
        assert completion is not None
        assert (completion.reasoning, completion.content[-3:]) == (thought, "Ja.")
    assert completion.content == "Ja."
