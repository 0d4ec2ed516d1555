"""Images and PDFs beside a question, as they go out; wire/test_files.py tells how they are made."""

from __future__ import annotations

import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dsgvo import PROVIDERS, file_part, image_part
from dsgvo.emulator import Disconnect, RefuseFields, Server, Status
from dsgvo.errors import CapabilityError, ConfigurationError, RateLimitError
from tests.core.support import Mode, answer, http, raised, run_python
from tests.forms import Part, form_of, payload_of
from tests.vendors import MODELS

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
DATA = HANDBOOK.read_bytes()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
WEB = "https://example.com/image.jpg"
LINK = file_part(url="https://example.com/document.pdf")
UPLOAD = file_part(path=HANDBOOK)
TOOL = {"type": "function", "function": {"name": "get_price", "parameters": {"type": "object"}}}


def asked(*parts: Any, text: str = "Was ist das?") -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": text}, *parts]}]


# Images and addresses of PDFs in a request


@pytest.mark.parametrize(
    ("provider", "part"),
    [
        *(("innogpt", part) for part in (image_part(data=PNG, detail="low"), LINK)),
        ("sovrgpt", image_part(url=WEB)),
    ],
)
def test_a_part_goes_out_as_it_is(
    mode: Mode, server: Server, provider: str, part: dict[str, Any]
) -> None:
    model = {"innogpt": MODELS["innogpt"], "sovrgpt": "gemma-4-26b-a4b"}[provider]
    mode.ask(mode.client(provider, server), asked(part), model=model)
    [request] = server.requests
    assert request.json["messages"] == asked(part)
    assert request.headers["content-type"] == "application/json"


@pytest.mark.covers(
    "meingpt, neuroflash, sovrgpt",
    "content PDFs are not documented: refused before sending",
    "Inferred",
)
@pytest.mark.covers(
    "*",
    "content Audio, video, file ids, and images in a tool's result are refused before sending",
    "Inferred",
)
@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_what_is_not_documented_is_refused_before_sending(
    mode: Mode, server: Server, provider: str
) -> None:
    client, spec = mode.client(provider, server), PROVIDERS[provider]
    for kind in ("audio", "input_audio", "video", "video_url"):
        error = raised(CapabilityError, mode.ask, client, asked({"type": kind, kind: {}}))
        assert f" documents no {kind} input" in str(error)
    openais = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}
    for part in (LINK, UPLOAD, openais) if provider != "innogpt" else ():
        assert str(raised(CapabilityError, mode.ask, client, asked(part))) == (
            f"messages[0]: {spec.title} documents no PDF input ({spec.page}): put the document's "
            "text into the prompt"
        )
    assert not server.requests


# Uploads


@pytest.mark.covers(
    "innogpt", "content Form parts `file` and `payload`: a PDF beside the chat request"
)
@pytest.mark.parametrize("how", ["chat", "stream"])
@pytest.mark.parametrize(
    "part", [UPLOAD, file_part(data=DATA, name=HANDBOOK.name)], ids=["from disk", "from memory"]
)
def test_an_upload_is_the_form_of_the_page(mode: Mode, server: Server, how: str, part: Any) -> None:
    question = "Ab welcher Fahrzeit darf man erste Klasse fahren?"
    client = mode.client("innogpt", server)
    answered = mode.call(client, how, asked(part, text=question), temperature=0.3)
    [request] = server.requests
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(request.headers["content-length"]) == len(request.body)
    form = form_of(request)
    assert form.keys() == {"file", "payload"}
    assert form["file"] == Part("06-reiserichtlinie.pdf", "application/pdf", DATA)
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    assert payload_of(request) == {
        "model": MODELS["innogpt"],
        "messages": [{"role": "user", "content": question}],
        "temperature": 0.3,
        **(streamed if how == "stream" else {}),
    }
    text = answered.content if how == "chat" else answered[-1].completion.content
    assert "erste Klasse" in text


@pytest.mark.parametrize("name", ["Übersicht für März.pdf", 'mit "Zeichen"\r\n.pdf', "資料.pdf"])
def test_a_file_name_cannot_break_the_form(mode: Mode, server: Server, name: str) -> None:
    mode.ask(mode.client("innogpt", server), asked(file_part(data=DATA, name=name)))
    raw = server.requests[0].body
    head = raw[raw.index(b'name="file"') :].split(b"\r\n\r\n")[0]
    assert len(head.splitlines()) == 2  # the disposition and the type
    assert form_of(server.requests[0])["file"].data == DATA


