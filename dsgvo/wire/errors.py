"""Vendors' error bodies as exceptions of one tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, cast

from dsgvo import errors
from dsgvo.errors import APIResponseError, APIStatusError, DsgvoError
from dsgvo.providers import Provider
from dsgvo.wire.body import SIGN_IN, InvalidJSONError, parse_json
from dsgvo.wire.masking import EXCERPT, masked, on_one_line

__all__ = [
    "error_from_body",
    "fails",
    "is_error",
    "mask",
    "mentions",
    "read_object",
    "redact",
    "words_of",
]

MAX_MESSAGE = 400
"""Characters of a vendor's message that an exception quotes."""

_READ = 4 * MAX_MESSAGE  # characters of a vendor's message that are looked at
_AFTER = 16 * EXCERPT  # and after a cut: letters enough, be they escaped or spaced out

_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.QuotaExceededError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    413: errors.RequestTooLargeError,
    422: errors.UnprocessableEntityError,
    429: errors.RateLimitError,
}
_QUOTA = frozenset(
    {
        "insufficient_quota",
        "insufficient_balance",
        "insufficient_credits",
        "billing_hard_limit_reached",
        "billing_not_active",
        "budget_exceeded",
    }
)
# Names that OpenAI, Anthropic, Google, vLLM and common gateways give their errors.
_STATUS_OF_CODE = {
    name: status
    for status, names in {
        400: "invalid_request_error invalid_argument bad_request badrequesterror "
        "context_length_exceeded exceed_context_size_error",
        401: "invalid_api_key authentication_error unauthenticated unauthorized",
        403: "permission_error permission_denied forbidden",
        404: "model_not_found not_found_error not_found",
        413: "request_too_large",
        429: "rate_limit_exceeded rate_limit_error resource_exhausted too_many_requests",
        500: "server_error internal_server_error internal_error internal api_error",
        502: "bad_gateway",
        503: "service_unavailable unavailable engine_overloaded overloaded",
        504: "timeout_error gateway_timeout deadline_exceeded",
        529: "overloaded_error",
    }.items()
    for name in names.split()
} | dict.fromkeys(_QUOTA, 429)
# How servers and gateways put it; none of the vendors documents its wording. What is counted of a
# prompt and found too much, what is named as a model's limit, and what is asked for.
_TOO_MUCH = (
    r"(?:exceed|longer than|greater than|too (?:long|large|many)|only supports?|up to|at most"
    r"|(?:must|should) (?:be|have) (?:at most|less|fewer|between|in |\[|<|≤))"
)
_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|context[ _]?window"
    r"|context[ -](?:length|limit|size)|max_model_len"
    r"|(?:inputs?|prompts?)`? (?:tokens?|(?:token )?(?:count|length))\b[^;]{0,60}?\b"
    + _TOO_MUCH
    + r"|tokens in (?:the |your )?(?:inputs?|prompt|messages)\b[^;]{0,60}?\b"
    + _TOO_MUCH
    + r"|(?:maximum|allowed) (?:model|prompt|input) length"
    r"|(?:model|input|prompt)(?:'s)? token limit"
    r"|exceeds? the (?:maximum number|limit) of (?:input |prompt )?tokens"
    r"|prompt (?:is |was )?too (?:long|large)|input is too long for"
    r"|too many (?:total )?(?:input|prompt|text) (?:tokens|bytes|characters)"
    r"|`?inputs`? (?:tokens \+|must have less than)"
    r"|prompt exceeds max|too many tokens: |string_above_max_length|max_tokens must be .{,20}got -"
    r"|reduce the length of (?:the |your )?(?:input |prompt )?(?:messages|prompt|input)\b(?! image)"
    r"|Kontext(?:fenster|länge|größe)|Prompt ist zu lang",
    re.I,
)
# Tokens in a time, whatever the status, and a field of such a name are another matter.
_NO_CONTEXT = re.compile(
    r"(?:per|pro)[ -](?:second|sekunde|minute|hour|stunde|day|tag)\b|\bTP[MD]\b"
    r"|(?:unknown|unsupported|unrecogni[sz]ed) (?:request )?(?:parameter|argument|field)",
    re.I,
)
_MAY_BE_CONTEXT = frozenset({200, 400, 413, 422})
# llama.cpp, of a text to embed or to rank, as a fault of its own
_NO_ROOM = re.compile(r"\) is too large to process\b.{0,40} batch size")
# OpenAI, of one request that has more tokens than a minute may
_TOO_LARGE = re.compile(r"(?i)\brequest too large for\b")
_SAY_ENOUGH = frozenset({408, 413, 429})
_KEY_LIKE = re.compile(r"(?i)\bbearer\s+\S+|\bsk[-_][\w*.-]{4,}")
_STATUS = re.compile(r"[45]\d\d", re.ASCII)
_SUCCESS = re.compile(r"(?i)0+|20\d|ok|succe\w+|no(?:ne| errors?)|null|false|成功", re.ASCII)
_MESSAGE_FIELDS = (
    "message",
    "errorMessage",
    "error_message",
    "error_msg",
    "msg",
    "detail",
    "details",
    "title",
    "error_description",
    "reason",
    "description",
)
_ERROR_FIELDS = ("error", "errors", "errorMessage", "error_message", "error_msg", "error_code")
_CODE_FIELDS = ("code", "errorCode", "error_code", "type")
_STATUS_FIELDS = (*_CODE_FIELDS, "status", "statusCode", "status_code", "http_status")
_MAX_NESTING = 6
_MOST_PROBLEMS = 256  # of one list
_NO_DESCRIPTION = "an error without a description"


