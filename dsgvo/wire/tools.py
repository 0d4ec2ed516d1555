"""Assembly of streamed tool calls, and the wire form of a tool choice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from uuid import uuid4

from pydantic_core import to_json

from dsgvo.errors import ConfigurationError
from dsgvo.wire.arguments import shown
from dsgvo.wire.messages import tool_arguments

__all__ = [
    "NO_NAMES",
    "ToolCall",
    "ToolCallAssembler",
    "ToolCallDelta",
    "joined",
    "tool_choice",
    "tool_names",
]


@dataclass(slots=True)
class ToolCall:
    """A tool call as the model wrote it; ``arguments`` is JSON text, perhaps broken."""

    id: str
    name: str
    arguments: str


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of a tool call: pieces of ``name`` and ``arguments`` add up under each ``index``.

    ``id`` comes with the first piece.
    """

    index: int
    id: str | None
    name: str | None
    arguments: str


_ARGUMENTS = ("arguments", "parameters", "input", "args", "kwargs", "params")  # gateways' names
_CALL_KEYS = frozenset({"id", "index", "type", "function", "custom", "name", *_ARGUMENTS})
_INDEX = re.compile(r"(\d{1,9})(?:\.0)?")
_ESCAPE = re.compile(r"\\(?:u[\da-fA-F]{0,4}|[^u])?", re.S)
_HIGH = re.compile(r"\\u[dD][89abAB][\da-fA-F]{2}")
_HALF = re.compile(  # group 1: what is left as it is
    r"(\\[^u]|\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2})"
    r"|\\u[dD][89a-fA-F][\da-fA-F]{2}",
    re.S,
)
_CONTROL = re.compile(r"[\x00-\x1f]")
_IN_TEXT = re.compile(r'(\\.|")', re.S)
_MARK = re.compile(r'\\.|["{}\[\]]', re.S)


NO_NAMES: Mapping[str, str] = {}

MAX_NAME = 4096
"""Characters of a called tool's name, which may come in pieces; one that is offered has 64."""

MAX_CALLS = 256
"""Calls of one answer; both frameworks look at all of them again with each further piece."""


