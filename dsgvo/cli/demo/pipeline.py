"""What the pipelines of both frameworks share: services, events and their setup."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from textwrap import shorten
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from dsgvo.cli.demo.documents import Library
from dsgvo.cli.emulated import access
from dsgvo.cli.metering import Meter
from dsgvo.cli.options import chosen_model, embedding_provider, require_access
from dsgvo.providers import Provider, get_provider

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

__all__ = ["Event", "Pipeline", "Services", "Step", "services", "vendor_class"]


class Services(NamedTuple):
    """The chat model and the embedding model of a run, and whether both are the emulator's."""

    chat: Provider
    model: str
    embeddings: Provider
    embedding_model: str
    emulated: bool


@contextmanager
def services(
    provider: str | None, model: str | None, embeddings: str | None, *, emulator: bool
) -> Generator[Services]:
    """Settle who answers, and put the emulator in the place of vendors if it is that."""
    emulator = emulator or provider is None
    chat = get_provider(provider or "innogpt")
    if not emulator:
        require_access(chat)
    embedder = embedding_provider(chat, embeddings, emulated=emulator)
    with access(chat, embedder, emulator=emulator, visible=sys.stdout.isatty()):
        model = chosen_model(chat, model, emulated=emulator, tools=True)
        yield Services(chat, model, embedder, embedder.embeddings.default_model or "", emulator)


class Step(NamedTuple):
    """What an agent did."""

    text: str

    @classmethod
    def call(cls, name: str, arguments: Mapping[str, Any]) -> Step:
        """Say that it called a tool."""
        return cls(f"→ {name}({', '.join(f'{key}={one!r}' for key, one in arguments.items())})")

    @classmethod
    def result(cls, text: str) -> Step:
        """Say what a tool gave."""
        return cls(f"← {shorten(text, 160, placeholder=' …')}")


Event = str | list[tuple[str, str]] | Step
"""The next piece of an answer; before it, file and place of each passage; or a step of an agent."""


class Pipeline:
    """Documents in, answers out. With ``travel``, the agent may use the handbook's calculator."""

    passages = 10  # chunks that an answer is made from
    batch = 32  # chunks that are embedded and stored at once
    least_likeness = 0.12  # cosine below which a chunk has nothing to do with the question

    def __init__(
        self, services: Services, client: QdrantClient, library: Library, *, travel: bool
    ) -> None:
        self.chat_meter = Meter(services.chat.chat_path)
        self.embedding_meter = Meter(services.embeddings.embeddings.path)
        self.rerank_meter = Meter(getattr(services.chat.reranking, "path", ""), uncounted=1)
        self.services, self.client, self.library, self.travel = services, client, library, travel
        self.collection = f"dsgvo-demo-{uuid4().hex}"

    def rerankers(self, package: ModuleType, kind: type) -> list[Any]:
        """Return the reranker of the chat model's vendor, where it has one."""
        spec = self.services.chat
        return [vendor_class(package, kind, spec)(top_n=self.passages)] if spec.reranking else []

    def close(self) -> None:
        """Delete the collection that was made for this run."""
        self.client.delete_collection(self.collection)


def vendor_class(package: ModuleType, kind: type, spec: Provider) -> Any:
    """Return a vendor's class of a kind: ``ChatInnoGPT`` for a chat model of innoGPT, and so on."""
    named = [getattr(package, name) for name in package.__all__]
    classes = [one for one in named if isinstance(one, type) and issubclass(one, kind)]
    return next(one for one in classes if vars(one).get("provider") == spec.name)
