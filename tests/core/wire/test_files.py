"""Parts of a message made of what a user has: the edges, and what the messages say."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.providers import Model
from dsgvo.wire.files import check_parts, file_part, image_part, images_refused, take_upload

WEB = "https://example.com/image.jpg"


@pytest.mark.parametrize(
    "url", ["http://intranet.example/a.jpg", "HTTPS://EXAMPLE.COM/A.JPG", "data:image/png;base64,A"]
)
def test_an_address_goes_out_as_it_is(url: str) -> None:
    assert image_part(url=url) == {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize(
    ("url", "given", "kind"),
    [
        ("data:text/csv;base64,YTti", None, "text/csv"),
        ("data:text/csv;base64,YTti", "text/plain", "text/csv"),
        ("data:;base64,YTti", "text/plain", "text/plain"),
        ("data:;base64,JVBERi0=", None, "application/pdf"),
    ],
)
def test_a_data_url_says_the_type_of_its_document(url: str, given: Any, kind: str) -> None:
    upload = file_part(url=url, mime_type=given, name="n")["upload"]
    assert (upload.mime_type, upload.name) == (kind, "n")


def test_a_data_url_of_two_halves_is_none() -> None:
    with pytest.raises(ConfigurationError, match="not base64"):
        file_part(url="data:application/pdf;base64,eHg=,JVBERi0=")


def test_a_document_is_of_the_type_given_else_of_its_name_else_of_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "tabelle.csv"
    file.write_bytes(b"%PDF-")
    assert file_part(path=file)["upload"].mime_type == "text/csv"
    assert file_part(path=file, mime_type="text/plain")["upload"].mime_type == "text/plain"
    nameless = file.rename(tmp_path / "tabelle")
    assert file_part(path=nameless)["upload"].mime_type == "application/pdf"
    nameless.write_bytes(b"a;b")
    with pytest.raises(ConfigurationError) as caught:
        file_part(path=nameless)
    assert str(caught.value) == "file: the type of tabelle is unknown: pass mime_type=…"


def test_texts_beside_an_upload_become_one_text() -> None:
    texts = [{"type": "text", "text": "Was ist das?"}, {"type": "text", "text": "Kurz!"}]
    part = file_part(data=b"%PDF-")
    [message], upload = take_upload(
        PROVIDERS["innogpt"], [{"role": "user", "content": [texts[0], part, texts[1]]}]
    )
    assert message == {"role": "user", "content": "Was ist das?\nKurz!"}
    assert upload == part["upload"]


def openais(**file: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": ["?", {"type": "file", "file": file}]}]


@pytest.mark.parametrize("data", [None, "", 7, b"%PDF-"])
def test_a_file_part_without_data_says_how_it_should_be(data: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^messages\[0\]: the file part has no data: use"):
        take_upload(PROVIDERS["innogpt"], openais(file_data=data))


def test_a_file_part_is_of_the_type_that_its_name_says() -> None:
    _, upload = take_upload(PROVIDERS["innogpt"], openais(file_data="YTti", filename="t.csv"))
    assert upload is not None
    assert (upload.name, upload.mime_type, upload.data) == ("t.csv", "text/csv", b"a;b")
    _, nameless = take_upload(PROVIDERS["innogpt"], openais(file_data="JVBERi0="))
    assert nameless is not None
    assert (nameless.name, nameless.mime_type) == ("document.pdf", "application/pdf")


def test_a_file_of_another_services_store_is_refused_by_name() -> None:
    part = {"type": "file", "file": {"file_id": "file-1"}}
    with pytest.raises(CapabilityError, match=r"^messages\[0\]: file_id: innoGPT ") as caught:
        take_upload(PROVIDERS["innogpt"], [{"role": "user", "content": [part]}])
    assert caught.value.provider == "innogpt"


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


PDF = file_part(data=b"%PDF-")
IMAGE = image_part(url=WEB)


@pytest.mark.parametrize(
    ("role", "part", "said"),
    [
        ("user", {"type": "input_audio"}, "SovrGPT documents no input_audio input"),
        ("user", PDF, "SovrGPT documents no PDF input"),
        ("tool", IMAGE, "a tool's result is text alone"),
    ],
)
def test_a_part_that_is_refused_is_refused_in_the_vendors_name(
    role: str, part: dict[str, Any], said: str
) -> None:
    messages = [{"role": "user", "content": "?"}, {"role": role, "content": [part]}]
    with pytest.raises(CapabilityError) as caught:
        check_parts(PROVIDERS["sovrgpt"], "m", messages)
    assert str(caught.value).startswith(f"messages[1]: {said}")
    assert caught.value.provider == "sovrgpt"


def test_two_uploads_are_refused_in_the_vendors_name() -> None:
    parts = [{"type": "text", "text": "?"}, PDF, file_part(data=b"%PDF-2")]
    with pytest.raises(CapabilityError, match=r"^2 files are to be uploaded: innoGPT ") as caught:
        take_upload(PROVIDERS["innogpt"], [{"role": "user", "content": parts}])
    assert caught.value.provider == "innogpt"


def test_an_image_for_a_model_that_takes_none_says_which_and_where() -> None:
    blind = "m-text"
    known = Model(id=blind, source="a page", images=False)
    spec = replace(PROVIDERS["sovrgpt"], models=(known,))
    messages = [{"role": "user", "content": "?"}, {"role": "user", "content": [IMAGE]}]
    with pytest.raises(CapabilityError) as caught:
        check_parts(spec, blind, messages)
    said = f"messages[1]: SovrGPT says that model {blind!r} does not take images"
    assert str(caught.value).startswith(said)
    assert caught.value.provider == "sovrgpt"
