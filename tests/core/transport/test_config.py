"""A connection is put together from arguments, environment and options, without a socket."""

import copy
import pickle
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy
import pytest
from pydantic import SecretStr

from dsgvo import PROVIDERS, Client
from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.transport import ClientPair, _pools
from dsgvo.transport._config import RequestOptions, is_loopback, resolve, without_password
from dsgvo.transport._request import aside, gate_of
from dsgvo.wire.retry import MAX_RETRY_AFTER
from tests.core.support import Mode, raised

GATE = "https://gate.example/v1"
SHOWN = {
    "https://user:geheim@sovrgpt.com:8443/v1?a=b": "https://***@sovrgpt.com:8443/v1?***",
    "https://a@b:geheim@sovrgpt.com/v1#geheim": "https://***@sovrgpt.com/v1#***",
    "https://user:ge/heim@x/v1?a": "https://***@x/v1?***",
    "user:geheim@x/v1": "***@x/v1",
    "https://user@sovrgpt.com/v1?a\nb": "https://***@sovrgpt.com/v1?***",
    **{same: same for same in ("https://sovrgpt.com/api/v1", "kein url")},
}


def test_what_an_address_shows_and_which_hosts_are_this_machine() -> None:
    assert {url: without_password(url) for url in SHOWN} == SHOWN
    assert all(map(is_loopback, ("localhost", "llm.localhost", "127.0.0.1", "127.255.0.1", "::1")))
    assert not any(map(is_loopback, ("localhost.example", "notlocalhost", "10.0.0.1", "::2", "")))


def test_what_is_given_is_kept_and_which_of_it_is_secret() -> None:
    headers = {"X-Key": "schluessel-des-tors", "X-Short": "kurz", "X-Eight": "12345678"}
    own: Any = {"arguments": {"workspace_id": " arbeitsbereich-1 "}, "default_headers": headers}
    secret = SecretStr("ein-Geheimnis")
    config: Any = resolve("neuroflash", client_id=" client ", client_secret=secret, **own)
    assert config.headers == headers | {"x-workspace-id": "arbeitsbereich-1"}
    other = RequestOptions(extra_headers={"X-Workspace-ID": "2"}).apply(config)
    assert other.headers == headers | {"x-workspace-id": "2"}
    assert (other.arguments, other.account[1]) == ({"workspace_id": "2"}, "2")
    named = resolve("neuroflash", api_key="k", default_headers={"X-Workspace-Id": "2"})
    assert (named.headers, named.arguments) == ({"x-workspace-id": "2"}, {"workspace_id": "2"})
    assert config.credentials.client_id == "client"
    assert sorted(config.secrets()) == ["12345678", "ein-Geheimnis", "schluessel-des-tors"]
    assert resolve("sovrgpt", api_key="k").secrets() == ("k",)
    assert repr(Client("sovrgpt", api_key="k")) == "Client('sovrgpt', 'https://sovrgpt.com/api/v1')"
    assert repr(Client.__new__(Client)) == "Client()"  # as a traceback of a refusal shows it
    plain = resolve("sovrgpt", api_key="k", base_url=f"{GATE}/", max_response_bytes=1)
    assert (plain.base_url, plain.max_response_bytes) == (GATE, 1)
    assert (plain.response_headers, plain.strict) == (False, False)
    assert Client("sovrgpt", api_key="k").config == resolve("sovrgpt", api_key="k")


def test_where_an_address_of_a_vendor_is_found() -> None:
    home, here = "https://app.neuroflash.com/api", "http://127.0.0.1:9/neuroflash"
    for address, behind in (
        (f"{home}/ds-prototypes/model_selection/models", "v1/model_selection/models"),
        (f"{home}/workspace-service/v1/workspaces", "api/workspace-service/v1/workspaces"),
        ("https://id.neuroflash.com/oauth/v2/token", "oauth/v2/token"),
    ):
        found = {
            f"{home}/ds-prototypes/content_generation": address,
            GATE: f"https://gate.example/{behind}",
            f"{here}/api/ds-prototypes": f"{here}{urlsplit(address).path}",
        }
        configs = [resolve("neuroflash", api_key="k", base_url=base) for base in found]
        assert [config.url(address) for config in configs] == list(found.values())
    same = resolve("neuroflash", api_key="k", base_url="https://APP.neuroflash.com:443/v1")
    assert same.url("https://id.neuroflash.com/oauth/v2/token").startswith("https://id.")