@dataclass(slots=True)
class _Call:
    """A call that is being put together."""

    id: str | None = None  # the vendor's
    shown_id: str = ""
    name: str = ""  # on the wire
    shown_name: str = ""  # where names on the wire may be others
    position: int | None = None  # among the calls that show; one without content does not
    pieces: list[str] = field(default_factory=list[str])
    tail: str = ""  # an escape sequence that is not whole yet
    size: int = 0
    is_text: bool = False  # a custom tool's input, which is no JSON
    waits: bool = False  # for arguments, without which it is none
    blank: bool = True  # no arguments have come yet
    held: bool = False  # the arguments may be ``null`` or ``{}``, and others still come
    so_far: bool = False  # pieces have come that hold all so far
    beside: str = ""  # the arguments if none come in their place
    list_number: int = 0
    scanned: int = 0
    depth: int = 0
    quoted: bool = False
    fields: dict[str, Any] = field(default_factory=dict[str, Any])  # those not known here

    @property
    def arguments(self) -> str:
        text = "".join(self.pieces) + _without_halves(self.tail)
        return "" if self.held and text.strip() == "null" else text or self.beside

    def extend(self, arguments: str) -> str:
        """Take a piece of the arguments, and return what of them is certain."""
        if self.is_text:
            self.blank = False
            self.pieces.append(arguments)
            return arguments
        if self.blank:
            arguments = arguments.lstrip()  # white space alone is no arguments
            self.blank = not arguments
            self.held = arguments.startswith("n") or arguments.rstrip() == "{}"
        elif self.held and arguments.lstrip().startswith("{"):  # by LiteLLM, before the first piece
            self.held, self.size, self.scanned, self.depth = False, 0, 0, 0
            self.pieces.clear()
        else:
            arguments = self.left_of(arguments)
        self.size += len(arguments)
        if self.tail or "\\" in arguments:
            text = self.tail + arguments
            cut = _end_of_whole_escapes(text)
            arguments, self.tail = _without_halves(text[:cut]), text[cut:]
        if _CONTROL.search(arguments):
            arguments = self._without_controls(arguments)
        if arguments:  # however many blank ones come, all are gone through again and again
            self.pieces.append(arguments)
        return "" if self.held else arguments

    def left_of(self, piece: str) -> str:
        """Return what is new of a piece that may begin with all arguments so far, or repeat them.

        Nowhere within JSON do they stand once more, unless a value begins there, or the key ``{``.
        """
        if not piece.startswith("{") or 8 * len(piece) < self.size:
            return piece
        text = self.arguments
        is_key = text == '{"' and (piece[2:3] == ":" or not piece[2:3].strip())
        may_nest = is_key or text.rstrip()[-1:] in {*":,["}
        if piece.startswith(text) and (self.so_far or not may_nest):
            self.so_far = True
            return piece[len(text) :]
        known = _value(text) if self.is_complete() else None
        return "" if known is not None and known == _value(piece) else piece

    def _without_controls(self, piece: str) -> str:
        """Return a piece whose texts have no raw line ends, which strict readers refuse."""
        self.is_complete()  # then it is known whether the piece begins inside a text
        quoted, parts = self.quoted, list[str]()
        for part in _IN_TEXT.split(piece):
            quoted ^= part == '"'
            escaped = part.startswith("\\")  # what is meant by it nobody knows
            parts.append(_CONTROL.sub(_as_escape, part) if quoted and not escaped else part)
        return "".join(parts)

    def is_complete(self) -> bool:
        """Return whether the arguments are closed; each piece of them is looked at once."""
        text = "".join(self.pieces[self.scanned :])  # an escape is whole in a piece
        self.scanned = len(self.pieces)
        for match in _MARK.finditer(text):
            mark = match[0]
            if mark == '"':
                self.quoted = not self.quoted
            elif not self.quoted and len(mark) == 1:
                self.depth += 1 if mark in "{[" else -1
        return self.size > 0 and self.depth <= 0 and not self.quoted


