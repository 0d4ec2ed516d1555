"""What bets on how langchain-core works inside; checked with langchain-core 1.7.2 and 1.8.3."""

from __future__ import annotations

import re

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

__all__ = ["first_call_index", "force_invalid", "text_chunk"]

_MESSAGE = AIMessageChunk(content="")
_CHUNK = ChatGenerationChunk(message=_MESSAGE)
_CONTAINERS: list[tuple[str, type]] = [
    (name, kind)
    for name, value in vars(_MESSAGE).items()
    for kind in (list, dict)
    if type(value) is kind
]
_new = object.__new__
_set = object.__setattr__
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?P<end>"|\\?\Z)', re.DOTALL)


def text_chunk(text: str) -> ChatGenerationChunk:
    """Return a chunk of plain text.

    It is a copy of one that has been validated, with containers of its own: validating two models
    is half of what a streamed token costs.
    """
    fields = vars(_MESSAGE).copy()
    for name, kind in _CONTAINERS:
        fields[name] = kind()
    fields["content"] = text
    message = _new(AIMessageChunk)
    _set(message, "__dict__", fields)
    _set(message, "__pydantic_fields_set__", _MESSAGE.__pydantic_fields_set__.copy())
    _set(message, "__pydantic_extra__", {})
    _set(message, "__pydantic_private__", None)
    chunk = _new(ChatGenerationChunk)
    _set(chunk, "__dict__", {**vars(_CHUNK), "message": message, "text": text})
    _set(chunk, "__pydantic_fields_set__", _CHUNK.__pydantic_fields_set__.copy())
    _set(chunk, "__pydantic_extra__", None)
    _set(chunk, "__pydantic_private__", None)
    return chunk


def first_call_index(output_version: str | None) -> int:
    """Return the index of a streamed answer's first tool call.

    Under ``output_version="v1"`` LangChain numbers the blocks of text and thoughts itself, from 0
    on, and merges a tool call into the block that has its number.
    """
    return 1000 if output_version == "v1" else 0


def force_invalid(arguments: str) -> str:
    """Return what to append to broken arguments so that LangChain sees that they are broken.

    When it adds up a stream, it closes whatever JSON is open, and half a call would be carried out
    as if it were whole. A bracket too many stops that, and the call becomes an invalid one, as it
    does in an answer that was not streamed.

    Examples:
        >>> force_invalid('{"city": "Ul')
        '"}}'
    """
    if not arguments.lstrip().startswith("{"):
        return ""  # no closing makes it an object
    ends = [match["end"] for match in _JSON_STRING.finditer(arguments)]
    close = {'"': "", "": '"', "\\": '""'}[ends[-1]] if ends else ""
    return close + "}" * (_JSON_STRING.sub("", arguments).count("{") + 1)
