"""innoGPT for LlamaIndex."""

from __future__ import annotations

from typing import ClassVar

from llamaindex_dsgvo._embedding import EmbeddingModel
from llamaindex_dsgvo._images import ImageToolSettings, ImageToolSpec
from llamaindex_dsgvo._llm import ChatModel

__all__ = ["InnoGPT", "InnoGPTEmbedding", "InnoGPTImageToolSpec"]


class InnoGPT(ChatModel):
    """Chat models of innoGPT, after its page "Endpoints".

    Models of the GPT-5 series, ``o3-mini`` and ``o4-mini`` answer with a stream even when none is
    asked for; both ways of calling give the right answer.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> from llamaindex_dsgvo import InnoGPT
        >>> llm = InnoGPT(model="gpt-5")
        >>> response = llm.complete("Hallo!")
        >>> response.raw["finish_reason"]
        'stop'
        >>> text = "".join(chunk.delta for chunk in llm.stream_complete("Hallo!"))
        >>> text == response.text
        True
    """

    provider: ClassVar[str] = "innogpt"


class InnoGPTEmbedding(EmbeddingModel):
    """Embedding models of innoGPT, after its page "Endpoints".

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> from llamaindex_dsgvo import InnoGPTEmbedding
        >>> embed_model = InnoGPTEmbedding()
        >>> vectors = embed_model.get_text_embedding_batch(["Guten Tag", "Auf Wiedersehen"])
        >>> len(vectors), len(vectors[0])
        (2, 1536)
    """

    provider: ClassVar[str] = "innogpt"


class _ImageSettings(ImageToolSettings):
    provider: ClassVar[str] = "innogpt"


class InnoGPTImageToolSpec(ImageToolSpec):
    """Tools that make images after a description, after innoGPT's page "Endpoints".

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> from llamaindex_dsgvo import InnoGPTImageToolSpec
        >>> [tool] = InnoGPTImageToolSpec().to_tool_list()
        >>> tool.call(prompt="ein minimalistisches App-Icon").content[:18]
        'The image was made'
    """

    settings = _ImageSettings
