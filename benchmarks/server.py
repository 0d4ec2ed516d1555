"""A server with canned answers, in a process of its own, so that only clients are measured.

Options are part of the address: ``/chunks/500/chat/completions`` streams 500 pieces of text, and
``/dimensions/64/embeddings`` gives vectors of that length.
"""

from __future__ import annotations

import asyncio
import json
import random
from array import array
from base64 import b64encode
from functools import cache
from typing import Any

DIMENSIONS = 3072
WORDS = ("Die", "Antwort", "kommt", "Wort", "für", "Wort,", "wie", "ein", "Modell", "schreibt.")

_COMMON = {"id": "chatcmpl-1", "created": 1767225600, "model": "qwen3.5-9b"}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _response(body: bytes, media_type: str = "application/json") -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 12, "completion_tokens": tokens, "total_tokens": 12 + tokens}


@cache
def completion() -> bytes:
    """Return a plain answer of a hundred words."""
    text = " ".join(WORDS[i % len(WORDS)] for i in range(100))
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    answer = {
        **_COMMON,
        "object": "chat.completion",
        "choices": [choice],
        "usage": _usage(100),
    }
    return _response(_json(answer))


@cache
def stream(chunks: int) -> list[bytes]:
    """Return a streamed answer, each event in an HTTP chunk of its own, as servers send them."""

    def event(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {**_COMMON, "object": "chat.completion.chunk", "choices": [choice]}

    events = [event({"role": "assistant", "content": ""})]
    events += [event({"content": f"{WORDS[i % len(WORDS)]} "}) for i in range(chunks)]
    events.append(event({}, "stop"))
    events.append(
        {**_COMMON, "object": "chat.completion.chunk", "choices": [], "usage": _usage(chunks)}
    )
    data = [b"data: " + _json(event) + b"\n\n" for event in events] + [b"data: [DONE]\n\n"]
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return [head, *(b"%x\r\n%b\r\n" % (len(part), part) for part in data), b"0\r\n\r\n"]


@cache
def embeddings(texts: int, base64: bool, dimensions: int = DIMENSIONS) -> bytes:
    """Return vectors for so many texts."""
    numbers = random.Random(7)
    vectors = [
        array("f", [numbers.uniform(-0.1, 0.1) for _ in range(dimensions)]) for _ in range(4)
    ]
    written = [
        b64encode(vector).decode() if base64 else [round(value, 8) for value in vector]
        for vector in vectors
    ]
    data = [
        {"object": "embedding", "index": index, "embedding": written[index % len(written)]}
        for index in range(texts)
    ]
    usage = {"prompt_tokens": 8 * texts, "total_tokens": 8 * texts}
    model = "text-embedding-3-large"
    return _response(_json({"object": "list", "data": data, "model": model, "usage": usage}))


class Canned(asyncio.Protocol):
    """Reads requests by their length and answers by path."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._received = bytearray()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._received[:end]).decode("latin-1").split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in head[1:])
            size = int(fields.get("content-length", 0))
            if len(self._received) < end + 4 + size:
                return
            body = bytes(self._received[end + 4 : end + 4 + size])
            del self._received[: end + 4 + size]
            self._answer(head[0].split(" ")[1], json.loads(body or b"{}"))

    def _answer(self, path: str, body: dict[str, Any]) -> None:
        if path.endswith("/embeddings"):
            base64 = body.get("encoding_format") == "base64"
            option = path.split("/")
            size = int(option[2]) if option[1] == "dimensions" else DIMENSIONS
            self._transport.write(embeddings(len(body["input"]), base64, size))
        elif body.get("stream"):
            for part in stream(int(path.split("/")[2])):
                self._transport.write(part)
        else:
            self._transport.write(completion())


async def main() -> None:
    """Serve until killed; the port is the one line that is printed."""
    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
