"""The only place with sockets: clients, retries, signing in, connection pools."""

from __future__ import annotations

from dsgvo.transport._client import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]
