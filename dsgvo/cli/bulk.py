"""``dsgvo embed`` and ``dsgvo batch``: options and progress that both have."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Annotated, Any, TypeAlias

import typer
from typer.core import TyperCommand

from dsgvo.cli.options import provider_option

__all__ = [
    "Maximum",
    "PerMinute",
    "ProviderOption",
    "RayCommand",
    "RayOption",
    "RetryErrors",
    "TokensPerMinute",
    "WithInputs",
    "cluster",
    "ended",
    "reporting",
]

LINE_SECONDS = 10.0
"""Between two lines of progress where there is no terminal."""

ProviderOption: TypeAlias = Annotated[str, provider_option("Who is asked.")]
PerMinute: TypeAlias = Annotated[
    float | None, typer.Option(help="Requests a minute at most; else what the vendor takes.")
]
TokensPerMinute: TypeAlias = Annotated[float | None, typer.Option(help="The same for tokens.")]
Maximum: TypeAlias = Annotated[int, typer.Option(help="Requests at once, at most.")]
RetryErrors: TypeAlias = Annotated[
    bool, typer.Option("--retry-errors", help="Do the rows that failed, and nothing else.")
]
WithInputs: TypeAlias = Annotated[
    bool, typer.Option("--with-inputs", help="Put the input of failed rows into the errors' file.")
]
RayOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="[ADDRESS]",
        help="Make the requests on the nodes of a Ray cluster: at the address, else that of "
        "RAY_ADDRESS, else one on this machine. Each node needs the key in its environment.",
    ),
]
_ANY = "any"


class RayCommand(TyperCommand):
    """A command whose ``--ray`` may go without a value, which Typer has no option for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: D102 - of Typer
        following = [*args[1:], "--"]
        for number, (one, next_one) in enumerate(zip(args, following, strict=False)):
            if one == "--ray" and next_one.startswith("-"):
                args = [*args[:number], f"--ray={_ANY}", *args[number + 1 :]]
        return super().parse_args(ctx, args)


def cluster(address: str | None) -> AbstractContextManager[Any]:
    """Connect to the cluster that ``--ray`` names; gives nothing without it."""
    if address is None:
        return nullcontext()
    from dsgvo.cli.screen import require_modules

    require_modules("ray", "ray", "pandas", "pyarrow")
    from dsgvo.ray import Cluster

    return Cluster(None if address == _ANY else address)


def _said(summary: Any) -> str:
    rest = summary.remaining
    left = f", {_duration(rest)} left" if rest and summary.rows < summary.total else ""
    return (
        f"{summary.rows:,} of {summary.total:,} rows, {summary.failed:,} failed, "
        f"{summary.tokens:,} tokens, {summary.requests:,} requests, {summary.refused:,} refused, "
        f"{summary.rate:,.0f} rows/s{left}"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def reporting() -> Generator[Callable[[Any], None]]:
    """Give a function that shows the progress: a bar on a terminal, else a line now and then."""
    from rich.progress import BarColumn, Progress, TextColumn

    from dsgvo.cli.screen import Screen

    screen = Screen(stderr=True)
    if not screen.is_terminal:
        told = LINE_SECONDS

        def line(summary: Any) -> None:
            nonlocal told
            if summary.seconds >= told:
                told = summary.seconds + LINE_SECONDS
                screen.print(_said(summary), soft_wrap=True)

        yield line
        return
    text = TextColumn("{task.description}", markup=False)
    with Progress(BarColumn(20), text, console=screen, transient=True) as bar:
        task = bar.add_task("")
        yield lambda summary: bar.update(
            task, total=summary.total, completed=summary.rows, description=_said(summary)
        )


def ended(summary: Any, target: object) -> None:
    """Say what was done; failed rows are exit code 1."""
    from dsgvo.cli.screen import Screen, show_error

    screen = Screen()
    screen.print(f"{_said(summary)}, in {_duration(summary.seconds)}", soft_wrap=True)
    if summary.failed:
        show_error(
            f"{summary.failed:,} rows failed: {target}.errors.jsonl says why; "
            "--retry-errors does them again"
        )
        raise typer.Exit(1)
