"""``dsgvo audit report``: an audit trail summed up, for the record of processing."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from dsgvo.errors import ConfigurationError

__all__ = ["audit"]

GROUPS = ("day", "provider", "model", "region", "purpose")
MAX_LINE = 1_000_000
"""Characters of a record, at most: what is longer is none."""
COUNTS = ("requests", "errors", "prompt_tokens", "completion_tokens")

audit = typer.Typer(help="Read an audit trail.", no_args_is_help=True)


@audit.callback()
def _root() -> None:  # pyright: ignore[reportUnusedFunction]
    """Read an audit trail, which DSGVO_AUDIT=FILE makes each program write."""


@audit.command()
def report(
    file: Annotated[Path, typer.Argument(help="What DSGVO_AUDIT named.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV, for a spreadsheet.")] = False,
) -> None:
    """Sum up by day, vendor, model, region and purpose."""
    try:
        with file.open(encoding="utf-8") as lines:
            sums = summed(iter(lambda: lines.readline(MAX_LINE), ""))
    except OSError as error:
        raise ConfigurationError(f"FILE={str(file)!r}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"FILE={str(file)!r} is not an audit trail") from None
    rows = [(*group, *(counts[name] for name in COUNTS)) for group, counts in sorted(sums.items())]

    from dsgvo.cli.screen import Screen, plain_table, printable

    if as_csv:
        # Windows' text streams add "\r"; Python has no stdout where it is closed, the screen has.
        writer = csv.writer(Screen().file, lineterminator="\n")
        shown = ([_cell(printable(str(cell))) for cell in row] for row in rows)
        writer.writerows([(*GROUPS, *COUNTS), *shown])
        return
    table = plain_table()
    for name in GROUPS:
        table.add_column(name.capitalize(), overflow="fold", no_wrap=name == "day")
    for title in ("Requests", "Errors", "Tokens\nin", "Tokens\nout"):
        table.add_column(title, justify="right", no_wrap=True)  # no digit is left out
    for row in rows:
        table.add_row(*map(str, row))
    screen = Screen()
    if not screen.is_terminal:
        screen.width = 160
    screen.print(table)


def _cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: a server may have named its model."""
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text


def summed(lines: Iterable[str]) -> dict[tuple[str, ...], Counter[str]]:
    """Return the counts of each group.

    Raises:
        ConfigurationError: If a line is not a record.
    """
    sums: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for number, line in enumerate(lines, 1):
        try:
            record = cast("dict[str, Any]", json.loads(line))
            group = (
                str(record["time"])[:10],
                str(record["provider"]),
                str(record.get("answered_by") or record["model"] or "default"),
                str(record.get("region") or "unknown"),
                str(record.get("purpose") or ""),
            )
            counts = sums[group]
            counts["requests"] += 1
            counts["errors"] += "error" in record
            for name in COUNTS[2:]:
                counts[name] += record.get(name) or 0
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ConfigurationError(f"line {number} is not a record of an audit trail") from None
    return sums
