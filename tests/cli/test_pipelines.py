"""Both frameworks' pipelines: the places of chunks, and what is left behind in a database."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, VectorParams

from dsgvo.cli.demo.documents import read_documents
from dsgvo.cli.demo.pipeline import Services, services
from dsgvo.cli.demo.run import CLASSES
from tests.cli.pdfs import pdf
from tests.cli.test_documents import written

LLAMAINDEX = pytest.param("llamaindex", marks=pytest.mark.slow)
FRAMEWORKS = pytest.mark.parametrize("framework", ["langchain", LLAMAINDEX])
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def who() -> Iterator[Services]:
    with services(None, None, None, emulator=True) as settled:
        yield settled


def pipeline(framework: str, who: Services, folder: Path, client: QdrantClient) -> Any:
    module = import_module(f"dsgvo.cli.demo.with_{framework}")
    return getattr(module, CLASSES[framework])(who, client, read_documents(folder), travel=False)


@FRAMEWORKS
def test_chunks_know_their_places(who: Services, framework: str, tmp_path: Path) -> None:
    markdown = "Vorspann\n# Eins\nText\n## Zwei ##\nmehr\n```\n# kein Titel\n```\n# Drei\nEnde\n"
    lines = "\n".join(f"Zeile {number} des Textes sagt etwas." for number in range(1, 101))
    folder = written(
        tmp_path, {"a.md": markdown, "b.txt": lines, "c.pdf": pdf(["Guten Tag"], ["Ade"])}
    )
    made = pipeline(framework, who, folder, QdrantClient(":memory:"))
    texts = made.split()
    list(made.store())
    points, _ = made.client.scroll(made.collection, limit=100)
    made.close()
    payloads = [(one.payload or {}) for one in points]
    places = {(one["file"], one["place"]) for one in (p.get("metadata", p) for p in payloads)}
    assert len(texts) == len(points)
    assert {place for file, place in places if file == "a.md"} == {"line 1", "Eins", "Zwei", "Drei"}
    assert {place for file, place in places if file == "c.pdf"} == {"page 1", "page 2"}
    starts = sorted(int(place.split()[1]) for file, place in places if file == "b.txt")
    assert (starts[0], len(starts) > 2, 50 < starts[-1] < 100) == (1, True, True)
    (code,) = [text for text in texts if "kein Titel" in text]
    assert "mehr" in code


@FRAMEWORKS
def test_a_users_collections_are_left_alone(who: Services, framework: str, tmp_path: Path) -> None:
    client = QdrantClient(":memory:")
    client.create_collection("meine", VectorParams(size=3, distance=Distance.DOT))
    text = "Die Tomaten werden um sieben Uhr gegossen. " * 4_000
    made = pipeline(framework, who, written(tmp_path, {"garten.md": text}), client)
    total = len(made.split())
    steps = list(made.store())
    assert len(steps) >= 3  # progress can be seen
    assert sum(steps) == total
    assert len(client.get_collections().collections) == 2
    made.close()
    assert [one.name for one in client.get_collections().collections] == ["meine"]
    assert client.count("meine").count == 0
