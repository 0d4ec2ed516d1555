"""Tool calls put together from their pieces, and tool choices as users write them."""

import json
import re
from functools import partial
from itertools import chain
from typing import Any

from dsgvo import ToolCall
from dsgvo.errors import ConfigurationError
from dsgvo.wire.tools import ToolCallAssembler, tool_choice, tool_names
from tests.core.support import raised
from tests.fuzz.targets import check_calls


def piece(arguments: Any = "", **fields: Any) -> dict[str, Any]:
    """Return a piece of a tool call; ``name`` belongs into ``function``."""
    name = {"name": fields.pop("name")} if "name" in fields else {}
    return {**fields, "function": {**name, "arguments": arguments}}


def add(arguments: Any, index: Any = -1, id_: Any = "", name: Any = "add") -> dict[str, Any]:
    """Return a piece, without an index if that is -1."""
    where = {"index": index, "id": id_, "name": name}
    return piece(arguments, **{key: where[key] for key in where if where[key] not in (-1, "")})


sub, more = partial(add, name="sub"), partial(add, name="")
MAX = 2**63 - 1
WIRE = {"add_2": "+", "mal": "×"}
NAMES = ("arguments", "parameters", "input", "args", "kwargs", "params")
TOLD = [{"parameters": {"type": "object", key: 1}, key: 1} for key in ("properties", "description")]
HEADS = [[add("", 0, "c1")], [sub("", 1, "c2")]]
TWO, ALL = "add {} c1, sub [] c2", "add {1} c1, add {2} …, sub [] …"
GROWN = 'add {"a":[1,2]} c1'
TWICE, ENDING = ('{"a":1}', '{"a":1}\n'), ('{"a":', "1}", "\n")
SO_FAR = ('{"a"', '{"a":', '{"a":[', '{"a":[1,', *['{"a":[1,2]}'] * 2)
TEXT = [{"name": "add"}, *({"input": text} for text in ("", "{}", "{}", '"\n"'))]
ORDERS, ALIKE = ('{"a":1,"b":2}', '{"b":2,"a":1.0}'), ('{"a":1}', '{"a":true}')
ADD, ONE, RAW = "add {} c1", 'add {"a":1} c1', '\n\\\n"'
ENDED = [[add('"', 0, "c1")], [more(RAW, 0)], *([add(t, 0, "c1")] for t in (f'"{RAW}', ""))]
# pieces, one list a chunk → the calls: name, arguments, id, which is ours ("…") or its number
TABLE: dict[str, tuple[list[list[Any]], str]] = {
    "streamed": ([[add("", 0, "c1")], [more('{"a"', 0)], [more(":1}", 0)]], ONE),
    "interleaved": ([*HEADS, [more("{", 0), more("[", 1)], [more("]", 1)], [more("}", 0)]], TWO),
    "pieces in one chunk": ([[add("", 0, "c1"), more('{"a"', 0), more(":1}", 0)]], ONE),
    "no index": ([[add("", id_="c1")], [piece("{}")], [sub("", id_="c2")], [piece("[]")]], TWO),
    "index 0": ([[add("", 0, "c1")], [more("{}", 0)], [sub("", 0, "c2")], [more("[]", 0)]], TWO),
    "name after the id": ([[more("", 0, "c1")], [add("{}", 0)]], ADD),
    "arguments as an object": ([[add({"a": [1, "ü"]}, 0, "c1")]], 'add {"a":[1,"ü"]} c1'),
    "no arguments": ([[{"id": "c1", "x": 1, "function": {"name": "add", "y": 1}}]], "add  c1"),
    **{f"{one}": ([[add("", 0, "c1") | one], [{"index": 0} | one]], "add  c1") for one in TOLD},
    "null in pieces": ([[add(" ", 0, "c1")], [piece("nu")], [piece("ll ")]], "add  c1"),
    "arguments that begin like null": ([[add("no", 0, "c1")], [more("pe", 0)]], "add nope c1"),
    "function null at first": ([[{"index": 0, "id": "c1", "function": None}], [add("{}", 0)]], ADD),
    "nothing and null": ([[None, {}, {"index": 0}]], ""),
    **{key: ([[{"id": "c1", "name": "add", key: {"a": 1}}]], ONE) for key in NAMES},
    **{repr(no): ([[add(no, 0, "c1") | {"args": {"a": 1}}]], ONE) for no in ("", {}, None)},
    "arguments after others": ([[add("", 0, "c1") | {"args": "{}"}], [more('{"a":1}', 0)]], ONE),
    "custom": ([[{"id": "c1", "custom": {"name": "add", "input": "{}"}}]], ADD),
    "a text of its own": ([[{"id": "c1", "custom": text}] for text in TEXT], 'add {}{}"\n" c1'),
    "texts, fractions": ([HEADS[0], [sub("[", 1.0, "c2")], [more("{}", "0"), more("]", "1")]], TWO),
    "id, then a name": ([[add("", id_="c1")], *([add(t)] for t in (" ", "{", "}", "{}"))], ADD),
    "a name in pieces": ([[add("", 0, "c1", "ad")], [add("", 0, name="d")], [piece("{}")]], ADD),
    "a wire's name": ([[add("", 0, "c1", text)] for text in ("m", "al")], "×  c1"),
    "one that may go on": ([[add("", 0, "c1", text)] for text in ("add", "_2")], "+  c1"),
    "a name with the id": ([[add("", 0, "c1", n)] for n in ("a", "ad", "add", "add")], "add  c1"),
    "an id elsewhere": ([*HEADS, [more("[]", id_="c2"), piece("{", id="c1")], [more("}", 0)]], TWO),
    "an index of pieces": ([HEADS[0], [more(" ", 1)], [more("{", 2)], [more("}", 3, "c1")]], ADD),
    "an id of each piece": ([[add("{", 0, "c1")], [more("}", 0, "c2")]], ADD),
    "an unknown id, no name": ([[add("{", id_="c1")], [piece("}", id="c2")]], ADD),
    "the whole once more at the end": (ENDED, 'add "\\u000a\\\n" c1'),
    "a line's end behind it": ([[add(text, 0, "c1")] for text in ENDING], ONE),
    "and no ids": ([[add(text)] for text in ENDING], 'add {"a":1} …'),
    "or before the next": ([[add("{1}")], [add(" ")], [piece("{2}")]], "add {1} …, add {2} …"),
    "or there, at 0": ([[add("{1}", 0)], [add(" ", 0)], [more("{2}", 0)]], "add {1} …, add {2} …"),
    "once more with one": ([HEADS[0], *([add(text, 0, "c1")] for text in TWICE)], ONE),
    "spelt otherwise": ([HEADS[0], [more('{"a":1}', 0)], [add('{"a": 1}', 0, "c1")]], ONE),
    "once more, no name": ([[add("", 0, "c1")], [more('{"a":1}', 0)], [more('{"a": 1}', 0)]], ONE),
    "alike to Python": ([[add(one, 0, "c1")] for one in ALIKE], 'add {"a":1} c1, add {"a":true} …'),
    "another order": ([[add(one, 0, "c1")] for one in ORDERS], f"add {ORDERS[0]} c1"),
    "a key {": ([[add("", 0, "c1")], [more('{"', 0)], [more('{":1}', 0)]], 'add {"{":1} c1'),
    "all so far": ([HEADS[0], *([more(text, 0)] for text in ("{", *SO_FAR))], GROWN),
    "so of a key": ([HEADS[0], *([more(text, 0)] for text in ('{"', *SO_FAR))], GROWN),
    "what begins alike": ([[add('{"a":', 0, "c1")], [more('{"a":1}}', 0)]], 'add {"a":{"a":1}} c1'),
    "what is glued": ([[add('{"a":1}', 0, "c1")], [more('{"a":2}', 0)]], 'add {"a":1}{"a":2} c1'),
    "broken, glued": ([[add("{1}", 0, "c1")], [more("{2}", 0)]], "add {1}{2} c1"),
    "{} before the first": ([[add("{}", 0, "c1")], [more('{"a"', 0)], [more(":1}", 0)]], ONE),
    "index alone, one list": ([[add("", 0), add("1", 0), sub("", 0)]], "add  …, add 1 …, sub  …"),
    "index alone, one tool": ([[add("{1}", 0)], [add("{1}", 0)]], "add {1} …, add {1} …"),
    "one id for all": ([[add("{1}", id_="c1"), add("{2}", id_="c1")], [sub("[]", id_="c1")]], ALL),
    "one id, the same": ([[add("{1}", 0, "c1")] * 2], "add {1} c1, add {1} …"),
    "one id, another index": ([[add("{}", at, "c1")] for at in (0, 1)], "add {} c1, add {} …"),
    "one id, another name": ([[add("{", 0, "c1")], [sub("[", 0, "c1")]], "add { c1, sub [ …"),
    "one index, other ids": ([[add("{", 0, id_)] for id_ in ("c1", "c2")], "add { c1, add { c2"),
    "one index, no ids": ([[add("{", 0)], [add("}", 0)], [sub("\n", 0)]], "add {} …, sub  …"),
    "a name alone": ([[add("{")], [piece("[")], [add("]}")], [add("[]")]], "add {[]} …, add [] …"),
    "no name, then another id": ([[piece("{", id="c1")], [add("}", id_="c2")]], " { c1, add } c2"),
    "a brace in a text": ([[add(text, 0, "c1")] for text in ('{"a":"}"', "}")], 'add {"a":"}"} c1'),
    "one id, first broken": ([[add('{"a', 0, "c1"), sub("{}", 0, "c1")]], 'add {"a c1, sub {} …'),
    "braces, a list and a text in pieces": (
        [[add(text, 0, "c1")] for text in ('{"a":[{', '}],"b":"{', "\\", '"["}', "{}")]
        + [[sub("[]", 0, "c1")]],
        'add {"a":[{}],"b":"{\\"["} c1, add {} …, sub [] …',
    ),
    "a name at last": ([[piece("{", id="c1")], [piece("}", name="add")]], ADD),
    "index without id": ([[add("{", 0, "c1")], [more("}", 1)], [more("1", 2)]], "add {} c1,  1 …"),
    "as long": ([[add("1", 0, "c1")], *([add(t, 0)] for t in ("1", "", "2"))], "add 1 c1, add 2 …"),
    "numbers": ([[add("{}", 0, MAX, 8), sub("{}", 1, MAX + 1)]], f"8 {{}} {MAX}, sub {{}} …"),
    "whole": ([[add("{", 0, "c1"), add("}", 0, "c1"), sub("null")]], "add { c1, add } …, sub  …"),
}


