"""Times as callers write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.times import parse_time, write_in_utc

WRITTEN = [
    ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
    ("2026-01-31t09:30:00z", "2026-01-31T09:30:00Z"),
    ("2026-01-31T09:30:00.120Z", "2026-01-31T09:30:00.120Z"),
    ("2026-01-31T09:30:00.123456789Z", "2026-01-31T09:30:00.123456789Z"),
    ("2026-01-31T09:30:00+00:00", "2026-01-31T09:30:00Z"),
    ("2026-01-31T09:30:00-00:00", "2026-01-31T09:30:00Z"),
    ("2026-01-31T09:30:00+05:45", "2026-01-31T03:45:00Z"),
    ("2026-01-31T23:30:00.5-02:00", "2026-02-01T01:30:00.500000Z"),
    ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
]

NO_TIMES = [
    "",
    "now",
    "1700000000",
    "2026-01-31",
    "2026-01-31T09:30:00",
    "2026-01-31T09:30Z",
    "2026-01-31 09:30:00Z",
    "2026-01-31T09:30:00,5Z",
    "2026-01-31T09:30:00.Z",
    "2026-01-31T09:30:00+0100",
    "2026-01-31T09:30:00+24:00",
    "2026-01-31T24:00:00Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-00:01",
    "0001-01-01T00:00:00+00:01",
    "2026-01-31T09:30:00Z\n",
    " 2026-01-31T09:30:00Z",
    "٢٠٢٦-01-31T09:30:00Z",
    "2026-01-31T09:30:00." + "1" * 33 + "Z",
]


@pytest.mark.parametrize(("text", "in_utc"), WRITTEN)
def test_a_time_is_written_in_utc_with_the_digits_it_had(text: str, in_utc: str) -> None:
    assert write_in_utc(text) == in_utc


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_of_rfc_3339_is_refused(text: str) -> None:
    assert write_in_utc(text) is None
    assert parse_time(text) is None


OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=OFFSETS))
def test_every_time_that_python_writes_comes_back_in_utc(moment: datetime) -> None:
    try:
        expected = moment.astimezone(UTC)
    except OverflowError:
        expected = None
    assert parse_time(moment.isoformat()) == expected


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    assert (parse_time(text) is None) == (write_in_utc(text) is None)
