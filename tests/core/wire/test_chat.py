"""Chat answers: bytes in, deltas and a whole answer out, whatever form the server chose."""

import json
import math
from contextlib import suppress
from functools import partial
from itertools import product
from typing import Any, cast

import pytest

from dsgvo import PROVIDERS, Completion, Delta, ToolCall, ToolCallDelta, errors
from dsgvo.errors import APIStatusError, DsgvoError, IncompleteStreamError, StreamError
from dsgvo.wire.chat import ChatDecoder
from tests.core.support import answer, chunk, raised, sse, text_of, work
from tests.fuzz.targets import check_completion

INNOGPT = PROVIDERS["innogpt"]


def decode(*pieces: bytes, **kwargs: Any) -> list[Delta]:
    """Return the deltas of an answer that comes in these pieces and ends."""
    reading = ChatDecoder(INNOGPT, **kwargs)
    return [*(delta for piece in pieces for delta in reading.feed(piece)), *reading.close()]


def whole(*pieces: bytes, **kwargs: Any) -> Completion:
    completion = decode(*pieces, **kwargs)[-1].completion
    assert completion is not None
    return completion


def failure(*pieces: bytes, **kwargs: Any) -> DsgvoError:
    """Return the error of an answer, which always says whose it is and of which request."""
    with pytest.raises(DsgvoError) as caught:
        decode(*pieces, request_id="r-1", **kwargs)
    assert (caught.value.provider, caught.value.request_id) == ("innogpt", "r-1")
    return caught.value


events = partial(sse, done=False)


def raw(body: Any) -> bytes:
    return json.dumps(body).encode()


def forms(content: Any = "Ja.", finish: str | None = "stop", **more: Any) -> list[bytes]:
    """Return an answer as plain JSON and as a stream of one chunk."""
    fields: dict[str, Any] = {"content": content} | more
    return [raw(answer(finish=finish, **fields)), sse(chunk(**fields), chunk(None, finish))]


def choice(**parts: Any) -> list[bytes]:
    """Return a choice that is all there is, as plain JSON and as a stream."""
    body = {"choices": [{"finish_reason": "stop"} | parts]}
    return [raw(body), sse(body)]


def call(arguments: str | None = None, index: int | None = 0, **fields: Any) -> dict[str, Any]:
    """Return the piece of a message that holds a piece of a tool call."""
    function = {"arguments": arguments, "name": fields.pop("name", None)}
    where = {} if index is None else {"index": index}
    known = {key: value for key, value in function.items() if value is not None}
    return {"tool_calls": [where | fields | {"function": known}]}


STREAMED = events(chunk("Gu"), chunk("ten"))
GUTEN = Completion("innogpt", "Guten", request_id="r-1")
JA: dict[str, Any] = {"content": "Ja.", "finish_reason": "stop"}
HM, KAPUTT = JA | {"reasoning": "Hm."}, {"message": "kaputt"}
A, IMAGE = {"text": "a"}, {"type": "image_url", "image_url": {"url": "https://x"}}


@pytest.mark.covers(
    "sovrgpt",
    "behaviour Streams end with an empty delta and a `finish_reason`, then `[DONE]`",
    "Doc",
)
def test_an_answer_as_openai_writes_it() -> None:
    head: dict[str, Any] = {"id": "c-1", "created": 5, "model": "m", "system_fingerprint": "fp"}
    given: dict[str, Any] = {"request_id": "r-1", "headers": {"x-a": "b"}}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    fields: dict[str, Any] = {"finish_reason": "stop", "usage": usage} | head
    called = [ToolCall("c1", "add", "{ }"), ToolCall("c2", "sub", "nu")]
    fields |= {"extra": {"service_tier": "flex"}} | given
    done = Completion("innogpt", "Guten Tag", "Hm.", tool_calls=called, **fields)
    head |= fields["extra"]
    said = ("", "<think>Hm", ".</think>\n\nGu", "ten Tag")
    texts = [chunk(text, role="assistant") for text in said]
    calls = [chunk(**call("", id="c1", name="add")), chunk(**call("{")), chunk(**call(" }"))]
    more = call("nu", 1, id="c2", name="sub")  # perhaps of "null", which is none
    chunks = [*texts, *calls, chunk(**more), chunk(None, "stop"), {"usage": usage}]
    assert decode(sse(*(head | {"object": "x"} | piece for piece in chunks)), **given) == [
        *(Delta(reasoning="Hm"), Delta("Gu", "."), Delta("ten Tag")),
        Delta(tool_calls=[ToolCallDelta(0, "c1", "add", "")]),
        *(Delta(tool_calls=[ToolCallDelta(0, None, None, brace)]) for brace in ("{", " }")),
        Delta(tool_calls=[ToolCallDelta(1, "c2", "sub", "")]),
        *(Delta(finish_reason="stop"), Delta(usage=usage)),
        *(held := [Delta(tool_calls=[ToolCallDelta(1, None, None, "nu")]), Delta(completion=done)]),
    ]
    both = call("{ }", id="c1", name="add")["tool_calls"] + more["tool_calls"]
    message = answer("Guten Tag", reasoning="Hm.", refusal=None, tool_calls=both)
    whole_calls = [ToolCallDelta(0, "c1", "add", "{ }"), ToolCallDelta(1, "c2", "sub", "")]
    assert decode(raw(message | head | {"usage": usage}), **given) == [
        *(Delta("Guten Tag", "Hm.", whole_calls, "stop", usage), *held)
    ]


