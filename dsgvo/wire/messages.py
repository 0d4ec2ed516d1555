"""Histories in the form that every vendor takes, for the messages of both frameworks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic_core import from_json, to_json

from dsgvo.errors import ConfigurationError
from dsgvo.providers import Provider

__all__ = [
    "CALL_FIELDS",
    "REASONING_FIELDS",
    "assistant_message",
    "content_of",
    "function_call",
    "media_after_tool_results",
    "tool_arguments",
    "without_surrogates",
]

REASONING_FIELDS = ("reasoning_content", "reasoning_details", "thinking_blocks")
"""Fields of an assistant's message in which servers want its thoughts back."""

CALL_FIELDS = "tool_call_fields"
"""Where an answer keeps, by a call's id, what came with the call and is not known here."""

_THOUGHT_TEXTS = frozenset({"text", "summary", "data", "thinking", "signature"})
_DOCUMENTS = frozenset({"upload", "file_url", "file"})


def tool_arguments(text: str) -> dict[str, Any] | None:
    r"""Return the arguments of a tool call, or ``None`` if they are not a JSON object.

    Nothing, white space and ``null`` are a call without arguments. Line breaks inside of texts,
    which models leave unescaped, are no fault; half a surrogate pair becomes U+FFFD.

    Examples:
        >>> tool_arguments('{"city": "Ulm"}'), tool_arguments("null"), tool_arguments('{"city"')
        ({'city': 'Ulm'}, {}, None)
    """
    if not text or text.isspace() or text.strip() == "null":
        return {}
    try:
        found: object = from_json(text)
    except (TypeError, ValueError) as error:  # a TypeError for half a surrogate pair
        if "recursion limit" in str(error):  # deeper than can be written back
            return None
        try:
            found = without_surrogates(json.loads(text, strict=False))
        except (ValueError, RecursionError):
            return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def function_call(
    call_id: str | None, name: str | None, arguments: Mapping[str, Any] | str | None
) -> dict[str, Any]:
    """Return a tool call of an earlier turn, with arguments that a strict server takes.

    Broken arguments go back inside of a JSON object that quotes them, and what is no number in JSON
    as a text, and a call without a name has one: a server that reads them would refuse the whole
    conversation.

    Raises:
        ConfigurationError: If the arguments cannot be written as JSON.

    Examples:
        >>> function_call("call_1", "add", "{a: 1")["function"]["arguments"]
        '{"invalid_arguments":"{a: 1"}'
    """
    if isinstance(arguments, str):
        text = arguments if _is_object(arguments) else _written(_repaired(arguments), name)
    else:
        text = _written(arguments or {}, name)
    function = {"name": name or "unnamed", "arguments": text}
    return {"id": call_id, "type": "function", "function": function}


def assistant_message(
    content: str,
    calls: Sequence[Mapping[str, Any]],
    *,
    refusal: object = None,
    reasoning: Mapping[str, Any],
) -> dict[str, Any]:
    """Return an assistant's earlier turn.

    Args:
        content: Its text.
        calls: Its tool calls, as :func:`function_call` gives them.
        refusal: Text with which the model declined, in place of content.
        reasoning: Its thoughts by the names of ``REASONING_FIELDS``, and by ``CALL_FIELDS`` what
            came with its calls. All of that leaves the message again by ``in_forms``, until a
            server wants it.
    """
    if not content and not calls and isinstance(refusal, str):
        content = refusal
    kept = {name: _joined(value) for name in REASONING_FIELDS if (value := reasoning.get(name))}
    if not calls:
        return {"role": "assistant", "content": content, **kept}
    if isinstance(fields := reasoning.get(CALL_FIELDS), Mapping):
        by_id = cast("Mapping[str, Any]", fields)
        calls = [{**_object(by_id.get(call["id"])), **call} for call in calls]
    return {"role": "assistant", "content": content or None, "tool_calls": list(calls), **kept}


