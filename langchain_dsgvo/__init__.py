"""innoGPT, meinGPT, neuroflash and SovrGPT for LangChain: chat models and embeddings."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dsgvo.providers import PROVIDERS

if TYPE_CHECKING:
    from langchain_dsgvo.innogpt import ChatInnoGPT, InnoGPTEmbeddings, InnoGPTImageGeneration
    from langchain_dsgvo.meingpt import ChatMeinGPT, MeinGPTAssistant, MeinGPTEmbeddings
    from langchain_dsgvo.neuroflash import (
        ChatNeuroflash,
        NeuroflashEmbeddings,
        NeuroflashImageGeneration,
    )
    from langchain_dsgvo.sovrgpt import ChatSovrGPT, SovrGPTEmbeddings, SovrGPTRerank

__all__ = [
    "ChatInnoGPT",
    "ChatMeinGPT",
    "ChatNeuroflash",
    "ChatSovrGPT",
    "InnoGPTEmbeddings",
    "InnoGPTImageGeneration",
    "MeinGPTAssistant",
    "MeinGPTEmbeddings",
    "NeuroflashEmbeddings",
    "NeuroflashImageGeneration",
    "SovrGPTEmbeddings",
    "SovrGPTRerank",
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
