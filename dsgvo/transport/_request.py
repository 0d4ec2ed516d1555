"""One request to a vendor: attempts, signing in, fields that a server refuses, and its errors."""

from __future__ import annotations

import logging
import os
import random
import re
import time
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager, nullcontext, suppress
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from io import BytesIO, FileIO
from math import inf
from os import fstat
from pathlib import Path
from socket import SOCK_STREAM, getaddrinfo
from stat import S_ISREG
from threading import get_ident
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeVar, cast
from urllib.parse import unquote, urlencode, urlsplit

from pydantic import SecretStr

from dsgvo._version import __version__
from dsgvo.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    CapabilityError,
    ConfigurationError,
    DsgvoError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    RedirectError,
    StreamError,
    UnprocessableEntityError,
    rebuilt,
)
from dsgvo.transport import _pools
from dsgvo.transport._config import (
    AUTO,
    ClientConfig,
    Credentials,
    is_loopback,
    is_public,
    literal_addresses,
    without_password,
)
from dsgvo.transport._flow import (
    LOOK_SECONDS,
    AskForKey,
    DeadlockError,
    FindLoop,
    Flow,
    Gate,
    Lease,
    ReadBody,
    RunInThread,
    SendRequest,
    Sleep,
    StandstillError,
    WaitFor,
)
from dsgvo.transport._pools import (
    ConnectionFailedError,
    Form,
    Token,
    TokenKey,
    proxy_for,
    runtime,
)
from dsgvo.wire.account import (
    Ask,
    Recipe,
    explain,
    name_fact,
    only_workspace,
)
from dsgvo.wire.arguments import require_json, shown
from dsgvo.wire.body import parse_json
from dsgvo.wire.completion import Completion
from dsgvo.wire.errors import error_from_body, mask, mentions, read_object, redact, words_of
from dsgvo.wire.files import Upload
from dsgvo.wire.forms import form_asked_for, in_forms, is_forced
from dsgvo.wire.limiter import Limiter
from dsgvo.wire.masking import masked
from dsgvo.wire.names import said_request_id
from dsgvo.wire.private import private_answer, private_texts
from dsgvo.wire.retry import MAX_RETRY_AFTER, next_delay, retry_after, should_retry

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    import httpx

__all__ = [
    "AUTH",
    "Answer",
    "Auth",
    "BearerToken",
    "Operation",
    "Retries",
    "aside",
    "connection_error",
    "decoded",
    "explained",
    "fetch",
    "gate_of",
    "image_operation",
    "in_workspace",
    "mask_answer",
    "open_response",
    "read_list",
    "secrets_of",
    "settled",
    "tell_late",
]

MAX_ERROR_BYTES = 256 * 1024
ERROR_SECONDS = 5.0
"""How long the body of an error is waited for; what has come of it by then is enough."""

STALE_SECONDS = 5.0
"""Within how long it shows that a kept connection was closed. One that ends later was at work, and
another attempt counts: a gateway that ends each after a minute would have each paid for.
"""

_MOST_FORMS = 4  # other ones in which one request is tried

LATE = 0.8
"""Share of the time after which a vendor closes answers, at which one that ends is cut by that."""

PARTIAL = 206
"""The status of a part of an answer, for which no request asks."""

ASIDE_SECONDS = 10.0
"""How long a request is waited for that only serves to say better what another one decides."""

SHOW_VARIABLE = "DSGVO_SHOW_CONTENT"
"""Set it to ``1`` to see vendors' error messages unabridged while debugging."""

RENEW_BEFORE = 60.0
"""Seconds before its end at which a token is no longer used; a tenth of short lives."""

TOKEN_SECONDS = 60.0
"""Silence after which a token is waited for no longer: all who need one wait for one fetch."""

DEFAULT_LIFE = 3600.0
USER_AGENT = f"dsgvo-llm/{__version__}"

_FROM_GATEWAYS = frozenset({408, 502, 503, 504, 520, 522, 524})
_REQUEST_IDS = (
    *(b"x-request-id", b"request-id", b"x-litellm-call-id"),
    *(b"apim-request-id", b"x-kong-request-id", b"cf-ray"),  # Azure's, Kong's, Cloudflare's
)
_NO_LEASE = Lease()
"""That of all requests that no gate admits; its end gives nothing back."""

_NO_DOCUMENT = nullcontext(None)
_log = logging.getLogger("dsgvo")
_T = TypeVar("_T")


class Auth(Protocol):
    """Where the bearer token of a request comes from."""

    def bearer(self, config: ClientConfig) -> Flow[SecretStr]:
        """Return the token to send."""
        ...

    def forget(self, config: ClientConfig, token: SecretStr) -> bool:
        """Drop a token that the vendor refused; return whether another can be had."""
        ...


