"""Retry policy: which failures are worth another attempt, and after how long."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsgvo import errors
from dsgvo.errors import APIStatusError, CapabilityError, DsgvoError
from dsgvo.wire.retry import next_delay, retry_after, should_retry

NOW = 1_700_000_000.0
CONNECTION = errors.APIConnectionError("weg")


def status(code: int, wait: float | None = None) -> DsgvoError:
    return APIStatusError("kaputt", status_code=code, retry_after=wait)


@pytest.mark.parametrize(
    ("error", "failures", "most", "known", "delay"),
    [
        (status(429), 0, 2, None, 0.25),
        (status(429), 1, 2, None, 0.5),
        (status(429), 2, 2, None, None),
        (status(429), 0, 0, None, None),
        (status(429), 50, 99, None, 4.0),
        (status(429), 5000, 9999, None, 4.0),
        (status(429, 7), 0, 2, None, 7),
        (status(429, 0), 0, 2, None, 0),
        (status(503, 60), 0, 2, None, 60),
        (status(503, 60.5), 0, 2, None, None),
        (status(429, 1e300), 0, 2, None, None),
        *((status(code), 0, 1, None, 0.25) for code in (408, 409, 500, 502, 503, 504, 529)),
        *((status(code), 0, 1, None, None) for code in (200, 400, 401, 403, 404, 413, 422, 501)),
        (status(400), 0, 1, True, 0.25),
        (status(400), 1, 1, True, None),
        (status(500), 0, 1, False, None),
        (errors.QuotaExceededError("leer", status_code=429), 0, 1, None, None),
        (errors.QuotaExceededError("leer", status_code=429), 0, 1, True, None),
        (CONNECTION, 0, 1, True, 0.25),
        (CONNECTION, 0, 1, False, None),
        (CONNECTION, 0, 1, None, None),
        (errors.StreamError("", status_code=429), 0, 1, None, None),
        (CapabilityError("keine Tools", status_code=500), 0, 1, None, None),
    ],
)
def test_the_delay_before_the_next_attempt(
    error: DsgvoError, failures: int, most: int, known: bool | None, delay: float | None
) -> None:
    assert next_delay(error, failures, most, retry=known, jitter=0.5) == delay


@pytest.mark.parametrize("failures", range(8))
def test_jitter_is_full(failures: int) -> None:
    bound = min(8.0, 0.5 * 2**failures)
    for jitter in (0.0, 0.3, 1.0):
        assert next_delay(status(429), failures, 9, jitter=jitter) == jitter * bound


@pytest.mark.parametrize(
    ("value", "said"), [("true", True), (" False ", False), ("1", None), ("", None), (None, None)]
)
def test_what_a_server_says_of_trying_again(value: str | None, said: bool | None) -> None:
    assert should_retry({} if value is None else {"x-should-retry": value}) is said


@pytest.mark.parametrize(
    ("milliseconds", "seconds", "wait"),
    [
        ("1500", "7", 1.5),
        ("1500", None, 1.5),
        ("-5", "7", 0.0),
        ("bald", "7", 7.0),
        ("", "7", 7.0),
        ("inf", None, None),
    ],
)
def test_milliseconds_win(milliseconds: str, seconds: str | None, wait: float | None) -> None:
    headers = {"retry-after-ms": milliseconds} | ({"retry-after": seconds} if seconds else {})
    assert retry_after(headers, NOW) == wait


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("-3", 0.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("", None),
        (None, None),
        ("bald", None),
        ("nan", None),
        ("inf", None),
        ("Mon, 99 Foo 2023", None),
        ("Fri, 31 Dec 9999 23:59:59 -99999999999999", None),
        ("1e999", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
    ],
)
def test_how_long_a_server_asks_to_wait(value: str | None, seconds: float | None) -> None:
    assert retry_after({} if value is None else {"retry-after": value}, NOW) == seconds


@given(
    st.text(st.characters(max_codepoint=255), max_size=40)
    | st.from_regex(
        r"\w{3}, \d{1,2} \w{3} \d{1,5} \d\d?:\d\d?:\d\d? [+-]?\w{2,5}",
        fullmatch=True,
        alphabet=st.characters(max_codepoint=127),
    )
)
def test_any_retry_after_is_seconds_or_nothing(value: str) -> None:
    seconds = retry_after({} if value is None else {"retry-after": value}, NOW)
    assert seconds is None or seconds >= 0
