"""Many texts: how many requests at once, how far ahead, and what one failure leaves behind."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from dsgvo import PROVIDERS, AsyncClient
from dsgvo.emulator import Server
from dsgvo.errors import (
    APIResponseError,
    APIStatusError,
    BadRequestError,
    CapabilityError,
    ConfigurationError,
)
from tests.core.support import Mode, eventually, http, raw_server


@dataclass
class Vectors:
    """Answers with one number a text, its length, and notes how many requests were there at once.

    A request is held until as many are there as are expected, for a moment at most.
    """

    expected: int = 1
    refuse: str = ""
    at_once: int = 0
    most: int = 0
    batches: list[list[str]] = field(default_factory=list[list[str]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: bytes, connection: socket.socket) -> None:
        texts: list[str] = json.loads(request.partition(b"\r\n\r\n")[2])["input"]
        with self._lock:
            self.batches.append(texts)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        eventually(lambda: self.most >= self.expected, seconds=1)
        time.sleep(0.02)  # one too many would come now
        with self._lock:
            self.at_once -= 1
        if self.refuse in texts:
            connection.sendall(http({"error": {"message": "nein"}}, status=400))
        else:
            rows = [{"index": i, "embedding": [float(len(t))]} for i, t in enumerate(texts)]
            connection.sendall(http({"data": rows}))


def client(mode: Mode, url: str, provider: str = "innogpt") -> Any:
    return mode.client(provider, api_key="k", base_url=url, max_retries=0, residency="any")


TEXTS = ["x" * length for length in range(1, 13)]


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_so_many_requests_at_once_and_no_more(mode: Mode, at_once: int) -> None:
    serve = Vectors(expected=at_once)
    with raw_server(serve) as raw:
        vectors = mode.embed(client(mode, raw.url), TEXTS, batch_size=1, max_concurrency=at_once)
    assert vectors == [[float(len(text))] for text in TEXTS]
    assert serve.most == at_once


def test_four_requests_at_once_unless_told_otherwise(mode: Mode) -> None:
    serve = Vectors(expected=4)
    with raw_server(serve) as raw:
        mode.embed(client(mode, raw.url), TEXTS, batch_size=1)
    assert serve.most == 4


def test_texts_are_read_only_as_far_as_the_requests_under_way_need(mode: Mode) -> None:
    read: list[str] = []

    def texts() -> Iterator[str]:
        for text in TEXTS:
            read.append(text)
            yield text

    def take_one(url: str) -> list[float]:
        vectors = client(mode, url).embed(texts(), batch_size=1, max_concurrency=2)
        if mode.name == "sync":
            with_first = next(vectors)
            vectors.close()
            return with_first

        async def main() -> list[float]:
            with_first = await anext(vectors)
            await vectors.aclose()
            return with_first

        return asyncio.run(main())

    with raw_server(Vectors()) as raw:
        assert take_one(raw.url) == [1.0]
    assert len(read) <= 4  # two requests, and the text that shows that a batch is full


@pytest.mark.parametrize(
    ("bounds", "batches"),
    [
        ({"batch_size": 5}, [5, 5, 2]),
        ({"max_batch_bytes": 12}, [4, 2, 1, 1, 1, 1, 1, 1]),
        ({"batch_size": 3, "max_batch_bytes": 6}, [3, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        ({}, [12]),
    ],
)
def test_both_bounds_of_a_batch_hold(
    mode: Mode, bounds: dict[str, int], batches: list[int]
) -> None:
    serve = Vectors()
    with raw_server(serve) as raw:
        vectors = mode.embed(client(mode, raw.url), iter(TEXTS), **bounds)
    assert vectors == [[float(len(text))] for text in TEXTS]
    assert [
        len(texts) for texts in sorted(serve.batches, key=lambda texts: len(texts[0]))
    ] == batches


def test_an_undocumented_path_is_used_if_the_user_says_so(mode: Mode) -> None:
    with raw_server(Vectors()) as raw:
        asked = client(mode, raw.url, "sovrgpt")
        with pytest.raises(CapabilityError, match="allow_undocumented=True"):
            mode.embed(asked, ["ab"], model="m")
        assert raw.requests == []
        assert mode.embed(asked, ["ab"], model="m", allow_undocumented=True) == [[2.0]]


def test_the_first_failure_is_the_one_that_is_raised(mode: Mode) -> None:
    serve = Vectors(expected=3, refuse=TEXTS[0])
    with raw_server(serve) as raw:
        with pytest.raises(BadRequestError, match="nein") as caught:
            mode.embed(client(mode, raw.url), TEXTS, batch_size=1, max_concurrency=3)
        assert caught.value.__notes__ == ["while embedding text 0"]
        assert eventually(lambda: serve.at_once == 0)
    assert len(serve.batches) < len(TEXTS)


def test_after_a_failure_no_request_is_left_under_way() -> None:
    vectors, over = Vectors(expected=3, refuse=TEXTS[0]), threading.Event()

    def serve(request: bytes, connection: socket.socket) -> None:
        if b"xx" in request:  # all but the one that is refused
            over.wait(10)
        vectors(request, connection)

    async def main(url: str) -> set[Any]:
        own = AsyncClient("innogpt", api_key="k", base_url=url, max_retries=0)
        with pytest.raises(BadRequestError):
            async for _ in own.embed(
                TEXTS, batch_size=1, max_concurrency=3, encoding_format="float"
            ):
                pass
        return asyncio.all_tasks() - {asyncio.current_task()}

    with raw_server(serve) as raw:
        assert asyncio.run(main(raw.url)) == set()
        over.set()
        assert len(raw.requests) == 3


def asked(request: bytes) -> dict[str, Any]:
    return json.loads(request.partition(b"\r\n\r\n")[2])


@pytest.mark.covers(
    "innogpt", "behaviour Vectors come in base64 where the server gives them", "Inferred"
)
@pytest.mark.covers(
    "meingpt", "parameter encoding_format of embeddings: `float` or `base64`", "Public"
)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_base64_is_asked_for_where_the_vendor_is_known_to_take_it(
    mode: Mode, provider: str
) -> None:
    with raw_server(Vectors()) as raw:
        own: dict[str, Any] = {"workspace_id": "w"} if provider == "neuroflash" else {}
        settings: dict[str, Any] = own | {"api_key": "k", "base_url": raw.url, "residency": "any"}
        mode.embed(mode.kind(provider, **settings), ["ab"], model="m", allow_undocumented=True)
        encoding = asked(raw.requests[0]).get("encoding_format")
    assert encoding == ("base64" if PROVIDERS[provider].embeddings.base64 else None)


def test_every_part_of_a_batch_that_was_too_large_is_asked_for_in_the_same_way(mode: Mode) -> None:
    def serve(request: bytes, connection: socket.socket) -> None:
        if len(asked(request)["input"]) > 1:
            connection.sendall(http({"error": {"message": "too many"}}, status=413))
        else:
            Vectors()(request, connection)

    with raw_server(serve) as raw:
        vectors = mode.embed(
            client(mode, raw.url), ["a", "bb", "ccc"], dimensions=1, extra_body={"user": "u"}
        )
        bodies = [asked(request) for request in raw.requests]
    assert vectors == [[1.0], [2.0], [3.0]]
    assert [body.pop("input") for body in bodies] == [
        ["a", "bb", "ccc"],
        ["a"],
        ["bb", "ccc"],
        ["bb"],
        ["ccc"],
    ]
    assert all(body == bodies[0] for body in bodies)
    assert (bodies[0]["user"], bodies[0]["dimensions"]) == ("u", 1)


def test_vectors_that_are_wrong_name_the_request(mode: Mode) -> None:
    body = {"data": [{"index": 0, "embedding": [1.0]}]}
    with raw_server(http(body, headers=["x-request-id: r-1"])) as raw:
        with pytest.raises(APIResponseError, match="expected 8 dimensions, got 1") as caught:
            mode.embed(client(mode, raw.url), ["ab"], dimensions=8)
        assert caught.value.request_id == "r-1"


def test_an_error_under_success_does_not_show_the_texts(mode: Mode) -> None:
    body = {"error": {"message": "refused: Meine Diagnose", "code": "nein"}}
    with raw_server(http(body)) as raw:
        with pytest.raises(APIStatusError, match="refused: ") as caught:
            mode.embed(client(mode, raw.url), ["Meine Diagnose"])
        assert "Diagnose" not in str(caught.value)


def served(*, most: int = 99, base64: bool = True) -> Any:
    """Return a handler with a limit of texts and of forms, each told in words of its own."""

    def serve(request: bytes, connection: socket.socket) -> None:
        asked = json.loads(request.partition(b"\r\n\r\n")[2])
        texts = asked["input"]
        if len(texts) > most:
            connection.sendall(http({"error": f"höchstens {most} Texte"}, status=400))
        elif asked.get("encoding_format") == "base64" and not base64:
            connection.sendall(http({"error": "Anfrage fehlgeschlagen"}, status=400))
        else:
            rows = [{"index": i, "embedding": [1.0, float(i)]} for i in range(len(texts))]
            connection.sendall(http({"data": rows}))

    return serve


def sizes(requests: list[bytes]) -> list[int]:
    return [len(json.loads(request.partition(b"\r\n\r\n")[2])["input"]) for request in requests]


def test_a_batch_size_that_worked_is_kept(mode: Mode) -> None:
    with raw_server(served(most=2)) as raw:
        client = mode.client("meingpt", api_key="schluessel", base_url=raw.url)
        for _ in range(2):
            assert len(mode.embed(client, list("abcdefgh"), max_concurrency=1)) == 8
    assert sizes(raw.requests) == [*[8, 4, 2, 2, 2, 2], *[2, 2, 2, 2]]


def test_base64_that_is_refused_in_whatever_words_is_asked_for_once(mode: Mode) -> None:
    with raw_server(served(base64=False)) as raw:
        client = mode.client("meingpt", api_key="schluessel", base_url=raw.url, max_retries=0)
        for _ in range(2):
            assert mode.embed(client, ["Text"]) == [[1.0, 0.0]]
    asked = [b'"encoding_format":"base64"' in request for request in raw.requests]
    assert asked == [True, False, False]


def test_a_form_that_is_asked_for_is_sent(mode: Mode, server: Server) -> None:
    client = mode.client("meingpt", server)
    assert len(mode.embed(client, ["Text"], encoding_format="float")) == 1
    assert server.requests[0].json["encoding_format"] == "float"
    with pytest.raises(ConfigurationError, match="encoding_format='hex'"):
        mode.embed(client, ["Text"], encoding_format="hex")
