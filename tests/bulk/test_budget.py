"""One limit for a cluster: its policy and leases, simulated on a clock that is passed in."""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from dsgvo.ray._budget import LEASE_SECONDS, Budget, Share
from dsgvo.wire.limiter import Limiter

RENEW = 0.2
Vendor = Callable[[float], float | None]
"""Takes the time of a request; returns the seconds of Retry-After of one that it refuses."""


def bucket(rate: float, burst: float) -> Vendor:
    held, last = burst, 0.0

    def ask(now: float) -> float | None:
        nonlocal held, last
        held, last = min(burst, held + (now - last) * rate), now
        if held < 1:
            return (1 - held) / rate
        held -= 1
        return None

    return ask


def by_the_minute(rate: float) -> Vendor:
    used: dict[int, int] = {}

    def ask(now: float) -> float | None:
        minute = int(now // 60)
        if used.get(minute, 0) >= rate * 60:
            return (minute + 1) * 60 - now
        used[minute] = used.get(minute, 0) + 1
        return None

    return ask


def simulated(limits: Any, vendor: Vendor, latency: float, dead: float = 1e9) -> tuple[Any, int]:
    """Each request's time, refusal and process, for ten minutes; and the most in flight at once.

    Four processes want forty requests each. The first is dead from a time on.
    """
    budget, shares = Budget(Limiter(**limits)), [Share(**limits) for _ in range(4)]
    order, most, waiting, flying = itertools.count(), 0, [40] * 4, [0] * 4
    seen: list[tuple[float, bool, int]] = []
    events: list[Any] = [(0.01 * who, next(order), "renew", who, None) for who in range(4)]
    while events[0][0] < 600:
        now, _, kind, who, what = heapq.heappop(events)
        share, later = shares[who], list[tuple[float, str, Any]]()
        if who == 0 and now > dead and kind != "end":
            continue
        if kind == "renew":
            share.waiting = waiting[who]
            granted = budget.renew(now, f"{who}", share.report(now))
            later.append((now + 0.003, "granted", (now, granted)))
        elif kind == "granted":
            share.accept(*what)
            later.append((now + RENEW, "renew", None))
        elif kind == "send" and share.must_wait(now):
            later.append((share.schedule(now), "send", None))
        elif kind == "send":
            pause = vendor(now)
            seen.append((now, pause is not None, who))
            flying[who] += 1
            most = max(most, sum(flying))
            later.append((now + latency, "end", (now, pause)))
        else:
            flying[who] -= 1
            waiting[who] += 1
            outcome: Any = "ok" if what[1] is None else "refused"
            share.give(now, sent=what[0], outcome=outcome, retry_after=what[1])
            if what[1] is not None:  # told at once, as the gate's thread does
                share.accept(now, budget.renew(now, f"{who}", share.report(now)))
        while kind in {"granted", "end"} and waiting[who] and share.take():
            waiting[who] -= 1
            later.append((share.schedule(now), "send", None))
        for at, then, value in later:
            heapq.heappush(events, (at, next(order), then, who, value))
    return seen, most


@pytest.mark.parametrize(
    ("vendor", "rate", "latency"),
    [
        *((partial(bucket, burst=10), 10, latency) for latency in (0.05, 0.5)),
        *((by_the_minute, 50, latency) for latency in (0.05, 0.5)),
        (by_the_minute, 10, 0.5),
        (partial(bucket, burst=6000), 100, 0.5),
    ],
)
def test_processes_use_together_what_the_vendor_allows(
    vendor: Callable[[float], Vendor], rate: int, latency: float
) -> None:
    seen, _ = simulated({}, vendor(rate), latency)
    refused = sum(was for _, was, _ in seen)
    assert (len(seen) - refused) / (rate * 600) >= 0.95
    assert refused / len(seen) < 0.02


@pytest.mark.parametrize(("given", "latency"), [(6, 3.0), (600, 0.5), (2400, 0.01)])
def test_a_given_limit_is_kept_by_all_in_every_minute(given: int, latency: float) -> None:
    limits = {"requests_per_minute": given, "max_concurrency": 1000}
    at = [time for time, _, _ in simulated(limits, lambda _: None, latency)[0]]
    assert all(later - first >= 60 for first, later in zip(at, at[given:], strict=False))
    assert len(at) >= given * 10 * 0.95


def test_a_refusal_of_one_holds_all() -> None:
    refused = iter([30.0])
    seen, _ = simulated({}, lambda now: next(refused, None) if now > 5 else None, 0.5)
    (first,) = [time for time, was, _ in seen if was]
    assert not [time for time, _, _ in seen if first + 0.51 + RENEW < time < first + 30]
    assert {who for time, _, who in seen if time > first + 30} == {0, 1, 2, 3}


def test_places_of_the_dead_go_to_others_and_are_never_too_many() -> None:
    seen, most = simulated({"max_concurrency": 8}, lambda _: None, 1.0, dead=20.0)
    each = Counter(int(time) for time, _, _ in seen)
    assert {most, *(each[second] for second in range(30, 599))} == {8}
    assert min(each[second] for second in range(20, 20 + int(LEASE_SECONDS))) < 8
    few, most = simulated({"max_concurrency": 1}, lambda _: None, 1.0)
    assert (most, min(Counter(who for _, _, who in few).values()) >= 100) == (1, True)
