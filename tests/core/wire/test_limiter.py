"""The adaptive limit's policy, step by step: what each answer and each refusal makes of it."""

from math import inf
from typing import Any, cast

import numpy as np
import pytest

from dsgvo.errors import ConfigurationError
from dsgvo.wire.limiter import Limiter
from tests.core.support import raised

FIRST = 0.97 * 2 / 4.5  # two answers in the time that ends with the pause
GROWN = FIRST * 1.1 * 0.97 * (1 + 0.0003 * (1 + (33 / 45) ** 3))
PLACES = 1.4406 + 1 / 1.4406
LATER = PLACES * 0.7 + 1 / PLACES / 0.7
MOST = (MORE := LATER + 1 / LATER) + 1 / MORE
FAST = GROWN * (1 + 0.0003 * 40)
# when what came, when its request was sent, what it is, seconds to wait →
# requests at once, requests a second, held until; all places are always taken
STEPS: list[tuple[float, float, Any, float | None, tuple[float, float | None, float]]] = [
    (1, 0, "ok", None, (5, None, -inf)),
    (2, 1, "ok", None, (6, None, -inf)),
    (4, 2, "refused", None, (4.2, FIRST, 4.5)),
    (5, 3, "refused", None, (4.2, FIRST, 5.5)),  # was on its way when its sibling was refused
    (5, 4, "failed", None, (4.2, FIRST, 5.5)),
    (6, 5, "refused", None, (2.94, FIRST, 7)),  # the pause grows where nothing was accepted
    (7, 6, "refused", 30, (2.058, FIRST, 37)),
    (7, 7, "refused", 0, (1.4406, FIRST, 37)),
    (40, 37, "ok", None, (PLACES, FIRST * 1.1, 37)),  # the first rate is a guess, and grows fast
    (41, 40, "refused", None, (PLACES * 0.7, FIRST * 1.1 * 0.97, 41.5)),
    (74, 73, "ok", None, (LATER, GROWN, 41.5)),
    (500, 499, "ok", None, (MORE, FAST, 41.5)),
    (500.1, 500, "ok", None, (MOST, FAST * 1.0024, 41.5)),
    (501, 500.5, "overloaded", None, (MOST * 0.7, FAST * 1.0024, 501.5)),
    (501, 500.5, "overloaded", 9, (MOST * 0.7, FAST * 1.0024, 510)),
]


def after(limiter: Limiter, now: float, sent: float, outcome: Any, wait: float | None) -> Any:
    while limiter.take():
        pass
    limiter.give(now, sent=sent, outcome=outcome, retry_after=wait)
    return limiter.concurrency, limiter.rate, limiter.held_until


def answered(limiter: Limiter, number: int, now: float, sent: float = 0) -> Limiter:
    for _ in range(number):
        after(limiter, now, sent, "ok", None)
    return limiter


def test_each_answer_and_each_refusal() -> None:
    limiter = Limiter()
    for now, sent, outcome, wait, found in STEPS:
        assert after(limiter, now, sent, outcome, wait) == pytest.approx(found)
    assert (limiter.refused, limiter.in_flight, limiter.rate) == (8, 1, 1 / limiter.pause())


def test_a_rate_is_learned_from_what_was_accepted_and_cut_no_further_for_nothing() -> None:
    # refused twice, the vendor took none until its minute was over; a time below a second is one
    for refusals, last, rate in ((1, 2.0, 97 / 30.6), (2, 2.0, 97 / 1.5), (2, 1.4, 97)):
        limiter = answered(Limiter(), 100, 1.0, 0.5)
        for now in (1.1, 1.2)[:refusals]:
            after(limiter, now, now, "refused", 30)
        assert after(limiter, last, last, "ok", None)[1] == pytest.approx(rate, rel=1e-3)
    first = 97 / 10.5
    for accepted, rate in ((30, first * 0.44), (60, 97 * 0.06), (100, first * 0.88)):
        limiter = answered(Limiter(), 100, 10.0)  # among them what the vendor had saved for us
        for at, soon in ((10.0, first), (19.5, rate), (29.0, rate * 0.88), (44.0, rate * 0.8536)):
            assert after(limiter, at, at, "refused", None)[1] == pytest.approx(soon, rel=3e-3)
            answered(limiter, accepted, at + 9, at + 9)
    idle = answered(answered(Limiter(), 1, 1), 1, 3601, 3600)  # nobody asks for an hour
    assert after(idle, 3603, 3602, "refused", None)[1] == pytest.approx(FIRST)
    for later, last in ((2, 0.89), (5, 5.98)):  # more are refused: it was too fast in part
        limiter, now, rates = Limiter(), 0.0, list[Any]()
        for number in range(4400):
            what = "ok" if number % (20 if number < 4000 else later) else "refused"
            sent = limiter.schedule(now)
            rates.append(after(limiter, now := sent + 0.05, sent, what, None)[1])
        assert (rates[3999], rates[4399]) == pytest.approx((27.66, last), rel=1e-2)


def test_latency_that_rises_costs_places() -> None:
    def sizes(*latencies: float) -> list[float]:
        limiter = Limiter()
        came = ((now, now - late, "ok") for now, late in enumerate(latencies, 10))
        return [after(limiter, *one, None)[0] for one in came]

    slow = [6, 7, 8, 9, 10, 8.125, 8.125 + 1 / 8.125]  # the last was sent before there were fewer
    assert sizes(1, *[2.9] * 6, 4)[1:] == pytest.approx(slow)
    *grown, slow, last = sizes(4, *[1] * 12, *[6] * 4)  # the fast ones are the usual ones
    assert (grown[10:13], slow > 16) == ([15, 16, 16.0625], True)
    assert last == pytest.approx(slow * 0.8 + 1 / slow / 0.8)


def test_what_is_given_and_out_of_range() -> None:
    limiter = Limiter(requests_per_minute=60, tokens_per_minute=6000)
    assert (limiter.pause(), limiter.pause(1000)) == pytest.approx((1 / 0.98, 10 / 0.98))
    counts = [limiter.cost(800, counted) for counted in (1, 100, 900, 2**25)]
    assert (counts, limiter.cost(7000, 9000)) == ([100, 100, 900, 5880], 7000)
    limiter.rate = 0.5
    assert (limiter.pause(), limiter.pause(1000)) == pytest.approx((2, 10 / 0.98))
    limiter = Limiter(max_concurrency=cast("Any", np.float32(2)))
    assert [limiter.take() for _ in range(3)] == [True, True, False]
    limiter = Limiter()
    assert all(limiter.take() for _ in range(3))
    limiter.give(1, sent=0, outcome="ok")
    assert limiter.concurrency == 4  # not all places were taken
    for name in ("requests_per_minute", "tokens_per_minute", "max_concurrency", "max_hold"):
        for value in (0, inf, "60", 10**309):
            error = raised(ConfigurationError, Limiter, **{name: value})
            assert str(error) == f"{name}={value!r} is out of range: use more than 0"
