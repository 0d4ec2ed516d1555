"""Parts of a message made of what a user has: the edges, and what the messages say."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.errors import ConfigurationError
from dsgvo.wire.files import check_parts, file_part, image_part, images_refused, take_upload

WEB = "https://example.com/image.jpg"


@pytest.mark.parametrize(
    "url", ["http://intranet.example/a.jpg", "HTTPS://EXAMPLE.COM/A.JPG", "data:image/png;base64,A"]
)
def test_an_address_goes_out_as_it_is(url: str) -> None:
    assert image_part(url=url) == {"type": "image_url", "image_url": {"url": url}}


def test_an_image_is_of_the_type_that_its_name_says_if_its_bytes_do_not(tmp_path: Path) -> None:
    drawing = tmp_path / "skizze.svg"
    drawing.write_bytes(b"<svg/>")
    expected = f"data:image/svg+xml;base64,{b64encode(b'<svg/>').decode()}"
    assert image_part(path=drawing)["image_url"] == {"url": expected}
    nameless = drawing.rename(tmp_path / "skizze")
    with pytest.raises(ConfigurationError, match="the type of skizze is unknown: pass mime_type="):
        image_part(path=nameless)


@pytest.mark.parametrize("make", [image_part, file_part])
def test_a_message_names_what_was_to_be_made_and_quotes_little(make: Any) -> None:
    kind = make.__name__.removesuffix("_part")
    for arguments, said in (
        ({"url": "x" * 5000}, f"{kind}: url='{'x' * 100}' is no web address: pass path="),
        ({"data": b""}, f"{kind}: the data is empty"),
        ({"data": "kein base64!"}, f"{kind}: the data is text, but not base64"),
        ({"data": "JV!BERi0="}, f"{kind}: the data is text, but not base64"),
        ({"data": b"????"}, f"{kind}: the type of the data is unknown: pass mime_type="),
        ({"path": "/nirgends/a.png"}, f"{kind}: path='/nirgends/a.png' is no file"),
        ({"url": WEB, "data": b"x"}, f"{kind}: pass one of url, data, path, not url and data"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make(**arguments)
        assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("make", "opened"), [(image_part, "read_bytes"), (file_part, "open")], ids=["image", "file"]
)
def test_a_file_that_may_not_be_read(
    make: Any, opened: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "bericht"
    secret.write_bytes(b"%PDF-")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, opened, refuse)
    with pytest.raises(ConfigurationError) as caught:
        make(path=secret)
    kind = make.__name__.removesuffix("_part")
    assert str(caught.value).startswith(f"{kind}: {str(secret)!r} is unreadable: ")
    assert "Permission denied" in str(caught.value)


@pytest.mark.parametrize("index", [None, 0, 3])
def test_an_image_that_is_refused_says_where_it_is(index: int | None) -> None:
    error = images_refused(PROVIDERS["sovrgpt"], "m", index)
    where = "" if index is None else f"messages[{index}]: "
    assert str(error).startswith(f"{where}SovrGPT says that model 'm' does not take images")
    assert error.provider == "sovrgpt"


def test_parts_that_are_no_objects_are_the_servers_to_refuse() -> None:
    messages = [{"role": "user", "content": ["Hallo", 7, {"type": "text", "text": "Du"}]}]
    assert check_parts(PROVIDERS["sovrgpt"], "m", messages) is False
    assert take_upload(PROVIDERS["innogpt"], messages) == (messages, None)
