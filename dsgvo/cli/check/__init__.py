"""``dsgvo check``: does a vendor's service do what its page says, and what is known besides?"""

from __future__ import annotations

import json
import time
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dsgvo.cli.check.probes import MAX_TOKENS, PROBES, Differs, Probe, Subject
from dsgvo.cli.emulated import access
from dsgvo.cli.options import JsonOption, ProviderArgument, chosen_model
from dsgvo.errors import APIStatusError, ConfigurationError, DsgvoError, IgnoredParameterWarning
from dsgvo.providers import Provider, Standing, get_provider
from dsgvo.transport import Client

if TYPE_CHECKING:
    from dsgvo.cli.check.report import Exchange, Recorder

__all__ = ["Finding", "check"]

_STYLES = {"works": "green", "differs": "yellow", "refused": "red", "not tried": "dim"}
_PROMPT_TOKENS = 150
_SILENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one try.

    Args:
        capability: What was tried.
        rests_on: How it is known that the vendor does this.
        result: ``works``; ``differs``, if the answer is not as expected; ``refused``, if there was
            an error; or ``not tried``, once the budget is spent.
        note: What was noticed, in the vendor's words too.
        remark: The same without words of the vendor's.
        seconds: How long it took.
        tokens: Tokens that the vendor counted; ``None`` where it says nothing.
        exchanges: Shapes of the requests and answers.
    """

    capability: str
    rests_on: Standing
    result: Literal["works", "differs", "refused", "not tried"]
    note: str
    remark: str = ""
    seconds: float = 0.0
    tokens: int | None = None
    exchanges: list[Exchange] = field(default_factory=list["Exchange"])


def check(
    provider: ProviderArgument,
    model: Annotated[
        str | None, typer.Option(help="Chat model to try. [default: the page's first]")
    ] = None,
    emulator: Annotated[
        bool, typer.Option("--emulator", help="Check the emulator; needs no key.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; it costs money.")] = False,
    budget: Annotated[
        int, typer.Option(min=1, help="Tokens after which nothing more is tried.")
    ] = 20_000,
    assistant: Annotated[
        str | None, typer.Option(metavar="ID", help="Assistant of meinGPT to ask, too.")
    ] = None,
    report_file: Annotated[
        Path | None,
        typer.Option("--report", help="Write what was found as Markdown, without keys or texts."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Try what is known of a vendor, with small requests, and show where its service differs.

    Exits with 1 if something known does not work, or the budget did not suffice.
    """
    from dsgvo.cli.check.report import Recorder, report

    spec = get_provider(provider)
    if report_file is not None and not report_file.absolute().parent.is_dir():
        raise ConfigurationError(f"--report {report_file}: there is no folder of that name")
    with access(spec, emulator=emulator):
        chosen = chosen_model(spec, model, tools=True)
        recorder = Recorder()
        # No retries: the first answer is what is wanted.
        client = Client(
            spec,
            max_retries=0,
            timeout=_SILENCE_SECONDS,
            residency="any",
            http_transport=recorder,
        )
        subject = Subject(client, chosen, assistant)
        tries = [probe for probe in PROBES if probe.known(subject)]
        if not yes and not emulator:
            _confirm(subject, tries, budget)
        if report_file is not None:
            report_file.open("a").close()  # before anything is paid for
        findings: list[Finding] = []
        interrupted = False
        try:
            for probe in tries:
                spent = budget <= 0
                findings.append(_untried(probe, spec) if spent else _try(probe, subject, recorder))
                budget -= subject.tokens
        except KeyboardInterrupt:  # what was found and paid for is shown
            interrupted = True
    own = client.config.base_url == spec.base_url
    if as_json:
        found = [_without(asdict(finding), "exchanges", "remark") for finding in findings]
        typer.echo(
            json.dumps({"provider": spec.name, "model": chosen, "findings": found}, indent=2)
        )
    else:
        _show(spec.title, chosen, findings)
    if report_file is not None:
        text = report(spec, chosen, own, findings)
        for secret in client.config.secrets():  # which a server may say as a model's name
            text = text.replace(secret, "***")
        report_file.write_text(text, "utf-8")
    if interrupted:
        raise typer.Exit(130)
    if any(finding.result != "works" for finding in findings):
        raise typer.Exit(1)


def _without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def _confirm(subject: Subject, tries: list[Probe], budget: int) -> None:
    requests = sum(probe.requests for probe in tries)
    if subject.cap:
        most = min(budget + MAX_TOKENS, requests * (MAX_TOKENS + _PROMPT_TOKENS))
        cost = f"at most about {most} tokens"
    else:
        cost = f"no more once {budget} tokens are counted: answers cannot be capped there"
    typer.confirm(
        f"This makes about {requests} small requests to {subject.spec.title} at "
        f"{subject.client.config.base_url}, which cost money ({cost}). Go on?",
        abort=True,
        err=True,
    )


def _untried(probe: Probe, spec: Provider) -> Finding:
    said = "the budget is spent; --budget raises it"
    return Finding(probe.name, probe.standing(spec), "not tried", said, said)


def _try(probe: Probe, subject: Subject, recorder: Recorder) -> Finding:
    subject.tokens, subject.counted, subject.notes = 0, False, []
    recorder.exchanges = []
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            # That ignored parameters are accepted is just what is tried.
            warnings.simplefilter("ignore", IgnoredParameterWarning)
            probe.run(subject)
    except Differs as finding:
        result, note = "differs", str(finding)
        remark = note
    except DsgvoError as error:
        result, note, remark = "refused", error.message, type(error).__name__
        if isinstance(error, APIStatusError):
            remark += f" {error.status_code}"
    else:
        result, note = "works", "; ".join(subject.notes)
        remark = note
    return Finding(
        probe.name,
        probe.standing(subject.spec),
        result,
        note,
        remark,
        round(time.perf_counter() - started, 3),
        subject.tokens if subject.counted else None,
        recorder.exchanges,
    )


def _show(title: str, model: str, findings: list[Finding]) -> None:
    from rich.text import Text

    from dsgvo.cli.screen import Screen, plain_table

    table = plain_table()
    table.add_column("Tried", no_wrap=True)
    table.add_column("Rests on", no_wrap=True)
    table.add_column("Service", no_wrap=True)
    table.add_column("Tokens", justify="right", no_wrap=True)
    table.add_column("Seconds", justify="right", no_wrap=True)
    table.add_column("Note", overflow="fold")
    for finding in findings:
        table.add_row(
            finding.capability,
            finding.rests_on,
            Text(finding.result, style=_STYLES[finding.result]),
            "–" if finding.tokens is None else str(finding.tokens),
            f"{finding.seconds:.1f}",
            finding.note,
        )
    screen = Screen()
    screen.print(f"{title}, {model}", style="bold")
    screen.print(table)
