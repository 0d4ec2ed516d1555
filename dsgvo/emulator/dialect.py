"""What a vendor's dialect says about itself: data, and hooks where data does not do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from dsgvo.emulator.access import Access
from dsgvo.emulator.failures import ApiError
from dsgvo.emulator.jsons import JsonObject
from dsgvo.emulator.steps import Reply, Step
from dsgvo.emulator.values import Call
from dsgvo.providers import PROVIDERS

Authorize = Callable[[Access, Mapping[str, str]], None]
"""Checks the headers of a request; raises ApiError."""
Document = Callable[[Access], Any]
"""Makes what a GET answers."""
Post = Callable[[JsonObject, Step], Any]
"""Makes what a POST answers out of its checked body."""


def asked_for_stream(call: Call) -> bool:
    """Tell whether the request asks for a stream, as OpenAI's do."""
    return call.body.get("stream") is True


@dataclass(frozen=True)
class Dialect:
    """One vendor's dialect.

    Args:
        name: Name of the vendor as our packages write it, and first part of the path here.
        base: The rest of the base URL's path, ``/api/ext/v1``.
        other_base: Another one under which chat answers too.
        error_body: Writes an error in the vendor's shape.
        authorize: Checks the headers of a request. Raises ApiError.
        chat: The fields of a chat request that are honoured.
        embeddings: The fields of an embeddings request; None: the vendor has no such endpoint.
        field_status: Status of an answer to a wrong field.
        refuse: Refuses chat requests that the vendor's page rules out. Raises ApiError.
        streams: Tells whether a chat request is answered as a stream.
        present: Turns a model's answer into what the vendor makes of it.
        make_id: Makes an answer's id from a hexadecimal digest.
        thinks_aloud: Whether a model's thoughts are in the text, as ``<think>`` blocks.
        usage_apart: Whether a stream's usage comes in a chunk after the last, as OpenAI's.
        more_usage: Makes the fields that the vendor adds to ``usage`` from an answer's text.
        images: Path of image generation, if the vendor has it.
        uploads: Whether chat takes files as ``multipart/form-data``.
        documents: Paths that answer a GET, each with its check of access and what makes the answer.
        posts: Paths that answer a POST with JSON, each with its fields and what makes the answer.
    """

    name: str
    base: str
    error_body: Callable[[ApiError], JsonObject]
    authorize: Authorize
    chat: type[BaseModel]
    other_base: str | None = None
    embeddings: type[BaseModel] | None = None
    field_status: int = 400
    refuse: Callable[[Call], None] = lambda call: None
    streams: Callable[[Call], bool] = asked_for_stream
    present: Callable[[Reply, str], Reply] = lambda answer, model: answer
    make_id: Callable[[str], str] = lambda digest: f"chatcmpl-{digest[:24]}"
    has_created: bool = True
    thinks_aloud: bool = False
    usage_apart: bool = True
    more_usage: Callable[[str], JsonObject] = lambda content: {}
    images: str | None = None
    uploads: bool = False
    documents: Mapping[str, tuple[Authorize, Document]] = field(default_factory=dict[str, Any])
    posts: Mapping[str, tuple[type[BaseModel], Post]] = field(default_factory=dict[str, Any])
    token_path: str | None = None


def dialects() -> dict[str, Dialect]:
    """Return the dialects of all vendors: each is in the module of its vendor's name."""
    return {name: import_module(f"dsgvo.emulator.{name}").DIALECT for name in PROVIDERS}
