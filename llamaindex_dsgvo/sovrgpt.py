"""SovrGPT for LlamaIndex."""

from __future__ import annotations

from typing import ClassVar

from llamaindex_dsgvo._embedding import EmbeddingModel
from llamaindex_dsgvo._llm import ChatModel

__all__ = ["SovrGPT", "SovrGPTEmbedding"]


class SovrGPT(ChatModel):
    """Chat models of SovrGPT, after its page "POST /v1/chat/completions".

    Models of the reasoning tier think in ``<think>…</think>`` before they answer. The thoughts
    come as a ``ThinkingBlock``, and as ``thinking_delta`` in streams, never in the answer's text.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Example:
        >>> from llama_index.core.llms import ChatMessage
        >>> from llamaindex_dsgvo import SovrGPT
        >>> llm = SovrGPT(model="qwen3.5-9b", temperature=0.5)
        >>> *_, last = llm.stream_chat([ChatMessage("Hallo!")])
        >>> last.raw["finish_reason"], last.raw["model"]
        ('stop', 'qwen3.5-9b')
    """

    provider: ClassVar[str] = "sovrgpt"


class SovrGPTEmbedding(EmbeddingModel):
    """Embeddings of SovrGPT, which documents none.

    Raises:
        CapabilityError: Without ``allow_undocumented=True``; it names the vendors that document
            embeddings.

    Example:
        >>> from dsgvo import errors
        >>> from llamaindex_dsgvo import SovrGPTEmbedding
        >>> try:
        ...     SovrGPTEmbedding()
        ... except errors.CapabilityError as error:
        ...     print(error)
        SovrGPT documents no embeddings (...); innoGPT and meinGPT do. ...
    """

    provider: ClassVar[str] = "sovrgpt"
