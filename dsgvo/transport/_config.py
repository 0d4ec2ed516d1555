"""Client configuration: arguments and environment, checked and put together."""

from __future__ import annotations

import os
import pickle
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from functools import lru_cache, partial
from hashlib import sha256
from inspect import isawaitable, signature
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, TypedDict, cast
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from dsgvo.errors import CapabilityError, ConfigurationError, environment_error
from dsgvo.providers import OAuth, Provider, get_provider
from dsgvo.wire import request
from dsgvo.wire.arguments import (
    as_number,
    equal,
    is_given,
    is_list,
    require_json,
    shown,
)
from dsgvo.wire.residency import (
    RESIDENCY_VARIABLE,
    Residency,
    check_models,
    resolve_residency,
)

if TYPE_CHECKING:
    import httpx
    from typing_extensions import TypeIs

    from dsgvo.transport._flow import Gate

__all__ = [
    "AUTO",
    "DEFAULT_MAX_RESPONSE_BYTES",
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "HTTP_CLIENTS",
    "Backend",
    "ClientConfig",
    "ClientTransport",
    "Credentials",
    "KeyFunction",
    "Options",
    "Query",
    "RequestOptions",
    "as_given",
    "as_key",
    "as_secret",
    "given_or_set",
    "is_loopback",
    "is_public",
    "key_of",
    "literal_addresses",
    "require_model",
    "resolve",
    "without_http_clients",
    "without_password",
]

DEFAULT_TIMEOUT = 600.0
"""Seconds of silence; reasoning models think for minutes before the first byte."""

DEFAULT_MAX_RETRIES = 2

AUTO = "auto"
"""A ``workspace_id`` that stands for the account's only one."""

DEFAULT_MAX_RESPONSE_BYTES = 512 * 1024 * 1024
"""Bytes of an answer, decompressed."""

BACKEND_VARIABLE = "DSGVO_ASYNC_BACKEND"
"""``httpcore`` or ``aiohttp``: what carries calls with ``await``."""

Backend: TypeAlias = Literal["httpcore", "aiohttp"]

_OWN_HEADERS = frozenset(
    {
        *("authorization", "content-length", "content-type", "host", "accept"),
        # aiohttp would send a body that is not chunked, and wait for a ``100 Continue`` for ever.
        *("transfer-encoding", "expect"),
    }
)
_SECRET_HEADERS = frozenset(
    {"set-cookie", "authorization", "proxy-authorization", "www-authenticate"}
)
_NAT64 = IPv6Network("64:ff9b::/96")  # addresses of IPv4, by a gateway (RFC 6052)
# Those of a gateway of one's own (RFC 8215), IPv4 in forms that are out of use (RFC 4291, 2765),
# and networks of one's own as they once were (RFC 3879).
_OWN_NETWORKS = tuple(
    map(
        ip_network,
        (
            *("64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96", "fec0::/10"),
            # Python 3.11 takes these for public, in part
            *("5f00::/16", "3fff::/20", "192.88.99.0/24", "192.0.0.0/24"),
        ),
    )
)
_SHORTEST_SECRET = 8
_LONGEST_TIMEOUT = (2**31 - 1) // 1000  # sockets count milliseconds in 32 bits
_QUERY = re.compile(r"([?#]).+", re.DOTALL)
_LOGIN = re.compile(r"\A(\w+://)?.*@", re.DOTALL)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An OAuth2 client's id and secret, and where its tokens come from."""

    token_url: str
    scope: str
    client_id: str
    client_secret: SecretStr


class _Unset(Enum):
    UNSET = "as the client says"


_UNSET: Final = _Unset.UNSET


class _Timeouts(Protocol):
    """An ``httpx.Timeout``, as far as it is used."""

    connect: float | None
    read: float | None


Query: TypeAlias = Mapping[str, str | int | float | bool]

KeyFunction: TypeAlias = Callable[[], str | SecretStr | Awaitable[str | SecretStr]]
"""Gives the key when it is needed, out of a vault for instance."""

Timeout: TypeAlias = float | tuple[float | None, float | None] | _Timeouts | None
"""Seconds of silence, or those for the connection and for reading; ``None``: no limit."""


