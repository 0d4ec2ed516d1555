"""The fuzz targets under hypothesis: bytes of any kind, and JSON that is nearly what is meant."""

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import EXAMPLES, HEADS, PROMPT, SEEDS, TARGETS

ODD = ["", "a", "<think>", "</think>", "error", "500", "[DONE]", "null", '{"', "\ud83d", PROMPT]
NAMES = st.sampled_from(["error", "errors", "code", "message", "detail", "text", "data", "x"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(ODD)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=9,
)


def like(example: Any) -> st.SearchStrategy[Any]:
    """Return values of an example's shape, with anything in some places and nothing in others."""
    if isinstance(example, dict):
        fields = {name: like(value) for name, value in cast("dict[str, Any]", example).items()}
        return st.fixed_dictionaries({}, optional=fields) | anything
    if isinstance(example, list):
        return st.lists(st.one_of(*map(like, cast("list[Any]", example))), max_size=3) | anything
    return st.just(example) | scalars | anything


VALUES = {name: st.one_of(*map(like, examples)) for name, examples in EXAMPLES.items()}


@st.composite
def inputs(draw: st.DrawFn, name: str) -> bytes:
    """Return what a target may be given: its seeds cut and joined, bytes, or JSON."""
    head = draw(st.binary(min_size=2, max_size=2))[: HEADS.get(name, 0)]
    kind = draw(st.integers(0, 3 if name in VALUES else 1))
    if kind == 0:
        return head + draw(st.binary(max_size=80))
    if kind == 1:
        parts = st.tuples(st.sampled_from(SEEDS[name]), st.integers(0, 99), st.integers(0, 99))
        cut = draw(st.lists(parts, min_size=1, max_size=3))
        return b"".join(seed[at % len(seed) :][:size] for seed, at, size in cut)
    bodies = [json.dumps(body).encode() for body in draw(st.lists(VALUES[name], min_size=1))]
    if name == "chat" and kind == 3:
        return head + b"".join(b"data: " + body + b"\n\n" for body in bodies)
    return head + bodies[0]


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_whatever_comes_is_understood_or_a_typed_error(name: str, data: st.DataObject) -> None:
    for seed in (*SEEDS[name], b"", b"\0", data.draw(inputs(name))):
        TARGETS[name](seed)
