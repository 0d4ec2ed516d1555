"""How long each step may take, and what httpx's exceptions become."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from dsgvo.errors import APIConnectionError, APITimeoutError, ConfigurationError
from dsgvo.transport import _pools
from dsgvo.transport._config import resolve
from dsgvo.transport._request import Operation, connection_error
from tests.core.support import Mode, raised

URL = "https://gate.example/v1"
PLAIN: dict[str, Any] = {"query": {}, "connect_timeout": None}


@pytest.mark.parametrize(
    ("timeout", "connect", "silence"),
    [(None, 10.0, None), (600.0, 10.0, 600.0), (10, 10, 10), (2.5, 2.5, 2.5)],
)
def test_how_long_each_step_may_take(
    timeout: float | None, connect: float, silence: float | None
) -> None:
    request = _pools.build("GET", URL, {}, None, timeout=timeout, **PLAIN)
    steps = {"connect": connect, "pool": connect, "read": silence, "write": silence}
    assert request.extensions["timeout"] == steps


@pytest.mark.parametrize("host", ["ä..example", "a\x7fb.example", "ä" * 70 + ".example"])
def test_a_host_that_cannot_be(mode: Mode, host: str) -> None:
    url = f"https://{host}/v1"
    ask = lambda: mode.chat(mode.client("sovrgpt", api_key="k", base_url=url))  # noqa: E731
    said = str(raised(ConfigurationError, ask))
    assert said.startswith("base_url")
    assert repr(url)[:-1] in said


CLOSED = httpx.RemoteProtocolError("Server disconnected without sending a response.")
CERTIFICATE = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
BROKE = "the connection to gate.example broke"
IN_TIME = "gate.example could not be reached in time; check base_url or SOVRGPT_BASE_URL"
SILENT = "no answer within timeout=7 seconds; timeout= says how long silence may last"
# What httpx raised, whether it may be sent again, and what the message says
RAISED: list[tuple[Exception, bool, str]] = [
    (
        *(httpx.ConnectError("refused"), True),
        "cannot reach gate.example (refused); check base_url or SOVRGPT_BASE_URL",
    ),
    (CERTIFICATE, False, "set SSL_CERT_FILE to the authority's, or pass http_transport="),
    (httpx.ConnectTimeout("t"), True, IN_TIME),
    (httpx.PoolTimeout("t"), True, IN_TIME),
    (httpx.ReadTimeout("t"), False, SILENT),
    (httpx.WriteTimeout("t"), False, SILENT),
    (CLOSED, True, f"{BROKE} (Server disc"),
    (httpx.ReadError(""), True, f"{BROKE} (ReadError)"),
    (httpx.UnsupportedProtocol("x"), False, f"{BROKE} (x)"),
    (httpx.ProxyError("403"), False, f"{BROKE} (403)"),
]


@pytest.mark.parametrize(("error", "again", "said"), RAISED)
@pytest.mark.parametrize("answered", [True, False])
def test_what_httpx_raises_is_ours_and_says_where_to_look(
    error: Exception, again: bool, said: str, answered: bool
) -> None:
    failure = _pools._failure(error, answered=answered)
    config = resolve("sovrgpt", api_key="k", base_url=URL, timeout=7)
    ours = connection_error(config, failure, Operation(url=f"{URL}/chat/completions"))
    slow = isinstance(error, httpx.TimeoutException)
    assert type(ours) is (APITimeoutError if slow else APIConnectionError)
    assert failure.retry is (again and not answered)
    assert str(ours).startswith("SovrGPT: ")
    assert said in str(ours)
    assert ours.provider == "sovrgpt"
    elsewhere = str(connection_error(config, failure, Operation(url="https://files.example/a")))
    assert "gate.example" not in elsewhere
    assert "base_url" not in elsewhere
