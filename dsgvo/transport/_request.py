"""One request to a vendor: retries, signing in, fields that a server refuses, and its errors."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext, suppress
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urlencode

from pydantic_core import PydanticSerializationError, from_json, to_json

from dsgvo._version import __version__
from dsgvo.errors import (
    APIError,
    APIResponseError,
    APIStatusError,
    CapabilityError,
    ConfigurationError,
    RedirectError,
)
from dsgvo.transport import _pools
from dsgvo.transport._config import ClientConfig, Credentials, without_password
from dsgvo.transport._flow import Do, Flow, Read, Send, Sleep, Wait
from dsgvo.transport._pools import ConnectionFailedError, Form
from dsgvo.wire.body import describe_body
from dsgvo.wire.errors import error_from_body, mentions, redact, retry_after_seconds
from dsgvo.wire.files import Upload
from dsgvo.wire.messages import wants_reasoning
from dsgvo.wire.private import private_texts

if TYPE_CHECKING:
    import httpx

__all__ = ["Auth", "Operation", "fetch", "open_response", "request_id", "tokens"]

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

    def bearer(self, config: ClientConfig) -> Flow[str]:
        """Return the token to send."""
        ...

    def forget(self, config: ClientConfig, token: str) -> bool:
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
        reasoned_messages: The messages of ``body`` with the thoughts of earlier turns, for a server
            that refuses them without.
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
    reasoned_messages: Sequence[Mapping[str, Any]] | None = None
    offers_tools: bool = False
    image_model: str | None = None

    def with_reasoning(self) -> bool:
        """Put the thoughts of earlier turns into the body; return whether there are any."""
        if self.reasoned_messages is None:
            return False
        self.body = {**(self.body or {}), "messages": self.reasoned_messages}
        self.reasoned_messages = None
        return True

    def model_at(self, config: ClientConfig) -> tuple[str, object]:
        """Return which model of which server is asked."""
        return config.base_url, (self.body or {}).get("model")


_refused: set[tuple[str, str]] = set()
_want_reasoning: set[tuple[str, object]] = set()


def open_response(
    config: ClientConfig, operation: Operation, auth: Auth | None
) -> Flow[httpx.Response]:
    """Make a request until it succeeds or must not be made again; the body is left unread.

    Raises:
        APIError: Of the kind that fits.
    """
    failures, renewed = 0, False
    optional = {
        name: value
        for name, value in operation.optional.items()
        if (config.base_url, name) not in _refused
    }
    if operation.model_at(config) in _want_reasoning:
        operation.with_reasoning()
    if not _pools.is_ready():
        yield Do(_pools.make_ready)
    while True:
        token: str | None = yield from _token(config, auth)
        try:
            # A file is opened anew for each attempt, so that an upload can be made again.
            with (yield from _opened(operation.upload)) as document:
                request = _build(config, operation, optional, token, document)
                response: httpx.Response = yield Send(config, request)
        except ConnectionFailedError as failure:
            if not failure.retry or failures >= config.max_retries:
                raise failure.error from failure.__cause__
            error: APIError | CapabilityError = failure.error
            delay = _backoff(failures)
        else:
            if response.is_success:
                _log.debug("%s %s %d", operation.method, operation.url, response.status_code)
                return response
            body = _Body(MAX_ERROR_BYTES, keep=True)
            with suppress(ConnectionFailedError):  # what has come of the error's body is enough
                yield Read(config, response, body)
            error = _status_error(config, operation, response, body.data, token)
            if response.status_code == 401 and auth and token and not renewed:
                renewed = True
                if auth.forget(config, token):
                    continue
            amended = _amended(config, operation, optional, response.status_code, body.data)
            if amended is not None:
                optional = amended
                continue
            if response.status_code not in RETRIED or failures >= config.max_retries:
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
            config.max_retries + 1,
            delay,
        )
        yield Sleep(delay)


def _amended(
    config: ClientConfig,
    operation: Operation,
    optional: dict[str, Any],
    status: int,
    body: bytes,
) -> dict[str, Any] | None:
    """Return the optional fields to ask again with, if the body names what is refused or missing.

    The server is asked in the same way from then on.
    """
    if status not in {400, 422}:
        return None
    if refused := {name for name in optional if mentions(body, name)}:
        _refused.update((config.base_url, name) for name in refused)
        return {name: value for name, value in optional.items() if name not in refused}
    if wants_reasoning(body) and operation.with_reasoning():
        _want_reasoning.add(operation.model_at(config))
        return optional
    return None


def fetch(
    config: ClientConfig, operation: Operation, auth: Auth | None
) -> Flow[tuple[bytes, httpx.Response]]:
    """Make a request and read its whole answer."""
    response: httpx.Response = yield from open_response(config, operation, auth)
    body = _Body(MAX_ANSWER_BYTES)
    try:
        yield Read(config, response, body)
    except ConnectionFailedError as failure:
        raise failure.error from failure.__cause__
    except _TooLargeError:
        raise APIResponseError(
            f"{config.spec.title}: {operation.expects} of more than {MAX_ANSWER_BYTES} bytes",
            provider=config.spec.name,
            request_id=request_id(response),
        ) from None
    return body.data, response


def request_id(response: httpx.Response) -> str | None:
    """Return the vendor's id of a request."""
    headers = response.headers
    return headers.get("x-request-id") or headers.get("request-id")


