"""The report of a check, fit for a public issue: no key, prompt, answer or id of an account in it.

Of the exchanges that went otherwise than expected it shows the request without its texts, and of
the answer names and types alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from textwrap import shorten
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from dsgvo import __version__
from dsgvo.cli.screen import printable
from dsgvo.transport._pools import proxy_for, runtime
from dsgvo.wire.body import InvalidJSONError, parse_json
from dsgvo.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from dsgvo.cli.check import Finding
    from dsgvo.providers import Provider

__all__ = ["Exchange", "Recorder", "report"]

MAX_KEPT_BYTES = 1_000_000
_KEPT = frozenset(
    {
        "encoding_format",
        "finish_reason",
        "index",
        "max_tokens",
        "model",
        "object",
        "role",
        "stream",
        "temperature",
        "tool_choice",
        "type",
    }
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z_-]{0,39}")
_WORD = re.compile(r"[a-z][a-z_-]*|v\d+")


class Exchange(NamedTuple):
    """A request and its answer: names and types, and values that say nothing of the account."""

    request: str
    sent: Any
    status: int
    media_type: str
    answer: Any


class Recorder(httpx.BaseTransport):
    """The pools of this process, which keeps the shapes of what goes through them."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its exchange is kept once the answer is read or left."""
        pool = runtime.pools.sync(proxy_for(request.url.scheme, request.url.host))
        response = pool.handle_request(request)
        kept = _Kept(response.stream, partial(self._keep, request, response))
        extensions = {"network_stream": response.extensions.get("network_stream")}
        return httpx.Response(
            response.status_code, headers=response.headers, stream=kept, extensions=extensions
        )

    def _keep(self, request: httpx.Request, response: httpx.Response, body: bytes) -> None:
        media_type = response.headers.get("content-type", "").partition(";")[0]
        sent = request.headers.get("content-type", "").partition(";")[0]
        path = "/".join(map(_segment, request.url.path.split("/")))
        self.exchanges.append(
            Exchange(
                f"{request.method} {path}",
                _shape(_json(request.read())) if sent.endswith("json") else sent or None,
                response.status_code,
                media_type,
                _events(body) if media_type == "text/event-stream" else _shape(_json(body)),
            )
        )


class _Kept(httpx.SyncByteStream):
    def __init__(self, stream: Any, keep: Callable[[bytes], None]) -> None:
        self._stream, self._keep, self._body = stream, keep, bytearray()

    def __iter__(self) -> Iterator[bytes]:
        for data in self._stream:
            self._body += data[: MAX_KEPT_BYTES - len(self._body)]
            yield data

    def close(self) -> None:
        self._stream.close()
        self._keep(bytes(self._body))


def _segment(segment: str) -> str:
    return segment if not segment or _WORD.fullmatch(segment) else "{id}"


def _json(body: bytes) -> Any:
    try:
        return parse_json(body)
    except InvalidJSONError:
        return "no JSON" if body else None


def _events(body: bytes) -> list[Any]:
    """Return the shapes of a stream's events, each once where several follow each other."""
    found: list[Any] = []
    for event in SSEDecoder().feed(body):
        shape = "[DONE]" if event.data == "[DONE]" else _shape(_json(event.data.encode()))
        if not found or found[-1] != shape:
            found.append(shape)
    return found


def _shape(value: Any, name: str = "") -> Any:
    match value:
        case dict():
            fields: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType] # of JSON
            return {
                key if _NAME.fullmatch(key) else "{key}": _shape(one, key)
                for key, one in fields.items()
            }
        case list():
            shapes: list[Any] = []
            for one in value[:50]:  # pyright: ignore[reportUnknownVariableType] # of JSON
                shape = _shape(one)
                if shape not in shapes:
                    shapes.append(shape)
            return shapes
        case None | bool():
            return value
        case _ if name in _KEPT:
            return value
        case str():
            return "text"
        case _:
            return "number"


def report(spec: Provider, model: str, own: bool, findings: list[Finding]) -> str:
    """Return the report, in Markdown.

    Args:
        spec: The vendor.
        model: The chat model that was tried.
        own: Whether the vendor's own ``base_url`` was asked; another one is not named.
        findings: What came of it.
    """
    asked = spec.base_url if own else "another base URL"
    lines = [
        f"# `dsgvo check {spec.name}`",
        "",
        f"dsgvo-llm {__version__}, {datetime.now(UTC):%Y-%m-%d}, {asked}, model `{model}`",
        "",
        "| Tried | Rests on | Service | Remark |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {one.capability} | {one.rests_on} | {one.result} | {_cell(one.remark)} |"
        for one in findings
    ]
    for one in findings:
        if one.result in {"differs", "refused"}:
            lines += ["", f"## {one.capability}: {one.result}", "", _cell(one.remark)]
            for exchange in one.exchanges:
                lines += ["", f"`{exchange.request}`", "", *_block(exchange.sent)]
                answered = f"{exchange.status} {exchange.media_type}".rstrip()
                lines += ["", f"answered `{answered}`", "", *_block(exchange.answer)]
    return printable("\n".join([*lines, ""]))


def _cell(remark: str) -> str:
    """Return a remark as a table shows it; names in it may be the server's."""
    return shorten(remark, 200, placeholder=" …").replace("|", "\\|")


def _block(shape: Any) -> list[str]:
    return ["```json", json.dumps(shape, indent=1, ensure_ascii=False), "```"]
