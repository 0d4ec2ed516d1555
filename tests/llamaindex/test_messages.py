"""Blocks and roles on the wire."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    CitableBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)

from dsgvo import PROVIDERS
from dsgvo.emulator import Server
from dsgvo.errors import CapabilityError, ConfigurationError
from llamaindex_dsgvo._messages import to_wire
from tests.llamaindex.support import bodies, llm

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
DATA_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "addiere", "arguments": '{"a":1}'},
}


def wire(*messages: ChatMessage, provider: str = "innogpt") -> list[dict[str, Any]]:
    return to_wire(messages, PROVIDERS[provider])


@pytest.mark.parametrize(
    ("role", "on_the_wire"),
    [
        (MessageRole.SYSTEM, "system"),
        (MessageRole.DEVELOPER, "system"),
        (MessageRole.USER, "user"),
        (MessageRole.ASSISTANT, "assistant"),
        (MessageRole.CHATBOT, "assistant"),
        (MessageRole.MODEL, "assistant"),
    ],
)
def test_roles(role: MessageRole, on_the_wire: str) -> None:
    assert wire(ChatMessage("Hallo", role=role)) == [{"role": on_the_wire, "content": "Hallo"}]


@pytest.mark.parametrize("role", ["tool", "function"])
def test_tool_results(role: str) -> None:
    result = ChatMessage("3", role=role, additional_kwargs={"tool_call_id": "call_1"})
    assert wire(result) == [{"role": "tool", "content": "3", "tool_call_id": "call_1"}]
    with pytest.raises(ConfigurationError, match="tool_call_id"):
        wire(ChatMessage("3", role=role))


def test_tool_calls_on_the_wire() -> None:
    blocks = [
        TextBlock(text=""),
        ToolCallBlock(tool_call_id="call_1", tool_name="addiere", tool_kwargs={"a": 1}),
    ]
    expected = [{"role": "assistant", "content": None, "tool_calls": [CALL]}]
    assert wire(ChatMessage(role="assistant", blocks=blocks)) == expected
    as_text = ToolCallBlock(tool_call_id="call_1", tool_name="addiere", tool_kwargs='{"a":1}')
    assert wire(ChatMessage(role="assistant", blocks=[as_text])) == expected


def test_tool_calls_in_openais_form() -> None:
    """Chat stores of other integrations hold them so."""
    message = ChatMessage("", role="assistant", additional_kwargs={"tool_calls": [CALL]})
    assert wire(message) == [{"role": "assistant", "content": None, "tool_calls": [CALL]}]


def test_several_texts_are_one() -> None:
    citable = CitableBlock(title="t", source="s", content=[TextBlock(text="drei")])
    blocks = [TextBlock(text="eins"), TextBlock(text="zwei"), citable]
    assert wire(ChatMessage(blocks=blocks)) == [{"role": "user", "content": "eins\nzwei\ndrei"}]


def test_images_in_each_form(tmp_path: Path) -> None:
    path = tmp_path / "bild.png"
    path.write_bytes(PNG)
    blocks = [
        TextBlock(text="Was ist das?"),
        ImageBlock(url="https://example.com/bild.jpg", detail="low"),
        ImageBlock(url=DATA_URL),
        ImageBlock(image=PNG),
        ImageBlock(image=BytesIO(PNG)),
        ImageBlock(path=path),
    ]
    (message,) = wire(ChatMessage(blocks=blocks))
    first, address, *others = message["content"]
    assert first == {"type": "text", "text": "Was ist das?"}
    assert address["image_url"] == {"url": "https://example.com/bild.jpg", "detail": "low"}
    assert others == [{"type": "image_url", "image_url": {"url": DATA_URL}}] * 4


def test_a_pdf_by_its_address(server: Server) -> None:
    blocks = [
        TextBlock(text="Fasse dieses Dokument zusammen"),
        DocumentBlock(url="https://example.com/document.pdf"),
    ]
    llm("innogpt").chat([ChatMessage(blocks=blocks)])
    assert bodies(server)[0]["messages"][0]["content"][1] == {
        "type": "file_url",
        "file_url": {"url": "https://example.com/document.pdf", "mime_type": "application/pdf"},
    }


def test_a_pdf_by_its_path_is_uploaded(server: Server) -> None:
    path = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
    blocks = [TextBlock(text="Fasse die Kernpunkte zusammen."), DocumentBlock(path=path)]
    assert llm("innogpt").chat([ChatMessage(blocks=blocks)]).message.content
    headers = server.requests[0].headers
    assert headers["content-type"].startswith("multipart/form-data")
    assert b"%PDF-" in server.requests[0].body


def test_what_no_vendor_takes() -> None:
    with pytest.raises(CapabilityError, match="AudioBlock"):
        wire(ChatMessage(blocks=[AudioBlock(audio=b"x", format="mp3")]))
    with pytest.raises(CapabilityError, match="a system message holds text alone"):
        wire(ChatMessage(role="system", blocks=[ImageBlock(image=PNG)]))


@pytest.mark.parametrize("provider", ["meingpt", "neuroflash", "sovrgpt"])
def test_documents_where_none_are_documented(provider: str, server: Server) -> None:
    document = DocumentBlock(url="https://example.com/document.pdf")
    message = ChatMessage(blocks=[TextBlock(text="Was steht darin?"), document])
    with pytest.raises(CapabilityError, match="documents no PDF input"):
        llm(provider).chat([message])
    assert server.requests == []