class Options(TypedDict, total=False):
    """Keyword arguments of every call; see :class:`RequestOptions`."""

    timeout: Timeout
    max_retries: int
    extra_headers: Mapping[str, str] | None
    extra_query: Query | None
    extra_body: Mapping[str, Any] | None
    purpose: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """What configures one request and is never part of its body, but for ``extra_body``.

    Args:
        timeout: Seconds of silence after which this request fails, above 0; ``None``: never. Or
            ``(connect, read)``, or an ``httpx.Timeout``. By default as the client says.
        max_retries: How often this request is made again, 0 or more.
        extra_headers: Further headers of this request; they win over the client's. What is secret
            belongs in ``default_headers``: frameworks show a call's arguments to their tracers.
        extra_query: Parameters that are added to the address of this request.
        extra_body: Fields that are put into the body unchecked.
        purpose: What this request is for, in the audit trail alone (:mod:`dsgvo.audit`).

    Examples:
        >>> options, body = RequestOptions.split({"timeout": 5, "temperature": 0.5})
        >>> options.timeout, body
        (5, {'temperature': 0.5})
    """

    timeout: Timeout | Literal[_Unset.UNSET] = _UNSET
    max_retries: int | None = None
    extra_headers: Mapping[str, str] | None = field(default=None, repr=False)
    extra_query: Query | None = field(default=None, repr=False)
    extra_body: Mapping[str, Any] | None = field(default=None, repr=False)
    purpose: str | None = None

    @staticmethod
    def check(arguments: Mapping[str, Any], further: Collection[str] = ()) -> None:
        """Refuse an argument of a call that belongs to the constructor.

        Args:
            arguments: Those of the call.
            further: Names of a class's own that do, too.

        Raises:
            ConfigurationError: With the first of them.
        """
        refused = [name for name in arguments if name in _OF_THE_CONSTRUCTOR or name in further]
        if refused:
            raise ConfigurationError(
                f"{min(refused)} cannot be set for one call: pass it to the constructor, and make "
                "one object for each"
            )

    @staticmethod
    def given(arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of a call's arguments that configure its requests.

        Raises:
            ConfigurationError: If an argument belongs to the constructor.
        """
        RequestOptions.check(arguments)
        return {name: arguments[name] for name in _OPTIONS.intersection(arguments)}

    @classmethod
    def split(cls, arguments: Mapping[str, Any]) -> tuple[RequestOptions, dict[str, Any]]:
        """Part what configures a request from the other arguments of a call.

        Raises:
            ConfigurationError: If an argument belongs to the constructor.
        """
        found = _no_fields(arguments)
        if not found:  # nearly all calls
            return NO_OPTIONS, dict(arguments)
        cls.check(arguments)
        if named := [name for name in found if name not in _OPTIONS]:
            instead = ": pass extra_headers=…" if "headers" in named else ""
            raise ConfigurationError(f"{min(named)} is no parameter of a request{instead}")
        given = {name: arguments[name] for name in _OPTIONS if name in arguments}
        others = {name: value for name, value in arguments.items() if name not in given}
        return cls(**given), others

    def apply(self, config: ClientConfig) -> ClientConfig:
        """Return the configuration of one request.

        Raises:
            ConfigurationError: If an option is wrong.
        """
        if self is NO_OPTIONS:
            return config
        changes: dict[str, Any] = {}
        if self.timeout is not _UNSET:
            changes["connect_timeout"], changes["timeout"] = _timeouts(self.timeout)
        if self.max_retries is not None:
            changes["max_retries"] = _max_retries(self.max_retries)
        if self.extra_headers is not None:
            added, given = _headers("extra_headers", self.extra_headers, config.spec)
            added |= _spec_headers(config.spec, given)
            names = {name.lower() for name in added}
            kept = {k: value for k, value in config.headers.items() if k.lower() not in names}
            changes["headers"] = kept | added
            changes["arguments"] = {**config.arguments, **given}
        if self.extra_query is not None:
            query = {**config.query, **_query("extra_query", self.extra_query)}
            check_models(config.spec, query, config.residency, config.trusted_models)
            changes["query"] = query
        if self.purpose is not None:
            changes["purpose"] = _purpose(self.purpose)
        if self.extra_body is not None:
            _check_body(self.extra_body)
        return replace(config, **changes) if changes else config


NO_OPTIONS = RequestOptions()
_OPTIONS = frozenset(option.name for option in fields(RequestOptions))
_OF_THE_CONSTRUCTOR = frozenset(
    {
        *("api_key", "base_url", "api_base", "default_headers", "client_id", "client_secret"),
        *("http_transport", "http_async_transport", "max_response_bytes", "trusted_models"),
        *("rate_limit", "residency", "workspace_id", "strict", "streaming", "default_query"),
        *("include_response_headers", "http_client", "http_async_client", "async_http_client"),
        *("model_kwargs", "additional_kwargs"),
    }
)
# What peers call arguments that configure: no API has such a field. A gateway may have others, such
# as LiteLLM's `cache` and `api_version`.
_NO_FIELDS = frozenset(
    {
        *("headers", "openai_api_key", "openai_api_base", "openai_api_type", "openai_api_version"),
        *("openai_organization", "organization", "openai_proxy", "request_timeout"),
        *("rate_limiter", "reuse_client", "retries", "cookies", "proxy", "proxies", "verify"),
        *("verify_ssl", "ssl_context", "auth", "config", "configurable", "callbacks", "run_id"),
        *("run_name", "recursion_limit"),
    }
)
_OF_SECRETS = re.compile(
    r"(?i)(.*[-_])?(api|auth|access|private|secret|subscription)[-_]?(key|token)"
    r"|(.*[-_])?((ad|bearer|id|refresh|security|session)[-_]?token|authorization)|token|bearer"
    r"|.*(secret|credentials?|passw(or)?d|passphrase)|service_account.*"
)
_OF_A_CALL = frozenset({"stream_usage", "send_reasoning", "continue_cut_answers"})
_NOT_BODY = _OPTIONS | _OF_THE_CONSTRUCTOR | _NO_FIELDS


def _no_fields(given: Mapping[str, Any]) -> list[str]:
    """Return the names that are not sent in a body: of what configures, and of secrets."""
    return [
        name
        for name, value in given.items()
        if name in _NOT_BODY or (_names_secret(name) and not isinstance(value, int | float))
    ]


@lru_cache(1024)
def _names_secret(name: str) -> bool:
    return _OF_SECRETS.fullmatch(name) is not None


class _Itself:
    """An object as a key that is equal to itself alone, and lives as long as the key."""

    def __init__(self, of: object) -> None:
        self._of = of

    def __hash__(self) -> int:
        return id(self._of)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other._of is self._of


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """Configuration of a client: everything a request needs but its body.

    It can be pickled, unless it holds a transport of the user's that cannot.
    """

    spec: Provider
    base_url: str
    api_key: SecretStr | KeyFunction | None
    credentials: Credentials | None
    headers: Mapping[str, str] = field(repr=False)
    arguments: Mapping[str, str]
    timeout: float | None
    max_retries: int
    strict: bool
    residency: Residency = "eu"
    trusted_models: frozenset[str] = frozenset()
    max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES
    connect_timeout: float | None = None
    seconds: float | None = None  # that an attempt may take in all
    query: Query = field(default_factory=dict[str, "str | int | float | bool"], repr=False)
    response_headers: frozenset[str] | bool = False
    purpose: str | None = None
    rate_limit: Literal["adaptive"] | Gate | None = None
    http_transport: httpx.BaseTransport | None = None
    http_async_transport: httpx.AsyncBaseTransport | None = None
    async_backend: Backend | None = None

    def __reduce__(self) -> tuple[Callable[[], ClientConfig], tuple[()]]:
        for name in ("http_transport", "http_async_transport", "api_key", "rate_limit"):
            given: object = getattr(self, name)
            try:
                pickle.dumps(given)
            except Exception as error:  # noqa: BLE001 - whatever a user's object raises
                raise ConfigurationError(
                    f"{name}: a {type(given).__name__} cannot be pickled, nor what holds it "
                    f"({error}): pass one that can, or make the object where it is used"
                ) from None
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return partial(ClientConfig, **values), ()

    def __deepcopy__(self, _memo: object) -> ClientConfig:
        return self  # nothing in it changes, and a transport is shared, not copied

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must never show."""
        known = [self.credentials and self.credentials.client_secret]
        if isinstance(self.api_key, SecretStr):
            known.append(self.api_key)
        # A gateway's own key may be in a header or the query; short values are plain words.
        given = [*self.headers.values(), *map(str, self.query.values())]
        named = self.arguments.values()
        texts = [secret.get_secret_value() for secret in known if secret]
        texts += [one for one in given if len(one) >= _SHORTEST_SECRET and one not in named]
        return tuple(texts)

    def url(self, vendor_url: str) -> str:
        """Return where one of the vendor's addresses is found.

        What lies below the vendor's ``base_url`` is looked for below this one, without a detour
        that the vendor is known to have (``…/content_generation``). What lies beside it, or on
        another host of the vendor's, is the address itself if this is the vendor's host, else the
        same path on this host, behind the prefix that a gateway or the emulator adds.
        """
        below = vendor_url.removeprefix(self.spec.base_url)
        if below.startswith("/"):
            return self._root() + below
        home, here = urlsplit(self.spec.base_url), urlsplit(self.base_url)
        if _origin(here) == _origin(home):
            return vendor_url
        known = self._known_path()
        prefix = here.path.removesuffix(known) if known is not None else ""
        return f"{here.scheme}://{here.netloc}{prefix}{urlsplit(vendor_url).path}"

    def kept_headers(self, headers: Mapping[str, str]) -> dict[str, str] | None:
        """Return the headers of an answer that the user wants to see, by lower-case names."""
        if not self.response_headers:
            return None
        wanted = None if self.response_headers is True else self.response_headers
        return {
            name.lower(): value
            for name, value in headers.items()
            if name.lower() not in _SECRET_HEADERS and (wanted is None or name.lower() in wanted)
        }

    def other_base_url(self) -> str | None:
        """Return the other address under which the vendor is known to answer, if there is one."""
        known = self._known_path()
        paths = [urlsplit(url).path for url in (self.spec.base_url, *self.spec.other_base_urls)]
        other = next((path for path in paths if path != known), None)
        return None if known is None or other is None else self.base_url.removesuffix(known) + other

    def _known_path(self) -> str | None:
        """Return the path of one of the vendor's base URLs that this one ends in."""
        here = urlsplit(self.base_url).path
        urls = (*self.spec.other_base_urls, self.spec.base_url)  # the longer ones first
        paths = (urlsplit(url).path for url in urls)
        return next((path for path in paths if here.endswith(path)), None)

    def _root(self) -> str:
        """Return ``base_url`` without a detour below the vendor's own."""
        below = (url.removeprefix(self.spec.base_url) for url in self.spec.other_base_urls)
        detours = (path for path in below if path.startswith("/"))
        return next((self.base_url.removesuffix(d) for d in detours), self.base_url)

    @property
    def account(self) -> tuple[str, str | None, object]:
        """Whose lists these are: server, workspace, and a digest of the key or client.

        A function that gives keys stands for itself: that it gives another one is no new account.
        """
        workspace = self.arguments.get("workspace_id")
        if self.api_key is not None and not isinstance(self.api_key, SecretStr):
            return self.base_url, workspace, _Itself(self.api_key)
        key = self.api_key.get_secret_value() if self.api_key else ""
        client = self.credentials.client_id if self.credentials else ""
        return self.base_url, workspace, sha256(f"{key}\0{client}".encode()).digest()

    def require_arguments(self) -> None:
        """Raise if a header that the vendor requires has no value."""
        for wanted in self.spec.header_arguments:
            if wanted.argument not in self.arguments:
                only = ", 'auto' for the account's only one"
                listed = f"; Client({self.spec.name!r}).{wanted.listed_by}() lists yours"
                raise ConfigurationError(
                    f"{wanted.header} is missing: pass {wanted.argument}=… or set "
                    f"{wanted.variable}{only if wanted.listed_by else ''}; {self.spec.title} "
                    "refuses requests without it" + (listed if wanted.listed_by else ""),
                    provider=self.spec.name,
                )


def resolve(
    provider: str | Provider,
    *,
    api_key: str | SecretStr | KeyFunction | None = None,
    base_url: str | None = None,
    client_id: str | None = None,
    client_secret: str | SecretStr | None = None,
    arguments: Mapping[str, str | None] | None = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    max_retries: int = DEFAULT_MAX_RETRIES,
    default_headers: Mapping[str, str] | None = None,
    default_query: Query | None = None,
    include_response_headers: bool | Collection[str] = False,
    purpose: str | None = None,
    strict: bool = False,
    residency: Residency | None = None,
    trusted_models: Collection[str] = (),
    rate_limit: Literal["adaptive"] | Gate | None = None,
    max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
    http_transport: httpx.BaseTransport | None = None,
    http_async_transport: httpx.AsyncBaseTransport | None = None,
) -> ClientConfig:
    """Put arguments and environment together; arguments win.

    Raises:
        ConfigurationError: If a key or a required header is missing, or an argument is wrong. The
            message names the argument and the environment variable, and never a secret's value.
    """
    spec = provider if isinstance(provider, Provider) else get_provider(provider)
    headers, named = _headers(
        "default_headers", {} if default_headers is None else default_headers, spec
    )
    passed = arguments or {}
    for name, value in named.items():
        if is_given(own := passed.get(name)) and str(own).strip() != value:
            raise ConfigurationError(f"{name} and default_headers name two: pass one of them")
    given = _arguments(spec, {**passed, **named})
    client_secret = as_secret(client_secret)
    signs_in = is_given(client_id) or _holds_text(client_secret)
    # What is passed wins over the environment: credentials over its key, a key over its own.
    key = as_key(api_key)
    if callable(key):
        _check_function(key)
    else:
        key = None if signs_in and not _holds_text(key) else _key(spec, key)
    own_url = given_or_set(base_url, spec.base_url_variable)
    url = check_base_url(own_url if is_given(own_url) else spec.base_url, spec)
    credentials = None
    if key is None:
        credentials = _credentials(spec, client_id, client_secret)
        if credentials is None:
            raise _missing_key(spec)
    elif signs_in:
        raise ConfigurationError(
            "api_key and client_id/client_secret are two ways to sign in: pass one of them "
            f"(api_key may also come from {spec.key_variables[0]})"
        )
    connect, read = _timeouts(timeout)
    config = ClientConfig(
        spec=spec,
        base_url=url,
        api_key=key,
        credentials=None,
        headers={**headers, **_spec_headers(spec, given)},
        arguments=given,
        timeout=read,
        connect_timeout=connect,
        max_retries=_max_retries(max_retries),
        strict=strict,
        residency=resolve_residency(given_or_set(residency, RESIDENCY_VARIABLE)),
        trusted_models=_ids(trusted_models),
        rate_limit=_rate_limit(rate_limit),
        max_response_bytes=_max_response_bytes(max_response_bytes),
        query=_query("default_query", {} if default_query is None else default_query),
        response_headers=_response_headers(include_response_headers),
        purpose=None if purpose is None else _purpose(purpose),
        http_transport=_transport("http_transport", "handle_request", http_transport),
        http_async_transport=_transport(
            "http_async_transport", "handle_async_request", http_async_transport
        ),
        async_backend=_backend(os.environ.get(BACKEND_VARIABLE)),
    )
    check_models(spec, config.query, config.residency, config.trusted_models)
    if credentials is not None and spec.oauth is not None:
        oauth_url = config.url(spec.oauth.token_url)
        signed_in = Credentials(oauth_url, spec.oauth.scope, *credentials)
        config = replace(config, credentials=signed_in)
    return config


def require_model(spec: Provider, model: str | None) -> str:
    """Return the id of the model to ask, out of the argument or the environment.

    Raises:
        ConfigurationError: If neither names one.
    """
    return request.require_model(spec, given_or_set(model, spec.model_variable))


def given_or_set(value: str | None, variable: str) -> str | None:
    """Return an argument, or what the environment says where none is given."""
    return value if is_given(value) else os.environ.get(variable)


def _arguments(spec: Provider, given: Mapping[str, str | None]) -> dict[str, str]:
    known = {wanted.argument: wanted for wanted in spec.header_arguments}
    for name, value in given.items():
        if value is not None and name not in known:
            raise ConfigurationError(f"{name}={shown(value)}: {spec.title} has no such argument")
    found: dict[str, str] = {}
    for name, wanted in known.items():
        value = given_or_set(given.get(name), wanted.variable)
        if is_given(value):
            found[name] = _header_value(name, value).strip()
    return found


def _origin(address: SplitResult) -> tuple[str, str | None, int | None]:
    usual = {"http": 80, "https": 443}.get(address.scheme)
    return address.scheme, address.hostname, address.port or usual


def _spec_headers(spec: Provider, given: Mapping[str, str]) -> dict[str, str]:
    return {
        wanted.header: given[wanted.argument]
        for wanted in spec.header_arguments
        if given.get(wanted.argument, AUTO) != AUTO
    }


def _headers(
    argument: str, given: Mapping[str, str], spec: Provider
) -> tuple[dict[str, str], dict[str, str]]:
    """Return headers, and the vendor's arguments (a workspace) that are given as such."""
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{argument} is not a mapping of names to values")
    for number, (name, value) in enumerate(given.items(), 1):
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]
            # Not shown: who swaps the two gives a secret for a name.
            raise ConfigurationError(
                f"{argument}: name {number} of {len(given)} is none of a header"
            )
        if name.lower() in _OWN_HEADERS:
            raise ConfigurationError(
                f"{argument}: {name!r} is set by this package"
                + ("; pass api_key=…" if name.lower() == "authorization" else "")
            )
        _header_value(f"{argument}[{name!r}]", value)
    # White space at its ends is no part of a value; h11 refuses it, and quotes the value.
    # Of two names that differ in case alone the last one counts.
    found = {name.lower(): (name, value.strip()) for name, value in given.items()}
    arguments = {
        wanted.argument: found.pop(wanted.header.lower())[1]
        for wanted in spec.header_arguments
        if wanted.header.lower() in found
    }
    return dict(found.values()), arguments


