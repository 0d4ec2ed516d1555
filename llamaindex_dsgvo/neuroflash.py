"""neuroflash for LlamaIndex."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from dsgvo.settings import WorkspaceSettings
from llamaindex_dsgvo._embedding import EmbeddingModel
from llamaindex_dsgvo._llm import ChatModel

__all__ = ["Neuroflash", "NeuroflashEmbedding"]


class Neuroflash(ChatModel, WorkspaceSettings):
    """Chat models of neuroflash, after its page "Chat-Vervollständigungen".

    There is a field for each parameter that the page documents; ``messages``, ``stream``,
    ``tools`` and ``tool_choice`` come with each call. What the customer's quota counts,
    ``words_used``, is in ``additional_kwargs`` of the answers beside the token counts.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> from llamaindex_dsgvo import Neuroflash
        >>> llm = Neuroflash(model="openai/gpt-4.1-mini", seed=7)
        >>> response = llm.complete("Ein Slogan für eine Bäckerei?")
        >>> response.additional_kwargs["words_used"] > 0
        True
    """

    provider: ClassVar[str] = "neuroflash"

    parameter_fields: ClassVar[tuple[str, ...]] = (
        *ChatModel.parameter_fields,
        "reasoning",
        "response_format",
        "web_search_options",
        "structured_outputs",
        "repetition_penalty",
    )

    reasoning: dict[str, Any] | None = Field(
        default=None, description="Parameters of the reasoning mode."
    )
    web_search_options: dict[str, Any] | None = Field(
        default=None, description="Options of the web search."
    )
    structured_outputs: bool | dict[str, Any] | None = Field(
        default=None, description="The vendor's own switch for structured output."
    )
    repetition_penalty: float | None = Field(default=None, description="0 to 2.")
    response_format: dict[str, Any] | None = Field(
        default=None, description="Form of every answer; `structured_predict` sets its own."
    )


class NeuroflashEmbedding(EmbeddingModel, WorkspaceSettings):
    """Embeddings of neuroflash, which documents none.

    Raises:
        CapabilityError: Without ``allow_undocumented=True``; it names the vendors that document
            embeddings.

    Examples:
        >>> from llamaindex_dsgvo import NeuroflashEmbedding
        >>> embed_model = NeuroflashEmbedding(model_name="…", allow_undocumented=True)
        >>> embed_model.provider
        'neuroflash'
    """

    provider: ClassVar[str] = "neuroflash"
