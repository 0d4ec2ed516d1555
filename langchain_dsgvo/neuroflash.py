"""neuroflash for LangChain, after the vendor's page "Chat-Vervollständigungen"."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import SecretStr

from langchain_dsgvo._chat import ChatModel
from langchain_dsgvo._embeddings import EmbeddingModel
from langchain_dsgvo._settings import VendorSettings

__all__ = ["ChatNeuroflash", "NeuroflashEmbeddings"]


class _Workspace(VendorSettings):
    """The workspace, and client credentials in place of a key."""

    provider: ClassVar[str] = "neuroflash"
    connection_fields: ClassVar[tuple[str, ...]] = (
        *VendorSettings.connection_fields,
        "workspace_id",
        "client_id",
        "client_secret",
    )

    workspace_id: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None


class ChatNeuroflash(ChatModel, _Workspace):
    """neuroflash chat model.

    ``response_metadata["token_usage"]`` holds ``words_used`` beside the tokens: it is what the
    customer's quota counts.

    Setup:
        ``pip install 'dsgvo-llm[langchain]'`` and set ``NEUROFLASH_WORKSPACE_ID``, and either
        ``NEUROFLASH_API_KEY`` or ``NEUROFLASH_CLIENT_ID`` and ``NEUROFLASH_CLIENT_SECRET``.

    Args:
        model: Model id with its maker, such as ``"openai/gpt-4.1-mini"``; else
            ``NEUROFLASH_MODEL``.
        workspace_id: The workspace that is charged; else ``NEUROFLASH_WORKSPACE_ID``. Required.
        api_key: An access token; else ``NEUROFLASH_API_KEY``.
        client_id: OAuth2 client credentials in place of ``api_key``; tokens are fetched, shared
            and renewed. Else ``NEUROFLASH_CLIENT_ID``.
        client_secret: See ``client_id``; else ``NEUROFLASH_CLIENT_SECRET``.
        base_url: The path before ``/chat/completions``; else ``NEUROFLASH_BASE_URL``, else the
            vendor's own.
        temperature: 0 to 2.
        max_tokens: Longest answer in tokens, 1 or more.
        reasoning: Parameters of the reasoning mode.
        reasoning_effort: Level of the reasoning mode, such as ``"low"``.
        seed: Random seed.
        web_search_options: Options of the web search.
        structured_outputs: The vendor's own switch for structured output.
        frequency_penalty: -2 to 2.
        presence_penalty: -2 to 2.
        repetition_penalty: 0 to 2.
        stop: Text or texts that end the answer.
        top_p: Nucleus sampling, 0 to 1. The vendor's page does not list it.
        timeout: Seconds of silence after which a request fails; ``None``: never.
        max_retries: How often a request is made again, 0 or more.
        stream_usage: Ask for usage in streams.
        default_headers: Further headers of every request.
        extra_body: Fields put into every body unchecked.
        model_kwargs: Further parameters of each request.
        strict: Refuse parameters that the vendor ignores, instead of warning.
        residency: ``"eu"`` (the default; else ``DSGVO_RESIDENCY``) refuses models that the vendor
            says run elsewhere, ``"strict"`` also those of which it does not say, ``"any"`` none.
        trusted_models: Ids of models that you have checked yourself; they are never refused.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Example:
        >>> model = ChatNeuroflash(model="openai/gpt-4.1-mini", temperature=0.7)
        >>> answer = model.invoke("Sag Hallo!")
        >>> answer.response_metadata["token_usage"]["words_used"] > 0
        True
        >>> from pydantic import BaseModel
        >>> class Person(BaseModel):
        ...     "Eine Person."
        ...     name: str
        ...     age: int
        >>> model.with_structured_output(Person).invoke("Anna ist 34 Jahre alt")
        Person(name='Anna', age=34)
    """

    parameter_fields: ClassVar[tuple[str, ...]] = (
        *ChatModel.parameter_fields,
        "reasoning",
        "reasoning_effort",
        "seed",
        "web_search_options",
        "structured_outputs",
        "frequency_penalty",
        "presence_penalty",
        "repetition_penalty",
    )

    reasoning: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    seed: int | None = None
    web_search_options: dict[str, Any] | None = None
    structured_outputs: bool | dict[str, Any] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Arguments that are secret, and the environment variables they are loaded from."""
        secrets = super().lc_secrets
        if self.spec.oauth is not None:
            secrets["client_secret"] = self.spec.oauth.secret_variable
        return secrets


class NeuroflashEmbeddings(_Workspace, EmbeddingModel):
    """Embeddings over neuroflash, which documents none.

    Args:
        allow_undocumented: Must be ``True`` to use the OpenAI-shaped path all the same.
        model: Embedding model id; required.
        workspace_id: As for :class:`ChatNeuroflash`, like ``client_id`` and ``client_secret``.

    Further arguments are those of :class:`langchain_dsgvo.InnoGPTEmbeddings`.

    Raises:
        CapabilityError: Unless ``allow_undocumented=True``; the message names the vendors that
            document embeddings.

    Example:
        >>> NeuroflashEmbeddings()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        langchain_dsgvo.errors.CapabilityError: neuroflash documents no embeddings (neuroflash: ...
    """
