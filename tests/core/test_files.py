"""Images and PDFs beside a question, as they go out; wire/test_files.py tells how they are made."""

import os
from base64 import b64encode
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dsgvo import PROVIDERS, file_part, image_part
from dsgvo.emulator import Disconnect, Server, Status
from dsgvo.errors import CapabilityError, ConfigurationError, RateLimitError
from dsgvo.transport import _request
from tests.core.support import Mode, raised
from tests.forms import Part, form_of, payload_of
from tests.vendors import MODELS

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
DATA, LINK = HANDBOOK.read_bytes(), file_part(url="https://example.com/document.pdf")
UPLOAD = file_part(path=HANDBOOK)
TOOL = {"type": "function", "function": {"name": "get_price", "parameters": {"type": "object"}}}
FORMS = pytest.mark.parametrize(
    "part", [UPLOAD, file_part(data=DATA, name=HANDBOOK.name)], ids=["from disk", "from memory"]
)


def asked(*parts: Any, text: str = "Was ist das?") -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": text}, *parts]}]


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
def test_what_is_not_documented_is_not_sent(mode: Mode, server: Server, provider: str) -> None:
    client, spec = mode.client(provider, server), PROVIDERS[provider]
    for kind in ("audio", "input_audio", "video", "video_url"):
        error = raised(CapabilityError, mode.ask, client, asked({"type": kind, kind: {}}))
        assert f" documents no {kind} input" in str(error)
    openais = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}
    for part in (LINK, UPLOAD, openais) if provider != "innogpt" else ():
        message = {"role": "user", "content": (part,)}  # a tuple is a list, too
        error = raised(CapabilityError, mode.ask, client, [message])
        assert str(error) == (
            f"messages[0]: {spec.title} documents no PDF input ({spec.page}): put the document's "
            "text into the prompt"
        )
        assert error.provider == provider
    assert not server.requests


@pytest.mark.covers(
    "innogpt", "content Form parts `file` and `payload`: a PDF beside the chat request"
)
@pytest.mark.parametrize("how", ["chat", "stream"])
@FORMS
def test_an_upload_is_the_form_of_the_page(mode: Mode, server: Server, how: str, part: Any) -> None:
    question = "Ab welcher Fahrzeit darf man erste Klasse fahren?"
    client = mode.client("innogpt", server)
    answered = mode.call(client, how, asked(part, text=question), temperature=0.3)
    [request] = server.requests
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(request.headers["content-length"]) == len(request.body)
    assert request.headers["user-agent"].startswith("dsgvo-llm/")
    form = form_of(request)
    assert form.keys() == {"file", "payload"}
    assert form["file"] == Part("06-reiserichtlinie.pdf", "application/pdf", DATA)
    assert payload_of(request) == {
        "model": MODELS["innogpt"],
        "messages": [{"role": "user", "content": question}],
        "temperature": 0.3,
        **({"stream": True, "stream_options": {"include_usage": True}} if how == "stream" else {}),
    }
    text = answered.content if how == "chat" else answered[-1].completion.content
    assert "erste Klasse" in text


def test_a_file_name_cannot_break_the_form(mode: Mode, server: Server) -> None:
    for name in ("Übersicht für März.pdf", 'mit "Zeichen"\r\n.pdf', "資料.pdf"):
        mode.ask(mode.client("innogpt", server), asked(file_part(data=DATA, name=name)))
        raw = server.requests[-1].body
        head = raw[raw.index(b'name="file"') :].split(b"\r\n\r\n")[0]
        assert len(head.splitlines()) == 2  # the disposition and the type
        assert form_of(server.requests[-1])["file"].data == DATA


@pytest.mark.covers("innogpt", "content A file beside tools", "Inferred")
def test_a_file_beside_tools_an_image_and_an_address(mode: Mode, server: Server) -> None:
    image = image_part(url="https://example.com/image.jpg", detail="low")
    messages = asked(UPLOAD, image, LINK, text="Was kostet 'BTC'?")
    tools = {"tools": [TOOL], "tool_choice": "required"}
    completion = mode.ask(mode.client("innogpt", server), messages, **tools)
    assert {call.name for call in completion.tool_calls} == {"get_price"}
    payload = payload_of(server.requests[0])
    assert payload.items() >= tools.items()
    assert payload["messages"] == asked(image, LINK, text="Was kostet 'BTC'?")


def test_a_file_that_is_gone_or_beside_nothing_is_refused_before_sending(
    mode: Mode, server: Server, tmp_path: Path, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bericht.pdf"
    file.write_bytes(DATA)
    gone = asked(file_part(path=file, name="M\udcfcller.pdf"))  # as a name of the disk may be
    client = mode.client("innogpt", server)
    now = (bool, "unreadable"), (lambda: os.mkfifo(file), "empty or no file"), (file.touch, "empty")
    for make, why in now:
        file.unlink(missing_ok=True)
        make()
        with pytest.raises(ConfigurationError, match=rf"file: '.*bericht\.pdf' is {why}"):
            mode.ask(client, gone)
    file.write_bytes(DATA)
    for size in (len(DATA) - 1, len(DATA) + 1):  # the head of the form has said it
        found = SimpleNamespace(st_size=size, st_mode=file.stat().st_mode)
        monkeypatch.setattr(_request, "fstat", lambda _, found=found: found)
        with pytest.raises(ConfigurationError, match="has changed while it was sent"):
            mode.ask(client, gone)
    error = raised(ConfigurationError, mode.ask, client, [{"role": "user", "content": [UPLOAD]}])
    assert str(error).startswith("a file is to be uploaded and nothing asked: add a text")
    assert (server.requests, naps) == ([], [])
    monkeypatch.undo()
    file.write_bytes(DATA * 9)  # read in several pieces
    assert mode.ask(client, gone)


def test_a_file_of_an_earlier_turn_is_sent_once(mode: Mode, server: Server) -> None:
    file = {"file_data": b64encode(DATA).decode(), "filename": HANDBOOK.name}
    said = ["Worum geht es?", "Um Reisen.", "Und was gilt für Taxis?"]
    for part in (UPLOAD, {"type": "file", "file": file}):
        first, last = (asked(dict(part), text=text) for text in said[::2])
        history = [*first, {"role": "assistant", "content": said[1]}, *last]
        mode.ask(mode.client("innogpt", server), history)
        payload, form = payload_of(server.requests[-1]), form_of(server.requests[-1])
        assert [message["content"] for message in payload["messages"]] == said
        assert form["file"] == Part(HANDBOOK.name, "application/pdf", DATA)


@pytest.mark.covers(
    "innogpt", "behaviour An upload is tried again by opening the file again", "Inferred"
)
@FORMS
def test_every_attempt_sends_the_whole_file_and_closes_it(
    mode: Mode, server: Server, naps: list[float], monkeypatch: pytest.MonkeyPatch, part: Any
) -> None:
    opened: list[Any] = []
    document = _request._Document
    noted: Any = lambda path: opened.append(document(path)) or opened[-1]  # noqa: E731
    monkeypatch.setattr(_request, "_Document", noted)
    server.script("innogpt", Disconnect(), Status(503), Status(429, message=f"{HANDBOOK.name}!"))
    client = mode.client("innogpt", server, max_retries=2)
    assert "429: ***!" in str(raised(RateLimitError, mode.ask, client, asked(part)))
    assert [form_of(request)["file"].data for request in server.requests] == [DATA] * 3
    assert len({id(file) for file in opened}) == (3 if part is UPLOAD else 0)
    assert (all(file.closed for file in opened), len(naps)) == (True, 2)