@dataclass(slots=True, kw_only=True)
class Operation:
    """One request, but for the key.

    Args:
        method: HTTP method.
        url: Whole address.
        body: JSON body, if any.
        content: A body that is not JSON; it takes the place of ``body``.
        accept: Media type that is hoped for.
        optional: Fields of ``body`` that no vendor documents and that make the answer better.
            A server that refuses one is asked again without it, and never with it again.
        expects: What the answer is, for messages.
        upload: A document to send beside ``body``, as a multipart form (innoGPT: "PDF per
            Multipart-Upload").
        history: The messages of ``body`` with all that a server may want of earlier turns.
        forms: The forms in which ``body`` has them; a server that wants another one is asked again
            in that.
        not_found: What may be wrong if the server has no such address, for messages.
        headers: Headers of this request alone.
        server_name: Host whose certificate is expected, where the address holds its number.
        other_urls: The same under the host's other numbers, for when the first gives no answer.
    """

    method: str = "POST"
    url: str
    body: dict[str, Any] | None = field(default=None, repr=False)
    content: SecretStr | None = None
    content_type: str = "application/json"
    accept: str = "application/json"
    optional: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expects: str = "an answer"
    upload: Upload | None = None
    history: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    forms: frozenset[str] = frozenset()
    not_found: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    server_name: str | None = None
    other_urls: Sequence[str] = ()

    @property
    def where(self) -> str:
        """The address for log lines: an image's may hold what signs it, and its prompt."""
        return "an image" if self.accept == "image/*" else self.url

    @property
    def with_thoughts(self) -> dict[str, Any]:
        """The body with all that a server may want of earlier turns."""
        return {**(self.body or {}), "messages": list(self.history)}

    def take_forms(self, forms: Collection[str]) -> None:
        """Write the body in these forms too."""
        self.forms = self.forms.union(forms)
        self.body = in_forms(self.with_thoughts, self.forms)

    def model_at(self, config: ClientConfig) -> tuple[str, object]:
        """Return which model of which server is asked."""
        return config.base_url, (self.body or {}).get("model")


@dataclass(slots=True)
class Answer:
    """An answer under a success status, its body unread."""

    config: ClientConfig
    request: httpx.Request
    response: httpx.Response
    token: SecretStr | None
    started: float
    lease: Lease = field(init=False)

    def __enter__(self) -> None:
        self.lease.__enter__()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """End the lease, unless it is kept, with all that is told of an error."""
        if isinstance(error, APIError):
            self.tell_wait(error)
        self.lease.__exit__(kind, error, trace)

    def tell_wait(self, error: DsgvoError) -> None:
        """Say in an error under success how long its head asks to wait, as of one in its status."""
        if isinstance(error, APIStatusError) and error.retry_after is None:
            error.retry_after = retry_after(self.response.headers, time.time())
            if error.retry_after:
                error.add(f"the vendor asks to wait {error.retry_after:.0f} s")

    def failure(self, error: APIError) -> Failure:
        """Return the failure of an attempt whose answer turns out to be an error."""
        said = should_retry(self.response.headers) if isinstance(error, APIStatusError) else None
        if tell_late(self.config, error, self.started):
            said = said or False
        return Failure(error, retry=said)

    @property
    def request_id(self) -> str | None:
        """The vendor's id of the request."""
        return _request_id(self.response, self.config, self.token)

    @property
    def kept_headers(self) -> dict[str, str] | None:
        """The headers that the user wants to see; what they repeat of a key is masked."""
        kept = self.config.kept_headers(self.response.headers)
        if not kept:
            return kept
        secrets = _keys(self.config, self.token)
        return {name: masked(text, secrets) for name, text in kept.items()}


@dataclass(slots=True)
class Failure:
    """An attempt that failed: the error, the body of an answer, and whether to try again."""

    error: APIError | CapabilityError
    status: int | None = None
    body: bytes = field(default=b"", repr=False)
    retry: bool | None = None
    stale: bool = False


class Retries:
    """The attempts of one call: how many failed, and the waits between them."""

    def __init__(self, config: ClientConfig, operation: Operation) -> None:
        self._max = config.max_retries
        self._operation = operation
        self._failures = 0

    def wait(self, failure: Failure) -> Flow[None]:
        """Wait until the next attempt, or raise the error if there is none."""
        delay = next_delay(
            failure.error, self._failures, self._max, retry=failure.retry, jitter=random.random()
        )
        if delay is None:
            raise failure.error from failure.error.__cause__
        self._failures += 1
        _log.info(
            "%s %s failed (%s); attempt %d of %d in %.1f s",
            self._operation.method,
            self._operation.where,
            type(failure.error).__name__,
            self._failures + 1,
            self._max + 1,
            delay,
        )
        yield Sleep(delay)


def open_response(
    config: ClientConfig,
    operation: Operation,
    auth: Auth | None,
    retries: Retries | None = None,
    gate: Gate | None = None,
    tokens: int = 0,
) -> Flow[Answer]:
    """Make a request until it succeeds or must not be made again; the body is left unread.

    Each attempt goes through the gate, if there is one; the answer's lease is still to be ended.

    Raises:
        APIError: Of the kind that fits.
    """
    retries = retries or Retries(config, operation)
    refusal: Failure | None = None  # of the forms that were learned
    renewed = anew = False
    model, plain = operation.model_at(config), (operation.body, operation.forms)
    refused: set[str] = runtime.refused_by(model) if operation.optional else set()
    known = runtime.forms.get(model) if operation.history else None
    if known:
        operation.take_forms(known)
    while True:
        lease = _NO_LEASE if gate is None else (yield from gate.admit(tokens))
        with lease:
            token: SecretStr | None = None if auth is None else (yield from auth.bearer(config))
            result = yield from _attempt(config, operation, refused, token, anew=anew)
            if isinstance(result, Failure):
                lease.end(result.error)
            else:
                result.lease = lease.keep()
        if isinstance(result, Answer):
            # Not before: an error may name a field only because it quotes the request.
            if refused:
                runtime.refused.update((model, name) for name in refused)
            runtime.learn(model, operation.forms - plain[1], anew=refusal is not None)
            _log.debug("%s %s %d", operation.method, operation.where, result.response.status_code)
            return result
        if result.stale and not anew:
            anew = True  # on each that is kept, a server that ends on this request would have it
        elif not renewed and _can_renew(config, auth, token, result):
            renewed = True
        elif refusal is not None and type(result.error) in _REFUSED:
            yield from retries.wait(refusal)  # which is not about the form
        elif _amend(config, operation, refused, result, plain[1]):
            pass
        elif known and type(result.error) in _REFUSED:
            # Another server behind the same address may want what the first one has refused.
            refusal, known = result, None
            operation.body, operation.forms = plain
        else:
            yield from retries.wait(result)


