"""Vendor coverage: what each vendor says, how sure that is, and the tests that prove it.

    make vendor-coverage

A test says what it proves, and of which vendor::

    @pytest.mark.covers("sovrgpt", "parameter seed")
    @pytest.mark.covers("*", "behaviour Streams are server-sent events", "Doc")

The vendor is one of ``dsgvo.PROVIDERS``, several with commas between them, or ``*`` for all. A fact
is its kind and its text. What a vendor's spec states (parameters, models, headers, addresses) must
be proved; a marker may name such facts by a pattern. Of others, one of their tests says the
standing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from dsgvo import PROVIDERS, Provider
from dsgvo.providers import Model

__all__ = ["PAGE", "Mark", "Row", "faults", "marks", "page", "table"]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "vendor-coverage.md"
STANDINGS = {
    "Doc": "the vendor's page of its API says so",
    "Public": "another public page of the vendor says so",
    "Seen": "an answer of the service showed it",
    "Inferred": "nobody says so; it follows OpenAI's API, which the vendors name",
}
KINDS = ("endpoint", "header", "parameter", "content", "behaviour", "model")
FREE_KINDS = KINDS[1:-1]
"""Facts of these may be more than a spec states."""
IGNORED = "accepted and ignored: sent, with one warning; an error with `strict`"


@dataclass(frozen=True)
class Mark:
    """A marker on a test."""

    test: str
    vendor: str
    fact: str
    standing: str | None = None


@dataclass
class Row:
    """What is known of one fact."""

    standing: str | None = None
    detail: str = ""
    tests: list[str] = field(default_factory=list[str])


def marks(root: Path = ROOT / "tests") -> Iterator[Mark]:
    """Yield the markers of all tests, read from their source."""
    for path in sorted(root.rglob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
        for node in tree.body:
            yield from _marks_of(node, name)
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                yield from _marks_of(inner, f"{name}::{getattr(node, 'name', '')}")


def _marks_of(node: ast.stmt, where: str) -> Iterator[Mark]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(".covers"):
                arguments = map(ast.literal_eval, decorator.args)
                yield Mark(f"{where}::{node.name}", *arguments)


def stated(spec: Provider) -> dict[str, Row]:
    """Return what a vendor's spec states."""
    found = {"header Authorization": Row("Doc", "`Bearer` and the key")}
    found |= {f"header {known.header}": Row("Doc") for known in spec.header_arguments}
    found |= {f"parameter {name}": Row("Doc") for name in spec.documented}
    found |= {f"parameter {name}": Row("Doc", IGNORED) for name in spec.ignored}
    if spec.ignores_the_rest:
        found["parameter all others"] = Row("Doc", IGNORED)
    found |= {f"model {model.id}": _model_row(model) for model in spec.models}
    posts = [spec.chat_path, spec.images_path, spec.embeddings.documented and spec.embeddings.path]
    found |= {f"endpoint POST {_path(spec.base_url)}{path}": Row("Doc") for path in posts if path}
    health = spec.health_path and spec.base_url + spec.health_path
    gets = [url for url in (spec.models_url, spec.workspaces_url, health) if url]
    found |= {f"endpoint GET {_path(url)}": Row() for url in gets}
    if spec.oauth:
        found[f"endpoint POST {_path(spec.oauth.token_url)}"] = Row()
    return found


def _path(url: str) -> str:
    return urlsplit(url).path


def _model_row(model: Model) -> Row:
    said = {
        "an embedding model": model.kind == "embedding",
        f"{model.dimensions} numbers a vector": model.dimensions,
        "streams unasked": model.streams_unasked,
        "takes images": model.images,
        "takes PDFs": model.files,
        "takes tools": model.tools,
        "takes no tools": model.tools is False,
        f"runs in {model.region}": model.region,
    }
    standing = "Inferred" if "inferred" in model.source else "Doc"
    return Row(standing, ", ".join(text for text, is_so in said.items() if is_so))


def table(found: list[Mark]) -> tuple[dict[str, dict[str, Row]], list[str]]:
    """Return the rows of each vendor, and what is wrong with the markers."""
    rows = {name: stated(spec) for name, spec in PROVIDERS.items()}
    wrong: list[str] = []
    for mark in found:
        vendors = [name for name in rows if mark.vendor == "*" or name in mark.vendor.split(", ")]
        # A text is a pattern where it is one of the specs' facts, else a fact of its own.
        fits = {
            (vendor, fact)
            for vendor in vendors
            for fact in stated(PROVIDERS[vendor])
            if fact == mark.fact or fnmatchcase(fact, mark.fact)
        }
        if not fits and mark.fact.partition(" ")[0] in FREE_KINDS:
            fits = {(vendor, mark.fact) for vendor in vendors}
        if not fits or mark.standing not in {None, *STANDINGS}:
            wrong.append(f"{mark.test}: nobody states {mark.vendor}: {mark.fact}")
        for vendor, fact in fits:
            row = rows[vendor].setdefault(fact, Row())
            row.tests.append(mark.test)
            if {mark.standing, row.standing} - {None, row.standing or mark.standing}:
                wrong.append(f"{mark.test}: {fact} is {row.standing}, not {mark.standing}")
            row.standing = row.standing or mark.standing
    return rows, wrong


def faults(found: list[Mark]) -> list[str]:
    """Return what is wrong with the markers, and what no test proves."""
    rows, wrong = table(found)
    for vendor, facts in rows.items():
        wrong += [f"{vendor}: no test of {fact}" for fact, row in facts.items() if not row.tests]
        wrong += [
            f"{vendor}: no standing of {fact}" for fact, row in facts.items() if not row.standing
        ]
    return wrong


def page(found: list[Mark]) -> str:
    """Return the page."""
    lines = [
        "# What the vendors say, and the tests that prove it",
        "",
        "Generated by `make vendor-coverage` from the specs in `dsgvo/providers` and the markers",
        "`@pytest.mark.covers` on the tests; do not edit it. How a fact is known:",
        "",
    ]
    lines += [f"- **{name}**: {meaning}." for name, meaning in STANDINGS.items()]
    for vendor, facts in table(found)[0].items():
        lines += [
            "",
            f"## {PROVIDERS[vendor].title}",
            "",
            "| | | Standing | Tests |",
            "|---|---|---|---|",
        ]
        order = sorted(facts, key=lambda fact: (KINDS.index(fact.split(" ")[0]), fact.lower()))
        for fact in order:
            row = facts[fact]
            kind, text = fact.split(" ", 1)
            text = f"`{text}`" if fact in stated(PROVIDERS[vendor]) else text
            shown = f"{text}: {row.detail}" if row.detail else text
            tests = "<br>".join(
                f"`{test.removeprefix('tests/')}`" for test in sorted(set(row.tests))
            )
            lines.append(f"| {kind} | {shown} | {row.standing} | {tests} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(list(marks())), "utf-8")