class ToolCallAssembler:
    """Puts pieces of tool calls together: each call once, none glued to another.

    ``index`` tells calls apart. Gateways leave it out or send 0 for each call, repeat ids, leave
    them out too, or send the whole call with each piece, so a name begins a new call unless the
    pieces say that it goes on. Frameworks answer a call by its id: one without an id, or with one
    that another call has, is given its own.
    """

    __slots__ = ("_by_id", "_by_index", "_ids", "_last", "_lists", "_names", "_shown")

    def __init__(self, names: Mapping[str, str] = NO_NAMES) -> None:
        self._names = names
        self._shown: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._ids: set[str] = set()
        self._last: _Call | None = None
        self._lists = 0

    @property
    def begun(self) -> bool:
        """Whether there is a call."""
        return bool(self._shown)

    @property
    def calls(self) -> list[ToolCall]:
        """The calls so far."""
        return [
            ToolCall(call.shown_id, call.shown_name or self._own(call.name), call.arguments)
            for call in self._shown
        ]

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        """What came with the calls and is not known here, by their ids."""
        return {call.shown_id: call.fields for call in self._shown if call.fields}

    def add(
        self, pieces: Iterable[Mapping[str, Any] | None], *, whole: bool = False
    ) -> list[ToolCallDelta]:
        """Take the ``tool_calls`` list of a delta, or of a ``whole`` message: a call an item.

        Returns:
            One piece a call: LangChain adds up those of two chunks, not two of one.
        """
        self._lists += 1
        added = (self._add(piece, whole) for piece in pieces if piece)
        return joined(delta for delta in added if delta is not None)

    def are(self, pieces: Iterable[Mapping[str, Any] | None]) -> bool:
        """Return whether a whole message's calls are those that have come, and all of them."""
        again = ToolCallAssembler(self._names)
        again.add(pieces, whole=True)
        return _meant(again.calls) == _meant(self.calls)

    def flush(self, *, cut: bool = False) -> list[ToolCallDelta]:
        """Return what was held back, at the end of the answer.

        Args:
            cut: Whether the answer was cut. A last call without arguments was it before the first
                of them then, and would be carried out as if it were to have none.
        """
        deltas: list[ToolCallDelta] = []
        for call in self._shown:
            lost = "{" if cut and call is self._shown[-1] else ""
            rest = call.extend(call.beside or lost) if call.blank else ""
            rest = call.arguments if call.held else rest + _without_halves(call.tail)
            name = self._name(call, "", whole=True) if self._names else ""
            if name or rest:
                deltas.append(ToolCallDelta(cast("int", call.position), None, name or None, rest))
        return deltas

    def _add(self, piece: Mapping[str, Any], whole: bool) -> ToolCallDelta | None:
        function: Mapping[str, Any] = piece.get("function") or piece.get("custom") or piece
        name = _text(function.get("name"))
        call_id = _text(piece.get("id"))
        said = function.get("arguments")
        arguments = _json(said)
        beside = "" if arguments else _json(_elsewhere(piece, function))
        if said is None:  # else there may come some, and then both would be one text
            arguments = arguments or beside
        index = piece.get("index")
        if index is not None and not isinstance(index, int):  # some send a text, or a fraction
            index = int(found[1]) if (found := _INDEX.fullmatch(str(index))) else None
        call = None if whole else self._known(index, call_id, name, arguments)
        if call is None:
            call = _Call(is_text=bool(piece.get("custom")))
        if not piece.keys() <= _CALL_KEYS:
            rest = piece.keys() - _CALL_KEYS
            call.fields |= {key: piece[key] for key in rest if piece[key] is not None}
        call.beside = beside.strip() or call.beside
        if name and arguments and call.name == name and _repeats(call, arguments):
            return None
        self._last = call
        call.list_number = self._lists
        if isinstance(index, int):
            self._by_index[index] = call
        if call_id:
            call.id = call.id or call_id
            self._by_id[call_id] = call
        return self._extend(call, name, arguments)

    def _known(
        self, index: object, call_id: str | None, name: str | None, arguments: str
    ) -> _Call | None:
        """Return the call that a piece belongs to, or nothing if it begins one."""
        call = self._addressed(index, call_id, name, arguments)
        if call is None or not name or not call.name:
            return call
        if call_id and call_id != call.id:
            return None
        again = call.name == name and call.list_number < self._lists
        if call.is_complete():  # one that has an id may come once more, with it or without
            if again and arguments.isspace():  # what models write behind it
                return call if call.id else _Call(waits=True)
            same = not arguments or _repeats(call, arguments)
            return call if call.id and again and same else None
        if call_id is None and not isinstance(index, int):
            # Without an index, an id begins a call, or a name does.
            return call if again and (call.id or call.size) else None
        if not (call.id or again):
            return None  # without ids, a name is all that tells two calls apart
        if call.name == name:
            return call
        return None if call.size or call.list_number == self._lists else call

    def _addressed(
        self, index: object, call_id: str | None, name: str | None, arguments: str
    ) -> _Call | None:
        """Return the call that a piece names by its index or id, else the last one."""
        if isinstance(index, int):
            call = self._by_index.get(index)
            if call is None and not name:  # an index that counts pieces
                return self._by_id.get(call_id) if call_id else self._open(arguments)
            return call
        if call_id:
            return self._by_id.get(call_id) or (None if name else self._last)
        return self._last

    def _open(self, arguments: str) -> _Call | None:
        """Return the last call that shows if it waits for arguments, and these are some."""
        last = self._shown[-1] if self._shown and arguments.strip() else None
        return last if last and last.name and not last.is_complete() else None

    def _extend(self, call: _Call, name: str | None, arguments: str) -> ToolCallDelta | None:
        more = _rest_of_name(call.name, name or "")
        call.name += more
        if len(call.name) > MAX_NAME:
            raise TypeError(f"a tool call's name has more than {MAX_NAME} characters")
        if call.position is None:
            if not arguments.strip() and (call.waits or not call.name):  # nothing to call yet
                return None
            more = call.name
        shown = call.extend(arguments) if arguments else ""
        if self._names:
            more = self._name(call, more, whole=not call.blank)
        if call.position is not None:
            if more or shown:
                return ToolCallDelta(call.position, None, more or None, shown)
            return None
        if len(self._shown) >= MAX_CALLS:
            raise TypeError(f"more than {MAX_CALLS} tool calls")
        call.position = len(self._shown)
        self._shown.append(call)
        new = call.id if call.id and call.id not in self._ids else f"call_{uuid4().hex}"
        self._ids.add(new)
        call.shown_id = new
        return ToolCallDelta(call.position, new, more or None, shown)

    def _name(self, call: _Call, more: str, *, whole: bool) -> str:
        """Return what shows of the next piece of a name; one that the wire changed shows whole."""
        if not call.shown_name:
            others = self._names.keys() - {call.name}
            if not whole and any(name.startswith(call.name) for name in others):
                return ""
            more = self._own(call.name)
        call.shown_name += more
        return more

    def _own(self, name: str) -> str:
        return self._names.get(name, name)


