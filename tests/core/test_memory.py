"""Embedding any number of texts takes bounded memory.

50,000 texts of 1 kB at 3072 dimensions are the project's promise; every run of the suite embeds a
fifth of that, since vectors that were kept would show there too: 10,000 take about 1 GB as lists.
The full size runs with ``DSGVO_TEST_MEMORY_TEXTS=50000``; ``-s`` shows the figures.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.support import Mode, run_python
from tests.processes import next_line, started

TEXTS = int(os.environ.get("DSGVO_TEST_MEMORY_TEXTS", "10000"))
"""Read when the tests are collected: what the tests' environment hides is set then still."""

LIMIT_MB = 200

PROGRAM = """
import asyncio, resource, sys
from dsgvo import AsyncClient, Client

mode, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])

async def collected(vectors):
    return sum([right(vector) async for vector in vectors])

def right(vector):
    return len(vector) == 3072 and vector[1] == 1 / 4096

def embed(count):
    texts = (f"{number:08d}" + "x" * 1016 for number in range(count))  # 1 kB each, made as read
    client = (Client if mode == "sync" else AsyncClient)("meingpt", api_key="k", base_url=url)
    vectors = client.embed(texts)
    return sum(map(right, vectors)) if mode == "sync" else asyncio.run(collected(vectors))

def peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1024 / 1024

assert embed(1) == 1  # all that is imported and made once
before = peak()
assert embed(count) == count
print(f"{before:.1f} {peak():.1f}")
"""


@pytest.fixture
def vector_server() -> Iterator[str]:
    """A server in a process of its own, so that its memory is not counted."""
    program = [sys.executable, str(Path(__file__).with_name("vector_server.py"))]
    with started(program) as process:
        yield f"http://127.0.0.1:{int(next_line(process))}/v1"


@pytest.mark.slow
def test_embedding_many_texts_does_not_grow_the_process(mode: Mode, vector_server: str) -> None:
    arguments = [mode.name, vector_server, str(TEXTS)]
    before, after = map(float, run_python(PROGRAM, *arguments, seconds=600).split())
    print(f"{mode.name}: {TEXTS} texts, {before:.0f} MB before, {after:.0f} MB at most")
    assert after - before < LIMIT_MB
