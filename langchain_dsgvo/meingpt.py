"""meinGPT for LangChain, after the vendor's pages "Completions" and "Modell API"."""

from __future__ import annotations

from typing import ClassVar

from langchain_dsgvo._chat import ChatModel
from langchain_dsgvo._embeddings import EmbeddingModel

__all__ = ["ChatMeinGPT", "MeinGPTEmbeddings"]


class ChatMeinGPT(ChatModel):
    """meinGPT chat model.

    The vendor honours ``temperature``, ``tools``, ``tool_choice`` and ``response_format``, and
    accepts everything else without honouring it. Setting ``max_tokens``, ``top_p`` or ``stop`` is
    therefore warned about once, or refused with ``strict=True``.

    Setup:
        ``pip install 'dsgvo-llm[langchain]'`` and set ``MEINGPT_API_KEY``.

    Args:
        model: Model id, such as ``"gpt-4o"``; else ``MEINGPT_MODEL``.
        api_key: The key (``sk_meingpt_…``); else ``MEINGPT_API_KEY``.
        base_url: The path before ``/chat/completions``; else ``MEINGPT_BASE_URL``, else the
            vendor's own.
        temperature: 0 to 2.
        max_tokens: Sent, and not honoured by the vendor.
        top_p: Sent, and not honoured by the vendor.
        stop: Sent, and not honoured by the vendor.
        timeout: Seconds of silence after which a request fails; ``None``: never.
        max_retries: How often a request is made again, 0 or more.
        stream_usage: Ask for usage in streams, which the vendor does not promise to give.
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
        >>> model = ChatMeinGPT(model="gpt-4o", temperature=0)
        >>> model.invoke("Sag Hallo!").response_metadata["finish_reason"]
        'stop'
        >>> from pydantic import BaseModel
        >>> class Person(BaseModel):
        ...     "Eine Person."
        ...     name: str
        ...     age: int
        >>> model.with_structured_output(Person).invoke("Anna ist 34 Jahre alt")
        Person(name='Anna', age=34)
    """

    provider: ClassVar[str] = "meingpt"


class MeinGPTEmbeddings(EmbeddingModel):
    """meinGPT embeddings.

    Args:
        model: Embedding model id; by default ``"text-embedding-3-large"``, which the vendor's
            page names.
        api_key: The key; else ``MEINGPT_API_KEY``.
        base_url: The path before ``/embeddings``; else ``MEINGPT_BASE_URL``, else the vendor's.

    Further arguments are those of :class:`langchain_dsgvo.InnoGPTEmbeddings`.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Example:
        >>> vectors = MeinGPTEmbeddings(dimensions=256).embed_documents(["Guten Tag"])
        >>> len(vectors), len(vectors[0])
        (1, 256)
    """

    provider: ClassVar[str] = "meingpt"
