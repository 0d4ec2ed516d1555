"""Incremental decoder of chat answers, whatever form the server chose.

A stream may answer a plain request and JSON a streamed one, so the decoder looks at what came and
not at what was asked for. One decoder serves both modes, sync and async, and both frameworks.

::

    bytes ─ Sniffer ─┬─ SSEDecoder ─ events ─┬─ ChunkReader ─ deltas ─ Accumulator ─ completion
                     └─ one JSON body ───────┘
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, cast

from pydantic_core import from_json

from dsgvo.errors import (
    APIError,
    APIResponseError,
    DsgvoError,
    IncompleteStreamError,
    StreamError,
)
from dsgvo.providers import Provider
from dsgvo.wire.body import (
    InvalidJSONError,
    describe_body,
    ends_in_half,
    parse_json,
    with_whole_pair,
)
from dsgvo.wire.chunk import FINAL, ChunkReader, ShapeError
from dsgvo.wire.completion import Accumulator, Completion, Delta
from dsgvo.wire.continuing import Seam
from dsgvo.wire.errors import error_from_body, is_error, redact
from dsgvo.wire.masking import masked
from dsgvo.wire.sse import Event, SSEDecoder, SSETooLargeError
from dsgvo.wire.thinking import ThinkSplitter, thought_unopened
from dsgvo.wire.tools import NO_NAMES

__all__ = [
    "ChatDecoder",
    "Completion",
    "Delta",
    "Sniffer",
    "says_anything",
]

_BOM = b"\xef\xbb\xbf"
_ANSWERS = frozenset({"message", "answer"})  # FastGPT's is the other
_SNIFF_BYTES = 6  # that tell a stream from other text
_SSE_LINE = re.compile(rb":|(?:data|event|id|retry)\b|error: ?\{")


class Sniffer:
    r"""Tells a stream from one body (JSON, a web page) by the first bytes.

    Examples:
        >>> sniffer = Sniffer()
        >>> sniffer.feed(b"\n\nda"), sniffer.feed(b"ta: {")
        (None, True)
        >>> sniffer.start
        b'data: {'
    """

    __slots__ = ("start",)

    def __init__(self) -> None:
        self.start = b""
        """The bytes so far, without a byte order mark and the white space before the answer."""

    def feed(self, data: bytes) -> bool | None:
        """Take the next bytes; return whether this is a stream, ``None`` until that is known."""
        start = self.start + data
        if start and _BOM.startswith(start):
            self.start = start
            return None
        # Blank lines before an answer keep the connection alive while the model thinks.
        self.start = start = start.removeprefix(_BOM).lstrip()
        if start[:1] in {b"{", b"[", b"<"}:
            return False
        return True if len(start) >= _SNIFF_BYTES else None


class ChatDecoder:
    r"""Incremental decoder of one chat answer under a success status.

    An event is bounded here; the whole answer where its bytes are read.

    Args:
        provider: Whose answer it is.
        secrets: Gives what must not show in an error's message: keys, prompts, and of the answer
            that has come so far.
        request_id: The vendor's id of the request, for errors.
        headers: Those of the answer that the user wants to see.
        thinking: ``"open"`` if the prompt's template opens a thought, so that a stream begins
            inside it. A plain answer shows by itself whether it does.
        tool_names: The user's names of tools, by those on the wire.
        before: The parts so far of an answer that was cut, of which this is the next.
        goes_on: Whether the rest of the answer is asked for if it is cut; see ``cut``.
        unshown: Whether the deltas are shown to nobody: whether a stream began inside a thought is
            then decided of the whole text, as for a plain answer.
        on_model: Is told each model that the answer names, when it first does, and what gives the
            secrets.

    Examples:
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
        secrets: Callable[[Completion], Sequence[str]] = lambda _: (),
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        thinking: Literal["open"] | None = None,
        tool_names: Mapping[str, str] = NO_NAMES,
        before: Completion | None = None,
        goes_on: bool = False,
        unshown: bool = False,
        on_model: Callable[[str, Callable[[], Sequence[str]]], None] | None = None,
    ) -> None:
        self._provider = provider
        self._secrets = secrets
        self._request_id = request_id
        self._sniffer = Sniffer()
        self._is_stream: bool | None = None  # until it is known
        self._body = bytearray()
        self._sse = SSEDecoder()
        self._ignored = ""  # events of other names, told where nothing else came
        self._held = ""  # an event whose text ends in half a character: the next may have the rest
        self._reader = ChunkReader(
            thinking=thinking, tool_names=tool_names, before=before and before.reasoning
        )
        self._accumulator = Accumulator(provider.name, request_id, headers, before)
        self._error: APIError | None = None
        self._detail: Mapping[str, Any] | None = None  # FastAPI's error, or a note of progress
        self._whole: Completion | None = None
        self._goes_on = goes_on
        self._unshown = unshown
        self._on_model = on_model
        self._before = before
        self._seam = None if before is None else Seam(before.content)
        self.cut = False
        """Whether the answer was cut, by its end or ``length``, and its rest is to be asked for."""
        self.done = False
        """Whether nothing more will come: the server said ``[DONE]``, or the answer failed."""

    def feed(self, data: bytes) -> list[Delta]:
        """Take the next bytes of the body and return the deltas they complete.

        An error waits for the next call if deltas come before it.

        Raises:
            StreamError: On an error event, or a finish reason that is an error.
            APIStatusError: On an error event before anything of the answer.
            APIResponseError: If this is not a chat answer.
        """
        if self._error is not None:
            raise self._error
        if self.done:
            return []
        if not self._is_stream:
            data = self._sniff(data)
            if not self._is_stream:
                return []
        try:
            events = self._sse.feed(data)
        except SSETooLargeError as error:
            raise self._incomplete(str(error)) from None
        return self._deltas(events)

    def close(self) -> list[Delta]:
        """Take the end of the body and return the last deltas; the very last has the whole answer.

        There is none of that if the answer was ``cut`` and goes on.

        Raises:
            IncompleteStreamError: If the stream ended without a finish reason, or nothing came of
                the rest of an answer.
            APIStatusError: If the body is an error under a success status.
            APIResponseError: If the body is not a chat answer.
        """
        if self._error is not None:
            raise self._error
        if not self._is_stream:
            return self._plain(self._body or self._sniffer.start)
        if not _SSE_LINE.match(self._sniffer.start):
            raise self._unexpected(describe_body(self._sniffer.start))
        deltas, how = self._last_event()
        if not self._reader.ended:
            if self._detail is not None:
                raise self._vendor_error(self._detail)
            if not self.done:
                return [*deltas, *self._ended(how)]
            if not self._reader.chunks:
                what = f"a stream without choices{self._ignored}"
                raise self._unexpected(what) if self._seam is None else self._incomplete(what)
        return [*deltas, *self._flush()]

    def fail(self, error: DsgvoError) -> list[Delta]:
        """Take that the connection broke: the last deltas of an answer that was whole or goes on.

        Raises:
            DsgvoError: If it was not, and does not.
        """
        if self._error is not None:
            raise self._error
        if not self._is_stream:
            raise error
        if self._reader.ended or self._detail is not None:
            return self.close()
        return self._ended(f"the connection broke inside the stream ({error.message})")

    def completion(self) -> Completion:
        """Return what has arrived so far; after :meth:`close`, the whole answer."""
        return self._whole or self._accumulator.completion(self._reader.tool_calls)

    @property
    def thought_unopened(self) -> bool:
        """Whether the answer began inside a thought that the prompt's template had opened.

        Known after :meth:`close`. The deltas of a stream have shown the thought as text by then:
        pass ``thinking="open"`` to the decoder of that model's next answer.
        """
        return self._reader.thought_unopened

    @property
    def has_thoughts(self) -> bool:
        """Whether a thought has come, be it an empty one."""
        return self._reader.has_thoughts

    def _sniff(self, data: bytes) -> bytes:
        """Keep bytes until they are known to be a stream; then return all that came."""
        if self._is_stream is None:
            self._is_stream = self._sniffer.feed(data)
            data = self._sniffer.start
        if self._is_stream is False:
            self._body += data
        return data

    def _deltas(self, events: list[Event]) -> list[Delta]:
        deltas: list[Delta] = []
        try:
            for name, data in events:
                if self._held:
                    held, data = with_whole_pair(self._held, data)  # noqa: PLW2901
                    self._held = ""
                    if (delta := self._delta(held, may_hold=False)) is not None:
                        deltas.append(delta)
                if name in _ANSWERS:
                    if data == "[DONE]":
                        self.done = True
                        break
                    if (delta := self._delta(data)) is not None:
                        deltas.append(delta)
                    elif self.done:
                        break
                elif name == "error":
                    raise self._vendor_error(data)
                else:
                    self._ignored = f", and events that no chat stream has ({name[:40]!r})"
        except APIError as error:
            self._error, self.done = error, True
            if not deltas:
                raise
        return deltas

    def _last_event(self) -> tuple[list[Delta], str]:
        """Read an event that lacks but its blank line, and return how the stream ended."""
        events: list[Event] = []
        if not self.done:
            with suppress(SSETooLargeError):
                events = self._sse.feed(b"\n\n")
        if not all(_is_whole(data) for _, data in events):
            return [], "the stream ended inside an event"
        deltas = self._deltas(events)
        if self._held:
            deltas += self._deltas([Event("message", "")])
        if self._reader.finish_reason is not None:
            return deltas, "the stream went on after its finish reason, and ended without [DONE]"
        ignored = "" if self._reader.chunks else self._ignored
        return deltas, f"the stream ended without a finish reason{ignored}"

    def _delta(self, data: str, *, may_hold: bool = True) -> Delta | None:
        try:
            chunk: Any = from_json(data)
        except ValueError:
            said = data.strip()
            self.done = said.upper() == "[DONE]"
            if not said or self.done:
                return None
            if may_hold and ends_in_half(data):
                self._held = data
                return None
            try:
                chunk = parse_json(data)
            except InvalidJSONError as error:
                return self._unread(f"not JSON: {error.what}")
        if chunk.__class__ is not dict:  # keeps the type checker's Any without a call of cast
            return self._unread("not a JSON object")
        if chunk.get("choices"):
            self._detail = None
        elif is_error(chunk):
            if chunk.keys() == {"detail"}:  # the end tells
                self._detail = chunk
                return None
            raise self._vendor_error(chunk)
        return self._read(chunk, "delta")

    def _unread(self, what: str) -> None:
        """Refuse an event that cannot be read, but behind the finish reason of a whole answer."""
        if not self._reader.ended:
            raise self._incomplete(f"an event of the stream is {what}") from None

    def _plain(self, body: bytes | bytearray) -> list[Delta]:
        try:
            answer = parse_json(body)
        except InvalidJSONError as error:
            raise self._unexpected(error.what) from None
        if isinstance(answer, list) and answer:  # Google wraps errors so
            answer = cast("list[Any]", answer)[0]
            if not isinstance(answer, dict) or not is_error(cast("dict[str, Any]", answer)):
                raise self._unexpected("JSON that is not an object")
        if not isinstance(answer, dict):
            raise self._unexpected("JSON that is not an object")
        answer = cast("dict[str, Any]", answer)
        if not answer.get("choices"):
            if is_error(answer):
                raise self._vendor_error(answer)
            raise self._unexpected("an answer without choices")
        delta = self._read(answer, "message")
        # Azure's has none where its filter has taken it.
        if not self._reader.saw_message and self._reader.finish_reason != "content_filter":
            raise self._unexpected("a choice without a message")
        return ([delta] if delta is not None else []) + self._flush()

    def _read(self, chunk: Mapping[str, Any], part: Literal["delta", "message"]) -> Delta | None:
        try:
            delta = self._reader.read(chunk, part)
        except ShapeError as error:
            raise self._incomplete(str(error)) from None
        if self._seam is not None:
            if delta.refusal:
                raise self._incomplete("the model declines to go on with the answer")
            delta.content = self._seam.feed(delta.content)
        model = self._accumulator.add(delta, chunk)
        if model is not None and self._on_model is not None:
            self._on_model(model, self.private)
        if self._seam is not None or (delta.finish_reason == "length" and self._can_go_on()):
            delta.finish_reason = None  # of the rest, the last delta says how the whole ended
        failure = self._reader.failure
        if failure is not None:
            if isinstance(failure, str):
                reason = redact(failure, self.private())
                raise self._broken_off(f"{self._provider.title}: finish_reason={reason!r}")
            raise self._vendor_error(failure)
        return delta if delta.content or delta != _EMPTY else None

    def _can_go_on(self) -> bool:
        """Return whether the rest can be asked for: there is text, and no tool call is begun."""
        return self._goes_on and not self._reader.tool_calls and bool(self.completion().content)

    def _ended(self, how: str) -> list[Delta]:
        """Take an end that is none."""
        if not self._can_go_on():
            raise self._incomplete(how)
        self.cut = True
        return self._flush()

    def _flush(self) -> list[Delta]:
        self.cut = self.cut or (self._reader.finish_reason == "length" and self._can_go_on())
        last = self._reader.flush(cut=self.cut)
        if self._seam is not None:
            last.content = self._seam.feed(last.content, last=not self.cut)
        if self._reader.thought_was_answer:
            self._accumulator.drop_reasoning()
        self._accumulator.add(last, {})
        deltas: list[Delta] = []
        if last.tool_calls:
            deltas.append(Delta(tool_calls=last.tool_calls))
            last.tool_calls = ()
        completion = self._whole = self.completion()
        reason = completion.finish_reason
        if reason in {"tool_calls", "function_call", "tool_use"} and not says_anything(completion):
            raise self._incomplete(f"finish_reason={reason!r}, and no call of a tool has come")
        last.completion = None if self.cut else completion
        if self._before is not None and not self.cut:
            last.finish_reason = completion.finish_reason = self._end(self._before, completion)
        if self._is_stream and not completion.reasoning:
            self._reader.thought_unopened = opened = thought_unopened(completion.content)
            if opened and self._unshown:
                splitter = ThinkSplitter(opened=True)
                splits = splitter.feed(completion.content), splitter.flush(cut=False)
                completion.reasoning = "".join(split.reasoning for split in splits)
                completion.content = "".join(split.content for split in splits)
        return deltas if self.cut and last == _EMPTY else [*deltas, last]

    def _end(self, before: Completion, whole: Completion) -> str | None:
        """Return why an answer ended, of which the last part has come.

        Raises:
            IncompleteStreamError: If that is nothing, and no vendor said why it was cut before.
        """
        new = whole.content.rstrip() != before.content.rstrip() or whole.tool_calls
        if new or whole.finish_reason in FINAL:
            return whole.finish_reason
        if before.finish_reason == "length":
            return before.finish_reason
        if self._seam is None or not self._seam.repeats:  # else there was no more to say
            raise self._incomplete("nothing came of the rest of the answer")
        return whole.finish_reason

    def _vendor_error(self, body: str | Mapping[str, Any]) -> APIError:
        """Return the error of the vendor's words: of its own class if nothing had come before."""
        cause = error_from_body(
            self._provider,
            200,
            body,
            request_id=self._request_id,
            secrets=self.private(),
        )
        if self._accumulator.empty and not self._reader.tool_calls:
            return cause
        error = self._broken_off(cause.message, cause.code)
        error.__cause__ = cause
        return error

    def _broken_off(self, why: str, code: str | None = None) -> StreamError:
        return StreamError(
            f"the vendor broke the answer off: {why}",
            partial=self._partial(),
            code=code,
            **self._details(),
        )

    def _partial(self) -> Completion:
        """Return what has come of an answer that has no end."""
        self._reader.flush(cut=True)  # so that half a call shows as one
        return self.completion()

    def private(self) -> Sequence[str]:
        """Return what no message may show: keys, the prompt, and the answer so far."""
        return self._secrets(self.completion())

    def _incomplete(self, what: str) -> IncompleteStreamError:
        return IncompleteStreamError(
            f"{self._provider.title}: {redact(what, self.private())}",
            partial=self._partial(),
            **self._details(),
        )

    def _unexpected(self, what: str) -> APIResponseError:
        return APIResponseError(
            f"{self._provider.title}: expected a chat completion, got "
            f"{redact(what, self.private())}",
            **self._details(),
        )

    def _details(self) -> dict[str, Any]:
        return {
            "provider": self._provider.name,
            "status_code": 200,
            "request_id": self._request_id and masked(self._request_id, self.private()),
        }


_EMPTY = Delta()


def _is_whole(data: str) -> bool:
    """Return whether the data of an event is all that was meant to come: half an object is none."""
    if data.strip().upper() == "[DONE]":
        return True
    try:
        return isinstance(from_json(data), dict)
    except ValueError:
        return False


def says_anything(answer: Completion) -> bool:
    """Return whether an answer is more than thoughts."""
    return bool(answer.tool_calls or answer.content or answer.refusal)
