"""Options that several subcommands take."""

from __future__ import annotations

import typer

from dsgvo.errors import ConfigurationError
from dsgvo.providers import get_provider

__all__ = ["provider_name"]


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
