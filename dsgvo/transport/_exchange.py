"""One request to a vendor: retries, signing in, fields that a server refuses, and its errors."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Protocol

from pydantic_core import PydanticSerializationError, to_json

from dsgvo._version import __version__
from dsgvo.errors import (
    APIError,
    APIResponseError,
    CapabilityError,
    ConfigurationError,
    RedirectError,
)
from dsgvo.transport import _http
from dsgvo.transport._connection import Connection, without_password
from dsgvo.transport._http import ConnectionFailedError, Form
from dsgvo.transport._steps import Do, Flow, Read, Send, Sleep
from dsgvo.wire.errors import error_from_body, mentions, redact, retry_after_seconds
from dsgvo.wire.files import Upload
from dsgvo.wire.private import private_texts

if TYPE_CHECKING:
    import httpx

__all__ = ["Auth", "Operation", "fetch", "open_response", "request_id"]

MAX_RETRY_AFTER = 60.0
"""Seconds that ``Retry-After`` may make us wait; beyond it the error is raised at once."""

BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 8.0
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
MAX_ERROR_BYTES = 256 * 1024
MAX_ANSWER_BYTES = 512 * 1024 * 1024
USER_AGENT = f"dsgvo-llm/{__version__}"

_log = logging.getLogger("dsgvo")


class Auth(Protocol):
    """Where the bearer token of a request comes from."""

    def bearer(self, connection: Connection) -> Flow[str]:
        """Return the token to send."""
        ...

    def forget(self, connection: Connection, token: str) -> bool:
        """Drop a token that the vendor refused; return whether another can be had."""
        ...


@dataclass(slots=True, kw_only=True)
class Operation:
    """One request, but for the key.

    Args:
        method: HTTP method.
        url: Whole address.
        body: JSON body, if any.
        content: A body that is no JSON; it takes the place of ``body``.
        accept: Media type that is hoped for.
        optional: Fields of ``body`` that no vendor documents and that make the answer better.
            A server that refuses one is asked again without it, and never with it again.
        expects: What the answer is, for messages.
        upload: A document to send beside ``body``, as a multipart form (innoGPT: "PDF per
            Multipart-Upload").
        offers_tools: Whether ``body`` offers tools to the model.
        image_model: A model to look up before an image is sent to it.
    """

    method: str = "POST"
    url: str
    body: dict[str, Any] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    accept: str = "application/json"
    optional: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expects: str = "an answer"
    upload: Upload | None = None
    offers_tools: bool = False
    image_model: str | None = None


_refused: set[tuple[str, str]] = set()


def open_response(
    connection: Connection, operation: Operation, auth: Auth | None
) -> Flow[httpx.Response]:
    """Make a request until it succeeds or must not be made again; the body is left unread.

    Raises:
        APIError: Of the kind that fits.
    """
    failures, renewed = 0, False
    optional = {
        name: value
        for name, value in operation.optional.items()
        if (connection.base_url, name) not in _refused
    }
    if not _http.is_ready():
        yield Do(_http.make_ready)
    while True:
        token: str | None = yield from _token(connection, auth)
        try:
            # A file is opened anew for each attempt, so that an upload can be made again.
            with (yield from _opened(operation.upload)) as document:
                request = _build(connection, operation, optional, token, document)
                response: httpx.Response = yield Send(connection, request)
        except ConnectionFailedError as failure:
            if not failure.retry or failures >= connection.max_retries:
                raise failure.error from failure.__cause__
            error: APIError | CapabilityError = failure.error
            delay = _backoff(failures)
        else:
            if response.is_success:
                _log.debug("%s %s %d", operation.method, operation.url, response.status_code)
                return response
            body = _Body(MAX_ERROR_BYTES, keep=True)
            with suppress(ConnectionFailedError):  # what has come of the error's body is enough
                yield Read(connection, response, body)
            error = _status_error(connection, operation, response, body.data, token)
            if response.status_code == 401 and auth and token and not renewed:
                renewed = True
                if auth.forget(connection, token):
                    continue
            refused = [name for name in optional if mentions(body.data, name)]
            if response.status_code in {400, 422} and refused:
                _refused.update((connection.base_url, name) for name in refused)
                optional = {key: optional[key] for key in optional if key not in refused}
                continue
            if response.status_code not in RETRIED or failures >= connection.max_retries:
                raise error
            delay = _backoff(failures) if error.retry_after is None else error.retry_after
            if delay > MAX_RETRY_AFTER:
                raise error
        failures += 1
        _log.info(
            "%s %s failed (%s); attempt %d of %d in %.1f s",
            operation.method,
            operation.url,
            type(error).__name__,
            failures + 1,
            connection.max_retries + 1,
            delay,
        )
        yield Sleep(delay)


def fetch(
    connection: Connection, operation: Operation, auth: Auth | None
) -> Flow[tuple[bytes, httpx.Response]]:
    """Make a request and read its whole answer."""
    response: httpx.Response = yield from open_response(connection, operation, auth)
    body = _Body(MAX_ANSWER_BYTES)
    try:
        yield Read(connection, response, body)
    except ConnectionFailedError as failure:
        raise failure.error from failure.__cause__
    except _TooLargeError:
        raise APIResponseError(
            f"{connection.provider.title}: {operation.expects} of more than "
            f"{MAX_ANSWER_BYTES} bytes",
            provider=connection.provider.name,
            request_id=request_id(response),
        ) from None
    return body.data, response


def request_id(response: httpx.Response) -> str | None:
    """Return the vendor's id of a request."""
    headers = response.headers
    return headers.get("x-request-id") or headers.get("request-id")


def _token(connection: Connection, auth: Auth | None) -> Flow[str | None]:
    return None if auth is None else (yield from auth.bearer(connection))


class _TooLargeError(Exception):
    pass


class _Body:
    """Collects a body up to a bound; past it the rest is dropped, or the body refused."""

    __slots__ = ("_keep", "_max", "_parts", "_size")

    def __init__(self, max_bytes: int, *, keep: bool = False) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._max = max_bytes
        self._keep = keep

    def feed(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._max:
            self._parts.append(data)
        elif not self._keep:
            raise _TooLargeError

    @property
    def data(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


def _opened(upload: Upload | None) -> Flow[AbstractContextManager[IO[bytes] | None]]:
    if upload is None:
        return nullcontext()
    if upload.path is None:
        return BytesIO(upload.data or b"")
    try:
        return (yield Do(partial(upload.path.open, "rb")))
    except OSError as error:
        raise ConfigurationError(f"file: {str(upload.path)!r} is unreadable: {error}") from None


def _build(
    connection: Connection,
    operation: Operation,
    optional: Mapping[str, Any],
    token: str | None,
    document: IO[bytes] | None,
) -> httpx.Request:
    headers = {"Accept": operation.accept, "User-Agent": USER_AGENT}
    if token is not None:
        headers.update(connection.headers)
        headers["Authorization"] = f"Bearer {token}"
    content: bytes | Form | None = operation.content
    if operation.body is not None:
        try:
            content = to_json({**operation.body, **optional} if optional else operation.body)
        except (PydanticSerializationError, UnicodeEncodeError, ValueError) as error:
            raise ConfigurationError(
                f"the request cannot be written as JSON ({type(error).__name__}): use plain "
                "values and valid Unicode in messages, tools and parameters"
            ) from None
    if operation.upload is not None and document is not None:
        upload = operation.upload
        content = Form(
            fields={"payload": (content or b"").decode()},
            files={"file": (upload.name, document, upload.mime_type)},
        )
    elif content is not None:
        headers["Content-Type"] = operation.content_type
    return _http.build(connection, operation.method, operation.url, headers, content)


def _no_tools(
    connection: Connection, operation: Operation, response: httpx.Response
) -> CapabilityError:
    provider = connection.provider
    model = (operation.body or {}).get("model")
    return CapabilityError(
        f"tools: {provider.title} refused them for model {model!r}: not every model takes tools "
        f"({provider.page}); use another model",
        provider=provider.name,
        status_code=response.status_code,
        request_id=request_id(response),
    )


def _backoff(failures: int) -> float:
    """Return a random time below a bound that doubles ("full jitter")."""
    return random.uniform(0, min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2**failures))


def _status_error(
    connection: Connection,
    operation: Operation,
    response: httpx.Response,
    body: bytes,
    token: str | None,
) -> APIError | CapabilityError:
    provider = connection.provider
    secrets = (*connection.secrets(), *((token,) if token else ()))
    if response.has_redirect_location:
        target = response.headers["location"].split("?")[0]
        target = redact(without_password(target), secrets)
        return RedirectError(
            f"{provider.title}: {response.status_code}: the server redirects to "
            f"{target!r}; redirects are not followed, since prompts are personal "
            f"data. If that is the right place, set base_url or {provider.base_url_variable}",
            provider=provider.name,
            status_code=response.status_code,
            request_id=request_id(response),
        )
    # The page gives no wording, so a 400 that does not name the tools is left as it is.
    refused = response.status_code == provider.refuses_tools_with and b"tool" in body.lower()
    if operation.offers_tools and refused:
        return _no_tools(connection, operation, response)
    after = retry_after_seconds(response.headers.get("retry-after"), time.time())
    hint = None
    if response.status_code == 401:
        names = ("client_id", "client_secret") if connection.credentials else ("api_key",)
        hint = f"check {' and '.join(names)}, or the environment variables"
    elif response.status_code == 404:
        hint = f"check base_url or {provider.base_url_variable}, and the model's name"
    return error_from_body(
        provider,
        response.status_code,
        body,
        request_id=request_id(response),
        retry_after=after,
        secrets=(*secrets, *private_texts(operation.body)),
        hint=hint,
    )