def ja(**extra: Any) -> dict[str, Any]:
    return JA | {"extra": extra}


NO_CALL = {"content": "", "finish_reason": "tool_calls"}
REST = {"logprobs": {"content": [1]}, "native_finish_reason": "end_turn"}
LINKS: dict[str, Any] = {"annotations": [1], "citations": ["https://x"]}
LINK: dict[str, Any] = {"citations": ["https://x"]}
OURS: dict[str, Any] = {"tool_call_fields": {"c1": 5}}  # which no server can know
PLAIN: dict[str, Any] = answer("Ja.", annotations=[1], **OURS) | LINK | OURS | {"nothing": None}
PIECE, LAST = chunk("Ja.") | LINK, chunk(None, "stop", annotations=[1], **OURS)
for body in (PLAIN, LAST):
    body["choices"][0] |= REST | OURS
TEXT: list[Any] = [{"type": "text", "text": "Ja"}, ".", {"type": "text", "text": None}, IMAGE]
USED: dict[str, Any] = {"a": 3, "b": 2, "d": {"c": 1}}
USAGE = [{"usage": one} for one in (USED | {"b": None}, {"a": 0, "b": 2, "d": {"c": None}}, None)]
DELTA, MESSAGE = {"content": "Stück"}, {"content": "Ganzes"}
PART, WHOLE = JA | DELTA, JA | MESSAGE
HMS, ONE = {"reasoning": "Hm."}, {"choices": [{"delta": {"role": "x"}, "message": MESSAGE}]}
THOUGHT = events(chunk("", **HMS), ONE)
CUT = {"reasoning": "Ich über</th", "finish_reason": "length"}
COST: dict[str, Any] = {"usage": {"cost": 0.5}}
END, DONE = events(chunk("Ja.", "stop")), b"data: [DONE]"
NAMED = [*((name, raw(chunk("x"))) for name in (b"ping", b"delta"))]
NAMED += [*((b"x", b'{"choices":%b}' % x) for x in (b'["x"]', b"[{}]"))]
NAMED += [(b"x", one) for one in (b"{", b"[DONE]", b'{"error":"x"}', b"null", b'{"choices":7}')]
UNREAD = [*(b"data:%b\r\n\r\n" % one for one in (b"[done]", b"DONE", b"null", b"<a>")), b"data: {"]
CALLED = call("{}", id="c1", name="add")
BEGUN = call("", id="c1", name="a")  # cut before its arguments, which is not a call without any
SAID: dict[str, Any] = {"content": "Ja."}
FIRST: dict[str, Any] = {"function_call": {"name": "add", "arguments": "{ }"}}
AGAIN = [*({part: FIRST} for part in ("message", "delta")), {"message": CALLED}]
CALLING = events(chunk("Ja.", **CALLED))
CALLS = {"tool_calls": [ToolCall("c1", "add", "{}")]}
SPLIT: dict[str, list[dict[str, Any]]] = {
    part: [{part: one, "finish_reason": "tool_calls"} for one in (SAID, CALLED)]
    for part in ("message", "delta")
}
ONE_BY_ONE = [[{**one, "index": at}] for at, one in enumerate((*SPLIT["delta"], {"delta": {}}))]
# field, its values, and what is kept of each, if that is another
KNOWN: list[tuple[str, list[Any], list[Any]]] = [
    ("usage", ["viel", {"d": 2**63}], [None, {"d": None}]),
    ("usage", kept := [{}, {"prompt_tokens": None, "x": "viel", "y": 0.5}, {"d": 2**63 - 1}], kept),
    ("usage", [{"a": math.inf, "b": {"c": 10**30}}], [{"a": None, "b": {"c": None}}]),
    ("created", [5, 5.9, 2**63, math.nan, "5"], [5, 5, *[None] * 3]),
    *(("id", [7, 2**63, [1], ""], ["7", *[None] * 3]), ("model", [None], [None])),
]
# the finish reason that is kept: however it is spelt, and a last stop does not hide it
KEPT = {
    "length": "length stop, stop length, LENGTH, max_tokens stop, MAX_TOKENS, model_length",
    "content_filter": "content_filter tool_calls, SAFETY, recitation stop, PROHIBITED_CONTENT",
    "tool_calls": "tool_calls stop",
    "stop": "null stop, None stop",
}
FILTER = "content_filter"
HEADS, LATE = [("id", "model"), ("model", "id")], chunk(None, "stop") | {"created": 5}
EARLY, STOP = chunk("", "stop"), chunk(None, "stop")
STUB = chunk("", "tool_calls", function_call={"name": "", "arguments": ""})
COUNTED = [{"index": n, "delta": {"content": c}} for n, c in enumerate("Ja.", 1)]
PAIRED = JA | {"content": "J😀a\ufffd", "created": 5}
STARTS = (b"\xef\xbb\xbf\n \n", b"\r\n \n")
BLOCKS, LISTED = ja(thinking_blocks=[A]), chunk("Ja.", "stop", thinking_blocks=[A])
# What comes, in one form or more → the answer
READ: dict[str, tuple[list[bytes], dict[str, Any]]] = {
    "reasoning_content": (forms(reasoning_content="Hm."), HM),
    "reasoning": (forms(reasoning="Hm.") + forms(reasoning_text="Hm."), HM),
    "thinking, an object": (forms(thinking={"text": "\nHm.\n"}), HM),
    "twice": (forms(reasoning_content="Hm.", reasoning="Hm."), HM),
    "details": (forms(reasoning_details=[A]), ja(reasoning_details=[A]) | {"reasoning": "a"}),
    "blocks": (forms(thinking_blocks=[A]), BLOCKS | {"reasoning": "a"}),
    "list last": ([sse(*(chunk(reasoning=t) for t in "Hm"), LISTED)], BLOCKS | {"reasoning": "Hm"}),
    "a blank first": ([sse(chunk(reasoning="\n"), LISTED)], BLOCKS | {"reasoning": "a"}),
    "a part": (forms([{"type": "thinking", "thinking": "Hm."}, {"text": "Ja."}]), HM),
    "the tags": (forms(" <think>\nHm.\n</think>\n\nJa."), HM),
    "white space between": (forms("\n\nJa.", reasoning="Hm."), HM),
    "no thought": (forms(reasoning={"id": "r"}), ja(reasoning={"id": "r"})),
    "a cut thought": ([sse(chunk("<think>Ich ü"), chunk("ber</th"), chunk(None, "length"))], CUT),
    "text in parts": (forms(TEXT), ja(content_parts=[IMAGE])),
    "marks and white space before": ([at + body for at in STARTS for body in forms()], JA),
    "a piece before a message": (choice(delta=DELTA, message=MESSAGE)[1:], PART),
    "a piece in a plain answer": (choice(delta=DELTA)[:1], PART),
    "a call that is in no list": (forms(tool_calls=CALLED["tool_calls"][0]), JA | CALLS),
    "a head in pieces": (
        [sse({a: "x"} | chunk("Ja"), {b: "x"} | chunk("."), LATE) for a, b in HEADS],
        JA | {"id": "x", "model": "x", "created": 5},
    ),
    "a message before a piece": (choice(delta=DELTA, message=MESSAGE)[:1], WHOLE),
    "a message after pieces": ([END + choice(delta={}, message=SAID)[1]], JA),
    "pieces after a message": ([events({"choices": [{"message": SAID}]}) + END], JA),
    "calls beside a message": (choice(message=SAID, delta=CALLED)[:1], JA | CALLS),
    "calls once more": ([CALLING + choice(**one)[1] for one in AGAIN], JA | CALLS),
    "a message after thoughts, twice": ([THOUGHT + choice(message=MESSAGE | HMS)[1]], WHOLE | HMS),
    "text of a completion": (
        [*choice(text="Stück"), events({"choices": [{"text": "Stü"}]}) + choice(text="ck")[1]],
        PART,
    ),
    "a text beside a piece": (choice(text="Stück", delta=DELTA), PART),
    "fields unknown to OpenAI": ([raw(PLAIN), sse(PIECE, LAST)], ja(**REST, **LINKS)),
    "a refusal": (forms("", "tool_calls", refusal="Nein."), NO_CALL | {"refusal": "Nein."}),
    "usage in pieces": ([sse(chunk("Ja.", "stop"), *USAGE)], JA | {"usage": USED}),
    "usage of a choice": (choice(delta=SAID, usage=USED), JA | {"usage": USED}),
    "usage of Groq": ([sse(chunk("Ja.", "stop") | {"x_groq": COST})], ja(x_groq=COST) | COST),
    "a success, number 1": (choice(message=SAID, index=1, error="none")[:1], JA),
    "half a pair": (forms("\\ud83d 🚀 \ud83d"), JA | {"content": "\\ud83d 🚀 \ufffd"}),
    "an end and a blank": ([events(chunk("Ja.", "stop"), chunk(" "))], JA | {"content": "Ja. "}),
    "an end too early": ([events(EARLY, chunk("Ja."), STOP), sse(EARLY, chunk("Ja.", "stop"))], JA),
    "an empty stub": ([sse(chunk(**CALLED), STUB)], CALLS | NO_CALL),
    "numbers of pieces": ([sse(*({"choices": [one]} for one in COUNTED))], {"content": "Ja."}),
    "pairs in pieces": ([sse(*map(chunk, ("J\ud83d", "\ude00a\ud83d")), LATE)], PAIRED),
    "all at once": (
        forms("<think>m.</think> Ja.", "tool_calls", reasoning="H", annotations=[1], **CALLED),
        ja(annotations=[1]) | {"reasoning": "H\n\nm.", "finish_reason": "tool_calls", **CALLS},
    ),
    "a message split over two choices": (
        [raw({"choices": SPLIT["message"]}), sse(*({"choices": two} for two in ONE_BY_ONE))],
        JA | CALLS | {"finish_reason": "tool_calls"},
    ),
    "nothing": ([raw(answer("", None))], {}),
    "a message that was filtered": (choice(finish_reason=FILTER), {"finish_reason": FILTER}),
    "no end": ([END[:-2], END[:-1], *(END + x for x in (b"", DONE, DONE + b"\n", *UNREAD))], JA),
    "no reason": ([STREAMED + DONE, STREAMED + DONE + b" \n\n" + END], {"content": "Guten"}),
    **{
        said: ([sse(chunk("Ja."), *(chunk(None, reason) for reason in said.split()))], JA | kept)
        for kept, ends in (({"finish_reason": k}, ends.split(", ")) for k, ends in KEPT.items())
        for said in ends
    },
    **{
        f"{name}: {value!r:.30}": (
            [raw(answer() | {name: value}), sse(chunk("Ja.", "stop") | {name: value})],
            JA | {name: left},
        )
        for name, values, kept in KNOWN
        for value, left in zip(values, kept, strict=True)
    },
    "events of FastGPT": ([b"event: answer\n" + END], JA),
    "events of another kind": ([b"event: %b\ndata: %b\n\n" % one + END for one in NAMED], JA),
    "what says nothing": ([b"data: %b\n\n" % one + END for one in (b"", b'{"detail":"x"}')], JA),
}


