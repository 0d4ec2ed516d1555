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
        >>> model.with_structured_output(Person).invoke('"Anna" ist 34 Jahre alt')
        Person(name='Anna', age=34)
    """

    provider: ClassVar[str] = "meingpt"


class MeinGPTEmbeddings(EmbeddingModel):
    """meinGPT embeddings.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Example:
        >>> vectors = MeinGPTEmbeddings(dimensions=256).embed_documents(["Guten Tag"])
        >>> len(vectors), len(vectors[0])
        (1, 256)
    """

    provider: ClassVar[str] = "meingpt"
