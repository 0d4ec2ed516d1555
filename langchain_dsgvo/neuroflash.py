"""neuroflash for LangChain, after the vendor's page "Chat-Vervollständigungen"."""

from __future__ import annotations

from typing import ClassVar

from dsgvo.settings import NeuroflashChatSettings, WorkspaceSettings
from langchain_dsgvo._chat import ChatModel
from langchain_dsgvo._embeddings import EmbeddingModel
from langchain_dsgvo._images import ImageGeneration

__all__ = ["ChatNeuroflash", "NeuroflashEmbeddings", "NeuroflashImageGeneration"]


class ChatNeuroflash(ChatModel, NeuroflashChatSettings):
    """neuroflash chat model.

    ``response_metadata["token_usage"]`` holds ``words_used`` beside the tokens: it is what the
    customer's quota counts, and ``cost`` where the vendor sends it. An answer that was cut is
    continued as often as ``continue_cut_answers`` says; ``response_metadata["continued"]`` tells
    how often it was.

    Setup:
        ``pip install 'dsgvo-llm[langchain]'`` and set ``NEUROFLASH_WORKSPACE_ID``, and either
        ``NEUROFLASH_API_KEY`` or ``NEUROFLASH_CLIENT_ID`` and ``NEUROFLASH_CLIENT_SECRET``.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Examples:
        >>> model = ChatNeuroflash(model="openai/gpt-4.1-mini", temperature=0.7)
        >>> answer = model.invoke("Sag Hallo!")
        >>> answer.response_metadata["token_usage"]["words_used"] > 0
        True
        >>> from pydantic import BaseModel
        >>> class Person(BaseModel):
        ...     "Eine Person."
        ...     name: str
        ...     age: int
        >>> model.with_structured_output(Person).invoke('"Anna" ist 34 Jahre alt')
        Person(name='Anna', age=34)
    """

    provider: ClassVar[str] = "neuroflash"
    parameter_fields: ClassVar[tuple[str, ...]] = (
        *ChatModel.parameter_fields,
        *NeuroflashChatSettings.own_parameters,
    )

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Arguments that are secret, and the environment variables they are loaded from."""
        secrets = super().lc_secrets
        if self.spec.oauth is not None:
            secrets["client_secret"] = self.spec.oauth.secret_variable
        return secrets


class NeuroflashEmbeddings(EmbeddingModel, WorkspaceSettings):
    """Embeddings over neuroflash, which documents none.

    Raises:
        CapabilityError: Unless ``allow_undocumented=True``; the message names the vendors that
            document embeddings.

    Examples:
        >>> NeuroflashEmbeddings()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        langchain_dsgvo.errors.CapabilityError: neuroflash documents no embeddings (neuroflash: ...
    """

    provider: ClassVar[str] = "neuroflash"


class NeuroflashImageGeneration(ImageGeneration, WorkspaceSettings):
    """Tool that makes an image after a description, by neuroflash's image service.

    That is not part of the pay-as-you-go plan, and counts on a quota of its own (public page); the
    form of its answers is inferred from OpenAI's. The answer says where the image is, in words for
    the model; the image itself is the artifact, a :class:`dsgvo.wire.models.GeneratedImage`.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Examples:
        >>> tool = NeuroflashImageGeneration()
        >>> tool.invoke({"prompt": "ein minimalistisches App-Icon"})[:18]
        'The image was made'
    """

    provider: ClassVar[str] = "neuroflash"
