"""What the answers of two recordings differ in but their values: fields and types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from dsgvo.emulator.cassettes.bodies import events

Shape = Mapping[str, set[str]]


def differences(old: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say in which fields and types the answers on new cassettes differ from those on old ones.

    Args:
        old: Parsed cassettes from the emulator.
        new: Parsed cassettes of the same tests from the vendor.
    """
    before, after = _answers(old), _answers(new)
    lines: list[str] = []
    for kind in sorted(before.keys() | after.keys()):
        if kind not in before or kind not in after:
            lines.append(f"{kind}: only {'live' if kind in after else 'from the emulator'}")
            continue
        lines += [f"{kind}: {line}" for line in _compared(before[kind], after[kind])]
    return lines


def _compared(old: Shape, new: Shape) -> Iterable[str]:
    for field in sorted(old.keys() | new.keys()):
        here, there = _types(old.get(field)), _types(new.get(field))
        if field not in old:
            yield f"{field} ({there}) only live"
        elif field not in new:
            yield f"{field} ({here}) only from the emulator"
        elif here != there:
            yield f"{field} is {there} live, {here} from the emulator"


def _types(types: set[str] | None) -> str:
    return " or ".join(sorted(types or ()))


def _answers(cassettes: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, set[str]]]:
    """Collect the fields of all answers of one kind: endpoint, status, and JSON or stream."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for cassette in cassettes:
        for one in cassette["interactions"]:
            request, response = one["request"], one["response"]
            path = urlsplit(request["url"]).path
            layout = next((name for name in ("json", "sse") if name in response), "text")
            kind = f"{request['method']} {path} {response['status']} {layout}"
            values = events(response["sse"]) if layout == "sse" else [response.get("json")]
            shape = found[kind]
            for value in values:
                _collect(value, "", shape)
    return found


def _collect(value: Any, path: str, shape: dict[str, set[str]]) -> None:
    names = {type(None): "null", str: "string", bool: "boolean", dict: "object", list: "array"}
    shape[path or "$"].add(names.get(type(value), "number"))
    if isinstance(value, dict):
        for name, one in value.items():
            _collect(one, f"{path}.{name}" if path else name, shape)
    elif isinstance(value, list):
        for one in value:
            _collect(one, f"{path}[]", shape)