def _token(config: ClientConfig, auth: Auth | None) -> Flow[str | None]:
    return None if auth is None else (yield from auth.bearer(config))


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
    config: ClientConfig,
    operation: Operation,
    optional: Mapping[str, Any],
    token: str | None,
    document: IO[bytes] | None,
) -> httpx.Request:
    headers = {"Accept": operation.accept, "User-Agent": USER_AGENT}
    if token is not None:
        headers.update(config.headers)
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
    return _pools.build(config, operation.method, operation.url, headers, content)


def _no_tools(config: ClientConfig, operation: Operation, error: APIStatusError) -> CapabilityError:
    spec = config.spec
    model = (operation.body or {}).get("model")
    return CapabilityError(
        f"tools: {spec.title} refused them for model {model!r}: not every model takes tools "
        f"({spec.page}); use another model. The vendor's words: {error.message}",
        provider=spec.name,
        status_code=error.status_code,
        code=error.code,
        request_id=error.request_id,
    )


def _backoff(failures: int) -> float:
    """Return a random time below a bound that doubles ("full jitter")."""
    return random.uniform(0, min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2**failures))


def _status_error(
    config: ClientConfig,
    operation: Operation,
    response: httpx.Response,
    body: bytes,
    token: str | None,
) -> APIError | CapabilityError:
    spec = config.spec
    secrets = (*config.secrets(), *((token,) if token else ()))
    if response.has_redirect_location:
        target = response.headers["location"].split("?")[0]
        target = redact(without_password(target), secrets)
        return RedirectError(
            f"{spec.title}: {response.status_code}: the server redirects to "
            f"{target!r}; redirects are not followed, since prompts are personal "
            f"data. If that is the right place, set base_url or {spec.base_url_variable}",
            provider=spec.name,
            status_code=response.status_code,
            request_id=request_id(response),
        )
    after = retry_after_seconds(response.headers.get("retry-after"), time.time())
    hint = None
    if response.status_code == 401:
        names = ("client_id", "client_secret") if config.credentials else ("api_key",)
        hint = f"check {' and '.join(names)}, or the environment variables"
    elif response.status_code == 404:
        hint = f"check base_url or {spec.base_url_variable}, and the model's name"
    error = error_from_body(
        spec,
        response.status_code,
        body,
        request_id=request_id(response),
        retry_after=after,
        secrets=(*secrets, *private_texts(operation.body)),
        hint=hint,
    )
    # The page gives no wording, so a 400 that does not name the tools is left as it is.
    refused = response.status_code == spec.refuses_tools_with and b"tool" in body.lower()
    return _no_tools(config, operation, error) if operation.offers_tools and refused else error


