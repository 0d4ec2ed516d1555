"""What must not travel in a task's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsgvo._secrets import SECRET_NAME
from dsgvo.errors import ConfigurationError
from dsgvo.providers import Provider, get_provider

__all__ = ["refuse_secrets"]


def refuse_secrets(provider: str | Provider, client: Mapping[str, Any]) -> None:
    """Refuse arguments that would show a secret to all who see a cluster's tasks.

    Raises:
        ConfigurationError: If there is one, with the way out.
    """
    spec = provider if isinstance(provider, Provider) else get_provider(provider)
    given: dict[str, Any] = {name: client.get(name) for name in ("api_key", "client_secret")}
    for argument in ("default_headers", "default_query", "extra_headers", "extra_query"):
        named: Any = client.get(argument)  # what is no mapping the client refuses
        for name, value in named.items() if hasattr(named, "items") else ():
            # What else is in a query, or in the headers of a call, is no secret.
            if argument == "default_headers" or SECRET_NAME.search(str(name)):
                given[f"{argument}[{name!r}]"] = value
    for name, value in given.items():
        if value not in (None, "") and not callable(value):
            raise ConfigurationError(
                f"{name}: a secret among the arguments of a task can be read by all who see the "
                f"cluster: set {spec.key_variables[0]} on each node, or pass api_key a function "
                "that returns the key there"
            )
