"""What throughput hangs on: the few statements that both databases carry out in their own fastest way.

Invariants that every implementation keeps, and that one contract suite checks on each:

1. `publish` writes an event with all its deliveries or neither. It writes nothing for an event whose workspace
   has another `endpoints_version` than the one it was fanned out by, nor for an id that exists.
2. `claim` gives a delivery to one caller until its lease ends. It never waits for another's claim.
3. `settle`, `renew` and `release` touch a delivery only while its lease token is the caller's. A token is
   never used again, so a caller that lost its lease changes nothing, however late it comes.
4. The attempt is recorded in the transaction that settles it, so numbers have no gaps.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class NewEvent(msgspec.Struct, gc=False):
    """An event to be written; `endpoints_version` is the one that its deliveries were worked out by.

    `hops` are those of `app.rules.hops`; what is published by API has none.
    """

    workspace_id: str
    id: str
    type: str
    body: bytes
    created_at: datetime
    endpoints_version: int
    hops: int = 0


class NewDelivery(msgspec.Struct, gc=False):
    """A delivery to be written with its event."""

    workspace_id: str
    id: str
    event_id: str
    event_type: str
    endpoint_id: str
    created_at: datetime


class Work(msgspec.Struct, gc=False):
    """A leased delivery with all that sending it takes, but its endpoint's configuration."""

    workspace_id: str
    delivery_id: str
    event_id: str
    event_type: str
    endpoint_id: str
    body: bytes
    number: int
    single_try: bool
    test: bool
    hops: int
    token: int
    leased_until: datetime


class Settlement(msgspec.Struct, gc=False):
    """How an attempt ended and what becomes of its delivery. Times in milliseconds, headers as sent and received."""

    workspace_id: str
    delivery_id: str
    token: int
    number: int
    status: str
    reason: str | None
    due_at: datetime
    finished_at: datetime | None
    started_at: datetime
    result: str
    error: str | None
    status_code: int | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    duration_ms: float
    peer: str | None
    key_id: str | None
    request_headers: bytes
    response_headers: bytes
    response_body: bytes
    response_truncated: bool


class HotStore(Protocol):
    """The hot statements of one database. Each call is one transaction of its own."""

    async def open(self) -> None:
        """Get ready; must be awaited in the event loop that makes the other calls."""

    async def close(self) -> None:
        """Finish what was begun and let go of connections and threads."""

    async def publish(
        self,
        events: Sequence[NewEvent],
        deliveries: Sequence[NewDelivery],
        *,
        token: int | None,
        leased_until: datetime | None,
        whole: bool,
    ) -> set[tuple[str, str]]:
        """Write events with their deliveries, leased under `token` if one is given.

        Returns the (workspace id, event id) of what was written. No id may stand twice in `events`.
        With `whole`, nothing is written unless every event can be.
        """

    async def due_endpoints(self, *, now: datetime, limit: int, after: str = "") -> list[str]:
        """Return endpoints that have deliveries to claim: the first `limit` whose ids come after `after`, in order.

        Those of a disabled endpoint are held, but for its tests. What is pending for a deleted one came to be while
        it was deleted, and has to be claimed so that it can be cancelled.
        """

    async def claim(
        self, rooms: Sequence[tuple[str, int]], *, token: int, now: datetime, leased_until: datetime
    ) -> list[Work]:
        """Lease the longest due deliveries of each (endpoint id, at most so many)."""

    async def settle(self, settlements: Sequence[Settlement]) -> int:
        """Record attempts and move their deliveries on; returns how many still had their lease.

        A delivery cancelled while it was in flight keeps its state, and its attempt is recorded.
        """

    async def renew(self, works: Sequence[Work], *, leased_until: datetime) -> set[str]:
        """Extend leases; returns the ids of deliveries that must not be sent any more.

        Their lease is another's by now, or they have ended meanwhile.
        """

    async def release(self, leases: Sequence[tuple[str, str, int]]) -> None:
        """Give (workspace id, delivery id, token) back unattempted."""

    async def void_leases(self) -> None:
        """End all leases. Only for a process that knows itself to be alone."""