RENEW_BEFORE = 60.0
"""Seconds before its end at which a token is no longer used; a tenth of short lives."""

DEFAULT_LIFE = 3600.0


@dataclass(slots=True)
class _Token:
    text: str = field(repr=False)
    until: float  # of the monotonic clock


@dataclass(slots=True)
class _Fetch:
    """A fetch under way, how often it tries, and how it failed."""

    end: Wait
    max_retries: int
    error: APIError | None = None


_Key = tuple[str, str, bytes]


class _Tokens:
    """The process's tokens, by where they come from and whose they are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[_Key, _Token] = {}
        self._fetches: dict[_Key, _Fetch] = {}

    def after_fork(self) -> None:
        """Keep the tokens in a forked child, and drop fetches that only the parent makes."""
        self._lock = threading.Lock()
        self._fetches = {}

    def bearer(self, config: ClientConfig) -> Flow[str]:
        """Return the key, or a token that is fetched if need be."""
        if config.api_key is not None:
            return config.api_key.get_secret_value()
        credentials = cast("Credentials", config.credentials)
        key = _key(credentials)
        while True:
            with self._lock:
                token = self._tokens.get(key)
                if token is not None and time.monotonic() < token.until:
                    return token.text
                other = self._fetches.get(key)
                own = _Fetch(Wait(Future()), config.max_retries)
                if other is None:
                    self._fetches[key] = own
            if other is None or not (yield other.end):
                break
            # Fails for all who waited: one after another they would wait for ever, and sign in
            # with a wrong secret as often as they are. Who tries more often may still succeed.
            if other.error is not None and other.max_retries >= config.max_retries:
                raise copy(other.error)
            # Then look again: the caller may have been cancelled.
        try:
            token = yield from _fetch(config, credentials)
            with self._lock:
                self._tokens[key] = token
        except APIError as error:
            own.error = copy(error)  # before notes are added that concern one caller
            raise
        finally:
            with self._lock:
                if self._fetches.get(key) is own:
                    del self._fetches[key]
            own.end.future.set_result(None)
        return token.text

    def forget(self, config: ClientConfig, token: str) -> bool:
        """Drop a token that the vendor refused; return whether a new one can be fetched."""
        if config.credentials is None:
            return False
        key = _key(config.credentials)
        with self._lock:
            known = self._tokens.get(key)
            if known is not None and known.text == token:  # else it has been renewed already
                del self._tokens[key]
        return True


tokens = _Tokens()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=tokens.after_fork)


def _key(credentials: Credentials) -> tuple[str, str, bytes]:
    secret = sha256(credentials.client_secret.get_secret_value().encode()).digest()
    return (credentials.token_url, credentials.client_id, secret)


def _fetch(config: ClientConfig, credentials: Credentials) -> Flow[_Token]:
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret.get_secret_value(),
        "scope": credentials.scope,
    }
    started = time.monotonic()
    body, response = yield from fetch(
        config,
        Operation(
            url=credentials.token_url,
            content=urlencode(form).encode(),
            content_type="application/x-www-form-urlencoded",
            expects="a token",
        ),
        auth=None,
    )
    try:
        answer: Any = from_json(body)
        text = answer["access_token"]
        life = float(answer.get("expires_in") or DEFAULT_LIFE)
    except (ValueError, TypeError, KeyError, AttributeError):
        text, life = None, 0.0
    if not isinstance(text, str) or not text or not (text.isascii() and text.isprintable()):
        raise APIResponseError(
            f"{config.spec.title}: expected an access token from "
            f"{credentials.token_url}, got {describe_body(body)}",
            provider=config.spec.name,
            status_code=response.status_code,
            request_id=request_id(response),
        )
    return _Token(text, started + life - min(RENEW_BEFORE, life / 10))
