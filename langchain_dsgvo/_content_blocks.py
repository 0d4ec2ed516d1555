"""Content blocks of what answers hold beside text, thoughts and tool calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from langchain_core.messages import AIMessage
from langchain_core.messages.content import Annotation, ContentBlock

__all__ = ["blocks_of_chunk", "content_blocks"]

_SHOWN = ("annotations", "citations", "content_parts", "images", "refusal")
_ALONE = frozenset({"image", "non_standard", "refusal"})
_FIRST_PLACE = 2000  # after those of tool calls; see ``first_call_index``


def content_blocks(message: AIMessage) -> list[ContentBlock]:
    """Return the content blocks of an answer: citations with its text, then images and a refusal.

    Raises:
        NotImplementedError: If it has none of them, so that LangChain reads it by itself.
    """
    fields = message.additional_kwargs
    if not any(fields.get(name) for name in _SHOWN):
        raise NotImplementedError
    without_provider = message.model_copy(update={"response_metadata": {}})
    blocks = without_provider.content_blocks
    if annotations := [*_annotations(fields)]:
        texts = (block for block in blocks if block["type"] == "text")
        if (text := next(texts, None)) is None:
            text = {"type": "text", "text": ""}
            blocks.append(cast("ContentBlock", text))
        cast("dict[str, Any]", text)["annotations"] = annotations
    blocks.extend(map(_image, _objects(fields.get("images"))))
    for part in _objects(fields.get("content_parts")):
        blocks.append({"type": "non_standard", "value": part})
    if refusal := fields.get("refusal"):
        # Standard from langchain-core 1.8 on.
        blocks.append(cast("ContentBlock", {"type": "refusal", "refusal": refusal}))
    return blocks


def blocks_of_chunk(message: AIMessage) -> list[ContentBlock]:
    """Return the content blocks of a chunk, those beside its text each with a place of its own.

    LangChain gives one place to all of a kind that follow each other, and joins what shares one:
    two images would become one.
    """
    blocks = content_blocks(message)
    for number, block in enumerate(cast("list[dict[str, Any]]", blocks)):
        if block["type"] in _ALONE:
            block["index"] = _FIRST_PLACE + number
    return blocks


def _annotations(fields: dict[str, Any]) -> Iterator[Annotation]:
    for annotation in _objects(fields.get("annotations")):
        citation = next(_objects([annotation.get("url_citation")]), annotation)
        if isinstance(citation.get("url"), str):
            yield _citation(citation)
        else:
            yield {"type": "non_standard_annotation", "value": annotation}
    for citation in _listed(fields.get("citations")):  # Perplexity's are addresses alone
        if isinstance(citation, str):
            yield {"type": "citation", "url": citation}
        elif isinstance(citation, dict):
            yield {"type": "non_standard_annotation", "value": cast("dict[str, Any]", citation)}


def _citation(fields: dict[str, Any]) -> Annotation:
    named = {"url": "url", "title": "title", "content": "cited_text"}
    places = ("start_index", "end_index")
    return cast(
        "Annotation",
        {
            "type": "citation",
            **{
                ours: fields[name]
                for name, ours in named.items()
                if isinstance(fields.get(name), str)
            },
            **{name: fields[name] for name in places if isinstance(fields.get(name), int)},
        },
    )


def _image(part: dict[str, Any]) -> ContentBlock:
    inner = part.get("image_url")
    url = cast("dict[str, Any]", inner).get("url") if isinstance(inner, dict) else inner
    if not isinstance(url, str):
        return {"type": "non_standard", "value": part}
    head, comma, data = url.partition(";base64,")
    if comma and head.startswith("data:"):
        return {"type": "image", "base64": data, "mime_type": head.removeprefix("data:")}
    return {"type": "image", "url": url}


def _listed(value: object) -> Iterable[object]:
    return cast("list[object]", value) if isinstance(value, list) else ()


def _objects(value: object) -> Iterator[dict[str, Any]]:
    for item in _listed(value):
        if isinstance(item, dict):
            yield cast("dict[str, Any]", item)
