"""The order of things in the demo, and what of it is shown."""

from __future__ import annotations

import importlib
import os
import re
import sys
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from dsgvo.cli.demo.documents import Library, read_documents
from dsgvo.cli.demo.events import Event, Pipeline, Source, Sources, ToolCall, ToolResult
from dsgvo.cli.demo.metering import Meter, counting
from dsgvo.cli.demo.questions import (
    AGENT_QUESTION,
    FOLLOW_UP,
    NOT_FOUND,
    QUESTIONS,
    about_headings,
)
from dsgvo.cli.demo.services import Services, services
from dsgvo.cli.screen import WordWriter, extra
from dsgvo.errors import APIConnectionError, IgnoredParameterWarning

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

__all__ = ["Wishes", "run"]

SHOWN_FILES = 12


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """The command's options; see ``dsgvo demo --help``."""

    frameworks: Sequence[str]
    docs: Path | None
    questions: Sequence[str]
    provider: str | None
    model: str | None
    embeddings: str | None
    emulator: bool
    qdrant: str | None


@dataclass(frozen=True, kw_only=True)
class Script:
    """What is asked.

    Args:
        questions: For the documents.
        follow_up: After the first question, for frameworks with a chat engine.
        agent: For the agent. Of questions about documents that nobody here knows it gets the
            first, to find its answer with a search.
    """

    questions: Sequence[str]
    follow_up: str | None
    agent: str


def run(wishes: Wishes) -> None:
    """Run the demo.

    Raises:
        ConfigurationError: If something is missing or wrong that the user can mend.
        APIError: If the service fails.
    """
    console = Console(highlight=False)
    library = read_documents(wishes.docs or _handbook())
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        who = stack.enter_context(
            services(
                wishes.provider,
                wishes.model,
                wishes.embeddings,
                use_emulator=wishes.emulator,
                visible=console.is_terminal,
            )
        )
        _introduce(console, who)
        _show_library(console, library, wishes.docs)
        script = _script(console, wishes, library)
        meters: list[tuple[str, Meter]] = []
        for framework in wishes.frameworks:
            pipeline = _pipeline(framework, who, wishes.qdrant, script, stack)
            used = (pipeline.chat_meter, pipeline.embedding_meter)
            console.print()
            console.rule(f"[bold]{pipeline.title}", style="cyan")
            with counting(*used):
                _play(console, pipeline, library, script)
            meters += [(pipeline.title, meter) for meter in used]
        _show_meters(console, meters)


def _handbook() -> Path:
    """Return the sample documents: beside the code of a wheel, or in a checkout's examples."""
    beside = Path(str(resources.files("dsgvo.cli"))) / "handbuch"
    return beside if beside.is_dir() else Path(__file__).parents[3] / "examples" / "handbuch"


@contextmanager
def _quiet() -> Generator[None]:
    """Keep what libraries warn about off the screen; ours stay."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", IgnoredParameterWarning)
        yield


def _pipeline(
    framework: str, who: Services, url: str | None, script: Script, stack: ExitStack
) -> Pipeline:
    """Set up a framework's pipeline, which is cleaned up with the stack."""
    with extra("demo"):
        module = importlib.import_module(f"dsgvo.cli.demo.with_{framework}")
        client = stack.enter_context(_database(url))
    travel = script.agent == AGENT_QUESTION
    pipeline: Pipeline = module.PIPELINE(who, client, travel=travel)
    stack.callback(pipeline.close)
    return pipeline


@contextmanager
def _database(url: str | None) -> Generator[QdrantClient]:
    from qdrant_client import QdrantClient

    if url is None:
        client = QdrantClient(":memory:")
    else:
        try:
            key = os.environ.get("QDRANT_API_KEY")
            client = QdrantClient(url=url, api_key=key, check_compatibility=False)
            client.get_collections()
        except Exception as error:  # noqa: BLE001 - several HTTP libraries' own
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise APIConnectionError(f"--qdrant {url}: {reason}") from None
    try:
        yield client
    finally:
        client.close()


# What is asked


def _script(console: Console, wishes: Wishes, library: Library) -> Script:
    if wishes.docs is None and not wishes.questions:
        return Script(questions=QUESTIONS, follow_up=FOLLOW_UP, agent=AGENT_QUESTION)
    questions = list(wishes.questions)
    if not questions and sys.stdin.isatty() and console.is_terminal:
        questions = list(_typed(console))
    if not questions:
        questions = about_headings(library.sections)
        console.print(
            "No question was given: asking about headings of the documents. "
            "Yours go into [bold]--question[/].",
            style="dim",
        )
    return Script(questions=questions, follow_up=None, agent=questions[0])


