"""When a schedule fires: five fields of cron, a descriptor such as `@daily`, or `@every 15m`.

Fields and descriptors go by the clock of a time zone, and that clock is set forward and back:

1. A schedule with a time in every hour goes by elapsed time. What the clock skips is skipped, what it shows
   twice fires twice, so that `*/15 * * * *` fires every 15 minutes through the change.
2. Any other schedule fires once for each time that it names. A time that the clock skips fires at the
   moment of the change, `30 2 * * *` at 03:00 when two o'clock does not come; a time that it shows twice
   fires at the first showing.
3. `@every` knows no clock: it adds its interval to the moment it is told.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Self
from zoneinfo import ZoneInfo

from app.errors import Invalid
from app.rules.cron import Cron

DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
SHORTEST_INTERVAL = timedelta(seconds=1)
# What a duration of Go holds, 2^63 nanoseconds, about 292 years.
LONGEST_INTERVAL = timedelta(hours=2_562_047)

_EVERY = re.compile(r"@every\s+(\S+)")
# https://pkg.go.dev/time#ParseDuration, without signs. A mu and a micro sign look alike.
_UNITS = {"ns": "0.001", "us": "1", "µs": "1", "μs": "1", "ms": "1e3", "s": "1e6", "m": "6e7", "h": "3.6e9"}
_PART = r"([0-9]{1,19}(?:\.[0-9]{0,19})?|\.[0-9]{1,19})(ns|us|µs|μs|ms|s|m|h)"
_DURATION = re.compile(f"(?:{_PART})+")
_DURATION_PART = re.compile(_PART)
_ZONE_NAME = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}")

_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something happens, again and again."""

    text: str
    zone: ZoneInfo
    _rule: Cron | timedelta

    @classmethod
    def parse(cls, text: str, timezone: str = "UTC") -> Self:
        """Return the schedule that is written so, by the clock of an IANA time zone.

        Raises:
            Invalid: it is none, it would fire more than once a second or never, or there is no such zone.
        """
        zone = find_zone(timezone)
        written = text.strip()
        every = _EVERY.fullmatch(written)
        if every:
            return cls(written, zone, _parse_interval(every[1]))
        if written.startswith("@") and written not in DESCRIPTORS:
            known = ", ".join(DESCRIPTORS)
            raise Invalid(f"The schedule cannot be read: {written[:64]!r} is none of {known}, @every 15m.")
        try:
            return cls(written, zone, Cron.parse(DESCRIPTORS.get(written, written)))
        except ValueError as error:
            raise Invalid(f"The schedule cannot be read: {error}.") from None

    def next_after(self, moment: datetime) -> datetime:
        """Return, in UTC, the first moment after this one, an aware time, at which it fires.

        An interval is added to the given moment.

        Raises:
            OverflowError: the calendar ends before.
        """
        start = moment.astimezone(UTC)
        if isinstance(self._rule, timedelta):
            return start + self._rule
        return self._next_by_clock(self._rule, start)

    def _next_by_clock(self, cron: Cron, start: datetime) -> datetime:
        goes_by_elapsed_time = cron.names_every_hour()
        offset = self._offset_at(start)
        shown = start.replace(tzinfo=None) + offset
        while True:
            candidate = cron.next_shown(shown)
            fire = (candidate - offset).replace(tzinfo=UTC)
            change = self._find_change(start, fire)
            if change is None:
                # With a fold of 1 the clock shows it for the second time.
                if goes_by_elapsed_time or not fire.astimezone(self.zone).fold:
                    return fire
                shown = candidate
                continue
            offset = self._offset_at(change)
            shown_at_change = change.replace(tzinfo=None) + offset
            if candidate < shown_at_change and not goes_by_elapsed_time:
                return change
            # The search leaves out where it begins.
            start, shown = change, shown_at_change - _SECOND

    def _find_change(self, start: datetime, end: datetime) -> datetime | None:
        """The first moment after `start`, up to `end`, at which the clock is set."""
        low, offset = start.replace(microsecond=0), self._offset_at(start)
        while low < end:
            # No zone sets its clocks twice a day.
            high = min(low + _DAY, end)
            if self._offset_at(high) != offset:
                return self._bisect(low, high, offset)
            low = high
        return None

    def _bisect(self, low: datetime, high: datetime, offset: timedelta) -> datetime:
        def is_set(seconds: int) -> bool:
            return self._offset_at(low + seconds * _SECOND) != offset

        return low + bisect_left(range((high - low) // _SECOND), True, key=is_set) * _SECOND

    def _offset_at(self, instant: datetime) -> timedelta:
        return instant.astimezone(self.zone).utcoffset() or timedelta(0)


def find_zone(name: str) -> ZoneInfo:
    """Return an IANA time zone.

    Raises:
        Invalid: there is none of this name.
    """
    try:
        if _ZONE_NAME.fullmatch(name):
            return ZoneInfo(name)
    # What is found there may be a folder, or no file of zones, or a name too long for a file.
    except (LookupError, ValueError, OSError):
        pass
    raise Invalid(f"There is no time zone {name[:64]!r}; a name is such as Europe/Vienna.")


def _parse_interval(text: str) -> timedelta:
    if not _DURATION.fullmatch(text):
        raise Invalid(f"The schedule cannot be read: {text[:64]!r} is no duration such as 1h30m or 45s.")
    microseconds = sum(
        Decimal(number) * Decimal(_UNITS[unit]) for number, unit in _DURATION_PART.findall(text)
    )
    if not SHORTEST_INTERVAL // _MICROSECOND <= microseconds <= LONGEST_INTERVAL // _MICROSECOND:
        raise Invalid("An interval lasts from one second to 292 years.")
    return int(microseconds) * _MICROSECOND
