"""The five fields of cron, as crontab(5) describes them, over a clock without zones.

A field is `*`, a number, a range `1-5`, any of these with a step `*/15`, or a list of such. Months and days
of the week have names too, and Sunday is 0 and 7. When both the day of the month and the day of the week are
given, a day that fits one of them is enough; when one of them begins with `*`, it has to fit both.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

_PART = re.compile(
    r"(?:\*|(?P<first>[0-9]{1,2}|[a-z]{3})(?:-(?P<last>[0-9]{1,2}|[a-z]{3}))?)(?:/(?P<step>[0-9]{1,3}))?"
)
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SUNDAY = 7


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of the month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTH_NAMES)
_WEEKDAY = _Field("day of the week", 0, _SUNDAY, _DAY_NAMES)
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)


@dataclass(frozen=True, slots=True)
class Cron:
    """The times of day and the days that five fields name."""

    times: tuple[time, ...]
    """In order."""
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """Sunday is 0."""
    one_day_is_enough: bool
    """Whether the day of the month or that of the week has to fit; else both."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what five fields say.

        Raises:
            ValueError: they are not five, one of them cannot be read, or no day fits; it says which.
        """
        texts = text.lower().split()
        if len(texts) != len(_FIELDS):
            raise ValueError(f"cron has five fields, not {len(texts)}")
        minutes, hours, days, months, weekdays = map(_parse_field, texts, _FIELDS)
        either = not texts[2].startswith("*") and not texts[4].startswith("*")
        if not either and not any(day <= _LONGEST_MONTHS[month - 1] for day in days for month in months):
            raise ValueError("no month that it names has such a day")
        return cls(
            times=tuple(time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)),
            days=days,
            months=months,
            weekdays=frozenset(day % _SUNDAY for day in weekdays),
            one_day_is_enough=either,
        )

    def names_every_hour(self) -> bool:
        """Whether there is a time in each hour of a day."""
        return len({each.hour for each in self.times}) == _HOUR.high + 1

    def next_shown(self, after: datetime) -> datetime:
        """Return the first time that a clock without a zone shows after this one.

        Raises:
            OverflowError: the calendar ends before.
        """
        day = after.date()
        if self._fits(day) and after.time() < self.times[-1]:
            return datetime.combine(day, self.times[bisect_right(self.times, after.time())])
        day += timedelta(days=1)
        while not self._fits(day):
            day += timedelta(days=1)
        return datetime.combine(day, self.times[0])

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        fits_month, fits_week = day.day in self.days, day.isoweekday() % _SUNDAY in self.weekdays
        return fits_month or fits_week if self.one_day_is_enough else fits_month and fits_week


def _parse_field(text: str, field: _Field) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        values.update(_parse_part(part, field))
    return frozenset(values)


def _parse_part(part: str, field: _Field) -> Iterator[int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"the {field.name} cannot be read: {part!r}")
    first = _number(match["first"], field) if match["first"] else field.low
    # `5/15` goes on to the end, as `5-59/15` does.
    goes_on = not match["first"] or (match["step"] and not match["last"])
    last = field.high if goes_on else _number(match["last"] or match["first"], field)
    step = int(match["step"] or 1)
    if not step or not field.low <= first <= last <= field.high:
        raise ValueError(f"the {field.name} must lie within {field.low}-{field.high}, in order: {part!r}")
    return iter(range(first, last + 1, step))


def _number(text: str, field: _Field) -> int:
    if text.isdecimal():
        return int(text)
    if text in field.names:
        return field.names.index(text) + field.low
    raise ValueError(f"the {field.name} has no name {text!r}")
