"""``dsgvo assistants``: the assistants of the organisation that a key belongs to."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict

import typer

from dsgvo.cli.emulated import emulated
from dsgvo.cli.options import EmulatorOption, JsonOption, ProviderArgument
from dsgvo.transport import Client

__all__ = ["assistants"]


def assistants(
    provider: ProviderArgument,
    emulator: EmulatorOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the organisation's assistants, whose ids MeinGPTAssistant takes."""
    with emulated(provider) if emulator else nullcontext():
        found = Client(provider).assistants()
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return

    from dsgvo.cli.screen import Screen, plain_table

    table = plain_table()
    table.add_column("assistant_id", overflow="fold")
    table.add_column("Name", overflow="fold")
    for one in found:
        table.add_row(one.id, one.name or "")
    Screen().print(table)
