"""The actor that hands out a vendor's limit to the whole cluster, and the gate that asks it.

A gate's thread renews its lease several times a second, whatever the number of requests, and at
once when the vendor refuses. The actor outlives jobs and nodes, and ends when nobody renews.
"""

# pyright: basic
# Ray's types say little of actors.

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import uuid4

import ray
from ray.exceptions import GetTimeoutError, RayError

from dsgvo.errors import APIConnectionError, ConfigurationError
from dsgvo.ray._budget import LEASE_SECONDS, Budget, Grant, Report, Share
from dsgvo.transport import Gate
from dsgvo.transport._flow import Flow, Lease
from dsgvo.wire.limiter import REFUSALS, Limiter, Outcome

__all__ = ["ClusterGate", "cluster_gate"]

NAMESPACE = "dsgvo"
RENEW_SECONDS = 0.2
IDLE_SECONDS = 60.0
"""After which an actor that nobody asks ends."""

LOST_SECONDS = 60.0
"""For which a limit is looked for whose actor does not answer: Ray begins it anew elsewhere."""

Limits = Mapping[str, Any]


class Keeper:
    """The actor: one for each vendor and address.

    Args:
        limits: Arguments of the limiter.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._budget = Budget(Limiter(**limits))
        self._asked = time.monotonic()
        itself = ray.get_runtime_context().current_actor
        threading.Thread(target=self._end_when_idle, args=(itself,), daemon=True).start()

    def limits(self) -> Limits:
        """Return what limits were given."""
        return self._limits

    def renew(self, who: str, report: Report) -> Grant:
        """Renew the lease of a process."""
        self._asked = time.monotonic()
        return self._budget.renew(self._asked, who, report)

    def _end_when_idle(self, itself: Any) -> None:
        while time.monotonic() < self._asked + IDLE_SECONDS:
            time.sleep(IDLE_SECONDS / 4)
        ray.kill(itself)


class ClusterGate(Gate):
    """A gate as wide as this process's lease of the cluster's limit.

    Args:
        name: Of the actor.
        limits: Arguments of the limiter.

    Raises:
        ConfigurationError: If the limit has been given otherwise.
        APIConnectionError: If the actor is silent, also after its node's loss.
    """

    limiter: Share

    def __init__(self, name: str, limits: Limits) -> None:
        super().__init__(Share(**limits))
        self._name = name
        self.limits = limits
        self._who = uuid4().hex
        self._urgent = threading.Event()
        self._renewing = False
        self._keeper: Any = None
        end = time.monotonic() + LOST_SECONDS
        while (given := self._ask("limits")) is None:
            if time.monotonic() > end:
                raise APIConnectionError(f"the actor {name!r}, which keeps the limit, is silent")
            time.sleep(RENEW_SECONDS)
        if given != limits:
            raise ConfigurationError(
                f"the cluster keeps to another limit of this vendor, {_shown(given)} and not "
                f"{_shown(limits)}: give the same to all, or wait for a minute after the last"
            )

    def _found(self) -> Any:
        if self._keeper is None:
            self._keeper = (
                ray.remote(Keeper)
                .options(
                    name=self._name,
                    namespace=NAMESPACE,
                    get_if_exists=True,
                    lifetime="detached",
                    max_restarts=-1,
                    num_cpus=0,
                )
                .remote(self.limits)
            )
        return self._keeper

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Return what the actor says; nothing if its node is lost, or it has ended."""
        try:
            answer = getattr(self._found(), method).remote(*arguments)
            return ray.get(answer, timeout=LEASE_SECONDS)
        except (RayError, GetTimeoutError):
            self._keeper = None
            return None

    def admit(self, tokens: int = 0) -> Flow[Lease]:
        with self._lock:
            self.limiter.expect(tokens)
            if not self._renewing:
                self._renewing = True
                threading.Thread(target=self._renew, name=self._name, daemon=True).start()
        return (yield from super().admit(tokens))

    def give(self, sent: float, outcome: Outcome | None, retry_after: float | None = None) -> None:
        super().give(sent, outcome, retry_after)
        if outcome in REFUSALS:
            self._urgent.set()

    def _renew(self) -> None:
        """Renew the lease until nothing has been wanted for the time of a lease."""
        wanted_at = time.monotonic()
        while ray.is_initialized():
            now = time.monotonic()
            with self._lock:
                self.limiter.waiting = len(self._waiting)
                report = self.limiter.report(now)
                wanted_at = now if report.wanted else wanted_at
                if now > wanted_at + LEASE_SECONDS:
                    self._renewing = False
                    return
            granted = self._ask("renew", self._who, report)
            with self._lock:
                if granted is None:
                    self.limiter.lapse(time.monotonic())
                else:
                    self.limiter.accept(now, granted)
            if granted is not None:
                self.wake()
            self._urgent.wait(RENEW_SECONDS)
            self._urgent.clear()


def _shown(limits: Limits) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in limits.items())


_gates: dict[str, ClusterGate] = {}
_lock = threading.Lock()


def cluster_gate(provider: str, base_url: str, limits: Limits) -> ClusterGate:
    """Return this process's gate to a vendor at an address.

    Raises:
        ConfigurationError: If the limit has been given otherwise.
    """
    name = f"dsgvo-{provider}-{sha256(base_url.encode()).hexdigest()[:12]}"
    with _lock:
        gate = _gates.get(name)
        if gate is None or gate.limits != limits:
            gate = _gates[name] = ClusterGate(name, limits)
        return gate
