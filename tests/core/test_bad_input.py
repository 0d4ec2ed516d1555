"""Bad input: a clear error before anything is sent, naming the argument and the variable."""

from typing import Any

import pytest

from dsgvo import PROVIDERS, Client, errors
from dsgvo.emulator import Server
from dsgvo.errors import ConfigurationError
from tests.bad_input import CASES, KEY, MODEL, BadInput
from tests.core.support import HELLO, Mode, raised


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
@pytest.mark.filterwarnings("ignore::dsgvo.errors.IgnoredParameterWarning")
def test_bad_input(mode: Mode, server: Server, case: BadInput, monkeypatch: Any) -> None:
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    expected, given = getattr(errors, case.error), case.given(server.base_url(case.provider))
    if case.at == "construction":
        error = raised(expected, mode.client, case.provider, **given)
    else:
        client, params = mode.client(case.provider, **given), dict(case.params)
        error = raised(expected, call, mode, client, case, params)
    assert [text for text in case.says if text not in str(error)] == []
    assert [text for text in (*case.hides, KEY) if text in str(error)] == []
    assert server.requests == []


def call(mode: Mode, client: Any, case: BadInput, params: dict[str, Any]) -> None:
    if case.call == "embed":
        mode.embed(client, params.pop("texts", ["Text"]), **params)
    elif "model" in case.without:
        client.stream(HELLO, **params)  # not through the helper, which would name one
    else:
        mode.ask(client, HELLO, **({"model": MODEL} | params))


GOOD = {
    "http://127.0.0.1:8000/v1/": "http://127.0.0.1:8000/v1",
    " https://proxy.example/llm ": "https://proxy.example/llm",
    **{url: url for url in ("http://localhost/v1", "http://llm.localhost:1/v1")},
    **{url: url for url in ("http://[::1]:8000/v1", "http://127.8.9.1/v1")},
    **dict.fromkeys(["", None], "https://sovrgpt.com/api/v1"),
}


def test_base_urls_that_are_good() -> None:
    used = {url: Client("sovrgpt", api_key=KEY, base_url=url).config.base_url for url in GOOD}
    assert used == GOOD


def test_arguments_win_over_the_environment(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    def used(provider: str = "sovrgpt", **arguments: Any) -> tuple[str, str]:
        config = mode.client(provider, **arguments).config
        return config.base_url, config.api_key.get_secret_value()

    monkeypatch.setenv("SOVRGPT_BASE_URL", "https://umgebung.example/v1")
    monkeypatch.setenv("SOVR_KEY", "zweiter")
    assert used() == ("https://umgebung.example/v1", "zweiter")
    monkeypatch.setenv("SOVRGPT_API_KEY", "erster")
    assert used("SovrGPT") == ("https://umgebung.example/v1", "erster")  # names in any case
    given = {"base_url": "https://argument.example", "api_key": "dritter"}
    assert used(**given) == tuple(given.values())
    said = str(raised(ConfigurationError, mode.client, "chatgpt", api_key=KEY))
    assert "provider=None" in str(raised(ConfigurationError, mode.client, None, api_key=KEY))
    assert [text for text in ("provider='chatgpt'", *PROVIDERS) if text not in said] == []


def test_a_function_that_gives_no_key(mode: Mode, server: Server) -> None:
    for given, said in ((None, "gave no key: it returned None"), (7, "is a int, not a str")):
        client = mode.client("sovrgpt", server, api_key=lambda given=given: given)
        assert str(raised(ConfigurationError, mode.chat, client)) == f"api_key() {said}"
    raised(RuntimeError, mode.chat, mode.client("sovrgpt", server, api_key=iter(()).__next__))
