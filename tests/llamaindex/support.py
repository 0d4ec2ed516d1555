"""Ways to call a model, blocking or awaited, so that no test is written twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from llama_index.core.schema import Document

import llamaindex_dsgvo
from tests.vendors import MODELS, classes

_T = TypeVar("_T")

LLMS = classes(llamaindex_dsgvo, "{}")
EMBEDDINGS = classes(llamaindex_dsgvo, "{}Embedding")

VACATION = "Allen Beschäftigten stehen 30 Tage Urlaub im Kalenderjahr zu."
TRAVEL = "Für Fahrten mit dem eigenen Pkw werden 0,30 Euro je Kilometer erstattet."
PASSWORDS = "Passwörter haben mindestens 14 Zeichen und werden nicht weitergegeben."
BREACH = "Datenpannen sind innerhalb von zwei Stunden intern an den Datenschutz zu melden."

DOCUMENTS = {
    "urlaub.md": VACATION,
    "reisen.md": TRAVEL,
    "it.md": PASSWORDS,
    "datenschutz.md": BREACH,
}
HOW_MANY_DAYS = "Wie viele Tage Urlaub stehen den Beschäftigten zu?"


def llm(provider: str, **kwargs: Any) -> Any:
    """Return a vendor's LLM."""
    return LLMS[provider](**{"model": MODELS[provider]} | kwargs)


def documents() -> list[Document]:
    """Return one document a topic."""
    return [Document(text=text, metadata={"file": name}) for name, text in DOCUMENTS.items()]


@dataclass(frozen=True)
class Mode:
    """Sync or async, called the same way; streams come as lists."""

    name: str

    @property
    def is_async(self) -> bool:
        return self.name == "async"

    def call(self, target: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call ``method``, or its twin with an ``a`` before its name."""
        if not self.is_async:
            return getattr(target, method)(*args, **kwargs)
        return run(lambda: getattr(target, "a" + method)(*args, **kwargs))

    def listed(self, target: Any, method: str, *args: Any, **kwargs: Any) -> list[Any]:
        """Call ``method`` and list what it yields."""
        if not self.is_async:
            return list(getattr(target, method)(*args, **kwargs))

        async def collect() -> list[Any]:
            stream = await getattr(target, "a" + method)(*args, **kwargs)
            return [item async for item in stream]

        return run(collect)


def run(coroutine: Callable[[], Awaitable[_T]]) -> _T:
    """Run a coroutine function in an event loop of its own."""

    async def main() -> _T:
        return await coroutine()

    return asyncio.run(main())


def bodies(server: Any) -> list[dict[str, Any]]:
    """Return the JSON bodies of the requests so far."""
    return [request.json for request in server.requests]
