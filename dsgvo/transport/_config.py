"""Client configuration: arguments and environment, checked and put together."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from dsgvo.errors import APIResponseError, CapabilityError, ConfigurationError
from dsgvo.providers import OAuth, Provider, get_provider
from dsgvo.wire.residency import Residency, resolve_residency

__all__ = [
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "ClientConfig",
    "Credentials",
    "is_loopback",
    "resolve",
    "without_password",
]

DEFAULT_TIMEOUT = 600.0
"""Seconds of silence; reasoning models think for minutes before the first byte."""

DEFAULT_MAX_RETRIES = 2

_OWN_HEADERS = frozenset({"authorization", "content-length", "content-type", "host", "accept"})
_SHORTEST_SECRET = 8
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An OAuth2 client's id and secret, and where its tokens come from."""

    token_url: str
    scope: str
    client_id: str
    client_secret: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """Configuration of a client: everything a request needs but its body. It can be pickled."""

    spec: Provider
    base_url: str
    api_key: SecretStr | None
    credentials: Credentials | None
    headers: Mapping[str, str] = field(repr=False)
    arguments: Mapping[str, str]
    timeout: float | None
    max_retries: int
    strict: bool
    residency: Residency = "eu"
    trusted_models: frozenset[str] = frozenset()

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must never show."""
        known = [self.api_key, self.credentials and self.credentials.client_secret]
        # A gateway's own key may be among the headers; short values would blot out plain words.
        named = self.arguments.values()
        headers = (
            value
            for value in self.headers.values()
            if len(value) >= _SHORTEST_SECRET and value not in named
        )
        return (*(secret.get_secret_value() for secret in known if secret), *headers)

    def url(self, vendor_url: str) -> str:
        """Return where a vendor's address outside ``base_url`` is found.

        It is the address itself for the vendor's own ``base_url``. Under another one, such as the
        emulator's, it is the same path on that server, below the same prefix.
        """
        if self.base_url == self.spec.base_url:
            return vendor_url
        home, here = urlsplit(self.spec.base_url), urlsplit(self.base_url)
        prefix = here.path.removesuffix(home.path) if here.path.endswith(home.path) else ""
        return f"{here.scheme}://{here.netloc}{prefix}{urlsplit(vendor_url).path}"

    def require_arguments(self) -> None:
        """Raise if a header that the vendor requires has no value."""
        for wanted in self.spec.header_arguments:
            if wanted.argument not in self.arguments:
                listed = f"; Client({self.spec.name!r}).{wanted.listed_by}() lists yours"
                raise ConfigurationError(
                    f"{wanted.header} is missing: pass {wanted.argument}=… or set "
                    f"{wanted.variable}; {self.spec.title} refuses requests without it"
                    + (listed if wanted.listed_by else ""),
                    provider=self.spec.name,
                )


def resolve(
    provider: str | Provider,
    *,
    api_key: str | SecretStr | None = None,
    base_url: str | None = None,
    client_id: str | None = None,
    client_secret: str | SecretStr | None = None,
    arguments: Mapping[str, str | None] | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
    max_retries: int = DEFAULT_MAX_RETRIES,
    default_headers: Mapping[str, str] | None = None,
    strict: bool = False,
    residency: Residency | None = None,
    trusted_models: Collection[str] = (),
) -> ClientConfig:
    """Put arguments and environment together; arguments win.

    Raises:
        ConfigurationError: If a key or a required header is missing, or an argument is wrong. The
            message names the argument and the environment variable, and never a secret's value.
    """
    spec = provider if isinstance(provider, Provider) else get_provider(provider)
    given = _arguments(spec, arguments or {})
    key = _key(spec, api_key)
    url = check_base_url(base_url or os.environ.get(spec.base_url_variable) or spec.base_url, spec)
    credentials = None
    if key is None:
        credentials = _credentials(spec, client_id, client_secret)
        if credentials is None:
            raise _missing_key(spec)
    elif client_id or client_secret:
        raise ConfigurationError(
            "api_key and client_id/client_secret are two ways to sign in: pass one of them "
            f"(api_key may also come from {spec.key_variables[0]})"
        )
    config = ClientConfig(
        spec=spec,
        base_url=url,
        api_key=key,
        credentials=None,
        headers={**_headers(default_headers or {}), **_spec_headers(spec, given)},
        arguments=given,
        timeout=_timeout(timeout),
        max_retries=_max_retries(max_retries),
        strict=strict,
        residency=resolve_residency(residency),
        trusted_models=_ids(trusted_models),
    )
    if credentials is not None and spec.oauth is not None:
        oauth_url = config.url(spec.oauth.token_url)
        signed_in = Credentials(oauth_url, spec.oauth.scope, *credentials)
        config = replace(config, credentials=signed_in)
    return config


def _arguments(spec: Provider, given: Mapping[str, str | None]) -> dict[str, str]:
    known = {wanted.argument: wanted for wanted in spec.header_arguments}
    for name, value in given.items():
        if value is not None and name not in known:
            raise ConfigurationError(f"{name}={value!r}: {spec.title} has no such argument")
    found: dict[str, str] = {}
    for name, wanted in known.items():
        value = given.get(name) or os.environ.get(wanted.variable)
        if value:
            found[name] = _header_value(name, value).strip()
    return found


def _spec_headers(spec: Provider, given: Mapping[str, str]) -> dict[str, str]:
    return {
        wanted.header: given[wanted.argument]
        for wanted in spec.header_arguments
        if wanted.argument in given
    }


def _headers(given: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError("default_headers is no mapping of names to values")
    for name, value in given.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"default_headers: {name!r} is no header name")
        if name.lower() in _OWN_HEADERS:
            raise ConfigurationError(
                f"default_headers: {name!r} is set by this package"
                + ("; pass api_key=…" if name.lower() == "authorization" else "")
            )
        _header_value(f"default_headers[{name!r}]", value)
    return dict(given)


def _header_value(argument: str, value: str) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{argument} holds characters that no header can carry")
    return value


def _key(spec: Provider, api_key: str | SecretStr | None) -> SecretStr | None:
    names = ("api_key", *spec.key_variables)
    values = (api_key, *map(os.environ.get, spec.key_variables))
    for name, value in zip(names, values, strict=True):
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text:
            return _checked_secret(name, text)
    return None


def _checked_secret(name: str, text: str) -> SecretStr:
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{name} is a {type(text).__name__}, not a str")
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(f"{name} holds white space or other characters that no key has")
    return SecretStr(text)


def _credentials(
    spec: Provider, client_id: str | None, client_secret: str | SecretStr | None
) -> tuple[str, SecretStr] | None:
    oauth = spec.oauth
    if oauth is None:
        if client_id or client_secret:
            raise CapabilityError(
                f"client_id: {spec.title} has no client credentials; pass api_key=…",
                provider=spec.name,
            )
        return None
    secret = client_secret or os.environ.get(oauth.secret_variable)
    text = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    client_id = client_id or os.environ.get(oauth.id_variable)
    if not client_id and not text:
        return None
    if not client_id or not text:
        name, variable = (
            ("client_id", oauth.id_variable) if text else ("client_secret", oauth.secret_variable)
        )
        raise ConfigurationError(f"{name} is missing: pass it or set {variable}")
    checked = _checked_secret("client_id", client_id).get_secret_value()
    return checked, _checked_secret("client_secret", text)


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
        return ConfigurationError(
            f"base_url={without_password(str(value))!r} (argument or {spec.base_url_variable}) "
            f"{why}"
        )

    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong("is not a str")
    url = value.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise wrong("is no valid URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise wrong(f"is no web address: it should look like {spec.base_url}")
    if parts.username is not None or parts.password is not None:
        raise wrong("holds a user name or password: pass api_key=… instead")
    if parts.query or parts.fragment:
        raise wrong("has a query or fragment: pass the path before /chat/completions alone")
    if any(character.isspace() for character in url):
        raise wrong("holds white space")
    if parts.path.endswith(spec.chat_path):
        raise wrong(f"ends in {spec.chat_path}: pass the part before it")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise wrong("is plain http to another machine: prompts are personal data; use https")
    return url


def without_password(value: str) -> str:
    """Return a URL as it may be shown."""
    try:
        parts: SplitResult = urlsplit(value)
        if parts.username is None and parts.password is None:
            return value
        return parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}").geturl()
    except ValueError:
        return re.sub(r"//[^/@]*@", "//***@", value)


def check_image_url(url: str, spec: Provider) -> str:
    """Return the address of a generated image, if it may be fetched: over TLS, or from loopback.

    Raises:
        APIResponseError: If it may not.
    """
    try:
        parts = urlsplit(url)
        loopback = parts.hostname is not None and is_loopback(parts.hostname)
        allowed = parts.scheme == "https" or (parts.scheme == "http" and loopback)
    except ValueError:
        allowed = False
    if not allowed:
        raise APIResponseError(
            f"{spec.title}: the image's address {url[:200]!r} is not https: it is not fetched",
            provider=spec.name,
            status_code=200,
        )
    return url


def _ids(trusted_models: Collection[str]) -> frozenset[str]:
    if isinstance(trusted_models, str):
        raise ConfigurationError(f"trusted_models={trusted_models!r}: use a list of model ids")
    return frozenset(trusted_models)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _timeout(value: float | None) -> float | None:
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not number or not 0 < value < math.inf:
        raise ConfigurationError(
            f"timeout={value!r}: use seconds above 0, or None to wait without end"
        )
    return value


def _max_retries(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"max_retries={value!r}: use a whole number of 0 or more")
    return value
