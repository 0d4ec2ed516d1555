"""A connection is put together from arguments, environment and options, without a socket."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from dsgvo import PROVIDERS, AsyncClient, Client
from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.transport import ClientPair, _pools
from dsgvo.transport._config import is_loopback, resolve, without_password
from tests.core.support import Mode, raised

GATE = "https://gate.example/v1"


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
    config = resolve(provider, api_key="schluessel")
    assert (config.base_url, config.secrets()) == (PROVIDERS[provider].base_url, ("schluessel",))
    assert (config.timeout, config.max_retries, config.strict) == (600.0, 2, False)
    assert (config.residency, config.trusted_models) == ("eu", frozenset())
    assert (config.headers, config.arguments, config.credentials) == ({}, {}, None)


def test_what_is_given_is_kept_and_which_of_it_is_secret() -> None:
    headers = {"X-Key": "schluessel-des-tors", "X-Short": "kurz", "X-Eight": "12345678"}
    config = resolve(
        "neuroflash",
        client_id=" client ",
        client_secret=SecretStr("ein-Geheimnis"),
        arguments={"workspace_id": " arbeitsbereich-1 "},
        timeout=None,
        max_retries=0,
        default_headers=headers,
        strict=True,
        residency="strict",
        trusted_models=["m"],
    )
    assert config.headers == headers | {"x-workspace-id": "arbeitsbereich-1"}
    assert config.arguments == {"workspace_id": "arbeitsbereich-1"}
    assert (config.timeout, config.max_retries, config.strict) == (None, 0, True)
    assert (config.residency, config.trusted_models) == ("strict", frozenset({"m"}))
    oauth, signed_in = PROVIDERS["neuroflash"].oauth, config.credentials
    assert config.api_key is None
    assert signed_in is not None
    assert oauth is not None
    assert (signed_in.token_url, signed_in.scope) == (oauth.token_url, oauth.scope)
    assert (signed_in.client_id, signed_in.client_secret) == ("client", SecretStr("ein-Geheimnis"))
    assert sorted(config.secrets()) == ["12345678", "ein-Geheimnis", "schluessel-des-tors"]


# The mistakes that both frameworks' users make too are in tests/bad_input.py.
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("sovrgpt", {"default_headers": [("X-Y", "1")]}, "mapping"),
    ("sovrgpt", {"default_headers": {7: "1"}}, "7 is not a header name"),
    ("sovrgpt", {"default_headers": {"X-Y": 1}}, "no header can carry"),
    (
        *("sovrgpt", {"default_headers": {"authorization": "x"}}),
        "'authorization' is set by this package; pass api_key=",
    ),
    ("sovrgpt", {"api_key": 7}, "api_key is a int, not a str"),
    (
        *("sovrgpt", {"arguments": {"workspace_id": "w"}}),
        "workspace_id='w': SovrGPT has no such argument",
    ),
    ("sovrgpt", {"trusted_models": "gpt"}, "trusted_models='gpt': use a list"),
    (
        *("neuroflash", {"api_key": None, "client_id": "mein client", "client_secret": "s"}),
        "client_id holds white space",
    ),
    (
        *("neuroflash", {"api_key": None, "client_id": "c", "client_secret": "mein Wort"}),
        "client_secret holds white space",
    ),
    ("sovrgpt", {"max_response_bytes": True}, "max_response_bytes=True: use a whole number"),
    ("sovrgpt", {"http_transport": 7}, "http_transport is a int: pass an httpx.BaseTransport"),
    (
        *("sovrgpt", {"http_async_transport": 7}),
        "http_async_transport is a int: pass an httpx.AsyncBaseTransport",
    ),
]


@pytest.mark.parametrize(("provider", "given", "said"), WRONG)
def test_what_is_wrong_is_named(provider: str, given: dict[str, Any], said: str) -> None:
    error = raised(ConfigurationError, resolve, provider, **{"api_key": "k"} | given)
    assert said in str(error)


def test_a_way_to_sign_in_that_a_vendor_does_not_have() -> None:
    error = raised(CapabilityError, resolve, "sovrgpt", client_id="c")
    assert str(error).startswith("client_id: SovrGPT has no client credentials")
    assert error.provider == "sovrgpt"


def test_a_missing_workspace_says_who_lists_them() -> None:
    spec = PROVIDERS["neuroflash"]
    error = raised(ConfigurationError, resolve(spec, api_key="k").require_arguments)
    assert str(error).endswith("; Client('neuroflash').workspaces() lists yours")
    assert error.provider == "neuroflash"
    unlisted = tuple(replace(wanted, listed_by=None) for wanted in spec.header_arguments)
    own = replace(spec, header_arguments=unlisted)
    error = raised(ConfigurationError, resolve(own, api_key="k").require_arguments)
    assert str(error).endswith("; neuroflash refuses requests without it")
    resolve(spec, api_key="k", arguments={"workspace_id": "w"}).require_arguments()
    resolve("sovrgpt", api_key="k").require_arguments()


@pytest.mark.parametrize(
    ("timeout", "connect", "silence"),
    [(None, 10.0, None), (600.0, 10.0, 600.0), (10, 10, 10), (2.5, 2.5, 2.5)],
)
def test_how_long_each_step_may_take(
    timeout: float | None, connect: float, silence: float | None
) -> None:
    request = _pools.build("GET", GATE, {}, None, timeout=timeout, query={}, connect_timeout=None)
    steps = {"connect": connect, "pool": connect, "read": silence, "write": silence}
    assert request.extensions["timeout"] == steps


@pytest.mark.parametrize("host", ["ä..example", "a\x7fb.example", "ä" * 70 + ".example"])
def test_a_host_that_cannot_be(mode: Mode, host: str) -> None:
    url = f"https://{host}/v1"
    ask = lambda: mode.chat(mode.client("sovrgpt", api_key="k", base_url=url))  # noqa: E731
    said = str(raised(ConfigurationError, ask))
    assert said.startswith("base_url")
    assert repr(url)[:-1] in said


# -- both clients of a model object -------------------------------------------------------------


def test_a_pair_is_kept_as_long_as_its_settings_are_and_never_longer() -> None:
    settings = {"api_key": "k", "base_url": GATE}
    pair = ClientPair.of(None, "sovrgpt", dict(settings))
    assert (type(pair.sync), type(pair.asynchronous)) == (Client, AsyncClient)
    assert pair.sync.config is pair.asynchronous.config
    assert repr(pair.asynchronous) == f"AsyncClient('sovrgpt', {GATE!r})"
    assert ClientPair.of(pair, "sovrgpt", dict(settings)) is pair
    other = ClientPair.of(pair, "sovrgpt", settings | {"api_key": "neu"})
    assert other is not pair
    assert other.sync.config.secrets() == ("neu",)
    with pytest.raises(ConfigurationError, match="max_retries=-1"):
        ClientPair.of(pair, "sovrgpt", settings | {"max_retries": -1})
    # It says nothing about whether two model objects are the same.
    assert pair == other == copy.copy(pair)
    assert pair != settings
    assert pickle.loads(pickle.dumps(pair)).settings == settings