def _can_renew(
    config: ClientConfig, auth: Auth | None, token: SecretStr | None, failure: Failure
) -> bool:
    if auth is None or token is None or failure.status != 401:
        return False
    return auth.forget(config, token)


_REFUSED = frozenset({BadRequestError, UnprocessableEntityError})


def _amend(
    config: ClientConfig,
    operation: Operation,
    refused: set[str],
    failure: Failure,
    forms: frozenset[str],
) -> bool:
    """Amend a request if the error names what is refused or missing in it.

    The server is asked in the same way from then on. Where there is no answer, the host's next
    address is asked, if there is one.
    """
    if failure.status is None and operation.other_urls:
        operation.url, *operation.other_urls = operation.other_urls
        return True
    if failure.status not in {400, 422, 500}:  # llama.cpp's, of a template that fails
        return False
    # First: an error that quotes the request names fields that it does not refuse.
    if operation.history and len(operation.forms - forms) < _MOST_FORMS:
        said = words_of(failure.body)
        if form := form_asked_for(said, operation.with_thoughts, operation.forms):
            operation.take_forms((form,))
            return True
    if failure.status == 500:
        return False
    asked = operation.optional.keys() - refused
    named = {name for name in asked if mentions(failure.body, name)}
    refused |= named
    return bool(named)


def _attempt(
    config: ClientConfig,
    operation: Operation,
    refused: set[str],
    token: SecretStr | None,
    *,
    anew: bool,
) -> Flow[Answer | Failure]:
    """Make a request once, over a new connection if asked."""
    own = config.http_transport is not None or config.http_async_transport is not None
    if runtime.pools.ssl is None and not own:
        yield RunInThread(runtime.pools.make_ready)
    started = runtime.clock()
    try:
        # A file is opened anew for each attempt, so that an upload can be made again.
        upload = operation.upload
        with _NO_DOCUMENT if upload is None else (yield from _opened(upload)) as document:
            request = _build(config, operation, refused, document, signed=token is not None)
            _pools.anew.set(anew)
            _pools.ends_by.set(config.seconds and time.monotonic() + config.seconds)
            if token is not None:
                _sign(request, config, token)
            response: httpx.Response = yield SendRequest(
                request,
                config.http_transport,
                config.http_async_transport,
                config.async_backend,
            )
    except ConnectionFailedError as failed:
        error = connection_error(config, failed, operation)
        if tell_late(config, error, started):
            return Failure(error)  # the next attempt would be cut as well
        stale = failed.kind == "stale" and runtime.clock() - started < STALE_SECONDS
        return Failure(error, retry=failed.retry, stale=stale)
    finally:
        _pools.ends_by.set(None)  # a client of the user's may share his pool
    if response.is_success and response.status_code != PARTIAL:
        return Answer(config, request, response, token, started)
    seconds = min(ERROR_SECONDS, config.seconds or ERROR_SECONDS)
    body = _Body(seconds)
    _pools.hurry(request, response, seconds)
    with suppress(ConnectionFailedError):  # what has come of the error's body is enough
        yield ReadBody(request, response, body, MAX_ERROR_BYTES)
    refusal = _status_error(config, operation, response, body.data, token)
    retry = should_retry(response.headers)
    if tell_late(config, refusal, started):
        retry = retry or False
    return Failure(refusal, status=response.status_code, body=body.data, retry=retry)


def tell_late(config: ClientConfig, error: DsgvoError, started: float) -> bool:
    """Say it in an error if the vendor may have cut the answer for its length in time.

    Args:
        config: Who was asked.
        error: How the answer ended.
        started: When it was asked for, by the clock of :data:`runtime`.
    """
    limit = config.spec.closes_after
    # The vendor's own word, and our own limit, are another matter.
    told = isinstance(error, APIStatusError) and error.status_code not in _FROM_GATEWAYS
    told = told or isinstance(error, StreamError | APITimeoutError)
    if limit is None or told or runtime.clock() - started < LATE * limit:
        return False
    fact = config.spec.facts["time_limit"]
    error.add(
        f"{config.spec.title} {fact.text} ({fact.standing}, not promised): a lower "
        "reasoning_effort or max_tokens makes an answer shorter, and continue_cut_answers=… asks "
        "for the rest of one that was cut"
    )
    return True


def fetch(
    config: ClientConfig, operation: Operation, auth: Auth | None
) -> Flow[tuple[bytes, Answer]]:
    """Make a request and read its whole answer, or what has come of it when its time is over."""
    answer = yield from open_response(config, operation, auth)
    left = inf if config.seconds is None else config.seconds - runtime.clock() + answer.started
    with answer:
        return (yield from _read(config, operation, answer, _Body(left))), answer


