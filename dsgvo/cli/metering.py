"""What a model was used for: requests, tokens, seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Meter", "measuring"]


@dataclass
class Meter:
    """What one model was used for.

    Args:
        path: End of the path of its requests.
        requests: HTTP requests that were answered.
        tokens: Tokens, as the vendor counts them.
        counted: Answers that came with a count.
        uncounted: Answers that came without one, so that ``tokens`` says too little.
        seconds: Time spent with it.

    Examples:
        >>> meter = Meter()
        >>> meter.add({"total_tokens": 12})
        >>> meter.add(None)
        >>> meter.tokens, meter.uncounted
        (12, 1)
    """

    path: str = ""
    requests: int = 0
    tokens: int = 0
    counted: int = 0
    uncounted: int = 0
    seconds: float = 0.0

    def add(self, usage: Mapping[str, object] | None) -> None:
        """Add what a vendor counted for one answer."""
        total = (usage or {}).get("total_tokens")
        if isinstance(total, int):
            self.tokens += total
            self.counted += 1
        else:
            self.uncounted += 1


@contextmanager
def measuring(meter: Meter, *others: Meter) -> Generator[None]:
    """Add the block's time to a meter, and its requests to all of them.

    The transport logs the address of each answer, of those that are retried too.
    """
    log, start, seen = logging.getLogger("dsgvo"), time.perf_counter(), list[str]()

    def note(record: logging.LogRecord) -> bool:
        seen.extend(map(str, record.args or ()))
        return True

    level = log.level
    log.addFilter(note)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeFilter(note)
        meter.seconds += time.perf_counter() - start
        for one in (meter, *others):
            one.requests += sum(argument.endswith(one.path) for argument in seen if one.path)
