"""Control flow and output of the demo."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from importlib import import_module, resources
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.progress import Progress
from rich.text import Text

from dsgvo.cli.demo import questions as ask
from dsgvo.cli.demo.documents import Library, read_documents
from dsgvo.cli.demo.pipeline import Event, Services, Step
from dsgvo.cli.metering import measuring
from dsgvo.cli.screen import Screen, WordWriter, plain_table, require_modules
from dsgvo.errors import APIConnectionError, DsgvoError, IgnoredParameterWarning
from dsgvo.wire.tokens import estimate_tokens

if TYPE_CHECKING:
    from dsgvo.cli.demo.with_langchain import LangChainPipeline
    from dsgvo.cli.demo.with_llamaindex import LlamaIndexPipeline

    AnyPipeline = LangChainPipeline | LlamaIndexPipeline

__all__ = ["run"]

SHOWN_FILES = 12
CLASSES = {"langchain": "LangChainPipeline", "llamaindex": "LlamaIndexPipeline"}
COMMON_MODULES = ("pypdf", "charset_normalizer", "qdrant_client")
MODULES = {
    "langchain": ("langchain", "langchain_text_splitters", "langchain_qdrant"),
    "llamaindex": ("llama_index.core", "llama_index.vector_stores.qdrant"),
}


def run(
    frameworks: Sequence[str],
    docs: Path | None,
    questions: list[str],
    services: AbstractContextManager[Services],
    qdrant: str | None,
) -> None:
    """Run the demo; the arguments are the command's options."""
    for one in frameworks:
        hint = "".join(f"; or use --framework {other}" for other in frameworks if other != one)
        require_modules(f"demo-{one}", *MODULES[one], *COMMON_MODULES, hint=hint)
    screen = Screen()
    table = plain_table("Framework", "Provider", "Model", "Requests", "Tokens", "Seconds")
    for at, column in enumerate(table.columns):
        column.justify, column.overflow = "left" if at < 3 else "right", "fold"
    with ExitStack() as stack:
        # What libraries warn about stays off the screen; ours is shown.
        stack.enter_context(warnings.catch_warnings(action="ignore"))
        warnings.simplefilter("default", IgnoredParameterWarning)
        who = stack.enter_context(services)
        library = read_documents(docs or _handbook())
        _introduce(screen, who)
        _show_library(screen, library, docs)
        own = docs is None and not questions
        questions = ask.QUESTIONS if own else questions or _asked(screen, library)
        stack.enter_context(_told(f"Qdrant, with the vectors of {who.embeddings.title}"))
        for framework in frameworks:
            module = import_module(f"dsgvo.cli.demo.with_{framework}")
            client = stack.enter_context(_database(qdrant))
            made: type[AnyPipeline] = getattr(module, CLASSES[framework])
            pipeline = made(who, client, library, travel=own)
            stack.callback(pipeline.close)
            screen.print()
            screen.rule(Text(pipeline.title, style="bold"), style="cyan")
            with measuring(pipeline.embedding_meter, pipeline.chat_meter):
                _index(screen, pipeline)
            with measuring(pipeline.chat_meter, pipeline.embedding_meter, pipeline.rerank_meter):
                _play(screen, pipeline, questions, own=own)
            for spec, model, meter, mark in (
                (who.chat, who.model, pipeline.chat_meter, ""),
                (who.embeddings, who.embedding_model, pipeline.embedding_meter, "≈ "),
                (who.chat, "reranking", pipeline.rerank_meter, ""),
            ):
                tokens = "–" if meter.uncounted else f"{mark}{meter.tokens:,}"
                used = (str(meter.requests), tokens, f"{meter.seconds:.1f}")
                if meter.path:
                    table.add_row(pipeline.title, spec.title, model, *used)
        screen.print("", table)
        screen.print("≈ estimated: the frameworks do not count for embeddings", style="dim")


def _handbook() -> Path:
    """Return the sample documents: beside the code of a wheel, or in a checkout's examples."""
    beside = Path(str(resources.files("dsgvo.cli"))) / "handbuch"
    return beside if beside.is_dir() else Path(__file__).parents[3] / "examples" / "handbuch"


def _database(url: str | None) -> closing[Any]:
    from qdrant_client import QdrantClient

    if url is None:
        return closing(QdrantClient(":memory:"))
    key = os.environ.get("QDRANT_API_KEY")
    with _told(f"--qdrant {url}"):
        client = QdrantClient(url=url, api_key=key, check_compatibility=False)
        client.get_collections()
    return closing(client)


