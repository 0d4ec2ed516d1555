"""A real HTTP server that speaks the four vendors' dialects, for tests, demos and trying out.

It has no model and never pretends to be a vendor: its answers' ``system_fingerprint`` and its model
lists say ``emulator``.

    >>> from dsgvo import emulator
    >>> with emulator.running() as server:
    ...     server.base_url("sovrgpt").endswith("/sovrgpt/api/v1")
    True
"""

from dsgvo.emulator.server import Server, running, serve
from dsgvo.emulator.steps import (
    Delay,
    Disconnect,
    DropVectors,
    DuplicateVectors,
    ErrorEvent,
    Raw,
    Redirect,
    RefuseFields,
    Reply,
    ShuffleVectors,
    Status,
    Step,
    TooLong,
    Truncate,
)
from dsgvo.emulator.values import RecordedRequest

__all__ = [
    "Delay", "Disconnect", "DropVectors", "DuplicateVectors", "ErrorEvent", "Raw",
    "RecordedRequest", "Redirect", "RefuseFields", "Reply", "Server", "ShuffleVectors",
    "Status", "Step", "TooLong", "Truncate", "running", "serve",
]  # fmt: skip
