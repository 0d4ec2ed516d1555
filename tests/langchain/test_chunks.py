"""A streamed piece of text is the chunk that LangChain's own constructors would make of it."""

from __future__ import annotations

from langchain_core.load import dumps
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from dsgvo import Delta
from langchain_dsgvo._responses import to_chunk


def made(text: str) -> ChatGenerationChunk:
    chunk = to_chunk(Delta(content=text), "m")
    assert chunk is not None
    return chunk


def test_a_chunk_of_text_is_what_the_constructors_make() -> None:
    expected = ChatGenerationChunk(message=AIMessageChunk(content="Grüße"))
    chunk = made("Grüße")
    assert chunk == expected
    assert repr(chunk) == repr(expected)
    assert dumps(chunk) == dumps(expected)
    assert chunk.model_fields_set == expected.model_fields_set
    assert chunk.message.model_fields_set == expected.message.model_fields_set


def test_chunks_share_nothing() -> None:
    first, second = made("a").message, made("b").message
    assert isinstance(first, AIMessageChunk)
    for name, value in vars(first).items():
        if isinstance(value, list | dict):
            assert value is not getattr(second, name), name
    first.additional_kwargs["note"] = 1
    setattr(first, "note", 1)  # noqa: B010 - a field of no model
    first.name = "x"
    assert made("c") == ChatGenerationChunk(message=AIMessageChunk(content="c"))
    assert second == AIMessageChunk(content="b")
