"""Server-sent events: bytes in, events out."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsgvo.wire.sse import Event, SSEDecoder, SSETooLargeError

BREAKS = "a\u2028b\u0085c\x0bd\x0ce\x1cf"
HALF = "\N{REPLACEMENT CHARACTER}"
BOM = b"\xef\xbb\xbf"

# bytes → events: their data, of a named one after its name
TABLE: dict[str, tuple[bytes, list[str | tuple[str, str]]]] = {
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
    "CR": (b"data: a\r\rdata: b\r\r", ["a", "b"]),
    "line endings mixed": (b"data: a\r\n\ndata: b\r\r\ndata: c\n\r\n", ["a", "b", "c"]),
    "byte order mark": (BOM + b"data: a\n\n", ["a"]),
    "a second byte order mark is text": (BOM * 2 + b"data: a\n\ndata: b\n\n", ["b"]),
    "a later byte order mark is text": (b"data: a\n\n" + BOM + b"data: b\n\n", ["a"]),
    "comments": (b": ping\n\n:\ndata: a\n: pong\n\n: end\n", ["a"]),
    "several data lines": (b"data: a\ndata:b\ndata\n\n", ["a\nb\n"]),
    "one space is dropped": (b"data:  a \n\n", [" a "]),
    "named event": (b"event: error\ndata: a\n\ndata: b\n\n", [("error", "a"), "b"]),
    "a name that is not UTF-8": (b"event: \xff\ndata: a\n\n", [(HALF, "a")]),
    "data in a comment": (b":data: a\n\n", []),
    "the last name counts": (b"event: x\ndata: a\nevent: y\n\n", [("y", "a")]),
    "a name without a value is the default": (b"event: x\nevent\ndata: a\n\n", ["a"]),
    "a name without data is not an event": (b"event: x\n\ndata: a\n\n", ["a"]),
    "unknown fields": (b"datum: x\ndata : y\nDATA: z\ndata: a\n\n", ["a"]),
    "empty data": (b"data\n\ndata:\n\n", ["", ""]),
    "blank lines": (b"\n\n\r\r\ndata: a\n\n\n\n", ["a"]),
    "an unfinished event is not dispatched": (b"data: a\n\ndata: b\n", ["a"]),
    "other breaks are text": (f"data: {BREAKS}\n\n".encode(), [BREAKS]),
    "broken UTF-8": (b"data: a\xffb\n\n", [f"a{HALF}b"]),
    "colons in the value": (b"data: a: b:c\n\n", ["a: b:c"]),
    "nothing": (b"", []),
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


# Events written in every way the standard allows, and cut in every way a network can.
lines = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8)
names = lines.filter(lambda text: text not in {"", "message"})
endings = st.sampled_from(["\n", "\r", "\r\n"])


@st.composite
def written(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, str]]]:
    text, events = draw(st.sampled_from(["", "\ufeff"])), []
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.none() | names)
        data = draw(st.lists(lines, min_size=1, max_size=3))
        block = [f"data: {line}" for line in data]
        for line in (f":{draw(lines)}", *([] if name is None else [f"event: {name}"])):
            block.insert(draw(st.integers(0, len(block))), line)
        text += "".join(line + draw(endings) for line in block)
        # A lone LF here would belong to a CR just before it, and end no line.
        text += "\r\n" if text.endswith("\r") else draw(endings)
        events.append((name or "message", "\n".join(data)))
    return text.encode(), events


@given(written(), st.lists(st.integers(0, 10_000), max_size=12))
def test_however_written_and_cut_the_events_are_the_same(
    stream: tuple[bytes, list[tuple[str, str]]], places: list[int]
) -> None:
    data, events = stream
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    assert decode(*(data[a:b] for a, b in itertools.pairwise(edges))) == events


EVENT = b"id: 1\ndata: " + b"x" * 99 + b"\n\n"  # as long as an event may be: its break counts
LINE = b":" + b"x" * 105  # as long as a line of data may be


@pytest.mark.parametrize(
    "feeds",
    [
        [b"data: " + b"x" * 60, b"x" * 60],
        [b"data: " + b"x" * 50 + b"\n"] * 3,
        *([b"data\n"] * 200, [b"data:\n" * 200], [b":" + b"x" * 200]),
        *([LINE, b"x"], [LINE + b"x\n"], [EVENT.replace(b"xx", b"xxx", 1)]),
    ],
)
def test_a_line_and_an_event_are_bounded(feeds: list[bytes]) -> None:
    decoder = SSEDecoder(max_bytes=100)
    with pytest.raises(SSETooLargeError, match="larger than 100 bytes"):
        list(map(decoder.feed, feeds))


def test_the_bound_itself_is_allowed_and_is_of_one_event() -> None:
    decoder = SSEDecoder(max_bytes=100)
    assert [len(decoder.feed(EVENT)) for _ in range(50)] == [1] * 50
    assert decoder.feed(LINE + b"\n" + LINE) == []
    assert SSEDecoder(max_bytes=6).feed(b"data: ab\ndata: cd\n\n") == [("message", "ab\ncd")]
    with pytest.raises(SSETooLargeError):  # every line counts with its break
        SSEDecoder(max_bytes=5).feed(b"data: ab\ndata: cd\n\n")


@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\r\n\r\n"])
@pytest.mark.parametrize("start", [b"", b": ping\n\n", b"dat"])
def test_an_event_is_given_as_soon_as_it_is_whole(start: bytes, end: bytes) -> None:
    decoder = SSEDecoder()
    decoder.feed(start)
    assert decoder.feed(b"data: a".removeprefix(start) + end + b"data: b") == [("message", "a")]


def test_a_long_line_in_many_pieces_is_copied_once() -> None:
    # Joining on every piece would copy 16 MiB a thousand times, half a terabyte an hour.
    decoder, copied = SSEDecoder(), 0

    class Counted(bytearray):
        def __iadd__(self, other: object) -> Counted:  # pyright: ignore
            nonlocal copied
            copied += len(other)  # pyright: ignore
            return super().__iadd__(other)  # pyright: ignore

    decoder._line = Counted()
    assert [decoder.feed(b"x" * 4096) for _ in range(3000)] == [[]] * 3000
    decoder.feed(b"\n")
    assert (copied, decoder.pending) == (3000 * 4096 + 1, b"")


def test_what_is_pending_is_told() -> None:
    decoder = SSEDecoder()
    for piece, pending in ((b"data: a\ndata: b", b"a\ndata: b"), (b"c\n\n", b"")):
        decoder.feed(piece)
        assert decoder.pending == pending
