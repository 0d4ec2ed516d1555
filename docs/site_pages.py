"""Pages of the site that are made while it is built: mkdocs loads this file as a hook.

The vendors' pages come from their specs, the tables of arguments from the lists that the tests try,
and those at the root of the repository are taken over.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import langchain_dsgvo
import llamaindex_dsgvo
from docs.coverage import IGNORED, PAGE, marks, shown, table
from dsgvo import PROVIDERS, Provider
from dsgvo.peers import ANY, PEER_ARGUMENTS
from tests import test_peer_arguments as peers

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/dsgvo-llm/dsgvo-llm/blob/main"
TAKEN_OVER = ("ARCHITECTURE", "SECURITY", "CHANGELOG")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    from mkdocs.structure.files import File

    pages = {f"vendors/{name}.md": vendor(spec) for name, spec in PROVIDERS.items()}
    pages |= {f"{name.lower()}.md": taken_over(ROOT / f"{name}.md") for name in TAKEN_OVER}
    pages["from-chatopenai.md"] = coming_from(
        "ChatOpenAI",
        ("ChatOpenAI", peers.CHAT_OPENAI, langchain_dsgvo.ChatInnoGPT, "model_kwargs"),
        (
            "OpenAIEmbeddings",
            peers.OPENAI_EMBEDDINGS,
            langchain_dsgvo.InnoGPTEmbeddings,
            "extra_body",
        ),
    )
    pages["from-openailike.md"] = coming_from(
        "OpenAILike",
        ("OpenAILike", peers.OPENAI_LIKE, llamaindex_dsgvo.InnoGPT, "additional_kwargs"),
        (
            "OpenAILikeEmbedding",
            peers.OPENAI_LIKE_EMBEDDING,
            llamaindex_dsgvo.InnoGPTEmbedding,
            "additional_kwargs",
        ),
    )
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Point at the repository where a page links to a file outside the site."""
    return LINK.sub(lambda found: f"]({_target(found[1])}{found[2] or ''})", markdown)


def _target(link: str) -> str:
    path = link.removeprefix("../")
    if path == link:
        return link
    known = Path(path)
    if known.suffix == ".md" and known.stem in TAKEN_OVER:
        return f"{known.stem.lower()}.md"
    if link.startswith("../../") or not (ROOT / path).exists():
        return link
    return f"{REPOSITORY}/{path}"


def taken_over(page: Path) -> str:
    """Return a page of the repository's root, its links turned."""

    def turned(found: re.Match[str]) -> str:
        link, anchor = found[1], found[2] or ""
        if link.startswith("docs/") and link.endswith(".md"):
            return f"]({link.removeprefix('docs/')}{anchor})"
        if Path(link).stem in TAKEN_OVER:
            return f"]({Path(link).stem.lower()}.md{anchor})"
        return f"]({REPOSITORY}/{link}{anchor})"

    return LINK.sub(turned, page.read_text("utf-8"))


def vendor(spec: Provider) -> str:
    """Return the page of one vendor: what works, what it ignores, and how each fact is known."""
    facts = table(list(marks()))[0][spec.name]
    embeddings = spec.embeddings.documented
    settings = [
        *spec.key_variables,
        *(header.variable for header in spec.header_arguments),
        *((spec.oauth.id_variable, spec.oauth.secret_variable) if spec.oauth else ()),
        spec.base_url_variable,
        spec.model_variable,
    ]
    works = {
        "Streams, tools": "",
        "Structured output": f"by {', '.join(f'`{name}`' for name in spec.structured_output)}",
        "Embeddings": f"`{spec.embeddings.default_model}`" if embeddings else "not documented",
        "Images": "in prompts" if spec.image_input else "not documented in prompts",
        "Image generation": "yes" if spec.images_path else "not documented",
        "Reranking": f"`{spec.reranking.default_model}`, seen" if spec.reranking else "not known",
        "Longest answer": f"about {spec.closes_after:g} s, seen; `continue_cut_answers=` goes on"
        if spec.closes_after
        else "not known",
        "Usage, beside tokens": ", ".join(f"`{name}`" for name in sorted(spec.usage_fields)) or "–",
    }
    ignored = [f"`{name}`" for name in sorted(spec.ignored)]
    lines = [
        f"# {spec.title}",
        "",
        f"After the vendor's page “{spec.page}”. Base URL: `{spec.base_url}`.",
        "Nobody has run this against the live service yet:",
        f"`dsgvo check {spec.name}` tries it with your key.",
        "",
        f"Environment: {', '.join(f'`{name}`' for name in settings)}.",
        "",
        "## What works",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {text} |" for name, text in works.items()),
        "",
        "Parameters that it documents: "
        + ", ".join(f"`{name}`" for name in sorted(spec.documented))
        + ".",
        "",
        "Parameters that it ignores: "
        + (", ".join(ignored) or ("all others" if spec.ignores_the_rest else "none that it names"))
        + f" ({IGNORED}).",
        "",
        "## Errors",
        "",
        *(f"- **{status}**: {text}." for status, text in sorted(spec.status_hints.items())),
        "" if spec.status_hints else "As OpenAI's: see [Errors](../errors.md).",
        "",
        "## Facts, and how sure they are",
        "",
        "| Kind | Fact | Standing |",
        "|---|---|---|",
        *(f"| {kind} | {text} | {row.standing} |" for kind, text, row in shown(spec, facts)),
        "",
        f"The tests that prove each: [Facts and tests](../{PAGE.name}).",
    ]
    return "\n".join([*lines, ""])


def coming_from(peer: str, *classes: tuple[str, dict[str, Any], type[Any], str]) -> str:
    """Return the page of a peer's arguments: works, harmless, or refused with the way out."""
    lines = [
        f"# Coming from {peer}",
        "",
        "Replace the class and the key. What a program brings along is honoured, or refused with",
        "the way out before anything is sent. Each argument, and what becomes of it:",
    ]
    for name, arguments, ours, body in classes:
        lines += ["", f"## {name} → {ours.__name__}", "", "| argument | here |", "|---|---|"]
        aliases = {field.alias for field in ours.model_fields.values()}
        for argument in sorted(arguments):
            known = argument in ours.model_fields or argument in aliases
            lines.append(f"| `{argument}` | {_answer(argument, known, body)} |")
    return "\n".join([*lines, ""])


def _answer(argument: str, known: bool, body: str) -> str:
    peer = PEER_ARGUMENTS.get(argument)
    if known or peer is None:
        return "works"
    reason = peer.reason.format(body=body, name=argument).replace("|", "\\|")
    if peer.harmless is ANY:
        return f"ignored, as harmless: {reason}"
    values = ", ".join(f"`{value!r}`" for value in peer.harmless)
    return f"{values}: ignored, as harmless; else refused: {reason}"
