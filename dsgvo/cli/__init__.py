"""The ``dsgvo`` command. One small module a subcommand; each imports what it needs when it runs."""

from __future__ import annotations

import logging
import sys
import warnings
from importlib import import_module

__all__ = ["main"]


def main() -> None:
    """Run the command of this process's arguments, and exit."""
    try:
        _run()
    except KeyboardInterrupt:  # while modules are loaded; later typer sees it
        sys.exit(130)
    except OSError as error:  # a help text that its file has no room for
        sys.exit(f"dsgvo: {error}")


def _run() -> None:
    # A terminal that cannot show a character shows a question mark, not a traceback. What is no
    # UTF-8 in a prompt is refused where it would be sent.
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="surrogateescape" if stream is sys.stdin else "replace")
    try:
        import_module("rich")  # typer asks for it late, in the middle of a help text
        from dsgvo.cli.app import app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"typer", "rich"}:
            raise
        message = f"dsgvo: the command line needs {error.name}: pip install 'dsgvo-llm[cli]'\n"
        sys.stderr.write(message)
        sys.exit(1)
    warnings.showwarning = _show_warning
    log = logging.getLogger("dsgvo")
    log.addHandler(_Warnings(logging.WARNING))
    app(prog_name="dsgvo")


class _Warnings(logging.Handler):
    """Shows warnings of the log like all others."""

    def emit(self, record: logging.LogRecord) -> None:
        _show_warning(record.getMessage())


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Show a warning as a line of text; it may quote a server."""
    from dsgvo.cli.screen import show_warning

    show_warning(str(message))
