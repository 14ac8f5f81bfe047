"""Schedules: time zones, descriptors, intervals."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.rules.schedules import DESCRIPTORS, LONGEST_INTERVAL, Schedule

ZONES = ["UTC", "Europe/Vienna", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
moments = st.datetimes(datetime(2001, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))


def fires(text: str, zone: str, after: str, *, count: int) -> list[str]:
    """The next so many moments, as the zone's own clock shows them."""
    schedule, moment, shown = Schedule.parse(text, zone), datetime.fromisoformat(after), []
    for _ in range(count):
        moment = schedule.next_after(moment)
        shown.append(moment.astimezone(schedule.zone).strftime("%d %H:%M%z"))
    return shown


@pytest.mark.parametrize("text", ["* * * * *", "0 9 * * 1-5", "@every 90s", *DESCRIPTORS])
def test_the_next_moment_is_later_and_in_utc(text: str) -> None:
    moment = datetime(2026, 11, 20, 10, 30, tzinfo=timezone(timedelta(hours=3)))
    later = Schedule.parse(text, "Asia/Tokyo").next_after(moment)
    assert later > moment
    assert later.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@yearly", "2027-01-01T00:00"),
        ("@annually", "2027-01-01T00:00"),
        ("@monthly", "2026-12-01T00:00"),
        ("@weekly", "2026-11-22T00:00"),
        ("@daily", "2026-11-21T00:00"),
        ("@midnight", "2026-11-21T00:00"),
        ("@hourly", "2026-11-20T11:00"),
        (" @hourly ", "2026-11-20T11:00"),
    ],
)
def test_a_descriptor_is_the_beginning_of_its_period(text: str, expected: str) -> None:
    moment = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
    assert Schedule.parse(text).next_after(moment) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_fields_go_by_the_clock_of_the_zone_in_winter_and_in_summer() -> None:
    schedule = Schedule.parse("0 9 * * *", "Europe/Vienna")
    assert schedule.next_after(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1, 8, tzinfo=UTC)
    assert schedule.next_after(datetime(2026, 7, 1, tzinfo=UTC)) == datetime(2026, 7, 1, 7, tzinfo=UTC)


# In Vienna two o'clock is left out on 29 March 2026 and comes twice on 25 October.


def test_a_time_that_the_clock_skips_fires_at_the_change() -> None:
    assert fires("30 2 * * *", "Europe/Vienna", "2026-03-28T12:00Z", count=2) == [
        "29 03:00+0200",
        "30 02:30+0200",
    ]


def test_a_skipped_time_and_the_change_itself_fire_once() -> None:
    assert fires("0 2,3 * * *", "Europe/Vienna", "2026-03-28T12:00Z", count=2) == [
        "29 03:00+0200",
        "30 02:00+0200",
    ]


def test_several_skipped_times_fire_once() -> None:
    shown = fires("*/10 2 * * *", "Europe/Vienna", "2026-03-28T12:00Z", count=2)
    assert shown == ["29 03:00+0200", "30 02:00+0200"]


def test_midnight_is_at_one_where_the_clock_skips_midnight() -> None:
    assert fires("@daily", "America/Havana", "2026-03-07T12:00Z", count=2) == [
        "08 01:00-0400",
        "09 00:00-0400",
    ]


def test_a_day_that_is_left_out_fires_when_the_next_begins() -> None:
    shown = fires("0 9 * * *", "Pacific/Apia", "2011-12-28T20:00Z", count=3)
    assert shown == ["29 09:00-1000", "31 00:00+1400", "31 09:00+1400"]


def test_a_time_that_comes_twice_fires_the_first_time() -> None:
    assert fires("30 2 * * *", "Europe/Vienna", "2026-10-24T12:00Z", count=2) == [
        "25 02:30+0200",
        "26 02:30+0100",
    ]


@pytest.mark.parametrize("after", ["2026-10-25T00:30Z", "2026-10-25T00:45Z", "2026-10-25T01:10Z"])
def test_a_time_that_comes_twice_does_not_fire_again_whenever_one_asks(after: str) -> None:
    assert fires("30 2 * * *", "Europe/Vienna", after, count=1) == ["26 02:30+0100"]


