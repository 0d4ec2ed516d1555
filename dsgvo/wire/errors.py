"""Error bodies of all four vendors, and OpenAI's, web pages and empty ones, made into one tree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, cast

from pydantic_core import from_json

from dsgvo import errors
from dsgvo.errors import APIStatusError
from dsgvo.providers import Provider

__all__ = [
    "describe_body",
    "error_from_body",
    "is_error",
    "mentions",
    "redact",
    "retry_after_seconds",
]

MAX_MESSAGE = 400
"""Characters of a vendor's message that an exception quotes."""

EXCERPT = 16
"""Characters that a vendor's message and a prompt share when one quotes the other."""

_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    413: errors.RequestTooLargeError,
    422: errors.UnprocessableEntityError,
    429: errors.RateLimitError,
}
_CODE_STATUS = {
    "invalid_api_key": 401,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "model_not_found": 404,
}
# Inferred from OpenAI's API; none of the vendors documents how it says this.
_CONTEXT = re.compile(r"context_length_exceeded|maximum context length|context window", re.I)
_KEY_LIKE = re.compile(r"(?i)\bbearer\s+\S+|\bsk[-_][\w*.-]{4,}")
_STATUS = re.compile(r"[45]\d\d", re.ASCII)
_TITLE = re.compile(rb"<title[^>]*>\s*(.*?)\s*</title>", re.I | re.S)


class _Parts(NamedTuple):
    message: str
    code: str | None


def is_error(body: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is an error, whatever the HTTP status was."""
    if body.get("choices"):
        return bool(body.get("error"))
    return bool(body.get("error") or body.get("errors")) or body.get("status") == "error"


def error_from_body(
    provider: Provider,
    status: int,
    body: bytes | str | Mapping[str, Any],
    *,
    request_id: str | None = None,
    retry_after: float | None = None,
    secrets: Sequence[str] = (),
    hint: str | None = None,
) -> APIStatusError:
    """Build the typed error for an error answer.

    Args:
        provider: Who answered.
        status: The HTTP status; 200 for an error body under success.
        body: The body as it came, or the JSON object in it.
        request_id: The vendor's id of the request.
        retry_after: Seconds that the vendor asked to wait.
        secrets: Keys and prompts, which are blotted out of the vendor's message.
        hint: What to do about it, when the vendor's spec has no better one for the status.
    """
    message, code = _parts(body)
    effective = status
    if status < 400 and code:  # the body's own code says more than a success status
        effective = int(code) if _STATUS.fullmatch(code) else _CODE_STATUS.get(code, status)
    kind = _BY_STATUS.get(effective, APIStatusError)
    if effective >= 500:
        kind = errors.InternalServerError
    elif kind is errors.BadRequestError and _CONTEXT.search(f"{code} {message}"):
        kind = errors.ContextWindowExceededError
    hints = [provider.status_hints.get(effective, hint)]
    if retry_after:
        hints.append(f"the vendor asks to wait {retry_after:.0f} s")
    text = f"{provider.title}: {effective}: {redact(message, secrets)}"
    said = "; ".join(filter(None, hints))
    return kind(
        f"{text} ({said})" if said else text,
        provider=provider.name,
        status_code=effective,
        code=redact(code, secrets) if code else None,
        request_id=request_id,
        retry_after=retry_after,
    )


def describe_body(body: bytes) -> str:
    """Say what a body is that should have been JSON, without quoting it."""
    text = body.strip()
    if not text:
        return "an empty body"
    if text[:1] == b"<":
        title = _TITLE.search(text)
        named = f" titled {title[1][:80].decode('utf-8', 'replace')!r}" if title else ""
        return f"a web page{named}, perhaps a sign-in or proxy page; check base_url"
    if text[:1] in b"{[":
        return "JSON that breaks off or is malformed"
    return "text that is not JSON"


def mentions(body: bytes, field: str) -> bool:
    """Return whether an error body names a request field."""
    return field.encode() in body


def redact(text: str, secrets: Sequence[str] = ()) -> str:
    """Blot secrets and whatever looks like a key out of a vendor's text, and shorten it.

    Example:
        >>> redact("Incorrect API key provided: sk-abcdef123", ["hunter2"])
        'Incorrect API key provided: ***'
    """
    text = text[: 4 * MAX_MESSAGE]
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _without_excerpts(text, [secret for secret in secrets if len(secret) >= EXCERPT])
    text = _KEY_LIKE.sub("***", text)
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def _without_excerpts(text: str, secrets: Sequence[str]) -> str:
    """Blot out what a vendor quotes of a longer text, as far as it can be told from chance."""
    kept: list[str] = []
    start = 0
    while start < len(text):
        end = start + EXCERPT
        source = next((secret for secret in secrets if text[start:end] in secret), None)
        if source is None or end > len(text):
            kept.append(text[start])
            start += 1
            continue
        while end < len(text) and text[start : end + 1] in source:
            end += 1
        kept.append("***")
        start = end
    return "".join(kept)


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Read a ``Retry-After`` header: seconds, or an HTTP date.

    Args:
        value: The header.
        now: Unix time in seconds, for dates.

    Returns:
        Seconds from now, never negative; ``None`` if the header is absent or unreadable.

    Example:
        >>> retry_after_seconds("Thu, 01 Jan 1970 00:01:40 GMT", now=40.0)
        60.0
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except ValueError:
            return None
    return max(seconds, 0.0) if seconds < float("inf") else None


def _parts(body: bytes | str | Mapping[str, Any]) -> _Parts:
    if isinstance(body, bytes | str):
        try:
            parsed = from_json(body)
        except ValueError:
            raw = body if isinstance(body, bytes) else body.encode()
            return _Parts(describe_body(raw), None)
        if not isinstance(parsed, Mapping):
            return _Parts("an error without a description", None)
        body = cast("Mapping[str, Any]", parsed)
    error = body.get("error")
    if isinstance(error, Mapping):  # OpenAI's
        fields = cast("Mapping[str, Any]", error)
        return _Parts(_message(fields), _code(fields))
    if isinstance(error, str):  # neuroflash's first
        return _Parts(error, _code(body))
    problems = body.get("errors") or body.get("detail")  # neuroflash's second; FastAPI's
    if isinstance(problems, list):
        found = map(_problem, cast("list[object]", problems))
        return _Parts("; ".join(found), _code(body))
    if isinstance(problems, Mapping):
        by_field = cast("Mapping[str, object]", problems).items()
        return _Parts("; ".join(f"{name}: {_text(what)}" for name, what in by_field), _code(body))
    if isinstance(problems, str):
        return _Parts(problems, _code(body))
    return _Parts(_message(body), _code(body))  # meinGPT's


def _problem(problem: object) -> str:
    """Say what is wrong with one field. Its value, which may be a prompt, is left out."""
    if not isinstance(problem, Mapping):
        return _text(problem)
    fields = cast("Mapping[str, Any]", problem)
    where = fields.get("field") or fields.get("loc")
    if isinstance(where, list):
        where = ".".join(map(str, cast("list[object]", where)))
    message = _text(fields.get("message") or fields.get("msg"))
    return f"{where}: {message}" if where else message


def _text(value: object) -> str:
    """Return a text; any other value, which may be a prompt, is left out."""
    return value if value and isinstance(value, str) else "invalid"


def _message(fields: Mapping[str, Any]) -> str:
    for key in ("message", "detail", "title", "error_description"):
        if isinstance(fields.get(key), str) and fields[key]:
            return str(fields[key])
    return "an error without a description"


def _code(fields: Mapping[str, Any]) -> str | None:
    value = fields.get("code") or fields.get("type")
    return str(value) if value else None
