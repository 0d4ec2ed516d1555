"""Fields of a chat's body in the other forms that some servers want, once they refused the first.

What :mod:`dsgvo.wire.history` is for messages. No vendor documents these words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias, cast

__all__ = ["field_form_asked_for", "in_field_forms", "is_forced"]

_Body: TypeAlias = Mapping[str, Any]


def in_field_forms(body: _Body, forms: Collection[str]) -> dict[str, Any]:
    """Return a body in forms that a server wants, as :func:`field_form_asked_for` names them."""
    made = dict(body)
    for name, (_, rewrite) in _FORMS.items():
        if name in forms:
            made |= rewrite(made)
    return {name: value for name, value in made.items() if value is not _GONE}


def field_form_asked_for(said: str, body: _Body, forms: Collection[str]) -> str | None:
    """Return a form that an error asks for and that makes the request another.

    Args:
        said: The error's message, without what it quotes.
        body: The request's, as it was refused.
        forms: Those in which it was refused.
    """
    named = (
        name for name, (words, _) in _FORMS.items() if name not in forms and words.search(said)
    )
    return next((name for name in named if _FORMS[name][1](body)), None)


def is_forced(body: _Body) -> bool:
    """Return whether a body wants a tool to be called, whatever the model thinks."""
    return body.get("tool_choice", "auto") not in ("auto", "none")


_GONE = object()
_SAYS_NOTHING = frozenset({"type", "title", "description", "$schema"})


def _required(body: _Body) -> _Body:
    """Force the one tool there is without naming it."""
    named = isinstance(body.get("tool_choice"), Mapping) and len(body.get("tools") or ()) == 1
    return {"tool_choice": "required"} if named else {}


def _without_parameters(body: _Body) -> _Body:
    """Leave out the parameters of tools that have none."""
    tools: list[dict[str, Any]] = body.get("tools") or []
    made = [_without_empty(tool) for tool in tools]
    return {"tools": made} if made != tools else {}


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
        return {}
    return {"max_completion_tokens": body["max_tokens"], "max_tokens": _GONE}


_FORMS: dict[str, tuple[re.Pattern[str], Callable[[_Body], _Body]]] = {
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
"""Forms by their names: what a server says that wants one, and what becomes other fields in it."""