def _typed(console: Console) -> Iterator[str]:
    console.print("Your questions, one a line; an empty line starts:")
    while True:
        try:
            line = console.input("[bold cyan]? [/]").strip()
        except EOFError:
            return
        if not line:
            return
        yield line


# What is shown


def _introduce(console: Console, who: Services) -> None:
    if who.emulated:
        console.print(
            "[bold yellow]Emulator:[/] no key, no network, no language model. Passages are found "
            "by hashed words, and answers are quotes from them."
        )
    names = f"[bold]{who.chat.title}[/] {escape(who.model)}"
    console.print(
        f"Chat: {names}   Embeddings: [bold]{who.embeddings.title}[/] {escape(who.embedding_model)}"
    )
    if not who.chat.embeddings.documented:
        console.print(
            f"{who.chat.title} documents no embeddings, so {who.embeddings.title}'s are used.",
            style="dim",
        )


def _show_library(console: Console, library: Library, docs: Path | None) -> None:
    where = "the staff handbook of a made-up firm" if docs is None else str(docs)
    console.print(
        f"Read {len(library.files)} file(s) of {escape(where)}, {len(library.sections)} section(s)."
    )
    for one in library.skipped[:SHOWN_FILES]:
        console.print(f"  [yellow]skipped[/] {escape(one.file)}: {escape(one.reason)}")
    if len(library.skipped) > SHOWN_FILES:
        console.print(f"  [yellow]skipped[/] {len(library.skipped) - SHOWN_FILES} more")


def _play(console: Console, pipeline: Pipeline, library: Library, script: Script) -> None:
    _index(console, pipeline, library)
    for number, question in enumerate(script.questions):
        _answer(console, question, pipeline.ask(question))
        if number == 0 and script.follow_up:
            events = pipeline.follow_up(script.follow_up)
            if events is not None:
                _answer(console, script.follow_up, events, label="and then")
    _answer(console, script.agent, pipeline.agent(script.agent), label="agent")


def _index(console: Console, pipeline: Pipeline, library: Library) -> None:
    total = pipeline.split(library.sections)
    columns = (
        TextColumn("Embedding and storing"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("chunks"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total)
        for stored in pipeline.store():
            progress.advance(task, stored)


def _answer(
    console: Console, question: str, events: Iterator[Event], *, label: str = "question"
) -> None:
    """Print a question, its answer as it comes, and the sources that the answer names."""
    console.print(f"\n[bold cyan]{label}[/] [bold]{escape(question)}[/]")
    writer = WordWriter(console, indent=2)
    said: list[str] = []
    found: Sequence[Source] = ()
    for event in events:
        if isinstance(event, str):
            said.append(event)
            writer.write(event)
            continue
        writer.close()
        if isinstance(event, Sources):
            found = event.found
        else:
            _show_tool(console, event)
    writer.close()
    _show_sources(console, "".join(said), found)


def _show_tool(console: Console, event: ToolCall | ToolResult) -> None:
    if isinstance(event, ToolCall):
        arguments = ", ".join(f"{name}={value!r}" for name, value in event.arguments.items())
        console.print(f"  [magenta]→ {event.name}[/]({escape(arguments)})")
    else:
        text = " ".join(event.text.split())
        short = text if len(text) <= 160 else text[:160].rstrip() + " …"
        console.print(f"  [magenta]←[/] [dim]{escape(short)}[/]")


def _show_sources(console: Console, answer: str, found: Sequence[Source]) -> None:
    if not found or answer.strip() == NOT_FOUND:
        return
    named = {int(number) for number in re.findall(r"\[(\d+)\]", answer)}
    cited = [source for source in found if source.number in named]
    for source in cited or found:
        mark = f"[{source.number}]" if cited else "searched"
        line = Text(f"{mark} {source.file}, {source.place}", style="dim")
        console.print(Padding(line, (0, 0, 0, 2), expand=False))


def _show_meters(console: Console, meters: Sequence[tuple[str, Meter]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("Framework", "Provider", "Model"):
        table.add_column(name, overflow="fold")
    for name in ("Requests", "Tokens", "Seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for framework, meter in meters:
        row: list[Any] = [framework, meter.provider, meter.model]
        table.add_row(*row, str(meter.requests), _tokens(meter), f"{meter.seconds:.1f}")
    console.print()
    console.print(table)
    if any(meter.estimated for _, meter in meters):
        console.print(
            "≈ estimated: the frameworks do not pass on counts of embeddings", style="dim"
        )


def _tokens(meter: Meter) -> str:
    if meter.unknown:
        return "–"
    return f"{'≈ ' if meter.estimated else ''}{meter.tokens:,}"
