"""Hints: "there may be work". A hint may be lost, doubled or late, and nothing depends on it but speed.

These kinds travel:

- `BornLeased` goes with a publish. The publishing transaction wrote the deliveries already leased under
  `token`, so whoever gets the hint sends without reading the database. After `leased_until` it is void.
- `Look` names endpoints that have due work, for example after a person asked for a retry.
- `Changed` names workspaces whose endpoints have changed, so that nobody sends by what was.
- `SessionsDue` says that there are sessions to perform.
- `SessionsWoken` names sessions for which something has come, or that are to stop.
- `RequestsAnswered` names requests whose callers may be waiting in another process.

Who gives hints knows only the `Queue` protocol. Embedded, `LocalQueue` hands them to a function of the same
process; distributed, `app.redis_queue` carries them.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec


class BornEvent(msgspec.Struct, array_like=True, gc=False):
    """What is needed to send an event, whatever its number of deliveries."""

    workspace_id: str
    id: str
    type: str
    body: bytes
    endpoints_version: int
    hops: int = 0


class BornDelivery(msgspec.Struct, array_like=True, gc=False):
    """A delivery of the event at position `event` of its hint."""

    event: int
    id: str
    endpoint_id: str


class BornLeased(msgspec.Struct, array_like=True, tag="born", gc=False):
    """Deliveries that were committed under a lease; `leased_until` is in Unix seconds."""

    token: int
    leased_until: float
    events: list[BornEvent]
    deliveries: list[BornDelivery]


class Look(msgspec.Struct, array_like=True, tag="look", gc=False):
    """Endpoints that have work which is due now."""

    endpoint_ids: list[str]


class Changed(msgspec.Struct, array_like=True, tag="changed", gc=False):
    """Workspaces whose endpoints have changed; every process that delivers wants to know, not just one."""

    workspace_ids: list[str]


class SessionsDue(msgspec.Struct, array_like=True, tag="due", gc=False):
    """There are sessions to claim."""


class SessionsWoken(msgspec.Struct, array_like=True, tag="woken", gc=False):
    """Sessions whose performers should look at what has come for them."""

    session_ids: list[str]


class RequestsAnswered(msgspec.Struct, array_like=True, tag="answered", gc=False):
    """Requests whose outcome has been written."""

    request_ids: list[str]


DeliveryHint = BornLeased | Look | Changed
SessionHint = SessionsDue | SessionsWoken | RequestsAnswered

# What every process wants to know, not just the one that would take up the work.
Broadcast = Changed | SessionHint

Hint = BornLeased | Look | Broadcast


class Queue(Protocol):
    """Takes hints from whoever committed work."""

    @property
    def carries_leases(self) -> bool:
        """Whether a worker is likely to get the next hint, so that it pays to bear deliveries leased."""

    def give(self, hint: Hint) -> None:
        """Pass a hint on, after the commit. Never raises and never waits."""

    def on_refusal(self, release: Callable[[Sequence[BornLeased]], None]) -> None:
        """Name who gives leases back when hints could not be passed on."""


class LocalQueue:
    """Hints within one process: a function call."""

    def __init__(self) -> None:
        self._take: Callable[[Hint], None] | None = None

    def connect(self, take: Callable[[Hint], None] | None) -> None:
        """Name who takes hints, or None when nobody does any more."""
        self._take = take

    @property
    def carries_leases(self) -> bool:
        """Whether somebody in this process takes hints."""
        return self._take is not None

    def give(self, hint: Hint) -> None:
        """Hand the hint over."""
        if self._take is not None:
            self._take(hint)

    def on_refusal(self, release: Callable[[Sequence[BornLeased]], None]) -> None:
        """A function call is not refused, so there is nothing to give back."""