def decoded(
    config: ClientConfig,
    operation: Operation,
    decode: Callable[[bytes, Answer], _T],
    gate: Gate | None = None,
    tokens: int = 0,
) -> Flow[tuple[_T, Answer]]:
    """Make a request and decode its answer; an error in it is tried again like one in its status.

    Raises:
        APIError: Of the kind that fits.
    """
    retries = Retries(config, operation)
    while True:
        answer = yield from open_response(config, operation, AUTH, retries, gate, tokens)
        try:
            with answer:
                body = yield from _read(config, operation, answer, _Body())
                return decode(body, answer), answer
        except APIError as error:
            mask_answer(error, config, operation, answer)
            yield from retries.wait(answer.failure(error))


def _read(config: ClientConfig, operation: Operation, answer: Answer, body: _Body) -> Flow[bytes]:
    try:
        yield ReadBody(answer.request, answer.response, body, config.max_response_bytes)
    except ConnectionFailedError as failed:
        error = connection_error(config, failed, operation)
        error.request_id = answer.request_id
        raise error from error.__cause__
    return body.data


def gate_of(config: ClientConfig) -> Gate | None:
    """Return what the requests of a client go through: its own gate, or that of its key."""
    if config.rate_limit != "adaptive":
        return config.rate_limit
    key: object = config.api_key  # a function, or
    if isinstance(key, SecretStr):
        key = sha256(key.get_secret_value().encode()).digest()
    elif config.credentials is not None:
        key = _key(config.credentials)
    elif not isinstance(key, Hashable):
        key = config.account
    with runtime.lock:
        gate = runtime.gates.get((config.base_url, key))
        if gate is None:
            # Beyond that the error is raised at once, and the next call is not to wait for hours.
            gate = Gate(Limiter(max_hold=MAX_RETRY_AFTER))
            runtime.keep(runtime.gates, (config.base_url, key), gate)
        return gate


def _request_id(
    response: httpx.Response, config: ClientConfig, token: SecretStr | None
) -> str | None:
    """Return the vendor's id of a request, or a gateway's, without what it repeats of a key."""
    named = {name.lower(): value for name, value in response.headers.raw}
    texts = (named.get(name, b"").decode(errors="replace") for name in _REQUEST_IDS)
    found = (said_request_id(_without_keys(text, config, token)) for text in texts if text)
    return next(filter(None, found), None)


def _without_keys(text: str, config: ClientConfig, token: SecretStr | None) -> str:
    for secret in _keys(config, token):
        text = text.replace(secret, "***")
    return text


class _Body:
    """Collects a body; after so many seconds it is done with what has come."""

    __slots__ = ("_data", "_end")

    def __init__(self, seconds: float = inf) -> None:
        self._data = BytesIO()  # a list of small pieces would take twenty times their size
        self._end = time.monotonic() + seconds

    def feed(self, data: bytes) -> None:
        self._data.write(data)

    @property
    def done(self) -> bool:
        return time.monotonic() > self._end

    @property
    def data(self) -> bytes:
        return self._data.getvalue()


class _Document(FileIO):
    """A file that is as long when it is read as the head of its form says, or an error."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), opener=_opener)
        found = fstat(self.fileno())
        if not S_ISREG(found.st_mode) or not found.st_size:
            self.close()
            raise self._wrong("is empty or no file any more")
        self._left = found.st_size

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            data = super().read(size)
        except OSError as error:
            raise self._wrong(f"is unreadable: {error}") from None
        self._left -= len(data)
        if self._left < 0 or (not data and self._left):
            raise self._wrong("has changed while it was sent")
        return data

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"file: {str(self.name)!r} {what}")


_WITHOUT_WAITING: int = getattr(os, "O_NONBLOCK", 0)


def _opener(path: str, flags: int) -> int:
    # A pipe that has taken the file's place would be waited for.
    return os.open(path, flags | _WITHOUT_WAITING)


def _opened(upload: Upload) -> Flow[AbstractContextManager[IO[bytes]]]:
    if upload.path is None:
        return BytesIO(upload.data or b"")
    try:
        return (yield RunInThread(partial(_Document, upload.path)))
    except OSError as error:
        raise ConfigurationError(f"file: {str(upload.path)!r} is unreadable: {error}") from None


def _build(
    config: ClientConfig,
    operation: Operation,
    refused: set[str],
    document: Any,
    *,
    signed: bool,
) -> httpx.Request:
    headers = {"Accept": operation.accept, "User-Agent": USER_AGENT, **operation.headers}
    content: bytes | Form | SecretStr | None = operation.content
    if (upload := operation.upload) is not None:
        name = upload.name.encode(errors="replace").decode()  # the disk's may be no UTF-8
        files = {"file": (name, document, upload.mime_type)}
        content = Form({"payload": _json(operation, refused).decode()}, files)
    elif operation.body is not None:
        content = _json(operation, refused)
    if content is not None and not isinstance(content, Form):
        headers["Content-Type"] = operation.content_type
    request = _pools.build(
        operation.method,
        operation.url,
        headers,
        content,
        timeout=config.timeout,
        connect_timeout=config.connect_timeout,
        query=config.query if signed else {},
    )
    if operation.server_name is not None:
        request.extensions["sni_hostname"] = operation.server_name
    return request


def _json(operation: Operation, refused: set[str]) -> bytes:
    added = {name: value for name, value in operation.optional.items() if name not in refused}
    body = {**(operation.body or {}), **added}
    return require_json(body)


def _sign(request: httpx.Request, config: ClientConfig, token: SecretStr) -> None:
    """Add what is secret. Nothing fails here, so no traceback shows this frame."""
    if config.headers:
        request.headers.update(config.headers)
    request.headers["Authorization"] = f"Bearer {token.get_secret_value()}"


# -- errors -------------------------------------------------------------------------------------


def secrets_of(
    config: ClientConfig,
    operation: Operation,
    token: SecretStr | None = None,
    said: Completion | None = None,
) -> tuple[str, ...]:
    """Return what an error's message must not show; looked for only when one is written."""
    keys = _keys(config, token)
    if os.environ.get(SHOW_VARIABLE) == "1":
        return keys
    named = () if operation.upload is None else (operation.upload.name,)
    answered = private_answer(said) if said else ()
    return (*keys, *named, *private_texts(operation.body), *answered)


