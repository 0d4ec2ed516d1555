"""Any number of texts is embedded, and a file of any size uploaded, in bounded memory.

50,000 texts of 1 kB at 3072 dimensions are the project's promise, kept by ``make bench``; a fifth
of that is embedded here, since vectors that were kept would show too: as lists, about 1 GB.
"""

import base64
from array import array
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.core.support import Mode, answer, http, json_of, raw_server, run_python

PROGRAM = """
import asyncio, resource, sys
import dsgvo

mode, url, little, much = sys.argv[1:]
kind = dsgvo.Client if mode == "sync" else dsgvo.AsyncClient

def peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1024 / 1024

def right(vector):
    return len(vector) == 3072 and vector[1] == 1 / 4096

async def collected(vectors):
    return sum([right(vector) async for vector in vectors])

def embed(count):
    texts = (f"{number:08d}" + "x" * 1016 for number in range(count))  # 1 kB each, made as read
    vectors = kind("meingpt", api_key="k", base_url=url).embed(texts)
    good = sum(map(right, vectors)) if mode == "sync" else asyncio.run(collected(vectors))
    assert good == count

def upload(path):
    parts = [{"type": "text", "text": "Worum geht es?"}, dsgvo.file_part(path=path)]
    client = kind("innogpt", api_key="k", base_url=url, max_retries=0)
    answer = client.chat([{"role": "user", "content": parts}], model="m")
    assert (answer if mode == "sync" else asyncio.run(answer)).content == "Ja."

def use(what):
    embed(int(what)) if what.isdigit() else upload(what)

use(little)  # all that is imported and made once
before = peak()
use(much)
print(peak() - before)
"""


@cache
def vectors(count: int) -> bytes:
    vector = base64.b64encode(array("f", [i / 4096 for i in range(3072)]).tobytes()).decode()
    return http({"data": [{"index": i, "embedding": vector} for i in range(count)]})


@pytest.mark.slow
def test_embedding_many_texts_does_not_grow_the_process(mode: Mode) -> None:
    with raw_server(lambda request, _: vectors(len(json_of(request)["input"]))) as server:
        assert float(run_python(PROGRAM, mode.name, server.url, "1", "10000", seconds=600)) < 200


@pytest.mark.slow
def test_a_large_file_is_read_while_it_is_sent(mode: Mode, tmp_path: Path) -> None:
    paths: Any = (tmp_path / "klein.pdf", tmp_path / "gross.pdf")
    for path, size in zip(paths, (10, 100 * 1024 * 1024), strict=True):
        with path.open("wb") as sparse:
            sparse.write(b"%PDF-1.7")
            sparse.truncate(size)
    with raw_server(http(answer("Ja."))) as server:
        assert float(run_python(PROGRAM, mode.name, server.url, *map(str, paths))) < 20
        assert len(server.requests[-1]) > 100 * 1024 * 1024
