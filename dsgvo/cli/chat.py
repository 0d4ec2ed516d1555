"""``dsgvo chat``: a conversation in the terminal, streamed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from mimetypes import guess_type
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from dsgvo.cli.emulated import access
from dsgvo.cli.files import UnreadableError, decode, read_regular
from dsgvo.cli.metering import Meter
from dsgvo.cli.options import ProviderArgument, chosen_model
from dsgvo.errors import (
    BadRequestError,
    CapabilityError,
    ConfigurationError,
    DsgvoError,
    RequestTooLargeError,
    UnprocessableEntityError,
)
from dsgvo.files import file_part, image_part
from dsgvo.providers import Provider, get_provider
from dsgvo.transport import Client
from dsgvo.wire.completion import Completion
from dsgvo.wire.files import check_parts, mime_type_of
from dsgvo.wire.structured import CUT_SHORT

if TYPE_CHECKING:
    from dsgvo.cli.screen import Screen

__all__ = ["chat"]

MAX_TEXT_BYTES = 200_000
MAX_UPLOAD_BYTES = 20_000_000
_REFUSED = (
    BadRequestError,
    CapabilityError,
    RequestTooLargeError,
    UnprocessableEntityError,
)
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})  # that models take


def chat(
    provider: ProviderArgument,
    model: Annotated[
        str | None, typer.Option(help="The vendor's chat model. [default: the page's first]")
    ] = None,
    system: Annotated[str | None, typer.Option(help="Instructions for the model.")] = None,
    emulator: Annotated[
        bool, typer.Option("--emulator", help="Talk to the emulator; needs no key.")
    ] = False,
) -> None:
    """Talk to a model. Lines that begin with / are commands; /help lists them.

    With questions from a pipe, the first error ends it, with exit code 1.
    """
    from dsgvo.cli.screen import Screen, show_error

    spec, screen = get_provider(provider), Screen()
    with access(spec, emulator=emulator, visible=screen.is_terminal):
        chosen = chosen_model(spec, model, emulated=emulator)
        session = _Session(screen, spec, Client(spec), chosen, system)
        screen.say(
            "[bold]{title}[/] {model} [dim](/help, and Ctrl-D to leave)[/]",
            title=spec.title,
            model=chosen,
        )
        while (line := screen.read("[bold cyan]> [/]")) is not None:
            try:
                if not session.take(line):
                    return
            except DsgvoError as error:
                if not _somebody_types():
                    raise
                show_error(str(error))


def _somebody_types() -> bool:
    return sys.stdin.isatty()


@dataclass
class _Session:
    """A conversation.

    Args:
        screen: Where it is shown.
        spec: The vendor.
        client: Who is talked to.
        model: Id of the model.
        system: Instructions, if any.
    """

    screen: Screen
    spec: Provider
    client: Client
    model: str
    system: str | None
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    files: list[str] = field(default_factory=list[str])
    parts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    meter: Meter = field(default_factory=Meter)

    def take(self, line: str) -> bool:
        """Take a line of the user's; return whether the conversation goes on."""
        try:
            line.encode()
        except UnicodeEncodeError:  # what stdin could not read
            raise ConfigurationError(
                "the input is not UTF-8: convert it, as by iconv -f WINDOWS-1252 -t UTF-8"
            ) from None
        if not line:
            return True
        if not line.startswith("/"):
            try:
                self._ask(line)
            except _REFUSED as error:
                if self.files or self.parts:  # or each message that follows would be refused too
                    self._leave_files()
                    error.add("what /file has added is left out from now on")
                raise
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
        from dsgvo.cli.screen import MarkdownWriter, WordWriter, show_warning

        question = self._question("\n\n".join([*self.files, text]))
        system = [{"role": "system", "content": self.system}] if self.system else []
        writer: WordWriter | MarkdownWriter | None = None
        thinking = False
        said: list[str] = []
        whole: Completion | None = None
        deltas = self.client.stream([*system, *self.messages, question], model=self.model)
        try:
            for delta in deltas:
                answer = delta.content + delta.refusal
                # Between two pipes, nothing would tell thoughts from the answer.
                shown = delta.reasoning if self.screen.is_terminal or _somebody_types() else ""
                for piece, thought in ((shown, True), (answer, False)):
                    if not piece:
                        continue
                    if writer is None or thought is not thinking:
                        if writer is not None:
                            writer.close()
                        thinking = thought
                        writer = (
                            WordWriter(self.screen, style="dim")
                            if thought
                            else MarkdownWriter(self.screen)
                        )
                    writer.write(piece)
                    said += [] if thought else [piece]
                whole = delta.completion
            self.meter.add(whole.usage if whole else None)
        except KeyboardInterrupt:  # stops the answer, not the conversation
            if not _somebody_types():
                raise
            said.append(" …")
        finally:
            deltas.close()
            if writer is not None:
                writer.close()
        if whole is not None and whole.finish_reason in CUT_SHORT:
            show_warning(f"the answer was cut: finish_reason={whole.finish_reason!r}")
        if not said:
            show_warning("the answer is empty, and forgotten")
            return
        self.messages += [question, {"role": "assistant", "content": "".join(said)}]
        self._leave_files()

    def _question(self, text: str) -> dict[str, Any]:
        content = [{"type": "text", "text": text}, *self.parts] if self.parts else text
        return {"role": "user", "content": content}

    def _set_model(self, name: str) -> None:
        if name:
            self.model = name
        self.screen.print(f"model: {self.model}", style="dim")

    def _set_system(self, text: str) -> None:
        self.system = text or None
        self.screen.print("instructions set" if text else "no instructions", style="dim")

    def _add_file(self, name: str) -> None:
        if not name:
            raise ConfigurationError("/file what? A path or an address is missing")
        part = _part(name)
        if isinstance(part, str):
            self.files.append(part)
        else:
            check_parts(self.spec, self.model, [{"role": "user", "content": [part]}])
            self.parts.append(part)
        self.screen.print("goes with the next message", style="dim")

    def _leave_files(self) -> None:
        self.files.clear()
        self.parts.clear()

    def _show_tokens(self, _: str) -> None:
        uncounted = self.meter.uncounted
        more = f", and {uncounted} answer(s) without a count" if uncounted else ""
        self.screen.print(f"{self.meter.tokens:,} tokens{more}", style="dim")

    def _forget(self, _: str) -> None:
        self.messages.clear()
        self._leave_files()
        self.screen.print("a new conversation", style="dim")

    def _help(self, _: str) -> None:
        for usage, what in (
            ("/model NAME", "use another model"),
            ("/system TEXT", "give instructions; without a text, none"),
            ("/file PATH", "a text, an image or a PDF for the next message; or its URL"),
            ("/tokens", "tokens used so far, as the vendor counts them"),
            ("/new", "forget the conversation"),
            ("/quit", "leave; so does Ctrl-D. Ctrl-C stops an answer"),
        ):
            self.screen.say("  [cyan]{usage:<14}[/] {what}", usage=usage, what=what)


