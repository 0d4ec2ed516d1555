"""Memory of a server: its requests, scripts and settings."""

import hashlib
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dsgvo.emulator.access import Access
from dsgvo.emulator.steps import Step
from dsgvo.emulator.values import RecordedRequest

if TYPE_CHECKING:
    from dsgvo.emulator.upstream import Upstream


@dataclass
class State:
    """Memory of one server, used from its own thread and from those of the tests."""

    access: Access
    host: str = "127.0.0.1"
    pace: float = 0.0
    closes_after: float = 150
    record: bool = True
    undocumented_embeddings: bool = False
    upstream: "Upstream | None" = None
    requests: list[RecordedRequest] = field(default_factory=list[RecordedRequest])
    _scripts: list[tuple[str, str | None, deque[Step]]] = field(
        default_factory=list[tuple[str, str | None, deque[Step]]]
    )
    _sticky: list[tuple[str, Step]] = field(default_factory=list[tuple[str, Step]])
    _seen: Counter[bytes] = field(default_factory=Counter[bytes])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def remember(self, request: RecordedRequest) -> str:
        """Keep a request."""
        body = _without_boundary(request)
        content = b"\0".join((request.provider.encode(), request.path.encode(), body))
        digest = hashlib.sha256(content).digest()
        with self._lock:
            if self.record:
                self.requests.append(request)
            seen = digest if self.record else b""  # without a record, memory stays flat
            self._seen[seen] += 1
            count = self._seen[seen]
        return hashlib.sha256(digest + count.to_bytes(8, "big")).hexdigest()

    def add(self, provider: str, path: str | None, steps: tuple[Step, ...]) -> None:
        """Queue steps for a vendor's POST requests, or for all requests to a path."""
        with self._lock:
            self._scripts.append((provider, path, deque(steps)))

    def add_sticky(self, provider: str, step: Step) -> None:
        """Apply the checks of a step to every request to a vendor."""
        with self._lock:
            self._sticky.append((provider, step))

    def take(self, request: RecordedRequest, *, answers_post: bool) -> Step:
        """Return the step for a request, which is used up by it."""
        with self._lock:
            for provider, path, steps in self._scripts:
                fits = request.path.endswith(path) if path else answers_post
                if provider == request.provider and fits and steps:
                    return steps.popleft()
        return Step()

    def sticky(self, provider: str) -> list[Step]:
        """Return the steps that stick to a vendor."""
        with self._lock:
            return [step for name, step in self._sticky if name == provider]

    def clear(self) -> None:
        """Forget requests, scripts and what sticks."""
        with self._lock:
            self.requests.clear()
            self._scripts.clear()
            self._sticky.clear()
            self._seen.clear()


def _without_boundary(request: RecordedRequest) -> bytes:
    """Return the body; a form without its boundary, which is another for each request."""
    _, found, boundary = request.headers.get("content-type", "").partition("boundary=")
    return request.body.replace(boundary.strip('"').encode(), b"") if found else request.body
