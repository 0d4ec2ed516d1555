"""neuroflash for LlamaIndex."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from dsgvo.settings import NeuroflashChatSettings, WorkspaceSettings
from llamaindex_dsgvo._embedding import EmbeddingModel
from llamaindex_dsgvo._images import ImageToolSettings, ImageToolSpec
from llamaindex_dsgvo._llm import ChatModel

__all__ = ["Neuroflash", "NeuroflashEmbedding", "NeuroflashImageToolSpec"]


class Neuroflash(ChatModel, NeuroflashChatSettings):
    """Chat models of neuroflash, after its page "Chat-Vervollständigungen".

    There is a field for each parameter that the page documents; ``messages``, ``stream``,
    ``tools`` and ``tool_choice`` come with each call. What the customer's quota counts,
    ``words_used``, is in ``additional_kwargs`` of the answers beside the token counts, and so is
    ``cost`` where the vendor sends it. An answer that was cut is continued as often as
    ``continue_cut_answers`` says; ``raw["continued"]`` tells how often it was.

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
        *NeuroflashChatSettings.own_parameters,
        "response_format",
    )
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


class _ImageSettings(ImageToolSettings, WorkspaceSettings):
    provider: ClassVar[str] = "neuroflash"


class NeuroflashImageToolSpec(ImageToolSpec):
    """Tools that make images after a description, by neuroflash's image service.

    That is not part of the pay-as-you-go plan, and counts on a quota of its own (public page); the
    form of its answers is inferred from OpenAI's.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> from llamaindex_dsgvo import NeuroflashImageToolSpec
        >>> [tool] = NeuroflashImageToolSpec().to_tool_list()
        >>> tool.call(prompt="ein minimalistisches App-Icon").content[:18]
        'The image was made'
    """

    settings = _ImageSettings
