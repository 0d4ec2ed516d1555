"""The limit's policy, by a clock that is passed in, and the gate that waits as it says."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dsgvo.errors import RateLimitError
from dsgvo.transport import Gate
from dsgvo.transport._flow import arun, run
from dsgvo.wire.limiter import Limiter, Outcome

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


def simulated(
    limiter: Limiter, vendor: Vendor, latency: float, seconds: float
) -> list[tuple[float, bool]]:
    """Return when each request came to the vendor, and whether it was refused."""
    seen: list[tuple[float, bool]] = []
    order = itertools.count()
    events: list[tuple[float, int, Any]] = []

    def begin(now: float) -> None:
        while limiter.take():
            heapq.heappush(events, (limiter.schedule(now), next(order), None))

    begin(0.0)
    while events[0][0] < seconds:
        now, _, sent = heapq.heappop(events)
        if sent is not None:
            at, pause = sent
            outcome: Outcome = "ok" if pause is None else "refused"
            limiter.give(now, sent=at, outcome=outcome, retry_after=pause)
            begin(now)
        elif limiter.must_wait(now):
            heapq.heappush(events, (limiter.schedule(now), next(order), None))
        else:
            pause = vendor(now)
            seen.append((now, pause is not None))
            heapq.heappush(events, (now + latency, next(order), (now, pause)))
    return seen


@pytest.mark.parametrize(
    ("rate", "latency", "vendor"),
    [
        pytest.param(10, 0.5, by_the_minute(10), id="600 a minute"),
        pytest.param(100, 0.5, bucket(100, 6000), id="100 a second, a minute saved up"),
    ],
)
def test_ten_minutes_use_what_the_vendor_allows(rate: int, latency: float, vendor: Vendor) -> None:
    seen = simulated(Limiter(), vendor, latency, 600)
    refused = sum(was for _, was in seen)
    assert (len(seen) - refused) / (rate * 600) >= 0.95
    assert refused / len(seen) < 0.02


@pytest.mark.parametrize(("given", "latency"), [(6, 3.0), (2400, 0.01)])
def test_a_given_limit_is_kept_in_every_minute_and_used(given: int, latency: float) -> None:
    limiter = Limiter(requests_per_minute=given, max_concurrency=1000)
    at = [time for time, _ in simulated(limiter, lambda _: None, latency, 600)]
    assert all(later - first >= 60 for first, later in zip(at, at[given:], strict=False))
    assert len(at) >= given * 10 * 0.95


def test_tokens_are_kept_to_the_limit_and_corrected() -> None:
    limiter = Limiter(tokens_per_minute=6000)
    sent = [limiter.schedule(0.0, 980) for _ in range(3)]
    assert sent == pytest.approx([0, 10, 20])
    limiter.spend(-980)
    assert limiter.schedule(0.0, 980) == pytest.approx(20)


def test_concurrency_grows_with_answers_and_falls_with_latency() -> None:
    limiter, sizes = Limiter(max_concurrency=64), list[float]()
    for number in range(400):
        while limiter.take():
            pass
        latency = 0.1 if number < 200 else 1.0
        limiter.give(number * 1.0, sent=number - latency, outcome="ok")
        sizes.append(limiter.concurrency)
    assert sizes[0] < sizes[12] <= 17 < sizes[199]
    assert min(sizes[200:]) <= sizes[199] * 0.8


# -- the gate ------------------------------------------------------------------------------------


def test_threads_and_tasks_share_the_places() -> None:
    gate = Gate(Limiter(max_concurrency=3))
    most: list[int] = []

    def in_thread() -> None:
        with run(gate.admit()):
            most.append(gate.limiter.in_flight)

    async def task() -> None:
        with await arun(gate.admit()):
            most.append(gate.limiter.in_flight)
            await asyncio.sleep(0.001)

    async def tasks() -> None:
        await asyncio.gather(*(task() for _ in range(50)))

    with ThreadPoolExecutor(4) as pool:
        threads = [pool.submit(in_thread) for _ in range(50)]
        for done in [*threads, pool.submit(asyncio.run, tasks())]:
            done.result(timeout=30)
    assert (len(most), max(most) <= 3, gate.limiter.in_flight) == (100, True, 0)


async def test_who_gives_up_waiting_takes_no_place() -> None:
    gate = Gate(Limiter(max_concurrency=1))
    first = await arun(gate.admit())
    gone = [asyncio.create_task(arun(gate.admit())) for _ in range(3)]
    await asyncio.sleep(0)
    assert all(task.cancel() for task in gone)
    await asyncio.gather(*gone, return_exceptions=True)
    first.end(None)
    (await arun(gate.admit())).end(None)
    assert gate.limiter.in_flight == 0


async def test_refusals_hold_all() -> None:
    refused = RateLimitError("", status_code=429, retry_after=7)
    for error, held in ((refused, True), (KeyboardInterrupt(), False)):
        gate = Gate(Limiter())
        lease = await arun(gate.admit())
        lease.end(error)
        lease.end(None)  # once is enough
        assert gate.limiter.in_flight == 0
        assert gate.must_wait(lease.sent) is held
