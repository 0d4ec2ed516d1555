"""Images and PDFs beside a question, in each form that a user has them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS, file_part, image_part
from dsgvo.emulator import Disconnect, RefuseFields, Server, Status
from dsgvo.errors import CapabilityError, ConfigurationError, InternalServerError
from dsgvo.wire.files import Upload, check_parts, take_upload
from tests.core.support import Mode, answer, http, settings, text_of
from tests.forms import Part, form_of, payload_of
from tests.vendors import MODELS

INNOGPT = PROVIDERS["innogpt"]
HANDBOOK = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
PNG_URL = "data:image/png;base64," + b64encode(PNG).decode()
WEB = "https://example.com/image.jpg"
PDF = b"%PDF-1.7 ..."
TOOL = {
    "type": "function",
    "function": {
        "name": "get_price",
        "description": "Holt den aktuellen Preis",
        "parameters": {
            "type": "object",
            "properties": {"symbol": {"type": "string"}},
            "required": ["symbol"],
        },
    },
}


def asked(*parts: Any, text: str = "Was ist das?") -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": text}, *parts]}]


# Parts


@pytest.mark.parametrize("path_kind", [str, Path])
def test_an_image_from_wherever_it_is(tmp_path: Path, path_kind: Any) -> None:
    file = tmp_path / "foto.png"
    file.write_bytes(PNG)
    expected = {"type": "image_url", "image_url": {"url": PNG_URL}}
    assert image_part(url=WEB) == {"type": "image_url", "image_url": {"url": WEB}}
    assert image_part(url=PNG_URL) == expected
    assert image_part(data=PNG) == expected
    assert image_part(data=b64encode(PNG).decode()) == expected
    assert image_part(path=path_kind(file)) == expected
    assert image_part(url=WEB, detail="low")["image_url"] == {"url": WEB, "detail": "low"}


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF....WEBP", "image/webp"),
    ],
)
def test_the_type_of_an_image_is_seen_by_its_bytes(data: bytes, kind: str) -> None:
    assert image_part(data=data)["image_url"]["url"].startswith(f"data:{kind};base64,")


def test_a_type_that_is_given_is_taken() -> None:
    part = image_part(data=b"<svg/>", mime_type="image/svg+xml")
    assert part["image_url"]["url"].startswith("data:image/svg+xml;base64,")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "image: pass one of url, data, path, not none"),
        ({"url": WEB, "data": PNG}, "not url and data"),
        ({"url": "foto.jpg"}, "url='foto.jpg' is no web address: pass path="),
        ({"url": "file:///etc/hosts"}, "is no web address"),
        ({"data": b""}, "the data is empty"),
        ({"data": "kein base64!"}, "text, but not base64"),
        ({"data": b"????"}, "the type of the data is unknown: pass mime_type="),
        ({"path": "/nirgends/foto.png"}, "path='/nirgends/foto.png' is no file"),
    ],
)
def test_an_image_that_is_none(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        image_part(**arguments)
    assert said in str(caught.value)


def test_a_document_is_an_address_or_an_upload(tmp_path: Path) -> None:
    """An address is for the vendor to fetch; bytes and paths go beside the request."""
    file = tmp_path / "bericht.pdf"
    file.write_bytes(PDF)
    nameless = tmp_path / "bericht"
    nameless.write_bytes(PDF)
    web = "https://example.com/document.pdf"
    kind = "application/pdf"
    where = {"url": web, "mime_type": kind}
    assert file_part(url=web) == {"type": "file_url", "file_url": where}
    assert file_part(url=web, mime_type="text/csv")["file_url"]["mime_type"] == "text/csv"
    for part, upload in (
        (file_part(path=file), Upload("bericht.pdf", kind, path=file)),
        (file_part(path=str(nameless)), Upload("bericht", kind, path=nameless)),
        (file_part(path=file, name="Q3.pdf"), Upload("Q3.pdf", kind, path=file)),
        (file_part(data=PDF), Upload("document.pdf", kind, data=PDF)),
        (file_part(data=b64encode(PDF).decode()), Upload("document.pdf", kind, data=PDF)),
        (
            file_part(url=f"data:{kind};base64,{b64encode(PDF).decode()}", name="Q3.pdf"),
            Upload("Q3.pdf", kind, data=PDF),
        ),
        (file_part(data=b"a;b", mime_type="text/csv"), Upload("document", "text/csv", data=b"a;b")),
    ):
        assert part == {"type": "upload", "upload": upload}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "file: pass one of url, data, path, not none"),
        ({"url": "bericht.pdf"}, "is no web address: pass path="),
        ({"url": "data:text/plain,hallo"}, "not base64"),
        ({"data": b"\x00\x01"}, "the type of the data is unknown"),
        ({"path": "bericht.pdf"}, "path='bericht.pdf' is no file"),
    ],
)
def test_a_document_that_is_none(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        file_part(**arguments)
    assert said in str(caught.value)


def test_an_empty_file_and_one_of_unknown_type(tmp_path: Path) -> None:
    (tmp_path / "leer.pdf").touch()
    (tmp_path / "daten").write_bytes(b"\x00\x01\x02")
    with pytest.raises(ConfigurationError, match=r"leer\.pdf' is empty"):
        file_part(path=tmp_path / "leer.pdf")
    with pytest.raises(ConfigurationError, match="the type of daten is unknown: pass mime_type="):
        file_part(path=tmp_path / "daten")


def test_what_is_uploaded_does_not_show() -> None:
    assert "geheim" not in repr(file_part(data=b"%PDF-geheim"))


# Images and addresses of PDFs in a request


@pytest.mark.parametrize("how", ["chat", "stream"])
@pytest.mark.parametrize(
    "part",
    [
        pytest.param({"type": "image_url", "image_url": {"url": WEB}}, id="as the page has it"),
        image_part(url=WEB),
        image_part(data=PNG),
        file_part(url="https://example.com/document.pdf"),
    ],
)
def test_a_part_goes_out_as_it_is(
    mode: Mode, server: Server, how: str, part: dict[str, Any]
) -> None:
    messages = asked(part)
    mode.call(mode.client("innogpt", server), how, messages)
    [request] = server.requests
    assert request.json["messages"] == messages
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize("url", [WEB, PNG_URL])
def test_sovrgpt_takes_an_address_and_a_data_url(mode: Mode, server: Server, url: str) -> None:
    messages = asked(image_part(url=url))
    mode.chat(mode.client("sovrgpt", server), messages, model="gemma-4-26b-a4b")
    [request] = server.requests
    assert request.json["messages"][0]["content"][1] == {
        "type": "image_url",
        "image_url": {"url": url},
    }


@pytest.mark.covers(
    "meingpt, neuroflash, sovrgpt",
    "content PDFs are not documented: refused before sending",
    "Inferred",
)
@pytest.mark.parametrize("how", ["chat", "stream"])
@pytest.mark.parametrize("provider", ["meingpt", "neuroflash", "sovrgpt"])
@pytest.mark.parametrize(
    "part",
    [
        file_part(url="https://example.com/document.pdf"),
        file_part(data=PDF),
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}},
    ],
)
def test_a_pdf_where_none_are_documented_is_refused_before_sending(
    mode: Mode, server: Server, provider: str, part: dict[str, Any], how: str
) -> None:
    with pytest.raises(CapabilityError) as caught:
        mode.call(mode.client(provider, server), how, asked(part))
    assert str(caught.value) == (
        f"messages[0]: {PROVIDERS[provider].title} documents no PDF input "
        f"({PROVIDERS[provider].page}): put the document's text into the prompt"
    )
    assert not server.requests


@pytest.mark.covers(
    "*",
    "content Audio, video, file ids, and images in a tool's result are refused before sending",
    "Inferred",
)
@pytest.mark.parametrize("provider", list(PROVIDERS))
@pytest.mark.parametrize("kind", ["audio", "input_audio", "video", "video_url"])
def test_sound_and_film_are_documented_nowhere(
    mode: Mode, server: Server, provider: str, kind: str
) -> None:
    with pytest.raises(CapabilityError, match=rf"messages\[0\]: .* documents no {kind} input"):
        mode.chat(mode.client(provider, server), asked({"type": kind, kind: {}}))
    assert not server.requests


@pytest.mark.parametrize("part", [image_part(url=WEB), file_part(url=WEB), file_part(data=PDF)])
def test_a_tools_result_is_text_alone(part: dict[str, Any]) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Zeig!"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": [part]},
    ]
    with pytest.raises(CapabilityError, match=r"messages\[2\]: a tool's result is text alone"):
        check_parts(INNOGPT, "gpt-5", messages)


# Uploads


@pytest.mark.covers(
    "innogpt", "content Form parts `file` and `payload`: a PDF beside the chat request"
)
@pytest.mark.parametrize("how", ["chat", "stream"])
@pytest.mark.parametrize("from_disk", [True, False])
def test_an_upload_is_the_form_of_the_page(
    mode: Mode, server: Server, how: str, from_disk: bool
) -> None:
    data = HANDBOOK.read_bytes()
    part = file_part(path=HANDBOOK) if from_disk else file_part(data=data, name=HANDBOOK.name)
    question = "Ab welcher Fahrzeit darf man erste Klasse fahren?"
    answered = mode.call(
        mode.client("innogpt", server), how, asked(part, text=question), temperature=0.3
    )
    [request] = server.requests
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(request.headers["content-length"]) == len(request.body)
    form = form_of(request)
    assert form.keys() == {"file", "payload"}
    assert form["file"] == Part("06-reiserichtlinie.pdf", "application/pdf", data)
    payload = payload_of(server.requests[0])
    assert payload.pop("stream_options", None) == (
        {"include_usage": True} if how == "stream" else None
    )
    assert payload == {
        "model": MODELS["innogpt"],
        "messages": [{"role": "user", "content": question}],
        "temperature": 0.3,
        **({"stream": True} if how == "stream" else {}),
    }
    text = answered.content if how == "chat" else text_of(answered)
    assert "erste" in text.lower()
    assert "Klasse" in text


def test_openais_form_is_an_upload_too(mode: Mode, server: Server) -> None:
    data = b64encode(HANDBOOK.read_bytes()).decode()
    whole = {"file_data": f"data:application/pdf;base64,{data}", "filename": "richtlinie.pdf"}
    bare = {"file_data": data, "filename": "richtlinie.pdf"}
    for file in (whole, bare):
        mode.chat(mode.client("innogpt", server), asked({"type": "file", "file": file}))
        form = form_of(server.requests[-1])
        assert form["file"] == Part("richtlinie.pdf", "application/pdf", HANDBOOK.read_bytes())


@pytest.mark.parametrize(
    ("file", "kind", "said"),
    [
        ({"file_id": "file-1"}, CapabilityError, "file_id: innoGPT documents no store of files"),
        ({"filename": "a.pdf"}, ConfigurationError, "the file part has no data: use dsgvo.file_pa"),
        ({}, ConfigurationError, "the file part has no data"),
        (None, ConfigurationError, "the file part has no data"),
    ],
)
def test_a_file_of_openais_form_that_has_no_data(
    mode: Mode, server: Server, file: Any, kind: Any, said: str
) -> None:
    with pytest.raises(kind) as caught:
        mode.chat(mode.client("innogpt", server), asked({"type": "file", "file": file}))
    assert f"messages[0]: {said}" in str(caught.value)
    assert not server.requests


@pytest.mark.parametrize("name", ["Übersicht für März.pdf", 'mit "Zeichen"\r\n.pdf', "資料.pdf"])
def test_a_file_name_cannot_break_the_form(mode: Mode, server: Server, name: str) -> None:
    part = file_part(data=HANDBOOK.read_bytes(), name=name)
    assert mode.chat(mode.client("innogpt", server), asked(part)).finish_reason == "stop"
    raw = server.requests[0].body
    head = raw[raw.index(b'name="file"') :].split(b"\r\n\r\n")[0]
    assert len(head.splitlines()) == 2  # the disposition and the type
    assert form_of(server.requests[0])["file"].data == HANDBOOK.read_bytes()


@pytest.mark.covers("innogpt", "content A file beside tools", "Inferred")
def test_a_file_beside_tools(mode: Mode, server: Server) -> None:
    completion = mode.chat(
        mode.client("innogpt", server),
        asked(file_part(path=HANDBOOK), text="Was kostet 'BTC'?"),
        tools=[TOOL],
        tool_choice="required",
    )
    assert {call.name for call in completion.tool_calls} == {"get_price"}
    payload = payload_of(server.requests[0])
    assert payload["tools"] == [TOOL]
    assert payload["tool_choice"] == "required"


@pytest.mark.covers(
    "innogpt", "content One file a request: several are refused before sending", "Inferred"
)
def test_several_files_are_refused_with_the_reason(mode: Mode, server: Server) -> None:
    messages = asked(file_part(data=PDF), file_part(path=HANDBOOK))
    with pytest.raises(CapabilityError) as caught:
        mode.chat(mode.client("innogpt", server), messages)
    assert str(caught.value) == (
        "2 files are to be uploaded: innoGPT documents one a request (innoGPT: Endpoints); give "
        "the others as web addresses, or ask in several requests"
    )
    assert not server.requests


def test_a_file_beside_an_image_and_an_address(mode: Mode, server: Server) -> None:
    others = [image_part(url=WEB), file_part(url="https://example.com/document.pdf")]
    mode.chat(mode.client("innogpt", server), asked(file_part(path=HANDBOOK), *others))
    [message] = payload_of(server.requests[0])["messages"]
    assert message["content"] == [{"type": "text", "text": "Was ist das?"}, *others]


def test_a_file_of_an_earlier_turn_is_sent_once(mode: Mode, server: Server) -> None:
    """A conversation is sent whole, so each turn holds the file again."""
    history = [
        *asked(file_part(path=HANDBOOK), text="Worum geht es?"),
        {"role": "assistant", "content": "Um Reisen."},
        *asked(file_part(path=HANDBOOK), text="Und was gilt für Taxis?"),
    ]
    mode.chat(mode.client("innogpt", server), history)
    payload = payload_of(server.requests[0])
    assert [message["content"] for message in payload["messages"]] == [
        "Worum geht es?",
        "Um Reisen.",
        "Und was gilt für Taxis?",
    ]


def test_a_message_with_nothing_but_the_file_is_left_out() -> None:
    upload = file_part(data=PDF)
    question = {"role": "user", "content": "Fasse zusammen."}
    left, taken = take_upload(INNOGPT, [{"role": "user", "content": [upload]}, question])
    assert left == [question]
    assert taken == upload["upload"]


def test_a_file_alone_asks_nothing(mode: Mode, server: Server) -> None:
    messages = [{"role": "user", "content": [file_part(data=PDF)]}]
    with pytest.raises(ConfigurationError, match="a file is to be uploaded and nothing asked"):
        mode.chat(mode.client("innogpt", server), messages)
    assert not server.requests


def test_messages_without_an_upload_are_left_as_they_are() -> None:
    messages = [{"role": "system", "content": "Kurz."}, *asked(image_part(url=WEB)), {"role": "x"}]
    assert take_upload(INNOGPT, messages) == (messages, None)
    listed = [{"role": "system", "content": [{"type": "text", "text": "a", "cache": 1}]}]
    left, _ = take_upload(INNOGPT, [*listed, *asked(file_part(data=PDF))])
    assert left[0] is listed[0]


# Sending again


@pytest.mark.covers(
    "innogpt", "behaviour An upload is tried again by opening the file again", "Inferred"
)
@pytest.mark.parametrize("from_disk", [True, False])
@pytest.mark.parametrize("fault", [Status(503), Status(429), Disconnect()])
def test_an_upload_is_sent_again_whole(
    mode: Mode, server: Server, naps: list[float], fault: Any, from_disk: bool
) -> None:
    server.script("innogpt", fault)
    data = HANDBOOK.read_bytes()
    part = file_part(path=HANDBOOK) if from_disk else file_part(data=data)
    mode.chat(mode.client("innogpt", server), asked(part))
    assert [form_of(request)["file"].data for request in server.requests] == [data, data]
    assert len(naps) == 1


def test_an_upload_is_sent_again_without_a_refused_field(mode: Mode, server: Server) -> None:
    server.script("innogpt", RefuseFields("stream_options"))
    mode.stream(mode.client("innogpt", server), asked(file_part(path=HANDBOOK)))
    payloads = [payload_of(request) for request in server.requests]
    assert ["stream_options" in payload for payload in payloads] == [True, False]
    assert form_of(server.requests[1])["file"].data == HANDBOOK.read_bytes()


def test_max_retries_counts_for_uploads_too(mode: Mode, server: Server, naps: list[float]) -> None:
    server.script("innogpt", *[Status(503)] * 3)
    client = mode.client("innogpt", server, max_retries=1)
    with pytest.raises(InternalServerError):
        mode.chat(client, asked(file_part(path=HANDBOOK)))
    assert len(server.requests) == 2
    assert len(naps) == 1


def test_a_file_that_is_gone_is_named(
    mode: Mode, server: Server, tmp_path: Path, naps: list[float]
) -> None:
    file = tmp_path / "bericht.pdf"
    file.write_bytes(HANDBOOK.read_bytes())
    part = file_part(path=file)
    file.unlink()
    with pytest.raises(ConfigurationError, match=r"file: '.*bericht\.pdf' is unreadable"):
        mode.chat(mode.client("innogpt", server), asked(part))
    assert not server.requests
    assert not naps


def test_every_attempt_opens_the_file_and_closes_it(
    mode: Mode, server: Server, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    open_file = Path.open

    def noted(path: Path, *args: Any, **kwargs: Any) -> Any:
        opened.append(open_file(path, *args, **kwargs))
        return opened[-1]

    monkeypatch.setattr(Path, "open", noted)
    server.script("innogpt", Status(503), Status(503))
    mode.chat(mode.client("innogpt", server), asked(file_part(path=HANDBOOK)))
    assert len({id(file) for file in opened}) == len(server.requests) == 3
    assert all(file.closed for file in opened)
    assert len(naps) == 2


# Size

UPLOADER = """
import asyncio, resource, sys
import dsgvo
url, path, mode = sys.argv[1:]
part = dsgvo.file_part(path=path)
messages = [{"role": "user", "content": [{"type": "text", "text": "Worum geht es?"}, part]}]
cls = dsgvo.Client if mode == "sync" else dsgvo.AsyncClient
def ask(messages):
    client = cls("innogpt", api_key="sk-1", base_url=url, max_retries=0)
    answer = client.chat(messages, model="m")
    return answer if mode == "sync" else asyncio.run(answer)