def test_a_schedule_with_a_time_in_every_hour_goes_by_elapsed_time() -> None:
    shown = fires("*/30 * * * *", "Europe/Vienna", "2026-03-29T00:15Z", count=3)
    assert shown == ["29 01:30+0100", "29 03:00+0200", "29 03:30+0200"]
    shown = fires("30 * * * *", "Europe/Vienna", "2026-10-24T23:45Z", count=3)
    assert shown == ["25 02:30+0200", "25 02:30+0100", "25 03:30+0100"]


def test_a_change_of_half_an_hour_is_one_too() -> None:
    shown = fires("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00Z", count=2)
    assert shown == ["05 01:45+1100", "06 01:45+1030"]
    shown = fires("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00Z", count=2)
    assert shown == ["04 02:30+1100", "05 02:15+1100"]


@given(moments, st.sampled_from(ZONES), st.sampled_from([1, 7, 15, 30]))
def test_a_schedule_of_every_hour_never_pauses_for_longer_than_its_minutes(
    moment: datetime, zone: str, minutes: int
) -> None:
    schedule = Schedule.parse(f"*/{minutes} * * * *", zone)
    following = [moment]
    for _ in range(70):
        following.append(schedule.next_after(following[-1]))
    assert all(timedelta(0) < b - a <= timedelta(minutes=minutes) for a, b in pairwise(following))


@given(moments, st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 59))
def test_a_daily_schedule_fires_once_a_day(moment: datetime, zone: str, hour: int, minute: int) -> None:
    schedule = Schedule.parse(f"{minute} {hour} * * *", zone)
    first = schedule.next_after(moment)
    second = schedule.next_after(first)
    days = [each.astimezone(schedule.zone).date() for each in (first, second)]
    # Apia left one day out.
    assert timedelta(hours=12) <= second - first <= timedelta(hours=49)
    assert days[0] < days[1]


@given(moments, st.sampled_from(ZONES), st.timedeltas(timedelta(0), timedelta(days=2)))
def test_the_next_moment_is_the_same_from_anywhere_before_it(
    moment: datetime, zone: str, earlier: timedelta
) -> None:
    schedule = Schedule.parse("*/20 1-3 * * *", zone)
    expected = schedule.next_after(moment)
    between = max(moment, expected - earlier)
    if between < expected:
        assert schedule.next_after(between) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@every 1s", timedelta(seconds=1)),
        ("@every 15m", timedelta(minutes=15)),
        ("@every 1h30m10s", timedelta(hours=1, minutes=30, seconds=10)),
        ("@every 1.5h", timedelta(minutes=90)),
        ("@every 1500ms", timedelta(milliseconds=1500)),
        ("@every .5m", timedelta(seconds=30)),
        ("@every 1s1us1µs1μs", timedelta(seconds=1, microseconds=3)),
        ("@every 1000000000ns", timedelta(seconds=1)),
        ("@every   24h", timedelta(days=1)),
        ("@every 2562047h", LONGEST_INTERVAL),
    ],
)
def test_an_interval_is_added_to_the_moment(text: str, expected: timedelta) -> None:
    moment = datetime(2026, 3, 29, 0, 59, 59, 123_456, tzinfo=UTC)
    assert Schedule.parse(text, "Europe/Vienna").next_after(moment) == moment + expected


@pytest.mark.parametrize(
    "text",
    [
        "@every",
        "@every 5",
        "@every -5m",
        "@every 0s",
        "@every 999ms",
        "@every 999999999ns",
        "@every 1d",
        "@every 1h 30m",
        "@every 2562048h",
        "@every 9999999999999999999h",
        "@every 1e3s",
        "@every ١s",
        "@reboot",
        "@Daily",
        "@hourly 5",
        "CRON_TZ=UTC * * * * *",
        "* * * *",
        "",
        "0 0 30 2 *",
    ],
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match=r"schedule|interval"):
        Schedule.parse(text)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "America",
        "/etc/localtime",
        "../UTC",
        "Europe/../UTC",
        "Europe/Vienna\n",
        "Europe/Vienna\0",
        "a" * 300,
        "zone.tab",
    ],
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="time zone"):
        Schedule.parse("* * * * *", name)


@given(st.text(max_size=40) | st.from_regex(r"@every [0-9.]{1,25}(ns|us|ms|s|m|h)", fullmatch=True))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    try:
        schedule = Schedule.parse(text)
    except Invalid:
        return
    assert schedule.next_after(moment) >= moment + timedelta(seconds=1)