def joined(deltas: Iterable[ToolCallDelta]) -> list[ToolCallDelta]:
    """Return one piece a call."""
    found: dict[int, list[ToolCallDelta]] = {}
    for delta in deltas:
        found.setdefault(delta.index, []).append(delta)
    return [_joined(pieces) for pieces in found.values()]


def _value(arguments: str) -> str | None:
    """Return what arguments say, without its spelling."""
    found = tool_arguments(arguments)
    if found is None:
        return None
    return json.dumps(json.loads(json.dumps(found, sort_keys=True), parse_float=_number))


def _number(text: str) -> float:
    """Return a number, an integer if it is one: other languages write 1.0 as 1."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _meant(calls: Iterable[ToolCall]) -> list[tuple[str, Any]]:
    """Return calls without their ids, and without the spelling of arguments that are whole."""
    return [(call.name, _value(call.arguments) or call.arguments) for call in calls]


def _joined(deltas: list[ToolCallDelta]) -> ToolCallDelta:
    first, *more = deltas
    if not more:  # nearly always
        return first
    name = "".join(delta.name or "" for delta in deltas) or None
    return ToolCallDelta(first.index, first.id, name, "".join(one.arguments for one in deltas))


def _as_escape(control: re.Match[str]) -> str:
    return f"\\u{ord(control[0]):04x}"


def _end_of_whole_escapes(text: str) -> int:
    """Return where an escape sequence at the end begins that the next piece may go on with."""
    high = -1  # where half a surrogate pair begins, if that is what came last
    for match in _ESCAPE.finditer(text):
        start, end = match.span()
        before = high if high >= 0 and high + 6 == start else start
        if end == len(text) and (end - start < 2 or (match[0][1] == "u" and end - start < 6)):
            return before
        high = start if _HIGH.fullmatch(match[0]) else -1
    return high if high >= 0 and high + 6 == len(text) else len(text)


def _without_halves(text: str) -> str:
    """Return JSON text with U+FFFD in place of halves of surrogate pairs."""
    return _HALF.sub(lambda match: match[1] or "\\ufffd", text) if "\\" in text else text


def _repeats(call: _Call, arguments: str) -> bool:
    if not call.is_complete():
        return False
    if not call.left_of(arguments).strip():
        return True
    if len(arguments.lstrip()) != call.size:
        return False
    again = _Call()
    again.extend(arguments)
    return again.arguments == call.arguments


def _rest_of_name(known: str, name: str) -> str:
    """Return what a piece adds to a name; some gateways repeat it, or what has come of it."""
    return name.removeprefix(known)


def _elsewhere(piece: Mapping[str, Any], function: Mapping[str, Any]) -> object:
    """Return the arguments of a call that has none, or empty ones, in their place."""
    for place in (function, piece):
        for key in _ARGUMENTS:
            value = place.get(key)
            if value and value != function.get("arguments") and not _is_schema(key, place):
                return value
    return None


def _is_schema(key: str, place: Mapping[str, Any]) -> bool:
    """Return whether that is the tool as it was offered, which some gateways repeat."""
    match place[key]:
        case {"type": "object", **more} if key == "parameters":
            return "properties" in more or "description" in place
        case _:
            return False


def _json(arguments: object) -> str:
    """Return arguments as JSON text; some gateways send the object itself."""
    if isinstance(arguments, str):
        return arguments
    return to_json(arguments).decode() if arguments else ""


def _text(value: object) -> str | None:
    """Return a name or id; some gateways number their calls."""
    if isinstance(value, int):
        return None if isinstance(value, bool) or value.bit_length() > 63 else str(value)
    if value is None or isinstance(value, str):
        return value or None
    raise TypeError(f"a tool call's name or id is a {type(value).__name__}")


def tool_names(tools: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of tools in OpenAI's form; built-in tools go by their ``type``."""
    return [
        str((tool.get("function") or tool).get("name") or tool.get("type") or "") for tool in tools
    ]


