"""Figures of models that their makers publish, for the catalogues of the vendors who offer them.

They are carried over from two public lists, read in November 2026: LiteLLM 1.110.2's
``model_prices_and_context_window.json``, whose entries name makers' pages, and the model profiles
of LangChain's partner packages (langchain-openai 1.7.4 and others), which come from models.dev.
A figure stands here where both state it and agree, or where one is silent about it; a name that
means different models at different times has no window. A vendor may offer less than a maker: its
own page, and its model list once read, win.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dsgvo.providers._spec import Model, Standing

__all__ = ["model", "with_published"]

_SOURCE = "LiteLLM's and models.dev's lists, November 2026"

_GPT_5 = {"context_window": 272_000, "images": True, "tools": True, "reasoning": True}
_GPT_4_1 = {"context_window": 1_047_576, "images": True, "tools": True, "reasoning": False}
_GPT_4O = {"context_window": 128_000, "images": True, "tools": True, "reasoning": False}
_THINKS = {"context_window": 200_000, "images": True, "tools": True, "reasoning": True}
_GEMINI_2_5 = {"context_window": 1_048_576, "images": True, "tools": True, "reasoning": True}

_PUBLISHED: dict[str, dict[str, Any]] = {
    "gpt-5": _GPT_5,
    "gpt-5-mini": _GPT_5,
    "gpt-5.1": _GPT_5,
    "gpt-5.2": _GPT_5,
    "gpt-4.1": _GPT_4_1,
    "gpt-4.1-mini": _GPT_4_1,
    "gpt-4o": _GPT_4O,
    "gpt-4o-mini": _GPT_4O,
    "o1": _THINKS,
    "o3": _THINKS,
    "o3-mini": {**_THINKS, "images": False},
    "o4-mini": _THINKS,
    "gpt-oss-120b": {**_THINKS, "context_window": 131_072, "images": False},
    "claude-sonnet-4-5": _THINKS,
    "claude-opus-4-5": _THINKS,
    "claude-opus-4-6": {**_THINKS, "context_window": 1_000_000},
    "gemini-2.5-pro": _GEMINI_2_5,
    "gemini-2.5-flash": _GEMINI_2_5,
    "deepseek-r1": {"tools": True, "reasoning": True},
    "mistral-medium": {"images": True, "tools": True},
    "codestral": {"images": False, "tools": True, "reasoning": False},
    "magistral-medium": {"tools": True, "reasoning": True},
    "sonar": {"context_window": 128_000, "reasoning": False},
    "sonar-deep-research": {"context_window": 128_000, "images": False, "reasoning": True},
    "text-embedding-3-large": {"kind": "embedding", "dimensions": 3072},
    "text-embedding-3-small": {"kind": "embedding", "dimensions": 1536},
}


def model(
    id: str,  # noqa: A002 - as the field is called
    *,
    source: str,
    standing: Standing = "Doc",
    maker_id: str | None = None,
    **facts: Any,
) -> Model:
    """Return a model as a vendor offers it, with what its maker publishes.

    Args:
        id: The vendor's id.
        source: Who says that the vendor offers it.
        standing: How that is known.
        maker_id: The maker's id, if it is another.
        **facts: Fields of :class:`Model` that the vendor states; they win.

    Examples:
        >>> model("claude-4-5-sonnet", source="a page", maker_id="claude-sonnet-4-5").context_window
        200000
    """
    published = _PUBLISHED.get(maker_id or id, {})
    figures = _SOURCE if published.keys() - facts.keys() else None
    every: dict[str, Any] = {**published, **facts}
    return Model(id=id, source=source, standing=standing, figures_source=figures, **every)


def with_published(known: Model) -> Model:
    """Return a model with what its maker publishes where nothing else is known.

    Examples:
        >>> with_published(Model(id="openai/gpt-4.1", source="a list")).context_window
        1047576
    """
    published = _PUBLISHED.get(known.id.rpartition("/")[2].lower(), {})
    missing = {name: figure for name, figure in published.items() if getattr(known, name) is None}
    if "dimensions" in missing:
        missing["kind"] = published["kind"]
    return replace(known, figures_source=_SOURCE, **missing) if missing else known