def _rate_limit(given: Literal["adaptive"] | Gate | None) -> Literal["adaptive"] | Gate | None:
    if given is None or equal(given, "adaptive") or hasattr(given, "admit"):
        return given
    raise ConfigurationError(f"rate_limit={shown(given)}: 'adaptive', a Gate, or None for no limit")


def _check_body(given: Mapping[str, Any]) -> None:
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"extra_body is a {type(given).__name__}, not a dict")
    if wrong := [name for name in given if not isinstance(name, str)]:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"extra_body: the field {shown(wrong[0])} has a name that is no str"
        )
    model: object = given.get("model", "")
    if not isinstance(model, str):
        raise ConfigurationError(f"extra_body['model'] is a {type(model).__name__}, not a str")
    if named := [*_no_fields(given), *_OF_A_CALL.intersection(given)]:
        raise ConfigurationError(
            f"extra_body[{min(named)!r}] is no field of a body: pass what configures as an "
            "argument; what is secret is never sent there"
        )
    require_json(given, "extra_body")


def _query(argument: str, given: Query) -> dict[str, str | int | float | bool]:
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{argument} is not a mapping of names to values")
    for name, value in given.items():
        texts = [text for text in (name, value) if isinstance(text, str)]
        if not isinstance(name, str) or not isinstance(value, str | int | float):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"{argument}[{name!r}]: use a text, a number or a bool")
        if any("\ud800" <= character <= "\udfff" for text in texts for character in text):
            raise ConfigurationError(f"{argument}[{name!r}] is not valid Unicode")
    return dict(given)


