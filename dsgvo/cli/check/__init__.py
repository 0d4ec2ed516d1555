"""``dsgvo check``: does a vendor's service do what its page says?"""

from __future__ import annotations

import json
import time
import warnings
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import typer

from dsgvo.cli.check.probes import PROBES, Differs, Probe, Subject
from dsgvo.cli.emulated import access
from dsgvo.cli.options import JsonOption, ProviderArgument, chosen_model
from dsgvo.errors import DsgvoError, IgnoredParameterWarning
from dsgvo.providers import get_provider
from dsgvo.transport import Client

__all__ = ["check"]

_STYLES = {"works": "green", "differs": "yellow", "refused": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one try.

    Args:
        capability: What was tried.
        result: ``works``; ``differs``, if the answer is not as the page says; or ``refused``, if
            there was an error.
        note: What was noticed.
        seconds: How long it took.
        tokens: Tokens that the vendor counted; ``None`` where it says nothing.
    """

    capability: str
    result: Literal["works", "differs", "refused"]
    note: str
    seconds: float
    tokens: int | None


def check(
    provider: ProviderArgument,
    model: Annotated[
        str | None, typer.Option(help="Chat model to try. [default: the page's first]")
    ] = None,
    emulator: Annotated[
        bool, typer.Option("--emulator", help="Check the emulator; needs no key.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; it costs money.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Try what the vendor documents, with small requests, and show where the service differs.

    Exits with 1 if something documented does not work.
    """
    spec = get_provider(provider)
    with access(spec, emulator=emulator):
        chosen = chosen_model(spec, model, tools=True)
        # No retries: the first answer is what is wanted.
        subject = Subject(Client(spec, max_retries=0, residency="any"), chosen)
        tries = [probe for probe in PROBES if probe.documented(subject)]
        if not yes and not emulator:
            _confirm(subject, tries)
        findings = [_try(probe, subject) for probe in tries]
    if as_json:
        found = [asdict(finding) for finding in findings]
        report = {"provider": spec.name, "model": chosen, "findings": found}
        typer.echo(json.dumps(report, indent=2))
    else:
        _show(spec.title, chosen, findings)
    if any(finding.result != "works" for finding in findings):
        raise typer.Exit(1)


def _confirm(subject: Subject, tries: list[Probe]) -> None:
    paid = sum(probe.paid for probe in tries)
    typer.confirm(
        f"This makes about {paid} small requests to {subject.spec.title} at "
        f"{subject.client.config.base_url}, which cost money. Go on?",
        abort=True,
        err=True,
    )


def _try(probe: Probe, subject: Subject) -> Finding:
    subject.tokens, subject.counted, subject.notes = 0, False, []
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            # That ignored parameters are accepted is just what is tried.
            warnings.simplefilter("ignore", IgnoredParameterWarning)
            probe.run(subject)
    except Differs as finding:
        result, note = "differs", str(finding)
    except DsgvoError as error:
        result, note = "refused", error.message
    else:
        result, note = "works", "; ".join(subject.notes)
    seconds = round(time.perf_counter() - started, 3)
    return Finding(probe.name, result, note, seconds, subject.tokens if subject.counted else None)


def _show(title: str, model: str, findings: list[Finding]) -> None:
    from rich.text import Text

    from dsgvo.cli.screen import Screen, plain_table

    table = plain_table()
    table.add_column("Documented", no_wrap=True)
    table.add_column("Service", no_wrap=True)
    table.add_column("Tokens", justify="right", no_wrap=True)
    table.add_column("Seconds", justify="right", no_wrap=True)
    table.add_column("Note", overflow="fold")
    for finding in findings:
        table.add_row(
            finding.capability,
            Text(finding.result, style=_STYLES[finding.result]),
            "–" if finding.tokens is None else str(finding.tokens),
            f"{finding.seconds:.1f}",
            finding.note,
        )
    screen = Screen()
    screen.print(f"{title}, {model}", style="bold")
    screen.print(table)