@pytest.mark.parametrize(("bodies", "fields"), READ.values(), ids=READ)
def test_an_answer_in_whatever_form_and_pieces(bodies: list[bytes], fields: Any) -> None:
    for body in bodies:
        expected = Completion("innogpt", **fields)
        for pieces in ([body], [body[at : at + 1] for at in range(len(body))]):
            deltas = decode(*pieces)
            assert deltas[-1].completion == expected
            check_completion(expected, deltas)


OPENED, MENTION, THEN = "Hm.\n</think>\n\nJa.", "Man schreibt </think> so.", ("Hm.", "Ja.")
# content, finish reason, a thought of its own, what is known → thought, answer, whether it began
# inside a thought: of a plain answer, and of a stream if that is another
UNOPENED: list[tuple[Any, ...]] = [
    (OPENED, "stop", "", None, (*THEN, True), ("", OPENED, True)),
    (OPENED, "stop", "", "open", (*THEN, True), (*THEN, False)),
    (MENTION, "stop", "", None, ("", MENTION, False)),
    (MENTION, "stop", "", "open", ("Man schreibt", "so.", False)),
    (OPENED, "stop", "A", None, ("A", OPENED, False)),
    ("Ja.", "stop", "", "open", ("", "Ja.", False)),
    ("Ja.", "length", "", "open", ("Ja.", "", False)),
    ("Ja.", "length", "Hm.", "open", (*THEN, False)),
]