def _part(name: str) -> dict[str, Any] | str:
    """Return the content part of an image or a PDF, by its address or from disk, or a text.

    Raises:
        ConfigurationError: If it cannot be read, or is nothing of these.
    """
    try:
        address, path = urlsplit(name), Path(name).expanduser()
    except (ValueError, RuntimeError) as error:  # no address; a home that nobody has
        raise ConfigurationError(f"/file {name}: {error}") from None
    if address.scheme in {"http", "https"}:
        kind = guess_type(address.path)[0] or ""
        return image_part(url=name) if kind.startswith("image/") else file_part(url=name)
    try:
        data = read_regular(path, MAX_UPLOAD_BYTES)
        kind = mime_type_of(data[:16]) or ""
        if kind in _IMAGES:
            return image_part(data=data, mime_type=kind)
        if kind == "application/pdf":
            return file_part(data=data, mime_type=kind, name=path.name)
        return f"{path.name}:\n\n{_text(path, data)}"
    except UnreadableError as error:
        raise ConfigurationError(f"/file {name}: {error}") from None


def _text(path: Path, data: bytes) -> str:
    if (guess_type(path.name)[0] or "").startswith(("image/", "audio/", "video/")):
        raise UnreadableError("neither a text, nor an image (PNG, JPEG, GIF, WebP), nor a PDF")
    if len(data) > MAX_TEXT_BYTES:
        raise UnreadableError(f"a text of more than {MAX_TEXT_BYTES:,} bytes")
    return decode(data)
