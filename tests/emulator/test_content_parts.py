"""Which parts a message may have, and the other forms that a request for more than text takes."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.emulator.support import Http, paired

PDF = Path(__file__).parents[2] / "examples" / "handbuch" / "06-reiserichtlinie.pdf"
MODELS = {
    "innogpt": "gpt-5",
    "meingpt": "gpt-4o",
    "neuroflash": "openai/gpt-4.1-mini",
    "sovrgpt": "gemma-4-26b-a4b",
}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/image.jpg"}}
FILE = {
    "type": "file_url",
    "file_url": {"url": "https://example.com/document.pdf", "mime_type": "application/pdf"},
}


@pytest.fixture(params=list(MODELS))
def vendor(request: pytest.FixtureRequest) -> str:
    return request.param


def said(http: Http, vendor: str, part: Any, role: str = "user") -> httpx.Response:
    content = [{"type": "text", "text": "Was ist das?"}, part]
    more = {"tool_call_id": "1"} if role == "tool" else {}
    message = {"role": role, "content": content, **more}
    return http(vendor, json={"model": MODELS[vendor], "messages": [message]})


def test_an_image_is_taken(http: Http, vendor: str) -> None:
    assert said(http, vendor, IMAGE).status_code == 200


def test_a_file_by_its_address_is_innogpts_alone(http: Http, vendor: str) -> None:
    status = {"innogpt": 200, "neuroflash": 422}.get(vendor, 400)
    assert said(http, vendor, FILE).status_code == status


@paired(
    "part fault",
    [
        ({"type": "upload"}, "[1].type must be 'text', 'image_url'"),
        ({"type": "input_audio", "input_audio": {}}, "must be 'text', 'image_url'"),
        ({"type": "file", "file": {"file_data": "x"}}, "must be 'text', 'image_url'"),
        ({"type": "image_url", "image_url": "https://example.com/a.jpg"}, "[1].image_url must be"),
        ({"type": "image_url", "image_url": {"url": "foto.jpg"}}, "must match"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png,abc"}}, "must match"),
        ({"type": "text", "text": None}, "[1].text must be a valid string"),
    ],
)
def test_other_parts_are_refused(http: Http, vendor: str, part: Any, fault: str) -> None:
    answer = said(http, vendor, part)
    assert answer.status_code == (422 if vendor == "neuroflash" else 400)
    assert fault in answer.text


@pytest.mark.parametrize(
    "file",
    [
        {"url": "https://example.com/document.pdf"},
        {"url": "document.pdf", "mime_type": "application/pdf"},
        {"url": "data:application/pdf;base64,JVBERi0=", "mime_type": "application/pdf"},
        {"mime_type": "application/pdf"},
    ],
)
def test_a_file_needs_its_address_and_its_type(http: Http, file: Any) -> None:
    answer = said(http, "innogpt", {"type": "file_url", "file_url": file})
    assert answer.status_code == 400
    assert "file_url" in answer.json()["error"]["message"]


@pytest.mark.parametrize("role", ["system", "assistant", "tool"])
@pytest.mark.parametrize("part", [IMAGE, FILE])
def test_images_and_files_are_the_users(http: Http, role: str, part: Any) -> None:
    answer = said(http, "innogpt", part, role)
    assert answer.status_code == 400
    assert "messages[0].content[1].type must be 'text'" in answer.text


def test_one_file_a_form(http: Http) -> None:
    payload = '{"model": "gpt-5", "messages": [{"role": "user", "content": "Worum geht es?"}]}'
    file = ("file", ("a.pdf", PDF.read_bytes(), "application/pdf"))
    fine = http("innogpt", files=[file], data={"payload": payload})
    assert fine.status_code == 200
    twice = http("innogpt", files=[file, file], data={"payload": payload})
    assert twice.status_code == 400
    assert twice.json()["error"]["message"] == "The part 'file' must be there once"


def test_an_image_model_is_a_text(http: Http) -> None:
    body = {"prompt": "Icon", "model": 7}
    assert http("innogpt", "/images/generations", json=body).status_code == 400
