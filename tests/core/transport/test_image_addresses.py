"""Addresses of generated images: an answer may name any, and few are fetched."""

from typing import Any

import pytest

from dsgvo.errors import APIConnectionError, APIResponseError
from dsgvo.transport import _request
from dsgvo.transport._config import resolve
from dsgvo.transport._request import image_operation
from tests.core.support import raised

PUBLIC = "93.184.215.14"
INWARDS = [
    *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0"),
    *("::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "224.0.0.1"),
    *("64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "::10.0.0.1"),
]
GATE: Any = resolve("innogpt", api_key="k", base_url="https://gate.example/v1")


def resolves(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    found = [(2, 1, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(_request, "getaddrinfo", lambda *_, **__: found)


def refused(url: str, allow: Any = None, kind: Any = APIResponseError) -> str:
    return str(raised(kind, image_operation, GATE, url, allow))


def test_the_number_that_was_looked_at_is_the_one_that_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolves(monkeypatch, PUBLIC)
    found = image_operation(GATE, "https://files.example:8443/a.png?b=c", None)
    assert found.url == f"https://{PUBLIC}:8443/a.png?b=c"
    assert (found.headers["Host"], found.server_name) == ("files.example:8443", "files.example")
    assert (found.method, found.accept) == ("GET", "image/*")


def test_a_name_that_leads_inwards_or_nowhere_is_not_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for address in INWARDS:
        resolves(monkeypatch, PUBLIC, address)
        said = refused("https://files.example/a.png")
        assert "is not public: it is not fetched; allow_image_url" in said

    def nothing(*_: Any, **__: Any) -> Any:
        raise OSError("no such name")

    monkeypatch.setattr(_request, "getaddrinfo", nothing)
    assert "has no server" in refused("https://files.example/a.png", kind=APIConnectionError)


@pytest.mark.parametrize(
    "url",
    [
        *("http://files.example/a.png", "ftp://files.example/a", "a.png", "https://"),
        *("https://169.254.169.254/latest", "https://2130706433/a", "https://0x7f.1/a"),
        *("https://localhost/a", "https://user" + "@files.example/a", "https://[::1/a"),
        *("https://bücher.example/a", "https://xn--a/a", "https://a.b/\x01"),
    ],
)
def test_an_address_that_is_not_public_or_not_https_is_not_fetched(url: str) -> None:
    assert "it is not fetched" in refused(url)


def test_this_machine_is_fetched_from_if_it_is_the_server() -> None:
    own = resolve("innogpt", api_key="k", base_url="http://127.0.0.1:8000/v1")
    for url in ("http://127.0.0.1:9000/a.png", "http://localhost/a.png", "https://[::1]/a.png"):
        assert image_operation(own, url, None).url == url


def test_a_callable_decides_otherwise() -> None:
    url = "http://10.0.0.1/a.png"
    assert image_operation(GATE, url, lambda given: given == url).url == url
    for given, allow in (("https://files.example/a.png", url.__eq__), ("gopher://x", bool)):
        assert "is refused by allow_image_url" in refused(given, allow)
