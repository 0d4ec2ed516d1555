"""Retry policy: which failure is worth another attempt, and after how long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

from dsgvo.errors import (
    APIError,
    APIStatusError,
    ContextWindowExceededError,
    DsgvoError,
    QuotaExceededError,
    RateLimitError,
    RequestTooLargeError,
)

__all__ = ["MAX_RETRY_AFTER", "asks_for_fewer", "next_delay", "retry_after", "should_retry"]

_LASTING = (ContextWindowExceededError, QuotaExceededError, RequestTooLargeError)

MAX_RETRY_AFTER = 60.0
"""Seconds that ``Retry-After`` may make us wait; beyond it the error is raised at once."""

BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 8.0
RETRIED = frozenset({408, 409, 429})
NEVER = frozenset({501, 505, 506, 508, 510, 511})
"""Statuses from 500 up that no other attempt changes: for how the server is made or set up, or for
a network that wants somebody to sign in. All others may pass, also those that only gateways use.
"""


def next_delay(
    error: DsgvoError,
    failures: int,
    max_retries: int,
    *,
    retry: bool | None = None,
    jitter: float,
) -> float | None:
    """Return after how many seconds a failed request is made again.

    Args:
        error: How it failed.
        failures: How often it had failed before.
        max_retries: How often it may be made again.
        retry: What is known beyond the error: of a connection, whether no byte of an answer had
            come; of a status, what the server says in ``x-should-retry``.
        jitter: A random number from 0 to 1 ("full jitter").

    Returns:
        Seconds, 0 or more; ``None`` if it must not be made again.

    Examples:
        >>> from dsgvo.errors import RateLimitError
        >>> next_delay(RateLimitError("", status_code=429, retry_after=7), 0, 2, jitter=0.5)
        7
        >>> next_delay(RateLimitError("", status_code=429), 2, 2, jitter=0.5) is None
        True
    """
    if failures >= max_retries or retry is False or isinstance(error, _LASTING):
        return None
    if not retry and not (isinstance(error, APIStatusError) and _may_pass(error.status_code)):
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= MAX_RETRY_AFTER else None
    return jitter * min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2.0 ** min(failures, 10))


def _may_pass(status: int | None) -> bool:
    return status in RETRIED or (status is not None and status >= 500 and status not in NEVER)


def asks_for_fewer(error: APIError) -> Literal["refused", "overloaded"] | None:
    """Return how a refusal is for the number of requests; not at all if for what is in one."""
    if isinstance(error, RateLimitError) and not isinstance(error, QuotaExceededError):
        return "refused"
    return "overloaded" if error.status_code in {503, 529} else None


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """Return what a server says of trying again; OpenAI's and its gateways' ``x-should-retry``."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Read how long a server asks to wait: ``retry-after-ms``, or ``Retry-After``.

    Args:
        headers: The answer's headers.
        now: Unix time in seconds, for dates of a server that does not tell its own time.

    Returns:
        Seconds from now, never negative; ``None`` if it does not say so in a readable way.

    Examples:
        >>> retry_after({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, now=40.0)
        60.0
        >>> retry_after({"retry-after": "2", "retry-after-ms": "1500"}, now=40.0)
        1.5
    """
    served = _date(headers.get("date"))  # this machine's clock may be wrong
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _seconds(headers.get(name), now if served is None else served, unit)
        if seconds is not None:
            return max(seconds, 0.0)
    return None


def _seconds(value: str | None, now: float, unit: float) -> float | None:
    if not value:
        return None
    try:
        seconds = float(value) * unit
    except ValueError:
        date = _date(value)
        return None if date is None else date - now
    return seconds if seconds < float("inf") else None


def _date(value: str | None) -> float | None:
    try:
        date = parsedate_to_datetime(value or "")
        # HTTP's oldest form of dates names no zone, and means UTC.
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