def _purpose(given: str) -> str:
    if not isinstance(given, str) or not given.strip() or not given.isprintable():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"purpose={shown(given)}: use a line of text, such as 'Kundendienst'"
        )
    return given


def _response_headers(given: bool | Collection[str]) -> frozenset[str] | bool:
    if isinstance(given, bool):
        return given
    listed = isinstance(given, Collection) and is_list(given) and not isinstance(given, str)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not listed or not all(isinstance(name, str) for name in given):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"include_response_headers={shown(given)}: use True, or a list of headers' names"
        )
    return frozenset(name.lower() for name in given)


def _transport(argument: str, method: str, given: Any) -> Any:
    # httpx2, with which OpenAI's package comes, has transports that take requests of its own alone.
    is_other = any(one.__module__.startswith("httpx2") for one in type(given).__mro__)
    if given is not None and (is_other or not callable(getattr(given, method, None))):
        kind = "httpx.BaseTransport" if method == "handle_request" else "httpx.AsyncBaseTransport"
        raise ConfigurationError(f"{argument} is a {_class_of(given)}: pass an {kind}")
    return given


def _class_of(given: object) -> str:
    """Return an object's class and, since httpx2's are called as httpx's, its package."""
    package = type(given).__module__.partition(".")[0]
    return f"{package}.{type(given).__name__}".removeprefix("builtins.")


