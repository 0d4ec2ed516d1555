"""Histories in the other forms that some servers want, once they have refused the first one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from itertools import chain, groupby, takewhile
from typing import Any, TypeAlias, cast

from dsgvo.wire.messages import REASONING_FIELDS

__all__ = ["THOUGHTS", "form_asked_for", "in_forms"]

History: TypeAlias = Sequence[Mapping[str, Any]]

THOUGHTS = "thoughts"
"""The form that has the thoughts of earlier turns; without it they are left out."""

_DONE = {"role": "assistant", "content": "Done."}  # as OpenCode puts it
_OF_CALL = frozenset({"id", "type", "function", "custom"})
_NINE = re.compile(r"[a-zA-Z0-9]{9}")


def in_forms(messages: History, forms: Collection[str]) -> History:
    """Return messages in forms that a server wants; the same object if nothing is to be changed.

    Args:
        messages: The conversation, with the thoughts of earlier turns.
        forms: Names of forms, as :func:`form_asked_for` gives them.
    """
    if THOUGHTS not in forms:
        messages = _without_thoughts(messages)
    if forms:
        for name, (_, rewrite) in _FORMS.items():
            if name in forms:
                messages = rewrite(messages)
    return messages


def form_asked_for(said: str, messages: History, forms: Collection[str]) -> str | None:
    """Return a form that an error asks for and that makes the messages others.

    Args:
        said: Its message.
        messages: The conversation, with the thoughts of earlier turns.
        forms: Those in which it was refused.
    """
    named = [name for name, (words, _) in _FORMS.items() if words.search(said)]
    if not named:
        return None
    refused = list(in_forms(messages, forms))
    asked = (name for name in named if list(in_forms(messages, {*forms, name})) != refused)
    return next(asked, None)


def _without_thoughts(messages: History) -> History:
    if not any(map(_has_thoughts, messages)):
        return messages
    return [_without(message) if _has_thoughts(message) else message for message in messages]


def _has_thoughts(message: Mapping[str, Any]) -> bool:
    calls = message.get("tool_calls")
    return not message.keys().isdisjoint(REASONING_FIELDS) or (
        bool(calls) and any(not call.keys() <= _OF_CALL for call in calls)
    )


def _without(message: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in message.items() if name not in REASONING_FIELDS}
    if calls := plain.get("tool_calls"):
        plain["tool_calls"] = [
            {name: value for name, value in call.items() if name in _OF_CALL} for call in calls
        ]
    return plain


def _is_system(message: Mapping[str, Any]) -> bool:
    return message.get("role") in {"system", "developer"}


def _one_system(messages: History) -> History:
    first = list(takewhile(_is_system, messages))
    return [*_together(first), *_no_system(messages[len(first) :])]


def _no_system(messages: History) -> History:
    return [{**one, "role": "user"} if _is_system(one) else one for one in messages]


def _alternating(messages: History) -> History:
    """Return messages whose users and assistants alternate, also after the results of tools."""
    turns: list[Mapping[str, Any]] = []
    before: object = None
    for (role, calls), run in groupby(messages, lambda one: (one.get("role"), "tool_calls" in one)):
        if role == "user" and before == "tool":
            turns.append(_DONE)
        said = list(run)
        turns += said if calls or role not in {"user", "assistant"} else _together(said)
        before = role
    return turns


def _together(messages: History) -> History:
    """Return messages of one role as one: those of several speakers with their names."""
    if len(messages) < 2:
        return messages
    whole: dict[str, Any] = {"role": messages[0]["role"]}
    several = len({one.get("name") for one in messages}) > 1
    if not several and (name := messages[0].get("name")):
        whole["name"] = name
    contents = [_said(one, several) for one in messages]
    if all(isinstance(content, str) for content in contents):
        whole["content"] = "\n\n".join(contents)
    else:
        whole["content"] = [part for content in contents for part in _parts(content)]
    for field in REASONING_FIELDS:
        if thoughts := [one[field] for one in messages if one.get(field)]:
            texts = all(isinstance(one, str) for one in thoughts)
            whole[field] = "\n\n".join(thoughts) if texts else list(chain(*map(_listed, thoughts)))
    return [whole]


def _said(message: Mapping[str, Any], several: bool) -> Any:
    content = message.get("content") or ""
    if not several or not (name := message.get("name")):
        return content
    return f"{name}: {content}" if isinstance(content, str) else [*_parts(f"{name}:"), *content]


def _listed(thoughts: Any) -> list[Any]:
    return cast("list[Any]", thoughts) if isinstance(thoughts, list) else [thoughts]


def _parts(content: str | list[Any]) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content


def _short_ids(messages: History) -> History:
    return [_with_short_ids(message) for message in messages]


def _with_short_ids(message: Mapping[str, Any]) -> Mapping[str, Any]:
    changed = dict(message)
    if calls := message.get("tool_calls"):
        changed["tool_calls"] = [{**call, "id": _short(call.get("id"))} for call in calls]
    if call_id := message.get("tool_call_id"):
        changed["tool_call_id"] = _short(call_id)
    return changed


def _short(call_id: object) -> str:
    """Return an id of nine letters and digits, the same for the call and for its result."""
    text = str(call_id)
    return text if _NINE.fullmatch(text) else sha256(text.encode()).hexdigest()[:9]


def _each_with_thoughts(messages: History) -> History:
    return [
        {**one, "reasoning_content": one.get("reasoning_content") or ""}
        if one.get("role") == "assistant"
        else one
        for one in messages
    ]


_FORMS: dict[str, tuple[re.Pattern[str], Callable[[History], History]]] = {
    # DeepSeek, Moonshot, OpenRouter, Google, Anthropic
    THOUGHTS: (
        re.compile(r"reasoning_content|reasoning_details|thought_signature|redacted_thinking"),
        lambda messages: messages,
    ),
    # Qwen's template, Mistral
    "one system message, first": (
        re.compile(
            r"(?i)system messages? (?:must|should|can only) .{0,20}(?:beginning|first|start)"
            r"|only the first message can|multiple system messages"
            r"|unexpected role .{0,8}system.{0,8} after role"
        ),
        _one_system,
    ),
    # Gemma's template, in front of which Google says the second
    "no system message": (
        re.compile(r"(?i)system role (?:is )?not supported|developer instruction is not enabled"),
        _no_system,
    ),
    # Templates of Mistral and Gemma, Perplexity, DeepSeek, Mistral
    "alternating roles": (
        re.compile(
            r"(?i)must alternate|should alternate|successive user or assistant messages"
            r"|unexpected role .{0,8}user.{0,8} after role .{0,8}tool"
        ),
        _alternating,
    ),
    # Mistral, OpenAI, Anthropic
    "short ids of calls": (
        re.compile(
            r"(?i)tool.?(?:call|use)\S{0,20}[._ ]id\b.{0,200}"
            r"(?:length of 9|too long|should match pattern)"
        ),
        _short_ids,
    ),
    # DeepSeek
    "thoughts in each answer": (re.compile(r"reasoning_content"), _each_with_thoughts),
}
"""Forms by their names: what a server says that wants one, and how messages get it, in this order.

No vendor documents its words.
"""
