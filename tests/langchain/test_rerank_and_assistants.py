"""Reranking as a document compressor, and an assistant as a runnable and a tool."""

from __future__ import annotations

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

from dsgvo.emulator import Reply, Server
from langchain_dsgvo import ChatMeinGPT, InnoGPTEmbeddings, MeinGPTAssistant, SovrGPTRerank
from tests.langchain.support import Mode, bodies

TEXTS = ["Das Tagegeld beträgt 28 Euro.", "Allen stehen 30 Tage Urlaub zu.", "Urlaub beantragen."]


def test_a_compression_retriever_keeps_the_best(mode: Mode, vendors: Server) -> None:
    documents = [Document(text, metadata={"n": n}) for n, text in enumerate(TEXTS)]
    store = InMemoryVectorStore.from_documents(documents, InnoGPTEmbeddings())
    retriever = ContextualCompressionRetriever(
        base_compressor=SovrGPTRerank(top_n=2, batch_size=2, extra_body={"more": 1}),
        base_retriever=store.as_retriever(),
    )
    found = mode.invoke(retriever, "Wie viele Tage Urlaub stehen allen zu?")
    assert [document.metadata["n"] for document in found] == [1, 2]
    assert found[0].metadata["relevance_score"] >= found[1].metadata["relevance_score"] > 0
    assert documents[1].metadata == {"n": 1}
    asked = [body for body in bodies(vendors) if "documents" in body]
    assert [(len(body["documents"]), body["more"]) for body in asked] == [(2, 1), (1, 1)]
    with pytest.raises(ModelInvalidRequestError, match=r"documents\[1\] is empty"):
        mode.call(SovrGPTRerank(), "compress_documents", [Document("a"), Document("")], "Urlaub?")


def test_an_assistant_is_a_runnable_over_messages(mode: Mode, vendors: Server) -> None:
    vendors.script("meingpt", Reply("Ja."), Reply("Nein."))
    assistant = MeinGPTAssistant(assistant_id="emulator-2", extra_body={"more": 1})
    prompt = ChatPromptTemplate.from_messages([("system", "Kurz."), ("human", "{frage}")])
    chain = prompt | assistant | StrOutputParser()
    assert mode.stream(chain, {"frage": "Ja?"}) == ["Ja."]
    answer = mode.invoke(assistant, [HumanMessage("Nein?")], extra_body={"own": 2}, timeout=5)
    assert answer.text == "Nein."
    assert answer.usage_metadata["output_tokens"] == 2
    turns = [{"role": "system", "content": "Kurz."}, {"role": "user", "content": "Ja?"}]
    first, second = bodies(vendors)
    assert first == {"message": "Ja?", "messages": turns, "more": 1}
    assert (second["message"], second["more"], second["own"]) == ("Nein?", 1, 2)


def test_an_assistant_is_a_tool_of_an_agent(mode: Mode, vendors: Server) -> None:
    tool = MeinGPTAssistant(assistant_id="emulator-1").as_tool(name="personal")
    agent: Any = create_agent(ChatMeinGPT(model="gpt-4o"), tools=[tool])
    call = {"name": "personal", "arguments": {"question": "Urlaub?"}}
    vendors.script("meingpt", Reply(tool_calls=[call]), Reply("30 Tage."), Reply("Es sind 30."))
    state = mode.invoke(agent, {"messages": [("user", "Wie viel Urlaub?")]})
    assert [message.text for message in state["messages"][-2:]] == ["30 Tage.", "Es sind 30."]
    assert bodies(vendors)[1]["message"] == "Urlaub?"


@pytest.mark.parametrize(
    ("cls", "arguments", "says"),
    [
        (SovrGPTRerank, {"top_n": 0}, "top_n=0"),
        (SovrGPTRerank, {"residency": "strict"}, "bge-reranker"),
        (MeinGPTAssistant, {}, "assistant_id is missing"),
        (MeinGPTAssistant, {"assistant_id": "a", "residency": "strict"}, "trusted_models"),
    ],
)
def test_wrong_settings(cls: Any, arguments: dict[str, Any], says: str, vendors: Server) -> None:
    with pytest.raises(ModelInvalidRequestError, match=says):
        cls(**arguments)
    assert vendors.requests == []