def test_thoughts_whose_tag_the_template_opened() -> None:
    for text, finish, apart, thinking, *expected in UNOPENED:
        found: list[Any] = []
        elsewhere = choice(delta={"content": text, "reasoning": apart}, finish_reason=finish)[0]
        for body in (*forms(text, finish, reasoning=apart), elsewhere):
            reading = ChatDecoder(INNOGPT, thinking=thinking)
            reading.feed(body)
            done = reading.close()[-1].completion
            found.append(done and (done.reasoning, done.content, reading.thought_unopened))
            unshown = whole(body, thinking=thinking, unshown=True)
            assert (unshown.reasoning, unshown.content) == expected[0][:2]
        assert found == [expected[0], expected[-1], expected[0]]


def test_each_call_of_a_whole_message_is_one() -> None:
    calls = call("{", None, id="c1", name="a")["tool_calls"] * 2
    for body in choice(message={"content": "Ja.", "tool_calls": calls}):
        assert len(whole(body).tool_calls) == 2
    pieces = ({"name": "f", "arguments": ""}, {"arguments": '{"a"'}, {"arguments": ":1}"})
    first = [*forms("", function_call={"name": "f", "arguments": '{"a":1}'}), END]
    first[-1] += sse(*(chunk("", function_call=piece) for piece in pieces))
    for body in first:
        [called] = whole(body).tool_calls
        assert (called.name, called.arguments) == ("f", '{"a":1}')


