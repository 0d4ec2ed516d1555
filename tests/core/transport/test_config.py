"""A connection is put together from arguments and environment, without a socket."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from dsgvo import PROVIDERS, AsyncClient, Client
from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.transport._config import is_loopback, resolve, without_password
from tests.core.support import raised


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://sovrgpt.com/api/v1", "https://sovrgpt.com/api/v1"),
        ("https://user:geheim@sovrgpt.com:8443/v1?a=b", "https://***@sovrgpt.com:8443/v1?a=b"),
        ("https://user@sovrgpt.com/v1", "https://***@sovrgpt.com/v1"),
        ("https://:geheim@sovrgpt.com/v1", "https://***@sovrgpt.com/v1"),
        ("https://a@b:geheim@sovrgpt.com/v1", "https://***@sovrgpt.com/v1"),
        ("https://user:geheim@[::1/v1", "https://***@[::1/v1"),
        ("kein url", "kein url"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_which_hosts_are_this_machine() -> None:
    for host in ("localhost", "llm.localhost", "127.0.0.1", "127.255.0.1", "::1"):
        assert is_loopback(host)
    for host in ("localhost.example", "notlocalhost", "10.0.0.1", "::2", ""):
        assert not is_loopback(host)


SOVRGPT = PROVIDERS["sovrgpt"]


@pytest.mark.parametrize(
    ("base_url", "vendor_url", "found"),
    [
        (None, "https://a.example/x/models", "https://a.example/x/models"),
        ("https://gate.example/api/v1", "https://a.example/x/y", "https://gate.example/x/y"),
        ("https://gate.example/p/api/v1", "https://a.example/x", "https://gate.example/p/x"),
        ("https://gate.example/other", "https://a.example/x?y=z", "https://gate.example/x"),
        ("http://127.0.0.1:8000/api/v1", "https://a.example/x", "http://127.0.0.1:8000/x"),
    ],
)
def test_where_a_vendors_other_addresses_are(
    base_url: str | None, vendor_url: str, found: str
) -> None:
    assert resolve("sovrgpt", api_key="k", base_url=base_url).url(vendor_url) == found


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_connection_is_by_default(provider: str) -> None:
    connection = resolve(provider, api_key="schluessel")
    assert connection.base_url == PROVIDERS[provider].base_url
    assert connection.api_key == SecretStr("schluessel")
    assert (connection.timeout, connection.max_retries, connection.strict) == (600.0, 2, False)
    assert (connection.residency, connection.trusted_models) == ("eu", frozenset())
    assert (connection.headers, connection.arguments, connection.credentials) == ({}, {}, None)


def test_what_is_given_is_kept() -> None:
    connection = resolve(
        "neuroflash",
        client_id=" client ",
        client_secret=SecretStr("ein-Geheimnis"),
        arguments={"workspace_id": " w-1 "},
        timeout=None,
        max_retries=0,
        default_headers={"X-Gate": "g"},
        strict=True,
        residency="strict",
        trusted_models=["m"],
    )
    assert connection.headers == {"X-Gate": "g", "x-workspace-id": "w-1"}
    assert connection.arguments == {"workspace_id": "w-1"}
    assert (connection.timeout, connection.max_retries, connection.strict) == (None, 0, True)
    assert (connection.residency, connection.trusted_models) == ("strict", frozenset({"m"}))
    assert connection.api_key is None
    assert connection.credentials is not None
    oauth = PROVIDERS["neuroflash"].oauth
    assert oauth is not None
    signed_in = connection.credentials
    assert (signed_in.token_url, signed_in.scope) == (oauth.token_url, oauth.scope)
    assert (signed_in.client_id, signed_in.client_secret) == ("client", SecretStr("ein-Geheimnis"))


def test_which_texts_are_secrets() -> None:
    headers = {"X-Key": "schluessel-des-tors", "X-Short": "kurz", "X-Eight": "12345678"}
    connection = resolve(
        "neuroflash",
        client_id="client",
        client_secret="ein-Geheimnis",
        arguments={"workspace_id": "arbeitsbereich-1"},
        default_headers=headers,
    )
    assert sorted(connection.secrets()) == ["12345678", "ein-Geheimnis", "schluessel-des-tors"]
    assert resolve("sovrgpt", api_key="k").secrets() == ("k",)


# The mistakes that both frameworks' users make too are in tests/bad_input.py.
WRONG: list[tuple[str, dict[str, Any], type[ConfigurationError], str]] = [
    ("sovrgpt", {"default_headers": [("X-Y", "1")]}, ConfigurationError, "mapping"),
    ("sovrgpt", {"default_headers": {7: "1"}}, ConfigurationError, "7 is not a header name"),
    ("sovrgpt", {"default_headers": {"X-Y": 1}}, ConfigurationError, "no header can carry"),
    (
        *("sovrgpt", {"default_headers": {"authorization": "x"}}, ConfigurationError),
        "'authorization' is set by this package; pass api_key=",
    ),
    ("sovrgpt", {"api_key": 7}, ConfigurationError, "api_key is a int, not a str"),
    (
        *("sovrgpt", {"api_key": None, "client_id": "c"}, CapabilityError),
        "client_id: SovrGPT has no client credentials",
    ),
    (
        *("sovrgpt", {"arguments": {"workspace_id": "w"}}, ConfigurationError),
        "workspace_id='w': SovrGPT has no such argument",
    ),
    ("sovrgpt", {"trusted_models": "gpt"}, ConfigurationError, "trusted_models='gpt': use a list"),
    (
        *("neuroflash", {"client_id": "mein client", "client_secret": "s"}, ConfigurationError),
        "client_id holds white space",
    ),
    (
        *("neuroflash", {"client_id": "c", "client_secret": "mein Wort"}, ConfigurationError),
        "client_secret holds white space",
    ),
    (
        *("sovrgpt", {"api_key": None}, ConfigurationError),
        "api_key is missing for SovrGPT: pass api_key=… or set SOVRGPT_API_KEY or SOVR_KEY",
    ),
]


@pytest.mark.parametrize(("provider", "given", "kind", "said"), WRONG)
def test_what_is_wrong_is_named(
    provider: str, given: dict[str, Any], kind: type[ConfigurationError], said: str
) -> None:
    key = None if "client_id" in given else "k"
    error = raised(kind, resolve, provider, **{"api_key": key} | given)
    assert said in str(error)
    if kind is CapabilityError or "api_key is missing" in said:
        assert error.provider == provider


def test_a_missing_workspace_says_who_lists_them() -> None:
    error = raised(ConfigurationError, resolve("neuroflash", api_key="k").require_arguments)
    assert str(error).endswith("; Client('neuroflash').workspaces() lists yours")
    assert error.provider == "neuroflash"
    resolve("neuroflash", api_key="k", arguments={"workspace_id": "w"}).require_arguments()
    resolve("sovrgpt", api_key="k").require_arguments()


def test_a_header_that_nobody_lists_is_named_all_the_same() -> None:
    spec = PROVIDERS["neuroflash"]
    unlisted = tuple(replace(wanted, listed_by=None) for wanted in spec.header_arguments)
    own = replace(spec, header_arguments=unlisted)
    error = raised(ConfigurationError, resolve(own, api_key="k").require_arguments)
    assert str(error).endswith("; neuroflash refuses requests without it")


def test_one_clients_settings_serve_another() -> None:
    client = Client("sovrgpt", api_key="k", base_url="https://gate.example/v1", timeout=7)
    other = AsyncClient.over(client.config)
    assert other.config is client.config
    assert other.spec is SOVRGPT
    assert repr(other) == "AsyncClient('sovrgpt', 'https://gate.example/v1')"
