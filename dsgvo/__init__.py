"""European LLM providers on one transport: innoGPT, meinGPT, neuroflash and SovrGPT.

This package needs httpx and pydantic alone. ``langchain_dsgvo`` and ``llamaindex_dsgvo`` put it
under the two frameworks; :mod:`dsgvo.emulator` is a local server that speaks the four dialects.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsgvo import errors
    from dsgvo._version import __version__
    from dsgvo.files import file_part, image_part
    from dsgvo.providers import PROVIDERS, Provider
    from dsgvo.transport import AsyncClient, Client
    from dsgvo.wire.chat import Completion, Delta
    from dsgvo.wire.tools import ToolCall, ToolCallDelta

__all__ = [
    "PROVIDERS",
    "AsyncClient",
    "Client",
    "Completion",
    "Delta",
    "Provider",
    "ToolCall",
    "ToolCallDelta",
    "__version__",
    "errors",
    "file_part",
    "image_part",
]

# Loaded when they are first asked for: pytest imports this package in every session, for its
# plugin.
_HOMES = {
    "PROVIDERS": "dsgvo.providers",
    "AsyncClient": "dsgvo.transport",
    "Client": "dsgvo.transport",
    "Completion": "dsgvo.wire.chat",
    "Delta": "dsgvo.wire.chat",
    "Provider": "dsgvo.providers",
    "ToolCall": "dsgvo.wire.tools",
    "ToolCallDelta": "dsgvo.wire.tools",
    "__version__": "dsgvo._version",
    "file_part": "dsgvo.files",
    "image_part": "dsgvo.files",
}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("dsgvo.errors")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
