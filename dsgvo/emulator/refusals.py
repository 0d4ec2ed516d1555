"""Scripted faults that look at the request: refused fields, batches too large, broken vectors."""

import random
from dataclasses import dataclass

from dsgvo.emulator.failures import ApiError, invalid
from dsgvo.emulator.jsons import JsonObject, is_list
from dsgvo.emulator.steps import Step
from dsgvo.emulator.values import Call


@dataclass(frozen=True)
class ShuffleVectors(Step):
    """Embeddings in another order; each keeps its ``index``.

    Args:
        seed: Decides the order.
    """

    seed: int = 0

    def vectors(self, data: list[JsonObject]) -> list[JsonObject]:
        """Reorder the vectors; two or more never keep their order."""
        shuffled = random.Random(self.seed).sample(data, len(data))
        return shuffled if shuffled != data else data[::-1]


@dataclass(frozen=True)
class DropVectors(Step):
    """Fewer embeddings than texts.

    Args:
        count: How many are missing.
    """

    count: int = 1

    def vectors(self, data: list[JsonObject]) -> list[JsonObject]:
        """Leave the last vectors out."""
        return data[: max(0, len(data) - self.count)]


@dataclass(frozen=True)
class DuplicateVectors(Step):
    """Embeddings of which the last has the ``index`` of the first."""

    def vectors(self, data: list[JsonObject]) -> list[JsonObject]:
        """Repeat the first index."""
        return [*data[:-1], {**data[-1], "index": 0}] if len(data) > 1 else [*data, *data]


@dataclass(frozen=True, init=False)
class RefuseFields(Step):
    """Refuses a request that has one of the fields, as a server does that does not know them.

    Args:
        *names: The fields.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)

    def check(self, call: Call) -> None:
        """Refuse the first of the fields that is there."""
        for name in self.names:
            if name in call.body:
                raise invalid(name, f"Unrecognized request argument supplied: {name}")


@dataclass(frozen=True)
class TooLong(Step):
    """Refuses a batch of embeddings that is too large, with 413.

    Args:
        limit_texts: Most texts in a request.
        limit_bytes: Most UTF-8 bytes of all its texts.
    """

    limit_texts: int | None = None
    limit_bytes: int | None = None

    def check(self, call: Call) -> None:
        """Measure the request's ``input``."""
        value = call.body.get("input")
        if value is None:
            return
        texts = value if is_list(value) else [value]
        size = sum(len(text.encode()) for text in texts if isinstance(text, str))
        limits = ((self.limit_texts, len(texts), "texts"), (self.limit_bytes, size, "bytes"))
        for limit, actual, unit in limits:
            if limit is not None and actual > limit:
                message = f"Request too large: {actual} {unit}, the limit is {limit}"
                raise ApiError(413, message, "request_too_large")
