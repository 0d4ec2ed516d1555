"""What the subcommands share on the terminal."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from dsgvo.errors import ConfigurationError

__all__ = ["WordWriter", "extra", "show_error", "show_warning"]


def show_error(message: str) -> None:
    """Write one red line to stderr. It is not wrapped, so that it can be copied and searched."""
    _show("error", message, "red")


def show_warning(message: str) -> None:
    """Write one yellow line to stderr."""
    _show("warning", message, "yellow")


def _show(kind: str, message: str, style: str) -> None:
    line = " ".join(message.split())
    Console(stderr=True).print(Text(f"{kind}: {line}", style=style), soft_wrap=True)


@contextmanager
def extra(name: str) -> Generator[None]:
    """Name the extra that is missing when an import inside the block fails.

    Raises:
        ConfigurationError: With the command that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"this needs {error.name}, which is not installed: pip install 'dsgvo-llm[{name}]'"
        ) from error


class WordWriter:
    r"""Writes text that comes piece by piece, and never breaks a word at the edge.

    Args:
        console: Where to write.
        indent: Spaces before each line.
        style: Rich style of the text.

    Example:
        >>> from rich.console import Console
        >>> writer = WordWriter(Console(width=20, color_system=None), indent=2)
        >>> for piece in ("Innerhalb von zw", "ei Stun", "den.\n"):
        ...     writer.write(piece)
          Innerhalb von zwei
          Stunden.
    """

    def __init__(self, console: Console, *, indent: int = 0, style: str = "") -> None:
        self._console = console
        self._indent = " " * indent
        self._style = style
        self._width = max(20, console.width - 1)
        self._column = 0
        self._word = ""

    def write(self, piece: str) -> None:
        """Write a piece; its last word waits until it is whole."""
        for character in piece:
            if character not in {" ", "\n", "\t"}:
                self._word += character
                continue
            self._flush()
            if character == "\n" and self._column:
                self._out("\n")
                self._column = 0

    def close(self) -> None:
        """Write what waits, and end the line."""
        self._flush()
        if self._column:
            self._out("\n")
        self._column = 0

    def _flush(self) -> None:
        if not self._word:
            return
        if self._column and self._column + 1 + len(self._word) > self._width:
            self._out("\n")
            self._column = 0
        lead = " " if self._column else self._indent
        self._out(lead + self._word)
        self._column += len(lead) + len(self._word)
        self._word = ""

    def _out(self, text: str) -> None:
        self._console.print(Text(text, style=self._style), end="", soft_wrap=True)
        self._console.file.flush()
