"""The Python of the pages runs as it stands, block after block, as a reader would paste it."""

import gc
import json
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from docs.notebooks import NOTEBOOKS, code_cells, run
from dsgvo.emulator import Server
from tests.llamaindex.fixtures import nothing_in_settings, own_event_loop

UNRAISABLE = "ignore::pytest.PytestUnraisableExceptionWarning"
__all__ = ["nothing_in_settings", "own_event_loop"]
pytestmark = [
    # LlamaIndex itself uses what pydantic and its own workflows have deprecated.
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    *map(pytest.mark.filterwarnings, ("ignore::ResourceWarning", UNRAISABLE)),
]
ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^( *)```python\n(.*?)^ *```", re.M | re.S)
BOTH = ("84", "The image was made", "3 stop", "temperature=3.0 is out of range: use 0 to 2")
# What must be among what a page prints.
PRINTED = {
    "README.md": ("name='Anna' alter=34", "Das Tagegeld beträgt 28 Euro je vollem Kalendertag."),
    "docs/langchain.md": (
        *(*BOTH, "tagegeld {'tage': 3}", "name='Anna' alter=34", "seed", "True qwen3.5-9b"),
        "Datenpannen sind innerhalb von zwei Stunden intern zu melden.",
    ),
    "docs/llamaindex.md": (
        *(*BOTH, "30 Tage Urlaub im Kalenderjahr zu. - urlaub.md", "Person(name='Anna', alter=34)"),
        "Passwörter haben mindestens 14 Zeichen. [1]",
    ),
    "docs/index.md": ("Das Tagegeld beträgt 28 Euro je vollem Kalendertag.",),
    "docs/deutsch.md": (),
    "docs/data-protection.md": ("o1-us",),
    "docs/errors.md": ("True",),
    "docs/firewall.md": ("True",),
    "docs/personenbezogene-daten.md": (
        "[REDACTED_EMAIL]",
        "Erika Mustermann (erika@example.com) leitet den Einkauf.",
        "Max Beispiel leitet den Versand.",
    ),
    "docs/integrations/langchain/chat-dsgvo.mdx": ("GetWeather", "Köln"),
    "docs/integrations/langchain/embeddings-dsgvo.mdx": ("28 Euro", "1536", "2"),
    "docs/observability.md": ("total_tokens", "ChatNeuroflash openai/", "answered:"),
}


@pytest.fixture(autouse=True)
def what_a_page_sets_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "-")
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR")


@pytest.mark.filterwarnings("ignore:The function .loads. is in beta")
@pytest.mark.parametrize("page", PRINTED)
def test_the_page_runs(page: str, vendor_environment: Server, capsys: Any) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    for number, (_, block) in enumerate(BLOCK.findall((ROOT / page).read_text("utf-8")), 1):
        exec(compile(dedent(block), f"{page}, block {number}", "exec"), namespace)
    namespace.clear()
    gc.collect()  # LlamaIndex's memory leaves a connection to SQLite open
    printed = capsys.readouterr().out
    assert [text for text in PRINTED[page] if text not in printed] == []
    sent = b"".join(request.body for request in vendor_environment.requests)
    if page == "docs/personenbezogene-daten.md":
        assert sent
        for person in (b"Mustermann", b"Beispiel", b"erika@", b"2020"):
            assert person not in sent


@pytest.mark.usefixtures("vendor_environment")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_the_notebook_prints_what_it_shows(notebook: Path) -> None:
    shown = json.loads(notebook.read_text("utf-8"))
    assert run(notebook) == shown, "run make notebooks"
    assert any(cell["outputs"] for cell in code_cells(shown))
