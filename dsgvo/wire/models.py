"""Model lists as the vendors give them, and generated images."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from dsgvo.errors import APIResponseError
from dsgvo.providers import Model, Provider, with_published
from dsgvo.wire.body import InvalidJSONError, describe_body, parse_json
from dsgvo.wire.errors import error_from_body, is_error
from dsgvo.wire.files import mime_type_of

__all__ = [
    "GeneratedImage",
    "check_image",
    "decode_image",
    "decode_models",
    "entries_of",
    "find_model",
    "first_of",
    "unexpected",
]

MAX_ENTRIES = 10_000
"""Entries of a list; each costs much more than its bytes."""

_BEFORE_TEXT = b"\xef\xbb\xbf \t\r\n"
_BEFORE_SVG = re.compile(
    r"\s+|<\?.*?\?>|<!--.*?-->|<!doctype\s+svg\b[^\[>]*(?:\[.*?\]\s*)?>", re.I | re.S
)
_SVG = re.compile(r"<(?:[\w-]+:)?svg\b", re.I)
_T = TypeVar("_T")


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
    """Read a model list. What the list does not say, the catalogue or the maker may.

    The fields are neuroflash's (public page), SovrGPT's (``accepts_vision`` is documented, names
    are seen), and OpenAI's.

    Raises:
        APIResponseError: If there is no list in it.
    """
    models: list[Model] = []
    for fields in entries_of(provider, body, ("data", "models")):
        model_id = next((fields[key] for key in ("id", "model", "name") if fields.get(key)), None)
        if not isinstance(model_id, str):
            continue
        known = with_published(replace(provider.model(model_id), id=model_id))
        said = {
            "name": first_of(fields, str, "display_name", "name"),
            "owned_by": first_of(fields, str, "owned_by", "provider"),
            "context_window": max(first_of(fields, int, "context_window") or 0, 0) or None,
            "available": first_of(fields, bool, "available"),
            "reasoning": first_of(fields, bool, "reasoning_model"),
            "images": first_of(fields, bool, "accepts_vision"),
        }
        models.append(
            replace(
                known,
                source=f"{provider.title}'s model list",
                standing="Doc",
                details={key: value for key, value in fields.items() if key != "id"},
                **{name: value for name, value in said.items() if value is not None},
            )
        )
    return models


def find_model(models: Sequence[Model], model: str) -> Model | None:
    """Return a model of a list by its id, which may carry its maker on either side.

    Examples:
        >>> find_model([Model(id="gpt-4.1-mini", source="a list")], "openai/gpt-4.1-mini").id
        'gpt-4.1-mini'
    """
    exact = next((known for known in models if known.id == model), None)
    maker, slash, plain = model.rpartition("/")
    for known in () if exact else models:
        own_maker, own_slash, own = known.id.rpartition("/")
        if own == plain and not (slash and own_slash and maker != own_maker):
            return known
    return exact


def first_of(fields: Mapping[str, Any], kind: type[_T], *names: str) -> _T | None:
    """Return the first field that is set and of a type; a truth value is not a number."""
    values = (fields.get(name) for name in names)
    return next((v for v in values if type(v) is kind and v != ""), None)


def decode_image(provider: Provider, body: bytes) -> GeneratedImage:
    """Read a generated image. The shape is inferred from OpenAI's: ``url`` or ``b64_json``.

    Raises:
        APIResponseError: If there is no image in it.
    """
    entries = entries_of(provider, body, ("data", "images"))
    fields = entries[0] if entries else {}
    url, text, said = fields.get("url"), fields.get("b64_json"), "svg"  # of base64 nothing is said
    for value in (text, url):
        if isinstance(value, str) and value.startswith("data:"):
            said, _, text = value.partition(",")
    if not isinstance(url, str) or url.startswith("data:"):
        url = None
    try:
        data = b64decode("".join(text.split()), validate=True) if text else None
    except (Base64Error, ValueError, TypeError, AttributeError):
        raise unexpected(provider, "one that is not base64", "an image") from None
    if not url and not data:
        raise unexpected(provider, "an answer without one", "an image")
    if data:
        check_image(provider, data, said)
    return GeneratedImage(url, data, fields.get("revised_prompt"))


def check_image(provider: Provider, data: bytes, said: str, where: str = "") -> None:
    """Refuse what came as an image and is none, such as a sign-in page under an image's type.

    Args:
        provider: Whose answer it is.
        data: What came.
        said: The type that it has by what came with it: the one SVG is known by.
        where: Where it came from, for the error.

    Raises:
        APIResponseError: If it does not begin as an image does.
    """
    if (mime_type_of(data) or "").startswith("image/"):
        return
    if "svg" not in said.lower() or not _is_svg(data):
        raise unexpected(provider, _what_came(data), f"an image{where}")


def _is_svg(data: bytes) -> bool:
    wide = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    text, at = data.decode("utf-16" if wide else "utf-8-sig", "replace"), 0
    while before := _BEFORE_SVG.match(text, at):
        at = before.end()
    return bool(_SVG.match(text, at))


def _what_came(data: bytes) -> str:
    text = data.lstrip(_BEFORE_TEXT)
    if text[:1] in {b"{", b"["}:
        return "JSON"
    if text[:5].lower().startswith((b"<?xml", b"<svg")):
        return "XML"
    if text[:1] in {b"<", b""}:
        return describe_body(text).removesuffix("; check base_url")
    return mime_type_of(data) or "what begins as no known image"


def entries_of(provider: Provider, body: bytes, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the objects of a list, which is bare or a field of one of these names.

    Raises:
        APIStatusError: If the body is an error.
        APIResponseError: If there is no list in it, or one beyond the bound.
    """
    try:
        answer = parse_json(body)
    except InvalidJSONError as error:
        raise unexpected(provider, error.what) from None
    if isinstance(answer, dict):
        fields = cast("dict[str, Any]", answer)
        if is_error(fields):
            raise error_from_body(provider, 200, fields)
        answer = next((fields[name] for name in names if name in fields), None)
    if not isinstance(answer, list):
        raise unexpected(provider, "no list")
    entries = cast("list[dict[str, Any] | object]", answer)
    if len(entries) > MAX_ENTRIES:
        raise unexpected(provider, f"one of more than {MAX_ENTRIES:,} entries")
    return [
        cast("dict[str, Any]", entry) if isinstance(entry, dict) else {"id": entry}
        for entry in entries
    ]


def unexpected(provider: Provider, what: str, expected: str = "a list") -> APIResponseError:
    """Return the error of an answer that is something else than was expected."""
    return APIResponseError(
        f"{provider.title}: expected {expected}, got {what}",
        provider=provider.name,
        status_code=200,
    )
