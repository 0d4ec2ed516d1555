"""Names of tools and schemas that OpenAI's API takes, in place of those that it does not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, cast

from dsgvo.wire.masking import EXCERPT, masked
from dsgvo.wire.tools import NO_NAMES

__all__ = ["said_model", "said_request_id", "valid_name", "valid_tool_names"]

_LONGEST_ID = 200  # that an answer gives
_NO_ID = "(no id)"

# Blanks and control characters; what is neither shown nor any part of an id.
_AROUND = "".join(map(chr, (*range(33), *range(0x7F, 0xA1), 0x200B, 0xFEFF)))

_LONGEST = 64
_VALID = re.compile(rf"[a-zA-Z0-9_-]{{1,{_LONGEST}}}")
_MODEL = re.compile(rf"[\w./:@+~\\-]{{1,{_LONGEST_ID}}}", re.ASCII)
_DATE = re.compile(r"[-@:][\d-]{4,10}", re.ASCII)
_REQUEST = re.compile(r"[\w./:@+~|=,;#*-]+", re.ASCII)
_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"}
)


def said_model(
    said: str | None, asked: str | None, secrets: Callable[[], Iterable[str]]
) -> str | None:
    r"""Return the model that an answer names, for logs: a server may write anything there.

    Args:
        said: What it names, if it does.
        asked: What was asked for. A date after that is nobody's secret.
        secrets: Keys and prompts, looked for where it is another name. Short ones are found in
            ordinary names, of which they are a small part.

    Examples:
        >>> said_model(" gpt-4o@eu\n", "gpt-4o", tuple), said_model("Erika X", "gpt-4o", tuple)
        ('gpt-4o@eu', '(no id)')
        >>> said_model("Erika-Mustermann", "gpt-4o", lambda: ["Erika Mustermann"])
        '(no id)'
    """
    if not (said := said and said.strip(_AROUND)) or said == asked:
        return said
    if asked and said.startswith(asked) and _DATE.fullmatch(said, len(asked)):
        return said
    if not _MODEL.fullmatch(said):
        return _NO_ID
    private = (one for one in secrets() if len(one) >= EXCERPT or 2 * len(one) > len(said))
    return said if masked(said, private) == said else _NO_ID


def said_request_id(said: str) -> str | None:
    """Return the id that a server gives a request, if it is one.

    Examples:
        >>> said_request_id("Root=1-5f/a"), said_request_id("Erika%20Mustermann")
        ('Root=1-5f/a', None)
    """
    return said[:_LONGEST_ID] if _REQUEST.fullmatch(said[:_LONGEST_ID]) else None


def valid_name(name: str, *, otherwise: str = "answer") -> str:
    """Return a name as OpenAI's API takes it: 1 to 64 of ``a-zA-Z0-9_-``.

    Args:
        name: That of a tool, a schema, or of who speaks.
        otherwise: What it is if nothing is left of it.

    Examples:
        >>> valid_name("Antwort[int]"), valid_name("Größe")
        ('Antwort_int', 'Groesse')
    """
    if _VALID.fullmatch(name):
        return name
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", name).translate(_UMLAUTS))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    kept = re.sub(r"[^a-zA-Z0-9_-]+", "_", plain)
    return (kept if kept == name else kept.strip("_"))[:_LONGEST] or otherwise


def valid_tool_names(body: dict[str, Any]) -> Mapping[str, str]:
    """Give the tools of a request and of its history valid names, in its choice too.

    Returns:
        The tools' own names by those on the wire, for the answer; nearly always none.

    Examples:
        >>> body = {"messages": [], "tools": [{"type": "function", "function": {"name": "Größe"}}]}
        >>> valid_tool_names(body), body["tools"][0]["function"]["name"]
        ({'Groesse': 'Größe'}, 'Groesse')
    """
    tools = cast("Sequence[Mapping[str, Any]]", body.get("tools") or ())
    called = (message["tool_calls"] for message in body["messages"] if message.get("tool_calls"))
    own = dict.fromkeys(map(_name, chain(tools, *called)))
    wrong = [name for name in own if name and not _VALID.fullmatch(name)]
    if not wrong:
        return NO_NAMES
    taken = set(own)
    wire: dict[str, str] = {}
    for name in wrong:
        valid, number = valid_name(name), 1
        while valid in taken:
            number += 1
            valid = f"{valid_name(name)[: _LONGEST - 8]}_{number}"
        taken.add(valid)
        wire[name] = valid
    if tools:
        body["tools"] = [_renamed(tool, wire) for tool in tools]
    if isinstance(body.get("tool_choice"), Mapping):
        body["tool_choice"] = _renamed(body["tool_choice"], wire)
    body["messages"] = [_message(message, wire) for message in body["messages"]]
    starts = tuple(wire.values())  # an answer's first piece of another tool's name may be one
    return {wire.get(name, name): name for name in own if name in wire or name.startswith(starts)}


def _name(item: Mapping[str, Any]) -> str:
    """Return the name of a tool, of a call or of what is chosen; nothing if it has none."""
    function: object = item.get("function")
    if not isinstance(function, Mapping):
        return ""
    name: object = cast("Mapping[str, Any]", function).get("name")
    return name if isinstance(name, str) else ""


def _renamed(item: Mapping[str, Any], wire: Mapping[str, str]) -> Mapping[str, Any]:
    name = wire.get(_name(item))
    return item if name is None else {**item, "function": {**item["function"], "name": name}}


def _message(message: Mapping[str, Any], wire: Mapping[str, str]) -> Mapping[str, Any]:
    changed = dict(message)
    if calls := changed.get("tool_calls"):
        changed["tool_calls"] = [_renamed(call, wire) for call in calls]
    if changed.get("role") == "tool" and (name := wire.get(str(changed.get("name")))) is not None:
        changed["name"] = name
    return changed
