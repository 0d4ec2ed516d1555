"""What must not travel in a task's arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from dsgvo.errors import ConfigurationError
from dsgvo.providers import Provider, get_provider

__all__ = ["refuse_secrets"]

_TELLING = re.compile("(?i)auth|key|pass|secret|sig|token")


def refuse_secrets(provider: str | Provider, client: Mapping[str, Any]) -> None:
    """Refuse arguments that would show a secret to all who see a cluster's tasks.

    Raises:
        ConfigurationError: If there is one, with the way out.
    """
    spec = provider if isinstance(provider, Provider) else get_provider(provider)
    given: dict[str, Any] = {name: client.get(name) for name in ("api_key", "client_secret")}
    headers: Any = client.get("default_headers") or {}
    given |= {f"default_headers[{name!r}]": value for name, value in headers.items()}
    query: Any = client.get("default_query") or {}  # what else is in one is no secret
    given |= {f"default_query[{one!r}]": query[one] for one in query if _TELLING.search(str(one))}
    for name, value in given.items():
        if isinstance(value, SecretStr) or (isinstance(value, str) and value):
            raise ConfigurationError(
                f"{name}: a secret among the arguments of a task can be read by all who see the "
                f"cluster: set {spec.key_variables[0]} on each node, or pass api_key a function "
                "that returns the key there"
            )
