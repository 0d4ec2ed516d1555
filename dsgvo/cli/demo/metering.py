"""Requests, tokens and seconds: counted where they happen, never guessed in silence."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Meter", "counting"]


@dataclass
class Meter:
    """What one model was used for.

    Args:
        provider: The vendor.
        model: The model's id.
        path: End of the path of its requests.
        requests: HTTP requests that were answered.
        tokens: Tokens that the vendor counted, or that :attr:`estimated` were.
        seconds: Time spent waiting for it.
        estimated: Whether ``tokens`` is an estimate from the texts: neither framework hands on
            what a vendor counts for embeddings.
        unknown: Whether an answer came without a count, so that ``tokens`` says too little.
    """

    provider: str
    model: str
    path: str
    requests: int = 0
    tokens: int = 0
    seconds: float = 0.0
    estimated: bool = False
    unknown: bool = False

    @contextmanager
    def timed(self) -> Generator[None]:
        """Add the time that the block takes."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - start

    def add_usage(self, usage: Mapping[str, object] | None) -> None:
        """Add what a vendor counted for one answer."""
        total = (usage or {}).get("total_tokens")
        if isinstance(total, int):
            self.tokens += total
        else:
            self.unknown = True


class _RequestLog(logging.Handler):
    """Counts requests where they are made: the transport logs a line for each answer."""

    def __init__(self, meters: tuple[Meter, ...]) -> None:
        super().__init__(logging.DEBUG)
        self._meters = meters

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        for meter in self._meters:
            if any(isinstance(one, str) and one.endswith(meter.path) for one in arguments):
                meter.requests += 1  # under the handler's lock


@contextmanager
def counting(*meters: Meter) -> Generator[None]:
    """Count the requests inside the block, retries too."""
    log = logging.getLogger("dsgvo")
    handler, level = _RequestLog(meters), log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
