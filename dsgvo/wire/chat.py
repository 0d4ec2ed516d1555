"""Chat answers: bytes in, deltas out, whatever form the server chose.

A stream may answer a plain request and JSON a streamed one, so the decoder looks at what came and
not at what was asked for. One decoder serves both modes, sync and async, and both frameworks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pydantic_core import from_json

from dsgvo.errors import APIResponseError, DsgvoError, IncompleteStreamError, StreamError
from dsgvo.providers import Provider
from dsgvo.wire.body import describe_body
from dsgvo.wire.errors import error_from_body, is_error
from dsgvo.wire.sse import Event, SSEDecoder, SSETooLargeError
from dsgvo.wire.thinking import Split, ThinkSplitter
from dsgvo.wire.tools import ToolCall, ToolCallAssembler, ToolCallDelta

__all__ = ["MAX_BODY_BYTES", "ChatDecoder", "Completion", "Delta"]

MAX_BODY_BYTES = 64 * 1024 * 1024
"""A plain chat answer longer than this is refused."""

_CHUNK_KEYS = frozenset({"id", "object", "created", "model", "choices", "usage"}) | {
    "system_fingerprint",
    "service_tier",
}
_MESSAGE_KEYS = frozenset(
    {"role", "content", "tool_calls", "reasoning_content", "reasoning", "refusal"}
)
_BOM = b"\xef\xbb\xbf"
_TELLING = 6  # bytes that tell a stream from other text
_SSE_LINE = re.compile(rb":|(?:data|event|id|retry)\b")


@dataclass(slots=True)
class Delta:
    """A piece of an answer.

    Args:
        content: Text of the answer.
        reasoning: Text of the model's thoughts, kept apart from the answer.
        tool_calls: Pieces of tool calls.
        finish_reason: ``stop``, ``length``, ``tool_calls`` or ``content_filter``, in the last
            piece but for the usage.
        usage: The vendor's usage object as it came.
        refusal: Text with which the model declines, where a vendor sends it apart.
        extra: Fields that OpenAI's API does not know, such as ``citations``.
        completion: The whole answer, in the last delta of a stream, after all else has come.
    """

    content: str = ""
    reasoning: str = ""
    tool_calls: Sequence[ToolCallDelta] = ()
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    refusal: str = ""
    extra: dict[str, Any] | None = None
    completion: Completion | None = None


@dataclass(slots=True)
class Completion:
    """A whole answer, or what had arrived of one. Fields as in :class:`Delta`.

    Args:
        provider: Name of the provider that answered.
        id: The vendor's id of the answer.
        model: The model that the vendor says has answered.
        created: Unix time in seconds, where the vendor sends it.
        request_id: The vendor's id of the request, from the answer's headers.
    """

    provider: str
    content: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list[ToolCall])
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    refusal: str = ""
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    id: str | None = None
    model: str | None = None
    created: int | None = None
    system_fingerprint: str | None = None
    request_id: str | None = None


class ChatDecoder:
    r"""Incremental decoder of one chat answer under a success status.

    Args:
        provider: Whose answer it is.
        secrets: Gives the keys and prompts that must not show in an error's message.
        request_id: The vendor's id of the request, for errors.

    Example:
        >>> from dsgvo import PROVIDERS
        >>> decoder = ChatDecoder(PROVIDERS["sovrgpt"])
        >>> chunk = b'{"choices":[{"delta":{"content":"Hallo"},"finish_reason":"stop"}]}'
        >>> [delta.content for delta in decoder.feed(b"data: " + chunk + b"\n\n")]
        ['Hallo']
        >>> decoder.close()[-1].completion.finish_reason
        'stop'
    """

    def __init__(
        self,
        provider: Provider,
        *,
        secrets: Callable[[], Sequence[str]] = tuple,
        request_id: str | None = None,
    ) -> None:
        self._provider = provider
        self._secrets = secrets
        self._request_id = request_id
        self._sse = SSEDecoder()
        self._body: bytearray | None = bytearray()  # until it is known to be a stream
        self._start = b""
        self._splitter = ThinkSplitter() if provider.think_tags else None
        self._tools = ToolCallAssembler()
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._whole = Completion(provider.name, request_id=request_id)
        self._answered = False
        self.done = False
        """Whether the server said ``[DONE]``: nothing more will come."""

    def feed(self, data: bytes) -> list[Delta]:
        """Take the next bytes of the body and return the deltas they complete.

        Raises:
            StreamError: On an error event.
            APIResponseError: If this is no chat answer.
        """
        if self._body is not None:
            # Blank lines before an answer keep the connection alive while the model thinks.
            self._body += data if self._body.removeprefix(_BOM) else data.lstrip()
            start = bytes(self._body[:64]).removeprefix(_BOM).lstrip()
            if start[:1] in b"{[<" or len(start) < _TELLING:  # JSON, a web page, or nothing yet
                if len(self._body) > MAX_BODY_BYTES:
                    raise self._unexpected(f"an answer of more than {MAX_BODY_BYTES} bytes")
                return []
            data, self._body = bytes(self._body), None
            self._start = start
        try:
            events = self._sse.feed(data)
        except SSETooLargeError as error:
            raise self._broken(str(error)) from None
        return self._events(events)

    def close(self) -> list[Delta]:
        """Take the end of the body and return the last deltas; the very last has the whole answer.

        Raises:
            IncompleteStreamError: If the stream ended without a finish reason or inside an event.
            APIStatusError: If the body is an error under a success status.
            APIResponseError: If the body is no chat answer.
        """
        if self._body is not None:
            return self._plain(bytes(self._body).removeprefix(_BOM))
        if not _SSE_LINE.match(self._start):
            raise self._unexpected(describe_body(self._start))
        pending = self._sse.pending.strip().removeprefix(b"data:").strip()
        if pending not in {b"", b"[DONE]"} and not self.done:
            raise self._broken("the stream ended inside an event")
        if self._whole.finish_reason is None:
            raise self._broken("the stream ended without a finish reason")
        return self._flush()

    def fail(self, error: DsgvoError) -> DsgvoError:
        """Return the error for a connection that broke while the answer was being read."""
        if self._body is not None:
            return error
        return self._broken(f"the connection broke inside the stream ({error.message})")

    def completion(self) -> Completion:
        """Return what has arrived so far; after :meth:`close`, the whole answer."""
        whole = self._whole
        whole.content = "".join(self._content)
        whole.reasoning = "".join(self._reasoning).strip()
        whole.refusal = "".join(self._refusal)
        whole.tool_calls = self._tools.calls
        return whole

    def _events(self, events: list[Event]) -> list[Delta]:
        deltas: list[Delta] = []
        for name, data in events:
            if self.done:
                break
            if data == "[DONE]":
                self.done = True
                break
            try:
                chunk = from_json(data)
            except ValueError:
                if name == "error":
                    raise self._stream_error(data) from None
                raise self._broken("an event of the stream is not JSON") from None
            if not isinstance(chunk, dict):
                raise self._broken("an event of the stream is not a JSON object")
            chunk = cast("dict[str, Any]", chunk)
            if name == "error" or is_error(chunk):
                raise self._stream_error(chunk)
            if (delta := self._read(chunk, "delta")) is not None:
                deltas.append(delta)
        return deltas

    def _plain(self, body: bytes) -> list[Delta]:
        try:
            answer = from_json(body)
        except ValueError:
            raise self._unexpected(describe_body(body)) from None
        if not isinstance(answer, dict):
            raise self._unexpected("JSON that is not an object")
        answer = cast("dict[str, Any]", answer)
        if is_error(answer):
            raise error_from_body(
                self._provider,
                200,
                body,
                request_id=self._request_id,
                secrets=self._secrets(),
            )
        if not answer.get("choices"):
            raise self._unexpected("an answer without choices")
        delta = self._read(answer, "message")
        if not self._answered:
            raise self._unexpected("a choice without a message")
        return ([delta] if delta is not None else []) + self._flush()

    def _read(self, chunk: Mapping[str, Any], part: str) -> Delta | None:
        try:
            return self._chunk(chunk, part)
        except (AttributeError, KeyError, TypeError) as error:
            shape = f"a part of the answer is not of the documented shape ({error})"
            raise self._broken(shape) from None

    def _chunk(self, chunk: Mapping[str, Any], part: str) -> Delta | None:
        """Take one chunk, or a whole answer; ``part`` names the field with its text."""
        whole = self._whole
        delta = Delta()
        extra: dict[str, Any] = {}
        if not chunk.keys() <= _CHUNK_KEYS:
            extra.update({key: chunk[key] for key in chunk.keys() - _CHUNK_KEYS})
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            delta.usage = whole.usage = cast("dict[str, Any]", usage)
        choices = chunk.get("choices") or ()
        if len(choices) > 1 or (choices and choices[0].get("index")):
            raise self._broken("the vendor sent more than one choice, which was not asked for")
        if choices:
            choice: dict[str, Any] = choices[0]
            # A whole message inside a stream, or a delta in a plain answer, is read too.
            message = choice.get(part) or choice.get("message") or choice.get("delta")
            if message:
                self._message(message, delta, extra)
            if choice.get("finish_reason"):
                delta.finish_reason = whole.finish_reason = str(choice["finish_reason"])
        if extra:
            extra = {key: value for key, value in extra.items() if value is not None}
            delta.extra = extra or None
            whole.extra.update(extra)
        # Every chunk repeats the head; looking for it in those without text finds what comes late.
        if not delta.content or whole.id is None or whole.model is None:
            self._head(chunk)
        return delta if delta.content or delta != _EMPTY else None

    def _head(self, chunk: Mapping[str, Any]) -> None:
        """Take what is known of the answer as a whole."""
        whole = self._whole
        whole.id = whole.id or _text(chunk.get("id")) or None
        whole.model = whole.model or _text(chunk.get("model")) or None
        created = chunk.get("created")
        if whole.created is None and isinstance(created, int | float) and math.isfinite(created):
            whole.created = int(created)
        if whole.system_fingerprint is None:
            whole.system_fingerprint = _text(chunk.get("system_fingerprint")) or None

    def _message(self, message: dict[str, Any], delta: Delta, extra: dict[str, Any]) -> None:
        self._answered = True
        content = message.get("content")
        if content:
            if isinstance(content, str):
                text = content
            else:
                text, others = _joined(content)
                if others:
                    extra["content_parts"] = others
            if self._splitter is not None:
                self._add_split(self._splitter.feed(text), delta)
                if self._splitter.done:
                    self._splitter = None
            else:
                delta.content = text
                self._content.append(text)
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        if reasoning and isinstance(reasoning, str):
            delta.reasoning += reasoning
            self._reasoning.append(reasoning)
        if message.get("refusal"):
            delta.refusal = _text(message["refusal"])
            self._refusal.append(delta.refusal)
        if message.get("tool_calls"):
            delta.tool_calls = self._tools.add(message["tool_calls"])
        if not message.keys() <= _MESSAGE_KEYS:
            extra.update({key: message[key] for key in message.keys() - _MESSAGE_KEYS})

    def _add_split(self, split: Split, delta: Delta) -> None:
        if split.content:
            delta.content = split.content
            self._content.append(split.content)
        if split.reasoning:
            delta.reasoning = split.reasoning
            self._reasoning.append(split.reasoning)

    def _flush(self) -> list[Delta]:
        delta = Delta()
        if self._splitter is not None:
            self._add_split(self._splitter.flush(), delta)
        delta.completion = self.completion()
        return [delta]

    def _stream_error(self, body: str | Mapping[str, Any]) -> StreamError:
        # The status is the stream's own, 200; what the event names as code is kept.
        cause = error_from_body(self._provider, 200, body, secrets=self._secrets())
        return self._as_error(
            StreamError, f"the vendor broke the stream off: {cause.message}", code=cause.code
        )

    def _broken(self, what: str) -> IncompleteStreamError:
        return self._as_error(IncompleteStreamError, f"{self._provider.title}: {what}")

    _Broken = TypeVar("_Broken", bound=IncompleteStreamError)

    def _as_error(self, kind: type[_Broken], message: str, code: str | None = None) -> _Broken:
        return kind(
            message,
            partial=self.completion(),
            provider=self._provider.name,
            request_id=self._request_id,
            status_code=200,
            code=code,
        )

    def _unexpected(self, what: str) -> APIResponseError:
        return APIResponseError(
            f"{self._provider.title}: expected a chat completion, got {what}",
            provider=self._provider.name,
            status_code=200,
            request_id=self._request_id,
        )


_EMPTY = Delta()


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _joined(
    content: list[str | dict[str, Any]] | dict[str, Any],
) -> tuple[str, list[dict[str, Any]]]:
    """Return the text of content that came as a part or a list of them, and those without text."""
    parts = [content] if isinstance(content, dict) else content
    texts = [part if isinstance(part, str) else _text(part.get("text")) for part in parts]
    others = [part for part in parts if not isinstance(part, str) and "text" not in part]
    return "".join(texts), others
