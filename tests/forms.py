"""Multipart forms as a server sees them, read by the standard library."""

import json
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, NamedTuple

from dsgvo.emulator import RecordedRequest


class Part(NamedTuple):
    """One part of a form."""

    name: str | None
    kind: str
    data: bytes


def form_of(request: RecordedRequest) -> dict[str, Part]:
    """Return the parts of a request's form, by the names of their fields."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    found: dict[str, Part] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        found[str(name)] = Part(part.get_filename(), part.get_content_type(), data)
    return found


def payload_of(request: RecordedRequest) -> dict[str, Any]:
    """Return the chat request beside the file."""
    return json.loads(form_of(request)["payload"].data)
