"""Lists and images as vendors send them: the edges, and what an error carries."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from dsgvo import PROVIDERS
from dsgvo.errors import (
    APIResponseError,
    APIStatusError,
    DsgvoError,
    PermissionDeniedError,
)
from dsgvo.providers import Model, Provider
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


PNG_URL = f"data:image/png;base64,{PNG_TEXT}"


def as_json(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def ids(provider: Provider, body: bytes) -> str:
    return "".join(model.id for model in decode_models(provider, body))


def workspaces(provider: Provider, body: bytes) -> list[Workspace]:
    return decode_workspaces(provider, body).entries


# reader, body → what is read of it
READ: list[tuple[Any, Any, Any]] = [
    (ids, {"models": [{"model": "a"}, {"name": "b"}]}, "ab"),
    (ids, [{"id": "a"}, "b"], "ab"),
    (ids, {"data": [{"object": "model"}, {"id": 7}, {"id": "a"}]}, "a"),
    (workspaces, {"workspaces": [{"id": "w1", "name": "T"}]}, [Workspace("w1", "T")]),
    (workspaces, {"data": [{"id": 7}]}, [Workspace("7", None)]),
    (workspaces, [{"id": "w1", "name": 3}, {"name": "ohne"}], [Workspace("w1", None)]),
    *((decode_health, b"", {}), (decode_health, b"true", {"status": True})),
    (decode_health, b" OK\xff \n", {"status": "OK\N{REPLACEMENT CHARACTER}"}),
    *((decode_health, b"x" * 500, {"status": "x" * 100}), (decode_health, {"a": 1}, {"a": 1})),
    (decode_image, {"data": [{"b64_json": PNG_TEXT}]}, GeneratedImage(None, PNG, None)),
    (decode_image, {"images": [{"url": PNG_URL}]}, GeneratedImage(None, PNG, None)),
    (
        *(decode_image, {"data": [{"url": "https://x/1", "revised_prompt": "p"}]}),
        GeneratedImage("https://x/1", None, "p"),
    ),
]


def test_lists_workspaces_health_and_images_of_any_shape() -> None:
    for read, body, found in READ:
        assert read(NEUROFLASH, as_json(body)) == found


def test_what_a_list_says_of_a_model() -> None:
    # A model goes by the id of the list and not by the pattern of the page.
    [pattern] = [model for model in MEINGPT.models if model.id == "*sonar*"]
    [listed] = decode_models(MEINGPT, b'[{"id": "sonar-pro", "owner": "p"}]')
    assert (listed.id, listed.tools, listed.details) == ("sonar-pro", pattern.tools, {"owner": "p"})
    said: dict[str, Any] = {"context_window": 5, "available": False, "reasoning_model": True}
    said |= {"display_name": "N", "name": "n", "owned_by": "", "provider": "P"}
    [full] = decode_models(NEUROFLASH, as_json([{"id": "neu", "accepts_vision": False} | said]))
    assert full == Model(
        id="neu",
        source="neuroflash's model list",
        standing="Doc",
        name="N",
        owned_by="P",
        context_window=5,
        available=False,
        reasoning=True,
        images=False,
        details=said | {"accepts_vision": False},
    )
    [unsaid] = decode_models(
        NEUROFLASH, b'[{"accepts_vision": 1, "context_window": true, "id": "x"}]'
    )
    assert (unsaid.images, unsaid.context_window) == (None, None)


NO_LIST = "expected a list, got no list"
NOT_BASE64 = "expected an image, got one that is not base64"
NO_IMAGE = "expected an image, got an answer without one"
NO_HEALTH = "expected the service's health, got a web page titled 'Anmelden'"
COMMON: list[tuple[Any, type[DsgvoError], str]] = [
    (b"<html><title>Anmelden</title>", APIResponseError, "expected a list, got a web page titled"),
    *((body, APIResponseError, NO_LIST) for body in ({"object": "list"}, b'"a"')),
    ({"error": "nein", "code": "403"}, PermissionDeniedError, "403: nein"),
]
IMAGES = [
    *(({"b64_json": text}, NOT_BASE64) for text in ("iVBO!Rw==", PNG_TEXT + "\n", 7)),
    ({"url": f"data:image/png;base64,eHg=,{PNG_TEXT}"}, NOT_BASE64),
    *((fields, NO_IMAGE) for fields in ({}, {"url": 7})),
]
READERS = (decode_models, decode_workspaces, decode_image)
UNREADABLE: list[tuple[Any, Any, type[DsgvoError], str]] = [
    *((decode, *row) for decode in READERS for row in COMMON),
    (decode_models, {"models": {"id": "a"}}, APIResponseError, NO_LIST),
    *((decode_image, {"data": [image]}, APIResponseError, said) for image, said in IMAGES),
    (decode_image, {"data": []}, APIResponseError, NO_IMAGE),
    (decode_health, b"\n <html><title>Anmelden</title>", APIResponseError, NO_HEALTH),
    (decode_health, {"error": "kaputt"}, APIStatusError, "200: kaputt"),
]


def test_what_an_error_about_an_answer_says_and_carries() -> None:
    for decode, body, kind, said in UNREADABLE:
        error = raised(kind, decode, INNOGPT, as_json(body))
        assert str(error).startswith(f"innoGPT: {said}")
        status = int(said[:3]) if said[:3].isdigit() else 200
        assert (error.provider, error.status_code) == ("innogpt", status)


def test_an_image_is_one_by_its_bytes_or_its_type() -> None:
    check_image(INNOGPT, PNG, "application/octet-stream")
    check_image(INNOGPT, b"<svg/>", "image/svg+xml")
    for data, content_type, said in (
        (b"", "image/png", "an empty body"),
        (b"<title>Anmelden</title>", "text/html; x=image/", "a web page titled 'Anmelden'"),
    ):
        error = raised(APIResponseError, check_image, INNOGPT, data, content_type)
        assert str(error).startswith(f"innoGPT: expected an image at its address, got {said}")
        assert (error.provider, error.status_code) == ("innogpt", 200)


def test_what_an_image_says_of_itself() -> None:
    for image, said in (
        (GeneratedImage("https://x/1.png", None, None), "is at https://x/1.png"),
        (GeneratedImage(None, PNG, None, Path("icon.png")), "is in the file icon.png"),
        (GeneratedImage(None, None, None), "was made (0 bytes, of a type unknown)"),
    ):
        assert str(image) == f"The image {said}"
        assert "PNG" not in repr(image)
