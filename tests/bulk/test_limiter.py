"""The limit's policy beside what test_budget.py simulates, and the gate that waits as it says."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest

from dsgvo.errors import InternalServerError, RateLimitError
from dsgvo.transport import Gate, _flow, _pools
from dsgvo.transport._client import _Ahead
from dsgvo.transport._flow import arun, run
from dsgvo.wire.limiter import Limiter
from tests.core.support import eventually


def test_threads_and_tasks_share_the_places() -> None:
    gate, most = Gate(Limiter(max_concurrency=3)), list[int]()

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


async def test_who_holds_up_his_own_loop_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_flow, "LOOK_SECONDS", 0.01)
    gate: Any = Gate(Limiter(max_concurrency=1))
    held = [await arun(gate.admit())]
    embed: Any = lambda _: (run(gate.admit()), _pools.given_up.get())  # noqa: E731
    call, stop = cast("Any", (ahead := _Ahead(embed, gate)).future.result(30))
    ahead.stop()
    calls = [call, run(gate.admit())]
    assert (gate.limiter.in_flight, stop.is_set()) == (3, True)
    waits = asyncio.create_task(arun(gate.admit()))
    await asyncio.sleep(0)
    calls.pop().end(calls.pop().end(None))
    with ThreadPoolExecutor(1) as pool:  # it does not say for whom it works, as LangChain's do not
        pool.submit(run, gate.admit()).result(timeout=30).end(None)
    (lease := await asyncio.wait_for(waits, 30)).ask()
    await asyncio.sleep(0.02)  # its loop goes on, and answers
    assert (lease.holds, lease.gone, gate.limiter.in_flight) == (True, False, 1)
    gate, loops = Gate(Limiter(max_concurrency=1)), (None, asyncio.get_running_loop(), None)
    held.append(run(gate.admit()))  # goes on whatever the loop does
    flows: Any = [gate.admit() for _ in loops]
    steps = [(next(one), one.send(loop))[1] for one, loop in zip(flows, loops, strict=True)]
    flows[1].close()  # it wants no place any more
    assert not steps[2].stands_still()


async def test_a_refusal_holds_all_for_a_bound_and_a_lease_ends_once() -> None:
    gate = Gate(Limiter())
    lease = [await arun(gate.admit()) for _ in range(2)].pop()  # the first is lost, as by a signal
    lease.end(RateLimitError("", status_code=429, retry_after=7))
    lease.end(None)
    assert (gate.limiter.in_flight, gate.must_wait(lease.sent)) == (0, True)
    (limiter := Limiter(max_hold=60)).give(0, sent=0, outcome="refused", retry_after=1e300)
    assert limiter.schedule(0.0) == 60.0


def test_the_gate_does_as_the_policy_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, now, naps = Gate(Limiter(tokens_per_minute=6000)), [100.0], list[float]()
    image = f"data:image/png;base64,{'iVBO' * 9999}"
    assert (gate.guess(["abcd", "", image]), Gate(Limiter()).guess(["abcd"])) == (1004, 0)
    give = gate.limiter.give = Mock(wraps=gate.limiter.give)

    def nap(step: _flow.Sleep) -> None:
        naps.append(step.seconds)
        now[0] += step.seconds + 1e-6
        if len(naps) == 3:
            leases[0].end(RateLimitError("", status_code=429, retry_after=30))

    monkeypatch.setattr(_flow, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(_flow.Sleep, "run", nap)
    leases = [run(gate.admit(980)) for _ in range(3)]  # of 98 tokens a second
    gate.correct(980, 490)
    leases += [run(gate.admit(98))]
    give.assert_called_once_with(pytest.approx(125), sent=100.0, outcome="refused", retry_after=30)
    leases[1].end(None)
    for error in (InternalServerError("", status_code=500), KeyboardInterrupt()):
        with pytest.raises(type(error)), leases.pop():
            raise error
    outcomes = [told.kwargs["outcome"] for told in give.mock_calls]
    assert (outcomes, gate.limiter.in_flight) == (["refused", "ok", "failed"], 0)
    for tokens in (49, 0):
        run(gate.admit(tokens)).end(None)
    assert naps == pytest.approx([10, 10, 5, 30, 0.5], abs=1e-3)


def test_places_go_to_the_next_one_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(Limiter(max_concurrency=2))
    give = gate.limiter.give = Mock(wraps=gate.limiter.give)
    leases, flows = [run(gate.admit()) for _ in range(2)], [gate.admit() for _ in range(3)]
    monkeypatch.setattr(_flow.Lease, "ask", ask := Mock())
    steps: Any = [(next(one), next(one), one.throw(_flow.DeadlockError()))[2] for one in flows]
    with ThreadPoolExecutor(1) as pool, steps[0].future._condition:  # as one who adds to it does
        pool.submit(leases.pop().end, None)
        assert eventually(lambda: len(gate.leases) == 2)
    for given in ([True, False, False], [True, True, False]):
        assert ([step.future.done() for step in steps], ask.call_count) == (given, 3)
        last: Any = gate.admit()
        assert not (next(last), next(last))[1].future.done()  # it goes not before those who wait
        last.close()
        flows.pop(0).close()
    assert {(step.stands_still(), step.seconds) for step in steps} == {(False, _flow.LOOK_SECONDS)}
    last = gate.admit()
    assert [*islice(last, 2)]
    ends = property(lambda _: leases and leases.pop().end(None))  # as the garbage collector may
    monkeypatch.setattr(_flow.Lease, "gone", ends)
    flows.pop().close()
    last.close()
    assert (*leases, *gate.leases, gate.limiter.in_flight, give.call_count) == (0, 2)


def test_a_loop_closed_over_its_tasks_keeps_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_flow, "LOOK_SECONDS", 0.01)
    gate, loop = Gate(Limiter(max_concurrency=1)), asyncio.new_event_loop()
    give = gate.limiter.give = Mock(wraps=gate.limiter.give)
    tasks = [loop.create_task(arun(gate.admit())) for _ in range(3)]
    with ThreadPoolExecutor(1) as pool:
        loop.run_until_complete(asyncio.sleep(0))
        run(gate.admit()).end(None)  # while the loop stands still
        loop.run_until_complete(tasks[1])
        another = pool.submit(run, gate.admit())
        loop.close()
        another.result(timeout=30).end(None)
    tasks.pop(0).result().end(None)
    assert (gate.limiter.in_flight, tasks.pop().done(), give.call_count) == (0, False, 2)
