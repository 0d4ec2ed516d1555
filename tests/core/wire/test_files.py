"""Parts of a message made of what a user has: the edges, and what the messages say."""

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from dsgvo import PROVIDERS, file_part, image_part
from dsgvo.errors import CapabilityError, ConfigurationError, DsgvoError
from dsgvo.providers import Model
from dsgvo.wire.files import Upload, check_parts, images_refused, take_upload
from tests.core.support import raised

INNOGPT, SOVRGPT = PROVIDERS["innogpt"], PROVIDERS["sovrgpt"]
WEB = "https://example.com/image.jpg"
PNG, PDF = b"\x89PNG\r\n\x1a\n" + bytes(8), b"%PDF-1.7 ..."


def encoded(data: bytes) -> str:
    return b64encode(data).decode()


PNG_URL = f"data:image/png;base64,{encoded(PNG)}"
PDF_URL = f"data:application/pdf;base64,{encoded(PDF)}"
FOLDER = {"foto.png": PNG, "skizze.svg": b"<svg/>", "tabelle": b"a;b", "leer.pdf": b""}
FOLDER |= dict.fromkeys(("bericht.pdf", "bericht", "tabelle.csv"), PDF)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the tables name, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, data in FOLDER.items():
        Path(name).write_bytes(data)


SVG = f"base64,{encoded(b'<svg/>')}"
# arguments → address
IMAGES: list[tuple[dict[str, Any], str]] = [
    *(({"url": url}, url) for url in (WEB, WEB.upper(), "http://example.com/a", PNG_URL)),
    *(({"data": data}, PNG_URL) for data in (PNG, encoded(PNG))),
    ({"path": "foto.png"}, PNG_URL),
    ({"path": Path("skizze.svg")}, f"data:image/svg+xml;{SVG}"),
    ({"data": b"<svg/>", "mime_type": "Image/b"}, f"data:Image/b;{SVG}"),
    ({"data": b"\xff\xd8\xff\xe0"}, "data:image/jpeg;base64,/9j/4A=="),
    ({"data": b"RIFF....WEBPVP8"}, "data:image/webp;base64,UklGRi4uLi5XRUJQVlA4"),
]


def test_an_image_from_wherever_it_is() -> None:
    for arguments, url in IMAGES:
        assert image_part(**arguments) == {"type": "image_url", "image_url": {"url": url}}
    detailed = {"type": "image_url", "image_url": {"url": WEB, "detail": "low"}}
    assert image_part(url=WEB, detail="low") == detailed


CSV, PLAIN, AS_PDF = "text/csv", "text/plain", ("document.pdf", "application/pdf", None)
TABLE = Path("tabelle.csv")
# arguments → name, type, path and data of the upload
UPLOADS: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({"path": "bericht.pdf"}, ("bericht.pdf", "application/pdf", Path("bericht.pdf"))),
    ({"path": "bericht", "name": "Q3.pdf"}, ("Q3.pdf", "application/pdf", Path("bericht"))),
    ({"path": "tabelle.csv"}, ("tabelle.csv", CSV, TABLE)),
    ({"path": TABLE, "mime_type": PLAIN}, ("tabelle.csv", PLAIN, TABLE)),
    ({"data": PDF}, (*AS_PDF, PDF)),
    ({"data": b"a;b", "mime_type": CSV}, ("document", CSV, None, b"a;b")),
    ({"url": PDF_URL, "name": "Q3.pdf"}, ("Q3.pdf", "application/pdf", None, PDF)),
    # a data URL says its type
    ({"url": f"data:{CSV};base64,YTti", "mime_type": PLAIN}, ("document", CSV, None, b"a;b")),
    ({"url": "data:;base64,YTti", "mime_type": PLAIN}, ("document", PLAIN, None, b"a;b")),
]


def test_a_document_beside_the_request_or_that_the_vendor_fetches() -> None:
    for arguments, upload in UPLOADS:
        part = file_part(**arguments)
        assert part == {"type": "upload", "upload": Upload(*upload)}
        assert "PDF-" not in repr(part)
    where = {"url": WEB, "mime_type": "application/pdf"}
    assert file_part(url=WEB) == {"type": "file_url", "file_url": where}
    assert file_part(url=WEB, mime_type=CSV)["file_url"] == {"url": WEB, "mime_type": CSV}


NEITHER: list[tuple[dict[str, Any], str]] = [
    ({}, "pass one of url, data, path, not none"),
    ({"url": WEB, "data": PNG}, "pass one of url, data, path, not url and data"),
    ({"data": 5}, "data is a int"),
    ({"url": f"ftp://{'x' * 200}"}, f"url='ftp://{'x' * 94}' is not a web address"),
    *(({"data": data}, "the data is empty") for data in (b"", "")),
    *(({"data": data}, "the data is text, but not base64") for data in ("ä", "iVBO!Rw==")),
    *(
        ({"data": data}, "the type of the data is unknown: pass mime_type=…")
        for data in (b"????", b"RIFF....WAVE")
    ),
    ({"path": "nirgends.png"}, "path='nirgends.png' is not a file"),
    *(({"path": path}, f"path='{path}' is unreadable") for path in ("~niemand/x", "x" * 300)),
    ({"path": "leer.pdf"}, "the file 'leer.pdf' is empty"),
    ({"data": PNG, "mime_type": "a/b\r\nX: y"}, r"mime_type='a/b\r\nX: y' is no type such"),
    ({"path": "tabelle"}, "the type of tabelle is unknown: pass mime_type=…"),
]


