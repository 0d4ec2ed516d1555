"""Two pages: what each vendor says, and the tests that prove it; and how to confirm each fact.

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
from typing import NamedTuple
from urllib.parse import urlsplit

from dsgvo import PROVIDERS, Provider
from dsgvo.cli.check.probes import PROBES, Subject
from dsgvo.cli.options import documented_models
from dsgvo.providers import Fact, Model
from dsgvo.transport import Client

__all__ = [
    "FACTS",
    "IGNORED",
    "PAGE",
    "Mark",
    "Row",
    "confirmed",
    "facts_page",
    "faults",
    "marks",
    "page",
    "shown",
    "table",
]

PAGE = Path(__file__).with_name("vendor-coverage.md")
FACTS = PAGE.with_name("facts.md")
TESTS = PAGE.parents[1] / "tests"
STANDINGS = {
    "Doc": "the vendor's page of its API says so",
    "Public": "another public page of the vendor says so",
    "Seen": "the source of a program that calls the service shows it: strong evidence, no promise",
    "Inferred": "nobody says so; it follows OpenAI's API, which the vendors name",
}
KINDS = ("endpoint", "header", "parameter", "content", "behaviour", "model")
FREE_KINDS = KINDS[1:-1]
"""Facts of these may be more than a spec states."""
IGNORED = "accepted and ignored: sent, with one warning; an error with `strict`"


class Mark(NamedTuple):
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


def marks(root: Path = TESTS) -> Iterator[Mark]:
    """Yield the markers of all tests, read from their source."""
    for path in sorted(root.rglob("test_*.py")):
        where = path.relative_to(root).as_posix()
        for node in ast.parse(path.read_text("utf-8")).body:
            yield from _marks_of(node, where)


def _marks_of(node: ast.stmt, where: str) -> Iterator[Mark]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(".covers"):
            yield Mark(f"{where}::{node.name}", *map(ast.literal_eval, decorator.args))
    for inner in node.body if isinstance(node, ast.ClassDef) else ():
        yield from _marks_of(inner, f"{where}::{node.name}")


def stated(spec: Provider) -> dict[str, Row]:
    """Return what a vendor's spec states."""

    def path(url: str) -> str:
        return urlsplit(url).path

    found = {"header Authorization": Row("Doc", "`Bearer` and the key")}
    found |= {f"header {known.header}": Row("Doc") for known in spec.header_arguments}
    found |= {f"parameter {name}": Row("Doc") for name in spec.documented}
    found |= {f"parameter {name}": Row("Doc", IGNORED) for name in spec.ignored}
    if spec.ignores_the_rest:
        found["parameter all others"] = Row("Doc", IGNORED)
    found |= {f"model {model.id}": _model_row(model) for model in spec.models}
    posts = [spec.chat_path, spec.embeddings.documented and spec.embeddings.path]
    if spec.images_path:
        found[f"endpoint POST {path(spec.base_url)}{spec.images_path}"] = Row()
    found |= {f"endpoint POST {path(spec.base_url)}{below}": Row("Doc") for below in posts if below}
    health = spec.health_path and spec.base_url + spec.health_path
    gets = [url for url in (spec.workspaces_url, spec.quotas_url, health) if url]
    found |= {f"endpoint GET {path(url)}": Row() for url in gets}
    if spec.models_url:
        found[f"endpoint GET {path(spec.models_url)}"] = Row(spec.facts["models"].standing)
    if spec.reranking:
        found[f"endpoint POST {path(spec.base_url)}{spec.reranking.path}"] = Row("Seen")
    if spec.assistants:
        found[f"endpoint GET {path(spec.assistants.url)}"] = Row("Public")
        found[f"endpoint POST {path(spec.assistants.url)}{{id}}/run"] = Row("Seen")
    if spec.oauth:
        found[f"endpoint POST {path(spec.oauth.token_url)}"] = Row()
    return found


def _model_row(model: Model) -> Row:
    said = {
        "an embedding model": model.kind == "embedding",
        f"{model.dimensions} numbers a vector": model.dimensions,
        f"{model.context_window} tokens": model.context_window,
        "streams unasked": model.streams_unasked,
        "takes images": model.images,
        "takes PDFs": model.files,
        "takes tools": model.tools,
        "takes no tools": model.tools is False,
        "thinks": model.reasoning,
        f"runs in {model.region}": model.region,
        f"figures of {model.figures_source}": model.figures_source,
    }
    return Row(model.standing, ", ".join(text for text, is_so in said.items() if is_so))