def _keys(config: ClientConfig, token: SecretStr | None) -> tuple[str, ...]:
    own = (token.get_secret_value(),) if token and token.get_secret_value() else ()
    return (*config.secrets(), *own)


def mask_answer(
    error: APIError, config: ClientConfig, operation: Operation, answer: Answer
) -> None:
    """Mask what an error that an answer is found to be quotes of it, and add the request's id."""
    error.request_id = error.request_id or answer.request_id
    mask(error, secrets_of(config, operation, answer.token))


def connection_error(
    config: ClientConfig, failed: ConnectionFailedError, operation: Operation
) -> APIConnectionError | APIResponseError:
    """Say what went wrong with a connection, and what to do about it."""
    spec = config.spec
    host = operation.server_name or urlsplit(operation.url).netloc  # an image's is the vendor's say
    own = host == urlsplit(config.base_url).netloc
    where = f"; check base_url or {spec.base_url_variable}" if own else ""
    reason = redact(failed.reason)
    if (proxy := _proxy_of(config, operation)) is not None:
        host, where = f"{host} through the proxy {proxy}", "; check HTTPS_PROXY and NO_PROXY"
    kind = APIConnectionError
    match failed.kind:
        case "head":
            kind, message = APIResponseError, f"a head of {reason}"
        case "size":
            kind = APIResponseError
            message = f"{operation.expects} of {reason}; max_response_bytes= sets the bound"
        case "unreachable in time":
            kind, message = APITimeoutError, f"{host} could not be reached in time{where}"
        case "silent":
            kind = APITimeoutError
            message = (
                f"no answer within timeout={config.timeout!r} seconds; timeout= says how long "
                "silence may last"
            )
        case "untrusted":
            message = (
                f"cannot reach {host} ({reason}): if its certificate is your company's own, "
                "set SSL_CERT_FILE to the authority's, or pass "
                "http_transport=httpx.HTTPTransport(verify=…)"
            )
        case "unreachable":
            message = f"cannot reach {host} ({reason}){where}"
        case "proxy":
            wants = ", it wants a user name and a password" if reason.startswith("407") else ""
            where = "; check HTTPS_PROXY and NO_PROXY"
            message = f"cannot reach {host}: the proxy answered {reason}{wants}{where}"
        case "broken" | "stale":
            message = f"the connection to {host} broke ({reason})"
    error = kind(f"{spec.title}: {message}", provider=spec.name)
    error.__cause__ = failed.__cause__
    return error


def _proxy_of(config: ClientConfig, operation: Operation) -> str | None:
    """Return the environment's proxy for a request, as it may be shown."""
    if config.http_transport or config.http_async_transport:
        return None
    url = _pools.parsed(operation.url)
    proxy = proxy_for(url.scheme, url.host)
    return proxy and urlsplit(proxy).netloc.rpartition("@")[2]


def _no_tools(config: ClientConfig, operation: Operation, error: APIStatusError) -> CapabilityError:
    spec = config.spec
    model = (operation.body or {}).get("model")
    return CapabilityError(
        f"tools: {spec.title} refused them for model {shown(model)}: not every model takes tools "
        f"({spec.page}); use another model. The vendor's words: {error.message}",
        provider=spec.name,
        status_code=error.status_code,
        code=error.code,
        request_id=error.request_id,
    )


_DENIED = frozenset({400, 401, 403, 404})  # by RFC 6749, Auth0 and others, of a sign-in


def _status_error(
    config: ClientConfig,
    operation: Operation,
    response: httpx.Response,
    body: bytes,
    token: SecretStr | None,
) -> APIError | CapabilityError:
    spec = config.spec
    image = operation.accept == "image/*"  # its server is no vendor's, and gets no key
    if response.has_redirect_location:
        own = f". If that is the right place, set base_url or {spec.base_url_variable}"
        target = unquote(without_password(response.headers["location"]))
        return RedirectError(
            f"{spec.title}: {response.status_code}: the server redirects to "
            f"{redact(target, secrets_of(config, operation, token))!r}; redirects are not "
            f"followed, since prompts are personal data{'' if image else own}",
            provider=spec.name,
            status_code=response.status_code,
            request_id=_request_id(response, config, token),
        )
    if response.status_code == PARTIAL:  # whose body may be of an answer, and is not quoted
        return APIResponseError(
            f"{spec.title}: expected {operation.expects}, got only a part (206)",
            provider=spec.name,
            status_code=PARTIAL,
            request_id=_request_id(response, config, token),
        )
    hint, denied = None, False
    secret = "client_id and client_secret" if config.credentials else "api_key"
    check = f"check {secret}, or the environment variables"
    if image:
        spec, hint = replace(spec, status_hints={}), "says the server of the image's address"
    elif operation.content is not None:
        spec, hint = replace(spec, status_hints={}), f"says the sign-in at {operation.url}"
        if denied := response.status_code in _DENIED:
            hint += f": {check}"
    elif response.status_code == 401:
        hint = check
    elif response.status_code == 404:
        hint = f"check base_url or {spec.base_url_variable}, and the model's name"
        if (other := config.other_base_url()) and operation.method == "POST":
            hint += f"; {spec.title} is seen to answer under {other} too"
        hint = "; ".join(filter(None, (operation.not_found, hint)))
    elif b"tool_choice" in body and is_forced(operation.body or {}):
        hint = (
            "structured output does without a forced tool by with_structured_output(…, method="
            "'json_mode'), in LlamaIndex by structured_output='json_mode'; 'json_schema' where the "
            "vendor has it"
        )
    error = error_from_body(
        spec,
        response.status_code,
        body,
        request_id=_request_id(response, config, token),
        retry_after=retry_after(response.headers, time.time()),
        secrets=secrets_of(config, operation, token),
        hint=hint,
    )
    if denied:
        return rebuilt(AuthenticationError, error.args, vars(error))
    # The page gives no wording, so a 400 that does not name the tools is left as it is.
    refused = response.status_code == spec.refuses_tools_with and b"tool" in body.lower()
    offered = "tools" in (operation.body or {})
    return _no_tools(config, operation, error) if offered and refused else error


