"""Reranking as a node postprocessor, and an assistant as a query engine and a tool."""

from __future__ import annotations

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import NodeWithScore, TextNode

from dsgvo import errors
from dsgvo.emulator import Reply, Server
from llamaindex_dsgvo import (
    InnoGPT,
    InnoGPTEmbedding,
    MeinGPTAssistantQueryEngine,
    MeinGPTAssistantToolSpec,
    SovrGPTRerank,
)
from tests.llamaindex.support import HOW_MANY_DAYS, Mode, bodies, documents


def test_a_query_engine_reranks(mode: Mode, vendor_environment: Server) -> None:
    index = VectorStoreIndex.from_documents(documents(), embed_model=InnoGPTEmbedding())
    reranker = SovrGPTRerank(top_n=1, batch_size=3, additional_kwargs={"more": 1})
    engine = index.as_query_engine(
        llm=InnoGPT(model="gpt-5"), similarity_top_k=4, node_postprocessors=[reranker]
    )
    answer = mode.call(engine, "query", HOW_MANY_DAYS)
    assert [node.metadata["file"] for node in answer.source_nodes] == ["urlaub.md"]
    asked = [body for body in bodies(vendor_environment) if "documents" in body]
    assert [(len(body["documents"]), body["more"]) for body in asked] == [(3, 1), (1, 1)]
    scores = SovrGPTRerank().postprocess_nodes(answer.source_nodes, query_str=HOW_MANY_DAYS)
    assert scores[0].score == answer.source_nodes[0].score
    with pytest.raises(errors.ConfigurationError, match="query_bundle"):
        mode.call(reranker, "postprocess_nodes", [NodeWithScore(node=TextNode(text="a"))])


def test_an_assistant_answers_queries_and_calls(mode: Mode, vendor_environment: Server) -> None:
    vendor_environment.script("meingpt", Reply("Ja."), Reply("Nein."))
    engine = MeinGPTAssistantQueryEngine(assistant_id="emulator-1", additional_kwargs={"more": 1})
    response = mode.call(engine, "query", "Ja?")
    assert (str(response), response.metadata["model"]) == ("Ja.", "emulator")
    [tool] = MeinGPTAssistantToolSpec(assistant_id="emulator-2").to_tool_list()
    assert tool.metadata.name == "ask_assistant"
    assert mode.call(tool, "call", question="Nein?").content == "Nein."
    first, second = bodies(vendor_environment)
    assert first == {"message": "Ja?", "messages": [{"role": "user", "content": "Ja?"}], "more": 1}
    assert second["message"] == "Nein?"
    with pytest.raises(errors.ConfigurationError, match="assistant_id is missing"):
        MeinGPTAssistantToolSpec()
