"""Model lists as the vendors give them, and generated images."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from pydantic_core import from_json

from dsgvo.errors import APIResponseError
from dsgvo.providers import Model, Provider
from dsgvo.wire.body import describe_body
from dsgvo.wire.errors import error_from_body, is_error
from dsgvo.wire.files import mime_type_of

__all__ = [
    "GeneratedImage",
    "Workspace",
    "check_image",
    "decode_health",
    "decode_image",
    "decode_models",
    "decode_workspaces",
]


@dataclass(frozen=True, slots=True)
class Workspace:
    """A neuroflash workspace that the account can use; ``id`` is the ``workspace_id``."""

    id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """A generated image: an address, or the image itself.

    Args:
        url: Where the vendor has put it, if it sent an address.
        data: The image's bytes, if the vendor sent them or they were fetched to be saved.
        revised_prompt: The prompt as the vendor's model understood it.
        path: Where it was saved.
    """

    url: str | None
    data: bytes | None = field(repr=False)
    revised_prompt: str | None
    path: Path | None = None

    def __str__(self) -> str:
        """Say where the image is, in words short enough for a prompt."""
        if self.path is not None:
            return f"The image is in the file {self.path}"
        if self.url is not None:
            return f"The image is at {self.url}"
        return (
            f"The image was made ({len(self.data or b'')} bytes, "
            f"{mime_type_of(self.data or b'') or 'of a type unknown'})"
        )


def decode_models(provider: Provider, body: bytes) -> list[Model]:
    """Read a model list. What the list does not say, the page's catalogue may.

    SovrGPT documents ``accepts_vision``; neuroflash's list is public but its fields are not, so a
    few common shapes are understood (inferred).

    Raises:
        APIResponseError: If there is no list in it.
    """
    models: list[Model] = []
    for fields in _entries(provider, body, ("data", "models")):
        model_id = next((fields[key] for key in ("id", "model", "name") if fields.get(key)), None)
        if not isinstance(model_id, str):
            continue
        known = provider.model(model_id)
        vision = fields.get("accepts_vision")
        models.append(
            replace(
                known,
                id=model_id,
                source=f"{provider.title}'s model list",
                images=vision if isinstance(vision, bool) else known.images,
                details={key: value for key, value in fields.items() if key != "id"},
            )
        )
    return models


def decode_workspaces(provider: Provider, body: bytes) -> list[Workspace]:
    """Read the list of workspaces; "the field is ``id``" (public page).

    Raises:
        APIResponseError: If there is no list in it.
    """
    entries = _entries(provider, body, ("workspaces", "data", "items"))
    return [
        Workspace(str(entry["id"]), name if isinstance(name := entry.get("name"), str) else None)
        for entry in entries
        if "id" in entry
    ]


def decode_image(provider: Provider, body: bytes) -> GeneratedImage:
    """Read a generated image. The shape is inferred from OpenAI's: ``url`` or ``b64_json``.

    Raises:
        APIResponseError: If there is no image in it.
    """
    entries = _entries(provider, body, ("data",))
    fields = entries[0] if entries else {}
    url, text = fields.get("url"), fields.get("b64_json")
    if not isinstance(url, str):
        url = None
    elif url.startswith("data:"):
        url, text = None, url.partition(",")[2]
    try:
        data = b64decode(text, validate=True) if text else None
    except (Base64Error, ValueError, TypeError):
        raise _unexpected(provider, "one that is not base64", "an image") from None
    if not url and not data:
        raise _unexpected(provider, "an answer without one", "an image")
    return GeneratedImage(url, data, fields.get("revised_prompt"))


def decode_health(provider: Provider, body: bytes) -> dict[str, Any]:
    """Read what a service says of its health; the page names the address alone.

    Raises:
        APIStatusError: If it is an error.
        APIResponseError: If it is a web page.
    """
    try:
        answer: object = from_json(body) if body.strip() else {}
    except ValueError:
        if body.lstrip()[:1] == b"<":
            raise _unexpected(provider, describe_body(body), "the service's health") from None
        return {"status": body.decode("utf-8", "replace").strip()[:100]}
    if not isinstance(answer, dict):
        return {"status": answer}
    fields = cast("dict[str, Any]", answer)
    if is_error(fields):
        raise error_from_body(provider, 200, fields)
    return fields


def check_image(provider: Provider, data: bytes, content_type: str) -> None:
    """Refuse what came from an image's address and is none, such as a sign-in page.

    Raises:
        APIResponseError: If neither its type nor its bytes say that it is an image.
    """
    if not data or (not mime_type_of(data) and not content_type.lower().startswith("image/")):
        raise APIResponseError(
            f"{provider.title}: expected an image at its address, got {describe_body(data)}",
            provider=provider.name,
            status_code=200,
        )


def _entries(provider: Provider, body: bytes, names: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        answer = from_json(body)
    except ValueError:
        raise _unexpected(provider, describe_body(body)) from None
    if isinstance(answer, dict):
        fields = cast("dict[str, Any]", answer)
        if is_error(fields):
            raise error_from_body(provider, 200, fields)
        answer = next((fields[name] for name in names if name in fields), None)
    if not isinstance(answer, list):
        raise _unexpected(provider, "no list")
    entries = cast("list[dict[str, Any] | object]", answer)
    return [
        cast("dict[str, Any]", entry) if isinstance(entry, dict) else {"id": entry}
        for entry in entries
    ]


def _unexpected(provider: Provider, what: str, expected: str = "a list") -> APIResponseError:
    return APIResponseError(
        f"{provider.title}: expected {expected}, got {what}",
        provider=provider.name,
        status_code=200,
    )
