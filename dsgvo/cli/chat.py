"""``dsgvo chat``: a conversation in the terminal, streamed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from mimetypes import guess_type
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from dsgvo.cli.emulated import emulated
from dsgvo.cli.options import chosen_model, documented_models, provider_name, require_access
from dsgvo.errors import CapabilityError, ConfigurationError, DsgvoError
from dsgvo.providers import Provider, get_provider
from dsgvo.transport import Client
from dsgvo.wire.files import check_parts, file_part, image_part, mime_type_of

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["chat"]

MAX_FILE_BYTES = 200_000


def chat(
    provider: Annotated[str, typer.Argument(callback=provider_name, help="The vendor.")],
    model: Annotated[str | None, typer.Option(help="The vendor's chat model.")] = None,
    system: Annotated[str | None, typer.Option(help="Instructions for the model.")] = None,
    emulator: Annotated[
        bool, typer.Option("--emulator", help="Talk to the emulator; needs no key.")
    ] = False,
) -> None:
    """Talk to a model. Lines that begin with / are commands; /help lists them."""
    from rich.console import Console

    spec = get_provider(provider)
    console = Console(highlight=False)
    with emulated(spec.name, visible=console.is_terminal) if emulator else nullcontext():
        require_access(spec)
        chosen = model or documented_models(spec)[0] if emulator else chosen_model(spec, model)
        session = _Session(console, spec, Client(spec), chosen, system)
        console.print(f"[bold]{spec.title}[/] {chosen} [dim](/help, and Ctrl-D to leave)[/]")
        while (line := _read(console)) is not None:
            try:
                if not session.take(line):
                    return
            except DsgvoError as error:
                from dsgvo.cli.screen import show_error

                show_error(str(error))


def _read(console: Console) -> str | None:
    try:
        return console.input("[bold cyan]> [/]").strip()
    except EOFError:
        console.print()
        return None


@dataclass
class _Session:
    """A conversation.

    Args:
        console: Where it is shown.
        provider: The vendor.
        client: Who is talked to.
        model: Id of the model.
        system: Instructions, if any.
    """

    console: Console
    provider: Provider
    client: Client
    model: str
    system: str | None
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    files: list[str] = field(default_factory=list[str])
    parts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tokens: int = 0
    uncounted: int = 0

    def take(self, line: str) -> bool:
        """Take a line of the user's; return whether the conversation goes on."""
        if not line:
            return True
        if not line.startswith("/"):
            self._ask(line)
            return True
        name, _, argument = line[1:].partition(" ")
        if name in {"quit", "exit"}:
            return False
        command = self._commands().get(name)
        if command is None:
            raise ConfigurationError(f"there is no command /{name}: /help lists them")
        command(argument.strip())
        return True

    def _commands(self) -> dict[str, Callable[[str], None]]:
        return {
            "model": self._set_model,
            "system": self._set_system,
            "file": self._add_file,
            "tokens": self._show_tokens,
            "new": self._forget,
            "help": self._help,
        }

    def _ask(self, text: str) -> None:
        from dsgvo.cli.screen import WordWriter

        question = self._question("\n\n".join([*self.files, text]))
        system = [{"role": "system", "content": self.system}] if self.system else []
        writer: WordWriter | None = None
        thinking = False
        said: list[str] = []
        deltas = self.client.stream([*system, *self.messages, question], model=self.model)
        try:
            for delta in deltas:
                for piece, thought in ((delta.reasoning, True), (delta.content, False)):
                    if not piece:
                        continue
                    if writer is None or thought is not thinking:
                        if writer is not None:
                            writer.close()
                        thinking = thought
                        writer = WordWriter(self.console, style="dim" if thought else "")
                    writer.write(piece)
                    said += [] if thought else [piece]
                if delta.completion is not None:
                    self._count(delta.completion.usage)
        except KeyboardInterrupt:  # stops the answer, not the conversation
            said.append(" …")
        except CapabilityError:
            self.parts.clear()  # or each message that follows would be refused too
            raise
        finally:
            deltas.close()
            if writer is not None:
                writer.close()
        self.messages += [question, {"role": "assistant", "content": "".join(said)}]
        self.files.clear()
        self.parts.clear()

    def _question(self, text: str) -> dict[str, Any]:
        content = [{"type": "text", "text": text}, *self.parts] if self.parts else text
        return {"role": "user", "content": content}

    def _count(self, usage: dict[str, Any] | None) -> None:
        total = (usage or {}).get("total_tokens")
        if isinstance(total, int):
            self.tokens += total
        else:
            self.uncounted += 1

    def _set_model(self, name: str) -> None:
        if name:
            self.model = name
        self.console.print(f"model: {self.model}", style="dim", markup=False)

    def _set_system(self, text: str) -> None:
        self.system = text or None
        self.console.print("instructions set" if text else "no instructions", style="dim")

    def _add_file(self, name: str) -> None:
        part = _part(name)
        if part is None:
            self.files.append(_text(name))
        else:
            message = {"role": "user", "content": [part]}
            check_parts(self.provider, self.model, [message])
            self.parts.append(part)
        self.console.print("goes with the next message", style="dim")

    def _show_tokens(self, _: str) -> None:
        more = f", and {self.uncounted} answer(s) without a count" if self.uncounted else ""
        self.console.print(f"{self.tokens:,} tokens{more}", style="dim")

    def _forget(self, _: str) -> None:
        self.messages.clear()
        self.files.clear()
        self.parts.clear()
        self.console.print("a new conversation", style="dim")

    def _help(self, _: str) -> None:
        for usage, what in (
            ("/model NAME", "use another model"),
            ("/system TEXT", "give instructions; without a text, none"),
            ("/file PATH", "a text, an image or a PDF for the next message; or its URL"),
            ("/tokens", "tokens used so far, as the vendor counts them"),
            ("/new", "forget the conversation"),
            ("/quit", "leave; so does Ctrl-D. Ctrl-C stops an answer"),
        ):
            self.console.print(f"  [cyan]{usage:<14}[/] {what}")


def _part(name: str) -> dict[str, Any] | None:
    """Return the content part of an image or a PDF, by its address or from disk.

    Returns:
        None if it is neither: a text is put into the message.

    Raises:
        ConfigurationError: If it cannot be read.
    """
    address = urlsplit(name)
    if address.scheme in {"http", "https"}:
        kind = guess_type(address.path)[0] or ""
        return image_part(url=name) if kind.startswith("image/") else file_part(url=name)
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            kind = mime_type_of(file.read(16)) or ""
    except OSError as error:
        raise ConfigurationError(f"/file {name}: {(error.strerror or '').lower()}") from None
    if kind.startswith("image/"):
        return image_part(path=path, mime_type=kind)
    return file_part(path=path, mime_type=kind) if kind == "application/pdf" else None


def _text(name: str) -> str:
    path = Path(name).expanduser()
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"/file {name}: neither a text in UTF-8, nor an image (PNG, JPEG, GIF, WebP), nor a PDF"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"/file {name}: {(error.strerror or '').lower()}") from None
    if len(data) > MAX_FILE_BYTES:
        raise ConfigurationError(f"/file {name}: more than {MAX_FILE_BYTES:,} bytes")
    return f"{path.name}:\n\n{text}"
