"""meinGPT for LlamaIndex."""

from __future__ import annotations

from typing import ClassVar

from llamaindex_dsgvo._embedding import EmbeddingModel
from llamaindex_dsgvo._llm import ChatModel

__all__ = ["MeinGPT", "MeinGPTEmbedding"]


class MeinGPT(ChatModel):
    """Chat models of meinGPT, after its pages "Completions" and "Modell API".

    The vendor honours ``temperature``, ``tools``, ``tool_choice`` and ``response_format``; it
    accepts and ignores everything else, such as ``max_tokens``, of which a warning tells once, or
    an error with ``strict=True``. Models that the vendor says take no tools are told to
    LlamaIndex as such.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Example:
        >>> from llama_index.core.llms import ChatMessage
        >>> from llamaindex_dsgvo import MeinGPT
        >>> llm = MeinGPT(model="gpt-4o-mini")
        >>> response = llm.chat([ChatMessage("Hallo!")])
        >>> response.message.role.value
        'assistant'
        >>> MeinGPT(model="llama-3.1-sonar-large-128k-online").metadata.is_function_calling_model
        False
    """

    provider: ClassVar[str] = "meingpt"


class MeinGPTEmbedding(EmbeddingModel):
    """Embedding models of meinGPT, after its page "Modell API".

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Example:
        >>> from llamaindex_dsgvo import MeinGPTEmbedding
        >>> len(MeinGPTEmbedding(dimensions=256).get_query_embedding("Wie viel Urlaub habe ich?"))
        256
    """

    provider: ClassVar[str] = "meingpt"
