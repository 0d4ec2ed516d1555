"""Bodies of requests and answers in a form that a person reads, and back to bytes."""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from dsgvo.emulator.jsons import JsonObject, is_object

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
EVENTS = "text/event-stream"
LAYOUTS = ("json", "sse", "form", "multipart", "text", "base64")
"""The keys under which a body may stand; ``newlines`` may stand beside ``sse`` and ``text``."""

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_CHARSET = re.compile(r"(?i)charset\s*=\s*\"?([\w.:-]+)")


def media_type(content_type: str) -> str:
    """Return a content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def uncompressed(body: bytes, encoding: str) -> bytes:
    """Return a request's body as it was before it was compressed by gzip or deflate."""
    for name in reversed(re.split(r"[\s,]+", encoding.strip().lower())):
        try:
            body = zlib.decompress(body, _WINDOWS[name]) if name in _WINDOWS else body
        except zlib.error:
            return body
    return body


def in_utf8(body: bytes, content_type: str) -> tuple[bytes, str]:
    """Return text of another charset in UTF-8, with the content type that then is right.

    Whatever is UTF-8 or no text stays as it is.
    """
    kind = media_type(content_type)
    if kind != FORM and not kind.startswith("text/") and not kind.endswith("json"):
        return body, content_type
    declared = _CHARSET.search(content_type)
    for charset in ("utf-8", declared[1] if declared else json.detect_encoding(body), "latin-1"):
        with suppress(UnicodeDecodeError, LookupError):
            text = body.decode(charset)
            if charset == "utf-8" and "\0" not in text:
                return body, content_type
            if charset != "utf-8":
                return text.encode(), f"{kind}; charset=utf-8"
    return body, content_type


def laid_out(body: bytes, content_type: str) -> JsonObject:
    """Lay a body out for reading.

    Args:
        body: The bytes; multipart bodies in the form of :func:`without_boundary`.
        content_type: The header that came with it.

    Returns:
        One of the ``LAYOUTS`` with the body, or nothing if it is empty. :func:`packed` gives the
        same content again.
    """
    if not body:
        return {}
    kind = media_type(content_type)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
    if kind == MULTIPART and (form := parsed(text)) is not None:
        return {"multipart": form}
    if kind == FORM and (pairs := _form(text)) is not None:
        return {"form": pairs}
    if kind != EVENTS and (value := parsed(text)) is not None:
        return {"json": value}
    name = "sse" if kind == EVENTS else "text"
    # YAML has one line ending; a body with another one throughout says so beside it.
    lines = text.replace("\r\n", "\n")
    if "\r\n" in text and "\r" not in lines and lines.replace("\n", "\r\n") == text:
        return {"newlines": "crlf", name: lines}
    return {name: text}


def packed(entry: Mapping[str, Any]) -> bytes:
    """Return the bytes of a body that was laid out; what else stands in the entry is no matter."""
    for name in ("json", "multipart"):
        if name in entry:
            return dumps(entry[name]).encode()
    if "form" in entry:
        return urlencode(entry["form"]).encode()
    if "base64" in entry:
        return base64.b64decode(entry["base64"])
    text = str(entry.get("sse", entry.get("text", "")))
    return (text.replace("\n", "\r\n") if entry.get("newlines") == "crlf" else text).encode()


def canonical(body: bytes, content_type: str) -> JsonObject:
    """Return what two bodies must have in common to be the same.

    Key order and whitespace of JSON and of forms do not matter; everything else does, down to
    ``1`` and ``1.0`` and ``true``.
    """
    entry = laid_out(body, content_type)
    return {
        name: json.dumps(value, sort_keys=True, ensure_ascii=False)
        if name in {"json", "form", "multipart"}
        else value
        for name, value in entry.items()
    }


def without_boundary(body: bytes, content_type: str) -> bytes:
    """Return a multipart form as JSON: its parts, with digest and size in place of files.

    A form that is one already, or none at all, stays as it is.
    """
    if media_type(content_type) != MULTIPART or "boundary=" not in content_type.lower():
        return body
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    return dumps([_part(cast("EmailMessage", part)) for part in message.iter_parts()]).encode()


def dumps(value: Any) -> str:
    """Write JSON as the classes of this project send it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _part(part: EmailMessage) -> JsonObject:
    shown: JsonObject = {"name": part.get_param("name", header="content-disposition")}
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):  # a message in a message
        data = b"".join(one.as_bytes() for one in cast("list[EmailMessage]", part.get_payload()))
    filename = part.get_filename()
    if filename is not None:
        shown["filename"] = filename
    if filename is not None or "content-type" in part:
        shown["type"] = part.get_content_type()
    if filename is None:
        with suppress(UnicodeDecodeError):
            text = data.decode()
            value = parsed(text)
            return shown | ({"text": text} if value is None else {"json": value})
    return shown | {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def parsed(text: str) -> Any:
    """Return the objects and arrays that a text is, or None if it would not come back the same."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
        dumps(value).encode()  # no infinity, and no half of a surrogate pair
    except ValueError:
        return None
    return value


def _once(pairs: list[tuple[str, Any]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key twice")
    return value


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _form(text: str) -> dict[str, str] | None:
    pairs = parse_qsl(text, keep_blank_values=True)
    form = dict(pairs)
    # Whoever writes it otherwise, or a name twice, finds it as text.
    return form if len(form) == len(pairs) and urlencode(form) == text else None


def events(text: str) -> list[Any]:
    """Return the JSON objects of a stream's events, for looking at their shape."""
    lines = (line.removeprefix("data:").strip() for line in text.splitlines())
    values = (parsed(line) for line in lines if line.startswith("{"))
    return [value for value in values if is_object(value)]