def tool_choice(
    choice: str | bool | Mapping[str, Any] | None, tools: Sequence[Mapping[str, Any]]
) -> str | dict[str, Any] | None:
    """Turn every form of a tool choice that users know into the one on the wire.

    Args:
        choice: ``"auto"``, ``"none"``, ``"required"`` or ``"any"`` (the same), a tool's name, a
            bool (``True``: required, or the one tool there is; ``False``: no choice is sent), or
            OpenAI's object.
        tools: The tools offered, in OpenAI's form.

    Raises:
        ConfigurationError: If the choice names no tool offered, wants a call where there is none,
            or has another form.

    Examples:
        >>> adder = {"type": "function", "function": {"name": "add", "parameters": {}}}
        >>> tool_choice("add", [adder])
        {'type': 'function', 'function': {'name': 'add'}}
        >>> tool_choice("any", [adder])
        'required'
    """
    names = tool_names(tools)
    match choice:
        case None | False:
            return None
        case True | str() if not names and choice not in ("auto", "none"):
            raise ConfigurationError(
                f"tool_choice={shown(choice)}: no tool is offered that could be called: pass "
                "tools=…, or leave it out"
            )
        case True:
            return _named(names[0]) if len(names) == 1 else "required"
        case str("any"):  # an array is compared with none
            return "required"
        case str("auto" | "none" | "required"):
            return choice
        case str() if choice in names:
            return _named(choice)
        case str():
            raise ConfigurationError(
                f"tool_choice={shown(choice)} names no tool that is offered: use one of "
                f"{', '.join(map(repr, names))}, or 'auto', 'none', 'required'"
            )
        case {"function": {"name": str(name)}}:
            if name not in names:
                raise ConfigurationError(
                    f"tool_choice names the function {shown(name)}, which is not among the tools "
                    f"offered: {', '.join(map(repr, names)) or '(no tools)'}"
                )
            return dict(choice)
        case {"type": "auto" | "none" | "any" | "required" as kind}:
            return tool_choice(kind, tools)
        case {"type": "tool", "name": str(name)}:  # Anthropic's form, which LangChain passes on
            return tool_choice({"type": "function", "function": {"name": name}}, tools)
        case _:
            raise ConfigurationError(
                f"tool_choice={shown(choice)} is not understood: use 'auto', 'none', 'required', a "
                "tool's name, or {'type': 'function', 'function': {'name': …}}"
            )


def _named(name: str) -> dict[str, Literal["function"] | dict[str, str]]:
    return {"type": "function", "function": {"name": name}}
