"""The fuzz targets under hypothesis: bytes of any kind, and JSON that is nearly what is meant."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import PROMPT, SEEDS, TARGETS

FIELDS = """
choices delta message content tool_calls function name arguments id index finish_reason error errors
code type status detail usage text reasoning reasoning_content reasoning_details refusal model msg
created field loc metadata raw data embedding b64_json url annotations x prompt_tokens_details
cache_read_input_tokens
"""
WORDS = FIELDS.split()
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


def mapped(names: str, kind: st.SearchStrategy[Any] = anything) -> dict[str, Any]:
    return dict.fromkeys(names.split(), kind)


functions = fields(name=scalars, arguments=scalars | anything)
calls = fields(index=anything, id=anything, function=functions)
texts = mapped("content reasoning refusal", scalars | anything)
messages = fields(tool_calls=st.lists(calls, max_size=2), **texts)
choices = fields(delta=messages, message=messages, finish_reason=scalars, error=anything)
usage = fields(**mapped("prompt_tokens completion_tokens input_tokens total_tokens", scalars))
chunks = fields(choices=st.lists(choices, max_size=2), usage=usage, **mapped("id error"))
rows = st.lists(fields(index=st.integers(-1, 2), embedding=anything), max_size=3)
values: dict[str, st.SearchStrategy[Any]] = {
    "chat": chunks,
    "tools": st.lists(st.lists(calls, max_size=3), max_size=3),
    "embeddings": fields(data=rows, **mapped("error errors usage")),
    "errors": fields(**mapped("error errors detail metadata")),
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
        return b"".join(seed[at % len(seed) :][:size] for seed, at, size in cut)
    drawn = draw(st.lists(values[name], min_size=1, max_size=3))
    bodies = [json.dumps(body).encode() for body in drawn]
    if name == "chat" and kind == 3:
        named = draw(st.sampled_from([b"", b"event: error\n", b"event: ping\n"]))
        return head + b"".join(named + b"data: " + body + b"\n\n" for body in bodies)
    return head[: {"tools": 0, "embeddings": 0, "chat": 2}.get(name, 1)] + bodies[0]


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_whatever_comes_is_understood_or_a_typed_error(name: str, data: st.DataObject) -> None:
    TARGETS[name](data.draw(inputs(name)))


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_read(name: str) -> None:
    for seed in (*SEEDS[name], b"", b"\0"):
        TARGETS[name](seed)
