"""LlamaIndex's instrumentation, with the types that it does not declare."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from llama_index.core.instrumentation import (
    Dispatcher,  # pyright: ignore[reportPrivateImportUsage]
    get_dispatcher,  # pyright: ignore[reportPrivateImportUsage]
)
from llama_index.core.llms.callbacks import (
    llm_chat_callback,  # pyright: ignore[reportUnknownVariableType]
    llm_completion_callback,  # pyright: ignore[reportUnknownVariableType]
)
from llama_index.core.utils import (
    get_tqdm_iterable,  # pyright: ignore[reportUnknownVariableType]
)

__all__ = ["chat_callback", "completion_callback", "dispatcher_for", "with_progress"]

_Call = TypeVar("_Call", bound=Callable[..., Any])
_T = TypeVar("_T")


def dispatcher_for(name: str) -> Dispatcher:
    """Return LlamaIndex's dispatcher for a module."""
    return get_dispatcher(name)


def chat_callback(call: _Call) -> _Call:
    """Report a chat method to LlamaIndex's callbacks and events, as its own LLMs do."""
    return cast("_Call", llm_chat_callback()(call))


def completion_callback(call: _Call) -> _Call:
    """Report a completion method to LlamaIndex's callbacks and events."""
    return cast("_Call", llm_completion_callback()(call))


def with_progress(items: Iterable[_T], *, show: bool, title: str) -> Iterable[_T]:
    """Return the items, with a progress bar if it is wanted."""
    return cast("Iterable[_T]", get_tqdm_iterable(items, show, title))
