"""Terminal output: the console that all subcommands print to, and writers of streamed text."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from dsgvo.errors import ConfigurationError

__all__ = [
    "MarkdownWriter",
    "Screen",
    "WordWriter",
    "extra",
    "plain_table",
    "printable",
    "require_modules",
    "show_error",
    "show_warning",
]

# What a terminal, or the eye of its reader, takes for more than text: C0 and C1 controls but tab
# and line feed, marks that turn the direction of text around, lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# rich leaves out what is HTML, such as the half of ``List<String>``, and the addresses of sources.
_PARSER = MarkdownIt(options_update={"html": False}).enable(["strikethrough", "table"])
_PARSER.disable("reference")


def plain_table(*columns: str) -> Table:
    """Return a table without lines, as all subcommands show theirs."""
    return Table(*columns, box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))


def printable(text: str) -> str:
    r"""Return a text with a replacement character for each one that could steer a terminal.

    Each character is judged alone, so that a sequence cannot slip through in pieces.

    Examples:
        >>> printable("\x1b[31mrot\a")
        '\ufffd[31mrot\ufffd'
    """
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r", ""))


class Screen(Console):
    """The console of all subcommands: what others wrote is text, and nothing but text.

    Markup is read in the templates of :meth:`say` alone. Whatever is rendered passes
    :func:`printable` on its way to the terminal.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def say(
        self, template: str, *, style: str = "", soft_wrap: bool = False, **values: object
    ) -> None:
        """Print a template with rich's markup; values are put in as they are."""
        escaped = {name: escape(str(value)) for name, value in values.items()}
        text = Text.from_markup(template.format(**escaped), style=style, emoji=False)
        self.print(text, soft_wrap=soft_wrap)

    def read(self, prompt: str) -> str | None:
        """Return the next line that a user types, or None at the end; the prompt has markup."""
        try:
            return self.input(prompt, markup=True).strip()
        except (EOFError, RuntimeError):  # Python's error for an input or output that is closed
            self.print()
            return None

    def stream(self, text: str, style: str = "") -> None:
        """Print a piece of a text at once, as it is: neither wrapped nor ended."""
        if self.is_terminal:
            self.print(Text(text, style=style), end="", soft_wrap=True)
        else:
            self.file.write(printable(text))
        self.file.flush()

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render as rich does, without what could steer the terminal."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


def show_error(message: str) -> None:
    """Write one red line to stderr. It is not wrapped, so that it can be copied and searched."""
    _show("error", message, "red")


def show_warning(message: str) -> None:
    """Write one yellow line to stderr."""
    _show("warning", message, "yellow")


def _show(kind: str, message: str, style: str) -> None:
    line = " ".join(message.split())
    Screen(stderr=True).print(Text(f"{kind}: {line}", style=style), soft_wrap=True)


@contextmanager
def extra(name: str) -> Generator[None]:
    """Name the extra that is missing when an import inside the block fails.

    Raises:
        ConfigurationError: With the command that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise _missing(error.name or "a module", name) from error


def require_modules(name: str, *modules: str, hint: str = "") -> None:
    """Check that the modules of an extra can be imported, without importing them.

    Args:
        name: The extra.
        *modules: Its modules.
        hint: What else would help, after the command.

    Raises:
        ConfigurationError: With the command that installs the extra.
    """
    for module in modules:
        try:
            found = find_spec(module) is not None
        except (ModuleNotFoundError, ValueError):  # its parent is missing; it was set to None
            found = False
        if not found:
            raise _missing(module, name, hint)


def _missing(module: str, name: str, hint: str = "") -> ConfigurationError:
    return ConfigurationError(
        f"this needs {module}, which is not installed: pip install 'dsgvo-llm[{name}]'{hint}"
    )


class WordWriter:
    r"""Writes text that comes piece by piece, and never breaks a word at the edge.

    Args:
        screen: Where to write.
        indent: Spaces before each line.
        style: Rich style of the text.

    Examples:
        >>> writer = WordWriter(Screen(width=20, color_system=None), indent=2)
        >>> for piece in ("Innerhalb von zw", "ei Stun", "den.\n"):
        ...     writer.write(piece)
          Innerhalb von zwei
          Stunden.
    """

    def __init__(self, screen: Screen, *, indent: int = 0, style: str = "") -> None:
        self._screen = screen
        self._indent = " " * indent
        self._style = style
        self._width = max(20, screen.width - 1)
        self._column = 0
        self._word: list[str] = []

    def write(self, piece: str) -> None:
        """Write a piece; its last word waits until it is whole."""
        for part in re.findall(r"\n|[ \t]+|[^ \t\n]+", piece):
            if part == "\n":
                self.close()
            elif part[0] in " \t":
                self._flush()
            else:
                self._word.append(part)

    def close(self) -> None:
        """Write what waits, and end the line."""
        self._flush()
        if self._column:
            self._screen.stream("\n")
        self._column = 0

    def _flush(self) -> None:
        word = "".join(self._word)
        self._word.clear()
        if not word:
            return
        if self._column and self._column + 1 + len(word) > self._width:
            self._screen.stream("\n")
            self._column = 0
        lead = " " if self._column else self._indent
        self._screen.stream(lead + word, self._style)
        self._column += len(lead) + len(word)


class MarkdownWriter:
    """Writes a streamed answer: rendered on a terminal, into a pipe as the model wrote it.

    On a terminal a block is rendered once it is whole. Until then its end is shown as plain text,
    so that neither a long answer nor a long block costs more than its length.

    Args:
        screen: Where to write.
    """

    _SHOWN_PIECES, _SHOWN_CHARACTERS = 200, 1_000

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._block: list[str] = []
        self._line: list[str] = []
        self._fence = ""
        self._rendered = False
        self._live = Live(
            console=screen, get_renderable=self._waiting, transient=True, refresh_per_second=12
        )
        if screen.is_terminal:
            self._live.start()

    def write(self, piece: str) -> None:
        """Write a piece; on a terminal, its block waits until it is whole."""
        if not self._screen.is_terminal:
            self._screen.stream(piece)
            self._line = [piece]
            return
        first, *others = piece.split("\n")
        self._line.append(first)
        for other in others:
            self._end_line()
            self._line.append(other)

    def close(self) -> None:
        """Write what waits, and end the line."""
        if not self._screen.is_terminal:
            if self._line and not self._line[0].endswith("\n"):
                self._screen.stream("\n")
            return
        self._end_line()
        self._render()
        self._live.stop()

    def _end_line(self) -> None:
        line = "".join(self._line)
        self._line.clear()
        mark = re.match(r" {0,3}(`{3,}+|~{3,}+)(?=([^`]*)$)", line)
        goes_on = bool(self._fence) or not line.strip() or line[0].isspace()
        if not goes_on and self._block and not self._block[-1].strip():
            self._render()
        if mark and not self._fence:
            self._fence = mark[1]
        elif mark and mark[1].startswith(self._fence) and not mark[2].strip():
            self._fence = ""
        self._block.append(line)

    def _render(self) -> None:
        text = "\n".join(self._block)
        self._block.clear()
        if not text.strip():
            return
        if self._rendered:
            self._screen.print()
        self._rendered = True
        # A link shows its address: a terminal's hyperlink could show one and open another.
        shown = Markdown("", hyperlinks=False)
        shown.parsed = _PARSER.parse(text)
        self._screen.print(shown)

    def _waiting(self) -> Text:
        shown = [f"{line}\n" for line in self._block[-20:]] + self._line[-self._SHOWN_PIECES :]
        return Text("".join(shown)[-self._SHOWN_CHARACTERS :].rstrip("\n"))
