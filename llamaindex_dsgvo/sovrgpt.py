"""SovrGPT for LlamaIndex."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from dsgvo.errors import ConfigurationError
from dsgvo.settings import RerankSettings
from dsgvo.wire.arguments import require
from dsgvo.wire.request import check_objects
from dsgvo.wire.rerank import RerankResult
from llamaindex_dsgvo._embedding import EmbeddingModel
from llamaindex_dsgvo._llamaindex_internals import dispatcher_for
from llamaindex_dsgvo._llm import ChatModel
from llamaindex_dsgvo._settings import VendorSettings

__all__ = ["SovrGPT", "SovrGPTEmbedding", "SovrGPTRerank"]

_dispatcher = dispatcher_for(__name__)


class SovrGPT(ChatModel):
    """Chat models of SovrGPT, after its page "POST /v1/chat/completions".

    Models of the reasoning tier think in ``<think>…</think>`` before they answer. The thoughts
    come as a ``ThinkingBlock``, and as ``thinking_delta`` in streams, never in the answer's text.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> from llama_index.core.llms import ChatMessage
        >>> from llamaindex_dsgvo import SovrGPT
        >>> llm = SovrGPT(model="qwen3.5-9b", temperature=0.5)
        >>> *_, last = llm.stream_chat([ChatMessage("Hallo!")])
        >>> last.raw["finish_reason"], last.raw["model"]
        ('stop', 'qwen3.5-9b')
    """

    provider: ClassVar[str] = "sovrgpt"


class SovrGPTEmbedding(EmbeddingModel):
    """Embeddings of SovrGPT, which documents none.

    Raises:
        CapabilityError: Without ``allow_undocumented=True``; it names the vendors that document
            embeddings.

    Examples:
        >>> from dsgvo import errors
        >>> from llamaindex_dsgvo import SovrGPTEmbedding
        >>> try:
        ...     SovrGPTEmbedding()
        ... except errors.CapabilityError as error:
        ...     print(error)
        SovrGPT documents no embeddings (...); innoGPT and meinGPT do. ...
    """

    provider: ClassVar[str] = "sovrgpt"


class SovrGPTRerank(RerankSettings, VendorSettings, BaseNodePostprocessor):
    """Postprocessor that keeps the nodes that fit the query best, the best first.

    Nodes are sent as they are embedded, with their metadata, and get the model's score. Reranking
    is seen in a program that calls the service, and not documented by the vendor.

    Raises:
        ConfigurationError: If something is missing or wrong; nothing is sent.

    Examples:
        >>> from llama_index.core.schema import NodeWithScore, TextNode
        >>> from llamaindex_dsgvo import SovrGPTRerank
        >>> texts = ["Das Tagegeld beträgt 28 Euro.", "Allen stehen 30 Tage Urlaub zu."]
        >>> nodes = [NodeWithScore(node=TextNode(text=text), score=0.5) for text in texts]
        >>> [best] = SovrGPTRerank(top_n=1).postprocess_nodes(nodes, query_str="Wie viel Urlaub?")
        >>> best.text
        'Allen stehen 30 Tage Urlaub zu.'
    """

    provider: ClassVar[str] = "sovrgpt"

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex saves it."""
        return cls.__name__

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, texts = self._request(nodes, query_bundle)
        arguments = self._rerank_arguments(self.additional_kwargs)
        return _scored(nodes, self._client.rerank(query, texts, **arguments))

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, texts = self._request(nodes, query_bundle)
        arguments = self._rerank_arguments(self.additional_kwargs)
        return _scored(nodes, await self._async_client.rerank(query, texts, **arguments))

    def _request(
        self, nodes: list[NodeWithScore], query: QueryBundle | None
    ) -> tuple[str, list[str]]:
        if query is None:
            raise ConfigurationError("query_bundle is missing: pass it, or query_str=…")
        require("query_bundle", query, QueryBundle)
        check_objects("nodes", nodes, NodeWithScore)
        _dispatcher.event(
            ReRankStartEvent(
                query=query, nodes=nodes, top_n=self.top_n or len(nodes), model_name=self.model
            )
        )
        return query.query_str, [node.get_content(MetadataMode.EMBED) for node in nodes]


def _scored(nodes: Sequence[NodeWithScore], results: Iterable[RerankResult]) -> list[NodeWithScore]:
    scored = [NodeWithScore(node=nodes[r.index].node, score=r.relevance_score) for r in results]
    _dispatcher.event(ReRankEndEvent(nodes=scored))
    return scored
