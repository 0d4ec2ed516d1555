"""Errors of requests, before a dialect puts them into the vendor's own words."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FieldError:
    """One field of a request that is wrong.

    Args:
        field: Name of the field, with its path (``messages[0].role``).
        message: What is wrong with it.
    """

    field: str
    message: str


@dataclass
class ApiError(Exception):
    """A request that is answered with an error.

    Args:
        status: HTTP status code.
        message: What is wrong, for a person.
        code: Machine-readable code, e.g. ``invalid_api_key``.
        fields: The fields at fault, if the fault is in the body.
        headers: Response headers, e.g. ``Allow``.
    """

    status: int
    message: str
    code: str
    fields: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class BrokenOffError(Exception):
    """The line to the client or to the upstream server is dead; the answer ends where it is."""


def invalid(name: str, message: str, *, status: int = 400) -> ApiError:
    """Return the error for one wrong field."""
    return ApiError(status, message, "invalid_request", (FieldError(name, message),))
