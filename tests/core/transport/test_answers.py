"""Whole answers, read as they come, from streams that may be cut anywhere."""

import gzip
import socket
import threading
import zlib
from contextlib import nullcontext
from typing import Any

import pytest

from dsgvo import ToolCall, errors
from dsgvo.emulator import ErrorEvent, Raw, Reply, Server, Status, Step, Truncate
from dsgvo.transport import _pools
from tests.core.support import Mode, answer, chunk, http, raised, raw_server, sse, text_of
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
    deltas: Any = mode.stream(client)
    assert text_of(deltas) == deltas[-1].completion.content
    return deltas[-1].completion


@pytest.mark.parametrize("provider", MODELS)
@hows
def test_read_what_came_either_form_gives_the_right_result_in_both_modes(
    mode: Mode, server: Server, provider: str, how: str
) -> None:
    replies = [Reply(chunks=PIECES, tool_calls=CALLS, stream=form) for form in (None, True, False)]
    server.script(provider, *replies)
    client = mode.client(provider, server)
    for number in range(1, 4):
        whole = result(mode, client, how)
        assert (whole.content, whole.finish_reason) == (TEXT, "tool_calls")
        assert whole.tool_calls[0] == ToolCall("c1", "add", '{"a":1}')
        assert (whole.tool_calls[1].name, whole.tool_calls[1].arguments) == ("sub", "{")
        assert (whole.provider, whole.model) == (provider, MODELS[provider])
        assert whole.request_id.startswith("emulator-")
        assert (whole.system_fingerprint, len(server.requests)) == ("emulator-1", number)


@pytest.mark.covers(
    "innogpt", "behaviour The GPT-5 series, o3-mini and o4-mini stream even when `stream` is false"
)
@pytest.mark.parametrize("model", ["GPT-5.1", "O3-mini-high", "o4-mini", MODELS["innogpt"]])
def test_read_what_came_a_model_streams_unasked(mode: Mode, server: Server, model: str) -> None:
    whole: Any = mode.chat(mode.client("innogpt", server), model=model)
    assert (whole.finish_reason, whole.usage["total_tokens"] > 0) == ("stop", True)
    (request,) = server.requests
    streams = model != MODELS["innogpt"]
    asked = {"stream": True, "stream_options": {"include_usage": True}} if streams else {}
    assert {k: v for k, v in request.json.items() if k.startswith("stream")} == asked


STREAMED, ERROR = Reply(chunks=PIECES, stream=True), {"message": "kaputt", "code": 429}
NO_ANSWERS: list[tuple[Step, type[errors.DsgvoError], str]] = [
    (Status(200, "<html><title>Anmelden</title>"), errors.APIResponseError, "'Anmelden'"),
    (Status(204, b"", {"content-length": "0"}), errors.APIResponseError, "an empty body"),
    (Status(206, answer("Ja.")), errors.APIResponseError, "expected an answer, got only a part"),
    (Status(200, {"error": "kaputt", "code": "429"}), errors.RateLimitError, "kaputt"),
    (Truncate(clean=False, reply=Reply(TEXT, stream=False)), errors.APIConnectionError, "broke"),
    (Truncate(2, reply=STREAMED), errors.IncompleteStreamError, "ended without a finish reason"),
    (ErrorEvent(2, ERROR, "error", reply=STREAMED), errors.StreamError, "kaputt"),
]
FINISHED = sse(chunk("Ja.", "stop"), done=False)
ENDS = [("dropped", STREAM), ("dropped", FINISHED), ("held", STREAM), ("held", sse(chunk()))]
PACKED = gzip.compress(STREAM)
# An encoding, a body in it, and what is said of one that cannot be read
ENCODED: list[tuple[str, bytes, str]] = [
    *((name, PACKED, "") for name in ("GZIP", "x-gzip")),
    ("deflate", zlib.compress(STREAM), ""),
    ("deflate", zlib.compress(STREAM, wbits=-15), ""),
    ("deflate", b"kein deflate", "its compression: "),
    *((name, STREAM, "") for name in ("identity", "none", "utf-8", "x" * 5000)),
    ("gzip", PACKED[:20] + b"kein gzip" + PACKED[20:], "its compression: "),
    ("gzip", gzip.compress(sse(chunk("Ja."), done=False))[:-8], "the compressed body is not whole"),
    ("gzip, gzip", gzip.compress(PACKED), "its content-encoding, of several kinds, was"),
    ("zstd, br", b"x", "its content-encoding, zstd, was not asked for"),
]


