"""CPU time that importing a package adds to importing its framework."""

from __future__ import annotations

import subprocess

# The parts of the framework that any program with a chat model and embeddings imports.
_FRAMEWORKS = {
    "langchain": (
        "from langchain_core.embeddings import Embeddings\n"
        "from langchain_core.language_models import BaseChatModel\n"
        "from langchain_core.messages import HumanMessage\n"
        "from langchain_core.tools import tool\n"
    ),
    "llamaindex": "import llama_index.core\n",
}
_PACKAGES = {
    ("langchain", "ours"): "from langchain_dsgvo import ChatInnoGPT, InnoGPTEmbeddings\n",
    ("langchain", "peer"): "from langchain_openai import ChatOpenAI, OpenAIEmbeddings\n",
    ("llamaindex", "ours"): "from llamaindex_dsgvo import InnoGPT, InnoGPTEmbedding\n",
    ("llamaindex", "peer"): (
        "import llama_index.llms.openai_like\nimport llama_index.embeddings.openai\n"
    ),
}


def added(python: str, framework: str, contestant: str) -> float:
    """Return the seconds, measured in a fresh process."""
    code = (
        "import time\n"
        f"{_FRAMEWORKS[framework]}"
        "start = time.process_time()\n"
        f"{_PACKAGES[framework, contestant]}"
        "print(time.process_time() - start)\n"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)
