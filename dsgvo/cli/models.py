"""``dsgvo models``: what models there are, what they can do, and where they run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated

import typer

from dsgvo.cli.emulated import emulated
from dsgvo.cli.options import provider_name
from dsgvo.errors import ConfigurationError
from dsgvo.providers import PROVIDERS, Model, Provider
from dsgvo.transport import Client

__all__ = ["models"]

CAPABILITIES = ("tools", "images", "files", "structured_output", "reasoning")
SHORT = {"structured_output": "json schema", "reasoning": "thinks"}


def models(
    provider: Annotated[
        str | None,
        typer.Argument(callback=provider_name, help="The vendor; without one, all of them."),
    ] = None,
    emulator: Annotated[
        bool, typer.Option("--emulator", help="Ask the emulator's lists; needs no key.")
    ] = False,
) -> None:
    """List models: live where the vendor has a list and its key is set, else from its page.

    Only what somebody says is shown: an empty field means that nobody does.
    """
    from rich.console import Console
    from rich.table import Table

    specs = [spec for name, spec in PROVIDERS.items() if provider in {None, name}]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("Provider", no_wrap=True)
    table.add_column("Model", overflow="fold")
    table.add_column("What it does", overflow="fold")
    table.add_column("Runs in", no_wrap=True)
    table.add_column("Said by", no_wrap=True)
    notes: list[str] = []
    with emulated(*PROVIDERS) if emulator else nullcontext():
        for spec in specs:
            found, source, note = _models(spec)
            notes += [note] if note else []
            for model in found:
                region = model.region or "unknown"
                name = model.id.replace("*", "…")  # a series
                table.add_row(spec.title, name, _abilities(model), region, source)
    console = Console(highlight=False)
    console.print(table)
    for note in notes:
        console.print(note, style="dim", soft_wrap=True)
    console.print(
        "Where a model runs is what the vendor says; what holds for you is in your contract.",
        style="dim",
    )


def _models(spec: Provider) -> tuple[Sequence[Model], str, str | None]:
    """Return a vendor's models, who says so, and what should be known about that."""
    if spec.models_url is None:
        return spec.models, "page", None
    try:
        client = Client(spec)
        client.config.require_arguments()
    except ConfigurationError:
        variables = " or ".join(spec.key_variables)
        return spec.models, "page", f"{spec.title} has a live list, shown when {variables} is set."
    return client.models(), "live", None


def _abilities(model: Model) -> str:
    """Say what is known of a model; what is not known is left out."""
    if model.kind != "chat":
        size = f", {model.dimensions} dimensions" if model.dimensions else ""
        return f"{model.kind}{size}"
    known = {name: getattr(model, name) for name in CAPABILITIES}
    words = [SHORT.get(name, name) for name, fact in known.items() if fact]
    words += [f"no {SHORT.get(name, name)}" for name, fact in known.items() if fact is False]
    if model.context_window:
        words.append(f"{model.context_window:,} tokens")
    return ", ".join(["chat", *words])
