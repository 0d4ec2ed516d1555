"""Images, PDFs and image generation: each framework's blocks in, its messages out."""

import re
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from langchain_core.exceptions import ModelInvalidRequestError
from llama_index.core.base.llms.types import AudioBlock, DocumentBlock, ImageBlock

from dsgvo import errors
from dsgvo.emulator import Server, Status
from langchain_dsgvo import InnoGPTImageGeneration, NeuroflashImageGeneration
from llamaindex_dsgvo import InnoGPTImageToolSpec, NeuroflashImageToolSpec
from tests.calls import bodies
from tests.forms import Part, form_of, payload_of
from tests.frameworks.support import WAYS, Way

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
IS_PDF = "application/pdf"
PDF = HANDBOOK.read_bytes()
PDF_TEXT = b64encode(PDF).decode()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
PNG_TEXT = b64encode(PNG).decode()
PNG_URL = f"data:image/png;base64,{PNG_TEXT}"
WEB_IMAGE = "https://example.com/image.jpg"
WEB_PDF = "https://example.com/document.pdf"
QUESTION = "Ab welcher Fahrzeit darf man erste Klasse fahren?"
LANGCHAIN, LLAMAINDEX = WAYS[0], WAYS[2]


def image(url: str, **more: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def file(kind: str = IS_PDF) -> dict[str, Any]:
    return {"type": "file_url", "file_url": {"url": WEB_PDF, "mime_type": kind}}


IN_LANGCHAIN: list[tuple[Any, Any]] = [
    ({"type": "image", "url": WEB_IMAGE}, image(WEB_IMAGE)),
    ({"type": "image", "base64": PNG_TEXT, "mime_type": "image/png"}, image(PNG_URL)),
    ({"type": "image_url", "image_url": WEB_IMAGE}, image(WEB_IMAGE)),
    ({"type": "file", "url": WEB_PDF, "mime_type": "text/csv"}, file("text/csv")),
    ({"type": "document", "source": {"url": WEB_PDF, "media_type": IS_PDF}}, file()),
    ({"type": "text-plain", "text": "Nur Text."}, "Nur Text."),
    ({"type": "text-plain", "base64": b64encode(b"Nur Text.").decode()}, "Nur Text."),
    ({"type": "document", "source": {"type": "text", "data": "Nur Text."}}, "Nur Text."),
]
IN_LLAMAINDEX: list[tuple[Any, Any]] = [
    (ImageBlock(url=WEB_IMAGE, detail="low"), image(WEB_IMAGE, detail="low")),
    (ImageBlock(image=PNG), image(PNG_URL)),
    (DocumentBlock(url=WEB_PDF, document_mimetype="text/csv"), file("text/csv")),
]


@pytest.mark.covers(
    "innogpt, sovrgpt", "content `image_url` with a web address or a data URL", "Doc"
)
@pytest.mark.covers(
    "innogpt", "content `file_url` with `url` and `mime_type`: a PDF by its address", "Doc"
)
@pytest.mark.parametrize(
    ("way", "block", "part"),
    [*((LANGCHAIN, *row) for row in IN_LANGCHAIN), *((LLAMAINDEX, *row) for row in IN_LLAMAINDEX)],
)
def test_an_image_an_address_and_a_text_in_every_form(
    server: Server, way: Way, block: Any, part: Any
) -> None:
    way.answer(way.model("innogpt"), [way.question(block, text=QUESTION)])
    content: Any = [{"type": "text", "text": QUESTION}, part]
    content = f"{QUESTION}\n{part}" if isinstance(part, str) else content
    assert bodies(server)[0]["messages"] == [{"role": "user", "content": content}]


V0_FILE = {"type": "file", "source_type": "base64", "data": PDF_TEXT, "mime_type": IS_PDF}
SOURCE = {"type": "base64", "media_type": IS_PDF, "data": PDF_TEXT}
UPLOADS: list[tuple[Way, Any, str]] = [
    (LANGCHAIN, {"type": "file", "base64": PDF_TEXT, "extras": 7}, "document.pdf"),
    (LANGCHAIN, {"type": "file", "base64": PDF_TEXT, "extras": {"name": "r.pdf"}}, "r.pdf"),
    (LANGCHAIN, V0_FILE | {"metadata": {"filename": "r.pdf"}}, "r.pdf"),
    (LANGCHAIN, {"type": "document", "title": "r.pdf", "source": SOURCE}, "r.pdf"),
    (LANGCHAIN, {"type": "file", "path": str(HANDBOOK)}, HANDBOOK.name),
    (LLAMAINDEX, DocumentBlock(path=HANDBOOK), HANDBOOK.name),
    (LLAMAINDEX, DocumentBlock(data=BytesIO(PDF)), "document.pdf"),
    (LLAMAINDEX, DocumentBlock(data=PDF, title="r.pdf"), "r.pdf"),
]


@pytest.mark.covers(
    "innogpt", "content Form parts `file` and `payload`: a PDF beside the chat request"
)
@pytest.mark.parametrize(("way", "block", "name"), UPLOADS)
def test_a_pdf_the_user_holds_is_uploaded(server: Server, way: Way, block: Any, name: str) -> None:
    answer = way.answer(way.model("innogpt"), [way.question(block, text=QUESTION)])
    [request] = server.requests
    assert form_of(request)["file"] == Part(name, IS_PDF, PDF)
    assert payload_of(request)["messages"] == [{"role": "user", "content": QUESTION}]
    assert "Klasse" in answer.text  # the emulator has read the PDF


BY_ID = "block names a file by its id: none of the vendors documents a store of files"
CANNOT, WRONG = errors.CapabilityError, errors.ConfigurationError
REFUSED: list[tuple[Way, Any, type[Exception], str]] = [
    (LANGCHAIN, {"type": "file", "source_type": "id", "id": "f-1"}, CANNOT, BY_ID),
    (LANGCHAIN, {"type": "audio", "base64": "AA=="}, CANNOT, "documents audio input"),
    (LANGCHAIN, {"type": "image"}, WRONG, "the image block has no url, base64 or path"),
    (LANGCHAIN, {"type": "text-plain", "base64": "/w=="}, WRONG, "not UTF-8 text"),
    (LANGCHAIN, {"grad": 21}, WRONG, "a content block has no type: "),
    (LLAMAINDEX, AudioBlock(audio=b"x"), CANNOT, "input for a AudioBlock"),
]


@pytest.mark.parametrize(("way", "block", "kind", "said"), REFUSED)
def test_what_nobody_takes_is_refused_with_the_reason(
    server: Server, way: Way, block: Any, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=re.escape(said)) as caught:
        way.answer(way.model("innogpt"), [way.question(block, text=QUESTION)])
    assert isinstance(caught.value, ModelInvalidRequestError) is way.is_langchain
    assert server.requests == []


IMAGE_TOOLS: dict[str, tuple[Any, Any]] = {
    "innogpt": (InnoGPTImageGeneration, InnoGPTImageToolSpec),
    "neuroflash": (NeuroflashImageGeneration, NeuroflashImageToolSpec),
}


def made(way: Way, prompt: str = "Icon", provider: str = "innogpt", **more: Any) -> tuple[str, Any]:
    """Let the tool make an image; return what the model is told, and the image."""
    if way.is_langchain:
        call = {"name": "x", "args": {"prompt": prompt}, "id": "1", "type": "tool_call"}
        image_tool = IMAGE_TOOLS[provider][0](**more)
        assert (image_tool.name, list(image_tool.args)) == ("generate_image", ["prompt"])
        message = way.mode.invoke(image_tool, call)
        return message.content, message.artifact
    [tool] = IMAGE_TOOLS[provider][1](**more).to_tool_list()
    assert tool.metadata.name == "generate_image"
    assert [*tool.metadata.get_parameters_dict()["properties"]] == ["prompt"]
    output = way.mode.call(tool, "call", prompt=prompt)
    return output.content, output.raw_output


@pytest.mark.covers("innogpt", "endpoint POST */images/generations", "Doc")
@pytest.mark.covers("neuroflash", "endpoint POST */image_generation/", "Public")
@pytest.mark.parametrize("provider", IMAGE_TOOLS)
def test_an_image_comes_as_address_as_file_or_in_memory(
    server: Server, way: Way, tmp_path: Path, provider: str
) -> None:
    at = "https://example.com/1.png"
    server.script(provider, Status(200, body={"data": [{"url": at}]}))
    own: Any = {"extra_body" if way.is_langchain else "additional_kwargs": {"model": "gpt-image-1"}}
    assert made(way, provider=provider, **own)[0] == f"The image is at {at}"
    assert bodies(server) == [{"prompt": "Icon", "model": "gpt-image-1"}]
    for name in ("image-1.png", "image-2.png"):
        told, found = made(way, provider=provider, save_dir=tmp_path)
        assert told == f"The image is in the file {tmp_path / name}"
        assert (tmp_path / name).read_bytes() == found.data
    told, found = made(way, provider=provider)
    assert told.startswith("The image was made (")
    assert found.data[:4] == PNG[:4]
