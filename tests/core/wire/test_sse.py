"""Server-sent events: bytes in, events out."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsgvo.wire.sse import Event, SSEDecoder, SSETooLargeError

GROSS = "Grüße, 漢字 und 🦊"

TABLE: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
    "one event": (b"data: a\n\n", [("message", "a")]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [("message", "a"), ("message", "b")]),
    "CR": (b"data: a\r\rdata: b\r\r", [("message", "a"), ("message", "b")]),
    "line endings mixed": (
        b"data: a\r\n\ndata: b\r\r\ndata: c\n\r\n",
        [("message", "a"), ("message", "b"), ("message", "c")],
    ),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [("message", "a")]),
    "a second byte order mark is text": (
        b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n",
        [("message", "b")],
    ),
    "comments": (b": ping\n\n:\ndata: a\n: pong\n\n: end\n", [("message", "a")]),
    "several data lines": (b"data: a\ndata:b\ndata\n\n", [("message", "a\nb\n")]),
    "one space is dropped": (b"data:  a \n\n", [("message", " a ")]),
    "no space": (b"data:a\n\n", [("message", "a")]),
    "named event": (b"event: error\ndata: a\n\ndata: b\n\n", [("error", "a"), ("message", "b")]),
    "a named event alone": (b"event: error\ndata: a\n\n", [("error", "a")]),
    "a name without a space": (b"event:x\ndata: a\n\n", [("x", "a")]),
    "a name that is no UTF-8": (b"event: \xff\ndata: a\n\n", [("\N{REPLACEMENT CHARACTER}", "a")]),
    "two data lines": (b"data: a\ndata: b\n\n", [("message", "a\nb")]),
    "data in a comment": (b":data: a\n\n", []),
    "a byte order mark after the first event is text": (
        b"data: a\n\n\xef\xbb\xbfdata: b\n\n",
        [("message", "a")],
    ),
    "the last name counts": (b"event: x\ndata: a\nevent: y\n\n", [("y", "a")]),
    "a name without a value is the default": (b"event: x\nevent\ndata: a\n\n", [("message", "a")]),
    "a name without data is no event": (b"event: x\n\ndata: a\n\n", [("message", "a")]),
    "id and retry are read over": (b"id: 1\nretry: 5\ndata: a\n\n", [("message", "a")]),
    "unknown fields": (b"datum: x\ndata : y\nDATA: z\ndata: a\n\n", [("message", "a")]),
    "empty data": (b"data\n\ndata:\n\n", [("message", ""), ("message", "")]),
    "blank lines": (b"\n\n\r\r\ndata: a\n\n\n\n", [("message", "a")]),
    "an unfinished event is not dispatched": (b"data: a\n\ndata: b\n", [("message", "a")]),
    "other breaks are text": (
        "data: a\u2028b\u0085c\x0bd\x0ce\x1cf\n\n".encode(),
        [("message", "a\u2028b\u0085c\x0bd\x0ce\x1cf")],
    ),
    "UTF-8": (f"data: {GROSS}\n\n".encode(), [("message", GROSS)]),
    "broken UTF-8": (b"data: a\xffb\n\n", [("message", "a\N{REPLACEMENT CHARACTER}b")]),
    "NUL": (b"data: a\x00b\n\n", [("message", "a\x00b")]),
    "colons in the value": (b"data: a: b:c\n\n", [("message", "a: b:c")]),
    "nothing": (b"", []),
}


def decode(*pieces: bytes) -> list[Event]:
    decoder = SSEDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


@pytest.mark.parametrize(("data", "events"), TABLE.values(), ids=TABLE.keys())
def test_bytes_become_events(data: bytes, events: list[tuple[str, str]]) -> None:
    assert decode(data) == events


@pytest.mark.parametrize(("data", "events"), TABLE.values(), ids=TABLE.keys())
def test_byte_by_byte_and_at_every_place(data: bytes, events: list[tuple[str, str]]) -> None:
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
        block = [f"data:{draw(st.sampled_from([' ']))}{line}" for line in data]
        if name is not None:
            block.insert(draw(st.integers(0, len(block))), f"event: {name}")
        block.insert(draw(st.integers(0, len(block))), f":{draw(lines)}")
        text += "".join(line + draw(endings) for line in block)
        # A lone LF here would belong to a CR just before it, and end no line.
        text += "\r\n" if text.endswith("\r") else draw(endings)
        events.append((name or "message", "\n".join(data)))
    return text.encode(), events


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(written(), st.lists(st.integers(0, 10_000), max_size=12))
def test_however_written_and_cut_the_events_are_the_same(
    stream: tuple[bytes, list[tuple[str, str]]], places: list[int]
) -> None:
    data, events = stream
    assert decode(*cut(data, places)) == events


@given(st.binary(max_size=200), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_bytes_at_all_give_the_same_whole_and_cut(data: bytes, places: list[int]) -> None:
    assert decode(*cut(data, places)) == decode(data)


@pytest.mark.parametrize(
    "feeds",
    [
        [b"data: " + b"x" * 200 + b"\n"],
        [b"data: " + b"x" * 60, b"x" * 60],
        [b"data: " + b"x" * 50 + b"\n"] * 3,
        [b"data\n"] * 200,
        [b"data:\n" * 200],
        [b":" + b"x" * 200],
    ],
    ids=["line", "open line", "event of lines", "empty lines", "empty lines at once", "comment"],
)
def test_a_line_and_an_event_are_bounded(feeds: list[bytes]) -> None:
    decoder = SSEDecoder(max_bytes=100)
    with pytest.raises(SSETooLargeError, match="larger than 100 bytes"):
        list(map(decoder.feed, feeds))


@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\r\n\r\n"])
@pytest.mark.parametrize("start", [b"", b": ping\n\n", b"dat"])
def test_an_event_is_given_as_soon_as_it_is_whole(start: bytes, end: bytes) -> None:
    decoder = SSEDecoder()
    decoder.feed(start)
    rest = b"data: a".removeprefix(start)
    assert decoder.feed(rest + end + b"data: b") == [("message", "a")]


@pytest.mark.parametrize("many", [1, 3])
def test_the_bound_itself_is_allowed(many: int) -> None:
    decoder = SSEDecoder(max_bytes=100)
    event = b"id: 1\ndata: " + b"x" * 99 + b"\n\n"  # the line break counts
    assert [len(decoder.feed(event)) for _ in range(many)] == [1] * many
    line = b":" + b"x" * 105  # as long as a line of data may be
    assert decoder.feed(line + b"\n" + line) == []
    with pytest.raises(SSETooLargeError):
        decoder.feed(b"x")
    with pytest.raises(SSETooLargeError):
        SSEDecoder(max_bytes=100).feed(line + b"x\n")
    with pytest.raises(SSETooLargeError):
        SSEDecoder(max_bytes=100).feed(event.replace(b"xx", b"xxx", 1))


def test_every_line_of_an_event_counts_with_its_break() -> None:
    assert SSEDecoder(max_bytes=6).feed(b"data: ab\ndata: cd\n\n") == [("message", "ab\ncd")]
    with pytest.raises(SSETooLargeError):
        SSEDecoder(max_bytes=5).feed(b"data: ab\ndata: cd\n\n")


def test_the_bound_is_of_one_event_and_not_of_the_stream() -> None:
    decoder = SSEDecoder(max_bytes=100)
    events = [decoder.feed(b"data: " + b"x" * 90 + b"\n\n: ping\n\n") for _ in range(50)]
    assert events == [[("message", "x" * 90)]] * 50


def test_a_long_line_in_many_pieces_is_copied_once() -> None:
    # Joining on every piece would copy 16 MiB a thousand times, half a terabyte an hour.
    decoder = SSEDecoder()
    copied = 0

    class Counted(bytearray):
        def __iadd__(self, other: object) -> Counted:  # pyright: ignore
            nonlocal copied
            copied += len(other)  # pyright: ignore
            return super().__iadd__(other)  # pyright: ignore

    decoder._line = Counted()
    piece = b"x" * 4096
    for _ in range(3000):
        assert decoder.feed(piece) == []
    decoder.feed(b"\n")
    assert copied == 3000 * len(piece) + 1
    assert decoder.pending == b""


def test_what_is_pending_is_told() -> None:
    decoder = SSEDecoder()
    decoder.feed(b"data: a\ndata: b")
    assert decoder.pending == b"a\ndata: b"
    decoder.feed(b"c\n\n")
    assert decoder.pending == b""
