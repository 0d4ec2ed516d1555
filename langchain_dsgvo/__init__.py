"""innoGPT, meinGPT, neuroflash and SovrGPT for LangChain: chat models and embeddings."""

from __future__ import annotations

from importlib import import_module

from dsgvo.providers import PROVIDERS
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

# The names above are there for type checkers; each vendor of the list has its classes here.
for _provider in PROVIDERS:
    _module = import_module(f"{__name__}.{_provider}")
    globals().update({_name: getattr(_module, _name) for _name in _module.__all__})
