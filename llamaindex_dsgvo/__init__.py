"""innoGPT, meinGPT, neuroflash and SovrGPT for LlamaIndex.

Set a vendor's LLM and embedding model with :func:`use`, or hand the classes to LlamaIndex's
components one by one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dsgvo.providers import PROVIDERS
from llamaindex_dsgvo._responses import ModelOutputError
from llamaindex_dsgvo._use import use

if TYPE_CHECKING:
    from llamaindex_dsgvo.innogpt import InnoGPT, InnoGPTEmbedding, InnoGPTImageToolSpec
    from llamaindex_dsgvo.meingpt import (
        MeinGPT,
        MeinGPTAssistantQueryEngine,
        MeinGPTAssistantToolSpec,
        MeinGPTEmbedding,
    )
    from llamaindex_dsgvo.neuroflash import (
        Neuroflash,
        NeuroflashEmbedding,
        NeuroflashImageToolSpec,
    )
    from llamaindex_dsgvo.sovrgpt import SovrGPT, SovrGPTEmbedding, SovrGPTRerank

__all__ = [
    "InnoGPT",
    "InnoGPTEmbedding",
    "InnoGPTImageToolSpec",
    "MeinGPT",
    "MeinGPTAssistantQueryEngine",
    "MeinGPTAssistantToolSpec",
    "MeinGPTEmbedding",
    "ModelOutputError",
    "Neuroflash",
    "NeuroflashEmbedding",
    "NeuroflashImageToolSpec",
    "SovrGPT",
    "SovrGPTEmbedding",
    "SovrGPTRerank",
    "use",
]


def __getattr__(name: str) -> Any:
    """Import a vendor's module when it or a class of it is asked for: classes take time to make."""
    for provider in PROVIDERS:
        if provider in name.lower():
            module = import_module(f"{__name__}.{provider}")
            return module if name == provider else getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
