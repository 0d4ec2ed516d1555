"""The values that pass between the parts of the emulator."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsgvo.emulator.jsons import JsonObject


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool, as the model answers it.

    Args:
        name: Name of the tool.
        arguments: JSON text of the arguments; a script may make it broken on purpose.
        id: Id of the call; empty lets the emulator make one.
    """

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True)
class Answer:
    """What the model says, before it is written as JSON or as a stream.

    Args:
        content: The text, or None beside tool calls.
        tool_calls: The tools to call.
        finish_reason: None lets the emulator find the fitting one.
        reasoning: The thoughts before the answer.
        reasoning_field: Field for the thoughts; None puts them into ``content`` as ``<think>``.
        usage: Replaces the counted usage; an empty mapping leaves usage out.
        chunks: The pieces in which ``content`` is streamed.
        omit_index: Leave ``index`` out of streamed tool calls, as some gateways do.
        stream: Force a stream (True) or plain JSON (False), whatever was asked for.
        pace: Seconds between two events of the stream.
    """

    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    reasoning: str | None = None
    reasoning_field: str | None = None
    usage: Mapping[str, Any] | None = None
    chunks: tuple[str, ...] | None = None
    omit_index: bool = False
    stream: bool | None = None
    pace: float | None = None


@dataclass(frozen=True)
class HttpReply:
    """An HTTP answer in the exact writes in which it goes out.

    Args:
        status: HTTP status code; 0 closes the connection before any byte.
        headers: Response headers. Without ``content-length`` the body goes out in chunks.
        writes: The body, one item a write.
        pace: Seconds between two writes.
        drop: Close the TCP connection after the last write instead of ending the body.
        source: Where the writes come from, if they come from elsewhere and one by one.
    """

    status: int
    headers: Mapping[str, str]
    writes: Sequence[bytes]
    pace: float = 0.0
    drop: bool = False
    source: AsyncGenerator[bytes] | None = None


@dataclass(frozen=True)
class Upload:
    """A file that came with a request.

    Args:
        name: File name as the client gave it.
        content_type: MIME type as the client gave it.
        data: The bytes.
        text: The text in it.
    """

    name: str
    content_type: str
    data: bytes = field(repr=False)
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

    Args:
        headers: Request headers, names in lower case.
        body: The JSON object of the body.
        key: Deterministic, unique id of this request, from which answers' ids are made.
        raw: The bytes of the body.
        uploads: Files that came with it.
    """

    headers: Mapping[str, str]
    body: JsonObject
    key: str
    raw: bytes = field(default=b"", repr=False)
    uploads: tuple[Upload, ...] = ()


def reasoning_of(message: Mapping[str, Any]) -> str | None:
    """Return the thoughts of a message or a delta, under either of their usual names."""
    thought = message.get("reasoning_content") or message.get("reasoning")
    return thought if isinstance(thought, str) else None
