"""Token counts out of every shape of usage; ``tests.fuzz`` tries others."""

from typing import Any

from dsgvo.wire.usage import TokenCounts, added, numbers, token_counts, total_tokens

PLAIN = {"prompt_tokens": 7, "completion_tokens": 4}
# usage → prompt, completion and total, if tokens are counted, and details
COUNTS: list[tuple[Any, tuple[int, ...] | None, dict[str, int]]] = [
    *((usage, None, {}) for usage in (None, {}, {"words_used": 3}, {"prompt_tokens": 2**25 + 1})),
    *((PLAIN | more, (7, 4, 11), {}) for more in ({}, {"total_tokens": None}, {"total_tokens": 9})),
    (PLAIN | {"total_tokens": 12}, (7, 4, 12), {}),  # what the vendor says
    ({"prompt_tokens": 7.0, "completion_tokens": "4"}, (7, 4, 11), {}),
    ({"prompt_tokens": 7.6, "completion_tokens": "viele"}, (7, 0, 7), {}),
    ({"prompt_tokens": True, "completion_tokens": 4}, (0, 4, 4), {}),
    ({"prompt_tokens": -1, "completion_tokens": float("nan")}, None, {}),
    ({"prompt_tokens": 10**400, "completion_tokens": float("inf")}, None, {}),
    ({"prompt_tokens": [7], "completion_tokens": {"n": 4}, "total_tokens": 11}, (0, 0, 11), {}),
    *(({name: count, "total_tokens": 11}, (7, 4, 11), {}) for name, count in PLAIN.items()),
    ({"prompt_tokens": 2**25}, (2**25, 0, 2**25), {}),
    ({"input_tokens": 7, "output_tokens": 4}, (7, 4, 11), {}),
    ({"prompt_eval_count": 7, "eval_count": 4}, (7, 4, 11), {}),
    ({"promptTokenCount": 7, "candidatesTokenCount": 4, "totalTokenCount": 20}, (7, 4, 20), {}),
    *(
        (PLAIN | more, (7, 4, 11), details)
        for more, details in [
            *(({"prompt_tokens_details": {"cached_tokens": n}}, {"cache_read": n}) for n in (0, 2)),
            ({"input_tokens_details": {"cached_tokens": 2}, "audio_tokens": 1}, {"cache_read": 2}),
            ({"prompt_cache_hit_tokens": 2, "prompt_cache_miss_tokens": 5}, {"cache_read": 2}),
            ({"prompt_tokens_details": None, "completion_tokens_details": "x"}, {}),
            ({"prompt_tokens_details": {"cache_write_tokens": 3}}, {"cache_creation": 3}),
            ({"cache_creation_input_tokens": 3}, {"cache_creation": 3}),
            ({"prompt_tokens_details": {"audio_tokens": 1}}, {"prompt_audio": 1}),
            ({"completion_tokens_details": {"audio_tokens": 1}}, {"completion_audio": 1}),
            ({"completion_tokens_details": {"reasoning_tokens": 3}}, {"reasoning": 3}),
            ({"completion_tokens": 1, "total_tokens": 11, "reasoning_tokens": 3}, {"reasoning": 3}),
        ]
    ),
    (  # Anthropic counts what is cached beside the input
        {"input_tokens": 1, "output_tokens": 8}
        | {"cache_read_input_tokens": 2, "cache_creation_input_tokens": 4},
        *((7, 8, 15), {"cache_read": 2, "cache_creation": 4}),
    ),
    ({"outputTokens": 8, "cacheReadInputTokens": 2}, (2, 8, 10), {"cache_read": 2}),
    ({"cacheWriteInputTokens": 4, "outputTokens": 8}, (4, 8, 12), {"cache_creation": 4}),
]
ONE = {"a": 1, "b": {"c": 2, "d": "x"}, "e": 5, "f": True}
OTHER = {"a": 2.5, "b": {"c": 3, "d": "y"}, "e": None, "f": 2, "g": 7}
BOTH = {"a": 3.5, "b": {"c": 5, "d": "y"}, "e": 5, "f": 2, "g": 7}
SUMS = [(None, None, None), (None, ONE, ONE), (ONE, None, ONE), (ONE, OTHER, BOTH)]


def test_counts() -> None:
    for usage, counts, details in COUNTS:
        assert token_counts(usage) == (counts and TokenCounts(*counts, **details)), usage
        assert total_tokens(usage) == (counts[2] if counts else 0)
    assert [(one, other, added(one, other)) for one, other, _ in SUMS] == SUMS
    assert numbers(ONE) == {"a": 1, "e": 5}