@pytest.mark.covers("innogpt", "content A file beside tools", "Inferred")
def test_a_file_beside_tools_an_image_and_an_address(mode: Mode, server: Server) -> None:
    messages = asked(UPLOAD, image_part(url=WEB), LINK, text="Was kostet 'BTC'?")
    tools = {"tools": [TOOL], "tool_choice": "required"}
    completion = mode.ask(mode.client("innogpt", server), messages, **tools)
    assert {call.name for call in completion.tool_calls} == {"get_price"}
    payload = payload_of(server.requests[0])
    assert payload.items() >= tools.items()
    [message] = payload["messages"]
    assert message["content"] == [messages[0]["content"][0], image_part(url=WEB), LINK]


def test_a_file_that_is_gone_or_beside_nothing_is_refused_before_sending(
    mode: Mode, server: Server, tmp_path: Path, naps: list[float]
) -> None:
    file = tmp_path / "bericht.pdf"
    file.write_bytes(DATA)
    gone, client = asked(file_part(path=file)), mode.client("innogpt", server)
    file.unlink()
    with pytest.raises(ConfigurationError, match=r"file: '.*bericht\.pdf' is unreadable"):
        mode.ask(client, gone)
    alone = [{"role": "user", "content": [UPLOAD]}]
    error = raised(ConfigurationError, mode.ask, client, alone)
    assert str(error).startswith("a file is to be uploaded and nothing asked: add a text")
    assert (server.requests, naps) == ([], [])


def test_a_file_of_an_earlier_turn_is_sent_once(mode: Mode, server: Server) -> None:
    """A conversation is sent whole, so each turn holds the file again; in OpenAI's form too."""
    file = {"file_data": b64encode(DATA).decode(), "filename": HANDBOOK.name}
    said = ["Worum geht es?", "Um Reisen.", "Und was gilt für Taxis?"]
    for part in (lambda: file_part(path=HANDBOOK), lambda: {"type": "file", "file": file}):
        history = [
            *asked(part(), text=said[0]),
            {"role": "assistant", "content": said[1]},
            *asked(part(), text=said[2]),
        ]
        mode.ask(mode.client("innogpt", server), history)
        payload, form = payload_of(server.requests[-1]), form_of(server.requests[-1])
        assert [message["content"] for message in payload["messages"]] == said
        assert form["file"] == Part(HANDBOOK.name, "application/pdf", DATA)


# Sending again


@pytest.mark.covers(
    "innogpt", "behaviour An upload is tried again by opening the file again", "Inferred"
)
@pytest.mark.parametrize("part", [UPLOAD, file_part(data=DATA)], ids=["from disk", "from memory"])
def test_every_attempt_sends_the_whole_file_and_closes_it(
    mode: Mode, server: Server, naps: list[float], monkeypatch: pytest.MonkeyPatch, part: Any
) -> None:
    opened: list[Any] = []
    open_file = Path.open

    def noted(path: Path, *args: Any, **kwargs: Any) -> Any:
        opened.append(open_file(path, *args, **kwargs))
        return opened[-1]

    monkeypatch.setattr(Path, "open", noted)
    server.script("innogpt", Disconnect(), Status(503), Status(429))
    client = mode.client("innogpt", server, max_retries=2)
    raised(RateLimitError, mode.ask, client, asked(part))
    assert [form_of(request)["file"].data for request in server.requests] == [DATA] * 3
    assert len({id(file) for file in opened}) == (3 if part is UPLOAD else 0)
    assert all(file.closed for file in opened)
    assert len(naps) == 2


def test_an_upload_is_sent_again_without_a_refused_field(mode: Mode, server: Server) -> None:
    server.script("innogpt", RefuseFields("stream_options"))
    mode.stream(mode.client("innogpt", server), asked(UPLOAD))
    payloads = [payload_of(request) for request in server.requests]
    assert ["stream_options" in payload for payload in payloads] == [True, False]
    assert form_of(server.requests[1])["file"].data == DATA


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


class Drain(BaseHTTPRequestHandler):
    """Reads requests of any size without keeping them, and notes how long each was."""

    protocol_version = "HTTP/1.1"
    sizes: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        left = int(self.headers["content-length"])
        self.sizes.append(left)
        while left and (data := self.rfile.read(min(left, 1 << 20))):
            left -= len(data)
        assert not left
        self.wfile.write(http(answer("Angekommen.")))


@pytest.mark.slow
def test_200_megabytes_are_read_while_they_are_sent(mode: Mode, tmp_path: Path) -> None:
    size = 200 * 1024 * 1024
    file = tmp_path / "gross.pdf"
    with file.open("wb") as sparse:
        sparse.write(b"%PDF-1.7")
        sparse.truncate(size)
    with ThreadingHTTPServer(("127.0.0.1", 0), Drain) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        said, grown = run_python(UPLOADER, url, str(file), mode.name).decode().split()
        server.shutdown()
    assert said == "Angekommen."
    assert Drain.sizes.pop() > size
    assert int(grown) < 20, "megabytes"