WRONG: list[tuple[dict[str, Any], str]] = [
    *(({f"default_{n}": [("a", "b")]}, f"{n} is not a mapping") for n in ("headers", "query")),
    ({"default_headers": {"X-Y": 1}}, "no header can carry"),
    ({"api_key": 7}, "api_key is a int, not a str"),
    ({"api_key": lambda key: key}, "api_key: this function cannot be called without arguments"),
    *(({n: numpy.ones(2)}, n) for n in ("api_key", "client_id", "residency", "rate_limit")),
    *(({name: numpy.array(3)}, name) for name in ("trusted_models", "include_response_headers")),
    ({"arguments": {"workspace_id": "w"}}, "workspace_id='w': SovrGPT has no such argument"),
    ({"trusted_models": "gpt"}, "trusted_models='gpt': use a list"),
    ({"client_id": "mein client", "client_secret": "s"}, "client_id holds white space"),
    ({"client_id": "c", "api_key": "k"}, "are two ways to sign in: pass one of them"),
    ({"client_id": None, "client_secret": "c", "api_key": "k"}, "are two ways to sign in"),
    *(({"timeout": n}, f"timeout={n!r}: use seconds above 0") for n in ("5", True, float("nan"))),
    ({"client_id": "c", "client_secret": "ein Geheimnis"}, "client_secret holds white space"),
    *(({"purpose": p}, f"purpose={p!r}: use a line of text, such as 'Ku") for p in (5, " ")),
    *(({"max_response_bytes": n}, f"_bytes={n}: use a whole number") for n in (True, 0)),
    ({"http_transport": type("", (), {"__module__": "httpx2", "handle_request": id})()}, "httpx2"),
    *(({f"http{a}transport": 7}, f"an httpx.{a.strip('_').title()}Base") for a in ("_", "_async_")),
    *(({"default_query": {"a": t}}, "['a'] is not valid Unicode") for t in ("x\ud800", "\udfffx")),
    ({"include_response_headers": "X-A"}, "include_response_headers='X-A': use True, or a list"),
    ({"rate_limit": 7}, "rate_limit=7: 'adaptive', a Gate, or None"),
    ({"base_url": "https://name@sovrgpt.com/v1"}, "holds a user name or password"),
    ({"base_url": "https://sovrgpt.com:x/v1"}, "is not a valid URL"),
    ({"max_retries": True}, "max_retries=True: use a whole number"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_what_is_wrong_is_named(given: dict[str, Any], said: str) -> None:
    signs_in = "client_id" in given
    own = ({"client_secret": "s"} if signs_in else {"api_key": "k"}) | given
    error = raised(ConfigurationError, resolve, "neuroflash" if signs_in else "sovrgpt", **own)
    assert said in str(error)


def test_a_way_to_sign_in_and_a_workspace_that_a_vendor_does_not_have() -> None:
    for name in ("Host", "Transfer-Encoding", "expect"):
        own: Any = {"api_key": "k", "default_headers": {name: "x"}}
        error = raised(ConfigurationError, resolve, "sovrgpt", **own)
        assert str(error) == f"default_headers: {name!r} is set by this package"
    own = {"arguments": {"workspace_id": "1"}, "default_headers": {"X-Workspace-Id": "2"}}
    error = raised(ConfigurationError, resolve, "neuroflash", api_key="k", **own)
    assert str(error) == "workspace_id and default_headers name two: pass one of them"
    for given in ("client_id", "client_secret"):
        error = raised(CapabilityError, resolve, "sovrgpt", **{given: "c"})
        assert str(error) == "client_id: SovrGPT has no client credentials; pass api_key=…"
        assert error.provider == "sovrgpt"
    error = raised(ConfigurationError, resolve, "sovrgpt")
    said = "api_key is missing for SovrGPT: pass api_key=… or set SOVRGPT_API_KEY or SOVR_KEY"
    assert (str(error), error.provider) == (said, "sovrgpt")
    spec = PROVIDERS["neuroflash"]
    unlisted = tuple(replace(wanted, listed_by=None) for wanted in spec.header_arguments)
    for own, said in (
        (spec, "; Client('neuroflash').workspaces() lists yours"),
        (replace(spec, header_arguments=unlisted), "; neuroflash refuses requests without it"),
    ):
        error = raised(ConfigurationError, resolve(own, api_key="k").require_arguments)
        assert (str(error).endswith(said), error.provider) == (True, "neuroflash")


@pytest.mark.parametrize(("timeout", "connect"), [(None, 10), (600.0, 10), (10, 10), (2.5, 2.5)])
def test_how_long_each_step_may_take(timeout: float | None, connect: float) -> None:
    given: Any = {"timeout": timeout, "connect_timeout": None, "query": {"sig": "geheim"}}
    request = _pools.build("POST", GATE, {}, b"{}", **given)
    steps = {"connect": connect, "pool": connect, "read": timeout, "write": timeout}
    for one in request, _pools._without_blocking(request, 1):
        assert (one.extensions["timeout"], "geheim" in repr(one)) == (steps, False)


def test_a_time_out_in_any_of_its_forms() -> None:
    given: Any = (numpy.int64(5), None, 2147483, (3, 4.5), (20, 4), httpx.Timeout(90, connect=2))
    configs = [resolve("sovrgpt", api_key="k", timeout=one) for one in given]
    kept = [(None, 5), (None, None), (None, 2147483), (3, 4.5), (20, 4), (2, 90)]
    assert [(config.connect_timeout, config.timeout) for config in configs] == kept
    short = [(5, 5), (10, 10), (10, 10), (3, 4.5), (4, 4), (2, 10)]  # of what another request needs
    assert [(one.connect_timeout, one.timeout) for one in map(aside, configs)] == short


@pytest.mark.parametrize("host", ["ä..example", "a\x7fb.example", "ä" * 70 + ".example"])
def test_a_host_that_cannot_be(mode: Mode, host: str) -> None:
    url = f"https://{host}/v1"
    ask = lambda: mode.chat(mode.client("sovrgpt", api_key="k", base_url=url))  # noqa: E731
    said = str(raised(ConfigurationError, ask))
    assert (said[:8], repr(url)[:-1] in said) == ("base_url", True)


def test_an_adaptive_limit_is_that_of_a_server_and_a_key() -> None:
    def of(**given: Any) -> Any:
        settings: Any = {"api_key": "k", "rate_limit": "adaptive"} | given
        return gate_of(resolve("sovrgpt", **settings))

    gate, asked = of(), lambda: "k"
    assert gate is of() is of(api_key=SecretStr("k"))
    assert of(api_key=asked) is of(api_key=asked)
    no_key = type("Vault", (), {"__call__": lambda _: "k", "__hash__": None})()  # of a dict
    others = of(base_url=GATE), *[of(api_key=key) for key in ("l", asked, no_key, type(no_key)())]
    assert len({gate, *others}) == 6
    assert (of(rate_limit=gate, api_key="l"), of(rate_limit=None)) == (gate, None)
    assert gate.limiter.max_hold == MAX_RETRY_AFTER
    accounts = [resolve("sovrgpt", api_key=key).account for key in (asked, asked, lambda: "k")]
    assert accounts[0] == accounts[1] != accounts[2]


def test_a_pair_is_kept_as_long_as_its_settings_are_and_never_longer() -> None:
    settings = {"api_key": "k", "base_url": GATE, "default_headers": {"X-A": "1"}}
    pair = ClientPair.of(None, "sovrgpt", dict(settings))
    assert pair.sync.config is pair.asynchronous.config
    assert ClientPair.of(pair, "sovrgpt", dict(settings)) is pair
    other = ClientPair.of(pair, "sovrgpt", settings | {"api_key": "neu"})
    assert (other is pair, other.sync.config.secrets()) == (False, ("neu",))
    with pytest.raises(ConfigurationError, match="max_retries=-1"):
        ClientPair.of(pair, "sovrgpt", settings | {"max_retries": -1})
    assert pair == other == copy.copy(pair) != settings
    assert pickle.loads(pickle.dumps(pair)).settings == settings