def test_what_is_neither_image_nor_document(monkeypatch: pytest.MonkeyPatch) -> None:
    for make, kind in ((image_part, "image"), (file_part, "file")):
        for arguments, said in NEITHER:
            error = raised(ConfigurationError, make, **arguments)
            assert str(error).startswith(f"{kind}: {said}")
    for url in ("data:text/plain,hallo", "data:application/pdf;base64,eHg=,JVBERi0="):
        assert "not base64" in str(raised(ConfigurationError, file_part, url=url))
    for wrong in ({"path": "bericht"}, {"data": PDF}):
        said = "image: 'application/pdf' is no image's type: pass it as a file"
        assert str(raised(ConfigurationError, image_part, **wrong)) == said
    monkeypatch.setattr(Path, "open", Mock(side_effect=PermissionError))
    error = raised(ConfigurationError, image_part, path="foto.png")
    assert str(error).startswith("image: 'foto.png' is unreadable")


# What is sent beside a request


def asked(*parts: Any, role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "content": list(parts)}]


def openais(file: Any) -> dict[str, Any]:
    return {"type": "file", "file": file}


UPLOAD, IMAGE = file_part(data=PDF), image_part(url=WEB)
TEXTS = [{"type": "text", "text": "Was ist das?"}, {"type": "text", "text": "Kurz!"}]
# OpenAI's form → the upload
OPENAIS: list[tuple[dict[str, Any], Upload]] = [
    ({"file_data": "YTti", "filename": "t.csv"}, Upload("t.csv", CSV, data=b"a;b")),
    ({"file_data": f"data:{CSV};base64,YTti", "filename": "t"}, Upload("t", CSV, data=b"a;b")),
]


def test_an_upload_is_taken_out_of_the_messages() -> None:
    left = [{"role": "user", "content": "Was ist das?\nKurz!"}]
    assert take_upload(INNOGPT, asked(TEXTS[0], UPLOAD, TEXTS[1])) == (left, UPLOAD["upload"])
    question = {"role": "user", "content": "Fasse zusammen."}
    assert take_upload(INNOGPT, [*asked(UPLOAD), question]) == ([question], UPLOAD["upload"])
    for file, upload in OPENAIS:
        assert take_upload(INNOGPT, asked("?", openais(file))) == (asked("?"), upload)
    # What is not an upload is left as it is.
    messages = [*asked(*TEXTS, IMAGE), {"role": "x"}, *asked("Hallo", 7)]
    assert take_upload(INNOGPT, messages) == (messages, None)
    assert check_parts(SOVRGPT, "m", asked("Hallo", 7, *TEXTS)) is None
    error = raised(ConfigurationError, check_parts, SOVRGPT, "m", asked({"type": 7}))
    assert str(error) == "messages[0]: a part's type is a int, not a str"
    listed = asked({"type": "text", "text": "a", "cache": 1}, role="system")
    assert take_upload(INNOGPT, [*listed, *asked(TEXTS[0], UPLOAD)])[0][0] is listed[0]


NO_DATA = "messages[0]: the file part has no data: use dsgvo.file_part(), or "
NO_STORE = "messages[0]: file_id: innoGPT documents no store of files (innoGPT: Endpoints): "
SEVERAL = "2 files are to be uploaded: innoGPT documents one a request (innoGPT: Endpoints); "
REFUSED: list[tuple[list[Any], type[DsgvoError], str]] = [
    *(
        ([openais(file)], ConfigurationError, NO_DATA)
        for file in (None, {"file_data": ""}, {"file_data": PDF})
    ),
    ([{"type": "upload", "upload": 5}], ConfigurationError, "messages[0]: use dsgvo.file_part()"),
    ([openais({"file_id": "file-1"})], CapabilityError, NO_STORE),
    ([UPLOAD, file_part(data=b"%PDF-2")], CapabilityError, SEVERAL),
]


@pytest.mark.covers(
    "innogpt", "content One file a request: several are refused before sending", "Inferred"
)
def test_uploads_that_are_refused() -> None:
    for parts, kind, said in REFUSED:
        error = raised(kind, take_upload, INNOGPT, asked(*TEXTS, *parts))
        assert str(error).startswith(said)
        assert error.provider == ("innogpt" if kind is CapabilityError else None)


def test_images_for_blind_models_and_files_in_results_of_tools() -> None:
    """What no model takes is in core/test_files.py."""
    blind = replace(SOVRGPT, models=(Model(id="blind", source="a page", images=False),))
    said = "SovrGPT says that model 'blind' does not take images: use another one"
    assert str(images_refused(SOVRGPT, "blind", None)) == said
    refused = [(blind, "user", IMAGE, f"messages[1]: {said}")]
    for part in (IMAGE, UPLOAD, file_part(url=WEB)):
        refused.append((INNOGPT, "tool", part, "messages[1]: a tool's result is text alone"))
    for spec, role, part, words in refused:
        messages = [{"role": "user", "content": "?"}, *asked(part, role=role)]
        error = raised(CapabilityError, check_parts, spec, "blind", messages)
        assert str(error).startswith(words)
        assert error.provider == spec.name
