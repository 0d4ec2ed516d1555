"""Server-sent events: bytes in, events out."""

import pytest

from dsgvo.wire.sse import Event, SSEDecoder, SSETooLargeError
from tests.core.support import raised

BREAKS = "a\u2028b\u0085c\x0bd\x0ce\x1cf"
HALF = "\N{REPLACEMENT CHARACTER}"
MARKED = b"\xef\xbb\xbfdata: a\n\n"  # by a byte order mark, which is text but at the beginning
# bytes → events: their data, of a named one after its name
TABLE: dict[str, tuple[bytes, list[str | tuple[str, str]]]] = {
    "line endings mixed": (b"data: a\r\n\ndata: b\r\r\ndata: c\n\r\n", ["a", "b", "c"]),
    "odd bytes": (MARKED + MARKED + b"event:\xff\ndata: a\n\n", ["a", (HALF, "a")]),
    "comments": (b": ping\n\n:\ndata: a\n: pong\n\n: end\n", ["a"]),
    "several lines, one space": (b"data: a\r\ndata:b\r\ndata\n\ndata:  c \n\n", ["a\nb\n", " c "]),
    "no value, no data": (b"event: x\nevent\ndata: a\n\nevent: x\n\ndata: b\n\n", ["a", "b"]),
    "unknown fields, no end": (b"datum: x\ndata : y\nDATA: z\ndata: a\n\ndata: b\n", ["a"]),
    "other text": (b"data: a\xffb\n\ndata: %b\n\n" % BREAKS.encode(), [f"a{HALF}b", BREAKS]),
    "errors": (b'error: {}\n{"error":1}\n{}\n', [("error", x) for x in ("{}", '{"error":1}')]),
}


def decode(*pieces: bytes) -> list[Event]:
    decoder = SSEDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


@pytest.mark.parametrize(("data", "shown"), TABLE.values(), ids=TABLE.keys())
def test_bytes_become_events_in_whatever_pieces(data: bytes, shown: list[str]) -> None:
    events = [item if isinstance(item, tuple) else ("message", item) for item in shown]
    assert decode(data) == events
    assert decode(*(data[i : i + 1] for i in range(len(data)))) == events
    for at in range(len(data) + 1):
        assert decode(data[:at], b"", data[at:]) == events


EVENT = b"id: 1\ndata: " + b"x" * 99 + b"\n\n"  # as long as an event may be: its break counts
LINE = b":" + b"x" * 105  # as long as a line of data may be
TOO_LARGE = [
    [b"data: " + b"x" * 60, b"x" * 60],
    [b"data: " + b"x" * 50 + b"\n"] * 3,
    *([b"data\n"] * 200, [b"data:\n" * 200], [b":" + b"x" * 200]),
    *([LINE, b"x"], [LINE + b"x\n"], [EVENT.replace(b"xx", b"xxx", 1)]),
]


def test_a_line_and_an_event_are_bounded() -> None:
    for feeds in TOO_LARGE:
        error = raised(SSETooLargeError, list, map(SSEDecoder(max_bytes=100).feed, feeds))
        assert "larger than 100 bytes" in str(error)
    decoder = SSEDecoder(max_bytes=100)  # the bound itself is allowed, and is of one event
    assert [len(decoder.feed(EVENT)) for _ in range(50)] == [1] * 50
    assert [*map(decoder.feed, [LINE + b"\n" + LINE, b"\n", LINE, b"\n"])] == [[]] * 4
    two = b"data: ab\ndata: cd\n\n"  # every line counts with its break
    assert SSEDecoder(max_bytes=6).feed(two) == [("message", "ab\ncd")]
    raised(SSETooLargeError, SSEDecoder(max_bytes=5).feed, two)


def test_an_event_is_given_as_soon_as_it_is_whole() -> None:
    for end in (b"\n\n", b"\r\r", b"\r\n\r\n"):
        for start in (b"", b": ping\n\n", b"dat"):
            (decoder := SSEDecoder()).feed(start)
            rest = b"data: a".removeprefix(start) + end + b"data: b"
            assert decoder.feed(rest) == [("message", "a")]
