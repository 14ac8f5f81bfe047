"""Waiting for a condition instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Short beside what tests wait for, long beside what a look costs.
PAUSE_SECONDS = 0.02


def until(condition: Callable[[], T], *, what: str, timeout_seconds: float = 15) -> T:
    """Return the first truthy answer of `condition`.

    Raises:
        AssertionError: there was none in time; the message says `what` was waited for.
    """
    deadline = time.monotonic() + timeout_seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_seconds} s in vain until {what}")
        time.sleep(PAUSE_SECONDS)
    return answer