class _Parts(NamedTuple):
    message: str
    code: str | None
    status: int | None
    is_spent: bool


def is_error(body: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is an error, whatever the HTTP status was."""
    if body.get("choices"):
        return fails(body.get("error"))
    if any(fails(body.get(name)) for name in _ERROR_FIELDS):
        return True
    if body.get("status") == "error" or body.get("object") == "error":
        return True
    if len(body) == 1 and body.get("detail"):  # FastAPI's
        return True
    if "choices" in body or "data" in body:
        return False
    said = any(isinstance(body.get(name), str) for name in ("message", "msg", "detail", "details"))
    return said and bool(
        fails(body.get("code")) or body.get("success") is False or _status_named(body.get("status"))
    )


def fails(value: object) -> bool:
    """Return whether that is an error or its code; some gateways say so of a success, too."""
    return bool(value) and not _SUCCESS.fullmatch(_scalar(value))


def read_object(
    provider: Provider, body: bytes, fail: Callable[[str], APIResponseError]
) -> dict[str, Any]:
    """Return the JSON object that is an answer.

    Args:
        provider: Who answered.
        body: The answer.
        fail: Makes an error of what is wrong.

    Raises:
        APIStatusError: If the body is an error under a success status.
        APIResponseError: If it is not a JSON object.
    """
    try:
        answer: object = parse_json(body)
    except InvalidJSONError as error:
        raise fail(f"expected JSON, got {error.what}") from None
    if not isinstance(answer, dict):
        raise fail("expected a JSON object")
    fields = cast("dict[str, Any]", answer)
    if is_error(fields):
        raise error_from_body(provider, 200, fields)
    return fields


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
        secrets: Keys and prompts, which are masked in the vendor's message.
        hint: What to do about it, when the vendor's spec has no better one for the status.
    """
    message, code, named, is_spent = _parts(body)
    effective = named if status < 400 and named else status  # the body says more than a success
    if effective in _SAY_ENOUGH or effective >= 500:  # a gateway's page
        message = message.removesuffix(SIGN_IN)
    kind = _BY_STATUS.get(effective, APIStatusError)
    is_overflow = _is_overflow(effective, f"{code} {message[:_READ]}")
    if effective >= 500 and not is_overflow:
        kind = errors.InternalServerError
    elif kind in {errors.RateLimitError, errors.BadRequestError} and is_spent:
        kind = errors.QuotaExceededError
    elif is_overflow:
        kind = errors.ContextWindowExceededError
    elif effective == 429 and _TOO_LARGE.search(message[:_READ]):  # whenever it is asked again
        kind = errors.RequestTooLargeError
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
        request_id=request_id and masked(request_id, secrets),
        retry_after=retry_after,
    )


def _is_overflow(status: int, text: str) -> bool:
    if status in {400, 500} and _NO_ROOM.search(text):
        return True
    said = status in _MAY_BE_CONTEXT and _CONTEXT.search(text)
    return bool(said) and not _NO_CONTEXT.search(text)


def mentions(body: bytes, field: str) -> bool:
    """Return whether an error body names a request field."""
    return field.encode() in body


def words_of(body: bytes) -> str:
    """Return an error's words for a human, the first of very many, as they came."""
    return on_one_line(_parts(body).message[:_READ])


def redact(text: str, secrets: Sequence[str] = ()) -> str:
    """Mask secrets and whatever looks like a key in a vendor's text, and shorten it.

    Examples:
        >>> redact("Incorrect API key provided: sk-abcdef123", ["hunter2"])
        'Incorrect API key provided: ***'
    """
    unseen = _AFTER if len(text) > _READ + _AFTER else 0
    text = masked(text[: _READ + _AFTER], secrets, unseen=unseen)
    text = _KEY_LIKE.sub("***", text)
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def mask(error: DsgvoError, secrets: Sequence[str]) -> None:
    """Mask secrets in an error that may quote what came, and what is left of one that was cut."""
    for secret in secrets if "…" in error.message else ():
        for size in range(min(2 * EXCERPT, len(secret)), 3, -1):
            error.message = error.message.replace(f"{on_one_line(secret[:size])}…", "***…")
    error.message = masked(error.message, secrets)
    error.args = (error.message,)
    error.code = error.code and masked(error.code, secrets)
    error.request_id = error.request_id and masked(error.request_id, secrets)


