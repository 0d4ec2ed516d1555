"""The fuzz targets under hypothesis: bytes of any kind, and JSON that is nearly what is meant."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import PROMPT, SEEDS, TARGETS

WORDS = [
    *("choices", "delta", "message", "content", "tool_calls", "function", "name"),
    *("arguments", "id", "index", "finish_reason", "error", "errors", "code", "type"),
    *("status", "detail", "usage", "text", "reasoning", "reasoning_content"),
    *("reasoning_details", "refusal", "model", "created", "field", "loc", "msg"),
    *("metadata", "raw", "data", "embedding", "b64_json", "url", "annotations", "x"),
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 700)
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "a", "<think>", "</think>", "stop", "error", "500", "call_1", "[DONE]"])
    | st.sampled_from(["AACAPwAAAEA=", "null", "{}", '{"', "\ud83d", " ", PROMPT])
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)


def fields(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=optional) | anything


calls = fields(
    index=anything, id=anything, function=fields(name=scalars, arguments=scalars | anything)
)
messages = fields(
    content=scalars | anything,
    tool_calls=st.lists(calls, max_size=2),
    reasoning=anything,
    refusal=anything,
)
choices = fields(delta=messages, message=messages, finish_reason=scalars, error=anything)
chunks = fields(choices=st.lists(choices, max_size=2), id=anything, usage=anything, error=anything)
rows = st.lists(fields(index=st.integers(-1, 2), embedding=anything), max_size=3)
values: dict[str, st.SearchStrategy[Any]] = {
    "chat": chunks,
    "tools": st.lists(st.lists(calls, max_size=3), max_size=3),
    "embeddings": fields(data=rows, error=anything, errors=anything, usage=anything),
    "errors": fields(error=anything, errors=anything, detail=anything, metadata=anything),
    "lists": fields(data=rows, models=rows),
}


@st.composite
def inputs(draw: st.DrawFn, name: str) -> bytes:
    """Return what a target may be given: its seeds cut and joined, bytes, or JSON."""
    head = draw(st.binary(min_size=2, max_size=2))
    kind = draw(st.integers(0, 3 if name in values else 1))
    if kind == 0:
        return head + draw(st.binary(max_size=80))
    if kind == 1:
        parts = st.tuples(st.sampled_from(SEEDS[name]), st.integers(0, 99), st.integers(0, 99))
        cut = draw(st.lists(parts, min_size=1, max_size=3))
        return b"".join(
            seed[first % len(seed) : first % len(seed) + size] for seed, first, size in cut
        )
    bodies = [
        json.dumps(body).encode() for body in draw(st.lists(values[name], min_size=1, max_size=3))
    ]
    if name == "chat":
        if kind == 2:
            return head + bodies[0]
        named = draw(st.sampled_from(["", "event: error\n", "event: ping\n"])).encode()
        return head + b"".join(named + b"data: " + body + b"\n\n" for body in bodies)
    return bodies[0] if name in {"tools", "embeddings"} else head[:1] + bodies[0]


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_whatever_comes_is_understood_or_a_typed_error(name: str, data: st.DataObject) -> None:
    TARGETS[name](data.draw(inputs(name)))


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_read(name: str) -> None:
    for seed in (*SEEDS[name], b"", b"\0"):
        TARGETS[name](seed)
