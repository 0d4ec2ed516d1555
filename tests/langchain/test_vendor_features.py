"""Images, PDFs and image generation through LangChain: its blocks in, its messages out."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.exceptions import ModelInvalidRequestError
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import SecretStr

from dsgvo.emulator import Reply, Server, Status
from dsgvo.wire.models import GeneratedImage
from langchain_dsgvo import ChatInnoGPT, ChatSovrGPT, InnoGPTImageGeneration
from langchain_dsgvo.errors import (
    AuthenticationError,
    CapabilityError,
    ConfigurationError,
    ResidencyError,
)
from tests.forms import Part, form_of, payload_of
from tests.langchain.support import Mode, Way, bodies, chat, roles

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
PDF = HANDBOOK.read_bytes()
PDF_TEXT = b64encode(PDF).decode()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
PNG_TEXT = b64encode(PNG).decode()
PNG_URL = f"data:image/png;base64,{PNG_TEXT}"
WEB_IMAGE = "https://example.com/image.jpg"
WEB_PDF = "https://example.com/document.pdf"
PDF_KIND = "application/pdf"
QUESTION = "Ab welcher Fahrzeit darf man erste Klasse fahren?"
TEXT = {"type": "text", "text": QUESTION}


@tool
def get_price(symbol: str) -> float:
    """Holt den aktuellen Preis."""
    return {"BTC": 97000.0}.get(symbol, 1.0)


def asked(*blocks: Any, text: str = QUESTION) -> list[Any]:
    return [HumanMessage(content=[{"type": "text", "text": text}, *blocks])]


# Images

V0_IMAGE = {
    "type": "image",
    "source_type": "base64",
    "data": PNG_TEXT,
    "mime_type": "image/png",
}
IN_BASE64 = {"type": "base64", "media_type": "image/png", "data": PNG_TEXT}


@pytest.mark.covers("innogpt, sovrgpt", "content `image_url` with a web address or a data URL")
@pytest.mark.parametrize(
    ("block", "url"),
    [
        ({"type": "image", "url": WEB_IMAGE}, WEB_IMAGE),
        ({"type": "image", "url": PNG_URL}, PNG_URL),
        ({"type": "image", "base64": PNG_TEXT, "mime_type": "image/png"}, PNG_URL),
        ({"type": "image", "base64": PNG, "mime_type": "image/png"}, PNG_URL),
        ({"type": "image", "source_type": "url", "url": WEB_IMAGE}, WEB_IMAGE),
        (V0_IMAGE, PNG_URL),
        ({"type": "image_url", "image_url": {"url": WEB_IMAGE}}, WEB_IMAGE),
        ({"type": "image_url", "image_url": {"url": PNG_URL}}, PNG_URL),
        ({"type": "image_url", "image_url": WEB_IMAGE}, WEB_IMAGE),
        ({"type": "image", "source": {"type": "url", "url": WEB_IMAGE}}, WEB_IMAGE),
        ({"type": "image", "source": IN_BASE64}, PNG_URL),
        ({"type": "image", "path": "foto.png"}, PNG_URL),
    ],
)
def test_an_image_in_every_form(
    server: Server, way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: Any, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("foto.png").write_bytes(PNG)
    way.answer(ChatInnoGPT(model="gpt-5"), asked(block))
    content = [TEXT, {"type": "image_url", "image_url": {"url": url}}]
    assert bodies(server)[0]["messages"] == [{"role": "user", "content": content}]


def test_what_openais_form_says_besides_is_kept(server: Server, way: Way) -> None:
    block = {"type": "image_url", "image_url": {"url": WEB_IMAGE, "detail": "low"}}
    way.answer(ChatInnoGPT(model="gpt-5"), asked(block))
    assert bodies(server)[0]["messages"][0]["content"] == [TEXT, block]


def test_an_image_for_a_model_without_vision_is_refused_before_sending(
    server: Server, way: Way
) -> None:
    with pytest.raises(CapabilityError, match="does not take images"):
        way.answer(ChatSovrGPT(model="qwen3.5-9b-text"), asked({"type": "image", "url": WEB_IMAGE}))
    assert [request.path for request in server.requests] == ["/sovrgpt/api/v1/models"]
    way.answer(ChatSovrGPT(model="gemma-4-26b-a4b"), asked({"type": "image", "url": PNG_URL}))
    assert bodies(server)[-1]["messages"][0]["content"][1]["image_url"]["url"] == PNG_URL


# PDFs


@pytest.mark.covers(
    "innogpt", "content `file_url` with `url` and `mime_type`: a PDF by its address"
)
@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ({"type": "file", "url": WEB_PDF}, PDF_KIND),
        ({"type": "file", "url": WEB_PDF, "mime_type": PDF_KIND}, PDF_KIND),
        ({"type": "file", "url": WEB_PDF, "mime_type": "text/csv"}, "text/csv"),
        ({"type": "file", "source_type": "url", "url": WEB_PDF, "mime_type": PDF_KIND}, PDF_KIND),
        ({"type": "file_url", "file_url": {"url": WEB_PDF, "mime_type": PDF_KIND}}, PDF_KIND),
        ({"type": "document", "source": {"type": "url", "url": WEB_PDF}}, PDF_KIND),
        ({"type": "text-plain", "url": WEB_PDF, "mime_type": "text/plain"}, "text/plain"),
    ],
)
def test_a_pdf_by_its_address(server: Server, way: Way, block: Any, kind: str) -> None:
    way.answer(ChatInnoGPT(model="gpt-5"), asked(block))
    file = {"type": "file_url", "file_url": {"url": WEB_PDF, "mime_type": kind}}
    assert bodies(server)[0]["messages"][0]["content"] == [TEXT, file]


V0_FILE = {"type": "file", "source_type": "base64", "data": PDF_TEXT, "mime_type": PDF_KIND}
PDF_URL = f"data:{PDF_KIND};base64,{PDF_TEXT}"
PDF_SOURCE = {"type": "base64", "media_type": PDF_KIND, "data": PDF_TEXT}


@pytest.mark.covers(
    "innogpt", "content Form parts `file` and `payload`: a PDF beside the chat request"
)
@pytest.mark.parametrize(
    ("block", "name"),
    [
        ({"type": "file", "base64": PDF_TEXT, "mime_type": PDF_KIND}, "document.pdf"),
        ({"type": "file", "base64": PDF_TEXT}, "document.pdf"),
        ({"type": "file", "base64": PDF}, "document.pdf"),
        ({"type": "file", "base64": PDF_TEXT, "filename": "r.pdf"}, "r.pdf"),
        ({"type": "file", "base64": PDF_TEXT, "extras": {"filename": "r.pdf"}}, "r.pdf"),
        ({"type": "file", "url": PDF_URL}, "document.pdf"),
        (V0_FILE, "document.pdf"),
        (V0_FILE | {"metadata": {"filename": "r.pdf"}}, "r.pdf"),
        ({"type": "file", "file": {"file_data": PDF_URL, "filename": "r.pdf"}}, "r.pdf"),
        ({"type": "file", "file": {"file_data": PDF_TEXT, "filename": "r.pdf"}}, "r.pdf"),
        ({"type": "document", "title": "r.pdf", "source": PDF_SOURCE}, "r.pdf"),
        ({"type": "file", "path": str(HANDBOOK)}, "06-reiserichtlinie.pdf"),
    ],
)
def test_a_pdf_that_the_user_holds_is_uploaded(
    server: Server, way: Way, block: Any, name: str
) -> None:
    answer = way.answer(ChatInnoGPT(model="gpt-5"), asked(block))
    [request] = server.requests
    assert form_of(request)["file"] == Part(name, PDF_KIND, PDF)
    assert payload_of(request)["messages"] == [{"role": "user", "content": QUESTION}]
    assert "Klasse" in answer.text  # the emulator has read the PDF


def test_a_file_beside_tools_is_asked_about_turn_after_turn(server: Server, way: Way) -> None:
    model = ChatInnoGPT(model="gpt-5").bind_tools([get_price], tool_choice="any")
    file = asked({"type": "file", "path": str(HANDBOOK)})
    history = [SystemMessage("Kurz."), *file, AIMessage("Ja."), HumanMessage("Was kostet 'BTC'?")]
    answer = way.answer(model, history)
    assert {call["name"] for call in answer.tool_calls} == {"get_price"}
    [request] = server.requests
    assert form_of(request)["file"].data == PDF
    payload = payload_of(request)
    assert payload["tools"][0]["function"]["name"] == "get_price"
    assert roles(payload["messages"]) == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text-plain", "text": "Nur Text."},
        {"type": "text-plain", "base64": b64encode(b"Nur Text.").decode()},
        {"type": "document", "source": {"type": "text", "data": "Nur Text."}},
    ],
)
def test_a_document_that_is_text_is_sent_as_text(
    server: Server, mode: Mode, provider: str, block: Any
) -> None:
    mode.invoke(chat(provider), asked(block, text="Was steht da?"))
    assert bodies(server)[0]["messages"][0]["content"] == "Was steht da?\nNur Text."


# What is refused

BY_ID = "the {} block names a file by its id: none of the vendors documents a store of files"
ID_SOURCE = {"type": "file", "file_id": "f-1"}
SOUND = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}
HELD, LINKED = {"type": "file", "base64": PDF_TEXT}, {"type": "file", "url": WEB_PDF}


@pytest.mark.parametrize(
    ("block", "kind", "said"),
    [
        (ID_SOURCE, CapabilityError, BY_ID.format("file")),
        ({"type": "image", "file_id": "f-1"}, CapabilityError, BY_ID.format("image")),
        ({"type": "file", "source_type": "id", "id": "f-1"}, CapabilityError, BY_ID[13:]),
        ({"type": "file", "file": {"file_id": "f-1"}}, CapabilityError, "store of files"),
        ({"type": "document", "source": ID_SOURCE}, CapabilityError, BY_ID.format("document")),
        ({"type": "audio", "base64": "AA=="}, CapabilityError, "documents audio input"),
        ({"type": "video", "url": "https://example.com/v"}, CapabilityError, "documents video"),
        (SOUND, CapabilityError, "documents audio input"),
        ({"type": "input_audio"}, CapabilityError, "documents no input_audio input"),
        ({"type": "image"}, ConfigurationError, "the image block has no url, base64 or path"),
        ({"type": "file"}, ConfigurationError, "the file block has no url, base64 or path"),
        ({"type": "image", "url": "foto.jpg"}, ConfigurationError, "web address: pass path="),
        ({"type": "text-plain", "base64": "/w=="}, ConfigurationError, "not UTF-8 text"),
        ({"type": "file", "path": "/nirgends.pdf"}, ConfigurationError, "is not a file"),
        ({"grad": 21}, ConfigurationError, "keys 'grad' has no type"),
    ],
)
def test_what_nobody_takes_is_refused_with_the_reason(
    server: Server, way: Way, block: Any, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind) as caught:
        way.answer(ChatInnoGPT(model="gpt-5"), asked(block))
    assert said in str(caught.value)
    assert isinstance(caught.value, ModelInvalidRequestError)
    assert server.requests == []


@pytest.mark.parametrize(
    ("vendor", "blocks", "said"),
    [
        (
            "innogpt",
            [HELD, {"type": "file", "path": __file__}],
            "2 files .*: innoGPT documents one",
        ),
        ("meingpt", [HELD], "documents no PDF input"),
        ("neuroflash", [LINKED], "documents no PDF input"),
        ("sovrgpt", [HELD], "documents no PDF input"),
        ("sovrgpt", [LINKED], "documents no PDF input"),
    ],
)
def test_pdfs_that_a_vendor_does_not_take(
    server: Server, way: Way, vendor: str, blocks: list[Any], said: str
) -> None:
    with pytest.raises(CapabilityError, match=said):
        way.answer(chat(vendor), asked(*blocks))
    assert server.requests == []


# Image generation

CALL = {"name": "generate_image", "args": {"prompt": "Icon"}, "id": "1", "type": "tool_call"}


def test_the_image_tool(server: Server, mode: Mode) -> None:
    image_tool = InnoGPTImageGeneration()
    assert (image_tool.name, list(image_tool.args)) == ("generate_image", ["prompt"])
    assert mode.invoke(image_tool, {"prompt": "Icon"}).startswith("The image was made (")
    server.script("innogpt", Status(200, body={"data": [{"url": "https://example.com/1.png"}]}))
    said = mode.invoke(InnoGPTImageGeneration(model="gpt-image-1"), {"prompt": "Icon"})
    assert said == "The image is at https://example.com/1.png"
    assert bodies(server) == [{"prompt": "Icon"}, {"prompt": "Icon", "model": "gpt-image-1"}]


@pytest.mark.parametrize("saved", [True, False])
def test_a_tool_message_carries_the_image_as_artifact(
    mode: Mode, tmp_path: Path, saved: bool
) -> None:
    message = mode.invoke(InnoGPTImageGeneration(save_dir=tmp_path if saved else None), CALL)
    assert isinstance(message, ToolMessage)
    assert isinstance(message.artifact, GeneratedImage)
    assert message.artifact.data is not None
    if saved:
        assert message.content == f"The image is in the file {tmp_path / 'image-1.png'}"
        assert (tmp_path / "image-1.png").read_bytes() == message.artifact.data
    else:
        assert "The image was made" in message.text


def test_an_agent_makes_images(server: Server, mode: Mode, tmp_path: Path) -> None:
    prompts = ["ein Icon mit Brief", "ein Icon mit Stift"]
    calls = [
        {"name": "generate_image", "arguments": {"prompt": prompt}, "id": f"c{n}"}
        for n, prompt in enumerate(prompts)
    ]
    server.script("innogpt", Reply(tool_calls=calls), path="/chat/completions")
    agent = create_agent(chat("innogpt"), [InnoGPTImageGeneration(save_dir=tmp_path)])
    state = mode.invoke(agent, {"messages": [HumanMessage("Mach mir zwei Icons.")]})
    made = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    assert [message.tool_call_id for message in made] == ["c0", "c1"]
    paths = {message.artifact.path for message in made}
    assert paths == {tmp_path / "image-1.png", tmp_path / "image-2.png"}
    assert all(message.artifact.path.read_bytes() == message.artifact.data for message in made)
    asked_for = [r.json["prompt"] for r in server.requests if r.path.endswith("/generations")]
    assert sorted(asked_for) == prompts
    results = [m["content"] for m in bodies(server)[-1]["messages"] if m["role"] == "tool"]
    assert results == [message.content for message in made]
    assert isinstance(state["messages"][-1], AIMessage)


@pytest.mark.parametrize(
    ("arguments", "prompt", "kind", "said"),
    [
        ({"save_dir": "/nirgends"}, "x", ConfigurationError, "save_dir='/nirgends' is not a fold"),
        ({"modell": "x"}, "x", ConfigurationError, "no argument 'modell': did you mean 'model'?"),
        ({"api_key": 7}, "x", ConfigurationError, "api_key is a int, not a str"),
        ({}, "", ConfigurationError, "prompt is empty"),
        ({"api_key": SecretStr("sk-wrong")}, "x", AuthenticationError, "api_key"),
        ({"residency": "strict"}, "x", ResidencyError, "innoGPT does not say which"),
    ],
)
def test_errors_of_the_image_tool(
    mode: Mode, arguments: Any, prompt: str, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind) as caught:
        mode.invoke(InnoGPTImageGeneration(**arguments), {"prompt": prompt})
    assert said in str(caught.value)
