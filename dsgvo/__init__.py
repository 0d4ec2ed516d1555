"""European LLM providers on one transport: innoGPT, meinGPT, neuroflash and SovrGPT.

This package needs httpx and pydantic alone. ``langchain_dsgvo`` and ``llamaindex_dsgvo`` put it
under the two frameworks; :mod:`dsgvo.emulator` is a local server that speaks the four dialects.
"""

from __future__ import annotations

from dsgvo import errors
from dsgvo._version import __version__
from dsgvo.providers import PROVIDERS, Provider
from dsgvo.transport import AsyncClient, Client
from dsgvo.wire.chat import Completion, Delta
from dsgvo.wire.files import file_part, image_part
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
