"""Tool calls put together from their pieces, and tool choices as users write them."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsgvo import ToolCall, ToolCallDelta
from dsgvo.errors import ConfigurationError
from dsgvo.wire.tools import ToolCallAssembler, tool_choice, tool_names
from tests.core.support import raised

ADD = {"type": "function", "function": {"name": "add", "parameters": {}}}
SUB = {"type": "function", "function": {"name": "sub", "parameters": {}}}


def piece(arguments: Any = "", **fields: Any) -> dict[str, Any]:
    """Return a piece of a tool call; ``name`` belongs into ``function``."""
    name = {"name": fields.pop("name")} if "name" in fields else {}
    return {**fields, "function": {**name, "arguments": arguments}}


def add(arguments: Any, index: int | None = -1, id_: str = "", name: str = "add") -> dict[str, Any]:
    """Return a piece, without an index if that is -1."""
    where = {"index": index, "id": id_, "name": name}
    return piece(arguments, **{key: where[key] for key in where if where[key] not in (-1, "")})


sub, more = partial(add, name="sub"), partial(add, name="")
ONE, TWO = [("c1", "add", "{}")], [("c1", "add", "{}"), ("c2", "sub", "[]")]
NEW = "call_…"  # an id of our own

# pieces, one list a chunk → the calls
TABLE: dict[str, tuple[list[list[Any]], list[tuple[str, str, str]]]] = {
    "whole": (
        [[piece('{"a":1}', index=0, id="c1", name="add", type="function")]],
        [("c1", "add", '{"a":1}')],
    ),
    "streamed": (
        [[add("", 0, "c1")], [more('{"a"', 0)], [more(":1}", 0)]],
        [("c1", "add", '{"a":1}')],
    ),
    "parallel in one chunk": ([[add("{}", 0, "c1"), sub("[]", 1, "c2")]], TWO),
    "interleaved": (
        [
            [add("", 0, "c1")],
            [sub("", 1, "c2")],
            [more("{", 0), more("[", 1)],
            [more("]", 1)],
            [more("}", 0)],
        ],
        TWO,
    ),
    "index missing": (
        [[add("", id_="c1")], [piece("{}")], [sub("", id_="c2")], [piece("[]")]],
        TWO,
    ),
    "index null": ([[add("{", None, "c1")], [piece("}", index=None)]], ONE),
    "index always 0": (
        [[add("", 0, "c1")], [more("{}", 0)], [sub("", 0, "c2")], [more("[]", 0)]],
        TWO,
    ),
    "index begins at 1": ([[add("{", 1, "c1")], [more("}", 1)]], ONE),
    "id repeated on every piece": ([[add("{", 0, "c1")], [add("}", 0, "c1")]], ONE),
    "id repeated without index": ([[add("{", id_="c1")], [piece("}", id="c1")]], ONE),
    "the same function twice": (
        [[add("{}", 0, "c1"), add("[]", 1, "c2")]],
        [("c1", "add", "{}"), ("c2", "add", "[]")],
    ),
    "name after the id": ([[more("", 0, "c1")], [add("{}", 0)]], ONE),
    "arguments as an object": ([[add({"a": [1, "ü"]}, 0, "c1")]], [("c1", "add", '{"a":[1,"ü"]}')]),
    "no arguments": (
        [[{"index": 0, "id": "c1", "function": {"name": "add"}}]],
        [("c1", "add", "")],
    ),
    "arguments null": ([[add(None, 0, "c1")]], [("c1", "add", "")]),
    "arguments null as text": ([[add("null", 0, "c1")]], [("c1", "add", "")]),
    "arguments null in pieces": ([[add(" nu", 0, "c1")], [piece("ll ")]], [("c1", "add", "")]),
    "arguments that begin like null": (
        [[add("no", 0, "c1")], [more("pe", 0)]],
        [("c1", "add", "nope")],
    ),
    "function null": (
        [[{"index": 0, "id": "c1", "function": None}, add("{}", 1, "c2")]],
        [("c2", "add", "{}")],
    ),
    "function null at first": ([[{"index": 0, "id": "c1", "function": None}], [add("{}", 0)]], ONE),
    "nothing and null": ([[None, {}, {"index": 0}]], []),
    "no function around it": ([[{"index": 0, "id": "c1", "name": "add", "arguments": "{}"}]], ONE),
    "without a name": ([[piece("{}", index=0, id="c1")]], [("c1", "", "{}")]),
    "a name in pieces": (
        [[piece("", index=0, id="c1", name="ad")], [piece("", index=0, name="d")], [piece("{}")]],
        ONE,
    ),
    "a name in pieces, with the id": (
        [[piece("", index=0, id="c1", name=n)] for n in ("a", "ad", "add", "add")],
        [("c1", "add", "")],
    ),
    "an id in another place": (
        [[add("{", 0, "c1"), sub("[", 1, "c2")], [more("]", id_="c2"), piece("}", id="c1")]],
        TWO,
    ),
    "an index that counts pieces": ([[add("{", 0, "c1")], [piece("}", index=1, id="c1")]], ONE),
    "an id that differs with each piece": (
        [[add("{", 0, "c1")], [piece("}", index=0, id="c2")]],
        ONE,
    ),
    "an unknown id without a name": ([[add("{", id_="c1")], [piece("}", id="c2")]], ONE),
    "the whole once more at the end": (
        [[add('{"a', 0, "c1")], [more('":1}', 0)], [add('{"a":1}', 0, "c1")], [add("", 0, "c1")]],
        [("c1", "add", '{"a":1}')],
    ),
    "without an id, the name with each piece": (
        [[add('{"a', 0)], [add('":1}', 0)]],
        [(NEW, "add", '{"a":1}')],
    ),
    "an index alone, two calls in one piece": (
        [[add('{"a":1}', 0), sub("{}", 0)]],
        [(NEW, "add", '{"a":1}'), (NEW, "sub", "{}")],
    ),
    "an index alone, the same tool twice": (
        [[add('{"a":1}', 0)], [add('{"a":1}', 0)]],
        [(NEW, "add", '{"a":1}'), (NEW, "add", '{"a":1}')],
    ),
    "an index alone, without arguments": (
        [[add("", 0)], [sub("", 0)]],
        [(NEW, "add", ""), (NEW, "sub", "")],
    ),
    "one id for all": (
        [[add('{"a":1}', id_="c1"), add('{"a":2}', id_="c1")], [sub("[]", id_="c1")]],
        [("c1", "add", '{"a":1}'), (NEW, "add", '{"a":2}'), (NEW, "sub", "[]")],
    ),
    "one id for all, without arguments": (
        [[add("", id_="c1"), sub("", id_="c1")]],
        [("c1", "add", ""), (NEW, "sub", "")],
    ),
    "one id, two indexes": (
        [[add("", 0, "c1"), sub("", 1, "c1")], [more("{}", 0), more("[]", 1)]],
        [("c1", "add", "{}"), (NEW, "sub", "[]")],
    ),
    "one id, the first broken": (
        [[add('{"a', 0, "c1"), sub("{}", 0, "c1")]],
        [("c1", "add", '{"a'), (NEW, "sub", "{}")],
    ),
    "braces in a text": (
        [[add('{"a":"}\\', 0, "c1")], [add('"{"}', 0, "c1")], [add("{}", 0, "c1")]],
        [("c1", "add", '{"a":"}\\"{"}'), (NEW, "add", "{}")],
    ),
    "braces, a list and a text in pieces": (
        [
            [add('{"a":[{', 0, "c1")],
            [add('}],"b":"{', 0, "c1")],
            [add("\\", 0, "c1")],
            [add('"["}', 0, "c1")],
            [piece("[]", index=0, id="c1", name="sub")],
        ],
        [("c1", "add", '{"a":[{}],"b":"{\\"["}'), (NEW, "sub", "[]")],
    ),
    "no index, no id, no name at first": (
        [[piece("{", id="c1")], [piece("}", name="add")]],
        [("c1", "add", "{}")],
    ),
    "an index of its own without an id": (
        [[add("{", 0, "c1")], [piece("}", index=1)]],
        [("c1", "add", "{"), (NEW, "", "}")],
    ),
    "a new call by its index beside a known id": (
        [[add("{}", 0, "c1")], [piece("[]", index=1, id="c1", name="sub")]],
        [("c1", "add", "{}"), (NEW, "sub", "[]")],
    ),
    "the same arguments of another tool": (
        [[add("{}", 0, "c1")], [piece("{}", index=0, id="c1", name="sub")]],
        [("c1", "add", "{}"), (NEW, "sub", "{}")],
    ),
    "arguments as long as those before": (
        [[add("{1}", 0, "c1")], [add("{2}", 0, "c1")]],
        [("c1", "add", "{1}"), (NEW, "add", "{2}")],
    ),
    "an open text is not the whole": (
        [[add('"', 0, "c1")], [add('"', 0, "c1")]],
        [("c1", "add", '""')],
    ),
    "an id that is a large number": (
        [
            [piece("{}", index=0, id=2**63 - 1, name="add")],
            [piece("{}", index=1, id=2**63, name="a")],
        ],
        [(str(2**63 - 1), "add", "{}"), (NEW, "a", "{}")],
    ),
    "an id that is a truth value": (
        [[piece("{}", index=0, id=True, name="add")]],
        [(NEW, "add", "{}")],
    ),
    "broken JSON stays as it is": ([[add('{"a": ', 0, "c1")]], [("c1", "add", '{"a": ')]),
}


@pytest.mark.parametrize(("chunks", "calls"), TABLE.values(), ids=TABLE.keys())
def test_pieces_become_calls(chunks: list[list[Any]], calls: list[tuple[str, str, str]]) -> None:
    assembler = ToolCallAssembler()
    deltas = [delta for pieces in chunks for delta in assembler.add(pieces)]
    deltas += assembler.flush()
    assert rebuilt(deltas) == assembler.calls
    ids = [call.id for call in assembler.calls]
    assert len(set(ids)) == len(ids)
    assert [
        (NEW if re.fullmatch(r"call_[0-9a-f]{32}", call.id) else call.id, call.name, call.arguments)
        for call in assembler.calls
    ] == calls


def test_each_item_of_a_whole_message_is_a_call() -> None:
    assembler = ToolCallAssembler()
    items = [
        piece("{", name="add", id="c1"),
        piece("}", name="add", id="c1"),
        piece("null", name="x"),
    ]
    deltas = assembler.add(items, whole=True) + assembler.flush()
    assert [(call.name, call.arguments) for call in assembler.calls] == [
        ("add", "{"),
        ("add", "}"),
        ("x", ""),
    ]
    assert rebuilt(deltas) == assembler.calls
    assert assembler.calls[0].id == "c1"


def rebuilt(deltas: list[ToolCallDelta]) -> list[ToolCall]:
    """Put the deltas together by index alone, as both frameworks do."""
    calls: dict[int, ToolCall] = {}
    for delta in deltas:
        call = calls.setdefault(delta.index, ToolCall("", "", ""))
        call.id += delta.id or ""
        call.name += delta.name or ""
        call.arguments += delta.arguments
    return [calls[index] for index in sorted(calls)]


@pytest.mark.parametrize("index", [{}, {"index": 0}], ids=["no index", "index"])
def test_a_call_without_an_id_is_given_one(index: dict[str, int]) -> None:
    assembler = ToolCallAssembler()
    first = assembler.add([piece("{", name="add", **index)])
    assembler.add([piece("}", **index)])
    (call,) = assembler.calls
    assert re.fullmatch(r"call_[0-9a-f]{32}", call.id)
    assert (call.name, call.arguments, first[0].id) == ("add", "{}", call.id)


def test_calls_without_ids_get_different_ones() -> None:
    assembler = ToolCallAssembler()
    assembler.add([piece("{}", name="add"), piece("[]", name="add")])
    first, second = assembler.calls
    assert first.id != second.id
    assert (first.arguments, second.arguments) == ("{}", "[]")


@given(
    st.lists(st.text(max_size=12) | st.just("null"), min_size=1, max_size=4),
    st.sampled_from(["index", "no index", "always 0"]),
    st.data(),
)
def test_calls_in_any_pieces_come_out_whole(
    arguments: list[str], indexing: str, data: st.DataObject
) -> None:
    assembler = ToolCallAssembler()
    deltas: list[ToolCallDelta] = []
    for number, text in enumerate(arguments):
        index = {"index": number, "no index": None, "always 0": 0}[indexing]
        where = {} if index is None else {"index": index}
        at = data.draw(st.integers(0, len(text)))
        deltas += assembler.add([piece("", id=f"c{number}", name="add", **where)])
        deltas += assembler.add([piece(part, **where) for part in (text[:at], text[at:])])
    deltas += assembler.flush()
    expected = [
        ToolCall(f"c{number}", "add", "" if text.strip() == "null" else text)
        for number, text in enumerate(arguments)
    ]
    assert assembler.calls == expected
    assert rebuilt(deltas) == expected


NAMED_ADD = {"type": "function", "function": {"name": "add"}}


@pytest.mark.parametrize(
    ("choice", "tools", "wire"),
    [
        (None, [ADD], None),
        (False, [ADD], None),
        ("auto", [ADD], "auto"),
        ("none", [ADD], "none"),
        ("required", [ADD], "required"),
        ("any", [ADD], "required"),
        (True, [ADD], NAMED_ADD),
        (True, [ADD, SUB], "required"),
        ("add", [ADD, SUB], NAMED_ADD),
        (NAMED_ADD, [ADD, SUB], NAMED_ADD),
        ({"type": "auto"}, [ADD], "auto"),
        ({"type": "none"}, [ADD], "none"),
        ({"type": "any"}, [ADD], "required"),
        ({"type": "required"}, [ADD], "required"),
        ({"type": "tool", "name": "add"}, [ADD], NAMED_ADD),
    ],
)
def test_every_form_of_a_tool_choice(choice: Any, tools: list[Any], wire: Any) -> None:
    assert tool_choice(choice, tools) == wire


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("mul", ["tool_choice='mul'", "'add', 'sub'"]),
        ({"type": "function", "function": {"name": "mul"}}, ["'mul'", "'add', 'sub'"]),
        ({"type": "tool", "name": "mul"}, ["tool_choice", "'mul'", "'add'"]),
        ({"type": "function"}, ["tool_choice", "is not understood"]),
        (7, ["tool_choice=7", "is not understood"]),
        (["add"], ["tool_choice=['add']", "'auto', 'none', 'required', a tool's name"]),
    ],
)
def test_a_tool_choice_that_names_nothing(choice: Any, said: list[str]) -> None:
    error = str(raised(ConfigurationError, tool_choice, choice, [ADD, SUB]))
    assert [text for text in said if text not in error] == []


def test_a_tool_choice_without_tools() -> None:
    for choice in ("add", {"type": "function", "function": {"name": "add"}}):
        with pytest.raises(ConfigurationError, match=r"\(no tools\)"):
            tool_choice(choice, [])


def test_names_of_tools() -> None:
    flat = {"type": "function", "name": "flat"}
    assert tool_names([ADD, flat, {"type": "web_search"}]) == ["add", "flat", "web_search"]
    assert tool_names([{}, {"function": {}}]) == ["", ""]


def test_calls_that_a_gateway_numbers() -> None:
    piece = {"id": 7, "function": {"name": 8, "arguments": "{}"}}
    assert ToolCallAssembler().add([piece]) == [ToolCallDelta(0, "7", "8", "{}")]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r'{"a": "\ud83d\ude00\n\u00e4"}', "😀\nä"),
        (r'{"a": "\ud83d"}', "\ufffd"),
        (r'{"a": "\ude00\uD83D\ud83d\ude00"}', "\ufffd\ufffd😀"),
        (r'{"a": "\\ud83d\\\ud83d"}', "\\ud83d\\\ufffd"),
    ],
)
def test_halves_of_surrogate_pairs_in_arguments(written: str, read: str) -> None:
    """A tool, a checkpoint and the next request could not encode them."""
    for cut in range(len(written) + 1):
        assembler = ToolCallAssembler()
        pieces = [written[:cut], written[cut : cut + 3], written[cut + 3 :]]
        deltas = [
            delta
            for piece in pieces
            for delta in assembler.add(
                [{"index": 0, "id": "1", "function": {"name": "f", "arguments": piece}}]
            )
        ]
        streamed = "".join(delta.arguments for delta in [*deltas, *assembler.flush()])
        assert json.loads(streamed) == {"a": read}
        assert assembler.calls[0].arguments == streamed


def test_arguments_that_break_off_in_an_escape_stay_as_they_came() -> None:
    for end in ("\\", "\\u", "\\ud8", "\\u00e"):
        assembler = ToolCallAssembler()
        piece = {"id": "1", "function": {"name": "f", "arguments": '{"a": "' + end}}
        deltas = [*assembler.add([piece]), *assembler.flush()]
        assert "".join(delta.arguments for delta in deltas) == '{"a": "' + end
