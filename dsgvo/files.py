"""Content parts of images and PDFs, also from files of this machine."""

from __future__ import annotations

from mimetypes import guess_type
from pathlib import Path
from stat import S_ISREG
from typing import Any

from dsgvo.errors import ConfigurationError
from dsgvo.wire import files
from dsgvo.wire.files import Upload, found_type, media_type, upload_part

__all__ = ["file_part", "image_part"]


def image_part(
    *,
    url: str | None = None,
    data: bytes | str | None = None,
    path: str | Path | None = None,
    mime_type: str | None = None,
    detail: str | None = None,
) -> dict[str, Any]:
    """Return the content part of an image.

    Args:
        url: Web address or data URL; given as it is.
        data: The image, as bytes or base64 text.
        path: A file with the image.
        mime_type: Type of ``data`` or ``path``; found out from the bytes or the name otherwise.
        detail: OpenAI's ``"low"``, ``"high"`` or ``"auto"``.

    Raises:
        ConfigurationError: Unless exactly one source is given, readable and of a known type.

    Examples:
        >>> image_part(url="https://example.com/image.jpg")
        {'type': 'image_url', 'image_url': {'url': 'https://example.com/image.jpg'}}
    """
    _one_of("image", url=url, data=data, path=path)
    if path is not None:
        found = _existing("image", path)
        mime_type = _type("image", found, mime_type)  # before gigabytes of a film are read
        data = _read("image", found)
    return files.image_part(url=url, data=data, mime_type=mime_type, detail=detail)


def file_part(
    *,
    url: str | None = None,
    data: bytes | str | None = None,
    path: str | Path | None = None,
    mime_type: str | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """Return the content part of a document, chosen by what is given.

    A web address stays one (``file_url``, which the vendor fetches); bytes or a path become an
    upload beside the request, which innoGPT keeps for a while on its server ("Die Datei wird
    temporär gespeichert und serverseitig verarbeitet"). A path is read while it is sent.

    Args:
        url: Web address.
        data: The document, as bytes or base64 text.
        path: A file with the document.
        mime_type: Its type; by default found out, and for an address ``application/pdf``, the
            one that innoGPT documents.
        name: File name that is sent with an upload.

    Raises:
        ConfigurationError: Unless exactly one source is given, readable and of a known type.

    Examples:
        >>> file_part(url="https://example.com/document.pdf")["type"]
        'file_url'
    """
    _one_of("file", url=url, data=data, path=path)
    if path is None:
        return files.file_part(url=url, data=data, mime_type=mime_type, name=name)
    found = _existing("file", path)
    mime_type = _type("file", found, mime_type or guess_type(found.name)[0])
    return upload_part(Upload(name or found.name, mime_type, path=found))


def _one_of(kind: str, **sources: object) -> None:
    given = [name for name, value in sources.items() if value is not None]
    kinds = {"url": str, "data": (bytes, bytearray, str), "path": (str, Path)}
    for name in given:
        if not isinstance(sources[name], kinds[name]):
            raise ConfigurationError(f"{kind}: {name} is a {type(sources[name]).__name__}")
    if len(given) != 1:
        raise ConfigurationError(
            f"{kind}: pass one of {', '.join(sources)}, not {' and '.join(given) or 'none'}"
        )


def _existing(kind: str, path: str | Path) -> Path:
    found = Path(path)
    try:
        found = found.expanduser()
        status = found.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a null character
        status = None
    except (OSError, RuntimeError) as error:  # RuntimeError: a home that nobody has
        raise ConfigurationError(f"{kind}: path={str(path)!r} is unreadable: {error}") from None
    if status is None or not S_ISREG(status.st_mode):
        raise ConfigurationError(f"{kind}: path={str(path)!r} is not a file")
    if not status.st_size:
        raise ConfigurationError(f"{kind}: the file {str(path)!r} is empty")
    return found


def _type(kind: str, path: Path, given: str | None) -> str:
    return media_type(kind, given or found_type(kind, _read(kind, path, 16), path.name))


def _read(kind: str, path: Path, size: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise ConfigurationError(f"{kind}: {str(path)!r} is unreadable: {error}") from None
