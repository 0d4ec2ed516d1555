"""Leases of one limit: what the cluster's actor hands out, and what a process does with it.

Both are policies without a clock, a thread or a socket, as :class:`dsgvo.wire.limiter.Limiter` is,
which decides. A lease is a number of places among the requests in flight, for a time; where the
rate is limited, also times at which requests may be sent.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil

from dsgvo.wire.limiter import REFUSALS, Limiter, Outcome

__all__ = ["LEASE_SECONDS", "Budget", "Grant", "Report", "Share"]

LEASE_SECONDS = 5.0
"""After which the places of a process that is silent go to others."""

AHEAD_SECONDS, MAX_AHEAD_SECONDS = 0.5, 3.0
"""How long beforehand times are handed out; longer to who renews seldom, on a busy machine."""

JITTER = 0.1
"""Seconds by which the end of one pause may seem to differ, as the way to the actor takes time."""

STALE_SECONDS = 1.0
"""After which a time that was not used is lost, so that none are saved up."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a process tells when it renews its lease; times are seconds ago.

    Args:
        wanted: Requests in flight and waiting.
        in_flight: Those in flight.
        peak: The most that were in flight since the last report, or would have been.
        sends: For how many requests there is no time yet.
        tokens: Tokens that a request is expected to have.
        spent: How many more the last ones had.
        ended: Of each request that has ended: when it was sent, when it ended, what came, and
            ``Retry-After``.
    """

    wanted: int
    in_flight: int = 0
    peak: int = 0
    sends: int = 0
    tokens: int = 0
    spent: int = 0
    ended: tuple[tuple[float, float, Outcome, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease; times are seconds from when it was asked for.

    Args:
        places: Requests that may be in flight.
        held: How long all must wait.
        pause: Between two requests of this process, if its share is spread evenly.
        sends: When requests may be sent; ``None``: whenever there is a place.
    """

    places: int
    held: float
    pause: float
    sends: tuple[float, ...] | None


@dataclass(slots=True)
class _Lease:
    until: float
    had: float
    """When it last had a place; who has waited longest comes first."""

    ahead: float = AHEAD_SECONDS
    wanted: int = 0
    in_flight: int = 0
    peak: int = 0
    places: int = 0

    @property
    def used(self) -> int:
        return max(self.places, self.in_flight)


