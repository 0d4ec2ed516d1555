"""``dsgvo demo``: questions over a folder of documents, answered with their sources."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Option

from dsgvo.cli.options import given_path, provider_option

__all__ = ["Framework", "demo"]


class Framework(StrEnum):
    """What the demo is built with."""

    LANGCHAIN = "langchain"
    LLAMAINDEX = "llamaindex"
    BOTH = "both"


def demo(
    framework: Annotated[
        Framework, Option(metavar="NAME", help="langchain, llamaindex, or both, one by one.")
    ] = Framework.BOTH,
    docs: Annotated[
        Path | None,
        Option(metavar="DIR", parser=given_path, help="Folder of texts and PDFs; else a handbook."),
    ] = None,
    question: Annotated[
        list[str] | None, Option(metavar="TEXT", help="What to ask; may be given more than once.")
    ] = None,
    provider: Annotated[
        str | None,
        provider_option("Use this vendor, by the key in the environment; else the emulator."),
    ] = None,
    model: Annotated[str | None, Option(metavar="ID", help="The vendor's chat model.")] = None,
    embeddings: Annotated[str | None, provider_option("Vendor of embeddings, if another.")] = None,
    emulator: Annotated[
        bool, Option("--emulator", help="Use the emulator, with --provider too.")
    ] = False,
    qdrant: Annotated[
        str | None,
        Option(
            metavar="URL",
            help="A Qdrant server (its key in QDRANT_API_KEY) in place of memory; the demo adds a "
            "collection of its own and deletes it at the end.",
        ),
    ] = None,
) -> None:
    """Ask questions over your documents and get answers with their sources.

    Without a key it runs on the local emulator, which finds and quotes but understands nothing.
    """
    from dsgvo.cli.demo.pipeline import services
    from dsgvo.cli.demo.run import run

    frameworks = [framework] if framework is not Framework.BOTH else [*Framework][:2]
    who = services(provider, model, embeddings, emulator=emulator)
    run(frameworks, docs, question or [], who, qdrant)