# -- signing in ---------------------------------------------------------------------------------


class BearerToken:
    """The bearer token of a request: the key itself, or one fetched with client credentials.

    Tokens are shared by all model objects of the process, fetched once however many threads and
    tasks ask, and renewed before they expire. The token endpoint follows neuroflash's public page.
    """

    def bearer(self, config: ClientConfig) -> Flow[SecretStr]:
        """Return the key, or a token that is fetched if need be.

        One of those who ask at the same time fetches it, and its result is that of all. So is its
        error: one after another they would wait for ever, and sign in with a wrong secret as often
        as they are.
        """
        if isinstance(config.api_key, SecretStr):
            return config.api_key
        if config.api_key is not None:
            return (yield AskForKey(config.api_key))
        credentials = cast("Credentials", config.credentials)
        key = _key(credentials)
        if (token := _kept(key)) is not None:
            return token
        mine = _Flight((yield FindLoop()), config)
        while True:
            with runtime.lock:
                if (token := _kept(key)) is not None:
                    return token
                flight: _Flight = runtime.flights.setdefault(key, mine)
            if flight is mine:
                return (yield from _fly(mine, key, config, credentials))
            left = min(LOOK_SECONDS, mine.until - time.monotonic())
            try:
                return (yield WaitFor(flight.token, flight.is_here, max(left, 0.0))).secret
            except CancelledError:
                continue  # whoever fetched it was cancelled
            except StandstillError:  # that one needs this thread
                _end_flight(key, flight)
            except DeadlockError:
                _look(key, flight, mine)
            except APIError as error:
                if mine.seconds <= flight.seconds:  # who tries for longer may still succeed
                    raise copy(error) from None

    def forget(self, config: ClientConfig, token: SecretStr) -> bool:
        """Drop a token that the vendor refused; return whether a new one can be fetched."""
        if config.credentials is None:
            return False
        key = _key(config.credentials)
        with runtime.lock:
            known = runtime.tokens.get(key)
            if known is not None and known.secret == token:  # else it has been renewed already
                del runtime.tokens[key]
        return True


class _Flight:
    """The fetch of a token that all who need it wait for.

    Args:
        loop: Whose task fetches it; ``None``: this thread.
        config: Of who fetches it, or would. ``seconds`` are more than a fetch with these settings
            takes; whoever waits gives up after so many.
    """

    def __init__(self, loop: AbstractEventLoop | None, config: ClientConfig) -> None:
        self.token, self.lease, self.thread = Future[Token](), Lease(loop), get_ident()
        self.lease.task = None  # whose frames may hold the secret
        self.spec = config.spec
        phases = 3 * min(TOKEN_SECONDS, config.timeout or TOKEN_SECONDS)  # of an attempt
        self.seconds = phases + config.max_retries * (phases + MAX_RETRY_AFTER)
        self.until = time.monotonic() + self.seconds

    def is_here(self) -> bool:
        """Whether it is this thread's, and goes on when nobody waits here."""
        return self.thread == get_ident()


def _look(key: TokenKey, flight: _Flight, mine: _Flight) -> None:
    """Look whether who fetches a token is gone: one of those who wait does it then, for all.

    Raises:
        APITimeoutError: If it has been waited for too long.
    """
    late = time.monotonic() >= mine.until
    if late or flight.lease.gone:
        _end_flight(key, flight)
    if late:
        raise APITimeoutError(
            f"{mine.spec.title}: the access token that another call asks for has not come in time",
            provider=mine.spec.name,
        )
    flight.lease.ask()


def _fly(
    flight: _Flight, key: TokenKey, config: ClientConfig, credentials: Credentials
) -> Flow[SecretStr]:
    """Fetch a token for all who wait for it."""
    try:
        token = yield from _fetch_token(config, credentials)
        runtime.keep(runtime.tokens, key, token)
        flight.token.set_result(token)
    except APIError as error:
        flight.token.set_exception(copy(error))  # before notes are added that concern one caller
        raise
    else:
        return token.secret
    finally:
        _end_flight(key, flight)
        if flight.token.cancel():  # it was not done
            flight.token.set_running_or_notify_cancel()  # else threads would wait on


