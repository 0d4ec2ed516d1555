"""innoGPT, meinGPT, neuroflash and SovrGPT for LangChain: chat models and embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsgvo._lazy import vendors_names

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

__getattr__, __dir__ = vendors_names(__name__)
