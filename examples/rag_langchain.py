"""Questions over your own documents with LangChain. Run it with two variables set:

    INNOGPT_API_KEY=… INNOGPT_MODEL=gpt-5 python rag_langchain.py handbuch

Without a key: `dsgvo emulator`, and paste what it prints; the model's variable remains to be set.
"""

import sys
from pathlib import Path

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_qdrant import QdrantVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter

from langchain_dsgvo import ChatInnoGPT, InnoGPTEmbeddings

QUESTION = "Innerhalb welcher Frist muss ich eine Datenpanne intern melden?"

folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "handbuch")
documents = [
    Document(path.read_text(encoding="utf-8"), metadata={"source": path.name})
    for path in sorted(folder.glob("*.md"))
]
chunks = RecursiveCharacterTextSplitter(chunk_size=800, chunk_overlap=120).split_documents(
    documents
)
store = QdrantVectorStore.from_documents(
    chunks, InnoGPTEmbeddings(), location=":memory:", collection_name="handbuch"
)


def numbered(found: list[Document]) -> str:
    return "\n\n".join(
        f"[{number}] {one.metadata['source']}\n{one.page_content}"
        for number, one in enumerate(found, 1)
    )


prompt = ChatPromptTemplate.from_template(
    "Beantworte die Frage allein aus den Fundstellen und nenne deren Nummern.\n\n"
    "Fundstellen:\n\n{passages}\n\nFrage: {question}"
)
chain = (
    {
        "passages": store.as_retriever(search_kwargs={"k": 5}) | numbered,
        "question": RunnablePassthrough(),
    }
    | prompt
    | ChatInnoGPT()
    | StrOutputParser()
)
for piece in chain.stream(QUESTION):
    print(piece, end="", flush=True)
print()
