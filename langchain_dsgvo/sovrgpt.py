"""SovrGPT for LangChain, after the vendor's page "POST /v1/chat/completions"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document

from dsgvo.settings import RerankSettings
from dsgvo.wire.request import check_objects
from dsgvo.wire.rerank import RerankResult
from langchain_dsgvo._chat import ChatModel
from langchain_dsgvo._embeddings import EmbeddingModel
from langchain_dsgvo._settings import VendorSettings
from langchain_dsgvo.errors import langchain_errors

__all__ = ["ChatSovrGPT", "SovrGPTEmbeddings", "SovrGPTRerank"]


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

    Examples:
        >>> SovrGPTEmbeddings()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        langchain_dsgvo.errors.CapabilityError: SovrGPT documents no embeddings (SovrGPT: POST ...
    """

    provider: ClassVar[str] = "sovrgpt"


class SovrGPTRerank(RerankSettings, VendorSettings, BaseDocumentCompressor):
    """Document compressor that keeps what fits the query best, the best first.

    It goes into ``ContextualCompressionRetriever(base_compressor=…)`` of ``langchain-classic``, or
    is called by itself. Scores are in ``metadata["relevance_score"]``. Reranking is seen in a
    program that calls the service, and not documented by the vendor.

    Raises:
        ConfigurationError: If an argument is missing or wrong; nothing is sent.

    Examples:
        >>> from langchain_core.documents import Document
        >>> texts = ["Das Tagegeld beträgt 28 Euro.", "Allen stehen 30 Tage Urlaub zu."]
        >>> reranker = SovrGPTRerank(top_n=1)
        >>> [best] = reranker.compress_documents([Document(t) for t in texts], "Wie viel Urlaub?")
        >>> best.page_content, best.metadata["relevance_score"] > 0
        ('Allen stehen 30 Tage Urlaub zu.', True)
    """

    provider: ClassVar[str] = "sovrgpt"

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Return copies of the documents that fit best, with their scores.

        Args:
            documents: What was retrieved; none may be without text.
            query: What they are to fit.
            callbacks: Not used: a compressor has no run of its own.

        Raises:
            ConfigurationError: If a document or the query is empty; nothing is sent.
            APIError: If the vendor fails, or a score is missing or wrong.
        """
        arguments = self._rerank_arguments(self.extra_body)
        with langchain_errors:
            texts = _texts(documents)
            return _scored(documents, self._client.rerank(query, texts, **arguments))

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Return the documents that fit best; see :meth:`compress_documents`."""
        arguments = self._rerank_arguments(self.extra_body)
        with langchain_errors:
            texts = _texts(documents)
            return _scored(documents, await self._async_client.rerank(query, texts, **arguments))


def _texts(documents: Sequence[Document]) -> list[str]:
    check_objects("documents", documents, Document)
    return [document.page_content for document in documents]


def _scored(documents: Sequence[Document], results: Iterable[RerankResult]) -> list[Document]:
    ranked = ((documents[one.index], one.relevance_score) for one in results)
    return [
        document.model_copy(update={"metadata": {**document.metadata, "relevance_score": score}})
        for document, score in ranked
    ]
