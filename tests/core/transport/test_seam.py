"""The seam: a transport of the user's, under all rules; and options of one request."""

import copy
import pickle
from typing import Any

import httpx
import pytest

from dsgvo import Client, errors
from dsgvo.emulator import Server
from dsgvo.transport import Gate
from dsgvo.transport._pools import runtime
from dsgvo.wire.limiter import Limiter
from tests.core import support
from tests.core.support import Mode, answer, http, json_of, raised, raw_server, text_of
from tests.core.transport.calls import CALLS, calls

URL = "https://gate.example/v1/chat/completions"
OPTIONS: dict[str, Any] = {"timeout": 7, "max_retries": 1, "extra_headers": {"X-Gate": "geheim"}}
OPTIONS |= {"extra_query": {"v": 2, "w": "ä b"}, "extra_body": {"marke": 1}}
WRONG: list[tuple[str, Any, str]] = [
    ("api_key", "geheim", "api_key cannot be set for one call: pass it to the constructor"),
    ("headers", {"X-Gate": "geheim"}, "headers is no parameter of a request: pass extra_headers"),
    ("extra_headers", {"Authorization": "geheim"}, "extra_headers: 'Authorization' is set by"),
    ("extra_headers", ["a"], "extra_headers is not a mapping"),
    ("extra_query", {"a": [1]}, "extra_query['a']: use a text, a number or a bool"),
    ("extra_body", "x", "extra_body is a str, not a dict"),
    ("extra_body", {"a": {"b": [iter([1])]}}, "extra_body['a'] holds an iterator: pass a list"),
    ("openai_proxy", "geheim", "openai_proxy is no parameter of a request"),
    ("azure_ad_token", "geheim", "azure_ad_token is no parameter of a request"),
    ("extra_body", {"Authorization": "geheim"}, "extra_body['Authorization'] is no field of a"),
    ("extra_body", {"model": ["m"]}, "extra_body['model'] is a list, not a str"),
]


