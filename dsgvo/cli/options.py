"""Options that several subcommands take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from dsgvo.errors import ConfigurationError, DsgvoError
from dsgvo.providers import PROVIDERS, Provider, get_provider
from dsgvo.transport import Client

__all__ = [
    "EmulatorOption",
    "JsonOption",
    "ProviderArgument",
    "chosen_model",
    "complete_provider",
    "documented_models",
    "embedding_provider",
    "given_path",
    "provider_name",
    "provider_option",
    "require_access",
]


def complete_provider() -> list[str]:
    """Return the names of the providers, for a shell to complete."""
    return list(PROVIDERS)


def provider_name(value: str | None) -> str | None:
    """Check the name of a provider, as an option's callback.

    Raises:
        typer.BadParameter: If there is no such provider; the message names those there are.
    """
    if value is None:
        return None
    try:
        return get_provider(value).name
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from None


ProviderArgument = Annotated[
    str,
    typer.Argument(callback=provider_name, autocompletion=complete_provider, help="The vendor."),
]


def provider_option(help: str) -> Any:  # noqa: A002 - typer's word
    """Return an option that takes the name of a provider."""
    return typer.Option(
        metavar="NAME", callback=provider_name, autocompletion=complete_provider, help=help
    )


def given_path(value: str) -> Path:
    """Return a path, as an argument's parser: an empty one is a variable that is not set.

    Raises:
        typer.BadParameter: If it is empty; it would mean the folder that one is in.
    """
    if not value:
        raise typer.BadParameter("it is empty")
    return Path(value)


EmulatorOption = Annotated[bool, typer.Option("--emulator", help="Ask the emulator; needs no key.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")]


def require_access(spec: Provider) -> None:
    """Check that a key, and whatever else the vendor wants, is in the environment.

    Raises:
        ConfigurationError: If not; the message names the variable.
    """
    try:
        Client(spec).config.require_arguments()
    except DsgvoError as error:
        raise ConfigurationError(f"{error}; or use the emulator") from None


def chosen_model(
    spec: Provider, wanted: str | None, *, emulated: bool = False, tools: bool = False
) -> str:
    """Return the model of the option, else of the environment, else the page's first.

    Args:
        spec: The vendor.
        wanted: The option.
        emulated: Whether the emulator answers, so that the environment does not count.
        tools: Leave out models of which it is known that they take no tools.
    """
    named = wanted or (not emulated and os.environ.get(spec.model_variable))
    ids = documented_models(spec)
    suited = (one for one in ids if not tools or spec.model(one).tools is not False)
    return named or next(suited, ids[0])


def documented_models(spec: Provider) -> list[str]:
    """Return the ids of the chat models that the vendor's page names."""
    return [one.id for one in spec.models if one.kind == "chat" and "*" not in one.id]


def embedding_provider(chat: Provider, wanted: str | None, *, emulated: bool) -> Provider:
    """Return whose embeddings go with a chat model: the wanted, its own, or the emulator's first.

    Raises:
        ConfigurationError: If that vendor has none; the message names those that have.
    """
    having = [spec for spec in PROVIDERS.values() if spec.embeddings.documented]
    spec = get_provider(wanted) if wanted else chat
    if spec in having:
        return spec
    if wanted:
        names = " or ".join(other.name for other in having)
        raise ConfigurationError(f"{spec.title} documents no embeddings: use --embeddings {names}")
    if emulated:
        return having[0]
    names = " or ".join(f"{other.name} (with {other.key_variables[0]})" for other in having)
    raise ConfigurationError(
        f"{spec.title} documents no embeddings, and a search needs some: add --embeddings {names}"
    )