def _end_flight(key: TokenKey, flight: _Flight) -> None:
    with runtime.lock:
        if runtime.flights.get(key) is flight:
            del runtime.flights[key]


def _key(credentials: Credentials) -> TokenKey:
    secret = sha256(credentials.client_secret.get_secret_value().encode()).digest()
    return (credentials.token_url, credentials.client_id, secret)


def _signed_in(config: ClientConfig) -> bool:
    return config.credentials is None or _kept(_key(config.credentials)) is not None


def _kept(key: TokenKey) -> SecretStr | None:
    token = runtime.tokens.get(key)
    return None if token is None or time.monotonic() >= token.until else token.secret


def _fetch_token(config: ClientConfig, credentials: Credentials) -> Flow[Token]:
    started = time.monotonic()
    operation = Operation(
        url=credentials.token_url,
        content=_form(credentials),
        content_type="application/x-www-form-urlencoded",
        expects="a token",
    )
    seconds = min(TOKEN_SECONDS, config.timeout or TOKEN_SECONDS)
    body, answer = yield from fetch(replace(config, timeout=seconds), operation, auth=None)
    found = _token(body, started) or _no_token(config, operation, answer, body)
    del body  # a traceback shows what is held here
    if isinstance(found, APIError):
        raise found
    return found


def _no_token(config: ClientConfig, operation: Operation, answer: Answer, body: bytes) -> APIError:
    """Return the error of an answer without a token: the server's words, if it is an error."""

    def fail(what: str) -> APIResponseError:
        what = what.removeprefix("expected JSON, got ")
        what = what.replace("expected a JSON object", "JSON that is no object")
        return APIResponseError(
            f"{config.spec.title}: expected an access token from {operation.url}, got {what}",
            provider=config.spec.name,
            status_code=answer.response.status_code,
        )

    try:
        read_object(config.spec, body, fail)
        raise fail("an answer without one")
    except APIError as error:
        answer.tell_wait(error)
        mask_answer(error, config, operation, answer)
        return error.with_traceback(None)


def _form(credentials: Credentials) -> SecretStr:
    return SecretStr(
        urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret.get_secret_value(),
                "scope": credentials.scope,
            }
        )
    )


def _token(body: bytes, started: float) -> Token | None:
    try:
        answer: Any = parse_json(body)
        text = answer["access_token"]
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(text, str) or not re.fullmatch("[!-~]+", text):  # no header carries others
        return None
    try:
        life = float(answer.get("expires_in") or DEFAULT_LIFE)
    except (ValueError, TypeError, OverflowError):  # "4h": no token is lost for it
        life = DEFAULT_LIFE
    if not life > 0:  # nor is a NaN: each request would sign in
        life = DEFAULT_LIFE
    return Token(SecretStr(text), started + life - min(RENEW_BEFORE, life / 10))


# -- images at an address -----------------------------------------------------------------------

MAX_IMAGE_BYTES = 64 * 1024 * 1024

MAX_ADDRESSES = 4
"""Numbers of one host that are tried."""


def image_operation(
    config: ClientConfig, url: str, allow: Callable[[str], bool] | None
) -> Operation:
    """Return the request for a generated image, if its address may be fetched.

    An answer may name any address, so only https to public ones is followed, and the one that was
    looked at is the one that is asked. The look-up of the name may hold up a thread.

    Raises:
        APIResponseError: If it may not be fetched.
        APIConnectionError: If the name has no address.
    """
    operation = Operation(method="GET", url=url, accept="image/*", expects="an image")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        parts.netloc.encode("ascii")  # as the header that names it
        _pools.parsed(url)
    except (ValueError, ConfigurationError):
        raise _refused_image(config, url, "is not valid") from None
    web = parts.scheme in {"http", "https"} and bool(host)
    if allow is not None:
        if web and allow(url):
            return operation
        raise _refused_image(config, url, "is refused by allow_image_url")
    if web and is_loopback(host) and is_loopback(urlsplit(config.base_url).hostname or ""):
        return operation
    if parts.scheme != "https" or not host or "@" in parts.netloc:
        raise _refused_image(config, url, "is not https")
    numbers = _public_addresses(config, url, host, port)
    if not numbers:
        return operation
    hosts = [f"[{number}]" if ":" in number else number for number in numbers[:MAX_ADDRESSES]]
    pinned, *others = [parts._replace(netloc=f"{one}:{port}").geturl() for one in hosts]
    # Closed at once: the next name at the same number must show a certificate of its own.
    headers = {"Host": parts.netloc, "Connection": "close"}
    return replace(operation, url=pinned, headers=headers, server_name=host, other_urls=others)


