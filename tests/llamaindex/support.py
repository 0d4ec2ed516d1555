"""The vendors' classes for LlamaIndex, and documents to ask about."""

from typing import Any

from llama_index.core.schema import Document

import llamaindex_dsgvo
from tests.calls import Mode, bodies, run
from tests.vendors import MODELS, classes

__all__ = ["Mode", "bodies", "run"]
LLMS = classes(llamaindex_dsgvo, "{}")
EMBEDDINGS = classes(llamaindex_dsgvo, "{}Embedding")
VACATION = "Allen Beschäftigten stehen 30 Tage Urlaub im Kalenderjahr zu."
DOCUMENTS = {
    "urlaub.md": VACATION,
    "reisen.md": "Für Fahrten mit dem eigenen Pkw werden 0,30 Euro je Kilometer erstattet.",
    "it.md": "Passwörter haben mindestens 14 Zeichen und werden nicht weitergegeben.",
    "datenschutz.md": "Datenpannen sind innerhalb von zwei Stunden intern an den Datenschutz zu "
    "melden.",
}
HOW_MANY_DAYS = "Wie viele Tage Urlaub stehen den Beschäftigten zu?"


def llm(provider: str, **kwargs: Any) -> Any:
    """Return a vendor's LLM."""
    return LLMS[provider](**{"model": MODELS[provider]} | kwargs)


def documents() -> list[Document]:
    """Return one document a topic."""
    return [Document(text=text, metadata={"file": name}) for name, text in DOCUMENTS.items()]
