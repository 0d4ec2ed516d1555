"""neuroflash for LlamaIndex."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from llamaindex_dsgvo._embedding import EmbeddingModel
from llamaindex_dsgvo._llm import ChatModel
from llamaindex_dsgvo._settings import VendorSettings

__all__ = ["Neuroflash", "NeuroflashEmbedding"]


class _Workspace(VendorSettings):
    """How one signs in: a key or client credentials, and a workspace."""

    connection_fields: ClassVar[Mapping[str, str]] = {
        **VendorSettings.connection_fields,
        "workspace_id": "workspace_id",
        "client_id": "client_id",
        "client_secret": "client_secret",
    }

    workspace_id: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | str | None = Field(default=None, exclude=True, repr=False)

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        connection = self._client.config
        self.workspace_id = connection.arguments.get("workspace_id")
        if connection.credentials is not None:
            self.client_id = connection.credentials.client_id
            self.client_secret = connection.credentials.client_secret


class Neuroflash(_Workspace, ChatModel):
    """Chat models of neuroflash, after its page "Chat-Vervollständigungen".

    There is a field for each parameter that the page documents; ``messages``, ``stream``,
    ``tools`` and ``tool_choice`` come with each call. What the customer's quota counts,
    ``words_used``, is in ``additional_kwargs`` of the answers beside the token counts.

    Args:
        model: The vendor's model id with its maker, such as ``"openai/gpt-4.1-mini"``; else
            ``NEUROFLASH_MODEL``.
        workspace_id: Required by the vendor; else ``NEUROFLASH_WORKSPACE_ID``.
        api_key: An access token; else ``NEUROFLASH_API_KEY``.
        client_id: OAuth2 client credentials in place of a key; else ``NEUROFLASH_CLIENT_ID``.
        client_secret: See ``client_id``; else ``NEUROFLASH_CLIENT_SECRET``.
        api_base: The path before ``/chat/completions``; else ``NEUROFLASH_BASE_URL``.
        temperature: 0 to 2.
        max_tokens: Most tokens of an answer, 1 or more.
        reasoning: Parameters of the reasoning mode.
        reasoning_effort: How much to reason, such as ``"low"``.
        seed: A whole number, for answers that repeat.
        response_format: Form of every answer; ``structured_predict`` sets its own.
        web_search_options: Options of the web search.
        structured_outputs: The page names it without saying more.
        frequency_penalty: -2 to 2.
        presence_penalty: -2 to 2.
        repetition_penalty: 0 to 2.
        stop: A text or texts before which the answer ends.

    All other arguments are those of :class:`~llamaindex_dsgvo.InnoGPT`.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Example:
        >>> from llamaindex_dsgvo import Neuroflash
        >>> llm = Neuroflash(model="openai/gpt-4.1-mini", seed=7)
        >>> response = llm.complete("Ein Slogan für eine Bäckerei?")
        >>> response.additional_kwargs["words_used"] > 0
        True
    """

    provider: ClassVar[str] = "neuroflash"

    parameters: ClassVar[tuple[str, ...]] = (
        *ChatModel.parameters,
        "reasoning",
        "reasoning_effort",
        "seed",
        "response_format",
        "web_search_options",
        "structured_outputs",
        "frequency_penalty",
        "presence_penalty",
        "repetition_penalty",
    )

    reasoning: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    seed: int | None = None
    response_format: dict[str, Any] | None = None
    web_search_options: dict[str, Any] | None = None
    structured_outputs: bool | dict[str, Any] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None


class NeuroflashEmbedding(_Workspace, EmbeddingModel):
    """Embeddings of neuroflash, which documents none.

    Args:
        model_name: A model id that your account has.
        allow_undocumented: Must be ``True``: uses the path that OpenAI's API has for it.
        workspace_id: As for :class:`Neuroflash`, as are ``client_id`` and ``client_secret``.

    All other arguments are those of :class:`~llamaindex_dsgvo.InnoGPTEmbedding`.

    Raises:
        CapabilityError: Without ``allow_undocumented=True``; it names the vendors that document
            embeddings.

    Example:
        >>> from llamaindex_dsgvo import NeuroflashEmbedding
        >>> embed_model = NeuroflashEmbedding(model_name="…", allow_undocumented=True)
        >>> embed_model.provider
        'neuroflash'
    """

    provider: ClassVar[str] = "neuroflash"
