"""Options that several subcommands take."""

from __future__ import annotations

import os

import typer

from dsgvo.errors import ConfigurationError, DsgvoError
from dsgvo.providers import Provider, get_provider
from dsgvo.transport import Client

__all__ = ["chosen_model", "documented_models", "provider_name", "require_access"]


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


def require_access(spec: Provider) -> None:
    """Check that a key, and whatever else the vendor wants, is in the environment.

    Raises:
        ConfigurationError: If not; the message names the variable.
    """
    try:
        Client(spec).config.require_arguments()
    except DsgvoError as error:
        raise ConfigurationError(f"{error}; or use the emulator") from None


def chosen_model(spec: Provider, wanted: str | None) -> str:
    """Return the model of the option, or else of the environment.

    Raises:
        ConfigurationError: If neither names one.
    """
    model = wanted or os.environ.get(spec.model_variable)
    if not model:
        raise ConfigurationError(
            f"the model is missing: add --model {documented_models(spec)[0]}, or another of "
            f"{spec.title}'s, or set {spec.model_variable}"
        )
    return model


def documented_models(spec: Provider) -> list[str]:
    """Return the ids of the chat models that the vendor's page names."""
    return [one.id for one in spec.models if one.kind == "chat" and "*" not in one.id]
