"""Parts of a message made of what a user has: the edges, and what the messages say."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS, file_part, image_part
from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.providers import Model
from dsgvo.wire.files import Upload, check_parts, images_refused, take_upload
from tests.core.support import raised

INNOGPT, SOVRGPT = PROVIDERS["innogpt"], PROVIDERS["sovrgpt"]
WEB = "https://example.com/image.jpg"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
PDF = b"%PDF-1.7 ..."


def encoded(data: bytes) -> str:
    return b64encode(data).decode()


PNG_URL = f"data:image/png;base64,{encoded(PNG)}"
PDF_URL = f"data:application/pdf;base64,{encoded(PDF)}"


FOLDER = {
    "foto.png": PNG,
    "skizze.svg": b"<svg/>",
    "bericht.pdf": PDF,
    "bericht": PDF,
    "tabelle.csv": PDF,
    "tabelle": b"a;b",
    "leer.pdf": b"",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the tables name, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, data in FOLDER.items():
        Path(name).write_bytes(data)


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        *(({"url": url}, url) for url in (WEB, WEB.upper(), PNG_URL)),
        *(({"data": data}, PNG_URL) for data in (PNG, encoded(PNG))),
        *(({"path": path}, PNG_URL) for path in ("foto.png", Path("foto.png"))),
        ({"path": "skizze.svg"}, f"data:image/svg+xml;base64,{encoded(b'<svg/>')}"),
        ({"data": b"<svg/>", "mime_type": "a/b"}, f"data:a/b;base64,{encoded(b'<svg/>')}"),
        ({"data": b"\xff\xd8\xff\xe0"}, "data:image/jpeg;base64,/9j/4A=="),
        ({"data": b"GIF89a"}, "data:image/gif;base64,R0lGODlh"),
        ({"data": b"RIFF....WEBP"}, "data:image/webp;base64,UklGRi4uLi5XRUJQ"),
    ],
)
def test_an_image_from_wherever_it_is(arguments: dict[str, Any], url: str) -> None:
    image = {"url": url}
    assert image_part(**arguments) == {"type": "image_url", "image_url": image}
    detailed = image_part(**arguments, detail="low")
    assert detailed == {"type": "image_url", "image_url": image | {"detail": "low"}}


CSV, PLAIN = "text/csv", "text/plain"
AS_PDF = ("document.pdf", "application/pdf", None)


@pytest.mark.parametrize(
    ("arguments", "upload"),
    [
        ({"path": "bericht.pdf"}, ("bericht.pdf", "application/pdf", Path("bericht.pdf"))),
        ({"path": "bericht", "name": "Q3.pdf"}, ("Q3.pdf", "application/pdf", Path("bericht"))),
        ({"path": "tabelle.csv"}, ("tabelle.csv", CSV, Path("tabelle.csv"))),
        (
            {"path": Path("tabelle.csv"), "mime_type": PLAIN},
            ("tabelle.csv", PLAIN, Path("tabelle.csv")),
        ),
        *(({"data": data}, (*AS_PDF, PDF)) for data in (PDF, encoded(PDF))),
        ({"data": b"a;b", "mime_type": CSV}, ("document", CSV, None, b"a;b")),
        ({"url": PDF_URL, "name": "Q3.pdf"}, ("Q3.pdf", "application/pdf", None, PDF)),
        (  # a data URL says its type
            {"url": "data:text/csv;base64,YTti", "mime_type": PLAIN},
            ("document", CSV, None, b"a;b"),
        ),
        ({"url": "data:;base64,YTti", "mime_type": PLAIN}, ("document", PLAIN, None, b"a;b")),
        ({"url": "data:;base64,JVBERi0="}, (*AS_PDF, b"%PDF-")),
    ],
)
def test_a_document_beside_the_request(arguments: dict[str, Any], upload: Any) -> None:
    part = file_part(**arguments)
    assert part == {"type": "upload", "upload": Upload(*upload)}
    assert "PDF-" not in repr(part)


def test_a_document_that_the_vendor_fetches() -> None:
    where = {"url": WEB, "mime_type": "application/pdf"}
    assert file_part(url=WEB) == {"type": "file_url", "file_url": where}
    assert file_part(url=WEB, mime_type="text/csv")["file_url"]["mime_type"] == "text/csv"


@pytest.mark.parametrize("make", [image_part, file_part])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "pass one of url, data, path, not none"),
        ({"url": WEB, "data": PNG}, "pass one of url, data, path, not url and data"),
        *(
            ({"url": url}, f"url='{url}' is not a web address: pass path=… for a local")
            for url in ("foto.jpg", "file:///etc/hosts")
        ),
        ({"url": f"ftp://{'x' * 200}"}, f"url='ftp://{'x' * 94}' is not a web address"),
        *(({"data": data}, "the data is empty") for data in (b"", "")),
        *(({"data": data}, "the data is text, but not base64") for data in ("ä", "iVBO!Rw==")),
        ({"data": b"????"}, "the type of the data is unknown: pass mime_type=…"),
        ({"path": "nirgends.png"}, "path='nirgends.png' is not a file"),
        ({"path": "leer.pdf"}, "the file 'leer.pdf' is empty"),
        ({"path": "tabelle"}, "the type of tabelle is unknown: pass mime_type=…"),
    ],
)
def test_what_is_neither_image_nor_document(
    make: Any, arguments: dict[str, Any], said: str
) -> None:
    kind = make.__name__.removesuffix("_part")
    assert str(raised(ConfigurationError, make, **arguments)).startswith(f"{kind}: {said}")


def test_data_urls_of_another_form_and_files_that_may_not_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for url in ("data:text/plain,hallo", "data:application/pdf;base64,eHg=,JVBERi0="):
        assert "not base64" in str(raised(ConfigurationError, file_part, url=url))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    for make, kind in ((image_part, "image"), (file_part, "file")):
        said = str(raised(ConfigurationError, make, path="bericht"))
        assert said.startswith(f"{kind}: 'bericht' is unreadable: ")
        assert "Permission denied" in said


# What is sent beside a request


def asked(*parts: Any, role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "content": list(parts)}]


def openais(file: Any) -> dict[str, Any]:
    return {"type": "file", "file": file}


UPLOAD = file_part(data=PDF)
IMAGE = image_part(url=WEB)
TEXTS = [{"type": "text", "text": "Was ist das?"}, {"type": "text", "text": "Kurz!"}]


def test_an_upload_is_taken_out_of_the_messages() -> None:
    [message], upload = take_upload(INNOGPT, asked(TEXTS[0], UPLOAD, TEXTS[1]))
    assert message == {"role": "user", "content": "Was ist das?\nKurz!"}
    assert upload == UPLOAD["upload"]
    question = {"role": "user", "content": "Fasse zusammen."}
    assert take_upload(INNOGPT, [*asked(UPLOAD), question]) == ([question], UPLOAD["upload"])
    # What is not an upload is left as it is.
    messages = [*asked(*TEXTS, IMAGE), {"role": "x"}, *asked("Hallo", 7)]
    assert take_upload(INNOGPT, messages) == (messages, None)
    assert check_parts(SOVRGPT, "m", asked("Hallo", 7, *TEXTS)) is False
    listed = asked({"type": "text", "text": "a", "cache": 1}, role="system")
    left, _ = take_upload(INNOGPT, [*listed, *asked(TEXTS[0], UPLOAD)])
    assert left[0] is listed[0]


@pytest.mark.parametrize(
    ("data", "name", "upload"),
    [
        ("YTti", "t.csv", Upload("t.csv", CSV, data=b"a;b")),
        ("JVBERi0=", None, Upload(*AS_PDF, data=b"%PDF-")),
        ("data:text/csv;base64,YTti", "t", Upload("t", CSV, data=b"a;b")),
    ],
)
def test_openais_form_is_an_upload_too(data: str, name: Any, upload: Upload) -> None:
    file = {"file_data": data} | ({"filename": name} if name else {})
    assert take_upload(INNOGPT, asked("?", openais(file)))[1] == upload


NO_DATA = "messages[0]: the file part has no data: use dsgvo.file_part(), or "
NO_STORE = "messages[0]: file_id: innoGPT documents no store of files (innoGPT: Endpoints): "
SEVERAL = "2 files are to be uploaded: innoGPT documents one a request (innoGPT: Endpoints); "


@pytest.mark.covers(
    "innogpt", "content One file a request: several are refused before sending", "Inferred"
)
@pytest.mark.parametrize(
    ("parts", "kind", "said"),
    [
        *(
            ([openais(file)], ConfigurationError, NO_DATA)
            for file in (None, {}, {"file_data": ""}, {"file_data": PDF})
        ),
        ([openais({"file_id": "file-1"})], CapabilityError, NO_STORE),
        ([UPLOAD, file_part(data=b"%PDF-2")], CapabilityError, SEVERAL),
    ],
)
def test_uploads_that_are_refused(parts: list[Any], kind: Any, said: str) -> None:
    error = raised(kind, take_upload, INNOGPT, asked(*TEXTS, *parts))
    assert str(error).startswith(said)
    assert error.provider == ("innogpt" if kind is CapabilityError else None)


# What is not taken


@pytest.mark.parametrize(
    ("provider", "role", "part", "said"),
    [
        ("sovrgpt", "user", {"type": "input_audio"}, "SovrGPT documents no input_audio input"),
        ("sovrgpt", "user", UPLOAD, "SovrGPT documents no PDF input"),
        ("sovrgpt", "user", IMAGE, "SovrGPT says that model 'blind' does not take images"),
        *(
            ("innogpt", "tool", part, "a tool's result is text alone")
            for part in (IMAGE, UPLOAD, file_part(url=WEB))
        ),
    ],
)
def test_a_part_that_is_refused_is_refused_in_the_vendors_name(
    provider: str, role: str, part: dict[str, Any], said: str
) -> None:
    known = Model(id="blind", source="a page", images=False)
    spec = replace(PROVIDERS[provider], models=(known,))
    messages = [{"role": "user", "content": "?"}, *asked(part, role=role)]
    error = raised(CapabilityError, check_parts, spec, "blind", messages)
    assert str(error).startswith(f"messages[1]: {said}")
    assert error.provider == provider
    unplaced = images_refused(spec, "m", None)
    assert str(unplaced).startswith(f"{spec.title} says that model 'm' does not take images")
    assert unplaced.provider == provider
