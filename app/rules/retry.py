"""When a failed delivery is tried again.

1. The schedule gives the pauses between attempts; past its end the last pause repeats.
2. Every pause is stretched or shrunk by up to a fifth, so that what failed together does not come
   back together.
3. A receiver that sends `Retry-After` is never called earlier than it asks, within a day.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Self

# Ten seconds outlast a restart, a minute a deployment, ten minutes most pages to a person on call.
DEFAULT_SCHEDULE_SECONDS = (10.0, 60.0, 600.0)
RETRY_AFTER_LIMIT_SECONDS = 86_400.0
JITTER = 0.2

_DELTA_SECONDS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How many retries follow a failed first attempt, and the pauses in seconds before each."""

    max_retries: int = len(DEFAULT_SCHEDULE_SECONDS)
    schedule: tuple[float, ...] = DEFAULT_SCHEDULE_SECONDS

    @classmethod
    def of(cls, max_retries: int | None, schedule: Sequence[float] | None) -> Self:
        """From what an endpoint's owner gave: a schedule alone also says how many retries there are."""
        pauses = DEFAULT_SCHEDULE_SECONDS if schedule is None else tuple(schedule)
        return cls(len(pauses) if max_retries is None else max_retries, pauses)

    def delay_seconds(self, retry_number: int) -> float:
        """The pause before the retry of this number, counted from 1, before jitter."""
        return self.schedule[min(retry_number, len(self.schedule)) - 1]


def next_due(
    policy: RetryPolicy,
    *,
    failed_attempts: int,
    now: datetime,
    jitter: float,
    retry_after_seconds: float | None,
) -> datetime | None:
    """When the next attempt is due, or None when the policy has no retry left.

    `failed_attempts` counts the one that has just failed. `jitter` is a random number from 0 to 1;
    0.5 leaves the schedule as it is. `retry_after_seconds` only ever postpones, and by a day at most.
    """
    if failed_attempts > policy.max_retries:
        return None
    scheduled_seconds = policy.delay_seconds(failed_attempts) * (1 + JITTER * (2 * jitter - 1))
    asked_seconds = min(retry_after_seconds or 0.0, RETRY_AFTER_LIMIT_SECONDS)
    return now + timedelta(seconds=max(scheduled_seconds, asked_seconds))


def parse_retry_after(value: str, *, now: datetime) -> float | None:
    """Seconds from now that a `Retry-After` header asks for (RFC 9110 section 10.2.3).

    Takes a number of seconds or a date in any of the three forms of HTTP. None for anything else and
    for a date in the past. The answer has no upper bound: `next_due` sets one.
    """
    text = value.strip(" \t")
    if _DELTA_SECONDS.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        # The header is somebody else's, and the parser's ways to fail differ between Python versions.
        return None
    if date.tzinfo is None:
        # The asctime form names no zone; HTTP dates are always in UTC.
        date = date.replace(tzinfo=UTC)
    seconds = (date - now).total_seconds()
    return seconds if seconds >= 0 else None
