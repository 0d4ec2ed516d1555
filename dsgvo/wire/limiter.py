"""Adaptive limit of requests: how many at once, how fast, and when all must wait.

A policy without a clock, a thread or a socket: the time is passed in, in seconds of any monotonic
clock. :class:`dsgvo.transport.Gate` waits as it says.
"""

from __future__ import annotations

from numbers import Real
from typing import Literal, TypeAlias

from dsgvo.errors import ConfigurationError
from dsgvo.wire.arguments import shown

__all__ = ["MAX_HOLD", "REFUSALS", "Limiter", "Outcome"]

Outcome: TypeAlias = Literal["ok", "refused", "overloaded", "failed"]
"""``refused``: the vendor asks for fewer requests (429); ``overloaded``: it has too much to do,
whoever asked for it (503, 529); ``failed``: anything else."""

REFUSALS = frozenset({"refused", "overloaded"})

_FEWER = 8  # how many times fewer tokens a text may have than are guessed
_ENDLESS = 1e30  # which is no infinity of 32 bits, either
START_CONCURRENCY = 4.0
MAX_CONCURRENCY = 128

GIVEN_SHARE = 0.98
"""Share of a given limit that is used, since two clocks and a network lie between."""

SLACK = 0.1
"""Seconds by which a request that goes late may be made up for."""

CUT_CONCURRENCY, CUT_LATENCY, CUT_RATE, CUT_RATE_SOON = 0.7, 0.8, 0.97, 0.88
SOON = 15.0
"""Seconds after a cut within which another refusal means that the rate is far too high."""

SAMPLE, OFTEN, MAX_PATIENCE = 8, 33, 63
"""Refusals from which their number is judged; answers to a refusal that are fewer than at a rate
that is near the limit; samples after which a rate that was too fast is tried again, at most.
"""

GROWTH_A_SECOND, GROWTH_A_REQUEST, MAX_SPEED = 0.0006, 0.0003, 40.0
PROBING = 45.0
"""Seconds without a refusal after which the rate grows twice as fast, and then faster still."""

FEW, DOUBLING, MOST_A_REQUEST = 30, 2.0, 1.1
"""Answers before the first refusal that are too few to tell a rate from: it is doubled in so many
seconds, by so much an answer at most, until the next refusal.
"""

SLOW = 2.0
"""How many times its usual value a latency must be to count as rising."""

MAX_HOLD = 3600.0
"""Seconds that one refusal holds all at most, whatever ``Retry-After`` says."""

BACKOFF, MAX_BACKOFF = 0.5, 8.0
"""Seconds that all wait at least after a refusal, doubled by each that follows without an answer.
"""


