"""What the demo's pipelines leave behind in a vector database of the user's: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, VectorParams

from dsgvo.cli.demo.events import Pipeline
from dsgvo.cli.demo.sections import Section
from dsgvo.cli.demo.services import Services, services

SECTIONS = [Section("Die Tomaten werden um sieben Uhr gegossen. " * 60, "garten.md", "Garten")]


@pytest.fixture
def who() -> Iterator[Services]:
    with services(None, None, None, use_emulator=True, visible=False) as settled:
        yield settled


@pytest.mark.parametrize("framework", ["langchain", "llamaindex"])
@pytest.mark.filterwarnings("ignore")
def test_a_users_collections_are_left_alone(who: Services, framework: str) -> None:
    client = QdrantClient(":memory:")
    client.create_collection("meine", VectorParams(size=3, distance=Distance.DOT))
    module = import_module(f"dsgvo.cli.demo.with_{framework}")
    pipeline: Pipeline = module.PIPELINE(who, client, travel=False)
    total = pipeline.split(SECTIONS)
    assert total > 2
    assert sum(pipeline.store()) == total
    assert len(client.get_collections().collections) == 2
    pipeline.close()
    assert [one.name for one in client.get_collections().collections] == ["meine"]
    assert client.count("meine").count == 0


@pytest.mark.parametrize("framework", ["langchain", "llamaindex"])
@pytest.mark.filterwarnings("ignore")
def test_storing_reports_its_progress_in_steps(who: Services, framework: str) -> None:
    module = import_module(f"dsgvo.cli.demo.with_{framework}")
    pipeline: Pipeline = module.PIPELINE(who, QdrantClient(":memory:"), travel=False)
    total = pipeline.split(SECTIONS * 20)
    steps = list(pipeline.store())
    pipeline.close()
    assert len(steps) >= 3
    assert sum(steps) == total
