"""Chats in the other forms that some servers want, once they have refused the first one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from itertools import chain, groupby, takewhile
from typing import Any, TypeAlias, cast

from dsgvo.wire.messages import REASONING_FIELDS
from dsgvo.wire.private import all_texts

__all__ = ["THOUGHTS", "form_asked_for", "in_forms", "is_forced"]

_Body: TypeAlias = dict[str, Any]
_History: TypeAlias = Sequence[Mapping[str, Any]]

THOUGHTS = "thoughts"
"""The form that has the thoughts of earlier turns; without it they are left out."""

_DONE = {"role": "assistant", "content": "Done."}  # as OpenCode puts it
_OF_CALL = frozenset({"id", "type", "function", "custom"})
_NINE = re.compile(r"[a-zA-Z0-9]{9}")
_NO_LETTER = re.compile(r"[\W_]+")
_SAYS_NOTHING = frozenset({"type", "title", "description", "$schema"})


def in_forms(body: _Body, forms: Collection[str]) -> _Body:
    """Return a chat's body in forms that a server wants.

    Args:
        body: The request's, its messages with the thoughts of earlier turns.
        forms: Names of forms, as :func:`form_asked_for` gives them.
    """
    if THOUGHTS not in forms:
        body = {**body, "messages": _without_thoughts(body["messages"])}
    if forms:
        for name, (_, rewrite) in _FORMS.items():
            if name in forms:
                body = rewrite(body)
    return body


def form_asked_for(said: str, body: _Body, forms: Collection[str]) -> str | None:
    """Return a form that an error asks for and that makes the request another.

    What it quotes of the request asks for nothing: who wrote a tool's description, say, would
    decide on the form of all requests.

    Args:
        said: The error's message.
        body: The request's, its messages with the thoughts of earlier turns.
        forms: Those in which it was refused.
    """
    found = [(name, words.findall(said)) for name, (words, _) in _FORMS.items()]
    if not any(words for _, words in found):
        return None
    quoted = _letters("".join(all_texts(body)))
    refused = in_forms(body, forms)
    for name, words in found:
        own = any(_letters(one) not in quoted for one in words)
        if own and in_forms(body, {*forms, name}) != refused:
            return name
    return None


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text).casefold()


def is_forced(body: _Body) -> bool:
    """Return whether a body wants a tool to be called, whatever the model thinks."""
    return body.get("tool_choice", "auto") not in ("auto", "none")


def _with_messages(rewrite: Callable[[_History], _History]) -> Callable[[_Body], _Body]:
    return lambda body: {**body, "messages": rewrite(body["messages"])}


def _without_thoughts(messages: _History) -> _History:
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


def _one_system(messages: _History) -> _History:
    first = list(takewhile(_is_system, messages))
    return [*_together(first), *_no_system(messages[len(first) :])]


def _no_system(messages: _History) -> _History:
    return [{**one, "role": "user"} if _is_system(one) else one for one in messages]


def _alternating(messages: _History) -> _History:
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


def _together(messages: _History) -> _History:
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


def _short_ids(messages: _History) -> _History:
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


def _each_with_thoughts(messages: _History) -> _History:
    return [
        {**one, "reasoning_content": one.get("reasoning_content") or ""}
        if one.get("role") == "assistant"
        else one
        for one in messages
    ]


def _required(body: _Body) -> _Body:
    """Force the one tool there is without naming it."""
    named = isinstance(body.get("tool_choice"), Mapping) and len(body.get("tools") or ()) == 1
    return {**body, "tool_choice": "required"} if named else body


def _without_parameters(body: _Body) -> _Body:
    """Leave out the parameters of tools that have none."""
    tools: list[dict[str, Any]] = body.get("tools") or []
    return {**body, "tools": list(map(_without_empty, tools))} if tools else body


def _without_empty(tool: dict[str, Any]) -> dict[str, Any]:
    function = cast("dict[str, Any]", tool.get("function") or {})
    parameters = cast("dict[str, Any]", function.get("parameters") or {})
    said = {name for name, value in parameters.items() if value}
    if "properties" not in parameters or not said <= _SAYS_NOTHING:
        return tool
    kept = {name: value for name, value in function.items() if name != "parameters"}
    return {**tool, "function": kept}


def _completion_tokens(body: _Body) -> _Body:
    if "max_tokens" not in body or "max_completion_tokens" in body:
        return body
    kept = {name: value for name, value in body.items() if name != "max_tokens"}
    return {**kept, "max_completion_tokens": body["max_tokens"]}


_FORMS: dict[str, tuple[re.Pattern[str], Callable[[_Body], _Body]]] = {
    # DeepSeek, Moonshot, OpenRouter, Google, Anthropic
    THOUGHTS: (
        re.compile(r"reasoning_content|reasoning_details|thought_signature|redacted_thinking"),
        lambda body: body,
    ),
    # Qwen's template, Mistral
    "one system message, first": (
        re.compile(
            r"(?i)system messages? (?:must|should|can only) .{0,20}(?:beginning|first|start)"
            r"|only the first message can|multiple system messages"
            r"|unexpected role .{0,8}system.{0,8} after role"
        ),
        _with_messages(_one_system),
    ),
    # Gemma's template, in front of which Google says the second; OpenAI, of its first that think
    "no system message": (
        re.compile(
            r"(?i)system role (?:is )?not supported|developer instruction is not enabled"
            r"|role.? does not support .(?:system|developer)"
        ),
        _with_messages(_no_system),
    ),
    # Templates of Mistral and Gemma, Perplexity, DeepSeek, Mistral
    "alternating roles": (
        re.compile(
            r"(?i)must alternate|should alternate|successive user or assistant messages"
            r"|unexpected role .{0,8}user.{0,8} after role .{0,8}tool"
        ),
        _with_messages(_alternating),
    ),
    # Mistral, OpenAI, Anthropic
    "short ids of calls": (
        re.compile(
            r"(?i)tool.?(?:call|use)\S{0,20}[._ ]id\b.{0,200}"
            r"(?:length of 9|too long|should match pattern)"
        ),
        _with_messages(_short_ids),
    ),
    # DeepSeek
    "thoughts in each answer": (
        re.compile(r"reasoning_content"),
        _with_messages(_each_with_thoughts),
    ),
    # LM Studio
    "tool_choice is a text": (
        re.compile(
            r"(?i)tool_choice.{0,40}(?:type.{0,8}object|string|(?:one of|be) .{0,24}required)"
        ),
        _required,
    ),
    # Google
    "no empty parameters": (
        re.compile(r"(?i)properties\W{1,4}should be non-empty"),
        _without_parameters,
    ),
    # OpenAI, of models that think
    "max_completion_tokens": (
        re.compile(r"(?i)max_tokens.{0,120}max_completion_tokens.{0,4} instead"),
        _completion_tokens,
    ),
}
"""Forms by their names: what a server says that wants one, and how a body gets it, in this order.

No vendor documents its words.
"""
