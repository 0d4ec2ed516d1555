"""Tool calls as they come, and tool choices as they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from pydantic_core import to_json

from dsgvo.errors import ConfigurationError

__all__ = ["ToolCall", "ToolCallAssembler", "ToolCallDelta", "tool_choice", "tool_names"]


@dataclass(slots=True)
class ToolCall:
    """A tool call as the model wrote it; ``arguments`` is JSON text, perhaps broken."""

    id: str
    name: str
    arguments: str


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of a tool call. ``id`` and ``name`` come with the first piece of each ``index``."""

    index: int
    id: str | None
    name: str | None
    arguments: str


class ToolCallAssembler:
    """Gives every piece its place and puts the pieces together.

    ``index`` tells calls apart; some gateways leave it out or send 0 for each call, so a new
    ``id`` beside a name begins a new call too. A call without an id is given one, since both
    frameworks answer a call by its id.
    """

    __slots__ = ("_by_wire_index", "calls")

    def __init__(self) -> None:
        self.calls: list[ToolCall] = []
        self._by_wire_index: dict[int, int] = {}

    def add(self, pieces: Iterable[Mapping[str, Any]]) -> list[ToolCallDelta]:
        """Take the ``tool_calls`` list of a message or a delta."""
        return [self._add(piece) for piece in pieces]

    def _add(self, piece: Mapping[str, Any]) -> ToolCallDelta:
        function: Mapping[str, Any] = piece.get("function") or {}
        name = _text(function.get("name"))
        call_id = _text(piece.get("id"))
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):  # some gateways send the object itself
            arguments = to_json(arguments).decode()
        position = self._position(piece.get("index"), call_id, name)
        if position == len(self.calls):
            call = ToolCall(call_id or f"call_{uuid4().hex}", name or "", arguments)
            self.calls.append(call)
            return ToolCallDelta(position, call.id, call.name, arguments)
        call = self.calls[position]
        call.arguments += arguments
        if name and not call.name:
            call.name = name
            return ToolCallDelta(position, None, name, arguments)
        return ToolCallDelta(position, None, None, arguments)

    def _position(self, index: object, call_id: str | None, name: str | None) -> int:
        new = len(self.calls)
        known = self._by_wire_index.get(index) if isinstance(index, int) else new - 1
        if known is None or known < 0:
            position = new
        else:
            call = self.calls[known]
            differs = call_id is not None and call_id != call.id
            restarts = call_id is None and index is None and name is not None and bool(call.name)
            position = new if (differs and name is not None) or restarts else known
        if isinstance(index, int):
            self._by_wire_index[index] = position
        return position


def _text(value: object) -> str | None:
    """Return a name or id; some gateways number their calls."""
    if isinstance(value, int):
        return str(value)
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
        ConfigurationError: If the choice names no tool offered, or has another form.

    Example:
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
        case True:
            return _named(names[0]) if len(names) == 1 else "required"
        case "any":
            return "required"
        case "auto" | "none" | "required":
            return choice
        case str() if choice in names:
            return _named(choice)
        case str():
            raise ConfigurationError(
                f"tool_choice={choice!r} names no tool that is offered: use one of "
                f"{', '.join(map(repr, names)) or '(no tools)'}, or 'auto', 'none', 'required'"
            )
        case {"function": {"name": str(name)}}:
            if name not in names:
                raise ConfigurationError(
                    f"tool_choice names the function {name!r}, which is not among the tools "
                    f"offered: {', '.join(map(repr, names)) or '(no tools)'}"
                )
            return dict(choice)
        case {"type": "auto" | "none" | "any" | "required" as kind}:
            return tool_choice(kind, tools)
        case {"type": "tool", "name": str(name)}:  # Anthropic's form, which LangChain passes on
            return tool_choice({"type": "function", "function": {"name": name}}, tools)
        case _:
            raise ConfigurationError(
                f"tool_choice={choice!r} is not understood: use 'auto', 'none', 'required', a "
                "tool's name, or {'type': 'function', 'function': {'name': …}}"
            )


def _named(name: str) -> dict[str, Literal["function"] | dict[str, str]]:
    return {"type": "function", "function": {"name": name}}
