"""The only place with sockets: clients, retries, signing in, connection pools."""

from __future__ import annotations

from dsgvo.transport._client import DEFAULT_MAX_CONCURRENCY, AsyncClient, Client, ClientPair
from dsgvo.transport._config import (
    AUTO,
    DEFAULT_MAX_RESPONSE_BYTES,
    DEFAULT_MAX_RETRIES,
    DEFAULT_TIMEOUT,
    HTTP_CLIENTS,
    ClientConfig,
    KeyFunction,
    Options,
    Query,
    RequestOptions,
    Timeout,
    require_model,
    without_http_clients,
)
from dsgvo.transport._flow import Gate, running_loop
from dsgvo.transport._pools import Owned

__all__ = [
    "AUTO",
    "DEFAULT_MAX_CONCURRENCY",
    "DEFAULT_MAX_RESPONSE_BYTES",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "HTTP_CLIENTS",
    "AsyncClient",
    "Client",
    "ClientConfig",
    "ClientPair",
    "Gate",
    "KeyFunction",
    "Options",
    "Owned",
    "Query",
    "RequestOptions",
    "Timeout",
    "require_model",
    "running_loop",
    "without_http_clients",
]
