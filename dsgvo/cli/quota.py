"""``dsgvo quota``: what the workspace of a key may use, and what of it is left."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import typer

from dsgvo.cli.emulated import emulated
from dsgvo.cli.options import EmulatorOption, JsonOption, ProviderArgument
from dsgvo.providers import PROVIDERS
from dsgvo.transport import AUTO, Client

__all__ = ["quota"]


def quota(
    provider: ProviderArgument,
    emulator: EmulatorOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what is left of the quota; without a workspace in the environment, of the only one."""
    with emulated(provider) if emulator else nullcontext():
        wanted = PROVIDERS[provider].header_arguments
        named: dict[str, Any] = {
            one.argument: os.environ.get(one.variable) or AUTO for one in wanted
        }
        found = Client(provider, **named).quotas()
    if as_json:
        rows = [{**asdict(one), "daily_left": one.daily_left} for one in found]
        typer.echo(json.dumps(rows, indent=2, default=str))
        return

    from dsgvo.cli.screen import Screen, plain_table

    table = plain_table()
    table.add_column("Quota")
    for title in ("Left", "of", "Left today", "of", "Used"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in found:
        amounts = (one.left, one.limit, one.daily_left, one.daily_limit, one.used)
        shown = ("" if amount is None else f"{amount:,.0f}" for amount in amounts)
        table.add_row(one.kind, *shown)
    screen = Screen()
    screen.print(table)
    for one in found[:1]:
        screen.print(f"The daily limits begin anew at {one.resets_at:%Y-%m-%d %H:%M} UTC.")
