"""The README's Python runs as it stands, block after block, as a reader would paste it."""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core import Settings

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)

# What must be among what a section prints.
PRINTED = {
    "LangChain": (
        "84",  # the agent called the tool with three days
        "name='Anna' alter=34",
        "Datenpannen sind innerhalb von zwei Stunden intern zu melden.",
        "The image was made",
        "temperature=3.0 is out of range: use 0 to 2",
    ),
    "LlamaIndex": (
        "Datenpannen sind innerhalb von zwei Stunden intern zu melden. [1]",
        "Das Tagegeld beträgt 28 Euro je vollem Kalendertag.",
        "84",
        "name='Anna' alter=34",
        "The image was made",
    ),
}


def sections() -> dict[str, list[str]]:
    """Return the Python blocks of each second-level heading."""
    parts = re.split(r"^## (.+)$", README.read_text("utf-8"), flags=re.M)
    texts = zip(parts[1::2], parts[2::2], strict=True)
    found = {title: BLOCK.findall(text) for title, text in texts}
    return {title: blocks for title, blocks in found.items() if blocks}


def run(title: str) -> None:
    """Run a section's blocks one after another, in one namespace."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(sections()[title], 1):
        exec(compile(block, f"README.md, {title}, block {number}", "exec"), namespace)
    namespace.clear()
    gc.collect()


@pytest.fixture(autouse=True)
def llama_index_alone() -> Iterator[None]:
    """LlamaIndex's sync methods leave an event loop open, and its settings are global."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    Settings._llm = Settings._embed_model = None
    asyncio.set_event_loop(None)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def test_both_frameworks_have_a_tour() -> None:
    assert set(sections()) == set(PRINTED)


# LlamaIndex itself uses what pydantic and its own workflows have deprecated.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("vendor_environment")
@pytest.mark.parametrize("title", PRINTED)
def test_the_tour_runs(title: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(title)
    printed = capsys.readouterr().out
    for text in PRINTED[title]:
        assert text in printed
