"""Token counts out of every shape of usage."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsgvo.wire.usage import TokenCounts, token_counts

PLAIN = {"prompt_tokens": 7, "completion_tokens": 4}


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, None),
        ({}, None),
        ({"words_used": 3}, None),
        ({"prompt_tokens": None, "completion_tokens": None}, None),
        (PLAIN, (7, 4, 11)),
        (PLAIN | {"total_tokens": 12}, (7, 4, 12)),  # what the vendor says
        (PLAIN | {"total_tokens": None}, (7, 4, 11)),
        (PLAIN | {"total_tokens": 0}, (7, 4, 11)),
        ({"prompt_tokens": 7.0, "completion_tokens": "4"}, (7, 4, 11)),
        ({"prompt_tokens": 7.6, "completion_tokens": "viele"}, (7, 0, 7)),
        ({"prompt_tokens": True, "completion_tokens": 4}, (0, 4, 4)),
        ({"prompt_tokens": -1, "completion_tokens": float("nan")}, None),
        ({"prompt_tokens": 10**400, "completion_tokens": float("inf")}, None),
        ({"prompt_tokens": [7], "completion_tokens": {"n": 4}, "total_tokens": 11}, (0, 0, 11)),
        ({"prompt_tokens": 7, "total_tokens": 11}, (7, 4, 11)),
        ({"completion_tokens": 4, "total_tokens": 11}, (7, 4, 11)),
        ({"input_tokens": 7, "output_tokens": 4}, (7, 4, 11)),
        ({"prompt_eval_count": 7, "eval_count": 4}, (7, 4, 11)),
        ({"promptTokenCount": 7, "candidatesTokenCount": 4, "totalTokenCount": 20}, (7, 4, 20)),
    ],
)
def test_counts(usage: Any, counts: Any) -> None:
    found = token_counts(usage)
    assert (found and found[:3]) == counts


@pytest.mark.parametrize(
    ("more", "details"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 2}}, {"cache_read": 2}),
        ({"input_tokens_details": {"cached_tokens": 2}}, {"cache_read": 2}),
        ({"prompt_cache_hit_tokens": 2, "prompt_cache_miss_tokens": 5}, {"cache_read": 2}),
        ({"prompt_tokens_details": {"cached_tokens": "viele"}}, {}),
        ({"prompt_tokens_details": None, "completion_tokens_details": "x"}, {}),
        ({"prompt_tokens_details": {"cache_write_tokens": 3}}, {"cache_creation": 3}),
        ({"cache_creation_input_tokens": 3}, {"cache_creation": 3}),
        ({"prompt_tokens_details": {"audio_tokens": 1}}, {"prompt_audio": 1}),
        ({"completion_tokens_details": {"audio_tokens": 1}}, {"completion_audio": 1}),
        ({"completion_tokens_details": {"reasoning_tokens": 3}}, {"reasoning": 3}),
        ({"reasoning_tokens": 3}, {"reasoning": 3}),
    ],
)
def test_details(more: Any, details: Any) -> None:
    assert token_counts(PLAIN | more) == TokenCounts(7, 4, 11, **details)


def test_anthropic_counts_what_is_cached_beside_the_input() -> None:
    usage = {
        "input_tokens": 1,
        "cache_read_input_tokens": 2,
        "cache_creation_input_tokens": 4,
        "output_tokens": 8,
    }
    assert token_counts(usage) == TokenCounts(7, 8, 15, cache_read=2, cache_creation=4)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
)
NAMES = st.sampled_from(
    [*PLAIN, "total_tokens", "prompt_tokens_details", "cache_read_input_tokens", "input_tokens"]
)


@given(st.dictionaries(NAMES, JSON))
def test_no_shape_of_usage_costs_an_answer(usage: dict[str, Any]) -> None:
    counts = token_counts(usage)
    if counts is not None:
        assert all(type(count) is int and count >= 0 for count in counts if count is not None)
        assert counts.total or not counts.prompt