REFERENCE: dict[str, Any] = {"type": "reference", "ids": [1]}
NO = {"type": "refusal", "refusal": "Nein."}
THOUGHTS = [{"type": "reasoning", "text": "b"}, {"thinking": "B"}]
PARTS = [REFERENCE, {"text": {"value": "!"}}, *THOUGHTS, NO, NO, {"type": "x"}]


def test_lists_in_pieces_add_up() -> None:
    first, *_, last = decode(
        sse(
            chunk("", reasoning_details=[A], annotations=[1]) | {"citations": ["x"]},
            chunk("", reasoning_details=[A]) | {"citations": ["x", "y"]},
            chunk("Ja.", annotations=[1, 2], content_parts=[]) | {"citations": ["z"]},
            chunk(cast("str", PARTS), refusal="!"),
            *map(chunk, cast("list[str]", [{"text": "?", "index": 0}, {"thinking": "c", "a": 1}])),
            chunk(None, "stop", images=[{"url": "x"}], refusal="?"),
            chunk(images=[{"url": "y"}]) | {"provider": "P"},
            {"provider": "P"},
        )
    )
    done = ja(
        reasoning_details=[A, A],  # pieces, be they alike
        annotations=[1, 1, 2],
        citations=["x", "y", "z"],  # the whole list so far, and another piece
        content_parts=[REFERENCE, {"type": "x"}, {"a": 1}],
        images=[{"url": "x"}, {"url": "y"}],
        provider="P",
    )
    texts: dict[str, Any] = {"content": "Ja.!?", "reasoning": "aabBc", "refusal": "Nein.Nein.!?"}
    assert last.completion == Completion("innogpt", **(done | texts))
    assert first.extra == {"reasoning_details": [A], "annotations": [1], "citations": ["x"]}


def piece(**message: Any) -> bytes:
    return events(chunk(**message))


HOSTILE: dict[str, tuple[bytes, bytes]] = {
    "JSON in small pieces": (b'{"choices": "', b"x" * 50),
    "white space before": (b"", b" " * 50),
    "a page": (b"<title", b"<title>" * 7),
    "a long line": (b"data: ", b"x" * 50),
    "blank text": (b"", piece(content=" " * 50)),
    "thoughts": (piece(content="<think>"), piece(content="< </think")),
    "empty thoughts": (b"", piece(content="<think></think>")),
    "blank thoughts": (b"", piece(reasoning=" " * 50)),
    "arguments": (b"", piece(**call('{"', name="a"))),
    "lists": (b"", piece(content="", annotations=[1, 2, 3]) + events({"citations": [1, 2, 3]})),
    "parts": (b'{"choices":[{"message":{"content":[', b'{"thinking":"Hm."},{"refusal":"Nein."},'),
}


