"""``dsgvo models``: what models there are, what they can do, and where they run."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Annotated, Any, TypeAlias, cast

import typer

from dsgvo.cli.emulated import emulated
from dsgvo.cli.options import JsonOption, complete_provider, provider_name
from dsgvo.errors import ConfigurationError, DsgvoError, ModelListWarning
from dsgvo.providers import PROVIDERS, Model, Provider
from dsgvo.transport import Client

__all__ = ["models"]

CAPABILITIES = ("tools", "images", "files", "structured_output", "reasoning")
_Found: TypeAlias = tuple[Provider, Sequence[Model], str, str | None]
SHORT = {"structured_output": "json schema", "reasoning": "thinks"}


def models(
    provider: Annotated[
        str | None,
        typer.Argument(
            callback=provider_name,
            autocompletion=complete_provider,
            help="The vendor; without one, all of them.",
        ),
    ] = None,
    emulator: Annotated[
        bool, typer.Option("--emulator", help="Ask the emulator's lists; needs no key.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List models: live where the vendor has a list and its key is set, else from its page.

    Only what somebody says is shown: an empty field means that nobody does.
    """
    specs = [spec for name, spec in PROVIDERS.items() if provider in {None, name}]
    found: list[_Found] = []
    failed: list[DsgvoError] = []
    with emulated(*PROVIDERS) if emulator else nullcontext():
        for spec in specs:
            try:
                found.append((spec, *_models(spec)))
            except DsgvoError as error:
                failed.append(error)
    if not found:
        raise failed[0]
    if as_json:
        rows = [
            {"provider": spec.name, "list": source, **asdict(model)}
            for spec, listed, source, _ in found
            for model in listed
        ]
        # JSON has no NaN and no infinity, which a list may hold.
        plain = json.loads(json.dumps(rows, default=_as_json), parse_constant=lambda _: None)
        typer.echo(json.dumps(plain, indent=2))
    else:
        _show(found)
    if failed:
        from dsgvo.cli.screen import show_error

        for error in failed:
            show_error(str(error))
        raise typer.Exit(1)


def _as_json(value: object) -> object:
    """Return what JSON has for a value that it does not know: an object, or a list."""
    return dict(cast("Any", value)) if isinstance(value, Mapping) else list(cast("Any", value))


def _show(found: Sequence[_Found]) -> None:
    from dsgvo.cli.screen import Screen, plain_table

    table = plain_table()
    table.add_column("Provider", no_wrap=True)
    table.add_column("Model", overflow="fold")
    table.add_column("What it does", overflow="fold")
    table.add_column("Runs in", no_wrap=True)
    table.add_column("Said by", no_wrap=True)
    notes: list[str] = []
    for spec, listed, source, note in found:
        notes += [note] if note else []
        processors = dict.fromkeys(filter(None, (model.processor for model in listed)))
        for processor in processors:
            ids = ", ".join(model.id for model in listed if model.processor == processor)
            notes.append(f"{spec.title} says who runs {ids}: {processor}.")
        dated = [model for model in spec.models if "[" in model.id]  # patterns of the page
        for model in (one for one in listed if one not in dated):
            name = model.id.replace("*", "…")  # a series
            table.add_row(spec.title, name, _abilities(model), model.region or "unknown", source)
    screen = Screen()
    screen.print(table)
    notes.append(
        "Where a model runs is what the vendor says; what holds for you is in your contract."
    )
    for note in notes:
        screen.print(note, style="dim", soft_wrap=True)


def _models(spec: Provider) -> tuple[Sequence[Model], str, str | None]:
    """Return a vendor's models, who says so, and what should be known about that."""
    try:
        client = Client(spec)
        client.config.require_arguments()
    except ConfigurationError:
        variables = " or ".join(spec.key_variables)
        return spec.models, "page", f"{spec.title} has a live list, shown when {variables} is set."
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ModelListWarning)
        listed = client.models()
    return listed, "page" if told else "live", str(told[0].message) if told else None


def _abilities(model: Model) -> str:
    """Say what is known of a model; what is not known is left out."""
    if model.kind != "chat":
        size = f", {model.dimensions} dimensions" if model.dimensions else ""
        return f"{model.kind}{size}"
    known = {name: getattr(model, name) for name in CAPABILITIES}
    words = [SHORT.get(name, name) for name, fact in known.items() if fact]
    words += [
        f"no {SHORT.get(name, name)}"
        for name, fact in known.items()
        if fact is False and name != "reasoning"
    ]
    if model.context_window:
        words.append(f"{model.context_window:,} tokens")
    if model.available is False:
        words.append("not in your plan")
    return ", ".join(["chat", *words])
