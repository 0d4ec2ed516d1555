"""LangSmith's tracing: what turns it on, and where prompts and answers then go."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

__all__ = ["SWITCHES", "langsmith_host"]

SWITCHES = (
    "LANGSMITH_TRACING",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_TRACING",
    "LANGCHAIN_TRACING_V2",
)
"""Environment variables that turn it on."""

_ENDPOINTS = ("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT")
_DEFAULT = "https://api.smith.langchain.com"


def langsmith_host() -> str:
    """Return the host that is sent to, by the environment."""
    endpoint = next(filter(None, map(os.environ.get, _ENDPOINTS)), _DEFAULT)
    try:
        return urlsplit(endpoint).hostname or endpoint
    except ValueError:
        return endpoint.rpartition("@")[2]  # it may hold a password
