"""Chat answers: bytes in, deltas and a whole answer out, whatever form the server chose."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsgvo import PROVIDERS, Completion, Delta, ToolCall, ToolCallDelta
from dsgvo.errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    AuthenticationError,
    ContextWindowExceededError,
    DsgvoError,
    IncompleteStreamError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    StreamError,
)
from dsgvo.wire.chat import ChatDecoder, Sniffer
from dsgvo.wire.thinking import thought_unopened
from tests.core.support import answer, chunk, sse, text_of

ALL = list(PROVIDERS)


def paired(table: Mapping[str, Any]) -> Any:
    """Return the rows of a table, each with one vendor: what is read is the same of all."""
    names = itertools.cycle(ALL)
    return [pytest.param(next(names), row, id=key) for key, row in table.items()]


def decoder(provider: str = "innogpt", **kwargs: Any) -> ChatDecoder:
    return ChatDecoder(PROVIDERS[provider], **kwargs)


def decode(*pieces: bytes, provider: str = "innogpt") -> list[Delta]:
    """Return the deltas of an answer that comes in these pieces and ends."""
    reading = decoder(provider)
    return [*(delta for piece in pieces for delta in reading.feed(piece)), *reading.close()]


def read(body: bytes, **kwargs: Any) -> tuple[ChatDecoder, Completion]:
    """Return the decoder of an answer that comes in one piece, and the answer."""
    reading = decoder(**kwargs)
    feed(reading, body, close=True)
    return reading, reading.completion()


def feed(reading: ChatDecoder, *pieces: bytes, close: bool = False) -> None:
    for piece in pieces:
        reading.feed(piece)
    if close:
        reading.close()


def whole(*pieces: bytes, provider: str = "innogpt") -> Completion:
    completion = decode(*pieces, provider=provider)[-1].completion
    assert completion is not None
    return completion


def failure(*pieces: bytes, provider: str = "innogpt", **kwargs: Any) -> DsgvoError:
    """Return the error of an answer, which always says whose it is and of which request."""
    reading = decoder(provider, request_id="r-1", **kwargs)
    with pytest.raises(DsgvoError) as caught:
        feed(reading, *pieces, close=True)
    assert (caught.value.provider, caught.value.request_id) == (provider, "r-1")
    return caught.value


def broken(*pieces: bytes, **kwargs: Any) -> IncompleteStreamError:
    """Return the error of a stream that had given "Guten"."""
    error = failure(*pieces, **kwargs)
    assert isinstance(error, IncompleteStreamError)
    assert error.partial is not None
    assert (error.partial.content, error.partial.finish_reason) == ("Guten", None)
    assert "Guten" not in str(error)
    return error


def test_a_stream_as_openai_writes_it() -> None:
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 5, "model": "m"}
    head["system_fingerprint"] = "fp"
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    deltas = decode(
        sse(
            head | chunk("", role="assistant"),
            head | chunk("Gu"),
            head | chunk("ten Tag"),
            head | chunk(None, "stop"),
            head | {"choices": [], "usage": usage},
        )
    )
    completion = Completion(
        "innogpt",
        content="Guten Tag",
        finish_reason="stop",
        usage=usage,
        id="c-1",
        model="m",
        created=5,
        system_fingerprint="fp",
    )
    assert deltas == [
        Delta(content="Gu"),
        Delta(content="ten Tag"),
        Delta(finish_reason="stop"),
        Delta(usage=usage),
        Delta(completion=completion),
    ]


def test_a_plain_answer_as_openai_writes_it() -> None:
    known = {"id": "c-1", "created": 5, "model": "m", "usage": {"total_tokens": 5}}
    body = answer("Guten Tag", refusal=None, tool_calls=None) | known
    assert whole(json.dumps(body | {"object": "chat.completion"}).encode()) == Completion(
        "innogpt", content="Guten Tag", finish_reason="stop", **known
    )


def both_forms(text: str, finish: str | None = "stop", **more: Any) -> list[bytes]:
    """Return an answer as plain JSON and as a stream of one chunk."""
    plain = json.dumps(answer(**{"content": text} | more, finish=finish)).encode()
    return [plain, sse(chunk(**{"content": text} | more), chunk(None, finish))]


@pytest.mark.parametrize(
    "start", [b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n \n", b"\r\n \n", b"\n" * 9000]
)
def test_what_came_decides_and_not_what_was_asked_for(start: bytes) -> None:
    for body in both_forms("Grüße"):
        # There is one decoder: it is never told what was asked for.
        assert whole(start + body).content == "Grüße"
        assert whole(*(start[i : i + 1] for i in range(len(start))), body).content == "Grüße"


@given(st.data())
def test_split_anywhere_the_whole_is_the_same(data: st.DataObject) -> None:
    text = data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
    calls = [{"index": 0, "id": "c1", "function": {"name": "add", "arguments": text}}]
    body = data.draw(st.sampled_from(both_forms(text, tool_calls=calls)))
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=8).map(sorted))
    pieces = [body[a:b] for a, b in itertools.pairwise([0, *places, len(body)])]
    deltas = decode(*pieces)
    completion = deltas[-1].completion
    assert completion is not None
    assert completion.content == text == text_of(deltas)
    assert completion.tool_calls == [ToolCall("c1", "add", text)]


def test_the_last_delta_alone_has_the_whole_answer() -> None:
    for body in both_forms("Ja."):
        completions = [delta.completion for delta in decode(body)]
        done = Completion("innogpt", content="Ja.", finish_reason="stop")
        assert completions == [None] * (len(completions) - 1) + [done]


def test_tool_calls_of_a_stream() -> None:
    def piece(arguments: str, **head: Any) -> dict[str, Any]:
        name = {"name": head.pop("name")} if "name" in head else {}
        return chunk(tool_calls=[{**head, "function": {**name, "arguments": arguments}}])

    deltas = decode(
        sse(
            piece("", index=0, id="c1", name="add"),
            piece('{"a":', index=0),
            piece("1}", index=0),
            chunk(None, "tool_calls"),
        )
    )
    assert [call for delta in deltas for call in delta.tool_calls] == [
        ToolCallDelta(0, "c1", "add", ""),
        ToolCallDelta(0, None, None, '{"a":'),
        ToolCallDelta(0, None, None, "1}"),
    ]
    last = deltas[-1].completion
    assert last is not None
    assert (last.tool_calls, last.finish_reason) == (
        [ToolCall("c1", "add", '{"a":1}')],
        "tool_calls",
    )


@pytest.mark.parametrize("body", both_forms("<think>Hm.</think>\n\nJa."), ids=["plain", "stream"])
def test_thoughts_in_the_text_are_told_apart(body: bytes) -> None:
    for provider in ALL:
        apart = whole(body, provider=provider)
        assert (apart.reasoning, apart.content) == ("Hm.", "Ja.")


def test_thoughts_and_answer_flow_apart() -> None:
    body = sse(chunk("<think>Hm"), chunk(".</think>\n\nJa"), chunk("."), chunk(None, "stop"))
    deltas = decode(body, provider="sovrgpt")
    assert [(delta.reasoning, delta.content) for delta in deltas if delta.completion is None] == [
        ("Hm", ""),
        (".", "Ja"),
        ("", "."),
        ("", ""),
    ]


def test_a_thought_that_max_tokens_cut_stays_a_thought() -> None:
    body = sse(chunk("<think>Ich überl"), chunk("ege </th"), chunk(None, "length"))
    deltas, thought = decode(body, provider="sovrgpt"), "Ich überlege </th"
    assert "".join(delta.reasoning for delta in deltas) == thought
    cut = Completion("sovrgpt", reasoning=thought, finish_reason="length")
    assert deltas[-1].completion == cut


THOUGHTS: dict[str, dict[str, Any]] = {
    "reasoning_content": {"reasoning_content": "Hm."},
    "reasoning": {"reasoning": "Hm."},
    "thinking": {"thinking": "\nHm.\n"},
    "twice": {"reasoning_content": "Hm.", "reasoning": "Hm."},
    "an object": {"reasoning": {"text": "Hm."}},
    "a list": {"reasoning": [{"summary": "H"}, {"text": "m."}]},
    "details alone": {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
    "blocks alone": {"thinking_blocks": [{"type": "thinking", "thinking": "Hm."}]},
    "a part": {"content": [{"type": "thinking", "thinking": "Hm."}, {"text": "Ja."}]},
    "nested parts": {
        "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, "Ja."]
    },
    "the tags": {"content": " <think>\nHm.\n</think>\n\nJa."},
    "white space between": {"reasoning": "Hm.", "content": "\n\nJa."},
}


@pytest.mark.parametrize(("provider", "message"), paired(THOUGHTS))
def test_thoughts_in_whatever_form(provider: str, message: dict[str, Any]) -> None:
    for body in both_forms("Ja.", **message):
        completion = whole(body, provider=provider)
        assert (completion.reasoning, completion.content) == ("Hm.", "Ja.")


def test_thoughts_whose_tag_the_template_opened_show_in_a_plain_answer() -> None:
    plain, streamed = both_forms("Hm.\n</think>\n\nJa.")
    [reading, completion] = read(plain)
    assert (completion.reasoning, completion.content) == ("Hm.", "Ja.")
    assert reading.thought_unopened
    [reading, completion] = read(streamed)  # by then its deltas have shown the thought as text
    assert (completion.reasoning, completion.content) == ("", "Hm.\n</think>\n\nJa.")
    assert reading.thought_unopened
    for body in both_forms("Hm.\n</think>\n\nJa."):
        [reading, completion] = read(body, thinking="open")
        assert (completion.reasoning, completion.content) == ("Hm.", "Ja.")
        assert reading.thought_unopened is (body is plain or body == plain)
    for body in both_forms("Man schreibt </think> so."):
        [reading, completion] = read(body)
        assert (completion.content, reading.thought_unopened) == (
            "Man schreibt </think> so.",
            False,
        )


@pytest.mark.parametrize(("finish", "parts"), [("stop", ("", "Ja.")), ("length", ("Ja.", ""))])
def test_a_template_that_opens_thoughts_did_not_this_time(
    finish: str, parts: tuple[str, str]
) -> None:
    for body in both_forms("Ja.", finish):
        [_, completion] = read(body, thinking="open")
        assert (completion.reasoning, completion.content) == parts
    for body in both_forms("Ja.", finish, reasoning="Hm."):
        [_, completion] = read(body, thinking="open")
        assert (completion.reasoning, completion.content) == ("Hm.", "Ja.")


def test_thoughts_in_both_places_are_kept() -> None:
    [delta, _, last] = decode(
        sse(chunk("<think>A</think>Ja.", reasoning_content="B"), chunk(None, "stop")),
        provider="sovrgpt",
    )
    assert (delta.reasoning, delta.content) == ("B\n\nA", "Ja.")
    assert last.completion is not None
    assert last.completion.reasoning == "B\n\nA"


@pytest.mark.parametrize("thought", [7, {"id": "r-1"}, [{"data": "x"}]])
def test_thoughts_of_another_shape_do_not_stand_in_the_way(thought: Any) -> None:
    for body in both_forms("Ja.", reasoning=thought):
        assert (whole(body).content, whole(body).reasoning) == ("Ja.", "")
        assert whole(body).extra == {"reasoning": thought}


def test_a_piece_goes_before_the_whole_in_a_stream_and_after_it_in_a_plain_answer() -> None:
    delta, message = {"delta": {"content": "Stück"}}, {"message": {"content": "Ganzes"}}
    for parts, streamed, plain in (
        (delta | message, "Stück", "Ganzes"),
        (delta, "Stück", "Stück"),
        (message, "Ganzes", "Ganzes"),
    ):
        body = {"choices": [parts | {"finish_reason": "stop"}]}
        assert whole(sse(body)).content == streamed
        assert whole(json.dumps(body).encode()).content == plain


@pytest.mark.parametrize("wrong", [{"id": [1]}, {"function": {"name": {"a": 1}}}])
def test_a_tool_call_of_another_shape_is_named(wrong: dict[str, Any]) -> None:
    error = failure(json.dumps(answer(tool_calls=[wrong])).encode())
    found = type(next(iter(wrong.values()))).__name__ if "id" in wrong else "dict"
    assert f"a tool call's name or id is a {found}" in str(error)


def test_text_in_parts() -> None:
    parts = [{"type": "text", "text": "Ja"}, ".", {"type": "text", "text": None}]
    image = {"type": "image_url", "image_url": {"url": "https://x"}}
    plain = whole(json.dumps(answer() | _content([*parts, image])).encode())
    assert plain.content == "Ja."
    assert plain.extra == {"content_parts": [image]}
    assert whole(json.dumps(answer() | _content(parts[0])).encode()).content == "Ja"


def _streamed(content: Any) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": content}}]}


def _content(content: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}


def test_fields_that_openai_does_not_know_are_kept() -> None:
    plain = answer("Ja.", annotations=[1]) | {"citations": ["https://x"], "nothing": None}
    plain["choices"][0] |= {"logprobs": {"content": [1]}, "native_finish_reason": "end_turn"}
    last = chunk(None, "stop", annotations=[1])
    last["choices"][0] |= {"logprobs": {"content": [1]}, "native_finish_reason": "end_turn"}
    streamed = sse(chunk("Ja.") | {"citations": ["https://x"]}, last)
    assert decode(streamed)[0].extra == {"citations": ["https://x"]}
    for body in (json.dumps(plain).encode(), streamed):
        assert whole(body).extra == {
            "annotations": [1],
            "citations": ["https://x"],
            "logprobs": {"content": [1]},
            "native_finish_reason": "end_turn",
        }


def test_lists_in_pieces_add_up() -> None:
    deltas = decode(
        sse(
            chunk("", reasoning_details=[{"text": "a"}], annotations=[1]) | {"citations": ["x"]},
            chunk("", reasoning_details=[{"text": "a"}]) | {"citations": ["x", "y"]},
            chunk("Ja.", annotations=[1, 2], content_parts=[]) | {"citations": ["z"]},
            _streamed([{"type": "reference", "reference_ids": [1]}, "!"]),
            chunk(None, "stop", images=[{"url": "x"}]) | {"provider": "P"},
            chunk(None, None, images=[{"url": "y"}]) | {"provider": "P"},
        )
    )
    last = deltas[-1].completion
    assert last is not None
    assert last.content == "Ja.!"
    assert last.extra == {
        "reasoning_details": [{"text": "a"}, {"text": "a"}],  # pieces, be they alike
        "annotations": [1, 1, 2],
        "citations": ["x", "y", "z"],  # the whole list so far, and another piece
        "content_parts": [{"type": "reference", "reference_ids": [1]}],
        "images": [{"url": "x"}, {"url": "y"}],
        "provider": "P",
    }
    assert deltas[0].extra == {
        "reasoning_details": [{"text": "a"}],
        "annotations": [1],
        "citations": ["x"],
    }


@st.composite
def answers(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return one answer as a plain body and as the chunks of a stream."""
    pieces = st.lists(st.sampled_from(["a", " ", "\n", "Ja.", "<think>", "</think>", "ü🦊"]))
    thoughts = draw(st.lists(st.sampled_from(["Hm", " ", "\n", ".", "a"]), max_size=4))
    texts = draw(pieces)
    if thought_unopened("".join(texts)):
        texts = []  # of a stream this is known when it is too late
    calls = draw(st.lists(st.lists(st.text("{}a", max_size=3), max_size=3), max_size=2))
    items = draw(st.lists(st.integers(), max_size=4))
    finish = draw(st.sampled_from(["stop", "length", "tool_calls"]))
    usage = draw(st.none() | st.dictionaries(st.sampled_from("ab"), st.integers(0, 9), min_size=1))
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts)}
    field = draw(st.sampled_from(["reasoning_content", "reasoning"]))
    message[field] = "".join(thoughts)
    message["tool_calls"] = [
        {"id": f"c{place}", "function": {"name": "add", "arguments": "".join(arguments)}}
        for place, arguments in enumerate(calls)
    ]
    if items:
        message["annotations"] = items
    head = {"id": "c-1", "model": "m", "created": 5}
    plain = head | {"choices": [{"message": message, "finish_reason": finish, "logprobs": items}]}
    chunks = [chunk(**{field: thought}) for thought in thoughts]
    chunks += [chunk(text) for text in texts]
    for place, arguments in enumerate(calls):
        first = {"index": place, "id": f"c{place}", "function": {"name": "add", "arguments": ""}}
        chunks.append(chunk(tool_calls=[first]))
        chunks += [
            chunk(tool_calls=[{"index": place, "function": {"arguments": text}}])
            for text in arguments
        ]
    chunks += [chunk(annotations=[item]) for item in items]
    chunks.append(chunk(None, finish))
    chunks[-1]["choices"][0]["logprobs"] = items
    if usage:
        plain["usage"] = usage
        chunks.append({"choices": [], "usage": usage})
    return plain, [head | piece for piece in chunks]


