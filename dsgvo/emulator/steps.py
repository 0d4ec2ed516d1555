"""Scripted replies and faults: what a test makes the next requests see.

Each step is used by one request. A step is a value with a few hooks; the base class leaves the
request alone, so that a step overrides just what it changes.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dsgvo.emulator.failures import ApiError, invalid
from dsgvo.emulator.jsons import JsonObject, dumps, is_list
from dsgvo.emulator.values import Call, HttpReply

_CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 408: "timeout"}
_CODES.update({413: "request_too_large", 422: "invalid_request", 429: "rate_limit_exceeded"})


@dataclass(frozen=True)
class Step:
    """A step that changes nothing: the request gets its normal answer."""

    def respond(self) -> HttpReply | None:
        """Return the whole answer, or None to go on. Raises ApiError for a vendor's own error."""
        return None

    def check(self, call: Call) -> None:
        """Look at the request before it is answered. Raises ApiError to refuse it."""

    def answer(self) -> "Reply | None":
        """Return the model's answer, or None to let the emulator think."""
        return None

    def transform_response(self, reply: HttpReply) -> HttpReply:
        """Change the answer on its way out."""
        return reply

    def vectors(self, data: list[JsonObject]) -> list[JsonObject]:
        """Change the ``data`` of an embeddings answer."""
        return data


@dataclass(frozen=True)
class Reply(Step):
    """A scripted answer of the model, written in whichever form the request asks for.

    Args:
        content: The text.
        reasoning: Thoughts before the text.
        tool_calls: ``{"name", "arguments", "id"}`` each; ``arguments`` is an object, or a string
            that is sent as it is, so that it can be broken JSON.
        finish_reason: None lets the emulator find the fitting one; an empty text is sent as null.
        usage: Replaces the counted usage; ``{}`` leaves it out.
        chunks: The pieces in which the text is streamed; replaces ``content``.
        omit_index: Leave ``index`` out of streamed tool calls.
        stream: True forces a stream and False plain JSON, whatever was asked for.
        reasoning_field: Field for ``reasoning``, e.g. ``reasoning_content``; None writes
            ``<think>`` into ``content``.
        pace: Seconds between two events of the stream.
    """

    content: str | None = None
    reasoning: str | None = None
    tool_calls: Sequence[Mapping[str, Any]] = ()
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    chunks: Sequence[str] | None = None
    omit_index: bool = False
    stream: bool | None = None
    reasoning_field: Literal["reasoning_content", "reasoning"] | None = None
    pace: float | None = None

    def answer(self) -> "Reply":
        """Return the scripted answer."""
        return self


@dataclass(frozen=True)
class Status(Step):
    """An answer with a status and a body of its own.

    Args:
        status: HTTP status code.
        body: An object is sent as JSON, text as HTML, bytes as they are; None is the vendor's own
            error body.
        headers: Response headers, e.g. ``{"Retry-After": "2"}``.
        message: Text of the vendor's own error body.
        code: Code of the vendor's own error body, where it has one.
    """

    status: int
    body: Mapping[str, Any] | str | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    message: str = "scripted error"
    code: str | None = None

    def respond(self) -> HttpReply:
        """Return the answer, or raise the vendor's own error."""
        if self.body is None:
            code = self.code or _CODES.get(self.status, "error")
            raise ApiError(self.status, self.message, code, headers=self.headers)
        if isinstance(self.body, bytes):
            data, kind = self.body, "application/octet-stream"
        elif isinstance(self.body, str):
            data, kind = self.body.encode(), "text/html; charset=utf-8"
        else:
            data, kind = dumps(self.body).encode(), "application/json"
        headers = {"content-type": kind, "content-length": str(len(data))}
        return HttpReply(self.status, headers | lower(self.headers), [data])


@dataclass(frozen=True)
class _Spoilt(Step):
    reply: Reply | None = field(default=None, kw_only=True)

    def answer(self) -> Reply | None:
        """Return the answer that is spoilt."""
        return self.reply


