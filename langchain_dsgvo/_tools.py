"""Tools in OpenAI's form."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import EnumType
from inspect import cleandoc
from typing import Any, cast, get_origin

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from dsgvo.errors import ConfigurationError
from dsgvo.wire.arguments import shown
from dsgvo.wire.structured import closed, with_properties

__all__ = ["OTHER_FORMS", "refuse_types_of_values", "told_as", "wire_tool"]

OTHER_FORMS = frozenset({"name", "function", "toolSpec"})
"""Keys that only dicts have which are a tool of some vendor's form and no JSON schema."""


def wire_tool(
    tool: dict[str, Any] | type | Callable[..., Any] | BaseTool, strict: bool | None = None
) -> dict[str, Any]:
    """Return a tool of any kind that LangChain knows, the same under every version of Python.

    From 3.13 on docstrings come without the indentation of their code.

    Raises:
        ConfigurationError: If LangChain knows none of this kind.
    """
    said = (
        "tools: nothing can be called by {}: use a function, a Pydantic or TypedDict class, a "
        "LangChain tool, a JSON schema with a title, or OpenAI's form"
    )
    with told_as(said, tool):
        return _wire_tool(tool, strict)


@contextmanager
def told_as(said: str, given: object) -> Generator[None]:
    """Say of what LangChain can make nothing of that it is none, with the way out.

    Raises:
        ConfigurationError: In place of what LangChain raises.
    """
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(said.format(shown(given))) from error


def _wire_tool(
    tool: dict[str, Any] | type | Callable[..., Any] | BaseTool, strict: bool | None
) -> dict[str, Any]:
    refuse_types_of_values(tool)
    wire = convert_to_openai_tool(tool)
    function: dict[str, Any] = {**wire.get("function", {})}
    if "function" not in wire:  # a vendor's built-in tool
        return wire
    if not isinstance(tool, dict):
        function["description"] = cleandoc(function["description"])
    arguments = cast("object", tool.tool_call_schema if isinstance(tool, BaseTool) else tool)
    own: dict[str, Any] | None = None
    if isinstance(arguments, type) and issubclass(arguments, BaseModel):
        own = arguments.model_json_schema()
    elif isinstance(arguments, dict):
        given = cast("dict[str, Any]", arguments)
        own = given if isinstance(tool, BaseTool) or not given.keys() & OTHER_FORMS else None
    parameters = with_properties(function.get("parameters"), own)
    if strict is not None and wire is not tool:  # LangChain's strict mode empties dictionaries
        if function.setdefault("strict", strict) is not strict:
            raise ValueError
        parameters = closed(parameters) if strict else parameters
    return {**wire, "function": {**function, "parameters": parameters}}


def refuse_types_of_values(kind: object) -> None:
    """Refuse what LangChain would take for a function: built-in classes, enums, aliases.

    Of ``list[Person]`` it makes a function on Python 3.14 alone.

    Raises:
        TypeError: If it is one.
    """
    built_in = isinstance(kind, type) and kind.__module__ == "builtins"
    if built_in or isinstance(kind, EnumType) or get_origin(kind) is not None:
        raise TypeError(kind)