class Mock(httpx.MockTransport):
    """Does one step a request in both modes, and notes the requests and whether it was closed."""

    closed = False

    def __init__(self, *steps: httpx.Response | Exception) -> None:
        self.steps = list(steps)
        self.asked: list[httpx.Request] = []
        super().__init__(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def over(mode: Mode, mock: Any, **more: Any) -> Any:
    name = "http_transport" if mode.name == "sync" else "http_async_transport"
    given = {"api_key": "k", "base_url": "https://gate.example/v1", name: mock}
    return mode.client("sovrgpt", **given | more)


def test_the_seam_lies_under_every_retry(mode: Mode, naps: list[float], monkeypatch: Any) -> None:
    monkeypatch.setattr(runtime.pools, "ssl", None)
    stream = support.sse(support.chunk("Ja."), support.chunk(None, "stop"))
    mock = Mock(
        httpx.ConnectError("weg"),
        httpx.Response(503),
        ConnectionResetError("weg"),
        httpx.Response(200, json=answer("Ja.")),
        httpx.Response(200, content=stream, extensions={"stream_id": 1}),  # over HTTP/2
    )
    client = over(mode, mock, max_retries=3, timeout=(3, 7))
    assert mode.chat(client).content == text_of(mode.stream(client)) == "Ja."  # in two loops
    asked = {(str(one.url), one.headers["authorization"]) for one in mock.asked}
    assert (mock.closed, len(mock.asked), len(naps), asked) == (False, 5, 3, {(URL, "Bearer k")})
    # No certificates are read that it does not use, no time-out shortened that streams share.
    steps = {"connect": 3, "pool": 3, "read": 7, "write": 7}
    assert (runtime.pools.ssl, mock.asked[4].extensions) == (None, {"timeout": steps})


def test_the_seam_does_not_open_the_other_rules(mode: Mode, monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # which it goes past
    moved = httpx.Response(302, headers={"location": "https://x.de"})
    client = over(mode, Mock(moved, httpx.Response(200, text=" " * 2000)), max_response_bytes=1000)
    assert "x.de" in str(raised(errors.RedirectError, mode.chat, client))
    assert "more than 1000 bytes" in str(raised(errors.APIResponseError, mode.chat, client))
    loops = mode.name == "async"
    own = httpx.AsyncHTTPTransport(uds="/nowhere") if loops else httpx.HTTPTransport(retries=1)
    client = over(mode, own, base_url="http://localhost:1/v1", max_retries=0)
    error = raised(errors.APIConnectionError, mode.chat, client)
    assert str(error).startswith("SovrGPT: cannot reach localhost:1 (")
    cut = pytest.importorskip("h2.exceptions").InvalidBodyLengthError(9, 4)  # HTTP/2
    raised(errors.APIConnectionError, mode.chat, over(mode, Mock(cut)))


def test_the_seam_of_the_other_mode_is_not_gone_past(mode: Mode) -> None:
    client = over(Mode("async" if mode.name == "sync" else "sync"), Mock())
    other, given = ("http_transport", "http_async_transport")[:: 1 if mode.name == "sync" else -1]
    with pytest.raises(errors.ConfigurationError, match=rf"^{other} is missing: {given} was given"):
        mode.chat(mode.kind.over(client.config))


def test_the_seam_a_pool_within_the_users_serves_any_loop() -> None:
    outer, inner = httpx.AsyncBaseTransport(), httpx.AsyncClient()
    outer.__dict__["held"] = {"inner": inner, "outer": outer}
    outer.handle_async_request = inner._transport.handle_async_request
    with raw_server(http(answer())) as raw:
        client = Mode("async").client("sovrgpt", raw, http_async_transport=outer, max_retries=0)
        assert [Mode("async").chat(client).content for _ in range(2)] == ["Ja."] * 2
        assert raw.accepted == 2


def test_the_seam_is_not_lost_in_a_pickle() -> None:
    held = Client("sovrgpt", api_key="k", http_transport=httpx.HTTPTransport())
    gated = Client("sovrgpt", api_key="k", rate_limit=Gate(Limiter()))
    for one, said in ((held, "http_transport: a HTTPTransport"), (gated, "rate_limit: a Gate")):
        with pytest.raises(errors.ConfigurationError, match=f"{said} cannot be pick"):
            pickle.dumps(one)
    assert copy.deepcopy(held).config.http_transport is held.config.http_transport


@calls
def test_options_of_one_call_are_not_in_its_body(mode: Mode, what: str, naps: list[float]) -> None:
    provider, how, args = CALLS[what]
    with raw_server(http({"error": "kaputt"}, status=503)) as raw:
        client = mode.client(provider, raw)
        for name, value, said in WRONG:
            wrong = {name: value}
            error = raised(errors.ConfigurationError, mode.call, client, how, *args, **wrong)
            assert (str(error).startswith(said), "geheim" in str(error)) == (True, False)
        assert raw.requests == []
        raised(errors.InternalServerError, mode.call, client, how, *args, **OPTIONS)
        assert (len(raw.requests), len(naps)) == (2, 1)
        raised(errors.InternalServerError, mode.call, client, how, *args)
        assert (len(raw.requests), len(naps)) == (5, 3)
    first, second = raw.requests[1:3]
    assert first.split(b" ")[1] == second.split(b" ")[1] + b"?v=2&w=%C3%A4+b"
    assert (b"x-gate: geheim" in first.lower(), b"x-gate" in second.lower()) == (True, False)
    if first.startswith(b"POST"):
        body = json_of(first)
        assert not OPTIONS.keys() & body.keys()
        assert (body.pop("marke"), body) == (1, json_of(second))


def test_options_win_over_the_clients_and_are_not_for_tokens(mode: Mode, server: Server) -> None:
    own = {**support.client_credentials(server), "default_headers": {"X-Gate": "1", "X-Other": "2"}}
    mode.chat(mode.client("neuroflash", **own), extra_headers={"x-gate": "3"}, extra_query={"v": 2})
    token, chat = server.requests
    assert (chat.headers["x-gate"], chat.headers["x-other"]) == ("3", "2")
    assert not {"x-gate", "x-other"} & token.headers.keys()
