"""Images made after a prompt: answered as an address or as bytes, and saved on wish."""

import asyncio
import re
import socket
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dsgvo import errors
from dsgvo.emulator import Server, Status
from dsgvo.wire.models import GeneratedImage
from tests.core.support import Mode, http, raised, raw_server

PNG, JPEG = b"\x89PNG\r\n\x1a\n" + bytes(8), b"\xff\xd8\xff\xe0" + bytes(8)
PNG_TEXT, PROMPT = b64encode(PNG).decode(), "ein minimalistisches App-Icon"


def made(mode: Mode, client: Any, prompt: str = PROMPT, **kwargs: Any) -> GeneratedImage:
    return mode.call(client, "generate_image", prompt, **kwargs)


def reply(**image: Any) -> Status:
    return Status(200, body={"created": 1, "data": [image]})


@pytest.mark.covers(
    "innogpt", "behaviour A generated image comes as `url` or as `b64_json`", "Inferred"
)
def test_the_request_of_the_page_and_both_forms_of_an_answer(mode: Mode, server: Server) -> None:
    web = "https://example.com/1.png"
    server.script("innogpt", reply(b64_json=PNG_TEXT), reply(url=web, revised_prompt="ein Icon"))
    client = mode.client("innogpt", server)
    fields = {"model": "gpt-image-1", "size": "1024x1024", "response_format": "b64_json"}
    assert made(mode, client) == GeneratedImage(None, PNG, None)
    assert made(mode, client, **fields, quality=None) == GeneratedImage(web, None, "ein Icon")
    assert (made(mode, client).data or b"").startswith(b"\x89PNG")
    request, with_fields, _ = server.requests
    assert (request.method, request.path) == ("POST", "/innogpt/api/ext/v1/images/generations")
    assert request.headers["authorization"] == f"Bearer {server.api_key}"
    assert (request.json, with_fields.json) == ({"prompt": PROMPT}, {"prompt": PROMPT} | fields)


@pytest.mark.covers(
    "innogpt", "behaviour A generated image's address is fetched without the key", "Inferred"
)
@pytest.mark.parametrize("at", ["another host's", "the vendor's own"])
def test_an_address_is_fetched_without_the_key(mode: Mode, tmp_path: Path, at: str) -> None:
    def serve(request: bytes, _: socket.socket) -> bytes:
        if not request.startswith(b"POST"):
            return http(PNG, kind="image/png")
        host = store.url if at == "another host's" else vendor.url
        return http({"data": [{"url": f"{host}/abc.png?sig=1"}]})

    with raw_server(serve) as store, raw_server(serve) as vendor:
        own, icon = {"x-gateway-key": "gateway-secret"}, tmp_path / "image-1.png"
        given: Any = {"api_key": "sk-secret", "default_headers": own, "default_query": own}
        client = mode.client("innogpt", vendor, **given)
        image = made(mode, client, save_to=tmp_path if at == "the vendor's own" else icon)
        asked, other = len(vendor.requests), len(store.requests)
        fetched = (store if other else vendor).requests[-1].lower()
    assert (asked, other) == ((1, 1) if at == "another host's" else (2, 0))
    assert fetched.startswith(b"get /abc.png?sig=1 http/1.1\r\n")
    assert b"accept: image/*" in fetched
    assert not any(word in fetched for word in (b"authorization", b"secret"))
    assert (image.path, image.data, icon.read_bytes()) == (icon, PNG, PNG)
    assert str(image) == f"The image is in the file {image.path}"


def test_named_files_alone_are_replaced(mode: Mode, server: Server, tmp_path: Path) -> None:
    mine = tmp_path / "image-1.png"
    mine.write_bytes(b"mine")
    images = (PNG, JPEG, b"II*\0", JPEG)
    server.script("innogpt", *[reply(b64_json=b64encode(d).decode()) for d in images])
    client = mode.client("innogpt", server)
    paths = [made(mode, client, save_to=tmp_path).path for _ in range(3)]
    assert paths == [tmp_path / n for n in ("image-2.png", "image-1.jpg", "image-3.png")]
    assert mine.read_bytes() == b"mine"
    assert (made(mode, client, save_to=str(mine)).path, mine.read_bytes()) == (mine, JPEG)


def test_images_made_at_once_do_not_overwrite_each_other(server: Server, tmp_path: Path) -> None:
    blocking, awaited = (Mode(name).client("innogpt", server) for name in ("sync", "async"))
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(lambda p: blocking.generate_image(p, save_to=tmp_path), "ab" * 8))

    async def gathered() -> list[GeneratedImage]:
        calls = [awaited.generate_image(prompt, save_to=tmp_path) for prompt in "cd" * 8]
        return await asyncio.gather(*calls)

    images += asyncio.run(gathered())
    assert len({image.path for image in images}) == len(list(tmp_path.iterdir())) == 32
    assert all(image.path and image.path.read_bytes() == image.data for image in images)


