"""Reranking and assistants in each framework's own parts."""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.exceptions import ModelInvalidRequestError
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core import VectorStoreIndex

import langchain_dsgvo as langchain
import llamaindex_dsgvo as llamaindex
from dsgvo import errors
from dsgvo.emulator import Reply, Server
from tests.calls import Mode, bodies
from tests.llamaindex.support import HOW_MANY_DAYS, documents

TEXTS = ["Das Tagegeld beträgt 28 Euro.", "Allen stehen 30 Tage Urlaub zu.", "Urlaub beantragen."]


def test_a_compression_retriever_keeps_the_best(mode: Mode, server: Server) -> None:
    found = [Document(text, metadata={"n": n}) for n, text in enumerate(TEXTS)]
    store = InMemoryVectorStore.from_documents(found, langchain.InnoGPTEmbeddings())
    reranker = langchain.SovrGPTRerank(top_n=2, batch_size=2, extra_body={"more": 1})
    retriever = ContextualCompressionRetriever(
        base_compressor=reranker, base_retriever=store.as_retriever()
    )
    best = mode.invoke(retriever, "Wie viele Tage Urlaub stehen allen zu?")
    assert [document.metadata["n"] for document in best] == [1, 2]
    scores = [document.metadata["relevance_score"] for document in best]
    assert (scores, found[1].metadata) == (sorted(scores, reverse=True), {"n": 1})
    asked = [body for body in bodies(server) if "documents" in body]
    assert [(len(body["documents"]), body["more"]) for body in asked] == [(2, 1), (1, 1)]
    for wrong, said in (([Document("a"), Document("")], r"\[1\] is empty"), ("x", " is a str: ")):
        with pytest.raises(ModelInvalidRequestError, match=f"documents{said}"):
            mode.call(reranker, "compress_documents", wrong, "Urlaub?")


def test_a_query_engine_reranks(mode: Mode, server: Server) -> None:
    index = VectorStoreIndex.from_documents(documents(), embed_model=llamaindex.InnoGPTEmbedding())
    reranker = llamaindex.SovrGPTRerank(top_n=1, batch_size=3, additional_kwargs={"more": 1})
    llm = llamaindex.InnoGPT(model="gpt-5")
    engine = index.as_query_engine(llm=llm, similarity_top_k=4, node_postprocessors=[reranker])
    answer = mode.call(engine, "query", HOW_MANY_DAYS)
    assert [node.metadata["file"] for node in answer.source_nodes] == ["urlaub.md"]
    asked = [body for body in bodies(server) if "documents" in body]
    assert [(len(body["documents"]), body["more"]) for body in asked] == [(3, 1), (1, 1)]
    again = mode.call(reranker, "postprocess_nodes", answer.source_nodes, query_str=HOW_MANY_DAYS)
    assert again[0].score == answer.source_nodes[0].score
    for nodes, query, said in ((again, None, "query_bundle"), ("x", "a", "nodes is a str: ")):
        with pytest.raises(errors.ConfigurationError, match=said):
            mode.call(reranker, "postprocess_nodes", nodes, query_str=query)


def test_an_assistant_is_a_runnable_and_a_tool_of_an_agent(mode: Mode, server: Server) -> None:
    call = {"name": "personal", "arguments": {"question": "Urlaub?"}}
    said = [Reply("Ja."), Reply("Nein."), Reply(tool_calls=[call]), Reply("30."), Reply("Es: 30.")]
    server.script("meingpt", *said)
    assistant = langchain.MeinGPTAssistant(assistant_id="emulator-2", extra_body={"more": 1})
    prompt = ChatPromptTemplate.from_messages([("system", "Kurz."), ("human", "{frage}")])
    assert mode.stream(prompt | assistant | StrOutputParser(), {"frage": "Ja?"}) == ["Ja."]
    answer = mode.invoke(assistant, [HumanMessage("Nein?")], extra_body={"own": 2}, timeout=5)
    assert (answer.text, answer.usage_metadata["output_tokens"]) == ("Nein.", 2)
    tools = [assistant.as_tool(name="personal")]
    agent: Any = create_agent(langchain.ChatMeinGPT(model="gpt-4o"), tools=tools)
    state = mode.invoke(agent, {"messages": [("user", "Wie viel Urlaub?")]})
    assert [message.text for message in state["messages"][-2:]] == ["30.", "Es: 30."]
    turns = [{"role": "system", "content": "Kurz."}, {"role": "user", "content": "Ja?"}]
    first, second, _, third, _ = bodies(server)
    assert first == {"message": "Ja?", "messages": turns, "more": 1}
    assert (second["message"], second["more"], second["own"]) == ("Nein?", 1, 2)
    assert third["message"] == "Urlaub?"


def test_an_assistant_answers_queries_and_calls(mode: Mode, server: Server) -> None:
    server.script("meingpt", Reply("Ja."), Reply("Nein."))
    engine = llamaindex.MeinGPTAssistantQueryEngine(
        assistant_id="emulator-1", additional_kwargs={"more": 1}
    )
    response = mode.call(engine, "query", "Ja?")
    assert (str(response), response.metadata["model"]) == ("Ja.", "emulator")
    [tool] = llamaindex.MeinGPTAssistantToolSpec(assistant_id="emulator-2").to_tool_list()
    assert tool.metadata.name == "ask_assistant"
    assert mode.call(tool, "call", question="Nein?").content == "Nein."
    first, second = bodies(server)
    assert first == {"message": "Ja?", "messages": [{"role": "user", "content": "Ja?"}], "more": 1}
    assert second["message"] == "Nein?"


@pytest.mark.parametrize("package", [langchain, llamaindex])
def test_unknown_places_are_refused(package: Any) -> None:
    assistant = getattr(package, "MeinGPTAssistant", None) or llamaindex.MeinGPTAssistantToolSpec
    with pytest.raises(errors.ResidencyError, match="bge-reranker"):
        package.SovrGPTRerank(residency="strict")
    with pytest.raises(errors.ResidencyError, match="trusted_models"):
        assistant(assistant_id="a", residency="strict")