def _backend(value: str | None) -> Backend | None:
    if value not in {None, "", "httpcore", "aiohttp"}:
        raise ConfigurationError(f"{BACKEND_VARIABLE}={shown(value)}: use 'httpcore' or 'aiohttp'")
    return cast("Backend | None", value or None)


def _max_response_bytes(value: int) -> int:
    number = as_number(value)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ConfigurationError(
            f"max_response_bytes={shown(value)}: use a whole number of 1 or more"
        )
    return number


def _header_value(argument: str, value: str) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{argument} holds characters that no header can carry")
    return value


def as_secret(value: object) -> SecretStr | None:
    """Return a secret that no traceback shows, since each frame's locals may be printed."""
    if value is None or isinstance(value, SecretStr):
        return value
    return SecretStr(cast("str", value))


def as_key(value: str | SecretStr | KeyFunction | None) -> SecretStr | KeyFunction | None:
    """Return a key as a secret, or the function that gives it."""
    return value if callable(value) else as_secret(value)


def _check_function(key: KeyFunction) -> None:
    """Refuse a function of keys that cannot be called as it is, as far as it says so."""
    with suppress(ValueError):  # some of C say nothing
        try:
            signature(key, follow_wrapped=False).bind()
        except TypeError as error:
            raise ConfigurationError(
                f"api_key: this function cannot be called without arguments ({error})"
            ) from None


