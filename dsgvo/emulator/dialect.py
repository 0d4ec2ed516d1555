"""What a vendor's dialect says about itself: data, and hooks where data does not do."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dsgvo.emulator.access import Access
from dsgvo.emulator.failures import ApiError
from dsgvo.emulator.jsons import JsonObject
from dsgvo.emulator.values import Answer, Call

Check = Callable[[Any], str | None]
"""Looks at the value of one field; returns what is wrong with it, or None."""

Authorize = Callable[[Mapping[str, str], Access], None]
"""Checks the headers of a request; raises ApiError."""

Document = Callable[[Access], Any]
"""Makes what a GET answers."""


def asked_for_stream(call: Call) -> bool:
    """Tell whether the request asks for a stream, as OpenAI's do."""
    return call.body.get("stream") is True


def as_it_is(answer: Answer, model: str) -> Answer:
    """Return the answer unchanged."""
    del model
    return answer


def accept_all(call: Call) -> None:
    """Accept every request."""
    del call


def openai_id(digest: str) -> str:
    """Return an id as OpenAI makes them."""
    return f"chatcmpl-{digest[:24]}"


def no_more_usage(content: str) -> JsonObject:
    """Add nothing to OpenAI's usage."""
    del content
    return {}


@dataclass(frozen=True)
class Dialect:
    """One vendor's dialect.

    Args:
        name: Name of the vendor as our packages write it.
        title: Name of the vendor as it writes itself.
        root: First part of the path in the emulator, ``/innogpt``.
        base: The rest of the base URL's path, ``/api/ext/v1``.
        environment: Variable of each setting that a client needs.
        error_body: Writes an error in the vendor's shape.
        authorize: Checks the headers of a request. Raises ApiError.
        fields: The body fields of a chat request that are honoured, each with its check. What is
            not in here is accepted and has no effect.
        required: The fields that a chat request must have.
        roles: The roles that messages may have.
        parts: The types of content parts that messages may have.
        response_formats: The ``type`` values that ``response_format`` may have.
        field_status: Status of an answer to a wrong field.
        refuse: Refuses chat requests that the vendor's page rules out. Raises ApiError.
        streams: Tells whether a chat request is answered as a stream.
        present: Turns the model's answer into what the vendor makes of it.
        make_id: Makes an answer's id from a hexadecimal digest.
        has_created: Whether an answer has ``created``.
        thinks_aloud: Whether a model's thoughts are in the text, as ``<think>`` blocks.
        more_usage: Fields that the vendor adds to ``usage``.
        embeddings: Whether the vendor has an embeddings endpoint.
        token_input: Whether embeddings take lists of token ids.
        images: Whether the vendor has an image generation endpoint.
        uploads: Whether chat takes files as ``multipart/form-data``.
        embedding_model_optional: Whether an embeddings request may leave ``model`` out.
        documents: Paths below ``root`` that answer a GET, each with what makes the answer.
        account_documents: The same, for paths with their own check of access.
        authorize_account: That check.
        token_path: Path below ``root`` of the OAuth token endpoint.
    """

    name: str
    title: str
    root: str
    base: str
    environment: Mapping[str, str]
    error_body: Callable[[ApiError], JsonObject]
    authorize: Authorize
    fields: Mapping[str, Check]
    required: tuple[str, ...] = ("model", "messages")
    roles: frozenset[str] = frozenset({"system", "developer", "user", "assistant", "tool"})
    parts: frozenset[str] = frozenset({"text", "image_url"})
    response_formats: frozenset[str] = frozenset({"text", "json_object", "json_schema"})
    field_status: int = 400
    refuse: Callable[[Call], None] = accept_all
    streams: Callable[[Call], bool] = asked_for_stream
    present: Callable[[Answer, str], Answer] = as_it_is
    make_id: Callable[[str], str] = openai_id
    has_created: bool = True
    thinks_aloud: bool = False
    more_usage: Callable[[str], JsonObject] = no_more_usage
    embeddings: bool = False
    embedding_model_optional: bool = False
    token_input: bool = False
    images: bool = False
    uploads: bool = False
    documents: Mapping[str, Document] = field(default_factory=dict[str, Document])
    account_documents: Mapping[str, Document] = field(default_factory=dict[str, Document])
    authorize_account: Authorize | None = None
    token_path: str | None = None

    @property
    def prefix(self) -> str:
        """Path of the base URL in the emulator."""
        return self.root + self.base


def starts_with(*beginnings: str) -> Callable[[str], bool]:
    """Return a test whether a model's id begins with one of the names."""
    pattern = re.compile("|".join(re.escape(name) for name in beginnings), re.IGNORECASE)
    return lambda model: pattern.match(model) is not None
