"""SovrGPT for LangChain, after the vendor's page "POST /v1/chat/completions"."""

from __future__ import annotations

from typing import ClassVar

from langchain_dsgvo._chat import ChatModel
from langchain_dsgvo._embeddings import EmbeddingModel

__all__ = ["ChatSovrGPT", "SovrGPTEmbeddings"]


class ChatSovrGPT(ChatModel):
    """SovrGPT chat model.

    Thoughts that reasoning models write as ``<think>…</think>`` are kept out of the answer: they
    are in ``content_blocks`` as ``reasoning``, and are not sent back in the next turn.

    Setup:
        ``pip install 'dsgvo-llm[langchain]'`` and set ``SOVRGPT_API_KEY`` (or ``SOVR_KEY``).

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Instantiation and invocation:
        >>> model = ChatSovrGPT(model="qwen3.5-9b", temperature=0.5)
        >>> answer = model.invoke("Sag Hallo!")
        >>> answer.response_metadata["finish_reason"]
        'stop'

    Streaming:
        >>> chunks = list(model.stream("Sag Hallo!"))
        >>> chunks[-1].chunk_position
        'last'

    Async:
        >>> import asyncio
        >>> asyncio.run(model.ainvoke("Sag Hallo!")).text == answer.text
        True

    Tool calling:
        >>> def get_price(symbol: str) -> float:
        ...     "Holt den aktuellen Preis."
        >>> bound = model.bind_tools([get_price], tool_choice="get_price")
        >>> bound.invoke("Was kostet 'BTC'?").tool_calls[0]["name"]
        'get_price'

    Structured output, by tool calling or by JSON mode:
        >>> from pydantic import BaseModel
        >>> class Person(BaseModel):
        ...     "Eine Person."
        ...     name: str
        ...     age: int
        >>> chain = model.with_structured_output(Person, method="json_mode")
        >>> chain.invoke('"Anna" ist 34 Jahre alt')
        Person(name='Anna', age=34)

    Token usage:
        >>> sorted(answer.usage_metadata)
        ['input_tokens', 'output_tokens', 'total_tokens']
    """

    provider: ClassVar[str] = "sovrgpt"


class SovrGPTEmbeddings(EmbeddingModel):
    """Embeddings over SovrGPT, which documents none.

    Raises:
        CapabilityError: Unless ``allow_undocumented=True``; the message names the vendors that
            document embeddings.

    Example:
        >>> SovrGPTEmbeddings()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        langchain_dsgvo.errors.CapabilityError: SovrGPT documents no embeddings (SovrGPT: POST ...
    """

    provider: ClassVar[str] = "sovrgpt"
