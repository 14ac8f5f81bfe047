"""A lane: the deliveries to one endpoint that this process has leased, and how many may be on the wire.

Each endpoint has a lane of its own, so what hangs or fails holds up nothing but itself. What a lane has no room
for stays in the database, unleased, and `backlog` remembers that it is there.
"""

from collections import deque

from app.rules.lanes import AdaptiveLimit
from app.store.hot.contract import Work

# Deliveries that a lane may hold for each one that it may send at a time. A healthy lane works off as many
# before their lease needs renewing; a lane whose limit has fallen holds few.
WAITING_PER_PLACE = 32

# One lane's share of memory, whatever its limit.
MOST_WAITING = 2_000


class Lane:
    """The leased deliveries of one endpoint."""

    __slots__ = ("_chosen", "_known", "backlog", "endpoint_id", "in_flight", "limit", "stalled", "waiting")

    def __init__(self, endpoint_id: str) -> None:
        self.endpoint_id = endpoint_id
        self.limit = AdaptiveLimit()
        self._chosen: int | None = None
        self._known = False
        self.waiting: deque[Work] = deque()
        self.in_flight = 0
        self.backlog = False
        """Whether there may be due work in the database."""
        self.stalled = False
        """Whether only the process's own limit keeps the lane from sending."""

    def follow(self, concurrency: int | None) -> bool:
        """Take over the limit that the endpoint's owner chose, or None to find it by trying; tells a change."""
        if concurrency == self._chosen and self._known:
            return False
        if concurrency != self._chosen:
            self.limit = AdaptiveLimit(concurrency)
        self._chosen, self._known = concurrency, True
        return True

    @property
    def room(self) -> int:
        """How many more deliveries the lane can hold."""
        return min(self.limit.limit * WAITING_PER_PLACE, MOST_WAITING) - len(self.waiting)

    @property
    def may_send(self) -> bool:
        """Whether the lane has a delivery to send and the endpoint a place for it.

        The first one goes alone, until it is known whether the owner chose a limit.
        """
        return bool(self.waiting) and self.in_flight < (self.limit.limit if self._known else 1)

    @property
    def wants_more(self) -> bool:
        """Whether to claim more, before the lane runs dry."""
        return self.backlog and len(self.waiting) <= self.limit.limit and self.room > 0

    @property
    def idle(self) -> bool:
        """Whether the lane can be forgotten."""
        return not (self.waiting or self.in_flight or self.backlog)

    def shed(self) -> list[Work]:
        """Take out what the lane has no room for any more, the newest first."""
        surplus = []
        while self.room < 0:
            surplus.append(self.waiting.pop())
        return surplus
