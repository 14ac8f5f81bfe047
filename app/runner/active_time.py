"""The time that a session has been active, waits not counted, and the end of it."""

import asyncio
from collections.abc import Callable


class ActiveTime:
    """Counts seconds while it runs, over all performances of a session, and says when there have been too many."""

    def __init__(self, seconds: float, *, limit_seconds: float, exceeded: Callable[[], None]) -> None:
        self._seconds = seconds
        self._limit_seconds = limit_seconds
        self._exceeded = exceeded
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def seconds(self) -> float:
        """What has been counted up to the last pause."""
        return self._seconds

    def run(self) -> None:
        """Count from now on."""
        loop = asyncio.get_running_loop()
        self._since = loop.time()
        self._timer = loop.call_later(max(0.0, self._limit_seconds - self._seconds), self._exceeded)

    def pause(self) -> None:
        """Count no further."""
        if self._since is not None:
            self._seconds += asyncio.get_running_loop().time() - self._since
            self._since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
