"""Tools in OpenAI's form."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from typing import Any, cast

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from dsgvo.wire.structured import with_properties

__all__ = ["wire_tool"]


def wire_tool(
    tool: dict[str, Any] | type | Callable[..., Any] | BaseTool, strict: bool | None = None
) -> dict[str, Any]:
    """Return a tool of any kind that LangChain knows, the same under every version of Python.

    From 3.13 on docstrings come without the indentation of their code.
    """
    wire = convert_to_openai_tool(tool, strict=strict)
    if "function" not in wire:  # a vendor's built-in tool
        return wire
    function: dict[str, Any] = wire["function"]
    if not isinstance(tool, dict):
        function["description"] = cleandoc(function["description"])
    arguments = cast("object", tool.tool_call_schema if isinstance(tool, BaseTool) else tool)
    own = None
    if isinstance(arguments, type) and issubclass(arguments, BaseModel):
        own = arguments.model_json_schema()
    parameters = with_properties(function.get("parameters"), own)
    return {**wire, "function": {**function, "parameters": parameters}}