@given(answers(), st.sampled_from(ALL), st.booleans())
def test_plain_and_streamed_an_answer_is_the_same(
    forms: tuple[dict[str, Any], list[dict[str, Any]]], provider: str, done: bool
) -> None:
    plain, chunks = forms
    deltas = decode(sse(*chunks, done=done), provider=provider)
    completion = deltas[-1].completion
    assert completion == whole(json.dumps(plain).encode(), provider=provider)
    assert completion is not None
    assert text_of(deltas) == completion.content
    assert "".join(delta.reasoning for delta in deltas) == completion.reasoning
    arguments = {call.id: "" for call in completion.tool_calls}
    for piece in (piece for delta in deltas for piece in delta.tool_calls):
        arguments[completion.tool_calls[piece.index].id] += piece.arguments
    assert list(arguments.values()) == [call.arguments for call in completion.tool_calls]


def test_half_a_surrogate_pair_costs_one_character() -> None:
    for text in (rb"\ud83d", rb"\ude80", b"\xed\xa0\xbd", b"\xff"):
        for body in both_forms("Start # frei", tool_calls=[{"function": {"name": "#"}}]):
            completion = whole(body.replace(b"#", text))
            start, *_, frei = completion.content.split(" ")
            assert (start, frei) == ("Start", "frei")
            assert "\N{REPLACEMENT CHARACTER}" in completion.content
            assert completion.tool_calls[0].name[0] == "\N{REPLACEMENT CHARACTER}"
    for body in both_forms("\\ud83d \U0001f680 \ud83d"):
        assert whole(body).content == "\\ud83d \U0001f680 \N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("usage", "kept"),
    [
        (None, None),
        ([], None),
        ("viel", None),
        ({}, {}),
        (
            {"prompt_tokens": None, "x": "viel", "y": 0.5},
            {"prompt_tokens": None, "x": "viel", "y": 0.5},
        ),
        (
            {"a": 10**400, "b": {"c": 10**30}, "d": 2**63 - 1},
            {"a": None, "b": {"c": None}, "d": 2**63 - 1},
        ),
        ({"a": math.inf}, {"a": None}),
    ],
)
def test_usage_of_any_shape_costs_no_answer(usage: Any, kept: Any) -> None:
    for body in both_forms("Ja."):
        data = body.replace(
            b'{"choices"', b'{"usage": ' + json.dumps(usage).encode() + b', "choices"'
        )
        assert whole(data).content == "Ja."
        assert whole(data).usage == kept


