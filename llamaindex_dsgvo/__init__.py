"""innoGPT, meinGPT, neuroflash and SovrGPT for LlamaIndex.

Set a vendor's LLM and embedding model with :func:`use`, or hand the classes to LlamaIndex's
components one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsgvo._lazy import vendors_names
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

__getattr__, __dir__ = vendors_names(__name__)
