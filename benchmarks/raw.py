"""Floor: raw httpx, as a careful programmer would write it."""

from __future__ import annotations

import json
from array import array
from base64 import b64decode
from typing import Any

import httpx

MODEL = "qwen3.5-9b"
QUESTION = "Wie viele Tage Urlaub habe ich?"
BODY: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}]}
HEADERS = {"Authorization": "Bearer sk-benchmark"}


def post(client: httpx.Client, url: str) -> dict[str, Any]:
    """Return a plain answer."""
    response = client.post(f"{url}/chat/completions", json=BODY, headers=HEADERS)
    return response.raise_for_status().json()


async def apost(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """Do what :func:`post` does, on the running loop."""
    response = await client.post(f"{url}/chat/completions", json=BODY, headers=HEADERS)
    return response.raise_for_status().json()


def stream(client: httpx.Client, url: str) -> int:
    """Read a stream to its end and return how many chunks brought text."""
    count = 0
    body = {**BODY, "stream": True}
    with client.stream("POST", f"{url}/chat/completions", json=body, headers=HEADERS) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            count += _has_text(line)
    return count


async def astream(client: httpx.AsyncClient, url: str) -> int:
    """Do what :func:`stream` does, on the running loop."""
    count = 0
    body = {**BODY, "stream": True}
    request = client.stream("POST", f"{url}/chat/completions", json=body, headers=HEADERS)
    async with request as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            count += _has_text(line)
    return count


def _has_text(line: str) -> bool:
    if not line.startswith("data: ") or line == "data: [DONE]":
        return False
    choices = json.loads(line[6:])["choices"]
    return bool(choices and choices[0]["delta"].get("content"))


def embed(client: httpx.Client, url: str, texts: list[str], batch_size: int) -> list[list[float]]:
    """Return vectors as lists of floats."""
    vectors: list[list[float]] = []
    for start in range(0, len(texts), batch_size):
        body = {
            "model": "text-embedding-3-large",
            "input": texts[start : start + batch_size],
            "encoding_format": "base64",
        }
        response = client.post(f"{url}/embeddings", json=body, headers=HEADERS)
        rows = response.raise_for_status().json()["data"]
        vectors += [array("f", b64decode(row["embedding"])).tolist() for row in rows]
    return vectors
