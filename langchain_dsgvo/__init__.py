"""innoGPT, meinGPT, neuroflash and SovrGPT for LangChain: chat models and embeddings."""

from __future__ import annotations

from langchain_dsgvo.innogpt import ChatInnoGPT, InnoGPTEmbeddings, InnoGPTImageGeneration
from langchain_dsgvo.meingpt import ChatMeinGPT, MeinGPTEmbeddings
from langchain_dsgvo.neuroflash import ChatNeuroflash, NeuroflashEmbeddings
from langchain_dsgvo.sovrgpt import ChatSovrGPT, SovrGPTEmbeddings

__all__ = [
    "ChatInnoGPT",
    "ChatMeinGPT",
    "ChatNeuroflash",
    "ChatSovrGPT",
    "InnoGPTEmbeddings",
    "InnoGPTImageGeneration",
    "MeinGPTEmbeddings",
    "NeuroflashEmbeddings",
    "SovrGPTEmbeddings",
]