@pytest.mark.parametrize(("start", "unit"), HOSTILE.values(), ids=HOSTILE.keys())
def test_an_answer_costs_what_it_is_long(start: bytes, unit: bytes) -> None:
    def read(pieces: int) -> None:
        with suppress(DsgvoError):
            decode(start, *[unit] * pieces, b'""]}}]}' * start.endswith(b"["))

    assert work(lambda: read(400)) <= 2.2 * work(lambda: read(200)) + 20_000


# what comes of each part, what is known of it → its deltas
CUT_PARTS: list[tuple[bytes, dict[str, Any], list[Delta]]] = [
    (events(chunk("Eins, zwei") | LINK), {}, [Delta("Eins, zwei", extra=LINK)]),
    (events(chunk(" zw")), {}, []),  # what repeats the end is left out
    (events(chunk("Hm")), {"thinking": "open"}, [Delta(reasoning="Hm")]),
    (raw(answer("\ndr", "length", reasoning="B") | COST), {}, [Delta("\ndr", "\n\nB", **COST)]),
    (
        sse(chunk("<think>C</think> d"), chunk(None, "stop"), COST),
        *({}, [Delta(reasoning="\n\nC"), Delta(**COST), Delta(" d", finish_reason="stop")]),
    ),
]


def test_the_parts_of_a_cut_answer_make_a_whole() -> None:
    before: Completion | None = None
    for body, known, shown in CUT_PARTS:
        reading = ChatDecoder(INNOGPT, before=before, goes_on=True, **known)
        deltas = [*reading.feed(body), *reading.close()]
        before = reading.completion()
        assert reading.cut is (shown is not CUT_PARTS[-1][-1])
        if not reading.cut:
            assert deltas[-1].completion == before
            deltas[-1].completion = None
        assert deltas == shown
    extra: dict[str, Any] = {"extra": LINK, "continued": 4}  # no usage: a part came without
    said = ("Eins, zwei\ndr d", "Hm\n\nB\n\nC")
    assert before == Completion("innogpt", *said, finish_reason="stop", **extra)
    for body in (sse(), *forms("", reasoning="Hm."), *forms(" ", refusal="Nein.")):
        error = raised(IncompleteStreamError, decode, body, before=Completion("innogpt", "Eins"))
        assert (error.partial or GUTEN).content.rstrip() == "Eins"  # nothing came of the rest
    for body, ended in product(forms("Eins"), ("length", None)):  # where it is repeated, as asked
        begun = Completion("innogpt", "Eins", finish_reason=ended)
        assert whole(body, before=begun).finish_reason == (ended or "stop")


def test_no_tool_call_thought_or_error_goes_on() -> None:
    for first, last, kind, begun in (
        ("Ja.", chunk(None, **BEGUN), IncompleteStreamError, [ToolCall("c1", "a", "{")]),
        ("", chunk(None, reasoning="Hm."), IncompleteStreamError, []),
        ("Ja.", {"error": KAPUTT}, StreamError, []),
    ):
        error = raised(kind, decode, events(chunk(first), last), goes_on=True)
        assert (error.partial or GUTEN).tool_calls == begun
    for reason, head in (("length", []), (None, []), (None, [EARLY])):
        *_, last = decode(sse(*head, chunk("Ja.", reason, **BEGUN)), goes_on=True)
        assert last.completion  # else the rest is asked for
        assert last.completion.tool_calls == [ToolCall("c1", "a", "{")]


def as_openai(message: str = "kaputt", **error: Any) -> dict[str, Any]:
    return {"error": {"message": message} | error}


def failed(text: str | None, finish: str | None, error: Any = None) -> list[bytes]:
    """Return an answer that a choice says has failed, as plain JSON and as a stream."""
    plain, last, fields = answer(text), chunk(None), {"finish_reason": finish, "error": error}
    for body in (plain, last):
        body["choices"][0].update(fields)
    return [raw(plain), sse(chunk(text), last)]


