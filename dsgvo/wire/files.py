"""Content parts of images and PDFs: an address, inside the request, or beside it as an upload."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from mimetypes import guess_type
from pathlib import Path
from typing import Any, cast

from dsgvo.errors import CapabilityError, ConfigurationError
from dsgvo.providers import Model, Provider
from dsgvo.wire.arguments import shown

__all__ = [
    "Upload",
    "check_parts",
    "file_part",
    "found_type",
    "image_part",
    "media_type",
    "mime_type_of",
    "take_upload",
    "upload_part",
]

_UPLOAD = "upload"
_DOCUMENTS = frozenset({_UPLOAD, "file_url", "file"})
_NOBODY_TAKES = frozenset({"audio", "input_audio", "video", "video_url"})
_MEDIA_TYPE = re.compile(r"[\w.+*-]+/[\w.+*-]+(?:;[ -~]*)?", re.ASCII)
_MAGIC = (  # after so many bytes
    (0, b"\x89PNG\r\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (0, (b"II*\0", b"MM\0*"), "image/tiff"),
    (4, (b"ftypavif", b"ftypavis"), "image/avif"),
    (4, (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1"), "image/heic"),
    (4, b"jP  \r\n\x87\n", "image/jp2"),
    (0, (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"), "image/jxl"),
    (0, b"\0\0\1\0", "image/vnd.microsoft.icon"),
    (0, b"%PDF-", "application/pdf"),
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A document that is sent beside the request, read from disk or memory while it is sent."""

    name: str
    mime_type: str
    path: Path | None = None
    data: bytes | None = field(default=None, repr=False)


def image_part(
    *,
    url: str | None = None,
    data: bytes | str | None = None,
    mime_type: str | None = None,
    detail: str | None = None,
) -> dict[str, Any]:
    """Return the content part of an image; see :func:`dsgvo.image_part`."""
    if url is None:
        raw, mime_type = _content("image", data, mime_type)
        url = f"data:{mime_type};base64,{b64encode(raw).decode()}"
    else:
        _check_address("image", url)
    image = {"url": url} if detail is None else {"url": url, "detail": detail}
    return {"type": "image_url", "image_url": image}


