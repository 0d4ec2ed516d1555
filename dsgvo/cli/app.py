"""The subcommands put together, and what all of them do with errors."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dsgvo._version import __version__
from dsgvo.cli.assistants import assistants
from dsgvo.cli.audit import audit
from dsgvo.cli.batch import batch
from dsgvo.cli.bulk import RayCommand
from dsgvo.cli.chat import chat
from dsgvo.cli.check import check
from dsgvo.cli.demo import demo
from dsgvo.cli.doctor import doctor
from dsgvo.cli.embed import embed
from dsgvo.cli.emulator import emulator
from dsgvo.cli.models import models
from dsgvo.cli.quota import quota
from dsgvo.errors import DsgvoError

__all__ = ["app"]


class _Group(TyperGroup):
    """Turns what a user can mend into one line, and leaves tracebacks to bugs."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # the end of a pipe, which Click knows
            raise
        except (DsgvoError, OSError) as error:  # a full disk, a file that may not be read
            from dsgvo.cli.screen import show_error

            show_error(str(error))
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Group,
    help="innoGPT, meinGPT, neuroflash and SovrGPT: try them out, with or without a key.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dsgvo-llm {__version__}")
        raise typer.Exit


@app.callback()
def _root(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    del version


for command in (demo, chat, models, check, doctor, assistants, quota, emulator):
    app.command()(command)
for command in (batch, embed):
    app.command(cls=RayCommand)(command)
app.add_typer(audit, name="audit")
