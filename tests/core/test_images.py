"""Images made after a prompt: answered as an address or as bytes, and saved on wish."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.emulator import Server, Status
from dsgvo.errors import (
    APIConnectionError,
    APIResponseError,
    BadRequestError,
    CapabilityError,
    ConfigurationError,
    DsgvoError,
    NotFoundError,
    RateLimitError,
    RedirectError,
    ResidencyError,
)
from dsgvo.wire.models import GeneratedImage
from tests.core.support import Mode, http, raised, raw_server

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
JPEG = b"\xff\xd8\xff\xe0" + bytes(8)
PNG_TEXT = b64encode(PNG).decode()
PROMPT = "ein minimalistisches App-Icon"


def made(mode: Mode, client: Any, prompt: str = PROMPT, **kwargs: Any) -> GeneratedImage:
    return mode.result(client.generate_image(prompt, **kwargs))


def reply(**image: Any) -> Status:
    return Status(200, body={"created": 1, "data": [image]})


def test_the_request_of_the_page(mode: Mode, server: Server) -> None:
    client = mode.client("innogpt", server)
    image = made(mode, client)
    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/innogpt/api/ext/v1/images/generations")
    assert request.json == {"prompt": PROMPT}
    assert request.headers["authorization"] == f"Bearer {server.api_key}"
    assert image.data is not None
    assert image.data.startswith(b"\x89PNG")
    assert str(image) == f"The image was made ({len(image.data)} bytes, image/png)"
    assert image.path is None
    fields = {"model": "gpt-image-1", "size": "1024x1024", "response_format": "b64_json"}
    made(mode, client, **fields, quality=None)
    assert server.requests[1].json == {"prompt": PROMPT} | fields


@pytest.mark.covers(
    "innogpt", "behaviour A generated image comes as `url` or as `b64_json`", "Inferred"
)
def test_both_forms_of_an_answer(mode: Mode, server: Server) -> None:
    web = "https://example.com/1.png"
    server.script("innogpt", reply(b64_json=PNG_TEXT), reply(url=web, revised_prompt="ein Icon"))
    client = mode.client("innogpt", server)
    assert made(mode, client) == GeneratedImage(None, PNG, None)
    assert made(mode, client) == GeneratedImage(web, None, "ein Icon")


@pytest.mark.covers(
    "innogpt", "behaviour A generated image's address is fetched without the key", "Inferred"
)
@pytest.mark.parametrize("port_of", ["another host's", "the vendor's own"])
def test_an_address_is_fetched_without_the_key_to_be_saved(
    mode: Mode, tmp_path: Path, port_of: str
) -> None:
    """The vendor's store is not the vendor: it gets neither the key nor the user's headers."""

    def serve(request: bytes, connection: socket.socket) -> None:
        if request.startswith(b"POST"):
            host = store.url if port_of == "another host's" else vendor.url
            body = {"data": [{"url": f"{host}/abc.png?sig=1"}]}
            connection.sendall(http(body))
        else:
            connection.sendall(http(PNG, kind="image/png"))

    with raw_server(serve) as store, raw_server(serve) as vendor:
        client = mode.client(
            "innogpt",
            api_key="sk-secret-0123",
            base_url=vendor.url,
            default_headers={"x-gateway-key": "gateway-secret"},
        )
        image = made(mode, client, save_to=tmp_path / "icon.png")
        [fetched] = [r for s in (store, vendor) for r in s.requests if r.startswith(b"GET")]
        assert (len(store.requests), len(vendor.requests)) == (
            (1, 1) if port_of == "another host's" else (0, 2)
        )
    assert fetched.startswith(b"GET /abc.png?sig=1 HTTP/1.1\r\n")
    lower = fetched.lower()
    assert b"authorization" not in lower
    assert b"secret" not in lower
    assert b"accept: image/*" in lower
    assert image.path == tmp_path / "icon.png"
    assert image.data == (tmp_path / "icon.png").read_bytes() == PNG
    assert str(image) == f"The image is in the file {image.path}"


def test_bytes_are_saved_as_they_are(mode: Mode, server: Server, tmp_path: Path) -> None:
    target = tmp_path / "icon.png"
    target.write_bytes(b"old")  # a file that is named is replaced
    server.script("innogpt", reply(b64_json=PNG_TEXT))
    made(mode, mode.client("innogpt", server), save_to=str(target))
    assert target.read_bytes() == PNG


def test_in_a_folder_nothing_is_overwritten(mode: Mode, server: Server, tmp_path: Path) -> None:
    (tmp_path / "image-1.png").write_bytes(b"mine")
    server.script("innogpt", *[reply(b64_json=b64encode(d).decode()) for d in (PNG, JPEG, b"?")])
    client = mode.client("innogpt", server)
    names = [made(mode, client, save_to=tmp_path).path for _ in range(3)]
    assert names == [tmp_path / n for n in ("image-2.png", "image-1.jpg", "image-3.png")]
    assert (tmp_path / "image-1.png").read_bytes() == b"mine"


def test_images_made_at_once_do_not_overwrite_each_other(server: Server, tmp_path: Path) -> None:
    client = Mode("sync").client("innogpt", server)
    prompts = [f"Bild {number}" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(lambda p: client.generate_image(p, save_to=tmp_path), prompts))
    assert len({image.path for image in images}) == len(list(tmp_path.iterdir())) == 16
    assert all(image.path and image.path.read_bytes() == image.data for image in images)
    again = Mode("async").client("innogpt", server)

    async def gathered() -> list[GeneratedImage]:
        return await asyncio.gather(*[again.generate_image(p, save_to=tmp_path) for p in prompts])

    assert {image.path for image in asyncio.run(gathered())}.isdisjoint(i.path for i in images)
    assert len(list(tmp_path.iterdir())) == 32


@pytest.mark.parametrize(
    ("settings", "arguments", "kind", "said"),
    [
        ({}, {"prompt": " "}, ConfigurationError, "prompt is empty: describe the image"),
        (
            {},
            {"save_to": "/nirgends/icon.png"},
            ConfigurationError,
            "save_to='/nirgends/icon.png': the folder does not exist",
        ),
        ({}, {"n": 2}, CapabilityError, "n=2: one image a request is read: call generate_image() "),
        ({"residency": "strict"}, {}, ResidencyError, "model is missing: innoGPT does not say"),
    ],
)
def test_what_is_refused_before_sending(
    mode: Mode, server: Server, settings: Any, arguments: Any, kind: type[DsgvoError], said: str
) -> None:
    client = mode.client("innogpt", server, **settings)
    error = raised(kind, made, mode, client, **{"prompt": PROMPT} | arguments)
    assert said in str(error)
    assert error.provider == (None if kind is ConfigurationError else "innogpt")
    assert not server.requests


@pytest.mark.parametrize("locked", ["folder", "file", "folder of the file"])
def test_what_cannot_be_written_to_costs_no_image(
    mode: Mode, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: str
) -> None:
    target = tmp_path if locked == "folder" else tmp_path / "a.png"
    if locked == "file":
        target.write_bytes(b"alt")
    closed = target if locked == "file" else tmp_path  # as root, everything can be written to
    monkeypatch.setattr("os.access", lambda path, _: path != closed)
    client = mode.client("innogpt", server)
    error = raised(ConfigurationError, made, mode, client, save_to=target)
    assert str(error) == f"save_to={str(target)!r} cannot be written to"
    assert not server.requests


@pytest.mark.parametrize("provider", ["meingpt", "neuroflash", "sovrgpt"])
def test_other_vendors_document_no_image_generation(
    mode: Mode, server: Server, provider: str
) -> None:
    error = raised(CapabilityError, made, mode, mode.client(provider, server))
    spec = PROVIDERS[provider]
    assert str(error) == f"{spec.title} documents no image generation ({spec.page})"
    assert error.provider == provider
    assert not server.requests


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ({"data": [{"b64_json": "kein base64!"}]}, APIResponseError, "one that is not base64"),
        ("<html><title>Anmelden</title>", APIResponseError, "a web page titled 'Anmelden'"),
        ({"error": {"message": "no", "code": "rate_limit_exceeded"}}, RateLimitError, "no"),
    ],
)
def test_an_answer_without_an_image(
    mode: Mode, server: Server, body: Any, kind: type[DsgvoError], said: str
) -> None:
    server.script("innogpt", Status(200, body=body))
    assert said in str(raised(kind, made, mode, mode.client("innogpt", server)))


SVG = b"<svg/>"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http(SVG, kind="image/svg+xml"), None),
        (http(SVG, kind="IMAGE/SVG+XML"), None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<svg/>", APIResponseError),
        (http(b"<html><title>Anmelden</title>", kind="text/html"), APIResponseError),
        (http(b"", kind="image/png"), APIResponseError),
        (http(b"", status=404), NotFoundError),
        (http(b"", status=302, headers=["Location: https://example.com"]), RedirectError),
        (http(PNG * 100, kind="image/png"), APIResponseError),  # beyond the bound
    ],
)
def test_an_address_without_an_image_writes_no_file(
    mode: Mode, server: Server, tmp_path: Path, answer: bytes, kind: type[DsgvoError] | None
) -> None:
    client, target = mode.client("innogpt", server, max_response_bytes=1000), tmp_path / "a.svg"
    with raw_server(answer) as store:
        server.script("innogpt", reply(url=f"{store.url}/1.png"))
        if kind is None:
            made(mode, client, save_to=target)
            assert target.read_bytes() == SVG
        else:
            error = raised(kind, made, mode, client, save_to=target)
            assert not list(tmp_path.iterdir())
            if len(answer) > 1000:
                assert str(error).startswith("innoGPT: an image of more than 1000 bytes; max_")


@pytest.mark.parametrize(
    "url", ["http://example.com/1.png", "ftp://example.com/1.png", "file:///etc/hosts", "http://["]
)
def test_an_address_is_fetched_over_tls_or_not_at_all(
    mode: Mode, server: Server, tmp_path: Path, url: str
) -> None:
    server.script("innogpt", reply(url=url), reply(url=url))
    client = mode.client("innogpt", server)
    assert made(mode, client).url == url  # reading it needs no fetching
    with pytest.raises(APIResponseError, match="is not fetched"):
        made(mode, client, save_to=tmp_path)


def test_retries_and_errors_are_those_of_any_request(
    mode: Mode, server: Server, naps: list[float]
) -> None:
    client = mode.client("innogpt", server)
    server.script("innogpt", Status(503))
    assert made(mode, client).data is not None
    assert len(naps) == 1
    prompt = "Das Gesicht von Erika Mustermann"
    error = raised(BadRequestError, made, mode, client, prompt, response_format="bmp")
    assert "Mustermann" not in str(error)
    server.script("innogpt", Status(400, message=f"Prompt refused: {prompt}"))
    assert "Mustermann" not in str(raised(BadRequestError, made, mode, client, prompt))
    gone = mode.client("innogpt", api_key="sk-1", base_url="http://127.0.0.1:9", max_retries=0)
    raised(APIConnectionError, made, mode, gone)