def table(found: list[Mark]) -> tuple[dict[str, dict[str, Row]], list[str]]:
    """Return the rows of each vendor, and what is wrong with the markers."""
    rows = {name: stated(spec) for name, spec in PROVIDERS.items()}
    specs = {name: list(facts) for name, facts in rows.items()}
    wrong: list[str] = []
    for mark in found:
        vendors = [name for name in rows if mark.vendor == "*" or name in mark.vendor.split(", ")]
        fits = [
            (vendor, fact)
            for vendor in vendors
            for fact in specs[vendor]
            if fact == mark.fact or fnmatchcase(fact, mark.fact)
        ]
        if not fits and mark.fact.startswith(FREE_KINDS):
            fits = [(vendor, mark.fact) for vendor in vendors]
        if not fits or mark.standing not in {None, *STANDINGS}:
            wrong.append(f"{mark.test}: nobody states {mark.vendor}: {mark.fact}")
        for vendor, fact in fits:
            row = rows[vendor].setdefault(fact, Row())
            row.tests.append(mark.test)
            row.standing = row.standing or mark.standing
            if mark.standing not in {None, row.standing}:
                wrong.append(f"{mark.test}: {fact} is {row.standing}, not {mark.standing}")
    return rows, wrong


def faults(found: list[Mark]) -> list[str]:
    """Return what is wrong with the markers, and what no test proves."""
    rows, wrong = table(found)
    for vendor, facts in rows.items():
        wrong += [f"{vendor}: no test of {fact}" for fact in facts if not facts[fact].tests]
        wrong += [f"{vendor}: no standing of {fact}" for fact in facts if not facts[fact].standing]
    return wrong


def page(found: list[Mark]) -> str:
    """Return the page."""
    lines = [
        "# What the vendors say, and the tests that prove it",
        "",
        "Generated by `make vendor-coverage` from the specs in `dsgvo/providers` and the markers",
        "`@pytest.mark.covers` on the tests; do not edit it. How a fact is known:",
        "",
        *(f"- **{name}**: {meaning}." for name, meaning in STANDINGS.items()),
    ]
    for vendor, facts in table(found)[0].items():
        spec = PROVIDERS[vendor]
        lines += [
            "",
            f"## {spec.title}",
            "",
            "| Kind | Fact | Standing | Tests |",
            "|---|---|---|---|",
        ]
        for kind, text, row in shown(spec, facts):
            tests = "<br>".join(f"`{test}`" for test in sorted(set(row.tests)))
            lines.append(f"| {kind} | {text} | {row.standing} | {tests} |")
    return "\n".join([*lines, ""])


def shown(spec: Provider, facts: dict[str, Row]) -> Iterator[tuple[str, str, Row]]:
    """Yield kind, text and row of a vendor's facts, in the order of the page."""
    for fact in sorted(facts, key=lambda fact: (KINDS.index(fact.split()[0]), fact.lower())):
        row, (kind, text) = facts[fact], fact.split(" ", 1)
        text = f"`{text}`" if fact in stated(spec) else text
        yield kind, f"{text}: {row.detail}" if row.detail else text, row


def confirmed(spec: Provider) -> Iterator[tuple[Fact, list[str]]]:
    """Yield the facts that no page of the vendor's API states, and the probes that try each."""
    subject = Subject(Client(spec, api_key="key"), documented_models(spec)[0], assistant="any")
    for name, fact in spec.facts.items():
        yield fact, [one.name for one in PROBES if one.fact == name and one.known(subject)]


def facts_page() -> str:
    """Return the page of facts."""
    lines = [
        "# Facts, and how to confirm them",
        "",
        "Generated by `make vendor-coverage` from the specs in `dsgvo/providers`; do not edit it.",
        "No live account stands behind this project. What a page of a vendor's API states is in",
        "[Facts and tests](vendor-coverage.md), and `dsgvo check` tries it. This page lists what",
        "no such page states:",
        "",
        *(f"- **{name}**: {meaning}." for name, meaning in list(STANDINGS.items())[1:]),
        "",
        "`dsgvo check PROVIDER` tries each on your account by small requests, tells before how",
        "much they cost at most, and shows what the service did. `--report FILE` writes it without",
        "keys, texts and ids of the account, with the shapes of requests and answers that differ:",
        "please attach it to an issue.",
    ]
    for spec in PROVIDERS.values():
        lines += ["", f"## {spec.title}", ""]
        lines += ["| It … | Standing | Confirmed by | If it is otherwise |", "|---|---|---|---|"]
        for fact, probes in confirmed(spec):
            how = ", ".join(f"“{probe}”" for probe in probes) or fact.by_hand
            lines.append(f"| {fact.text} | {fact.standing} | {how} | {fact.otherwise} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    FACTS.write_text(facts_page(), "utf-8")
    PAGE.write_text(page(list(marks())), "utf-8")