def test_usage_in_pieces_adds_up() -> None:
    pieces = [{"usage": {"prompt_tokens": 3}}, {"usage": {"completion_tokens": 2}}, {"usage": None}]
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    assert whole(sse(chunk("Ja.", "stop"), *pieces)).usage == usage


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        *(("created", value, 5) for value in (5, 5.9)),
        *(("created", value, None) for value in (10**400, math.inf, math.nan, "5", None)),
        *(("id", 7, "7"), ("id", "c-1", "c-1")),
        *(("model", None, None), ("model", "m", "m")),
    ],
)
def test_what_is_known_of_an_answer(name: str, value: Any, kept: Any) -> None:
    assert getattr(whole(json.dumps(answer() | {name: value}).encode()), name) == kept


def test_events_of_unknown_kinds_are_ignored_whatever_their_data() -> None:
    for data in ("x", "{", "[1]", "", "[DONE]", json.dumps(chunk("Müll")), '{"error": "Müll"}'):
        event = f"event: ping\ndata: {data}\n\n".encode()
        assert whole(event + sse(chunk("Ja."), done=False) + event + sse(chunk(None, "stop"))) == (
            Completion("innogpt", content="Ja.", finish_reason="stop")
        )
    assert whole(b"data: \n\n" + sse(chunk("Ja.", "stop"))).content == "Ja."


