"""The seam: a transport of the user's, under all rules; and options of one request."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dsgvo import AsyncClient, Client
from dsgvo.emulator import Server
from dsgvo.errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    RedirectError,
)
from dsgvo.transport import RequestOptions
from tests.core.support import (
    HELLO,
    Mode,
    answer,
    chunk,
    client_credentials,
    http,
    in_one_mode,
    raw_server,
    sse,
    text_of,
)
from tests.vendors import MODELS

Handle = Callable[[httpx.Request], httpx.Response]


class Mock(httpx.MockTransport):
    """Answers in both modes, and notes whether somebody closed it."""

    closed = False

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def over(mode: Mode, handle: Handle, **more: Any) -> tuple[Any, Mock]:
    mock = Mock(handle)
    name = "http_transport" if mode.name == "sync" else "http_async_transport"
    given = {"api_key": "k", "base_url": "https://gate.example/v1", name: mock, **more}
    return mode.client("sovrgpt", **given), mock


def test_the_seam_carries_every_request(mode: Mode) -> None:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if b'"stream":true' in request.content:
            body = sse(chunk("Ja."), chunk(None, "stop"))
            return httpx.Response(200, content=body, headers={"content-type": "text/event-stream"})
        return httpx.Response(200, json=answer("Ja."))

    client, mock = over(mode, handle)
    assert mode.chat(client, model="m").content == "Ja."
    assert text_of(mode.stream(client, model="m")) == "Ja."
    url = "https://gate.example/v1/chat/completions"
    assert [str(request.url) for request in asked] == [url] * 2
    assert {request.headers["authorization"] for request in asked} == {"Bearer k"}
    assert not mock.closed


def test_the_seam_lies_under_the_retries(mode: Mode, naps: list[float]) -> None:
    steps: list[Any] = [
        httpx.ConnectError("weg"),
        httpx.Response(503),
        httpx.ReadError("weg"),
        httpx.Response(200, json=answer("Ja.")),
    ]

    def handle(_request: httpx.Request) -> httpx.Response:
        step = steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    client, _ = over(mode, handle, max_retries=3)
    assert mode.chat(client, model="m").content == "Ja."
    assert len(naps) == 3


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (httpx.ConnectTimeout("t"), APITimeoutError, "could not be reached in time"),
        (httpx.ReadTimeout("t"), APITimeoutError, "timeout= says how long silence may last"),
        (httpx.ProxyError("407"), APIConnectionError, "broke (407)"),
        (httpx.UnsupportedProtocol("x"), APIConnectionError, "broke (x)"),
        (httpx.ConnectError("CERTIFICATE_VERIFY_FAILED"), APIConnectionError, "SSL_CERT_FILE"),
        (httpx.ConnectError("CERTIFICATE_VERIFY_FAILED"), APIConnectionError, "http_transport="),
    ],
)
def test_the_seams_errors_are_typed(mode: Mode, raised: Exception, kind: Any, said: str) -> None:
    def handle(_request: httpx.Request) -> httpx.Response:
        raise raised

    client, _ = over(mode, handle, max_retries=0)
    with pytest.raises(kind) as caught:
        mode.chat(client, model="m")
    assert type(caught.value) is kind
    assert said in str(caught.value)


def test_the_seam_does_not_open_the_other_rules(mode: Mode) -> None:
    client, _ = over(mode, lambda _: httpx.Response(302, headers={"location": "https://x.example"}))
    with pytest.raises(RedirectError):
        mode.chat(client, model="m")
    client, _ = over(mode, lambda _: httpx.Response(200, text=" " * 2000), max_response_bytes=1000)
    with pytest.raises(APIResponseError, match="more than 1000 bytes"):
        mode.chat(client, model="m")


def test_the_seam_of_the_other_mode_is_not_gone_past(mode: Mode) -> None:
    other = Mode("async" if mode.name == "sync" else "sync")
    client, _ = over(other, lambda _: httpx.Response(200, json=answer()))
    with pytest.raises(ConfigurationError, match=r"is missing: http.*_transport was given"):
        mode.chat(mode.kind.over(client.config), model="m")


def test_the_seam_takes_transports_alone(mode: Mode) -> None:
    wrong: Any = Client("sovrgpt", api_key="k")
    for name in ("http_transport", "http_async_transport"):
        with pytest.raises(ConfigurationError, match=f"^{name} is a Client: pass an "):
            mode.kind("sovrgpt", api_key="k", **{name: wrong})


class Portable(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=answer("Ja."))


def test_the_seam_is_pickled_if_it_can_be() -> None:
    client = Client("sovrgpt", api_key="k", http_transport=Portable())
    assert pickle.loads(pickle.dumps(client)).chat(HELLO, model="m").content == "Ja."
    held = Client("sovrgpt", api_key="k", http_transport=httpx.HTTPTransport())
    with pytest.raises(ConfigurationError, match="http_transport: a HTTPTransport cannot be pick"):
        pickle.dumps(held)
    assert copy.deepcopy(held).config.http_transport is held.config.http_transport


# -- options of one request ---------------------------------------------------------------------

CALLS: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "chat": ("sovrgpt", "chat", (HELLO,)),
    "stream": ("sovrgpt", "stream", (HELLO,)),
    "embed": ("meingpt", "embed", (["Text"],)),
    "models": ("sovrgpt", "models", ()),
    "workspaces": ("neuroflash", "workspaces", ()),
    "health": ("neuroflash", "health", ()),
    "image": ("innogpt", "generate_image", ("ein Icon",)),
}
calls = in_one_mode("call", CALLS)
OPTIONS = ("timeout", "max_retries", "extra_headers", "extra_query", "extra_body")


def do(mode: Mode, client: Any, call: tuple[str, str, tuple[Any, ...]], **options: Any) -> Any:
    _, how, args = call
    if how in {"chat", "stream"}:
        options = {"model": MODELS[client.provider], **options}
    return mode.call(client, how, *args, **options)


@calls
def test_options_hold_for_one_request_and_are_not_in_its_body(
    mode: Mode, server: Server, call: Any
) -> None:
    client = mode.client(call[0], server)
    headers = {"X-Gate": "geheim"}
    given = {"timeout": 7, "max_retries": 0, "extra_headers": headers, "extra_query": {"v": 2}}
    do(mode, client, call, **given, extra_body={"marke": 1})
    do(mode, client, call)
    first, second = server.requests
    assert (first.headers.get("x-gate"), second.headers.get("x-gate")) == ("geheim", None)
    if first.method == "POST":
        assert not set(OPTIONS) & first.json.keys()
        assert (first.json.pop("marke"), first.json) == (1, second.json)


@calls
def test_options_time_and_retries_hold(mode: Mode, call: Any, naps: list[float]) -> None:
    own: dict[str, Any] = {"workspace_id": "w"} if call[0] == "neuroflash" else {}
    with raw_server(http({"error": "kaputt"}, status=503)) as raw:
        client = mode.client(call[0], api_key="k", base_url=raw.url, **own)
        for retries, requests in ((0, 1), (1, 3)):
            with pytest.raises(Exception, match="503"):
                do(mode, client, call, max_retries=retries)
            assert len(raw.requests) == requests
    assert len(naps) == 1
    config = RequestOptions(timeout=None).apply(client.config)
    assert (client.config.timeout, config.timeout) == (600, None)


@calls
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", "geheim"),
        ("base_url", "https://x.example"),
        ("default_headers", {"X": "geheim"}),
    ],
)
def test_options_of_the_constructor_are_refused(
    mode: Mode, server: Server, call: Any, name: str, value: Any
) -> None:
    client = mode.client(call[0], server)
    with pytest.raises(ConfigurationError, match=f"^{name} cannot be set .* the constructor") as e:
        do(mode, client, call, **{name: value})
    assert "geheim" not in str(e.value)
    assert server.requests == []


@calls
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("timeout", 0, "timeout=0"),
        ("max_retries", -1, "max_retries=-1"),
        ("extra_headers", {"Authorization": "geheim"}, "extra_headers: 'Authorization' is set by"),
        ("extra_headers", ["a"], "extra_headers is not a mapping"),
        ("extra_query", {"a": [1]}, "extra_query['a']: use a text, a number or a bool"),
        ("extra_query", {"a": "\ud83d"}, "extra_query['a'] is not valid Unicode"),
        ("extra_body", "x", "extra_body is a str, not a dict"),
    ],
)
def test_options_that_are_wrong(
    mode: Mode, server: Server, call: Any, name: str, value: Any, said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        do(mode, mode.client(call[0], server), call, **{name: value})
    assert str(caught.value).startswith(said)
    assert server.requests == []


def test_options_win_over_the_clients_headers_whatever_their_case(
    mode: Mode, server: Server
) -> None:
    client = mode.client("sovrgpt", server, default_headers={"X-Gate": "eins", "X-Other": "zwei"})
    mode.chat(client, extra_headers={"x-gate": "drei"})
    (request,) = server.requests
    assert (request.headers["x-gate"], request.headers["x-other"]) == ("drei", "zwei")


def test_options_do_not_go_to_where_tokens_come_from(mode: Mode, server: Server) -> None:
    client = mode.client("neuroflash", **client_credentials(server))
    mode.chat(client, extra_headers={"X-Gate": "geheim"}, extra_query={"v": 2})
    token, chat = server.requests
    assert ("x-gate" in token.headers, chat.headers["x-gate"]) == (False, "geheim")


@calls
def test_options_of_the_address_hold_for_one_request(mode: Mode, call: Any) -> None:
    own: dict[str, Any] = {"workspace_id": "w"} if call[0] == "neuroflash" else {}
    with raw_server(http({"error": "kaputt"}, status=400)) as raw:
        client = mode.client(call[0], api_key="schluessel", base_url=raw.url, **own)
        for query in ({"v": 2, "w": "ä b"}, None):
            with pytest.raises(APIStatusError):
                do(mode, client, call, extra_query=query)
        # Embeddings are asked for once more, as floats.
        first, second = dict.fromkeys(request.split(b" ")[1] for request in raw.requests)
    assert first == second + b"?v=2&w=%C3%A4+b"


def test_one_client_serves_several_loops_over_the_users_transport() -> None:
    mock = Mock(lambda _: httpx.Response(200, json=answer("Ja.")))
    client = AsyncClient("sovrgpt", api_key="k", http_async_transport=mock)
    for _ in range(2):
        assert asyncio.run(client.chat(HELLO, model="m")).content == "Ja."
