"""Retry policy: which failures are worth another attempt, and after how long."""

import time
from email.utils import formatdate

import pytest

from dsgvo import errors
from dsgvo.errors import APIStatusError, CapabilityError, DsgvoError
from dsgvo.wire.retry import asks_for_fewer, next_delay, retry_after, should_retry

NOW = 1_700_000_000.0
CONNECTION, STREAM = errors.APIConnectionError("weg"), errors.StreamError("", status_code=429)
QUOTA = errors.QuotaExceededError("leer", status_code=429)


def status(code: int, wait: float | None = None) -> APIStatusError:
    return APIStatusError("kaputt", status_code=code, retry_after=wait)


# error, failures so far, the most retries, what else is known → the delay at half the jitter
DELAYS: list[tuple[DsgvoError, int, int, bool | None, float | None]] = [
    *((status(429), 0, 2, None, 0.25), (status(429), 1, 2, None, 0.5)),
    *((status(429), 2, 2, None, None), (status(429), 0, 0, None, None)),
    *((status(429), 50, 99, None, 4.0), (status(429), 5000, 9999, None, 4.0)),
    *((status(429, wait), 0, 2, None, wait) for wait in (0, 7, 60)),
    *((status(503, wait), 0, 2, None, None) for wait in (60.5, 1e300)),
    *((status(code), 0, 1, None, 0.25) for code in (408, 409, 500, 503, 507, 529, 599)),
    *((status(code), 0, 1, None, None) for code in (200, 400, 401, 403, 404, 422, 501, 511)),
    *((status(400), 0, 1, True, 0.25), (status(400), 1, 1, True, None)),
    *((status(500), 0, 1, False, None), (CONNECTION, 0, 1, True, 0.25)),
    *((CONNECTION, 0, 1, False, None), (QUOTA, 0, 1, True, None)),
    *((one, 0, 1, None, None) for one in (CONNECTION, QUOTA, STREAM)),
    (CapabilityError("keine Tools", status_code=500), 0, 1, None, None),
]


def test_the_delay_before_the_next_attempt_and_its_full_jitter() -> None:
    for error, failures, most, known, delay in DELAYS:
        assert next_delay(error, failures, most, retry=known, jitter=0.5) == delay, vars(error)
    fewer: list[errors.APIError] = [errors.RateLimitError("zu oft"), status(503), status(529)]
    assert [one for one in (*fewer, QUOTA, status(500)) if asks_for_fewer(one)] == fewer
    for jitter in (0.0, 0.3, 1.0):
        assert next_delay(status(429), 3, 9, jitter=jitter) == jitter * 4


# Retry-After → seconds, of which a header in milliseconds wins where it is a number
RETRY_AFTER = {
    **{text: float(text) for text in ("7", " 7 ", "0.5", "0")},
    "-3": 0.0,
    **dict.fromkeys(["", "bald", "nan", "inf", "1e999", "Mon, 99 Foo 2023"]),
    formatdate(NOW + 90, usegmt=True): 90.0,
    formatdate(NOW - 90, usegmt=True): 0.0,
    time.asctime(time.gmtime(NOW + 90)): 90.0,  # in HTTP's oldest form, without a zone
    "Fri, 31 Dec 9999 23:59:59 -99999999999999": None,
}


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows has no tzset")
def test_what_a_server_says_of_trying_again_and_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX-9")
    time.tzset()
    said = {"true": True, " False ": False, "1": None, "": None}
    assert {value: should_retry({"x-should-retry": value}) for value in said} == said
    date = formatdate(NOW)  # the server's, whatever this machine's clock says
    assert {v: retry_after({"retry-after": v, "date": date}, 0) for v in RETRY_AFTER} == RETRY_AFTER
    assert retry_after({"retry-after": formatdate(NOW + 90), "date": "5"}, NOW) == 90
    assert should_retry({}) is retry_after({"date": date, "retry-after-ms": "inf"}, NOW) is None
    for ms, seconds in {"1500": 1.5, "-5": 0.0, "bald": 7.0, "inf": 7.0}.items():
        assert retry_after({"retry-after-ms": ms, "retry-after": "7"}, NOW) == seconds, ms
    monkeypatch.undo()
    time.tzset()
