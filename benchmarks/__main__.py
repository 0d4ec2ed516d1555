"""Command line of ``make bench``: runs the contestants and prints the table."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterable
from fnmatch import fnmatch
from importlib.util import find_spec
from typing import Any

from benchmarks.race import ENVIRONMENTS, Race, Result
from benchmarks.rows import ROWS

RUN_ROWS = (10_000, 1_000_000)
RUN_BOUND = 100.0
"""Megabytes between the least and the most: ±50."""

MEMORY_TEXTS = 50_000
MEMORY_BOUND = 200.0
"""Megabytes."""


def main(arguments: list[str] | None = None) -> int:
    """Run the rows that are asked for, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="benchmarks",
        description="CPU time of the client's process per unit against a loopback server: ours, "
        "the best known peer, and the floor, which is raw httpx plus what the framework itself "
        "costs. Interleaved; medians. OVER is said, not failed: load and machines differ.",
    )
    names = [*(row.name for row in ROWS), "memory", "run-memory", "ray"]
    parser.add_argument("--rounds", type=int, default=9, help="how often each runs (default: 9)")
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="ROW",
        help=f"of {', '.join(names)}, or a pattern such as 'langchain-*'",
    )
    parser.add_argument("--no-peers", action="store_true", help="ours and the floor alone")
    parser.add_argument("--scale", type=float, default=1, help="share of the work in a round")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    chosen = parser.parse_args(arguments)
    wanted = [name for name in names if not chosen.only or _named(name, chosen.only)]
    if not wanted:
        parser.error(f"--only names no row; the rows are {', '.join(names)}")
    peers = not chosen.no_peers
    if peers and not ENVIRONMENTS.exists():
        parser.error("the peers are not installed: use make bench, or --no-peers")
    if not chosen.json:
        print(f"Python {platform.python_version()}, medians of {chosen.rounds} rounds")
        print("CPU µs of the client's process per unit, and ours as a multiple of the others\n")
        print(_line("", "ours", "peer", "floor", "/ floor", "/ peer", "bound", ""))
    report: list[dict[str, object]] = []
    with Race(rounds=chosen.rounds, peers=peers, scale=chosen.scale) as race:
        for row in ROWS:
            if row.name in wanted:
                result = race.run(row)
                report.append(_described(result))
                if not chosen.json:
                    print(_shown(result), flush=True)
        if "memory" in wanted:
            texts = max(1, round(MEMORY_TEXTS * chosen.scale))
            grown, title = race.memory(texts), f"MB grown by {texts} texts"
            report.append(_grown("memory", title, grown, MEMORY_BOUND, quiet=chosen.json))
        if "run-memory" in wanted:
            few, many = RUN_ROWS[0], max(RUN_ROWS[0], round(RUN_ROWS[1] * chosen.scale))
            grown = race.run_memory(many) - race.run_memory(few)
            title = f"MB from {few} to {many} rows"
            report.append(_grown("run-memory", title, grown, RUN_BOUND, quiet=chosen.json))
    if "ray" in wanted and peers and find_spec("ray") is not None:
        from benchmarks.on_ray import compared

        found = compared()
        report.append({"row": "ray", **found})
        if not chosen.json:
            print("\nPrompts on two Ray actors, by a server that takes 20 requests a second")
            for name, facts in found.items():
                print(f"{name:30}" + ", ".join(f"{k} {v}" for k, v in facts.items()))
    if chosen.json:
        print(json.dumps(report, indent=2))
    return 0


def _grown(row: str, title: str, grown: float, bound: float, *, quiet: bool) -> dict[str, Any]:
    """Return a row of memory, printed if it may be."""
    holds = grown < bound
    if not quiet:
        print(_line(title, f"{grown:.0f}", "", "", "", "", f"{bound:.0f}", _verdict(holds)))
    return {"row": row, "ours": grown, "bound": bound, "holds": holds}


def _named(name: str, wanted: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in wanted)


def _described(result: Result) -> dict[str, object]:
    row = result.row
    return {
        "row": row.name,
        **{name: result.cost(name) for name in ("ours", "peer", "floor")},
        "ours/floor": result.ratio("floor"),
        "ours/peer": result.ratio("peer"),
        "bound": row.bound,
        "holds": result.holds,
    }


def _shown(result: Result) -> str:
    row = result.row
    costs = [_number(result.cost(name), 1) for name in ("ours", "peer", "floor")]
    ratios = [_number(result.ratio(name), 2) for name in ("floor", "peer")]
    bound = "" if row.bound is None else f"{row.bound:g}"
    return _line(row.title, *costs, *ratios, bound, _verdict(result.holds))


def _number(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:.{places}f}"


def _verdict(holds: bool | None) -> str:
    return "" if holds is None else "ok" if holds else "OVER"


def _line(title: str, *cells: str) -> str:
    return f"{title:30}" + "".join(f"{cell:>9}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
