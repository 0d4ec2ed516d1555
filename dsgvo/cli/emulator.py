"""``dsgvo emulator``: the local server, until Ctrl-C."""

from __future__ import annotations

import errno
import sys
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from dsgvo.errors import ConfigurationError
from dsgvo.providers import PROVIDERS

if TYPE_CHECKING:
    from dsgvo.emulator import Server

__all__ = ["emulator"]

WINDOWS = sys.platform == "win32"


def emulator(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8765,
    allow_remote: Annotated[
        bool,
        typer.Option("--allow-remote", help="Listen on an address that other machines can reach."),
    ] = False,
    upstream: Annotated[
        str | None,
        typer.Option(
            help="Base URL of an OpenAI-compatible server (llama.cpp, Ollama, vLLM) that answers "
            "chat and embeddings, such as http://127.0.0.1:8080/v1.",
            show_default=False,
        ),
    ] = None,
    upstream_model: Annotated[
        str | None,
        typer.Option(help="The model that is asked there, whatever is asked for here."),
    ] = None,
    upstream_key: Annotated[
        str | None,
        typer.Option(help="The key of that server.", envvar="DSGVO_UPSTREAM_KEY"),
    ] = None,
    upstream_anywhere: Annotated[
        bool,
        typer.Option(
            "--upstream-anywhere",
            help="Let that server be on a host that is neither this machine nor on a private "
            "network. Prompts go there.",
        ),
    ] = False,
) -> None:
    """Run a local server that speaks the four vendors' dialects. Needs no key.

    It has no language model: it answers with quotes from the documents of a request, calls the
    tools that it is offered, and fills schemas. With --upstream a server with a real model answers
    in its place, in the vendors' dialects. Ctrl-C stops it.
    """
    from dsgvo.cli.screen import extra, show_warning
    from dsgvo.transport._config import is_loopback

    if not is_loopback(host):
        if not allow_remote:
            raise ConfigurationError(
                f"--host {host}: other machines could reach it, over plain http and with a key "
                "that everybody knows; use 127.0.0.1, or add --allow-remote"
            )
        show_warning(f"other machines can reach {host}; what they send travels unencrypted")
    with extra("emulator"):
        from dsgvo.emulator import serve

        running: list[Server] = []

        def explain(server: Server) -> None:
            running.append(server)
            _explain(server)

        try:
            serve(
                host,
                port,
                ready=explain,
                upstream=upstream,
                upstream_model=upstream_model,
                upstream_key=upstream_key,
                upstream_anywhere=upstream_anywhere,
            )
        except OSError as error:
            if running:  # a full disk under what it prints, for instance
                raise
            raise ConfigurationError(_reason(host, port, error)) from None
    typer.echo("stopped")


def _explain(server: Server) -> None:
    """Print what a user needs to point programs at the server; the lines can be pasted."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]The emulator listens on {server.url}[/] (Ctrl-C stops it)\n")
    width = max(len(spec.title) for spec in PROVIDERS.values())
    for name, spec in PROVIDERS.items():
        console.print(f"  {spec.title:<{width}}  [cyan]{server.base_url(name)}[/]")
    console.print("\n[dim]# paste into another shell, then run any program there[/]")
    for name in PROVIDERS:
        for variable, value in server.environ(name).items():
            line = f"export {variable}={quote(value)}"
            if WINDOWS:  # for PowerShell
                line = f"$env:{variable} = '{value}'"
            console.print(line, markup=False)
    console.file.flush()


def _reason(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: choose another with --port, or --port 0"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is reserved: choose one above 1023 with --port"
    return f"cannot listen on {host}, port {port}: {error.strerror or error}"
