"""Lists and images as vendors send them: the edges, and what an error carries."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from dsgvo import PROVIDERS
from dsgvo.errors import APIResponseError, APIStatusError, PermissionDeniedError, RateLimitError
from dsgvo.wire.models import (
    GeneratedImage,
    Workspace,
    check_image,
    decode_health,
    decode_image,
    decode_models,
    decode_workspaces,
)
from tests.core.support import raised

INNOGPT, MEINGPT, NEUROFLASH = (PROVIDERS[name] for name in ("innogpt", "meingpt", "neuroflash"))
PNG = b"\x89PNG\r\n\x1a\n"
PNG_TEXT = b64encode(PNG).decode()


def as_json(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({"object": "list", "data": [{"id": "a"}, {"id": "b"}]}, ["a", "b"]),
        ({"models": [{"model": "a"}, {"name": "b"}]}, ["a", "b"]),
        ([{"id": "a"}, "b"], ["a", "b"]),
        ({"data": [{"object": "model"}, {"id": 7}, {"id": "a"}]}, ["a"]),
        ({"data": []}, []),
    ],
)
def test_model_lists_of_any_shape(body: Any, ids: list[str]) -> None:
    assert [model.id for model in decode_models(NEUROFLASH, as_json(body))] == ids


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"workspaces": [{"id": "w1", "name": "Team"}]}, [Workspace("w1", "Team")]),
        ({"data": [{"id": 7}]}, [Workspace("7", None)]),
        ([{"id": "w1", "name": 3}, {"name": "ohne"}], [Workspace("w1", None)]),
        ({"items": []}, []),
    ],
)
def test_workspaces_of_any_shape(body: Any, found: list[Workspace]) -> None:
    assert decode_workspaces(NEUROFLASH, as_json(body)) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", {}),
        (b"OK\n", {"status": "OK"}),
        (b" OK\xff \n", {"status": "OK\N{REPLACEMENT CHARACTER}"}),
        (b"x" * 500, {"status": "x" * 100}),
        (b'"up"', {"status": "up"}),
        (b"true", {"status": True}),
        (b'{"status": "ok"}', {"status": "ok"}),
    ],
)
def test_health_of_any_shape(body: bytes, found: dict[str, Any]) -> None:
    assert decode_health(NEUROFLASH, body) == found


def test_a_model_goes_by_the_id_of_the_list_and_not_by_the_pattern_of_the_page() -> None:
    [pattern] = [model for model in MEINGPT.models if model.id == "*sonar*"]
    [listed] = decode_models(MEINGPT, b'[{"id": "sonar-pro", "owner": "p"}]')
    assert (listed.id, listed.tools, listed.details) == ("sonar-pro", pattern.tools, {"owner": "p"})


@pytest.mark.parametrize("value", [None, "yes", 1, []])
def test_accepts_vision_of_another_type_says_nothing(value: Any) -> None:
    body = as_json({"data": [{"id": "neu", "accepts_vision": value}]})
    assert decode_models(PROVIDERS["sovrgpt"], body)[0].images is None


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"b64_json": PNG_TEXT}, GeneratedImage(None, PNG, None)),
        ({"url": f"data:image/png;base64,{PNG_TEXT}"}, GeneratedImage(None, PNG, None)),
        ({"url": "https://x/1", "revised_prompt": "p"}, GeneratedImage("https://x/1", None, "p")),
    ],
)
def test_an_image_in_either_form(fields: dict[str, Any], found: GeneratedImage) -> None:
    assert decode_image(INNOGPT, as_json({"data": [fields]})) == found


NOT_A_LIST: list[tuple[Any, type[APIStatusError] | type[APIResponseError], str]] = [
    (b"<html><title>Anmelden</title>", APIResponseError, "expected a list, got a web page titled"),
    (b"", APIResponseError, "expected a list, got an empty body"),
    ({"object": "list"}, APIResponseError, "expected a list, got no list"),
    ({"data": {"id": "a"}}, APIResponseError, "expected a list, got no list"),
    (b'"a"', APIResponseError, "expected a list, got no list"),
    ({"error": "nein", "code": "403"}, PermissionDeniedError, "403: nein"),
    ({"error": {"message": "no", "code": "rate_limit_exceeded"}}, RateLimitError, "429: no"),
    ({"error": "kaputt"}, APIStatusError, "200: kaputt"),
]
NOT_BASE64 = "expected an image, got one that is not base64"
NO_IMAGE = "expected an image, got an answer without one"
UNREADABLE = [
    *((decode, *row) for decode in (decode_models, decode_workspaces) for row in NOT_A_LIST),
    *((decode_image, *row) for row in NOT_A_LIST if row[0] != {"data": {"id": "a"}}),
    *(
        (decode_image, {"data": [fields]}, APIResponseError, said)
        for fields, said in (
            *(({"b64_json": text}, NOT_BASE64) for text in ("kein!", "iVBO!Rw==", PNG_TEXT + "\n")),
            ({"b64_json": 7}, NOT_BASE64),
            ({"url": "data:image/png;base64,iVBO!Rw=="}, NOT_BASE64),
            ({"url": f"data:image/png;base64,eHg=,{PNG_TEXT}"}, NOT_BASE64),
            ({}, NO_IMAGE),
            ({"url": ""}, NO_IMAGE),
            ({"url": 7}, NO_IMAGE),
            ({"revised_prompt": "x"}, NO_IMAGE),
        )
    ),
    (decode_image, {"data": []}, APIResponseError, NO_IMAGE),
    (
        decode_health,
        b"\n <html><title>Anmelden</title>",
        APIResponseError,
        "expected the service's health, got a web page titled 'Anmelden'",
    ),
    (decode_health, {"error": "kaputt"}, APIStatusError, "200: kaputt"),
    (decode_health, {"error": "down", "code": "503"}, None, "503: down"),
]


@pytest.mark.parametrize(("decode", "body", "kind", "said"), UNREADABLE)
def test_what_an_error_about_an_answer_says_and_carries(
    decode: Any, body: Any, kind: Any, said: str
) -> None:
    with pytest.raises(kind or APIStatusError) as caught:
        decode(INNOGPT, as_json(body))
    assert str(caught.value).startswith(f"innoGPT: {said}")
    assert caught.value.provider == "innogpt"
    if kind in {APIResponseError, APIStatusError}:
        assert caught.value.status_code == 200


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


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (GeneratedImage("https://x/1.png", None, None), "is at https://x/1.png"),
        (GeneratedImage(None, PNG, None, Path("icon.png")), "is in the file icon.png"),
        (GeneratedImage(None, PNG, None), "was made (8 bytes, image/png)"),
        (GeneratedImage(None, b"????", None), "was made (4 bytes, of a type unknown)"),
        (GeneratedImage(None, None, None), "was made (0 bytes, of a type unknown)"),
    ],
)
def test_what_an_image_says_of_itself(image: GeneratedImage, said: str) -> None:
    assert str(image) == f"The image {said}"
    assert "PNG" not in repr(image)
