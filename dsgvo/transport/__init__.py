"""The only place with sockets: clients, retries, signing in, connection pools."""

from __future__ import annotations

from dsgvo.transport._client import DEFAULT_MAX_CONCURRENCY, AsyncClient, Client, ClientPair
from dsgvo.transport._config import (
    DEFAULT_MAX_RESPONSE_BYTES,
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT,
    ClientConfig,
    Options,
    RequestOptions,
    Timeout,
    require_model,
)

__all__ = [
    "DEFAULT_MAX_CONCURRENCY",
    "DEFAULT_MAX_RESPONSE_BYTES",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "AsyncClient",
    "Client",
    "ClientConfig",
    "ClientPair",
    "Options",
    "RequestOptions",
    "Timeout",
    "require_model",
]
