"""When failed deliveries are tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.retry import RetryPolicy, next_due, parse_retry_after

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY_SECONDS = 86_400.0

policies = st.builds(
    RetryPolicy,
    st.integers(0, 20),
    st.lists(st.floats(0.1, 604_800), min_size=1, max_size=20).map(tuple),
)
jitters = st.floats(0, 1)


def wait_seconds(
    policy: RetryPolicy,
    failed_attempts: int,
    *,
    jitter: float = 0.5,
    retry_after_seconds: float | None = None,
) -> float | None:
    due = next_due(
        policy,
        failed_attempts=failed_attempts,
        now=NOW,
        jitter=jitter,
        retry_after_seconds=retry_after_seconds,
    )
    return None if due is None else (due - NOW).total_seconds()


def test_three_retries_follow_by_default() -> None:
    assert [wait_seconds(RetryPolicy(), failed) for failed in (1, 2, 3, 4)] == [10, 60, 600, None]


@pytest.mark.parametrize(
    ("max_retries", "schedule", "expected"),
    [
        (None, None, RetryPolicy(3, (10, 60, 600))),
        (None, [1, 2], RetryPolicy(2, (1, 2))),
        (5, [1, 2], RetryPolicy(5, (1, 2))),
        (1, [1, 2], RetryPolicy(1, (1, 2))),
        (20, None, RetryPolicy(20, (10, 60, 600))),
        (0, None, RetryPolicy(0, (10, 60, 600))),
    ],
)
def test_what_an_owner_leaves_out_is_filled_in(
    max_retries: int | None, schedule: list[float] | None, expected: RetryPolicy
) -> None:
    assert RetryPolicy.of(max_retries, schedule) == expected


def test_past_its_end_a_schedule_repeats_its_last_pause() -> None:
    policy = RetryPolicy.of(5, [1, 2])
    assert [policy.delay_seconds(number) for number in range(1, 6)] == [1, 2, 2, 2, 2]


def test_without_retries_the_first_failure_is_the_last() -> None:
    assert wait_seconds(RetryPolicy.of(0, None), 1) is None
    assert wait_seconds(RetryPolicy.of(0, None), 1, retry_after_seconds=5) is None


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 8), (0.5, 10), (1.0, 12)])
def test_jitter_moves_a_pause_by_a_fifth_at_most(jitter: float, seconds: float) -> None:
    assert wait_seconds(RetryPolicy(), 1, jitter=jitter) == pytest.approx(seconds)


@given(policies, st.integers(1, 25), jitters)
def test_a_retry_is_due_within_a_fifth_of_its_pause(
    policy: RetryPolicy, failed_attempts: int, jitter: float
) -> None:
    waited = wait_seconds(policy, failed_attempts, jitter=jitter)
    assert (waited is None) == (failed_attempts > policy.max_retries)
    if waited is not None:
        assert 0.8 - 1e-4 <= waited / policy.delay_seconds(failed_attempts) <= 1.2 + 1e-4


@given(policies, jitters, st.floats(0, 1e9))
def test_retry_after_only_postpones_and_by_a_day_at_most(
    policy: RetryPolicy, jitter: float, asked_seconds: float
) -> None:
    without = wait_seconds(policy, 1, jitter=jitter)
    waited = wait_seconds(policy, 1, jitter=jitter, retry_after_seconds=asked_seconds)
    assert (waited is None) == (without is None)
    if waited is not None and without is not None:
        bounded = min(asked_seconds, DAY_SECONDS)
        assert waited == pytest.approx(max(without, bounded), abs=1e-6)


def test_the_later_of_schedule_and_retry_after_counts() -> None:
    assert wait_seconds(RetryPolicy(), 1, retry_after_seconds=5) == 10
    assert wait_seconds(RetryPolicy(), 1, retry_after_seconds=120) == 120
    assert wait_seconds(RetryPolicy(), 1, jitter=0, retry_after_seconds=10) == 10
    assert wait_seconds(RetryPolicy.of(1, [604_800]), 1, retry_after_seconds=1e6) == 604_800


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        (" 7\t", 7),
        ("007", 7),
        ("Fri, 20 Nov 2026 12:01:00 GMT", 60),
        ("Friday, 20-Nov-26 12:01:00 GMT", 60),
        ("Fri Nov 20 12:01:00 2026", 60),
        ("Fri, 20 Nov 2026 12:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: float) -> None:
    assert parse_retry_after(value, now=NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-1",
        "+1",
        "1.5",
        "1e3",
        "٣",
        "soon",
        "120, 60",
        "120s",
        "2026-11-20T12:01:00Z",
        "Fri, 20 Nov 2026 11:59:59 GMT",
        "Fri, 20 Nov 2026 25:00:00 GMT",
        "Fri, 20 Nov 99999 12:00:00 GMT",
        "inf",
        "nan",
    ],
)
def test_a_malformed_or_past_retry_after_is_ignored(value: str) -> None:
    assert parse_retry_after(value, now=NOW) is None


def test_an_absurd_number_of_seconds_is_a_day() -> None:
    asked = parse_retry_after("9" * 5000, now=NOW)
    assert wait_seconds(RetryPolicy(), 1, retry_after_seconds=asked) == DAY_SECONDS


@given(st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, [0-9 :A-Za-z+-]{0,30}", fullmatch=True))
def test_no_header_value_breaks_the_parser(value: str) -> None:
    asked = parse_retry_after(value, now=NOW)
    assert asked is None or asked >= 0


@given(st.datetimes(datetime(2026, 11, 20, 12), datetime(2100, 1, 1)))
def test_a_date_in_the_form_of_http_is_waited_for(date: datetime) -> None:
    whole = date.replace(microsecond=0, tzinfo=UTC)
    text = whole.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert parse_retry_after(text, now=NOW) == (whole - NOW) / timedelta(seconds=1)
