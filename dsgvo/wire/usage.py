"""Token counts of an answer, whatever the server calls them and in whatever shape they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard, cast

__all__ = ["TokenCounts", "added", "numbers", "token_counts", "total_tokens"]

# OpenAI's names first, then Anthropic's, Google's and Ollama's, which gateways pass on.
_INPUT = (
    *("prompt_tokens", "input_tokens", "prompt_token_count", "promptTokenCount"),
    *("promptTokens", "inputTokens", "prompt_eval_count"),
)
_OUTPUT = (
    *("completion_tokens", "output_tokens", "candidates_token_count", "candidatesTokenCount"),
    *("completionTokens", "outputTokens", "eval_count"),
)
_TOTAL = ("total_tokens", "total_token_count", "totalTokenCount", "totalTokens")
_CACHE_READ = (
    *("cached_tokens", "cache_read_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"),
    *("cachedContentTokenCount", "cacheReadInputTokens"),
)
_CACHE_CREATION = (
    *("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"),
    "cacheWriteInputTokens",
)
_REASONING = ("reasoning_tokens", "thoughtsTokenCount", "thoughts_token_count")
_WITHOUT_DETAILS = frozenset({_INPUT[0], _OUTPUT[0], _TOTAL[0]})
_INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details")
_BESIDE_INPUT = (  # Anthropic's and Bedrock's
    *("cache_read_input_tokens", "cache_creation_input_tokens"),
    *("cacheReadInputTokens", "cacheWriteInputTokens"),
)

_LARGEST = 2**25
"""More than any answer has, or 2,048 texts of 8,192 tokens; numbers beyond it are a fault of the
server, for which a limit of tokens a minute would wait for ever."""


class TokenCounts(NamedTuple):
    """Counts of one answer, with details that are part of them; ``None`` is not known."""

    prompt: int
    completion: int
    total: int
    cache_read: int | None = None
    cache_creation: int | None = None
    prompt_audio: int | None = None
    reasoning: int | None = None
    completion_audio: int | None = None


def token_counts(usage: Mapping[str, Any] | None) -> TokenCounts | None:
    """Return what a vendor's usage object counts, or ``None`` if it counts no tokens.

    What is not a count (``null``, text, a negative or an infinite number) is passed over.

    Examples:
        >>> usage = {"prompt_tokens": 9, "completion_tokens": "4", "total_tokens": None}
        >>> token_counts(usage)[:3]
        (9, 4, 13)
    """
    if not usage:
        return None
    given, answer, total = _first(usage, _INPUT), _first(usage, _OUTPUT), _first(usage, _TOTAL)
    if given is answer is total is None:
        return None
    if usage.keys() <= _WITHOUT_DETAILS:  # nearly all
        return TokenCounts(*_completed(given, answer, total))
    read = _detail(usage, _INPUT_DETAILS, _CACHE_READ)
    created = _detail(usage, _INPUT_DETAILS, _CACHE_CREATION)
    if "prompt_tokens" not in usage and any(name in usage for name in _BESIDE_INPUT):
        given = (given or 0) + (read or 0) + (created or 0)
    reasoning = _detail(usage, _OUTPUT_DETAILS, _REASONING)
    if given and answer and reasoning and total == given + answer + reasoning:
        answer += reasoning  # Gemini and Grok count thoughts apart
    given, answer, total = _completed(given, answer, total)
    return TokenCounts(
        prompt=given,
        completion=answer,
        total=total,
        cache_read=read,
        cache_creation=created,
        prompt_audio=_detail(usage, _INPUT_DETAILS, ("audio_tokens",)),
        reasoning=reasoning,
        completion_audio=_detail(usage, _OUTPUT_DETAILS, ("audio_tokens",)),
    )


def total_tokens(usage: Mapping[str, Any] | None) -> int:
    """Return how many tokens a vendor counted in all, prompt and answer; 0 if it does not say.

    Examples:
        >>> total_tokens({"prompt_tokens": 9, "completion_tokens": 4}), total_tokens({})
        (13, 0)
    """
    counts = token_counts(usage)
    return counts.total if counts is not None else 0


def added(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the sum of two usage objects: numbers add up, and of others the second one counts.

    Examples:
        >>> added({"cost": 0.25, "details": {"cached": 1}}, {"cost": 0.5, "details": {"cached": 2}})
        {'cost': 0.75, 'details': {'cached': 3}}
    """
    if one is None or other is None:
        return None if one is other else dict(one or other or {})
    return {**one, **{name: _sum(one.get(name), value) for name, value in other.items()}}


def numbers(usage: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a usage object counts, tokens and the vendor's own: ``words_used``, ``cost``.

    Examples:
        >>> numbers({"total_tokens": 3, "cost": 0.5, "tier": "x", "details": {}})
        {'total_tokens': 3, 'cost': 0.5}
    """
    return {name: count for name, count in (usage or {}).items() if _is_number(count)}


def _is_number(value: object) -> TypeGuard[float]:
    return type(value) in {int, float}


def _sum(one: Any, other: Any) -> Any:
    if one.__class__ is other.__class__ is dict:
        return added(one, other)
    if _is_number(one) and _is_number(other):
        return one + other
    return one if other is None else other


def _completed(given: int | None, answer: int | None, total: int | None) -> tuple[int, int, int]:
    """Return the three counts, each that is missing worked out from the others."""
    if total is None:
        total = (given or 0) + (answer or 0)
    if given is None:
        given = max(total - answer, 0) if answer is not None else 0
    if answer is None:
        answer = max(total - given, 0) if total and given else 0
    return given, answer, max(total, given + answer)  # of a part's usage it may be an older one


def _detail(
    usage: Mapping[str, Any], places: tuple[str, ...], names: tuple[str, ...]
) -> int | None:
    for place in places:
        inner = usage.get(place)
        if isinstance(inner, Mapping):
            found = _first(cast("Mapping[str, Any]", inner), names)
            if found is not None:
                return found
    return None if names == ("audio_tokens",) else _first(usage, names)


def _first(counts: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        if name in counts and (count := _count(counts[name])) is not None:
            return count
    return None


def _count(value: object) -> int | None:
    if type(value) is int and 0 <= value <= _LARGEST:  # nearly all
        return value
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return int(value) if _is_number(value) and 0 <= value <= _LARGEST else None