def as_given(value: object) -> object:
    """Return what a user's function gave for a key: a secret, or what it is waited for from."""
    return value if isawaitable(value) else as_secret(value)


def key_of(value: object) -> SecretStr:
    """Return the key that a user's function gave.

    Raises:
        ConfigurationError: If it is not one.
    """
    value = secret = as_secret(value)  # no traceback shows it
    if secret is None:
        raise environment_error("api_key() gave no key: it returned None")
    return _checked_secret("api_key()", secret, environment_error)


def _key(spec: Provider, api_key: SecretStr | None) -> SecretStr | None:
    if _holds_text(api_key):
        return _checked_secret("api_key", api_key)
    for variable in spec.key_variables:
        secret = as_secret(os.environ.get(variable))
        if _holds_text(secret):
            return _checked_secret(variable, secret)
    return None


def _holds_text(secret: SecretStr | None) -> TypeIs[SecretStr]:
    return secret is not None and is_given(secret.get_secret_value())


def _checked_secret(
    name: str, secret: SecretStr, error: Callable[[str], ConfigurationError] = ConfigurationError
) -> SecretStr:
    if fault := _secret_fault(secret):
        raise error(f"{name} {fault}")
    return SecretStr(secret.get_secret_value().strip())


def _secret_fault(secret: SecretStr) -> str | None:
    text: object = secret.get_secret_value()
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        return f"is a {type(text).__name__}, not a str"
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        return "holds white space or other characters that no key has"
    return None


