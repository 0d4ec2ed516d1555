"""One limit for a cluster: leases, simulated on a clock that is passed in."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from dsgvo.ray._budget import LEASE_SECONDS, Budget, Share
from dsgvo.wire.limiter import Limiter
from tests.bulk.test_limiter import Vendor, bucket, by_the_minute

RENEW, WAY = 0.2, 0.003


def simulated(
    limits: dict[str, Any], vendor: Vendor, latency: float, seconds: float, dead: float = 1e9
) -> tuple[list[tuple[float, bool, int]], int]:
    """Each request's time, whether it was refused, and whose; and the most in flight at once.

    Four processes want forty requests each. The first is dead from a time on.
    """
    budget, shares = Budget(Limiter(**limits)), [Share(**limits) for _ in range(4)]
    order, seen, most = itertools.count(), list[tuple[float, bool, int]](), 0
    waiting, flying = [40] * 4, [0] * 4
    events: list[tuple[float, int, str, int, Any]] = []

    def at(time: float, kind: str, who: int, what: Any = None) -> None:
        heapq.heappush(events, (time, next(order), kind, who, what))

    for who in range(4):
        at(0.01 * who, "renew", who)
    while events[0][0] < seconds:
        now, _, kind, who, what = heapq.heappop(events)
        share = shares[who]
        if who == 0 and now > dead and kind != "end":
            continue
        if kind == "renew":
            share.waiting = waiting[who]
            at(now + WAY, "granted", who, (now, budget.renew(now, f"{who}", share.report(now))))
        elif kind == "granted":
            share.accept(*what)
            at(now + RENEW, "renew", who)
        elif kind == "send" and share.must_wait(now):
            at(share.schedule(now), "send", who)
        elif kind == "send":
            pause = vendor(now)
            seen.append((now, pause is not None, who))
            flying[who] += 1
            most = max(most, sum(flying))
            at(now + latency, "end", who, (now, pause))
        else:
            flying[who] -= 1
            waiting[who] += 1
            sent, pause = what
            outcome: Any = "ok" if pause is None else "refused"
            share.give(now, sent=sent, outcome=outcome, retry_after=pause)
            if pause is not None:  # at once, as the gate's thread does
                share.accept(now, budget.renew(now, f"{who}", share.report(now)))
        while kind in {"granted", "end"} and waiting[who] and share.take():
            waiting[who] -= 1
            at(share.schedule(now), "send", who)
    return seen, most


@pytest.mark.parametrize("latency", [0.05, 0.5])
@pytest.mark.parametrize(
    ("rate", "vendor"), [(10, lambda: bucket(10, 10)), (50, lambda: by_the_minute(50))]
)
def test_processes_use_together_what_the_vendor_allows(
    rate: int, vendor: Callable[[], Vendor], latency: float
) -> None:
    seen, _ = simulated({}, vendor(), latency, 600)
    refused = sum(was for _, was, _ in seen)
    assert (len(seen) - refused) / (rate * 600) >= 0.95
    assert refused / len(seen) < 0.02


@pytest.mark.parametrize(("given", "latency"), [(6, 3.0), (600, 0.5), (2400, 0.01)])
def test_a_given_limit_is_kept_by_all_in_every_minute(given: int, latency: float) -> None:
    limits = {"requests_per_minute": given, "max_concurrency": 1000}
    at = [time for time, _, _ in simulated(limits, lambda _: None, latency, 600)[0]]
    assert all(later - first >= 60 for first, later in zip(at, at[given:], strict=False))
    assert len(at) >= given * 10 * 0.95


def test_a_refusal_of_one_holds_all() -> None:
    refused = iter([30.0])
    seen, _ = simulated({}, lambda now: next(refused, None) if now > 5 else None, 0.05, 60)
    (first,) = [time for time, was, _ in seen if was]
    told = first + 0.05 + RENEW + 2 * WAY
    assert not [time for time, _, _ in seen if told < time < first + 0.05 + 30]
    assert {who for time, _, who in seen if time > first + 30} == {0, 1, 2, 3}


def test_places_of_the_dead_go_to_others_and_are_never_too_many() -> None:
    seen, most = simulated({"max_concurrency": 8}, lambda _: None, 1.0, 60, dead=20.0)
    assert most == 8
    by_second = Counter(int(time) for time, _, _ in seen)
    assert [by_second[second] for second in range(30, 59)] == [8] * 29
    assert min(by_second[second] for second in range(20, 20 + int(LEASE_SECONDS))) < 8
    few, most = simulated({"max_concurrency": 1}, lambda _: None, 1.0, 60)
    assert most == 1
    assert min(Counter(who for _, _, who in few).values()) >= 10