HOSTILE: dict[str, tuple[bytes, bytes]] = {
    "JSON in small pieces": (b'{"choices": "', b"x" * 50),
    "white space before": (b"", b" " * 50),
    "a page": (b"<title", b"<title>" * 7),
    "a long line": (b"data: ", b"x" * 50),
    "many lines": (b"data: {}", b"\ndata: x" * 6),
    "blank text": (b"", sse(chunk(" " * 50), done=False)),
    "thoughts": (sse(chunk("<think>"), done=False), sse(chunk("< </think"), done=False)),
    "blank thoughts": (b"", sse(chunk(reasoning=" " * 50), done=False)),
    "arguments": (
        sse(chunk(tool_calls=[{"index": 0, "function": {"name": "a"}}]), done=False),
        sse(chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"'}}]), done=False),
    ),
    "a name with each": (
        b"",
        sse(
            chunk(tool_calls=[{"index": 0, "function": {"name": "a", "arguments": '{"'}}]),
            done=False,
        ),
    ),
    "lists": (b"", sse(chunk("", annotations=[1, 2, 3]), done=False)),
    "lists of the whole": (b"", sse({"citations": [1, 2, 3]}, done=False)),
    "usage": (b"", sse({"usage": {"a": 1}}, done=False)),
}


@pytest.mark.parametrize(("start", "unit"), HOSTILE.values(), ids=HOSTILE.keys())
def test_an_answer_costs_what_it_is_long(start: bytes, unit: bytes) -> None:
    def cost(pieces: int) -> int:
        """Return how many bytes of local values the calls into C of a decoder see."""
        seen = 0

        def count(frame: FrameType, event: str, argument: object) -> None:
            nonlocal seen
            if event in {"call", "c_call"}:
                seen += 1
            if event == "c_call":
                local = frame.f_locals.values()
                seen += sum(len(value) for value in local if isinstance(value, str | bytes))

        reading = decoder()
        reading.feed(start)
        sys.setprofile(count)
        try:
            with suppress(DsgvoError):
                feed(reading, *[unit] * pieces, close=True)
        finally:
            sys.setprofile(None)
        return seen

    assert cost(400) <= 2.2 * cost(200) + 20_000


def test_what_comes_beside_later_text_is_read_too() -> None:
    deltas = decode(
        sse(
            chunk("Ja"),
            chunk(", ", annotations=[1], reasoning="Hm."),
            _streamed(["gern", {"type": "thinking", "text": "A"}]),
            _streamed(
                [{"type": "reasoning", "summary": "B"}, {"type": "refusal", "refusal": "Nein."}]
            ),
            _streamed({"text": ".", "index": 0, "type": "text"}),
            _streamed({"thinking": "C"}),
            chunk(None, "stop"),
        )
    )
    last = deltas[-1].completion
    assert last is not None
    assert (last.content, last.reasoning, last.refusal) == ("Ja, gern.", "Hm.ABC", "Nein.")
    assert last.extra == {"annotations": [1]}


def test_a_whole_message_after_its_pieces_is_not_read_again() -> None:
    last = {"choices": [{"delta": {}, "message": {"content": "Ja."}, "finish_reason": "stop"}]}
    assert whole(sse(chunk("Ja."), last)).content == "Ja."
    call = {"id": "c1", "function": {"name": "add", "arguments": "{"}}
    both = {
        "choices": [
            {"message": {"content": "Ja.", "tool_calls": [call, call]}, "finish_reason": "stop"}
        ]
    }
    for body in (sse(both), json.dumps(both).encode()):
        assert len(whole(body).tool_calls) == 2


def test_a_refusal() -> None:
    pieces = sse(chunk(refusal="Ne"), chunk(refusal="in."), chunk(None, "stop"))
    for body in (*both_forms("", refusal="Nein."), pieces):
        assert whole(body).refusal == "Nein."


def test_what_follows_done_is_not_read() -> None:
    reading = decoder()
    body = sse(chunk("Ja.", "stop")) + sse(chunk("Müll")) + b"data: {"
    assert text_of(reading.feed(body)) == "Ja."
    assert reading.done
    assert reading.feed(b"nonsense\n\n" + sse(chunk("Müll"))) == []
    last = reading.close()[-1].completion
    assert last is not None
    assert last.content == "Ja."


@pytest.mark.parametrize("end", [b"data: [DONE]", b"data: [DONE]\n", b"data:[DONE]\r\n\r\n", b""])
def test_a_stream_may_end_without_a_blank_line_or_done(end: bytes) -> None:
    assert whole(sse(chunk("Ja.", "stop"), done=False) + end).content == "Ja."


STREAMED = [chunk("Gu"), chunk("ten")]
# What is wrong → the events after the first two, what the message says
WRONG: dict[str, tuple[bytes, str]] = {
    "cut between events": (b"", "without a finish reason"),
    "cut inside an event": (b'data: {"choices": [{"del', "inside an event"),
    "an event that is not JSON": (sse("<html>"), "not JSON"),
    "an event that is no object": (sse([1]), "not a JSON object"),
    "two choices": (sse({"choices": [{"delta": {}}, {"delta": {}}]}), "more than one choice"),
    "a second choice": (sse({"choices": [{"index": 1, "delta": {}}]}), "more than one choice"),
    "another shape": (sse({"choices": [7]}), "not of the documented shape"),
}


@pytest.mark.parametrize(("rest", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_broken_stream_is_an_error_with_what_had_come(rest: bytes, said: str) -> None:
    body = sse(*STREAMED, done=False) + rest
    for pieces in ([body], [body[i : i + 1] for i in range(len(body))]):
        error = broken(*pieces)
        assert type(error) is IncompleteStreamError
        assert said in str(error)


NO_ANSWER: dict[str, tuple[bytes, str]] = {
    "empty body": (b"", "an empty body"),
    "blank body": (b" \r\n", "an empty body"),
    "login page": (
        b"<!DOCTYPE html><html><head><title>Anmelden</title></head></html>",
        "a web page titled 'Anmelden'",
    ),
    "page without a title": (b"<html>", "a web page"),
    "text": (b"OK", "text that is not JSON"),
    "more text": (b"internal server error\n", "text that is not JSON"),
    "JSON cut": (json.dumps(answer()).encode()[:40], "breaks off or is malformed"),
    "a list": (b"[]", "JSON that is not an object"),
    "a list of text": (b'["Ja."]', "JSON that is not an object"),
    "a number": (b"{}7", "malformed"),
    "too deep": (b'{"choices":' * 300, "JSON nested deeper than 200 levels"),
    "a stream without choices": (sse({"model": "m"}), "a stream without choices"),
    "an end alone": (sse(), "a stream without choices"),
    "no choices": (b"{}", "without choices"),
    "empty choices": (b'{"choices": []}', "without choices"),
    "choices null": (b'{"choices": null}', "without choices"),
    "a choice without a message": (b'{"choices": [{"index": 0}]}', "without a message"),
    "another API's choice": (
        b'{"choices": [{"text": "Ja.", "finish_reason": "stop"}]}',
        "without a message",
    ),
    "message null": (b'{"choices": [{"message": null}]}', "without a message"),
}


@pytest.mark.parametrize(("provider", "row"), paired(NO_ANSWER))
def test_what_is_no_answer_is_an_error_that_says_what_came(
    provider: str, row: tuple[bytes, str]
) -> None:
    body, said = row
    error = failure(body, provider=provider)
    assert (type(error), error.status_code) == (APIResponseError, 200)
    assert said in str(error)
    assert PROVIDERS[provider].title in str(error)


def as_openai(**error: Any) -> dict[str, Any]:
    return {"error": {"message": "kaputt"} | error}


# An error under status 200 → body, error class, code, the status that it means
ERRORS: dict[str, tuple[Any, type[APIStatusError], str | None, int]] = {
    "OpenAI": (as_openai(type="server_error", code="500"), InternalServerError, "500", 500),
    "OpenAI, a number": (as_openai(code=429), RateLimitError, "429", 429),
    "OpenAI, a name": (
        *(as_openai(code="invalid_api_key"), AuthenticationError),
        *("invalid_api_key", 401),
    ),
    "OpenAI, no code": (as_openai(type="model_not_found"), NotFoundError, "model_not_found", 404),
    "meinGPT": ({"status": "error", "message": "kaputt"}, APIStatusError, None, 200),
    "neuroflash": ({"error": "kaputt", "code": "oops"}, APIStatusError, "oops", 200),
    "neuroflash, fields": (
        *({"errors": [{"field": "seed", "message": "kaputt"}]}, APIStatusError),
        *(None, 200),
    ),
    "beside choices": (as_openai(code=502) | answer("", None), InternalServerError, "502", 502),
    "context window": (
        as_openai(message="kaputt: maximum context length is 5", code=400),
        *(ContextWindowExceededError, "400", 400),
    ),
    "a code that is no status": (as_openai(code="12"), APIStatusError, "12", 200),
    "digits that are none": (as_openai(code="²³"), APIStatusError, "²³", 200),
    "very many digits": (as_openai(code="9" * 5000), APIStatusError, "9" * 399 + "…", 200),
}


@pytest.mark.parametrize(("provider", "row"), paired(ERRORS))
def test_an_error_before_the_answer_is_the_error_that_it_names(
    provider: str, row: tuple[Any, type[DsgvoError], str | None, int]
) -> None:
    body, kind, code, status = row
    head = sse(chunk("", role="assistant"), done=False)
    for data in (
        json.dumps(body).encode(),
        sse(body),
        head + sse(body),
        b"event: error\n" + sse(body),
        head + b"event: error\n" + sse(body),
    ):
        error = failure(data, provider=provider)
        assert (type(error), error.code, error.status_code) == (kind, code, status)
        assert "kaputt" in str(error)


@pytest.mark.parametrize(("provider", "row"), paired(ERRORS))
def test_an_error_inside_a_stream_breaks_it_off(
    provider: str, row: tuple[Any, type[DsgvoError], str | None, int]
) -> None:
    body, kind, code, _ = row
    for event in (b"", b"event: error\n"):
        rest = event + sse(body, chunk("nie", "stop"))
        error = broken(sse(*STREAMED, done=False), rest, provider=provider)
        assert (type(error), error.code, error.status_code) == (StreamError, code, 200)
        assert type(error.__cause__) is kind
        assert "kaputt" in str(error.__cause__)
        assert str(error) == f"the vendor broke the answer off: {error.__cause__}"


# How a choice says that it failed → what the message says
FAILED: dict[str, tuple[dict[str, Any], str]] = {
    "error": ({"finish_reason": "error"}, "finish_reason='error'"),
    "Zhipu's": ({"finish_reason": "network_error"}, "'network_error'"),
    "DeepSeek's": ({"finish_reason": "insufficient_system_resource"}, "insufficient"),
    "vLLM's": ({"finish_reason": "abort"}, "'abort'"),
    "Google's": ({"finish_reason": "MALFORMED_FUNCTION_CALL"}, "MALFORMED"),
    "an object": ({"finish_reason": "stop", "error": {"message": "kaputt"}}, "kaputt"),
    "both": ({"finish_reason": "error", "error": {"message": "kaputt", "code": 502}}, "kaputt"),
    "a text": ({"finish_reason": None, "error": "kaputt"}, "kaputt"),
}


@pytest.mark.parametrize(("provider", "row"), paired(FAILED))
@pytest.mark.parametrize("text", ["Gut", None])
def test_a_finish_reason_that_is_an_error_is_one(
    provider: str, row: tuple[dict[str, Any], str], text: str | None
) -> None:
    finish, said = row
    plain = answer(text)
    plain["choices"][0].update(finish)
    last = chunk(None)
    last["choices"][0].update(finish)
    for body in (json.dumps(plain).encode(), sse(chunk(text), last)):
        error = failure(body, provider=provider)
        assert said in str(error)
        if text or "error" not in finish:
            assert isinstance(error, StreamError)
            assert error.partial is not None
            assert error.partial.content == (text or "")
            assert text is None or text not in str(error)
        else:
            assert type(error) is (InternalServerError if "502" in str(error) else APIStatusError)


def test_an_error_waits_for_the_text_before_it() -> None:
    body = sse(*STREAMED, {"error": {"message": "kaputt", "code": 429}})
    reading = decoder()
    assert text_of(reading.feed(body)) == "Guten"
    assert reading.done
    for call in (lambda: reading.feed(b"x"), reading.close):
        with pytest.raises(StreamError, match="kaputt") as caught:
            call()
        assert reading.fail(APIConnectionError("weg")) is caught.value
    assert isinstance(caught.value.__cause__, RateLimitError)


@pytest.mark.parametrize(
    ("reasons", "kept"),
    [
        (["length", "stop"], "length"),
        (["stop", "length"], "length"),
        (["tool_calls", "stop"], "tool_calls"),
        (["stop", "tool_calls"], "tool_calls"),
        (["content_filter", "tool_calls"], "content_filter"),
        (["null", "stop"], "stop"),
        (["stop", "stop"], "stop"),
    ],
)
def test_a_last_stop_hides_nothing(reasons: list[str], kept: str) -> None:
    deltas = decode(sse(chunk("Ja."), *(chunk(None, reason) for reason in reasons)))
    assert deltas[-1].completion is not None
    assert deltas[-1].completion.finish_reason == kept
    assert [d.finish_reason for d in deltas if d.finish_reason][-1] == kept


@pytest.mark.parametrize("end", [b"data: [DONE]", b"data: [DONE]\n\n"])
def test_done_proves_that_an_answer_is_whole(end: bytes) -> None:
    completion = whole(sse(*STREAMED, done=False) + end)
    assert (completion.content, completion.finish_reason) == ("Guten", None)


@pytest.mark.parametrize("data", ["kaputt", "", '{"message": "kaputt"}', '"kaputt"', "[1]"])
def test_an_error_event_of_any_shape(data: str) -> None:
    event = f"event: error\ndata: {data}\n\n".encode()
    assert type(broken(sse(*STREAMED, done=False), event)) is StreamError


def test_a_plain_answer_cut_at_every_place() -> None:
    body = json.dumps(answer("a  b"), indent=1).encode()
    for at in range(len(body)):
        assert whole(body[:at], body[at:]).content == "a  b"


def test_what_is_known_of_the_whole_may_come_late_and_apart() -> None:
    head = sse(chunk("a") | {"id": "c-1"}, chunk("b") | {"model": "m"}, done=False)
    late = sse(chunk("c"), chunk(None, "stop") | {"created": 5, "system_fingerprint": "fp"})
    reading = decoder(request_id="r-1")
    feed(reading, head, late, close=True)
    assert reading.completion() == Completion(
        "innogpt",
        content="abc",
        finish_reason="stop",
        id="c-1",
        model="m",
        created=5,
        system_fingerprint="fp",
        request_id="r-1",
    )


def test_an_answer_without_text_is_one_delta() -> None:
    [last] = decode(json.dumps(answer("", None)).encode())
    assert last.completion == Completion("innogpt")


def test_a_connection_that_broke() -> None:
    cause = APIConnectionError("weg")
    early = decoder()
    assert early.fail(cause) is cause
    plain = decoder()
    plain.feed(b'{"choices"')
    assert plain.fail(cause) is cause
    streaming = decoder(request_id="r-1")
    streaming.feed(sse(*STREAMED, done=False))
    error = streaming.fail(cause)
    assert isinstance(error, IncompleteStreamError)
    assert "connection broke inside the stream (weg)" in str(error)
    assert (error.request_id, error.partial and error.partial.content) == ("r-1", "Guten")


def test_an_event_beyond_the_bound() -> None:
    event = [b"data: " + b"x" * 4 * 1024 * 1024] * 5
    assert "larger than" in str(broken(sse(*STREAMED, done=False), *event))


@pytest.mark.parametrize(
    ("data", "kind", "start"),
    [
        (b"data: {", True, b"data: {"),
        (b": ping", True, b": ping"),
        (b"\xef\xbb\xbf \n{", False, b"{"),
        (b" [", False, b"["),
        (b"<html>", False, b"<html>"),
        (b"Fehler", True, b"Fehler"),  # its lines tell that it is no stream
        (b"OK", None, b"OK"),
        (b"", None, b""),
        (b"\xef\xbb", None, b"\xef\xbb"),
        (b"\xef\xbbxxxx", True, b"\xef\xbbxxxx"),
    ],
)
def test_the_first_bytes_tell_a_stream_from_a_body(
    data: bytes, kind: bool | None, start: bytes
) -> None:
    at_once, in_pieces = Sniffer(), Sniffer()
    assert (at_once.feed(data), at_once.start) == (kind, start)
    answers = [in_pieces.feed(data[at : at + 1]) for at in range(len(data))] or [None]
    assert (next((told for told in answers if told is not None), None), in_pieces.start) == (
        kind,
        start,
    )


def test_secrets_and_prompts_are_masked_of_a_vendors_words() -> None:
    body = {"error": {"message": "key hunter2 refused: Meine Diagnose", "code": "hunter2"}}
    for data in (json.dumps(body).encode(), sse(chunk("a"), body)):
        error = failure(data, secrets=lambda: ["hunter2", "Meine Diagnose"])
        assert "key *** refused: ***" in str(error)
        assert "hunter2" not in repr(vars(error))
