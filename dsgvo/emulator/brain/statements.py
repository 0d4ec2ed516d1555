"""What a text states: its sentences, each with the heading and the lead-in that it belongs to.

A list says less item by item than as a whole: "LTSP-Server: 40 GiB" is about disks because the line
above the list says so. A row of a table is about the names of its columns.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dsgvo.emulator.brain.text import Block, blocks, sentences_of

_CELLS = re.compile(r"(?<!\\)\|")
_TABLE_RULE = re.compile(r"^\s*\|?(?:\s*:?-{2,}:?\s*\|)+(?:\s*:?-{2,}:?)?\s*$")
_SHORT, _LINE = 60, 120


@dataclass(frozen=True)
class Statement:
    """A sentence, a list item or a row of a table.

    Args:
        heading: The heading above it.
        text: What it says.
        lead: Position of the statement that introduces it, such as "You need:".
    """

    heading: str
    text: str
    lead: int | None = None


def add_statements(found: list[Statement], heading: str, body: str) -> None:
    """Add what a body says under a heading to what was found before.

    A question that stands alone is a heading for what follows, as in lists of frequent questions,
    and so is a first line without a full stop. Both may be meant otherwise, and stay statements.
    """
    leads: list[tuple[Block, int]] = []
    for at, block in enumerate(blocks(_without_tables(body))):
        parts = sentences_of(block.text)
        if not parts:
            continue
        if not block.sign and len(parts) == 1 and _is_heading(parts[0], first=at == 0):
            heading, leads = parts[0], []
        leads = _leads_to(block, leads, len(found))
        lead = leads[-1][1] if leads else None
        found += [Statement(heading, part, lead) for part in parts]
        if parts[-1].endswith(":") or (block.sign and _is_key(parts[-1])):
            leads.append((block, len(found) - 1))


def _leads_to(
    block: Block, leads: Sequence[tuple[Block, int]], place: int
) -> list[tuple[Block, int]]:
    """Return the lead-ins that a block belongs to: those of outer lists."""
    if not block.sign:
        return [one for one in leads if one[1] == place - 1]
    kept = list(leads)
    while kept and kept[-1][0].sign and not _is_below(block, [one for one, _ in kept]):
        kept.pop()
    return kept


def _is_below(block: Block, outer: Sequence[Block]) -> bool:
    """Tell whether a list item is part of the items before it, and not their equal."""
    marks = [(one.sign, one.indent) for one in outer]
    return (block.sign, block.indent) not in marks and block.indent >= outer[-1].indent


def _is_heading(text: str, *, first: bool) -> bool:
    return text[-1] == "?" or (first and len(text) <= _LINE and text[-1] not in ".!:;,")


def _is_key(text: str) -> bool:
    return len(text) <= _SHORT and text[-1] not in ".!?,;"


def _without_tables(body: str) -> str:
    """Write the rows of Markdown tables as items: ``- Name: Meier, Telefon: 12``."""
    lines = body.split("\n")
    names: list[str] = []
    written: list[str] = []
    for at, line in enumerate(lines):
        if at + 1 < len(lines) and "|" in line and _TABLE_RULE.match(lines[at + 1]):
            names = _cells(line)
        elif names and _TABLE_RULE.match(line):
            continue
        elif names and "|" in line:
            pairs = zip(names, _cells(line), strict=False)
            said = [f"{name}: {cell}" if name else cell for name, cell in pairs if cell]
            written.append("- " + ", ".join(said))
        else:
            names = []
            written.append(line)
    return "\n".join(written)


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in _CELLS.split(row.strip().strip("|"))]
