"""innoGPT, meinGPT, neuroflash and SovrGPT for LlamaIndex.

Set a vendor's LLM and embedding model with :func:`use`, or hand the classes to LlamaIndex's
components one by one.
"""

from __future__ import annotations

from llamaindex_dsgvo._responses import ModelOutputError
from llamaindex_dsgvo._use import use
from llamaindex_dsgvo.innogpt import InnoGPT, InnoGPTEmbedding, InnoGPTImageToolSpec
from llamaindex_dsgvo.meingpt import MeinGPT, MeinGPTEmbedding
from llamaindex_dsgvo.neuroflash import Neuroflash, NeuroflashEmbedding
from llamaindex_dsgvo.sovrgpt import SovrGPT, SovrGPTEmbedding

__all__ = [
    "InnoGPT",
    "InnoGPTEmbedding",
    "InnoGPTImageToolSpec",
    "MeinGPT",
    "MeinGPTEmbedding",
    "ModelOutputError",
    "Neuroflash",
    "NeuroflashEmbedding",
    "SovrGPT",
    "SovrGPTEmbedding",
    "use",
]
