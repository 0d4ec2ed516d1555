"""What a pipeline says while it works; the same words for every framework."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dsgvo.cli.demo.metering import Meter
from dsgvo.cli.demo.sections import Section

__all__ = ["Event", "Pipeline", "Source", "Sources", "ToolCall", "ToolResult"]


@dataclass(frozen=True)
class Source:
    """A passage that an answer may rest on: its number in the prompt, its file and its place."""

    number: int
    file: str
    place: str


@dataclass(frozen=True)
class Sources:
    """The passages that were found for a question."""

    found: Sequence[Source]


@dataclass(frozen=True)
class ToolCall:
    """The model wants a tool to run."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class ToolResult:
    """What the tool gave."""

    name: str
    text: str


Event = str | Sources | ToolCall | ToolResult
"""A ``str`` is the next piece of the answer."""


class Pipeline(Protocol):
    """Documents in, grounded answers out."""

    title: str
    chat_meter: Meter
    embedding_meter: Meter

    def split(self, sections: Sequence[Section]) -> int:
        """Cut sections into chunks and return how many there are."""
        ...

    def store(self) -> Iterator[int]:
        """Embed and store the chunks; yield how many more are stored."""
        ...

    def ask(self, question: str) -> Iterator[Event]:
        """Answer from the documents, streaming."""
        ...

    def follow_up(self, question: str) -> Iterator[Event] | None:
        """Answer in the light of the last question, if the framework has a chat engine."""
        ...

    def agent(self, question: str) -> Iterator[Event]:
        """Let an agent answer with the help of tools."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...