REFUSED: list[tuple[str, dict[str, Any], type[errors.DsgvoError], str]] = [
    ("innogpt", {"prompt": " "}, errors.ConfigurationError, "prompt is empty or not a str"),
    ("innogpt", {"extra_body": {"prompt": "x"}}, errors.ConfigurationError, "['prompt'] would"),
    ("innogpt", {"save_to": "/n/i"}, errors.ConfigurationError, "'/n/i': the folder does not"),
    ("innogpt", {"save_to": "a\0"}, errors.ConfigurationError, r"save_to='a\x00' cannot be"),
    ("innogpt", {"model": 5}, errors.ConfigurationError, "model=5"),
    ("innogpt", {"save_to": 5}, errors.ConfigurationError, "save_to is a int: use a path"),
    ("innogpt", {"n": 10**5000}, errors.CapabilityError, "n=<int>: one image"),
    ("innogpt", {"allow_image_url": 5}, errors.ConfigurationError, "allow_image_url"),
    ("innogpt", {"n": 2}, errors.CapabilityError, "n=2: one image a request is read: call genera"),
    ("sovrgpt", {}, errors.CapabilityError, "documents no image generation (SovrGPT: "),
]


def test_what_is_refused_before_sending(mode: Mode, server: Server) -> None:
    for provider, arguments, kind, said in REFUSED:
        client = mode.client(provider, server)
        error = raised(kind, made, mode, client, **{"prompt": PROMPT} | arguments)
        assert said in str(error)
        assert error.provider == (None if kind is errors.ConfigurationError else provider)
    assert not server.requests


def test_what_cannot_be_written_to_costs_no_image(
    mode: Mode, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, target = mode.client("innogpt", server), tmp_path / "a.png"
    for closed in (tmp_path, target):  # as root, everything can be written to
        monkeypatch.setattr("os.access", lambda path, _, closed=closed: path != closed)
        error = raised(errors.ConfigurationError, made, mode, client, save_to=target)
        assert str(error) == f"save_to={str(target)!r} cannot be written to"
        target.write_bytes(b"alt")
    assert not server.requests


def test_an_address_of_no_image_writes_no_file(mode: Mode, server: Server, tmp_path: Path) -> None:
    client, target = mode.client("innogpt", server), tmp_path / "a.svg"
    for answer, kind in (
        (http(b"<!-- --><html>", kind="image/png"), errors.APIResponseError),
        (http(b"", status=404), errors.NotFoundError),
        (b"HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\nx", errors.APIResponseError),
        (http(b"", status=302, headers=["Location: https://example.com"]), errors.RedirectError),
    ):
        with raw_server(answer) as store:
            server.script("innogpt", reply(url=f"{store.url}/1.png"))
            error = raised(kind, made, mode, client, save_to=target)
            assert error.image == GeneratedImage(f"{store.url}/1.png", None, None)
            assert [one in str(error) for one in ("`image` has its", "base_url")] == [True, False]
        assert not list(tmp_path.iterdir())
    with raw_server(http(b"<svg/>", kind="IMAGE/SVG+XML")) as store:
        server.script("innogpt", *[reply(url=f"{store.url}/1.png")] * 5)
        made(mode, client, save_to=target, allow_image_url=bool)
        assert target.read_bytes() == b"<svg/>"
        (full := tmp_path / "voll").symlink_to("/dev/full")
        said = "cannot be written to: No space left on device; the image is in .data"
        for to in ("/dev/full", full):
            with pytest.warns(UserWarning, match=f"^save_to='{to}' {said}$") as told:
                image = made(mode, client, save_to=to)
            assert (image.data, [one.category for one in told]) == (b"<svg/>", [UserWarning])
    for error, allow in (errors.APIResponseError, str.isdigit), (errors.APIConnectionError, int):
        assert raised(error, made, mode, client, save_to=target, allow_image_url=allow).image


def test_retries_and_errors_are_any_requests(mode: Mode, server: Server, naps: list[float]) -> None:
    client, prompt = mode.client("innogpt", server), "Das Gesicht von Erika Mustermann"
    server.script("innogpt", Status(503), Status(400, message=f"Prompt refused: {prompt}"))
    assert "Prompt refused: ***" in str(raised(errors.BadRequestError, made, mode, client, prompt))
    assert len(naps) == 1
    server.script("neuroflash", Status(404), path="/image_generation/")
    client, model = mode.client("neuroflash", server), "anthropic/claude-sonnet-4.5"
    said = str(raised(errors.NotFoundError, made, mode, client, model=model))
    assert re.search("is not in your plan.* makes images at `POST …/image_generation/`", said)