@dataclass(frozen=True)
class Truncate(_Spoilt):
    """The answer, cut.

    Args:
        after: Number of events that still go out. A plain JSON answer is cut in its middle.
        clean: True ends the HTTP body properly, without finish reason and ``[DONE]``; False drops
            the TCP connection.
        reply: The answer to cut; None is the normal one.
    """

    after: int = 3
    clean: bool = True

    def transform_response(self, reply: HttpReply) -> HttpReply:
        """Cut the answer."""
        drop = not self.clean
        if "content-length" not in reply.headers:
            return replace(reply, writes=reply.writes[: self.after], drop=drop)
        body = b"".join(reply.writes)
        half = body[: len(body) // 2]
        length = {"content-length": str(len(body if drop else half))}
        return replace(reply, headers={**reply.headers, **length}, writes=[half], drop=drop)


@dataclass(frozen=True)
class ErrorEvent(_Spoilt):
    """An error in the middle of a stream, after which the stream ends.

    Args:
        after: Number of events before it.
        error: The error object.
        event: Name of the event, e.g. ``error``; None sends ``data: {"error": …}`` without one.
        reply: The answer to break off; None is the normal one.
    """

    after: int = 2
    error: Mapping[str, Any] = field(
        default_factory=lambda: {"message": "scripted error", "type": "server_error", "code": None}
    )
    event: str | None = None

    def transform_response(self, reply: HttpReply) -> HttpReply:
        """Put the error behind the first events."""
        name = f"event: {self.event}\n" if self.event else ""
        event = f"{name}data: {dumps({'error': dict(self.error)})}\n\n".encode()
        return replace(reply, writes=[*reply.writes[: self.after], event])


@dataclass(frozen=True)
class Raw(Step):
    """Exact bytes in exact writes.

    Args:
        status: HTTP status code.
        headers: Response headers.
        chunks: The body, one item a write.
        delay: Seconds between two writes.
        drop: Close the TCP connection after the last write instead of ending the body.
    """

    status: int = 200
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"content-type": "text/event-stream; charset=utf-8"}
    )
    chunks: Sequence[bytes] = ()
    delay: float = 0.0
    drop: bool = False

    def respond(self) -> HttpReply:
        """Return the bytes."""
        return HttpReply(self.status, lower(self.headers), self.chunks, self.delay, self.drop)


@dataclass(frozen=True)
class Redirect(Step):
    """A redirect, which a client must not follow.

    Args:
        location: Where to.
        status: HTTP status code.
    """

    location: str
    status: int = 307

    def respond(self) -> HttpReply:
        """Return the redirect."""
        return HttpReply(self.status, {"location": self.location, "content-length": "0"}, [])


class Disconnect(Step):
    """Closes the TCP connection before any byte of the answer."""

    def respond(self) -> HttpReply:
        """Return the empty answer."""
        return HttpReply(0, {}, [], drop=True)


@dataclass(frozen=True)
class Delay(Step):
    """Waits, then goes on.

    Args:
        seconds: How long.
        then: The step that follows; None is the normal answer.
    """

    seconds: float
    then: Step | None = None


@dataclass(frozen=True)
class ShuffleVectors(Step):
    """Embeddings in another order; each keeps its ``index``.

    Args:
        seed: Decides the order.
    """

    seed: int = 0

    def vectors(self, data: list[JsonObject]) -> list[JsonObject]:
        """Reorder the vectors; two or more never keep their order."""
        shuffled = random.Random(self.seed).sample(data, len(data))
        return shuffled if shuffled != data else data[::-1]


@dataclass(frozen=True)
class DropVectors(Step):
    """Fewer embeddings than texts.

    Args:
        count: How many are missing.
    """

    count: int = 1

    def vectors(self, data: list[JsonObject]) -> list[JsonObject]:
        """Leave the last vectors out."""
        return data[: max(0, len(data) - self.count)]


class DuplicateVectors(Step):
    """Embeddings of which the last has the ``index`` of the first."""

    def vectors(self, data: list[JsonObject]) -> list[JsonObject]:
        """Repeat the first index."""
        return [*data[:-1], {**data[-1], "index": 0}] if len(data) > 1 else [*data, *data]


@dataclass(frozen=True, init=False)
class RefuseFields(Step):
    """Refuses a request that has one of the fields, as a server does that does not know them.

    Args:
        *names: The fields.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)

    def check(self, call: Call) -> None:
        """Refuse the first of the fields that is there."""
        for name in self.names:
            if name in call.body:
                raise invalid(name, f"Unrecognized request argument supplied: {name}")


@dataclass(frozen=True)
class TooLong(Step):
    """Refuses a batch of embeddings that is too large, with 413.

    Args:
        limit_texts: Most texts in a request.
        limit_bytes: Most UTF-8 bytes of all its texts.
    """

    limit_texts: int | None = None
    limit_bytes: int | None = None

    def check(self, call: Call) -> None:
        """Measure the request's ``input``."""
        value = call.body.get("input")
        if value is None:
            return
        texts = value if is_list(value) else [value]
        size = sum(len(text.encode()) for text in texts if isinstance(text, str))
        limits = ((self.limit_texts, len(texts), "texts"), (self.limit_bytes, size, "bytes"))
        for limit, actual, unit in limits:
            if limit is not None and actual > limit:
                message = f"Request too large: {actual} {unit}, the limit is {limit}"
                raise ApiError(413, message, "request_too_large")


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with names in lower case."""
    return {name.lower(): value for name, value in headers.items()}
