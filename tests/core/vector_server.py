"""A bare embeddings server with canned vectors, fast enough to measure a client by it.

Run as a program; prints its port. The vectors are real base64 of 3072 floats each.
"""

from __future__ import annotations

import asyncio
import base64
import json
from array import array
from functools import cache

DIMENSIONS = 3072


@cache
def answer(count: int) -> bytes:
    vector = base64.b64encode(array("f", [i / 4096 for i in range(DIMENSIONS)]).tobytes()).decode()
    rows = [{"object": "embedding", "index": i, "embedding": vector} for i in range(count)]
    body = json.dumps({"object": "list", "data": rows, "model": "m"}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            )
            body = json.loads(await reader.readexactly(length))
            assert body["encoding_format"] == "base64"
            writer.write(answer(len(body["input"])))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=16 * 1024 * 1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