@hows
@pytest.mark.parametrize(("step", "kind", "said"), NO_ANSWERS)
def test_whole_answers_an_answer_that_is_none(
    mode: Mode, server: Server, how: str, step: Step, kind: type[errors.DsgvoError], said: str
) -> None:
    server.script("neuroflash", step)
    broken = issubclass(kind, errors.IncompleteStreamError)
    client = mode.client("neuroflash", server, max_retries=2 * broken)
    error: Any = raised(kind, result, mode, client, how)
    assert said in str(error)
    if broken:
        assert (error.partial.content, error.partial.finish_reason) == ("Grüße", None)
        found = (error.provider, error.status_code, error.code, error.request_id is None)
        assert found == ("neuroflash", 200, "429" if said == "kaputt" else None, False)
        assert isinstance(error.__cause__, errors.RateLimitError) is (said == "kaputt")
    assert [one.method for one in server.requests].count("POST") == 1


@hows
@pytest.mark.parametrize(("ending", "stream"), ENDS, ids=range(len(ENDS)))
def test_whole_answers_after_the_end_nothing_more_is_needed(
    mode: Mode, how: str, ending: str, stream: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pools, "DRAIN_SECONDS", 3600)
    let_go, over = threading.Event(), threading.Event()
    text = {STREAM: TEXT, FINISHED: "Ja."}.get(stream, "")

    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(http(stream, kind="text/event-stream", length=len(stream) + 10))
        if ending == "held" and not let_go.wait(30):
            over.set()
        connection.close()

    with raw_server(serve) as raw:
        assert result(mode, mode.client("sovrgpt", raw, timeout=60), how).content == text
        assert not over.is_set()  # the answer is whole while the server holds its end back
        let_go.set()
        assert len(raw.requests) == 1


@hows
@pytest.mark.parametrize(("encoding", "body", "said"), ENCODED, ids=range(len(ENCODED)))
def test_read_what_came_in_each_encoding(
    mode: Mode, how: str, naps: list[float], encoding: str, body: bytes, said: str
) -> None:
    headers = [f"Content-Encoding: {encoding}"]
    with raw_server(http(body, kind="text/event-stream", headers=headers)) as raw:
        client = mode.client("sovrgpt", raw)
        if said:
            with pytest.raises(errors.APIError, match=said) as caught:
                result(mode, client, how)
            assert (caught.value.provider, encoding[:20] in str(caught.value)) == ("sovrgpt", False)
        else:
            assert result(mode, client, how).content == TEXT
        assert (len(raw.requests), naps) == (1, [])


def test_a_template_that_opens_thoughts_is_known_once_seen(mode: Mode, server: Server) -> None:
    opened, empty, cut, plain = "Hm.\n</think>\n\nJa.", "\n</think>\n\nJa.", "Hm.", "Ja."
    others, own, off = "So: Ja.", mode.client("sovrgpt", server), "Aus: Ja."
    other = mode.client("sovrgpt", server, api_key=lambda: server.api_key)
    # When the first tag comes, its thought has been shown as text; a plain answer has none.
    for text in (opened, opened, empty, cut, others, off, opened, plain, plain):
        thought = "Hm." if text in {opened, cut} and server.requests else ""
        finish = {cut: "length", others: "length", off: "length", plain: None}.get(text, "stop")
        server.script("sovrgpt", Raw(chunks=[sse(chunk(text, finish))]))
        used_up = pytest.warns(UserWarning, match="has used up max_tokens before the first word")
        with used_up if text is cut else nullcontext():
            client, switch = other if text is others else own, {"enable_thinking": text != off}
            given: Any = {"extra_body": {"chat_template_kwargs": switch}}
            last: Any = (pieces := mode.stream(client, **given))[-1].completion
        assert (last.reasoning, last.content[-3:]) == (thought, "" if text is cut else "Ja.")
    assert (last.content, pieces[0].content) == ("Ja.", "Ja.")  # the plain one before has ended it
