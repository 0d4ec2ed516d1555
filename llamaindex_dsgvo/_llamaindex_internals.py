"""What bets on how llama-index-core works inside; checked with llama-index-core 0.14.25.

Its instrumentation: its own decorators, at no cost where nobody listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeAlias, TypeVar, cast

from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import (
    Dispatcher,  # pyright: ignore[reportPrivateImportUsage]
    get_dispatcher,  # pyright: ignore[reportPrivateImportUsage]
)
from llama_index.core.instrumentation.event_handlers import NullEventHandler
from llama_index.core.llms.callbacks import dispatcher as _llm_dispatcher
from llama_index.core.llms.callbacks import (
    llm_chat_callback,  # pyright: ignore[reportUnknownVariableType]
    llm_completion_callback,  # pyright: ignore[reportUnknownVariableType]
)
from llama_index.core.utils import (
    get_tqdm_iterable,  # pyright: ignore[reportUnknownVariableType]
)

from dsgvo._signature import keep_signature

__all__ = ["chat_callback", "completion_callback", "dispatcher_for", "with_progress"]

_Call = TypeVar("_Call", bound=Callable[..., Any])
_T = TypeVar("_T")
Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def dispatcher_for(name: str) -> Dispatcher:
    """Return LlamaIndex's dispatcher for a module."""
    return get_dispatcher(name)


def chat_callback(call: _Call) -> _Call:
    """Report a chat method to LlamaIndex's callbacks and events, as its own LLMs do."""
    return _instrumented(call, cast("Decorator", llm_chat_callback()))


def completion_callback(call: _Call) -> _Call:
    """Report a completion method to LlamaIndex's callbacks and events."""
    return _instrumented(call, cast("Decorator", llm_completion_callback()))


def _instrumented(call: _Call, decorator: Decorator) -> _Call:
    """Decorate a method, and go past the decorator where no handler would be told anything.

    An event for each piece costs about as much as all else of a streamed piece.
    """
    reporting = decorator(call)
    vars(call).pop("__wrapped__")  # the decorator's mark, which inspect takes for a function

    @wraps(call)
    def wrapper(self: BaseLLM, *args: Any, **kwargs: Any) -> Any:
        return (reporting if _is_observed(self) else call)(self, *args, **kwargs)

    @wraps(call)
    async def async_wrapper(self: BaseLLM, *args: Any, **kwargs: Any) -> Any:
        return await (reporting if _is_observed(self) else call)(self, *args, **kwargs)

    made = async_wrapper if iscoroutinefunction(call) else wrapper
    return keep_signature(cast("_Call", made))  # its spans ask for it


def _is_observed(llm: BaseLLM) -> bool:
    """Return whether the decorator would do anything: tell a handler, or wait for its turn."""
    manager = cast("CallbackManager | None", llm.callback_manager)
    if llm.rate_limiter is not None or manager is None:
        return True
    return bool(manager.handlers) or _has_handlers(_llm_dispatcher)


def _has_handlers(dispatcher: Dispatcher) -> bool:
    """Return whether an event of a dispatcher reaches anybody."""
    while True:
        if any(type(handler) is not NullEventHandler for handler in dispatcher.event_handlers):
            return True
        if not dispatcher.propagate:
            return False
        dispatcher = dispatcher.parent


def with_progress(items: Iterable[_T], *, show: bool, title: str) -> Iterable[_T]:
    """Return the items, with a progress bar if it is wanted."""
    return cast("Iterable[_T]", get_tqdm_iterable(items, show, title))