def assembled(chunks: list[list[Any]], *, whole: bool = False) -> list[ToolCall]:
    """Return the calls, which are those that the deltas add up to, each with an id of its own."""
    for assembler in (ToolCallAssembler(), named := ToolCallAssembler(WIRE)):
        lists = [assembler.add(pieces, whole=whole) for pieces in chunks]
        assert all(len({one.index for one in deltas}) == len(deltas) for deltas in lists)
        check_calls([*chain(*lists), *assembler.flush()], assembler.calls)
    return named.calls


def test_pieces_become_calls() -> None:
    for name, (chunks, calls) in TABLE.items():
        made = assembled(chunks, whole=name == "whole")
        shown = ", ".join(f"{call.name} {call.arguments} {call.id}" for call in made)
        assert re.sub(r"\bcall_[0-9a-f]{32}\b", "…", shown) == calls, name
    many = [add("{}", at) for at in range(257)]
    assert len(assembled([many[1:]])) == 256
    assert "more than 256 tool calls" in str(raised(TypeError, assembled, [many]))
    (blank := ToolCallAssembler()).add([add(" ", 0, "1")])
    assert blank.add([add(" ", 0, "1")]) == blank._shown[0].pieces == []  # all are gone through
    assert "4096 characters" in str(raised(TypeError, assembled, [[add("{}", name="a" * 4097)]]))


