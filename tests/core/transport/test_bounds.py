"""Bounded and linear: what a server sends is bounded, in size and in time, on every path."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest

from dsgvo.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    IncompleteStreamError,
    InternalServerError,
)
from dsgvo.transport import _client, _pools, _request
from tests.core.support import Mode, RawServer, answer, chunk, http, in_one_mode, raw_server, sse

MIB = 1024 * 1024
HEAD = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n%s\r\n"
CALLS: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "chat": ("sovrgpt", "chat", ()),
    "stream": ("sovrgpt", "stream", ()),
    "embed": ("meingpt", "embed", (["Text"],)),
    "models": ("sovrgpt", "models", ()),
    "workspaces": ("neuroflash", "workspaces", ()),
    "image": ("innogpt", "generate_image", ("ein Icon",)),
}
calls = in_one_mode("call", CALLS)


def fails(mode: Mode, raw: RawServer, call: tuple[str, str, tuple[Any, ...]], **more: Any) -> Any:
    provider, how, args = call
    own: dict[str, Any] = {"workspace_id": "w"} if provider == "neuroflash" else {}
    client = mode.client(
        provider, api_key="schluessel", base_url=raw.url, max_retries=0, **own, **more
    )
    with pytest.raises(APIError) as caught:
        mode.call(client, how, *args)
    return caught.value


def endless(status: int, piece: bytes = b"x" * 65536, extra: bytes = b"") -> Any:
    """Return a handler that answers until nobody reads any more."""

    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(HEAD % (status, extra))
        while True:
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))

    return serve


@calls
def test_bounded_the_body_of_an_error_that_never_ends(mode: Mode, call: Any) -> None:
    with raw_server(endless(500)) as raw:
        assert type(fails(mode, raw, call)) is InternalServerError


@calls
def test_bounded_an_answer_that_never_ends(mode: Mode, call: Any) -> None:
    with raw_server(endless(200, b" " * 65536)) as raw:
        error = fails(mode, raw, call, max_response_bytes=MIB)
    assert str(MIB) in str(error)


def test_bounded_the_body_of_an_error_that_stops_in_the_middle(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_request, "ERROR_SECONDS", 0.1)
    held = threading.Event()

    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(http(b'{"error": "kaputt"}', status=500, length=1000))
        held.wait(30)

    with raw_server(serve) as raw:
        error = fails(mode, raw, CALLS["chat"], timeout=60)
        held.set()
    assert (type(error), "kaputt" in str(error)) == (InternalServerError, True)


def test_bounded_a_stream_that_never_ends_keeps_what_came(mode: Mode) -> None:
    piece = sse(chunk("x" * 60000), done=False)
    with raw_server(endless(200, piece)) as raw:
        error = fails(mode, raw, CALLS["stream"], max_response_bytes=MIB)
    assert isinstance(error, IncompleteStreamError)
    assert str(MIB) in str(error)
    assert error.partial is not None
    assert 0 < len(error.partial.content) <= MIB


def test_bounded_what_is_decompressed(mode: Mode) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(256)) + packer.flush()
    assert len(bomb) < MIB
    with raw_server(http(bomb, headers=["Content-Encoding: gzip"])) as raw:
        error = fails(mode, raw, CALLS["embed"], max_response_bytes=8 * MIB)
    assert str(error).startswith(f"meinGPT: embeddings of more than {8 * MIB} bytes")


def test_bounded_pieces_of_what_is_decompressed() -> None:
    inflater = _pools._Inflater("gzip")
    sizes = [len(piece) for piece in inflater.feed(gzip.compress(bytes(5 * MIB + 1)))]
    inflater.close()
    assert (max(sizes), sum(sizes)) == (_pools.PIECE, 5 * MIB + 1)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "x" * 5000])
def test_bounded_what_is_packed_twice_or_unasked_is_not_unpacked(mode: Mode, encoding: str) -> None:
    packed = gzip.compress(gzip.compress(b"{}"))
    with raw_server(http(packed, headers=[f"Content-Encoding: {encoding}"])) as raw:
        error = fails(mode, raw, CALLS["chat"])
    assert f"content-encoding '{encoding[:40]}' was not asked for" in str(error)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("identity", bytes),
    ],
    ids=["zlib", "deflate", "gzip", "x-gzip", "identity"],
)
def test_read_what_came_in_each_encoding(mode: Mode, encoding: str, packed: Any) -> None:
    _, _, plain = http(answer("Ja.")).partition(b"\r\n\r\n")
    with raw_server(http(packed(plain), headers=[f"Content-Encoding: {encoding}"])) as raw:
        client = mode.client("sovrgpt", api_key="k", base_url=raw.url)
        assert mode.chat(client, model="m").content == "Ja."


def test_whole_answers_what_was_packed_and_cut_is_not_whole(mode: Mode) -> None:
    packed = gzip.compress(sse(chunk("Ja.", "stop"), done=False))[:-8]
    headers = ["Content-Encoding: gzip"]
    with raw_server(http(packed, kind="text/event-stream", headers=headers)) as raw:
        error = fails(mode, raw, CALLS["stream"])
    assert isinstance(error, APIConnectionError | IncompleteStreamError)
    assert "the compressed body is not whole" in str(error)


@calls
def test_bounded_the_head_of_an_answer(mode: Mode, call: Any) -> None:
    def serve(_request: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-Filler: " + b"x" * 60000 + b"\r\n")

    with raw_server(serve) as raw:
        error = fails(mode, raw, call)
        assert len(raw.requests) == 1
    assert type(error) is APIResponseError
    assert "100 KiB" in str(error)


def test_bounded_an_image_at_an_address(
    mode: Mode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_client, "MAX_IMAGE_BYTES", 1000)

    def serve(request: bytes, connection: socket.socket) -> None:
        made = http({"data": [{"url": f"{raw.url}/a.png"}]})
        connection.sendall(made if request.startswith(b"POST") else http(b"x" * 5000))

    with raw_server(serve) as raw:
        client = mode.client("innogpt", api_key="k", base_url=raw.url)
        with pytest.raises(APIResponseError, match="an image of more than 1000 bytes"):
            mode.call(client, "generate_image", "x", save_to=tmp_path / "a.png")
