"""Both clients of one model object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from dsgvo.transport._client import AsyncClient, Client

__all__ = ["ClientPair"]


@dataclass(slots=True, eq=False)
class ClientPair:
    """The clients of a model object, and the settings they were made of."""

    settings: dict[str, Any]
    sync: Client
    asynchronous: AsyncClient

    @classmethod
    def of(cls, kept: Self | None, provider: str, settings: dict[str, Any]) -> Self:
        """Return the pair that is kept, or another one if the settings have changed.

        A model object asks on each call, so that a changed or copied one never uses old keys.
        """
        if kept is not None and kept.settings == settings:
            return kept
        client = Client(provider, **settings)
        return cls(settings, client, AsyncClient.over(client.connection))

    def __eq__(self, other: object) -> bool:
        # What was kept says nothing about whether two model objects are the same.
        return isinstance(other, ClientPair)

    __hash__ = None  # pyright: ignore[reportAssignmentType]
