"""Lists and images as vendors send them: the edges, and what an error carries."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.errors import (
    APIResponseError,
    APIStatusError,
    DsgvoError,
    InternalServerError,
    PermissionDeniedError,
)
from dsgvo.wire.account import Workspace, decode_health, decode_workspaces
from dsgvo.wire.models import (
    GeneratedImage,
    check_image,
    decode_image,
    decode_models,
)
from tests.core.support import raised

INNOGPT, MEINGPT, NEUROFLASH = (PROVIDERS[name] for name in ("innogpt", "meingpt", "neuroflash"))
PNG = b"\x89PNG\r\n\x1a\n"
PNG_TEXT = b64encode(PNG).decode()


def as_json(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def test_model_lists_workspaces_and_health_of_any_shape() -> None:
    for body, ids in (
        ({"object": "list", "data": [{"id": "a"}, {"id": "b"}]}, "ab"),
        ({"models": [{"model": "a"}, {"name": "b"}]}, "ab"),
        ([{"id": "a"}, "b"], "ab"),
        ({"data": [{"object": "model"}, {"id": 7}, {"id": "a"}]}, "a"),
        ({"data": []}, ""),
    ):
        found = decode_models(NEUROFLASH, as_json(body))
        assert [model.id for model in found] == list(ids)
    for body, workspaces in (
        ({"workspaces": [{"id": "w1", "name": "Team"}]}, [Workspace("w1", "Team")]),
        ({"data": [{"id": 7}]}, [Workspace("7", None)]),
        ([{"id": "w1", "name": 3}, {"name": "ohne"}], [Workspace("w1", None)]),
        ({"data": []}, []),
    ):
        assert decode_workspaces(NEUROFLASH, as_json(body)).entries == workspaces
    for body, health in (
        *((b"", {}), (b" OK\xff \n", {"status": "OK\N{REPLACEMENT CHARACTER}"})),
        *((b"x" * 500, {"status": "x" * 100}), (b"true", {"status": True})),
        *((b'"up"', {"status": "up"}), (b'{"status": "ok"}', {"status": "ok"})),
    ):
        assert decode_health(NEUROFLASH, body) == health


def test_what_a_list_says_of_a_model() -> None:
    # A model goes by the id of the list and not by the pattern of the page.
    [pattern] = [model for model in MEINGPT.models if model.id == "*sonar*"]
    [listed] = decode_models(MEINGPT, b'[{"id": "sonar-pro", "owner": "p"}]')
    assert (listed.id, listed.tools, listed.details) == ("sonar-pro", pattern.tools, {"owner": "p"})
    for value in (None, "yes", 1, []):
        body = as_json({"data": [{"id": "neu", "accepts_vision": value}]})
        assert decode_models(PROVIDERS["sovrgpt"], body)[0].images is None


def test_an_image_in_either_form() -> None:
    data, at_web = GeneratedImage(None, PNG, None), GeneratedImage("https://x/1", None, "p")
    for fields, found in (
        ({"b64_json": PNG_TEXT}, data),
        ({"url": f"data:image/png;base64,{PNG_TEXT}"}, data),
        ({"url": "https://x/1", "revised_prompt": "p"}, at_web),
    ):
        assert decode_image(INNOGPT, as_json({"data": [fields]})) == found


NO_LIST = "expected a list, got no list"
NOT_BASE64 = "expected an image, got one that is not base64"
NO_IMAGE = "expected an image, got an answer without one"
NO_HEALTH = "expected the service's health, got a web page titled 'Anmelden'"
COMMON: list[tuple[Any, type[DsgvoError], str]] = [
    (b"<html><title>Anmelden</title>", APIResponseError, "expected a list, got a web page titled"),
    (b"", APIResponseError, "expected a list, got an empty body"),
    *((body, APIResponseError, NO_LIST) for body in ({"object": "list"}, b'"a"')),
    ({"error": "nein", "code": "403"}, PermissionDeniedError, "403: nein"),
    ({"error": "kaputt"}, APIStatusError, "200: kaputt"),
]
BROKEN = ["kein!", "iVBO!Rw==", PNG_TEXT + "\n", 7]
BROKEN_URLS = ["data:image/png;base64,iVBO!Rw==", f"data:image/png;base64,eHg=,{PNG_TEXT}"]
IMAGES = [
    *(({"b64_json": text}, NOT_BASE64) for text in BROKEN),
    *(({"url": url}, NOT_BASE64) for url in BROKEN_URLS),
    *((fields, NO_IMAGE) for fields in ({}, {"url": ""}, {"url": 7}, {"revised_prompt": "x"})),
]
UNREADABLE: list[Any] = [
    *(
        (decode, *row)
        for decode in (decode_models, decode_workspaces, decode_image)
        for row in COMMON
    ),
    *((decode_models, {key: {"id": "a"}}, APIResponseError, NO_LIST) for key in ("data", "models")),
    *((decode_image, {"data": [image]}, APIResponseError, said) for image, said in IMAGES),
    (decode_image, {"data": []}, APIResponseError, NO_IMAGE),
    (decode_health, b"\n <html><title>Anmelden</title>", APIResponseError, NO_HEALTH),
    (decode_health, {"error": "kaputt"}, APIStatusError, "200: kaputt"),
    (decode_health, {"error": "down", "code": "503"}, InternalServerError, "503: down"),
]


@pytest.mark.parametrize(("decode", "body", "kind", "said"), UNREADABLE)
def test_what_an_error_about_an_answer_says_and_carries(
    decode: Any, body: Any, kind: type[DsgvoError], said: str
) -> None:
    error = raised(kind, decode, INNOGPT, as_json(body))
    assert str(error).startswith(f"innoGPT: {said}")
    status = int(said[:3]) if said[:3].isdigit() else 200
    assert (error.provider, error.status_code) == ("innogpt", status)


def test_an_image_is_one_by_its_bytes_or_its_type() -> None:
    check_image(INNOGPT, PNG, "application/octet-stream")
    check_image(INNOGPT, b"<svg/>", "image/svg+xml")
    for data, content_type, said in (
        (b"", "image/png", "an empty body"),
        (b"<title>Anmelden</title>", "text/html", "a web page titled 'Anmelden'"),
        (b"?", "application/image/", "text that is not JSON"),
    ):
        error = raised(APIResponseError, check_image, INNOGPT, data, content_type)
        assert str(error).startswith(f"innoGPT: expected an image at its address, got {said}")
        assert (error.provider, error.status_code) == ("innogpt", 200)


def test_what_an_image_says_of_itself() -> None:
    for image, said in (
        (GeneratedImage("https://x/1.png", None, None), "is at https://x/1.png"),
        (GeneratedImage(None, PNG, None, Path("icon.png")), "is in the file icon.png"),
        (GeneratedImage(None, PNG, None), "was made (8 bytes, image/png)"),
        (GeneratedImage(None, b"????", None), "was made (4 bytes, of a type unknown)"),
        (GeneratedImage(None, None, None), "was made (0 bytes, of a type unknown)"),
    ):
        assert str(image) == f"The image {said}"
        assert "PNG" not in repr(image)
