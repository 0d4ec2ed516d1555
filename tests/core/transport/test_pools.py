"""Requests as they are built, and what httpx's exceptions become."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import httpx
import pytest

from dsgvo.errors import APIConnectionError, APITimeoutError, ConfigurationError
from dsgvo.transport import _pools
from dsgvo.transport._config import ClientConfig, resolve
from dsgvo.transport._pools import Form
from dsgvo.transport._request import connection_error
from tests.core.support import Mode

URL = "https://gate.example/v1"
PLAIN: dict[str, Any] = {"query": {}, "connect_timeout": None}


def config(**settings: Any) -> ClientConfig:
    return resolve("sovrgpt", api_key="k", base_url=URL, **settings)


@pytest.mark.parametrize(
    ("timeout", "connect", "silence"),
    [(None, 10.0, None), (600.0, 10.0, 600.0), (10, 10, 10), (2.5, 2.5, 2.5)],
)
def test_how_long_each_step_may_take(
    timeout: float | None, connect: float, silence: float | None
) -> None:
    request = _pools.build("GET", URL, {}, None, timeout=timeout, **PLAIN)
    assert request.extensions["timeout"] == {
        "connect": connect,
        "pool": connect,
        "read": silence,
        "write": silence,
    }


def test_a_request_holds_what_it_was_given() -> None:
    headers = {"Accept": "text/plain", "X-Gate": "g"}
    request = _pools.build(
        "POST", f"{URL}/a?b=c", headers, b"{}", timeout=None, query={"d": 1}, connect_timeout=None
    )
    assert (request.method, str(request.url), request.read()) == ("POST", f"{URL}/a?b=c&d=1", b"{}")
    assert (request.headers["accept"], request.headers["x-gate"]) == ("text/plain", "g")
    form = Form({"payload": "{}"}, {"file": ("a.pdf", BytesIO(b"%PDF-"), "application/pdf")})
    sent = _pools.build(
        "POST", URL, {"X-Gate": "g"}, form, timeout=3, query={}, connect_timeout=None
    )
    body = sent.read()
    assert b'name="payload"\r\n\r\n{}\r\n' in body
    assert b'name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n%PDF-' in body
    assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert (sent.headers["x-gate"], sent.extensions["timeout"]["read"]) == ("g", 3)


@pytest.mark.parametrize("host", ["ä..example", "a\x7fb.example", "ä" * 70 + ".example"])
def test_a_host_that_cannot_be(mode: Mode, host: str) -> None:
    client = mode.client("sovrgpt", api_key="k", base_url=f"https://{host}/v1")
    with pytest.raises(ConfigurationError, match=r"^base_url: .* is not a valid URL \("):
        mode.chat(client)


CLOSED = httpx.RemoteProtocolError("Server disconnected without sending a response.")
CERTIFICATE = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
# What httpx raised → the error, whether it may be sent again, and what the message says
RAISED: dict[str, tuple[Exception, type[APIConnectionError], bool, str]] = {
    "no route": (
        httpx.ConnectError("refused"),
        APIConnectionError,
        True,
        "cannot reach {} (refused)",
    ),
    "a certificate": (CERTIFICATE, APIConnectionError, False, "CERTIFICATE_VERIFY_FAILED"),
    "connecting takes long": (
        httpx.ConnectTimeout("t"),
        APITimeoutError,
        True,
        "{} could not be reached in time",
    ),
    "no connection is free": (
        httpx.PoolTimeout("t"),
        APITimeoutError,
        True,
        "{} could not be reached in time",
    ),
    "silence": (httpx.ReadTimeout("t"), APITimeoutError, False, "no answer within timeout=7 s"),
    "sending takes long": (httpx.WriteTimeout("t"), APITimeoutError, False, "within timeout=7 s"),
    "closed": (CLOSED, APIConnectionError, True, "the connection to {} broke (Server disc"),
    "broke": (httpx.ReadError(""), APIConnectionError, True, "{} broke (ReadError)"),
    "not decompressed": (httpx.DecodingError("x"), APIConnectionError, False, "{} broke (x)"),
    "a proxy": (httpx.ProxyError("403"), APIConnectionError, False, "{} broke (403)"),
}


@pytest.mark.parametrize(("raised", "kind", "again", "said"), RAISED.values(), ids=RAISED.keys())
@pytest.mark.parametrize("before_any_byte", [True, False])
def test_what_httpx_raises_is_ours_and_says_where_to_look(
    raised: Exception, kind: type[APIConnectionError], again: bool, said: str, before_any_byte: bool
) -> None:
    failure = _pools._failure(raised, answered=not before_any_byte)
    error = connection_error(config(timeout=7), failure, "an answer")
    assert type(error) is kind
    assert failure.retry is (again and before_any_byte)
    assert str(error).startswith("SovrGPT: ")
    assert said.format("gate.example") in str(error)
    assert error.provider == "sovrgpt"
    if failure.kind.startswith("unreachable"):
        assert str(error).endswith("; check base_url or SOVRGPT_BASE_URL")
