"""Lists and images as vendors send them: the edges, and what an error carries."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.errors import APIResponseError, APIStatusError
from dsgvo.wire.models import (
    GeneratedImage,
    check_image,
    decode_health,
    decode_image,
    decode_models,
    decode_workspaces,
)

INNOGPT, MEINGPT = PROVIDERS["innogpt"], PROVIDERS["meingpt"]
PNG = b"\x89PNG\r\n\x1a\n"


def image(**fields: Any) -> GeneratedImage:
    return decode_image(INNOGPT, json.dumps({"data": [fields]}).encode())


def test_a_model_goes_by_the_id_of_the_list_and_not_by_the_pattern_of_the_page() -> None:
    [pattern] = [model for model in MEINGPT.models if model.id == "*sonar*"]
    [listed] = decode_models(MEINGPT, b'[{"id": "sonar-pro", "owner": "p"}]')
    assert (listed.id, listed.tools) == ("sonar-pro", pattern.tools)
    assert listed.details == {"owner": "p"}


@pytest.mark.parametrize("decode", [decode_models, decode_workspaces, decode_image])
def test_what_an_error_about_a_list_carries(decode: Callable[..., Any]) -> None:
    with pytest.raises(APIResponseError) as caught:
        decode(INNOGPT, b'{"object": "list"}')
    assert (caught.value.provider, caught.value.status_code) == ("innogpt", 200)
    with pytest.raises(APIStatusError, match="kaputt") as said:
        decode(INNOGPT, b'{"error": "kaputt"}')
    assert (said.value.provider, said.value.status_code) == ("innogpt", 200)


@pytest.mark.parametrize("text", ["kein base64!", "iVBO!Rw==", b64encode(PNG).decode() + "\n", 7])
@pytest.mark.parametrize("form", ["b64_json", "url"])
def test_an_image_that_is_not_base64(text: Any, form: str) -> None:
    with pytest.raises(APIResponseError, match="expected an image, got one that is not base64"):
        image(**{form: text if form == "b64_json" else f"data:image/png;base64,{text}"})


def test_an_image_in_a_data_url() -> None:
    encoded = b64encode(PNG).decode()
    assert image(url=f"data:image/png;base64,{encoded}") == GeneratedImage(None, PNG, None)
    with pytest.raises(APIResponseError, match="not base64"):
        image(url=f"data:image/png;base64,eHg=,{encoded}")


@pytest.mark.parametrize("body", [b'{"data": []}', b'{"data": [{}]}', b'{"data": [{"url": ""}]}'])
def test_an_answer_without_an_image(body: bytes) -> None:
    with pytest.raises(APIResponseError, match="expected an image, got an answer without one"):
        decode_image(INNOGPT, body)


@pytest.mark.parametrize(
    ("data", "content_type"), [(PNG, "application/octet-stream"), (b"<svg/>", "image/svg+xml")]
)
def test_an_image_is_one_by_its_bytes_or_its_type(data: bytes, content_type: str) -> None:
    check_image(INNOGPT, data, content_type)


@pytest.mark.parametrize(
    ("data", "content_type", "said"),
    [
        (b"", "image/png", "an empty body"),
        (b"<title>Anmelden</title>", "text/html", "a web page titled 'Anmelden'"),
        (b"?", "application/image/", "text that is not JSON"),
    ],
)
def test_what_is_no_image(data: bytes, content_type: str, said: str) -> None:
    with pytest.raises(APIResponseError) as caught:
        check_image(INNOGPT, data, content_type)
    assert str(caught.value).startswith(f"innoGPT: expected an image at its address, got {said}")
    assert (caught.value.provider, caught.value.status_code) == ("innogpt", 200)


def test_an_image_of_a_type_unknown_says_so() -> None:
    assert str(GeneratedImage(None, b"????", None)).endswith("(4 bytes, of a type unknown)")
    assert str(GeneratedImage(None, None, None)).endswith("(0 bytes, of a type unknown)")
    assert str(GeneratedImage(None, PNG, None)).endswith("(8 bytes, image/png)")


def test_health_that_is_a_page_or_an_error() -> None:
    with pytest.raises(APIResponseError) as caught:
        decode_health(INNOGPT, b"\n <html><title>Anmelden</title>")
    said = "innoGPT: expected the service's health, got a web page titled 'Anmelden'"
    assert str(caught.value).startswith(said)
    with pytest.raises(APIStatusError, match="kaputt") as error:
        decode_health(INNOGPT, b'{"error": "kaputt"}')
    assert error.value.status_code == 200


def test_health_in_words_is_short_and_text() -> None:
    assert decode_health(INNOGPT, b" OK\xff \n") == {"status": "OK\N{REPLACEMENT CHARACTER}"}
    assert decode_health(INNOGPT, b"x" * 500) == {"status": "x" * 100}