BOTH = [ADD, _] = [{"type": "function", "function": {"name": n, "x": 1}} for n in ("add", "sub")]
NAMED_ADD, MUL = ({"type": "function", "function": {"name": name}} for name in ("add", "mul"))
CHOICES: list[tuple[Any, list[Any], Any]] = [
    *((choice, [ADD], None) for choice in (None, False)),
    *(({"type": choice}, [ADD], choice) for choice in ("auto", "none", "required")),
    *((choice, [ADD], "required") for choice in ("any", {"type": "any"})),
    *((True, [ADD], NAMED_ADD), (True, BOTH, "required"), ("auto", [ADD], "auto")),
    *((choice, BOTH, NAMED_ADD) for choice in ("add", NAMED_ADD, {"type": "tool", "name": "add"})),
]
WRONG: list[tuple[Any, list[Any], str]] = [
    ("mul", BOTH, "tool_choice='mul' names no tool that is offered: use one of 'add', 'sub', or"),
    (MUL, BOTH, "'mul', which is not among the tools offered: 'add', 'sub'"),
    (MUL, [], "offered: (no tools)"),
    *((odd, BOTH, f"tool_choice={odd!r} is not understood: ") for odd in (7, {"function": {}})),
    *((one, [], f"tool_choice={one!r}: no tool is offered that") for one in ("mul", "any", True)),
]


