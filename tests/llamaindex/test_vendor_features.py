"""Images, PDFs and image generation through LlamaIndex: its blocks in, its responses out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    VideoBlock,
)
from llama_index.core.tools import FunctionTool

from dsgvo import errors
from dsgvo.emulator import Server, Status
from llamaindex_dsgvo import InnoGPT, InnoGPTImageToolSpec
from tests.forms import Part, form_of, payload_of
from tests.llamaindex.support import Mode, bodies, llm

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
PDF = HANDBOOK.read_bytes()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
PNG_URL = f"data:image/png;base64,{b64encode(PNG).decode()}"
WEB_IMAGE = "https://example.com/image.jpg"
WEB_PDF = "https://example.com/document.pdf"
PDF_KIND = "application/pdf"
QUESTION = "Ab welcher Fahrzeit darf man erste Klasse fahren?"
TEXT = {"type": "text", "text": QUESTION}


def get_price(symbol: str) -> float:
    """Holt den aktuellen Preis."""
    return {"BTC": 97000.0}.get(symbol, 1.0)


TOOLS = [FunctionTool.from_defaults(get_price).metadata.to_openai_tool()]


def ask(mode: Mode, model: Any, *blocks: Any, text: str = QUESTION, **options: Any) -> Any:
    """Ask about blocks: whole if blocking, streamed if awaited."""
    messages = [ChatMessage(role="user", blocks=[TextBlock(text=text), *blocks])]
    if mode.is_async:
        return mode.listed(model, "stream_chat", messages, **options)[-1]
    return mode.call(model, "chat", messages, **options)


# Images


IMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "address": (lambda _: ImageBlock(url=WEB_IMAGE), WEB_IMAGE),
    "data URL": (lambda _: ImageBlock(url=PNG_URL), PNG_URL),
    "bytes": (lambda _: ImageBlock(image=PNG), PNG_URL),
    "stream": (lambda _: ImageBlock(image=BytesIO(PNG)), PNG_URL),
    "path": (lambda path: ImageBlock(path=path), PNG_URL),
}


@pytest.mark.covers("innogpt, sovrgpt", "content `image_url` with a web address or a data URL")
@pytest.mark.parametrize("form", IMAGES)
def test_an_image_in_every_form(server: Server, mode: Mode, tmp_path: Path, form: str) -> None:
    path = tmp_path / "foto.png"
    path.write_bytes(PNG)
    block, url = IMAGES[form]
    ask(mode, InnoGPT(model="gpt-5"), block(path))
    content = [TEXT, {"type": "image_url", "image_url": {"url": url}}]
    assert bodies(server)[0]["messages"] == [{"role": "user", "content": content}]


def test_an_image_for_a_model_without_vision_is_refused_before_sending(
    server: Server, mode: Mode
) -> None:
    with pytest.raises(errors.CapabilityError, match="does not take images"):
        ask(mode, llm("sovrgpt", model="qwen3.5-9b-text"), ImageBlock(url=WEB_IMAGE))
    assert [request.path for request in server.requests] == ["/sovrgpt/api/v1/models"]
    ask(mode, llm("sovrgpt", model="gemma-4-26b-a4b"), ImageBlock(image=PNG))
    assert bodies(server)[-1]["messages"][0]["content"][1]["image_url"]["url"] == PNG_URL


# PDFs


@pytest.mark.covers(
    "innogpt", "content `file_url` with `url` and `mime_type`: a PDF by its address"
)
@pytest.mark.parametrize(
    ("block", "kind"),
    [
        (DocumentBlock(url=WEB_PDF), PDF_KIND),
        (DocumentBlock(url="https://example.com/d"), PDF_KIND),
        (DocumentBlock(url=WEB_PDF, document_mimetype="text/csv"), "text/csv"),
    ],
)
def test_a_pdf_by_its_address(server: Server, mode: Mode, block: DocumentBlock, kind: str) -> None:
    ask(mode, InnoGPT(model="gpt-5"), block)
    file = {"type": "file_url", "file_url": {"url": block.url, "mime_type": kind}}
    assert bodies(server)[0]["messages"][0]["content"] == [TEXT, file]


UPLOADS: dict[str, tuple[Callable[[], DocumentBlock], str]] = {
    "path": (lambda: DocumentBlock(path=HANDBOOK), HANDBOOK.name),
    "bytes": (lambda: DocumentBlock(data=PDF), "document.pdf"),
    "stream": (lambda: DocumentBlock(data=BytesIO(PDF)), "document.pdf"),
    "named bytes": (lambda: DocumentBlock(data=PDF, title="r.pdf"), "r.pdf"),
}


@pytest.mark.covers(
    "innogpt", "content Form parts `file` and `payload`: a PDF beside the chat request"
)
@pytest.mark.parametrize("form", UPLOADS)
def test_a_pdf_that_the_user_holds_is_uploaded(server: Server, mode: Mode, form: str) -> None:
    make, name = UPLOADS[form]
    answer = ask(mode, InnoGPT(model="gpt-5"), make())
    [request] = server.requests
    assert form_of(request)["file"] == Part(name, PDF_KIND, PDF)
    assert payload_of(request)["messages"] == [{"role": "user", "content": QUESTION}]
    assert "Klasse" in (answer.message.content or "")  # the emulator has read the PDF


def test_a_file_beside_tools_works(server: Server, mode: Mode) -> None:
    model, file = InnoGPT(model="gpt-5"), DocumentBlock(path=HANDBOOK)
    options = {"tools": TOOLS, "tool_choice": "required"}
    answer = ask(mode, model, file, text="Was kostet 'BTC'?", **options)
    assert {call.tool_name for call in model.get_tool_calls_from_response(answer)} == {"get_price"}
    assert payload_of(server.requests[0])["tools"] == TOOLS


HELD, LINKED = DocumentBlock(data=PDF), DocumentBlock(url=WEB_PDF)
SOUND, FILM = AudioBlock(audio=b"x", format="mp3"), VideoBlock(video=b"x")


@pytest.mark.parametrize(
    ("provider", "blocks", "says"),
    [
        ("innogpt", [HELD, DocumentBlock(path=__file__)], "2 files .*: innoGPT documents one"),
        ("meingpt", [HELD], "documents no PDF input"),
        ("neuroflash", [LINKED], "documents no PDF input"),
        ("sovrgpt", [HELD], "documents no PDF input"),
        ("sovrgpt", [LINKED], "documents no PDF input"),
        ("innogpt", [SOUND], "documents input for a AudioBlock"),
        ("innogpt", [FILM], "documents input for a VideoBlock"),
    ],
)
def test_what_a_vendor_does_not_take_is_refused(
    server: Server, mode: Mode, provider: str, blocks: list[Any], says: str
) -> None:
    with pytest.raises(errors.CapabilityError, match=says):
        ask(mode, llm(provider), *blocks)
    assert server.requests == []


# Image generation


@pytest.mark.parametrize("arguments", [{}, {"model": "gpt-image-1"}])
def test_an_image_by_its_address(server: Server, mode: Mode, arguments: dict[str, str]) -> None:
    server.script("innogpt", Status(200, body={"data": [{"url": "https://example.com/1.png"}]}))
    [tool] = InnoGPTImageToolSpec(**arguments).to_tool_list()
    output: Any = mode.call(tool, "call", prompt="Icon")
    assert output.content == "The image is at https://example.com/1.png"
    assert bodies(server) == [{"prompt": "Icon", **arguments}]


def test_images_are_saved_side_by_side(mode: Mode, tmp_path: Path) -> None:
    [tool] = InnoGPTImageToolSpec(save_dir=tmp_path).to_tool_list()
    assert tool.metadata.name == "generate_image"
    assert "picture" in (tool.metadata.description or "")
    for name in ("image-1.png", "image-2.png"):
        output: Any = mode.call(tool, "call", prompt="ein Icon")
        assert str(tmp_path / name) in output.content
        assert (tmp_path / name).read_bytes() == output.raw_output.data
        assert output.raw_output.data[:4] == b"\x89PNG"


# LlamaIndex asks pydantic for names that it has given up.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
async def test_an_agent_makes_an_image(server: Server) -> None:
    agent = FunctionAgent(
        tools=InnoGPTImageToolSpec().to_tool_list(), llm=InnoGPT(model="gpt-5"), streaming=False
    )
    response = await agent.run("Erzeuge ein Bild: 'ein minimalistisches App-Icon'")
    assert [call.tool_name for call in response.tool_calls] == ["generate_image"]
    paths = [request.path for request in server.requests]
    assert sum(path.endswith("/images/generations") for path in paths) == 1


def test_settings_of_the_image_tool_are_checked(
    server: Server, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    [strict] = InnoGPTImageToolSpec(residency="strict").to_tool_list()
    with pytest.raises(errors.ResidencyError, match="model is missing: innoGPT does not say which"):
        mode.call(strict, "call", prompt="Icon")
    assert server.requests == []
    assert server.api_key not in repr(vars(InnoGPTImageToolSpec()))
    monkeypatch.delenv("INNOGPT_API_KEY")
    for wrong, says in (
        ({}, "INNOGPT_API_KEY"),
        ({"save_dir": HANDBOOK / "nowhere", "api_key": "k"}, "save_dir"),
        ({"save_dri": HANDBOOK, "api_key": "k"}, "save_dri.*save_dir"),
    ):
        with pytest.raises(errors.ConfigurationError, match=says):
            InnoGPTImageToolSpec(**wrong)  # pyright: ignore[reportArgumentType]
