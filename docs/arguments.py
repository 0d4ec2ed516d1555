"""Generator of docs/arguments.md: the arguments of all classes, from their fields.

python docs/arguments.py
"""

from __future__ import annotations

from pathlib import Path

import langchain_dsgvo
import llamaindex_dsgvo
from dsgvo.settings import Settings

PAGE = Path(__file__).with_suffix(".md")
HEAD = """# Arguments

The arguments of each class beside those of its framework. `make arguments` writes this page.
"""


def page() -> str:
    """Return the page: what classes share once, and then what each has of its own."""
    parts = [HEAD]
    for package in (langchain_dsgvo, llamaindex_dsgvo):
        classes = [getattr(package, name) for name in package.__all__]
        told: set[tuple[str, str]] = set()
        parts.append(f"\n## {package.__name__}\n")
        for cls in classes:
            if not (isinstance(cls, type) and issubclass(cls, Settings)):
                continue
            fields = {
                name: field.description.replace("|", "\\|")
                for name, field in cls.model_fields.items()
                if field.description and (name, field.description) not in told
            }
            told.update((name, str(cls.model_fields[name].description)) for name in fields)
            shared = "" if cls is classes[0] else ", beside those above"
            parts.append(f"\n### {cls.__name__}{shared}\n\n")
            if not fields:
                parts.append("None of its own.\n")
                continue
            parts.append("| argument | |\n|---|---|\n")
            parts.extend(f"| `{name}` | {text} |\n" for name, text in fields.items())
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