# What the message says → what came in place of an answer
NO_ANSWER: dict[str, list[bytes]] = {
    "got an empty body": [b"", b" \r\n"],
    "got a web page titled 'Anmelden'": [b"<!DOCTYPE html><title>Anmelden</title>"],
    "got text that is not JSON": [b"OK", b"Alles gut."],
    "breaks off or is malformed": [raw(answer())[:40], b"{}7"],
    "got JSON that is not an object": [b"[]", b'["Ja."]'],
    "got JSON nested deeper than 200 levels": [b'{"choices":' * 300],
    "got a stream without choices": [sse({"model": "m"}), sse()],
    "no chat stream has ('delta')": [b"event: delta\n" + END + DONE + b"\n\n"],
    "got an answer without choices": [raw({}), raw({"choices": []}), raw({"choices": None})],
    "got a choice without a message": [choice(**parts)[0] for parts in ({}, {"message": None})],
}
APART: list[dict[str, Any]] = [{"index": 3, "delta": {"thinking": "x"}}]
GONE_ON = [
    events(STOP, piece) for piece in (chunk("", reasoning="x"), chunk("", "stop", refusal="x"))
]
GONE_ON += [events(STOP, chunk(None, **BEGUN), chunk("", "stop", refusal="x"))]
ASKING: list[dict[str, Any]] = [{"index": at, "delta": CALLED} for at in (1, 0)]
# What it says → what came after a text
BROKEN: dict[str, list[bytes]] = {
    "the stream ended without a finish reason": [b""],
    "the stream ended inside an event": [b'data: {"choices": [{"del'],
    "an event of the stream is not JSON": [sse("<html>"), GONE_ON[0] + sse("<html>")],
    "went on after its finish reason, and ended without [DONE]": GONE_ON,
    "an event of the stream is not a JSON object": [sse([1])],
    "more than one choice": [
        sse({"choices": [{"index": 0, "delta": SAID}, {"index": 1, "delta": SAID}]}),
        *(sse({"choices": [{}, {"delta": two}]}) for two in (DELTA, {"refusal": "x"})),
        *(sse(*({"choices": [one]} for one in (ASKING[at:] + ASKING[:at]))) for at in (0, 1)),
        sse({"choices": ASKING}),
        *(sse(*({"choices": [one]} for one in pieces)) for pieces in (COUNTED, APART)),
    ],
    "not of the documented shape": [sse({"choices": [7]})],
    "name or id is a dict": [piece(**call(name={"a": 1}))],
}
CUT = [STREAMED + b"event: error\ndata: " + x + b"\n\n" for x in (b"x", b"", raw(KAPUTT), b"[1]")]
# A call of many blanks that is short each time it comes again
OVER = sse(chunk("Oft", **call("{" + " " * (1 << 23) + "}", name="add")), done=False)
OVER += sse({"choices": [{"message": CALLED}]}, done=False) * 9
TWO = {"message": {"tool_calls": CALLED["tool_calls"] * 2}}
FAULTS = ["network_error", "MALFORMED_FUNCTION_CALL"]
# What it says → what came in all, the error and the text that it carries
FAILURES: dict[str, tuple[list[bytes], type[DsgvoError], str | None]] = {
    **{f"finish_reason={why!r}": (failed("Gut", why), StreamError, "Gut") for why in FAULTS},
    "off: innoGPT: 200: kaputt": (failed("Gut", None, "kaputt"), StreamError, "Gut"),
    "200: voll": ([sse(chunk("Gut") | {"x_groq": {"error": "voll"}})], StreamError, "Gut"),
    "off: innoGPT: 200: am Ende": ([sse(chunk("Gut") | as_openai("am Ende"))], StreamError, "Gut"),
    "500: kaputt": (failed(None, "stop", KAPUTT | {"code": 500}), errors.InternalServerError, None),
    "no call of": (
        forms("", "tool_calls", tool_calls=[None])
        + forms("", "tool_use")
        + forms("", "function_call", function_call=A),
        *(IncompleteStreamError, ""),
    ),
    "came twice, and not alike": (
        [events(ONE) + choice(**{part: DELTA})[1] for part in ("message", "delta")]
        + [events(chunk("Ganzes", **CALLED)) + choice(**one)[1] for one in ({"text": "x"}, TWO)],
        *(IncompleteStreamError, "Ganzes"),
    ),
    "came over and over": ([OVER], IncompleteStreamError, "Oft"),
    **{said: (bodies, errors.APIResponseError, None) for said, bodies in NO_ANSWER.items()},
    "the vendor broke the answer off: innoGPT: 200": (CUT, StreamError, "Guten"),
    **{
        said: ([STREAMED + tail for tail in tails], IncompleteStreamError, "Guten")
        for said, tails in BROKEN.items()
    },
}