class Limiter:
    """How many requests may be in flight and when the next may go, learned from what comes back.

    Concurrency grows by one a round of answers (in the beginning: doubles) and shrinks by a factor
    when the vendor refuses or its latency rises. A refusal also sets a rate, a little below what
    the vendor had accepted, which then grows slowly again (fast where that was little); not one of
    a server that is overloaded, as one sick one of many may be. Where that leads to no fewer
    refusals, it goes back to what was accepted, and is doubled as long as no more are refused.
    ``Retry-After`` holds all.

    A request goes through ``take`` (a place among those in flight), ``schedule`` (when it may be
    sent, again as long as ``must_wait``) and ``give``.

    Args:
        requests_per_minute: Bound that is never exceeded, above 0.
        tokens_per_minute: The same for tokens, as far as their number is known or guessed; one
            answer that counts more is taken to have cost a minute's.
        max_concurrency: Requests at once, 1 or more.
        max_hold: Seconds that one refusal holds all at most.

    Raises:
        ConfigurationError: If an argument is out of range.

    Examples:
        >>> limiter = Limiter(requests_per_minute=60)
        >>> limiter.take(), round(limiter.schedule(0.0), 2), round(limiter.schedule(0.0), 2)
        (True, 0.0, 1.02)
        >>> limiter.give(1.0, sent=0.0, outcome="refused", retry_after=30.0)
        >>> limiter.must_wait(1.02)
        True
        >>> limiter.schedule(1.02)
        31.0
    """

    def __init__(
        self,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        max_concurrency: int = MAX_CONCURRENCY,
        max_hold: float = MAX_HOLD,
    ) -> None:
        given = {"max_concurrency": max_concurrency, "max_hold": max_hold}
        rates = {
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
        }
        given |= {name: value for name, value in rates.items() if value is not None}
        for name, value in given.items():
            if not isinstance(value, Real) or not 0 < value < _ENDLESS:  # NumPy's are such, too
                raise ConfigurationError(f"{name}={shown(value)} is out of range: use more than 0")
        if max_concurrency != int(max_concurrency):
            raise ConfigurationError(f"max_concurrency={max_concurrency} is not a whole number")
        self.max_concurrency = int(max_concurrency)
        self.concurrency = min(START_CONCURRENCY, float(self.max_concurrency))
        self.max_hold = max_hold
        self.in_flight = 0
        self.refused = 0
        self.rate: float | None = None
        """Requests a second that the vendor is believed to accept; ``None`` until it refuses."""
        self.held_until = float("-inf")
        per_second = GIVEN_SHARE / 60
        self._interval = (
            0.0 if requests_per_minute is None else 1 / requests_per_minute / per_second
        )
        self._a_token = 0.0 if tokens_per_minute is None else 1 / tokens_per_minute / per_second
        self._ready = float("-inf")
        self._cut_at = self._concurrency_cut_at = self._grown_at = float("-inf")
        self._doubling = True
        self._cuts = self._refusals = 0  # in all; in a row
        self._guessed = False  # the rate, from few answers
        self._accepted, self._since = 0, float("-inf")  # since the rate was set
        self._ended = float("-inf")  # when an answer came last
        self._earlier = (0, 0.0)
        self._sample: list[tuple[int, float]] = []  # answers before each refusal, and seconds
        self._fastest = (0.0, 0.0)  # answers of a sample, in all and a second
        self._least = 0.0  # a rate that no refusal cuts
        self._patience = self._failed = 0  # samples until it is doubled; after it was too fast
        self._usual = self._recent = 0.0  # latency

    @property
    def counts_tokens(self) -> bool:
        """Whether the number of tokens matters, so that it is worth guessing."""
        return self._a_token > 0

    @property
    def paced(self) -> bool:
        """Whether requests are to be sent at certain times, and not as soon as there is a place."""
        return bool(self._interval or self._a_token or self.rate)

    def pause(self, tokens: int = 0) -> float:
        """Return the seconds between a request of so many tokens and the next."""
        return max(self._interval, 1 / self.rate if self.rate else 0.0, tokens * self._a_token)

    def ready_at(self, now: float) -> float:
        """Return when the next request may be sent."""
        return max(now, self._ready, self.held_until)

    def take(self) -> bool:
        """Take a place among the requests in flight, if there is one."""
        if self.in_flight >= int(self.concurrency):
            return False
        self.in_flight += 1
        return True

    def schedule(self, now: float, tokens: int = 0) -> float:
        """Return when a request of so many tokens may be sent, and count it as sent then."""
        at, pause = self.ready_at(now), self.pause(tokens)
        late = SLACK if self._ready > float("-inf") else 0.0
        self._ready = max(self._ready, self.held_until, at - late) + pause
        return at

    def must_wait(self, at: float) -> bool:
        """Return whether the vendor has asked meanwhile to wait past a time that was scheduled."""
        return self.held_until > at

    def give(
        self,
        now: float,
        *,
        sent: float,
        outcome: Outcome,
        retry_after: float | None = None,
    ) -> None:
        """Give a place back and learn from what came.

        Args:
            now: When the answer was whole.
            sent: When its request was sent.
            outcome: What came.
            retry_after: Seconds that the vendor asks to wait.
        """
        self.in_flight -= 1
        quiet = sent - max(self._ended, self.held_until)
        if self._since == float("-inf"):
            self._since = sent
        elif quiet > SOON:
            # While nobody asks, nothing shows what the vendor would have accepted.
            self._since += quiet
        self._ended = now
        if outcome in REFUSALS:
            self._note_refusal(now, sent, retry_after, of_rate=outcome == "refused")
        elif outcome == "ok":
            self._note_answer(now, sent)

    def cost(self, guessed: int, tokens: int) -> int:
        """Return what a request has cost whose tokens were guessed: as many as counted, or nearly.

        A count above a minute's tokens is wrong, since no such request would be taken, and would
        hold all for hours. So is one far below what was guessed, which would let all go too fast.
        """
        return min(max(tokens, guessed // _FEWER), max(guessed, round(60 / self._a_token)))

    def spend(self, tokens: int) -> None:
        """Count tokens that were not scheduled; fewer than none were scheduled too many."""
        self._ready += tokens * self._a_token

    def leave(self) -> None:
        """Give a place back of which nothing is learned: its request was not made, or abandoned."""
        self.in_flight -= 1

    def _note_refusal(
        self, now: float, sent: float, retry_after: float | None, *, of_rate: bool
    ) -> None:
        self.refused += 1
        # Others were on their way when their sibling was refused.
        first = sent >= (self._cut_at if of_rate else self._concurrency_cut_at)
        if first:
            self._refusals += 1
        least = min(MAX_BACKOFF, BACKOFF * 2.0 ** min(self._refusals - 1, 6))
        pause = least if retry_after is None else max(retry_after, BACKOFF)
        pause = min(pause, self.max_hold)
        self.held_until = max(self.held_until, now + pause)
        if not first:
            return
        self._cut_concurrency(now, CUT_CONCURRENCY)
        if not of_rate:
            return
        accepted = self._accepted / max(now + pause - self._since, 1.0)
        if not self._accepted:
            pass  # nothing says how much would be: the pause grows instead
        elif self.rate is None:
            self.rate = CUT_RATE * accepted
            self._guessed = self._accepted < FEW
        else:
            soon = now - self._cut_at < SOON
            self.rate *= CUT_RATE_SOON if soon else CUT_RATE
            if soon and self._cuts == 1 and not self._guessed:
                # The first counted what the vendor had saved for us.
                self.rate = max(self.rate / 2, min(self.rate, CUT_RATE * accepted))
            self._guessed = False
        self._cuts += 1
        self._cut_at = self._grown_at = now
        if self._accepted:
            self._judge(now + pause - self._since)
            self._earlier = self._accepted, self._since
            self._accepted, self._since = 0, now

    def _judge(self, seconds: float) -> None:
        """Cut no further if fewer requests are refused as often: the rate is not the reason."""
        self._sample.append((self._accepted, seconds))
        if len(self._sample) == SAMPLE:
            answers, seconds = (sum(one) for one in zip(*self._sample, strict=True))
            self._sample.clear()
            accepted = answers / seconds
            before, faster = self._fastest
            alike = before / 2 < answers < before * 2
            if self._least:
                self._try_faster(answers, accepted)
            elif alike and (accepted < faster / 2 or answers < OFTEN * SAMPLE):
                self._least = faster
            elif accepted > faster or not alike:
                self._fastest = answers, accepted
        if self.rate is not None:
            self.rate = max(self.rate, self._least)

    def _try_faster(self, answers: float, accepted: float) -> None:
        """Double a rate that is not the reason for refusals, until more are refused for it."""
        before, known = self._fastest
        if answers > before / 2:
            before += (answers - before) / 8
            self._patience -= 1
            if self._patience < 0 and accepted > self._least / 2:  # so many are asked for
                known = self._least
                self._least *= 2
            self._fastest = before, known
        elif self._least > known:
            self.rate = self._least = known
            self._patience = self._failed = min(2 * self._failed + 1, MAX_PATIENCE)
        elif answers < before / 3:
            self._fastest, self._least = (answers, accepted), 0.0

    def _note_answer(self, now: float, sent: float) -> None:
        if self._refusals > 1 and self.rate is not None:
            # Refused until a moment ago, such as to the end of the vendor's minute.
            number, since = self._earlier
            self.rate = max(self.rate, CUT_RATE * number / max(now - since, 1.0))
        self._refusals = 0
        self._accepted += 1
        self._grow_rate(now)
        self._watch_latency(now, sent)
        if self.in_flight + 1 >= int(self.concurrency):  # as many as may be, so more could be used
            step = 1.0 if self._doubling and self.concurrency < 16 else 1 / self.concurrency
            self.concurrency = min(float(self.max_concurrency), self.concurrency + step)

    def _grow_rate(self, now: float) -> None:
        if self.rate is None or now < self._grown_at:
            return
        elapsed, self._grown_at = now - self._grown_at, now
        if self._guessed:
            self.rate *= min(MOST_A_REQUEST, 2 ** min(elapsed / DOUBLING, 1.0))
            return
        speed = min(1 + ((now - self._cut_at) / PROBING) ** 3, MAX_SPEED)
        self.rate *= 1 + min(GROWTH_A_REQUEST, GROWTH_A_SECOND * elapsed) * speed

    def _watch_latency(self, now: float, sent: float) -> None:
        latency = now - sent
        if not self._usual:
            self._usual = self._recent = latency
        self._recent += (latency - self._recent) / 8
        # Quick to learn that a server is fast, slow to believe that it has become slow.
        self._usual += (latency - self._usual) / (8 if latency < self._usual else 512)
        if self._recent > SLOW * self._usual and sent >= self._concurrency_cut_at:
            self._cut_concurrency(now, CUT_LATENCY)

    def _cut_concurrency(self, now: float, factor: float) -> None:
        self._doubling = False
        self._concurrency_cut_at = now
        self.concurrency = max(1.0, self.concurrency * factor)
