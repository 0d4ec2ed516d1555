"""Growth of a process while many texts are embedded, by the client or by a resumable run."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dsgvo import Client


def texts(count: int) -> Iterator[str]:
    """Yield different texts of a kilobyte each."""
    for index in range(count):
        yield f"{index:08d} " + "Datenschutz " * 83


def resident() -> float:
    """Return the process's resident memory in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024
    return _peak()


def _peak() -> float:
    divisor = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / divisor


def run(url: str, count: int) -> None:
    """Make a run over so many short rows, and print its peak in megabytes."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as ``dsgvo embed`` does
    import pyarrow as pa
    import pyarrow.parquet as pq

    from dsgvo.bulk import embed_dataset

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with pq.ParquetWriter(folder / "in.parquet", pa.schema([("text", pa.string())])) as file:
            for start in range(0, count, 10_000):
                end = min(count, start + 10_000)
                lines = [f"Satz {number:08d} über Urlaub." for number in range(start, end)]
                file.write_table(pa.table({"text": lines}))
        embed_dataset(
            folder / "in.parquet",
            folder / "out",
            provider="meingpt",
            text="text",
            api_key="sk-benchmark",
            base_url=f"{url}/dimensions/64",
        )
    print(_peak())


def main() -> None:
    """Embed, and print by how many megabytes the process has grown at its peak."""
    url, count = sys.argv[1], int(sys.argv[2])
    if sys.argv[3:] == ["run"]:
        run(url, count)
        return
    client = Client("meingpt", api_key="sk-benchmark", base_url=url)
    for _ in client.embed(["warm"]):  # imports and the first connection are not what is asked
        pass
    before = resident()
    seen = sum(1 for _ in client.embed(texts(count)))
    assert seen == count, seen
    print(_peak() - before)


if __name__ == "__main__":
    main()