@pytest.mark.parametrize("said", FAILURES)
def test_what_is_not_an_answer_is_an_error_that_says_so(said: str) -> None:
    bodies, kind, text = FAILURES[said]
    for body in bodies:
        error = failure(body)
        partial: Completion | None = getattr(error, "partial", None)
        assert (type(error), partial and partial.content) == (kind, text)
        assert (said in str(error), "innoGPT" in str(error)) == (True, True)
        assert not text or text not in str(error)


# An error under status 200 → body, error class, code, the status that it means
ERRORS: dict[str, tuple[Any, type[APIStatusError], str | None, int]] = {
    "OpenAI, a number": (as_openai(code=429), errors.RateLimitError, "429", 429),
    "FastAPI": ({"detail": "kaputt"}, APIStatusError, None, 200),
    "neuroflash": ({"error": "kaputt", "code": "oops"}, APIStatusError, "oops", 200),
    "choices": (as_openai(code=502) | answer("", None), errors.InternalServerError, "502", 502),
}


@pytest.mark.parametrize(("body", "kind", "code", "status"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_the_one_that_it_names_or_breaks_the_stream_off(
    body: Any, kind: type[DsgvoError], code: str | None, status: int
) -> None:
    named, head = b"event: error\n" + sse(body), events(chunk("", role="assistant"))
    field = b"error: " + raw(body)  # as llama.cpp had it, of an event without its end
    for data in (raw(body), sse(body), head + sse(body), named, head + named, field, head + field):
        error = failure(data)
        assert (type(error), error.code, error.status_code) == (kind, code, status)
        assert "kaputt" in str(error)
    assert failure(raw([body])).status_code == status  # as Google wraps it
    after = sse() if "detail" in body else sse(chunk("nie", "stop"))
    for event in (b"", b"event: error\n"):
        error = failure(STREAMED + event + events(body) + after)
        assert isinstance(error, StreamError)
        assert (error.code, error.status_code, type(error.__cause__)) == (code, 200, kind)
        assert "kaputt" in str(error.__cause__)
        assert str(error) == f"the vendor broke the answer off: {error.__cause__}"
        assert error.partial == GUTEN


def test_an_error_waits_for_the_text_before_it() -> None:
    reading = ChatDecoder(INNOGPT)
    deltas = reading.feed(STREAMED + sse(as_openai(code=429)))
    assert (text_of(deltas), reading.done) == ("Guten", True)
    for again in (lambda: reading.feed(b"x"), reading.close):
        error = raised(StreamError, again)
        assert raised(StreamError, reading.fail, errors.APIConnectionError("weg")) is error
        assert isinstance(error.__cause__, errors.RateLimitError)


def test_a_connection_that_broke_and_an_event_beyond_the_bound() -> None:
    cause = errors.APIConnectionError("weg hunter2")
    for data in (b"", b'{"choices"'):
        reading = ChatDecoder(INNOGPT)
        reading.feed(data)
        assert raised(errors.APIConnectionError, reading.fail, cause) is cause
    reading = ChatDecoder(INNOGPT, request_id="r-1", secrets=lambda _: ["hunter2"])
    reading.feed(STREAMED)
    broken = raised(IncompleteStreamError, reading.fail, cause)
    large = failure(STREAMED, *[b"data: " + b"x" * 4 * 1024 * 1024] * 5)
    for error, said in (
        (broken, "the connection broke inside the stream (weg ***)"),
        (large, "a server-sent event is larger than 16777216 bytes"),
    ):
        assert (type(error), str(error)) == (IncompleteStreamError, f"innoGPT: {said}")
        assert (error.request_id, getattr(error, "partial", None)) == ("r-1", GUTEN)


def test_secrets_and_prompts_are_masked_of_a_vendors_words() -> None:
    body = as_openai("key hunter2 refused: Meine Diagnose", code="hunter2")
    for data in (raw(body), sse(chunk("a"), body)):
        error = failure(data, secrets=lambda _: ["hunter2", "Meine Diagnose"])
        assert ("key *** refused: ***" in str(error), "hunter2" in repr(vars(error))) == (1, 0)
    error = failure(sse(chunk("a", "error hunter2")), secrets=lambda _: ["hunter2"])
    assert "finish_reason='error ***'" in str(error)
