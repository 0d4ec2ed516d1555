"""The values that pass between the parts of the emulator."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsgvo.emulator.jsons import JsonObject, dumps

FINGERPRINT = "emulator-1"
CREATED = 1775000000
"""The same on every answer: a recording made twice is the same twice."""


@dataclass(frozen=True)
class HttpReply:
    """An HTTP answer in the exact writes in which it goes out.

    Status 0 closes the connection before any byte, ``drop`` after the last; without
    ``content-length`` the body goes out in chunks. ``source`` gives writes that come one by one.
    """

    status: int
    headers: Mapping[str, str]
    writes: Sequence[bytes]
    pace: float = 0.0
    drop: bool = False
    source: AsyncGenerator[bytes] | None = None


@dataclass(frozen=True)
class Upload:
    """A file that came with a request: its name, its bytes' number, and the text in it."""

    name: str
    size: int
    text: str = field(repr=False)


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it arrived.

    Args:
        provider: Name of the vendor whose path was asked.
        method: HTTP method.
        path: Path with the vendor's prefix, without the query.
        headers: Request headers, names in lower case.
        body: The bytes of the body.
        json: The parsed body, or None if it is not JSON.
    """

    provider: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    json: Any = field(repr=False)


@dataclass(frozen=True)
class Call:
    """A request past authentication, as a vendor's handlers see it.

    ``key`` is a deterministic, unique id of it, from which answers' ids are made.
    """

    headers: Mapping[str, str]
    body: JsonObject
    key: str
    raw: bytes = field(default=b"", repr=False)
    uploads: tuple[Upload, ...] = ()


def json_reply(status: int, body: Any, headers: Mapping[str, str] | None = None) -> HttpReply:
    """Return a plain JSON answer."""
    data = dumps(body).encode()
    own = {"content-type": "application/json", "content-length": str(len(data))}
    return HttpReply(status, {**own, **(headers or {})}, [data])


def reasoning_of(message: Mapping[str, Any]) -> str | None:
    """Return the thoughts of a message or a delta, under either of their usual names."""
    thought = message.get("reasoning_content") or message.get("reasoning")
    return thought if isinstance(thought, str) else None