def _credentials(
    spec: Provider, client_id: str | None, client_secret: SecretStr | None
) -> tuple[str, SecretStr] | None:
    oauth = spec.oauth
    if oauth is None:
        if is_given(client_id) or _holds_text(client_secret):
            raise CapabilityError(
                f"client_id: {spec.title} has no client credentials; pass api_key=…",
                provider=spec.name,
            )
        return None
    if not _holds_text(client_secret):
        client_secret = as_secret(os.environ.get(oauth.secret_variable))
    client_id = given_or_set(client_id, oauth.id_variable)
    if is_given(client_id) and _holds_text(client_secret):
        checked = _checked_secret("client_id", SecretStr(client_id)).get_secret_value()
        return checked, _checked_secret("client_secret", client_secret)
    known = is_given(client_id)
    if not known and not _holds_text(client_secret):
        return None
    name, variable = (
        ("client_secret", oauth.secret_variable) if known else ("client_id", oauth.id_variable)
    )
    raise ConfigurationError(f"{name} is missing: pass it or set {variable}")


def _missing_key(spec: Provider) -> ConfigurationError:
    ways = f"pass api_key=… or set {' or '.join(spec.key_variables)}"
    oauth: OAuth | None = spec.oauth
    if oauth is not None:
        ways += (
            "; or sign in with client_id=… and client_secret=… "
            f"({oauth.id_variable}, {oauth.secret_variable})"
        )
    return ConfigurationError(f"api_key is missing for {spec.title}: {ways}", provider=spec.name)


def check_base_url(value: str, spec: Provider) -> str:
    """Return a base URL without its trailing slash, or say what is wrong with it."""

    def wrong(why: str) -> ConfigurationError:
        said = shown(without_password(value) if isinstance(value, str) else value)  # pyright: ignore[reportUnnecessaryIsInstance]
        return ConfigurationError(f"base_url={said} (argument or {spec.base_url_variable}) {why}")

    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong("is not a str")
    url = value.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise wrong("is not a valid URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise wrong(f"is not a web address: it should look like {spec.base_url}")
    if parts.username is not None or parts.password is not None:
        raise wrong("holds a user name or password: pass api_key=… instead")
    if "?" in url or "#" in url:
        raise wrong("has a query or fragment: pass the path before /chat/completions alone")
    if not url.isprintable() or any(character.isspace() for character in url):
        raise wrong("holds white space or other characters that no address has")
    if parts.path.endswith(spec.chat_path):
        raise wrong(f"ends in {spec.chat_path}: pass the part before it")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise wrong("is plain http to another machine: prompts are personal data; use https")
    return url


def without_password(value: str) -> str:
    """Return a URL as it may be shown: a gateway's key may be in its query, too."""
    shown = _QUERY.sub(r"\1***", value)
    try:
        parts: SplitResult = urlsplit(shown)
        _ = parts.port  # what a password with a slash or without a scheme has there is none
        if parts.netloc and parts.username is None and parts.password is None:
            return shown
        if parts.netloc:
            return parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}").geturl()
    except ValueError:
        pass
    return _QUERY.sub(r"\1***", _LOGIN.sub(r"\1***@", value))


