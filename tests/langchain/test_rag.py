"""Questions over German text: embeddings, a vector store, a chain, an answer with its source."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_qdrant import QdrantVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter

from dsgvo.emulator import Server
from tests.langchain.support import EMBEDDINGS, Mode, chat

HANDBOOK = {
    "urlaub.md": (
        "Beschäftigte haben Anspruch auf 30 Urlaubstage im Kalenderjahr. Urlaub wird im Portal "
        "beantragt und von der Teamleitung genehmigt."
    ),
    "passwort.md": (
        "Ein Passwort hat mindestens vierzehn Zeichen. Es wird nicht weitergegeben und nach einem "
        "Verdacht sofort geändert."
    ),
    "panne.md": (
        "Eine Datenpanne wird binnen 72 Stunden der Aufsichtsbehörde gemeldet. Ansprechpartnerin "
        "ist die Datenschutzbeauftragte."
    ),
    "reise.md": (
        "Dienstreisen werden mit der Bahn in der zweiten Klasse gebucht. Das Tagegeld beträgt 28 "
        "Euro für jeden vollen Tag."
    ),
}
QUESTIONS = {
    "Wie viele Urlaubstage habe ich?": ("urlaub.md", "30 Urlaubstage"),
    "Wie lang muss ein Passwort sein?": ("passwort.md", "vierzehn Zeichen"),
    "Bis wann muss eine Datenpanne gemeldet werden?": ("panne.md", "72 Stunden"),
    "Wie hoch ist das Tagegeld?": ("reise.md", "28 Euro"),
}
DOCUMENTS = [Document(text, metadata={"source": source}) for source, text in HANDBOOK.items()]
PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Antworte nur aus dem Kontext.\n\nKontext:\n{context}"),
        ("user", "{question}"),
    ]
)


def qdrant(embeddings: Any) -> Any:
    return QdrantVectorStore.from_documents(
        DOCUMENTS, embeddings, location=":memory:", collection_name="handbuch"
    )


def in_memory(embeddings: Any) -> Any:
    return InMemoryVectorStore.from_documents(DOCUMENTS, embeddings)


PAIRS = [
    (qdrant, "innogpt", "innogpt"),
    (in_memory, "meingpt", "meingpt"),
    (qdrant, "meingpt", "neuroflash"),
    (in_memory, "innogpt", "sovrgpt"),
]


@pytest.mark.parametrize(("store", "embedded_by", "answered_by"), PAIRS)
def test_the_answer_comes_from_the_passage(
    server: Server, mode: Mode, store: Any, embedded_by: str, answered_by: str
) -> None:
    retriever = store(EMBEDDINGS[embedded_by]()).as_retriever(search_kwargs={"k": 2})

    def joined(documents: list[Document]) -> str:
        return "\n\n".join(document.page_content for document in documents)

    chain = (
        {"context": retriever | RunnableLambda(joined), "question": RunnablePassthrough()}
        | PROMPT
        | chat(answered_by)
        | StrOutputParser()
    )
    for question, (source, answer) in QUESTIONS.items():
        assert mode.invoke(retriever, question)[0].metadata["source"] == source
        assert answer in mode.invoke(chain, question)
        assert answer in "".join(mode.stream(chain, question))


def test_pieces_of_long_texts_are_embedded_in_batches(server: Server, mode: Mode) -> None:
    splitter = RecursiveCharacterTextSplitter(chunk_size=60, chunk_overlap=0)
    pieces = splitter.split_documents(DOCUMENTS * 5)
    store = InMemoryVectorStore(EMBEDDINGS["meingpt"](dimensions=128, batch_size=8))
    mode.call(store, "add_documents", pieces)
    assert len(server.requests) == -(-len(pieces) // 8)
    [best] = mode.call(store, "similarity_search", "Tagegeld", k=1)
    assert "Tagegeld" in best.page_content


def test_similar_texts_score_higher(server: Server) -> None:
    store = qdrant(EMBEDDINGS["innogpt"](dimensions=512))
    scored = store.similarity_search_with_score("Urlaubstage im Jahr", k=4)
    assert scored[0][0].metadata["source"] == "urlaub.md"
    scores = [score for _, score in scored]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 2 * scores[-1]
