"""Runs the notebooks, examples and integration pages, and writes what they print into them.

    make notebooks

Only code and prints are used, so that neither a kernel nor a widget is needed to run one again.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from dsgvo import PROVIDERS, emulator

__all__ = ["NOTEBOOKS", "run"]

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted([*ROOT.glob("examples/*.ipynb"), *ROOT.glob("docs/integrations/*/*.ipynb")])


def run(notebook: Path) -> dict[str, Any]:
    """Return a notebook with the outputs of its cells, run in one namespace from top to bottom."""
    content: dict[str, Any] = json.loads(notebook.read_text("utf-8"))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(code_cells(content), 1):
        code, printed = "".join(cell["source"]), io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, f"{notebook.name}, cell {number}", "exec"), namespace)  # noqa: S102
        lines = printed.getvalue().splitlines(keepends=True)
        stream = {"name": "stdout", "output_type": "stream", "text": lines}
        cell |= {"execution_count": number, "outputs": [stream] if lines else []}
    return content


def code_cells(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cells of a notebook that hold code."""
    return (cell for cell in content["cells"] if cell["cell_type"] == "code")


def main() -> None:
    """Run all, against the emulator."""
    with emulator.running() as server:
        for provider in PROVIDERS:
            os.environ.update(server.environ(provider))
        for notebook in NOTEBOOKS:
            text = json.dumps(run(notebook), ensure_ascii=False, indent=1)
            notebook.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