def test_every_form_of_a_tool_choice_and_those_that_name_nothing() -> None:
    assert [(choice, tools, tool_choice(choice, tools)) for choice, tools, _ in CHOICES] == CHOICES
    for choice, tools, said in WRONG:
        assert said in str(raised(ConfigurationError, tool_choice, choice, tools))
    tools = [ADD, {"type": "function", "name": "flat"}, {"type": "web_search"}]
    assert tool_names([*tools, {}, {"function": {}}]) == ["add", "flat", "web_search", "", ""]


HALVES = {
    r'{"a": "\ud83d\ude00\n\u00e4"}': "😀\nä",
    r'{"a": "\ude00\uD83D\ud83d\ude00"}': "\ufffd\ufffd😀",
    r'{"a": "\\ud83d\\\ud83d"}': "\\ud83d\\\ufffd",
    '{\n\t"a":\r\n"x\ny\\"\t"\n}': 'x\ny"\t',  # strict readers refuse raw line ends in a text
}
# what has come → what of it shows, whatever follows
SHOWN = {
    **{text: text for text in (r"\n12345", r"\u00e4", r"\n")},
    **{r'{"a": "' + end: r'{"a": "' for end in ("\\", r"\u", r"\ud8", r"\u00e")},
    "12345\\": "12345",
    r"\ud83dx": r"\ufffdx",
    "\\ud83d12\\": r"\ufffd12",
    **dict.fromkeys([r"\ud83d", "\\ud83d\\", r"\ud83d\ude0"], ""),
}


def test_halves_of_surrogate_pairs_in_arguments() -> None:
    """A tool, a checkpoint and the next request could not encode them."""
    for written, read in HALVES.items():
        for cut in range(len(written) + 1):
            pieces = [written[:cut], written[cut : cut + 3], written[cut + 3 :]]
            (call,) = assembled([[add(text, 0, "1")] for text in pieces])
            assert json.loads(call.arguments) == {"a": read}
    for text, shown in SHOWN.items():
        (delta,) = ToolCallAssembler().add([add(text)])
        assert delta.arguments == shown
        assert "{" not in text or assembled([[add(text)]])[0].arguments == text
