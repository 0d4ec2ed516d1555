"""Rows of the benchmark table, and their bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CONTESTANTS = ("ours", "peer", "floor")
CHUNKS = 500
STREAMS = (10, 100, 500, 1000)
"""At once, on one event loop."""

THREADS = 200
CHUNKS_OF_MANY = 50
TEXTS = 512
BATCH = 128


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Args:
        name: By which ``--only`` finds it.
        title: What the table calls it.
        framework: Whose environment it runs in, and the module that has its contestants.
        repeat: How often a round does it; a repetition may be many units, such as chunks.
        bound: Most that ours may cost: times the floor, or milliseconds where there is none.
        kind: ``"cpu"``: microseconds a unit; ``"import"``: milliseconds of a fresh process.
    """

    name: str
    title: str
    framework: Literal["core", "langchain", "llamaindex"]
    repeat: int
    bound: float | None
    kind: Literal["cpu", "import"] = "cpu"


_FRAMEWORKS: tuple[tuple[str, Literal["langchain", "llamaindex"]], ...] = (
    ("LangChain", "langchain"),
    ("LlamaIndex", "llamaindex"),
)

ROWS = (
    Row("langchain-invoke", "LangChain invoke", "langchain", 150, 1.15),
    Row("langchain-ainvoke", "LangChain ainvoke", "langchain", 150, None),
    # Nearly all that the framework costs here is making its chunks, which every model must: the
    # floor makes them too. The row below it shows the floor with chunks made beforehand.
    Row("langchain-stream-made", "LangChain streamed chunk", "langchain", 8, 1.5),
    Row("langchain-stream", "… over ready-made chunks", "langchain", 8, None),
    Row("langchain-embed", "LangChain embedded text", "langchain", 1, 1.1),
    Row("langchain-import", "import added to LangChain, ms", "langchain", 1, 60, "import"),
    Row("llamaindex-chat", "LlamaIndex chat", "llamaindex", 150, 1.15),
    Row("llamaindex-stream", "LlamaIndex streamed chunk", "llamaindex", 8, 1.5),
    Row("llamaindex-embed", "LlamaIndex embedded text", "llamaindex", 1, 1.1),
    # The floor of these is httpx over aiohttp, and the framework itself making its chunks at that
    # number. The peer of the core is httpx over httpcore.
    *(
        Row(f"core-astream-{n}", f"core chunk, {n} at once", "core", 2000 // n, 1.2)
        for n in STREAMS
    ),
    *(
        Row(f"{kind.lower()}-astream-{n}", f"{kind} chunk, {n} at once", name, 1000 // n, 1.1)
        for kind, name in _FRAMEWORKS
        for n in STREAMS
    ),
    Row("core-threads", f"core chunk, {THREADS} threads", "core", 1, None),
    Row("llamaindex-import", "import added to LlamaIndex, ms", "llamaindex", 1, 60, "import"),
)
