"""Errors of requests, before a dialect puts them into the vendor's own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class ApiError(Exception):
    """A request that is answered with an error.

    ``fields`` are those at fault by their paths, such as ``messages[0].role``, each with its fault.
    """

    status: int
    message: str
    code: str
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class BrokenOffError(Exception):
    """The line to the client or to the upstream server is dead; the answer ends where it is."""


def invalid(name: str, message: str) -> ApiError:
    """Return the error for one wrong field."""
    return ApiError(400, message, "invalid_request", {name: message})


_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def openai_error(error: ApiError) -> dict[str, object]:
    """Write an error as OpenAI does, which more than one vendor follows."""
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    param = next(iter(error.fields), None)
    kind = _TYPES.get(error.status, kind)
    return {"error": {"message": error.message, "type": kind, "param": param, "code": error.code}}