def _parts(body: bytes | str | Mapping[str, Any]) -> _Parts:
    value: object = body
    if isinstance(body, bytes | str):
        try:
            value = parse_json(body)
        except InvalidJSONError as error:
            return _Parts(error.what, None, None, is_spent=False)
    objects = list(_objects(value))
    code = next(filter(None, (_first_scalar(item, _CODE_FIELDS) for item in objects)), None)
    named = (
        _status_named(item.get(name)) for item in objects for name in _STATUS_FIELDS if name in item
    )
    names = (item.get(name) for item in objects for name in _CODE_FIELDS)  # LiteLLM's is the type
    is_spent = any(isinstance(name, str) and name in _QUOTA for name in names)
    status = next(filter(None, named), None)
    return _Parts(_words(value) or _NO_DESCRIPTION, code, status, is_spent=is_spent)


def _objects(value: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the objects that may say what the error is called: the error itself, then around it."""
    if depth > _MAX_NESTING:
        return
    if isinstance(value, list):
        for item in cast("list[object]", value)[:1]:
            yield from _objects(item, depth + 1)
    elif isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        yield from _objects(fields.get("error"), depth + 1)
        if depth:
            yield fields
            yield from _objects(fields.get("message"), depth + 1)
        else:
            yield fields


def _first_scalar(fields: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next(filter(None, (_scalar(fields.get(name) or None) for name in names)), None)


def _scalar(value: object) -> str:
    if isinstance(value, int):  # very long numbers cannot be written as text
        return str(value) if value.bit_length() < 64 else ""
    return value if isinstance(value, str) else ""


def _status_named(value: object) -> int | None:
    """Return the status that a code is, or that its name stands for."""
    text = _scalar(value)
    return int(text) if _STATUS.fullmatch(text) else _STATUS_OF_CODE.get(text[:64].lower())


def _words(value: object, depth: int = 0) -> str:
    """Return the words for a human in an error, however deep they lie; values are left out."""
    if depth > _MAX_NESTING:
        return ""
    if isinstance(value, str):
        text = value.strip()
        return (_words_within(text, depth) if text[:1] in {"{", "["} else "") or text
    if isinstance(value, list):
        return _joined(_problem(item, depth) for item in cast("list[object]", value))
    if not isinstance(value, Mapping):
        return ""
    return _object_words(cast("Mapping[str, Any]", value), depth + 1)


def _words_within(text: str, depth: int) -> str:
    """Return the words in an error that a gateway passes on as JSON in a text."""
    try:
        return _words(parse_json(text), depth + 1)
    except InvalidJSONError:
        return ""


def _object_words(fields: Mapping[str, Any], depth: int) -> str:
    error: object = fields.get("error")
    message = "" if isinstance(error, dict) else _message(fields, depth)
    metadata: Mapping[str, Any] = fields.get("metadata") or {}
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    problems = _by_field(fields.get("errors"), depth)
    parts: list[str] = []
    for part in (_words(cast("object", error), depth), message, problems, _words(raw, depth)):
        if part and part not in parts:
            parts.append(part)
    return ": ".join(parts)


def _message(fields: Mapping[str, Any], depth: int) -> str:
    said = (_words(fields.get(name), depth) for name in _MESSAGE_FIELDS)
    by_field = fields.get("detail") or fields.get("details")  # FastAPI's
    return next(filter(None, said), "") or _by_field(by_field, depth)


def _by_field(problems: object, depth: int) -> str:
    """Return what is wrong, field by field."""
    found = _words(problems, depth)
    if found or not isinstance(problems, Mapping):
        return found
    by_field = cast("Mapping[str, object]", problems).items()
    return _joined(f"{name}: {_text(what)}" for name, what in by_field)


def _joined(problems: Iterable[str]) -> str:
    """Return what is wrong, as much of it as is looked at; a list may have millions."""
    found, size = list[str](), 0
    for problem in filter(None, islice(problems, _MOST_PROBLEMS)):
        found.append(problem)
        size += len(problem)
        if size > _READ + _AFTER:
            break
    return "; ".join(found)


def _problem(problem: object, depth: int) -> str:
    """Say what is wrong with one field. Its value, which may be a prompt, is left out."""
    if not isinstance(problem, Mapping):
        return problem if isinstance(problem, str) else ""
    fields = cast("Mapping[str, Any]", problem)
    where = fields.get("field") or fields.get("loc")
    if isinstance(where, list):
        where = ".".join(map(_scalar, cast("list[object]", where)[:_MOST_PROBLEMS]))
    message = _object_words(fields, depth + 1) or "invalid"
    return f"{where}: {message}" if isinstance(where, str) and where else message


def _text(value: object) -> str:
    """Return a text; any other value, which may be a prompt, is left out."""
    return value if value and isinstance(value, str) else "invalid"