@contextmanager
def _told(what: str) -> Generator[None]:
    """Turn what goes wrong in Qdrant, in whatever library's error, into one of ours."""
    try:
        yield
    except Exception as error:
        names = [frame.f_globals["__name__"] for frame, _ in walk_tb(error.__traceback__)]
        if isinstance(error, DsgvoError) or not any("qdrant" in name for name in names):
            raise
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise APIConnectionError(f"{what}: {reason}") from None


def _asked(screen: Screen, library: Library) -> list[str]:
    """Let a user type questions, or make some."""
    if sys.stdin.isatty() and screen.is_terminal:
        screen.print("Your questions, one a line; an empty line starts:")
        if typed := list(iter(lambda: screen.read("[bold cyan]? [/]") or "", "")):
            return typed
    screen.print("No question given, so about headings. Yours go into --question.", style="dim")
    return ask.about_headings(library)


def _introduce(screen: Screen, who: Services) -> None:
    if who.emulated:
        screen.say(
            "[bold yellow]Emulator:[/] no key, no network, no language model. Passages are found "
            "by hashed words, and answers are quotes from them."
        )
    chat, embeddings = who.chat.title, who.embeddings.title
    screen.print(f"Chat: {chat} {who.model}   Embeddings: {embeddings} {who.embedding_model}")
    if not who.chat.embeddings.documented:
        screen.print(f"{chat} documents no embeddings, so {embeddings}'s are used.", style="dim")


def _show_library(screen: Screen, library: Library, docs: Path | None) -> None:
    where = "the staff handbook of a made-up firm" if docs is None else str(docs)
    screen.print(f"Read {len(library.pages)} file(s) of {where}.")
    skipped = [f"{file}: {reason}" for file, reason in library.skipped.items()]
    more = [f"{len(skipped) - SHOWN_FILES} more"] if len(skipped) > SHOWN_FILES else []
    for one in (*skipped[:SHOWN_FILES], *more):
        screen.say("  [yellow]skipped[/] {one}", one=one)


def _index(screen: Screen, pipeline: AnyPipeline) -> None:
    texts = pipeline.split()
    pipeline.embedding_meter.add({"total_tokens": sum(map(estimate_tokens, texts))})
    with Progress(console=screen) as progress:
        task = progress.add_task(f"Embedding {len(texts)} chunks", total=len(texts))
        for stored in pipeline.store():
            progress.advance(task, stored)


def _play(screen: Screen, pipeline: AnyPipeline, questions: list[str], *, own: bool) -> None:
    for number, question in enumerate(questions):
        _answer(screen, "question", question, pipeline.ask(question))
        follow_up = getattr(pipeline, "follow_up", None)  # of frameworks with a chat engine
        if own and number == 0 and follow_up:
            _answer(screen, "and then", ask.FOLLOW_UP, follow_up(ask.FOLLOW_UP))
    # Of questions about documents that nobody here knows, the agent gets the first, to search.
    question = ask.AGENT_QUESTION if own else f"Sieh in den Unterlagen nach: {questions[0]}"
    _answer(screen, "agent", question, pipeline.agent(question))


def _answer(screen: Screen, label: str, question: str, events: Iterable[Event]) -> None:
    """Print a question, its answer as it comes, and the sources that it names."""
    screen.say("\n[bold cyan]{label}[/] [bold]{question}[/]", label=label, question=question)
    writer, said, found = WordWriter(screen, indent=2), list[str](), list[tuple[str, str]]()
    for event in events:
        if isinstance(event, str):
            said.append(event)
            writer.write(event)
        elif isinstance(event, Step):
            writer.close()
            screen.print(f"  {event.text}", style="magenta")
        else:
            found = event
    writer.close()
    answer = "".join(said)
    if answer.strip() == ask.NOT_FOUND:
        return
    named = {int(number) for number in re.findall(r"\[(\d{1,3})\]", answer)}
    cited = [(number, *one) for number, one in enumerate(found, 1) if number in named]
    for number, file, place in cited or [(0, *one) for one in found]:
        line = Text(f"{f'[{number}]' if number else 'searched'} {file}, {place}", style="dim")
        screen.print(Padding(line, (0, 0, 0, 2), expand=False))
