"""Ways to call a model, blocking or awaited, so that no test is written twice."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Mode:
    """Sync or async, called the same way; streams come as lists."""

    name: str

    @property
    def is_async(self) -> bool:
        return self.name == "async"

    def call(self, target: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call ``method``, or its twin with an ``a`` before its name."""
        if not self.is_async:
            return getattr(target, method)(*args, **kwargs)
        return run(lambda: getattr(target, "a" + method)(*args, **kwargs))

    def listed(self, target: Any, method: str, *args: Any, **kwargs: Any) -> list[Any]:
        """Call ``method`` and list what it yields."""
        if not self.is_async:
            return list(getattr(target, method)(*args, **kwargs))

        async def collect() -> list[Any]:
            stream = getattr(target, "a" + method)(*args, **kwargs)
            stream = await stream if inspect.isawaitable(stream) else stream
            return [item async for item in stream]

        return run(collect)

    def invoke(self, runnable: Any, *args: Any, **kwargs: Any) -> Any:
        return self.call(runnable, "invoke", *args, **kwargs)

    def stream(self, runnable: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return self.listed(runnable, "stream", *args, **kwargs)

    def batch(self, runnable: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return self.call(runnable, "batch", *args, **kwargs)


def run(coroutine: Callable[[], Awaitable[_T]]) -> _T:
    """Run a coroutine function in an event loop of its own."""

    async def main() -> _T:
        return await coroutine()

    return asyncio.run(main())


def bodies(server: Any) -> list[dict[str, Any]]:
    """Return the JSON bodies of the requests so far."""
    return [request.json for request in server.requests]
