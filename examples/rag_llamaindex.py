"""Questions over your own documents with LlamaIndex. Run it with two variables set:

    INNOGPT_API_KEY=… INNOGPT_MODEL=gpt-5 python rag_llamaindex.py handbuch

Without a key: `dsgvo emulator`, and paste what it prints; the model's variable remains to be set.
"""

import sys
from pathlib import Path

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.response.schema import StreamingResponse

from llamaindex_dsgvo import use

QUESTION = "Innerhalb welcher Frist muss ich eine Datenpanne intern melden?"

use("innogpt")  # sets the LLM and the embedding model; LlamaIndex's own defaults are OpenAI's

folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "handbuch")
documents = [
    Document(text=path.read_text(encoding="utf-8"), metadata={"source": path.name})
    for path in sorted(folder.glob("*.md"))
]
index = VectorStoreIndex.from_documents(documents)
response = index.as_query_engine(streaming=True, similarity_top_k=5).query(QUESTION)

assert isinstance(response, StreamingResponse)
response.print_response_stream()
print()
for node in response.source_nodes:
    print(f"- {node.metadata['source']}")