class Budget:
    """Hands out the places and times of one limiter.

    Args:
        limiter: The policy.
    """

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self._leases: dict[str, _Lease] = {}

    def renew(self, now: float, who: str, report: Report) -> Grant:
        """Learn what a process tells, and return what it may do now."""
        self._leases = {name: one for name, one in self._leases.items() if one.until > now}
        lease = self._leases.setdefault(who, _Lease(now + LEASE_SECONDS, float("-inf")))
        since = now + LEASE_SECONDS - lease.until
        lease.ahead = min(max(AHEAD_SECONDS, 2 * since), MAX_AHEAD_SECONDS)
        lease.until = now + LEASE_SECONDS
        lease.wanted, lease.in_flight, lease.peak = report.wanted, report.in_flight, report.peak
        self._learn(now, report)
        lease.places = self._places(lease)
        if lease.places:
            lease.had = now
        limiter = self.limiter
        share = lease.places / max(1, int(limiter.concurrency))
        pause = limiter.pause(report.tokens)
        return Grant(
            places=lease.places,
            held=max(0.0, limiter.held_until - now),
            pause=pause / share if share else pause,
            sends=self._sends(now, report, lease.ahead, share) if limiter.paced else None,
        )

    def _learn(self, now: float, report: Report) -> None:
        limiter = self.limiter
        limiter.spend(report.spent)
        used = sum(max(one.peak, one.in_flight) for one in self._leases.values())
        for sent, ended, outcome, retry_after in report.ended:
            limiter.in_flight = used
            limiter.give(now - ended, sent=now - sent, outcome=outcome, retry_after=retry_after)

    def _places(self, lease: _Lease) -> int:
        total = int(self.limiter.concurrency)
        others = sum(one.used for one in self._leases.values() if one is not lease)
        wanting = [one for one in self._leases.values() if one.wanted]
        if lease.wanted and len(wanting) > total:
            first = sorted(wanting, key=lambda one: one.had)[:total]
            return max(0, min(int(lease in first), total - others))
        left, share = total, 0
        for number, one in enumerate(sorted(wanting, key=lambda one: one.wanted)):
            share = min(one.wanted, left // (len(wanting) - number))
            left -= share
            if one is lease:
                break
        else:
            share = 0
        spare = max(0, total - sum(one.wanted for one in wanting)) // len(self._leases)
        return max(0, min(share + spare, total - others))

    def _sends(self, now: float, report: Report, ahead: float, share: float) -> tuple[float, ...]:
        limiter = self.limiter
        free = (now + ahead - limiter.ready_at(now)) / limiter.pause(report.tokens)
        number = min(report.sends, ceil(free * share))
        return tuple(limiter.schedule(now, report.tokens) - now for _ in range(number))


@dataclass(slots=True)
class _Told:
    """What is to be told with the next report."""

    peak: int = 0
    spent: int = 0
    ended: list[tuple[float, float, Outcome, float | None]] = field(
        default_factory=list[tuple[float, float, Outcome, float | None]]
    )


class Share(Limiter):
    """The policy of a process: keeps to its lease, and notes what to report.

    Args:
        requests_per_minute: As for the limiter in the actor, like the others.
        tokens_per_minute: The same for tokens.
        max_concurrency: Requests at once.
    """

    def __init__(
        self,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        max_concurrency: int = 128,
    ) -> None:
        super().__init__(
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            max_concurrency=max_concurrency,
        )
        self.concurrency = 0.0
        self.waiting = 0
        self._places = 0
        self._until = float("-inf")
        self._times: deque[float] | None = None
        self._reserved: deque[float] = deque()  # of those that have a place
        self._next = float("-inf")
        self._spread = 0.0
        self._expected = 0.0
        self._told = _Told()

    def expect(self, tokens: int) -> None:
        """Learn how many tokens requests have."""
        self._expected += (tokens - self._expected) / (8 if self._expected else 1)

    def accept(self, asked: float, grant: Grant) -> None:
        """Take a lease that was asked for at a time."""
        self._places, self._spread = grant.places, grant.pause
        self._until = asked + LEASE_SECONDS
        if grant.held and asked + grant.held > self.held_until + JITTER:
            self.held_until = asked + grant.held
            self._times = None  # they are of the time before
        if grant.sends is None:
            self._times = None
        else:
            self._times = self._times or deque()
            self._times.extend(asked + one for one in grant.sends)
        self._settle()

    def report(self, now: float) -> Report:
        """Return what is to be told, once."""
        told, self._told = self._told, _Told(peak=self.in_flight)
        self._drop_stale(now)
        wanted = self.in_flight + self.waiting
        return Report(
            wanted=wanted,
            in_flight=self.in_flight,
            # Who waits for a time would use a place, as one who sleeps until then does.
            peak=max(told.peak, self._places if self.waiting else 0),
            sends=max(0, wanted - len(self._times or ())),
            tokens=round(self._expected),
            spent=told.spent,
            ended=tuple(
                (now - sent, now - ended, outcome, after)
                for sent, ended, outcome, after in told.ended
            ),
        )

    def lapse(self, now: float) -> None:
        """Give up a lease that could not be renewed in time."""
        if now > self._until:
            self._places = 0
            self._settle()

    def _drop_stale(self, now: float) -> None:
        while self._times and self._times[0] < now - STALE_SECONDS:
            self._times.popleft()

    def _settle(self) -> None:
        free = self._places - self.in_flight
        if self._times is not None:
            free = min(free, len(self._times))
        self.concurrency = float(self.in_flight + max(0, free))

    def take(self) -> bool:
        if not super().take():
            return False
        self._told.peak = max(self._told.peak, self.in_flight)
        if self._times:
            self._reserved.append(self._times.popleft())
        return True

    def schedule(self, now: float, tokens: int = 0) -> float:
        """Return when a request may be sent: at one of the times of the lease, if it has such."""
        at = max(now, self.held_until)
        if self._reserved:
            at = max(at, self._reserved.popleft())
        elif self._times is not None or self.must_wait(now):  # held up while it had a place
            at = max(at, self._next)
        self._next = at + self._spread
        self._told.spent += tokens - round(self._expected) if tokens else 0
        return at

    def spend(self, tokens: int) -> None:
        self._told.spent += tokens

    def give(
        self, now: float, *, sent: float, outcome: Outcome, retry_after: float | None = None
    ) -> None:
        self.refused += outcome in REFUSALS
        self._told.ended.append((sent, now, outcome, retry_after))
        self.leave()

    def leave(self) -> None:
        super().leave()
        self._settle()