def _public_addresses(config: ClientConfig, url: str, host: str, port: int) -> list[str]:
    """Return the addresses of a host, all of which are public.

    There are none where a proxy or a user's transport looks up the name, which may know more names.
    """
    if is_loopback(host) or not all(map(is_public, literal_addresses(host))):
        raise _refused_image(config, url, "is not public")
    own = config.http_transport or config.http_async_transport
    if not own and proxy_for("https", host):
        return []
    try:
        found = [str(entry[4][0]) for entry in getaddrinfo(host, port, type=SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        if own:
            return []
        raise APIConnectionError(
            f"{config.spec.title}: the image's address {_without_query(url)!r} has no server "
            f"({error})",
            provider=config.spec.name,
        ) from None
    if not found or not all(map(is_public, found)):
        raise _refused_image(config, url, "is not public")
    return [] if own else list(dict.fromkeys(found))


def _refused_image(config: ClientConfig, url: str, why: str) -> APIResponseError:
    return APIResponseError(
        f"{config.spec.title}: the image's address {_without_query(url)!r} {why}: it is not "
        "fetched; allow_image_url= can decide otherwise",
        provider=config.spec.name,
        status_code=200,
    )


def _without_query(url: str) -> str:
    """Return an address as it may be shown: what signs it and asks for it is left out."""
    return unquote(url.partition("?")[0][:200])


AUTH = BearerToken()


# -- lists ---------------------------------------------------------------------------------------


class _TokenAsItIs(BearerToken):
    """The bearer token, not fetched anew and sent again if it is refused."""

    def forget(self, config: ClientConfig, token: SecretStr) -> bool:
        return False


def read_list(config: ClientConfig, recipe: Recipe[_T]) -> Flow[_T]:
    """Make the requests of a recipe; an error names the fact that it shows to be wrong.

    A recipe is told of an error of a request, and may go on with another one.

    Args:
        config: Whom to ask, and with which workspace.
        recipe: What to ask for.
    """
    return (yield from _followed(config, recipe, AUTH))[0]


def _followed(
    config: ClientConfig, recipe: Recipe[_T], auth: Auth
) -> Flow[tuple[_T, SecretStr | None]]:
    """Return what a recipe has found, and the token of the last answer."""
    ask: Ask | None = None
    answer: Answer | None = None
    token: SecretStr | None = None
    until = runtime.clock() + (config.seconds or inf)
    step: Callable[[], Ask] = partial(next, recipe)
    try:
        while True:
            ask = step()
            operation = Operation(method="GET", url=config.url(ask.url), expects=ask.expects)
            asked = replace(config, query={**config.query, **ask.query})
            try:
                body, answer = yield from fetch(_within(asked, until), operation, auth)
            except APIError as error:
                step, answer = partial(recipe.throw, error), None
            else:
                step, token = partial(recipe.send, body), answer.token
    except StopIteration as end:
        return end.value, token
    except (APIError, ConfigurationError) as error:
        if answer is not None:
            answer.tell_wait(error)
            error.request_id = error.request_id or answer.request_id
            mask(error, _keys(config, answer.token))
        if ask is not None and isinstance(error, APIError):
            name_fact(config.spec, error, ask.fact)
        raise


def aside(config: ClientConfig, seconds: float = inf) -> ClientConfig:
    """Return the configuration of requests that must not hold up the one that they serve."""
    timeout = min(ASIDE_SECONDS, seconds, config.timeout or inf)
    connect = min(timeout, config.connect_timeout or timeout)
    return replace(config, timeout=timeout, connect_timeout=connect, max_retries=0, seconds=timeout)


def _within(config: ClientConfig, until: float) -> ClientConfig:
    if until == inf:
        return config
    if (left := until - runtime.clock()) <= 0:
        raise APITimeoutError("there is no time left to ask for more")
    return aside(config, left)


def settled(config: ClientConfig) -> ClientConfig:
    """Return the configuration with the account's only workspace, once that is known."""
    if AUTO not in config.arguments.values():  # nearly all: no key is digested for them
        return config
    chosen = runtime.workspaces.get(config.account)
    return config if chosen is None else _in(config, chosen)


def _in(config: ClientConfig, workspace: str) -> ClientConfig:
    for wanted in config.spec.header_arguments:
        if config.arguments.get(wanted.argument) == AUTO:
            return replace(
                config,
                arguments={**config.arguments, wanted.argument: workspace},
                headers={wanted.header: workspace, **config.headers},
            )
    return config


def in_workspace(config: ClientConfig) -> Flow[ClientConfig]:
    """Return the configuration of requests that name a workspace: the account's only, if "auto".

    Raises:
        ConfigurationError: If none is named, or the account has several.
    """
    config.require_arguments()
    argument = next((name for name, given in config.arguments.items() if given == AUTO), None)
    if argument is None:
        return config
    account = config.account
    if not isinstance(config.api_key, SecretStr | None):  # a function may give each tenant's key
        account = replace(config, api_key=(yield AskForKey(config.api_key))).account
    chosen = runtime.workspaces.get(account)
    if chosen is None:
        chosen = yield from read_list(config, only_workspace(config.spec, argument))
        for one in {account, config.account}:
            runtime.keep(runtime.workspaces, one, chosen)
    return _in(config, chosen)


def explained(config: ClientConfig, operation: Operation, flow: Flow[_T]) -> Flow[_T]:
    """Add to a refusal what the vendor's lists say of model and quota.

    Lists are asked for after the error, by short requests that are never made again: one, or of a
    403 that neither explains two. If they fail, the error stays as it is.
    """
    try:
        return (yield from flow)
    except (PermissionDeniedError, NotFoundError, RateLimitError) as error:
        spent = set[str]()
        if not _signed_in(config):
            raise  # the sign-in is refused, and the lists would ask for it again
        with suppress(Exception):
            _, kept = runtime.model_list(config.account)
            now = datetime.now(UTC)
            model = (operation.body or {}).get("model")
            recipe = explain(config.spec, error, model, kept or (), config.arguments, now)
            (said, used_up), token = yield from _followed(aside(config), recipe, _TokenAsItIs())
            if said:  # by a server, which may repeat there what it was sent
                error.add(redact(said, secrets_of(config, operation, token)))
            spent = used_up & {"images" if "prompt" in (operation.body or {}) else "tokens"}
        if not spent:
            raise
        raise rebuilt(QuotaExceededError, error.args, vars(error)) from None
