"""The limit's policy beside what test_budget.py simulates, and the gate that waits as it says."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from dsgvo.errors import RateLimitError
from dsgvo.transport import Gate
from dsgvo.transport._flow import arun, run
from dsgvo.wire.limiter import Limiter


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
    limiter = Limiter(max_hold=60)
    limiter.give(0.0, sent=0.0, outcome="refused", retry_after=1e300)
    assert limiter.schedule(0.0) == 60.0
