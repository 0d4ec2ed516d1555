"""Server-sent events as the WHATWG standard defines them: bytes in, events out.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, cast

__all__ = ["MAX_EVENT_BYTES", "Event", "SSEDecoder", "SSETooLargeError"]

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""An event (and so a line) longer than this is not a chat chunk but an attack or a fault."""

_BOM = b"\xef\xbb\xbf"
_FIELD = len("data: ")
_ERROR = re.compile(rb'error: ?(?=\{)|(?=\{\s*"error"\s*:)')


class SSETooLargeError(ValueError):
    """A line or event is longer than the decoder's bound."""


class Event(NamedTuple):
    """One event: its name (``"message"`` when the server gives none) and its data."""

    event: str
    data: str


# Makes an event without the Python that a NamedTuple has for it: nearly all go this way.
_new = cast("Callable[[type[Event], tuple[str, str]], Event]", tuple.__new__)  # pyright: ignore[reportUnknownMemberType]


class SSEDecoder:
    r"""Incremental decoder; feed it bytes split anywhere.

    An error that comes as no event, in a field ``error`` (llama.cpp before 2025) or as a line of
    JSON (gateways whose upstream breaks off), is one of that name.

    ``id`` and ``retry`` fields are read over: they serve reconnecting, and a chat request is never
    sent a second time on its own.

    Args:
        max_bytes: Bound of one event's data, and of a line beside the ``data:`` before it.

    Examples:
        >>> decoder = SSEDecoder()
        >>> decoder.feed(b"data: Gr\xc3")
        []
        >>> decoder.feed(b"\xbc\xc3\x9fe\r\n\r\n")
        [Event(event='message', data='Grüße')]
    """

    __slots__ = ("_data", "_event", "_line", "_max", "_size", "_skip_lf", "_started")

    def __init__(self, max_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_bytes
        self._line = bytearray()  # the unfinished line
        self._data: list[bytes] = []  # the unfinished event's data lines
        self._size = 0
        self._event = ""
        self._skip_lf = False  # the last byte was CR: a following LF belongs to it
        self._started = False

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes and return the events that they complete.

        Raises:
            SSETooLargeError: If a line or an event grows past the bound.
        """
        if self._is_one_event(data):
            self._started = True
            return [_new(Event, ("message", data[6:-2].decode("utf-8", "replace")))]
        if self._skip_lf and data:
            self._skip_lf = False
            if data[:1] == b"\n":
                data = data[1:]
        if not data:
            return []
        if data[-1] not in b"\r\n" and b"\n" not in data and b"\r" not in data:
            self._line += data  # no line ends here; joining only then keeps long lines linear
            self._check(len(self._line) - _FIELD)
            return []
        if self._line:
            self._line += data
            data = bytes(self._line)
            self._line.clear()
        if not self._started:
            self._started = True
            data = data.removeprefix(_BOM)
        lines = data.splitlines()
        if data[-1:] not in {b"\r", b"\n"}:
            self._line += lines.pop()
            self._check(len(self._line) - _FIELD)
        if len(data) > self._max + _FIELD:
            self._check(max(map(len, lines)) - _FIELD)
        self._skip_lf = data[-1:] == b"\r"
        return self._dispatch(lines)

    def _is_one_event(self, data: bytes) -> bool:
        """Return whether this is what chat servers nearly always send: one whole line of data."""
        return (
            data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and data.find(b"\n") == len(data) - 2
            and b"\r" not in data
            and len(data) <= self._max
            and not (self._line or self._data or self._event or self._skip_lf)
        )

    def _dispatch(self, lines: list[bytes]) -> list[Event]:
        events: list[Event] = []
        pending = self._data
        for line in lines:
            if line.startswith(b"data:"):
                value = line[6:] if line[5:6] == b" " else line[5:]
                self._take(value)
            elif not line:
                if pending:
                    data = pending[0] if len(pending) == 1 else b"\n".join(pending)
                    events.append(Event(self._event or "message", data.decode("utf-8", "replace")))
                    pending.clear()
                    self._size = 0
                self._event = ""
            elif line == b"data":
                self._take(b"")
            elif line.startswith(b"event:"):
                self._event = line[6:].removeprefix(b" ").decode("utf-8", "replace")
            elif line == b"event":
                self._event = ""
            elif error := _ERROR.match(line):
                said = line[error.end() :].decode("utf-8", "replace")
                events.append(Event("error", said))
        return events

    def _take(self, value: bytes) -> None:
        self._size += len(value) + 1  # the line break counts, or empty lines would have no bound
        self._check(self._size)
        self._data.append(value)

    def _check(self, size: int) -> None:
        if size > self._max:
            raise SSETooLargeError(f"a server-sent event is larger than {self._max} bytes")
