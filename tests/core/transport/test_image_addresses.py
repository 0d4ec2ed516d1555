"""Addresses of generated images: an answer may name any, and few are fetched."""

from dataclasses import replace
from socket import SOCK_STREAM
from typing import Any
from unittest.mock import Mock

import httpx
import pytest

from dsgvo.errors import APIConnectionError, APIResponseError
from dsgvo.transport import _request
from dsgvo.transport._config import resolve
from dsgvo.transport._flow import run
from dsgvo.transport._request import Operation, fetch, image_operation
from tests.core.support import http, raised, raw_server

PUBLIC, PUBLIC_V6 = "93.184.215.14", "2606:2800:21f:cb07::1"
INWARDS = [
    *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0"),
    *("::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "224.0.0.1"),
    *("64:ff9b::10.0.0.1", "64:ff9b::255.255.255.255", "64:ff9b:1::10.0.0.1", "::10.0.0.1"),
    *(f"64:ff9b:1::{PUBLIC}", "::ffff:0:127.0.0.1", "fec0::2", "files.example"),
    *("5f00::1", "3fff::1", "192.88.99.1", "192.0.0.8", "::ffff:192.0.0.8"),
]
GATE: Any = resolve("innogpt", api_key="k", base_url="https://gate.example/v1")
IMAGE = "https://files.example/a%20b.png?sig=geheim?"
SHOWN = "innoGPT: the image's address 'https://files.example/a b.png'"


def resolves(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> Mock:
    look_up = Mock(return_value=[(2, 1, 6, "", (address, 443)) for address in addresses])
    monkeypatch.setattr(_request, "getaddrinfo", look_up)
    return look_up


def refused(why: str, url: str = IMAGE, allow: Any = None, config: Any = GATE) -> None:
    error = raised(APIResponseError, image_operation, config, url, allow)
    end = f" {why}: it is not fetched; allow_image_url= can decide otherwise"
    assert str(error) == SHOWN + end if url == IMAGE else str(error).endswith(end)
    assert (error.provider, error.status_code) == ("innogpt", 200)


@pytest.mark.parametrize(("host", "port"), [("files.example:8443", 8443), ("files.example", 443)])
def test_the_number_that_was_looked_at_is_asked(monkeypatch: Any, host: str, port: int) -> None:
    asked = resolves(monkeypatch, PUBLIC_V6, PUBLIC, PUBLIC, *[f"64:ff9b::{PUBLIC}"] * 9)
    assert image_operation(GATE, f"https://{host}/a.png?b=c", None) == Operation(
        method="GET",
        url=f"https://[{PUBLIC_V6}]:{port}/a.png?b=c",
        accept="image/*",
        expects="an image",
        headers={"Host": host, "Connection": "close"},
        server_name="files.example",
        other_urls=[f"https://{at}:{port}/a.png?b=c" for at in (PUBLIC, f"[64:ff9b::{PUBLIC}]")],
    )
    asked.assert_called_once_with("files.example", port, type=SOCK_STREAM)


def test_the_next_number_is_asked_where_one_gives_no_answer(naps: list[float]) -> None:
    with raw_server(http(b"GIF8")) as raw:
        image = Operation(method="GET", url="http://127.0.0.1:9/", other_urls=[raw.url])
        assert (run(fetch(GATE, image, None))[0], naps) == (b"GIF8", [])


def test_a_proxy_and_a_transport_of_ones_own_look_the_name_up(monkeypatch: Any) -> None:
    asked = resolves(monkeypatch, PUBLIC)
    for given in ({"http_transport": httpx.HTTPTransport()}, {"http_async_transport": 1}):
        assert image_operation(replace(GATE, **given), IMAGE, None).url == IMAGE
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "past.example")
    assert image_operation(GATE, IMAGE, None).url == IMAGE
    assert asked.call_count == 2
    assert image_operation(GATE, "https://past.example/a", None).server_name == "past.example"


def test_a_name_that_leads_inwards_or_nowhere_is_not_fetched(monkeypatch: Any) -> None:
    for addresses in [(), *((PUBLIC, inwards) for inwards in INWARDS)]:
        resolves(monkeypatch, *addresses)
        refused("is not public")
        refused("is not public", config=replace(GATE, http_transport=httpx.HTTPTransport()))
    for nothing in (OSError("no such name"), UnicodeError("label too long")):
        monkeypatch.setattr(_request, "getaddrinfo", Mock(side_effect=nothing))
        error = raised(APIConnectionError, image_operation, GATE, IMAGE, None)
        assert (str(error), error.provider) == (f"{SHOWN} has no server ({nothing})", "innogpt")


def test_an_address_that_is_not_public_or_not_https_is_not_fetched() -> None:
    for why, urls in (
        ("is not https", "http://files.example/a ftp://a.example a.png https:// https://u@a.b/a"),
        ("is not public", "https://169.254.169.254/a https://2130706433 https://localhost"),
        ("is not public", "https://0x7f.1 https://[fd00::1] https://localhost. https://127.0.0.1."),
        ("is not valid", "https://[::1/a https://bücher.b https://xn--a https://a\x01"),
    ):
        for url in urls.split(" "):
            refused(why, url)
            refused(why, url, config=replace(GATE, http_transport=httpx.HTTPTransport()))


def test_this_machine_is_fetched_from_if_it_is_the_server_or_a_callable_says_so() -> None:
    own = resolve("innogpt", api_key="k", base_url="http://127.0.0.1:8000/v1")
    for url in ("http://127.0.0.1:9000/a.png", "http://localhost/a.png", "https://[::1]/a.png"):
        assert image_operation(own, url, None).url == url
    url = "http://10.0.0.1/a.png"
    assert image_operation(GATE, url, lambda given: given == url).url == url
    for given, allow in ((IMAGE, url.__eq__), ("gopher://x", bool)):
        refused("is refused by allow_image_url", given, allow)