def file_part(
    *,
    url: str | None = None,
    data: bytes | str | None = None,
    mime_type: str | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """Return the content part of a document; see :func:`dsgvo.file_part`."""
    if url is not None:
        if url.startswith("data:"):
            head, _, text = url[5:].partition(",")
            return file_part(data=text, mime_type=head.split(";")[0] or mime_type, name=name)
        _check_address("file", url)
        where = {"url": url, "mime_type": mime_type or "application/pdf"}
        return {"type": "file_url", "file_url": where}
    raw, mime_type = _content("file", data, mime_type)
    suffix = ".pdf" if mime_type == "application/pdf" else ""
    return upload_part(Upload(name or f"document{suffix}", mime_type, data=raw))


def upload_part(upload: Upload) -> dict[str, Any]:
    """Return the content part of a document that is sent beside the request."""
    return {"type": _UPLOAD, _UPLOAD: upload}


def take_upload(
    provider: Provider, messages: Sequence[Mapping[str, Any]]
) -> tuple[Sequence[Mapping[str, Any]], Upload | None]:
    """Take the one upload out of the messages; what is left is JSON.

    A message with nothing but the upload is left out, since the vendor puts the file beside the
    messages.

    Raises:
        CapabilityError: If there are several, or it is a file of another service's store.
        ConfigurationError: If nothing is asked about it.
    """
    uploads: dict[Upload, None] = {}  # a file that two turns hold is sent once
    left: list[Mapping[str, Any]] = []
    for index, message in enumerate(messages):
        content = message.get("content")
        others: list[object] = []
        parts = cast("Sequence[object]", content if isinstance(content, (list, tuple)) else ())
        for part in parts:
            if (upload := _upload(provider, part, index)) is not None:
                uploads[upload] = None
            else:
                others.append(part)
        if len(others) == len(parts):
            left.append(message)
        elif others:
            left.append({**message, "content": _plain(others)})
    if not uploads:
        return messages, None
    if len(uploads) > 1:
        raise CapabilityError(
            f"{len(uploads)} files are to be uploaded: {provider.title} documents one a request "
            f"({provider.page}); give the others as web addresses, or ask in several requests",
            provider=provider.name,
        )
    if not left:
        raise ConfigurationError("a file is to be uploaded and nothing asked: add a text to it")
    return left, next(iter(uploads))


def check_parts(
    provider: Provider,
    model: str,
    messages: Sequence[Mapping[str, Any]],
    known: Model | None = None,
) -> bool | None:
    """Refuse content that the vendor or the model is known not to take.

    Returns:
        Whether it is not known if the model takes the images; ``None`` if there is none.

    Raises:
        CapabilityError: If a part is known not to be taken.
    """
    known, unsure = known or provider.model(model), None
    for index, part in _parts(messages):
        kind = part.get("type")
        if not isinstance(kind, str | None):
            raise ConfigurationError(
                f"messages[{index}]: a part's type is a {type(kind).__name__}, not a str"
            )
        if kind in _NOBODY_TAKES:
            raise CapabilityError(
                f"messages[{index}]: {provider.title} documents no {kind} input ({provider.page})",
                provider=provider.name,
            )
        if kind in _DOCUMENTS and not provider.file_upload:
            raise CapabilityError(
                f"messages[{index}]: {provider.title} documents no PDF input ({provider.page}): "
                "put the document's text into the prompt",
                provider=provider.name,
            )
        if kind != "image_url" and kind not in _DOCUMENTS:
            continue
        if messages[index].get("role") == "tool":
            raise CapabilityError(
                f"messages[{index}]: a tool's result is text alone ({provider.page} shows images "
                "and files in user messages): put it into a user message that follows",
                provider=provider.name,
            )
        if kind == "image_url":
            if known.images is False:
                raise images_refused(provider, model, index)
            unsure = known.images is None
    return unsure


def images_refused(provider: Provider, model: str, index: int | None = None) -> CapabilityError:
    """Return the error for an image to a model that is known not to take one."""
    where = "" if index is None else f"messages[{index}]: "
    return CapabilityError(
        f"{where}{provider.title} says that model {model!r} does not take images: use another one",
        provider=provider.name,
    )


def _parts(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for index, message in enumerate(messages):
        content = message.get("content")
        if isinstance(content, (list, tuple)):
            for part in cast("Sequence[object]", content):
                if isinstance(part, Mapping):
                    yield index, cast("Mapping[str, Any]", part)


def _upload(provider: Provider, part: object, index: int) -> Upload | None:
    """Return the upload that a part is, also in OpenAI's form (``file`` with ``file_data``)."""
    if not isinstance(part, Mapping):
        return None
    fields = cast("Mapping[str, Any]", part)
    if fields.get("type") == _UPLOAD:
        upload: object = fields.get(_UPLOAD)
        if not isinstance(upload, Upload):
            raise ConfigurationError(f"messages[{index}]: use dsgvo.file_part() for an upload")
        return upload
    if fields.get("type") != "file":
        return None
    file: object = fields.get("file")
    inner: Mapping[str, Any] = (
        cast("Mapping[str, Any]", file) if isinstance(file, Mapping) else dict[str, Any]()
    )
    if inner.get("file_id"):
        raise CapabilityError(
            f"messages[{index}]: file_id: {provider.title} documents no store of files "
            f"({provider.page}): pass the file's address, its bytes or its path",
            provider=provider.name,
        )
    data = inner.get("file_data")
    if not isinstance(data, str) or not data:
        raise ConfigurationError(
            f"messages[{index}]: the file part has no data: use dsgvo.file_part(), or "
            "{'type': 'file', 'file': {'file_data': 'data:application/pdf;base64,…'}}"
        )
    name = inner.get("filename")
    if data.startswith("data:"):
        return file_part(url=data, name=name)[_UPLOAD]
    return file_part(data=data, mime_type=guess_type(name)[0] if name else None, name=name)[_UPLOAD]


def _plain(parts: list[object]) -> str | list[object]:
    """Return parts as plain text if that is all they are, as in the vendor's own upload."""
    texts = [
        cast("Mapping[str, Any]", part)["text"]
        for part in parts
        if isinstance(part, Mapping) and cast("Mapping[str, Any]", part).get("type") == "text"
    ]
    return "\n".join(map(str, texts)) if len(texts) == len(parts) else parts


def is_address(url: str) -> bool:
    """Return whether a vendor may be given an address: one of the web, or a data URL."""
    return url.lower().startswith(("https://", "http://", "data:"))


def _check_address(kind: str, url: str) -> None:
    if not is_address(url):
        raise ConfigurationError(
            f"{kind}: url={url[:100]!r} is not a web address: pass path=… for a local file"
        )


def _content(kind: str, data: bytes | str | None, mime_type: str | None) -> tuple[bytes, str]:
    if isinstance(data, str):
        try:
            raw = b64decode(data, validate=True)
        except (Base64Error, ValueError):
            raise ConfigurationError(f"{kind}: the data is text, but not base64") from None
    else:
        raw = data or b""
    if not raw:
        raise ConfigurationError(f"{kind}: the data is empty")
    return raw, media_type(kind, mime_type or found_type(kind, raw, None))


def media_type(kind: str, given: str) -> str:
    """Return a type as it goes into the head of a form's part, or into an image's address.

    Raises:
        ConfigurationError: If it cannot.
    """
    if not isinstance(given, str) or not _MEDIA_TYPE.fullmatch(given):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{kind}: mime_type={shown(given)} is no type such as 'image/png'")
    if kind == "image" and not given.lower().startswith("image/"):
        raise ConfigurationError(f"image: {shown(given)} is no image's type: pass it as a file")
    return given


def found_type(kind: str, start: bytes, name: str | None) -> str:
    """Return the type of a file by its bytes, or by its name.

    Raises:
        ConfigurationError: If neither tells.
    """
    found = mime_type_of(start) or (guess_type(name)[0] if name else None)
    if found is None:
        raise ConfigurationError(
            f"{kind}: the type of {name or 'the data'} is unknown: pass mime_type=…"
        )
    return found


def mime_type_of(data: bytes) -> str | None:
    """Return the type of an image or PDF by how its bytes begin.

    Examples:
        >>> mime_type_of(b"RIFF....WEBPVP8 "), mime_type_of(b"RIFF....WAVEfmt ")
        ('image/webp', None)
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:2] == b"BM" and data[6:10] == bytes(4):  # texts may begin with two such letters
        return "image/bmp"
    return next((kind for at, magic, kind in _MAGIC if data.startswith(magic, at)), None)
