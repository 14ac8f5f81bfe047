"""The five fields of cron."""

from datetime import datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import assume, given
from hypothesis import strategies as st

from app.rules.cron import Cron

MOMENT = datetime(2026, 11, 20, 10, 30)  # a Friday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * *", "2026-11-20 10:31"),
        ("30 10 * * *", "2026-11-21 10:30"),
        ("31 10 * * *", "2026-11-20 10:31"),
        ("*/20 * * * *", "2026-11-20 10:40"),
        ("5/20 * * * *", "2026-11-20 10:45"),
        ("0-10/5 12 * * *", "2026-11-20 12:00"),
        ("0-0 * * * *", "2026-11-20 11:00"),
        ("15,45 * * * *", "2026-11-20 10:45"),
        ("0 9 * * mon-fri", "2026-11-23 09:00"),
        ("0 9 * * 7", "2026-11-22 09:00"),
        ("0 9 * * 0", "2026-11-22 09:00"),
        ("0 9 * * 5-7", "2026-11-21 09:00"),
        ("0 9 * * SUN", "2026-11-22 09:00"),
        ("0 0 1 jan *", "2027-01-01 00:00"),
        ("0 0 1 1-3/2 *", "2027-01-01 00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("0 0 31 * *", "2026-12-31 00:00"),
        ("  0   0 * * * ", "2026-11-21 00:00"),
    ],
)
def test_the_next_time_is_the_first_that_the_fields_name(text: str, expected: str) -> None:
    assert Cron.parse(text).next_shown(MOMENT) == datetime.fromisoformat(expected)


def test_of_two_given_days_one_is_enough() -> None:
    assert Cron.parse("0 0 25 * sat").next_shown(MOMENT) == datetime(2026, 11, 21)
    assert Cron.parse("0 0 25 * sun").next_shown(datetime(2026, 11, 24)) == datetime(2026, 11, 25)
    # 30 February never comes, but there are Mondays.
    assert Cron.parse("0 0 30 2 mon").next_shown(MOMENT) == datetime(2027, 2, 1)


def test_when_one_of_the_days_begins_with_a_star_both_have_to_fit() -> None:
    assert Cron.parse("0 0 */2 * sat").next_shown(MOMENT) == datetime(2026, 11, 21)
    assert Cron.parse("0 0 */2 * sun").next_shown(MOMENT) == datetime(2026, 11, 29)
    # A leap day on a Sunday comes every 28 years.
    assert Cron.parse("0 0 29 2 */7").next_shown(MOMENT) == datetime(2032, 2, 29)


def test_seconds_count_as_having_passed() -> None:
    assert Cron.parse("31 10 * * *").next_shown(datetime(2026, 11, 20, 10, 30, 59, 999_999)) == datetime(
        2026, 11, 20, 10, 31
    )
    assert Cron.parse("30 10 * * *").next_shown(datetime(2026, 11, 20, 10, 30, 1)) == datetime(
        2026, 11, 21, 10, 30
    )


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("* * * * * *", "five fields"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of the month"),
        ("* * 32 * *", "day of the month"),
        ("* * * 13 *", "month"),
        ("* * * 0 *", "month"),
        ("* * * * 8", "day of the week"),
        ("*/0 * * * *", "minute"),
        ("10-5 * * * *", "minute"),
        ("1,,2 * * * *", "minute"),
        ("-1 * * * *", "minute"),
        ("1- * * * *", "minute"),
        ("*-5 * * * *", "minute"),
        ("mon * * * *", "minute"),
        ("* * * mon *", "month"),
        ("* * * * fri-mon", "day of the week"),
        ("? * * * *", "minute"),
        ("H * * * *", "minute"),
        ("R * * * *", "minute"),
        ("* * L * *", "day of the month"),
        ("* * * * 5#3", "day of the week"),
        ("١ * * * *", "minute"),
        ("0 0 30 2 *", "no month"),
        ("0 0 31 4,6,9,11 *", "no month"),
    ],
)
def test_what_cannot_be_read_is_refused_by_the_name_of_its_field(text: str, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Cron.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * *", True),
        ("7 0-23 * * *", True),
        ("*/15 */1 1 1 *", True),
        ("0 */2 * * *", False),
        ("* 0-22 * * *", False),
    ],
)
def test_a_schedule_knows_whether_it_names_every_hour(text: str, expected: bool) -> None:
    assert Cron.parse(text).names_every_hour() is expected


def field(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    # The other implementation reads `5-5` as `*`, so ranges have two ends here.
    ranges = st.tuples(numbers, numbers).filter(lambda r: r[0] < r[1]).map(lambda r: f"{r[0]}-{r[1]}")
    parts = numbers.map(str) | ranges | st.tuples(ranges, st.integers(1, 9)).map(lambda p: f"{p[0]}/{p[1]}")
    stars = st.just("*") | st.integers(1, 9).map(lambda step: f"*/{step}")
    return stars | st.lists(parts, min_size=1, max_size=3).map(",".join)


@given(
    st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)),
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)),
)
def test_another_implementation_finds_the_same_time(fields: tuple[str, ...], moment: datetime) -> None:
    # Days with a step and a star are read in two ways by the crons of this world.
    assume(not (fields[2].startswith("*/") or fields[4].startswith("*/")))
    text = " ".join(fields)
    try:
        cron = Cron.parse(text)
    except ValueError:
        assume(False)
    other = croniter(text, moment, ret_type=datetime)
    first = cron.next_shown(moment)
    assert [first, cron.next_shown(first)] == [other.get_next(), other.get_next()]


@given(st.text(alphabet="0123456789*/,- \tjanmonsu@LRH#", max_size=30) | st.text(max_size=30))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    try:
        cron = Cron.parse(text)
    except ValueError:
        return
    assert MOMENT < cron.next_shown(MOMENT) < MOMENT + timedelta(days=366 * 41)
