"""Index Parquet files into Qdrant on a Ray cluster: read, split, embed and write on all nodes.

Start a Qdrant server, since all nodes write to it, and give each node a key:

    docker run -p 6333:6333 qdrant/qdrant
    INNOGPT_API_KEY=… python index_on_ray.py corpus.parquet http://127.0.0.1:6333

The files have columns `id` (an integer) and `text`. `RAY_ADDRESS` names the cluster; without it,
Ray starts on this machine. A point's id comes from its row and place, so a second run writes the
same points again, and none twice. Needs `pip install 'dsgvo-llm[ray]' langchain-text-splitters
qdrant-client`; without a key: `dsgvo emulator`, and set what it prints.
"""

import sys
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import ray
from langchain_text_splitters import RecursiveCharacterTextSplitter
from qdrant_client import QdrantClient, models
from ray.data import ActorPoolStrategy

from dsgvo.ray import EmbedTexts

COLLECTION = "corpus"
DIMENSIONS = 1536
splitter = RecursiveCharacterTextSplitter(chunk_size=800, chunk_overlap=120)


def split(row: dict[str, Any]) -> list[dict[str, Any]]:
    pieces = splitter.split_text(row["text"])
    return [{"id": row["id"], "piece": n, "text": text} for n, text in enumerate(pieces)]


class Write:
    """Writes rows with vectors as points; rows that failed are passed on with their error."""

    def __init__(self, url: str) -> None:
        self.client = QdrantClient(url=url)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        points = [
            models.PointStruct(
                id=str(uuid5(NAMESPACE_URL, f"{row}/{piece}")),
                vector=vector.tolist(),
                payload={"id": int(row), "piece": int(piece), "text": text},
            )
            for row, piece, text, vector, error in zip(
                *(batch[name] for name in ("id", "piece", "text", "vector", "error")), strict=True
            )
            if not error
        ]
        if points:
            self.client.upsert(COLLECTION, points, wait=True)
        return {name: batch[name] for name in ("id", "piece", "error")}


def main(source: str, url: str) -> None:
    client = QdrantClient(url=url)
    if not client.collection_exists(COLLECTION):
        size = models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE)
        client.create_collection(COLLECTION, vectors_config=size)
    arguments = {"provider": "innogpt", "dimensions": DIMENSIONS}
    done = (
        ray.data.read_parquet(source)
        .flat_map(split)
        .map_batches(
            EmbedTexts,
            fn_constructor_kwargs=arguments,
            batch_size=1024,
            num_cpus=0.5,
            compute=ActorPoolStrategy(min_size=1, max_size=4),
        )
        .map_batches(
            Write,
            fn_constructor_kwargs={"url": url},
            batch_size=256,
            num_cpus=0.5,
            compute=ActorPoolStrategy(min_size=1, max_size=2),
        )
        .materialize()
    )
    failed = done.filter(lambda row: bool(row["error"])).take(20)
    print(f"{done.count()} pieces, {client.count(COLLECTION).count} points in {COLLECTION!r}")
    for row in failed:
        print(f"row {row['id']}, piece {row['piece']}: {row['error']}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