ask([{"role": "user", "content": "Hallo!"}])  # what any request needs
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
completion = ask(messages)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(completion.content, (after - before) // 1024)
"""


@contextmanager
def draining_server() -> Iterator[tuple[str, list[int]]]:
    """Read requests of any size without keeping them; note how long each body was."""
    sizes: list[int] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        buffer = bytearray(1 << 20)
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                while head := _head(stream):
                    length = int(head["content-length"])
                    left = length
                    while left and (n := stream.readinto(memoryview(buffer)[: min(left, 1 << 20)])):
                        left -= n
                    sizes.append(length - left)
                    connection.sendall(http(answer("Angekommen.")))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", sizes
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _head(stream: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in iter(stream.readline, b""):
        if line == b"\r\n":
            return found
        name, _, value = line.decode("latin-1").partition(":")
        found[name.lower()] = value.strip()
    return {}


@pytest.mark.slow
def test_200_megabytes_are_read_while_they_are_sent(mode: Mode, tmp_path: Path) -> None:
    size = 200 * 1024 * 1024
    file = tmp_path / "gross.pdf"
    with file.open("wb") as sparse:
        sparse.write(b"%PDF-1.7")
        sparse.truncate(size)
    with draining_server() as (url, sizes):
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        done = subprocess.run(
            [sys.executable, "-c", UPLOADER, url, str(file), mode.name],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
            cwd=Path(__file__).parents[2],
            timeout=120,
        )
    said, grown = done.stdout.split()
    assert said == "Angekommen."
    assert sizes[1] > size
    assert int(grown) < 20, "megabytes"


def test_a_body_that_is_no_form_stays_json(mode: Mode, server: Server) -> None:
    client = mode.kind("innogpt", **settings("innogpt", server))
    mode.chat(client, asked(text="Hallo!"))
    assert server.requests[0].json["messages"] == asked(text="Hallo!")
    assert not re.search("multipart", server.requests[0].headers["content-type"])