def content_of(parts: Sequence[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Return content as one text, if it is text: two of the four vendors document that alone.

    Of other content, parts without text are left out: Claude refuses them.
    """
    if all(part["type"] == "text" for part in parts):
        return _text_of(parts)
    return [part for part in parts if part["type"] != "text" or str(part["text"]).strip()]


def media_after_tool_results(
    spec: Provider, model: str, messages: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Put what is not text in tools' results into a user's message that follows them.

    OpenAI's API takes text alone as a tool's result. What the vendor or the model is known not to
    take is left out, and the text of the result stays.

    Args:
        spec: Who is asked.
        model: The model that is asked.
        messages: The conversation; results of tools may hold images and documents.

    Returns:
        The conversation, and the kinds of content that were left out.
    """
    settled: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    left_out: list[str] = []
    for message in messages:
        content = message["content"]
        if message["role"] == "tool":
            if isinstance(content, list):
                parts = cast("list[dict[str, Any]]", content)
                media = [part for part in parts if part["type"] != "text"]
                taken = [part for part in media if _takes(spec, model, part)]
                left_out += [_kind(part) for part in media if not _takes(spec, model, part)]
                if taken:
                    label = f"From the result of tool call {message.get('tool_call_id')}:"
                    moved += [{"type": "text", "text": label}, *taken]
                instead = "(see the next user message)" if taken else "(not shown)"
                message = {**message, "content": _text_of(parts) or instead}  # noqa: PLW2901
        elif moved:
            if message["role"] == "user":  # templates of some models want the roles to alternate
                text = [{"type": "text", "text": content}] if isinstance(content, str) else content
                message = {**message, "content": content_of([*moved, *text])}  # noqa: PLW2901
            else:
                settled.append({"role": "user", "content": moved})
            moved = []
        settled.append(message)
    if moved:
        settled.append({"role": "user", "content": moved})
    return settled, left_out


def without_surrogates(value: Any) -> Any:
    r"""Return JSON data with U+FFFD in place of halves of surrogate pairs.

    Examples:
        >>> without_surrogates({"city": "K\ud83dln"})
        {'city': 'K�ln'}
    """
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _object(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _text_of(parts: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(str(part["text"]) for part in parts if part.get("type") == "text")


def _joined(thoughts: Any) -> Any:
    """Return thoughts whose parts a stream may have cut into pieces.

    They share an ``index``, or, by LiteLLM, the last of them has the signature.
    """
    if not isinstance(thoughts, list):
        return thoughts
    groups: list[list[Any]] = []  # the last first
    for thought in reversed(cast("list[Any]", thoughts)):
        if groups and _goes_on(thought, groups[-1]):
            groups[-1].append(thought)
        else:
            groups.append([thought])
    return [group[0] if len(group) == 1 else _one(group[::-1]) for group in reversed(groups)]


def _goes_on(piece: Any, group: Sequence[Any]) -> bool:
    """Return whether pieces, the last first, go on with the one before them."""
    before, after, last = map(_object, (piece, group[-1], group[0]))
    if not after or any(before.get(name) != after.get(name) for name in ("index", "type")):
        return False
    texts = (one.get(name) for one in (before, after) for name in _THOUGHT_TEXTS)
    if not all(text is None or isinstance(text, str) for text in texts):
        return False
    is_signed = bool(last.get("signature")) and not before.get("signature")
    return after.get("index") is not None or (after.get("type") == "thinking" and is_signed)


def _one(pieces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return pieces as one: the texts are joined, of anything else the last value counts."""
    values: dict[str, list[Any]] = {}
    for piece in pieces:
        for name, value in piece.items():
            found = values.setdefault(name, [])
            if value is not None:
                found.append(value)
    return {
        name: "".join(found) if found and name in _THOUGHT_TEXTS else found[-1] if found else None
        for name, found in values.items()
    }


def _is_object(text: str) -> bool:
    try:
        return isinstance(from_json(text, allow_inf_nan=False), dict)
    except (TypeError, ValueError):
        return False


def _repaired(text: str) -> dict[str, Any]:
    arguments = tool_arguments(text)
    return {"invalid_arguments": text} if arguments is None else arguments


def _written(arguments: Mapping[str, Any], name: str | None) -> str:
    try:
        try:
            return to_json(arguments, inf_nan_mode="strings").decode()
        except ValueError:
            return to_json(without_surrogates(arguments), inf_nan_mode="strings").decode()
    except (TypeError, ValueError, RecursionError):
        raise ConfigurationError(
            f"the arguments of an earlier call of tool {name!r} cannot be written as JSON: "
            "use plain values"
        ) from None


def _takes(spec: Provider, model: str, part: Mapping[str, Any]) -> bool:
    if part["type"] == "image_url":
        return spec.image_input and spec.model(model).images is not False
    return part["type"] in _DOCUMENTS and spec.file_upload


def _kind(part: Mapping[str, Any]) -> str:
    kind = str(part["type"])
    return "image" if kind == "image_url" else "file" if kind in _DOCUMENTS else kind