def _ids(trusted_models: Collection[str]) -> frozenset[str]:
    listed = isinstance(trusted_models, Collection) and is_list(trusted_models)  # pyright: ignore[reportUnnecessaryIsInstance]
    if listed and not isinstance(trusted_models, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        ids = tuple(trusted_models)
        if all(isinstance(one, str) for one in ids):  # pyright: ignore[reportUnnecessaryIsInstance]
            return frozenset(ids)
    raise ConfigurationError(f"trusted_models={shown(trusted_models)}: use a list of model ids")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    host = host.removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Return whether an IP address can belong to a server of the internet.

    Examples:
        >>> is_public("93.184.215.14"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1")
        (True, False, False)
    """
    try:
        number = ip_address(address)
    except ValueError:
        return False
    said = number
    if isinstance(number, IPv6Address):
        inner = IPv4Address(int(number) & 0xFFFFFFFF) if number in _NAT64 else None
        number = number.ipv4_mapped or number.sixtofour or inner or number
    own = any(one in network for network in _OWN_NETWORKS for one in (said, number))
    return number.is_global and not number.is_multicast and not own


def literal_addresses(host: str) -> list[str]:
    """Return the IP address that a host is, in any of its spellings; none for a name.

    Examples:
        >>> literal_addresses("2130706433"), literal_addresses("example.com")
        (['127.0.0.1'], [])
    """
    host = host.removesuffix(".")
    with suppress(ValueError):
        return [str(ip_address(host))]
    with suppress(OSError):
        return [socket.inet_ntoa(socket.inet_aton(host))]
    return []


def _timeouts(value: Timeout) -> tuple[float | None, float | None]:
    """Return the seconds to reach the server, if they are set apart, and those of silence."""
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise ConfigurationError(f"timeout={shown(value)}: a pair is (connect, read)")
        connect, read = value
        return _timeout(connect), _timeout(read)
    apart = cast("Any", value)  # httpx.Timeout, whose import can wait
    try:
        return _timeout(apart.connect), _timeout(apart.read)
    except AttributeError:
        return None, _timeout(apart)


def _timeout(value: float | None) -> float | None:
    if value is None:
        return None
    plain = as_number(value)
    number = isinstance(plain, int | float) and not isinstance(plain, bool)
    if not number or not 0 < plain <= _LONGEST_TIMEOUT:
        raise ConfigurationError(
            f"timeout={shown(value)}: use seconds above 0 (up to {_LONGEST_TIMEOUT}, 24 days), "
            "or None to wait without end"
        )
    return plain


def _max_retries(value: int) -> int:
    number = as_number(value)
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ConfigurationError(f"max_retries={shown(value)}: use a whole number of 0 or more")
    return number


# -- clients of httpx ---------------------------------------------------------------------------

HTTP_CLIENTS: Final[Mapping[str, str]] = {
    "http_client": "http_transport",
    "http_async_client": "http_async_transport",
    "async_http_client": "http_async_transport",
}
"""Arguments that take a whole ``httpx.Client``, and what its connections become."""

_HTTPX_TIMEOUT = 5.0
_HTTPX_HEADERS = frozenset({"accept", "accept-encoding", "connection"})


class ClientTransport:
    """The connections of a user's ``httpx.Client``: its proxies and certificates alone."""

    def __init__(self, client: httpx.Client | httpx.AsyncClient) -> None:
        self._client = client

    def _mounted(self, request: httpx.Request) -> Any:
        # Nothing public says which transport a client uses.
        return self._client._transport_for_url(request.url)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._mounted(request).handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._mounted(request).handle_async_request(request)


def without_http_clients(owner: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a constructor's arguments with what is used of an ``httpx.Client`` in its place.

    That is its transport, its headers, its query and its timeout; not its redirects and cookies.

    Args:
        owner: Name of the class, for messages.
        given: The arguments.

    Raises:
        ConfigurationError: If it is another object, or holds what would not be heeded.
    """
    arguments = dict(given)
    for name in HTTP_CLIENTS.keys() & given.keys():
        client = arguments.pop(name)
        if client is None:
            continue
        import httpx

        kind = httpx.Client if name == "http_client" else httpx.AsyncClient
        if not isinstance(client, kind):
            raise ConfigurationError(
                f"{owner}: {name} is a {_class_of(client)}: pass an httpx.{kind.__name__}"
            )
        if client.auth is not None:
            raise ConfigurationError(f"{owner}: {name} has auth: pass api_key=… instead")
        if any(client.event_hooks.values()):
            raise ConfigurationError(f"{owner}: {name} has event_hooks: wrap its transport instead")
        if len(client.params.multi_items()) > len(client.params):
            raise ConfigurationError(f"{owner}: {name} has two params of one name: one is sent")
        transport = HTTP_CLIENTS[name]
        if arguments.get(transport) is not None:
            raise ConfigurationError(f"{owner}: {name} and {transport}: pass one of them")
        arguments[transport] = ClientTransport(client)
        headers = {
            key: value
            for key, value in client.headers.items()
            if key not in _HTTPX_HEADERS and not value.startswith("python-httpx/")
        }
        for argument, values in (("default_headers", headers), ("default_query", client.params)):
            if values:
                arguments[argument] = {**values, **(arguments.get(argument) or {})}
        if client.timeout != httpx.Timeout(_HTTPX_TIMEOUT):
            arguments.setdefault("timeout", client.timeout)
    return arguments
