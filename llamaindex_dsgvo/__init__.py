"""innoGPT, meinGPT, neuroflash and SovrGPT for LlamaIndex.

Set a vendor's LLM and embedding model with :func:`use`, or hand the classes to LlamaIndex's
components one by one.
"""

from __future__ import annotations

from importlib import import_module

from dsgvo.providers import PROVIDERS
from llamaindex_dsgvo._responses import ModelOutputError
from llamaindex_dsgvo._use import use
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

# The names above are there for type checkers; each vendor of the list has its classes here.
for _provider in PROVIDERS:
    _module = import_module(f"{__name__}.{_provider}")
    globals().update({_name: getattr(_module, _name) for _name in _module.__all__})
