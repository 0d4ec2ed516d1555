"""Both frameworks' pipelines: the places of chunks, and what is left behind in a database."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, VectorParams

from dsgvo.cli.demo.documents import read_documents
from dsgvo.cli.demo.pipeline import services
from dsgvo.cli.demo.run import CLASSES
from tests.cli.pdfs import pdf
from tests.cli.test_documents import written

MARKDOWN = "Vorspann\n# Eins\nText\n## Zwei ##\nmehr\n```\n# kein Titel\n```\n# Drei\nEnde\n"
LONG = " ".join(f"Der Satz mit der Nummer {number} ist lang." for number in range(3_000))
LINES = "\n".join(f"Zeile {number} des Textes sagt etwas." for number in range(1, 101))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "framework", ["langchain", pytest.param("llamaindex", marks=pytest.mark.slow)]
)
def test_chunks_know_places_and_collections_are_left_alone(framework: str, tmp_path: Path) -> None:
    client = QdrantClient(":memory:")
    client.create_collection("meine", VectorParams(size=3, distance=Distance.DOT))
    texts = {"a.md": MARKDOWN, "b.txt": LINES, "d.md": LONG}
    library = read_documents(written(tmp_path, texts | {"c.pdf": pdf(["Guten Tag"], ["Ade"])}))
    module = import_module(f"dsgvo.cli.demo.with_{framework}")
    with services(None, None, None, emulator=True) as who:
        made: Any = getattr(module, CLASSES[framework])(who, client, library, travel=False)
        chunks, steps = made.split(), list(made.store())
        points, _ = client.scroll(made.collection, limit=1_000)
        assert len(client.get_collections().collections) == 2
        made.close()
    assert (len(steps) >= 3, sum(steps), len(points)) == (True, len(chunks), len(chunks))
    payloads = [(one.payload or {}) for one in points]
    places: dict[str, set[str]] = {}
    for one in (p.get("metadata", p) for p in payloads):
        places.setdefault(one["file"], set()).add(one["place"])
    assert places["a.md"] == {"line 1", "Eins", "Zwei", "Drei"}
    assert places["c.pdf"] == {"page 1", "page 2"}
    starts = sorted(int(place.split()[1]) for place in places["b.txt"])
    assert (starts[0], len(starts) > 2, 50 < starts[-1] < 100) == (1, True, True)
    assert ["mehr" in text for text in chunks if "kein Titel" in text] == [True]
    left = [one.name for one in client.get_collections().collections]
    assert (left, client.count("meine").count) == (["meine"], 0)
