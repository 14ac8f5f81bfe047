"""Events that tell of sessions: rows in the transaction that changes the session.

1. The transaction is a script (see `app.store.hot.scripts`) and publishes as a part of it, so the change and its event
   stand or fall together.
2. Endpoints are known from memory. What was fanned out by a stale table is not written, as in publishing; then the
   transaction reads the endpoints and publishes the rest.
3. Deliveries are born leased when a hint will find a worker, as those of `app.outbound.publish` are.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from app.errors import InternalError
from app.outbound.envelopes import compose_body, format_timestamp
from app.outbound.fanout import Fanout, FanoutTable
from app.queue import BornDelivery, BornEvent, BornLeased, Look
from app.rules.event_types import Subscription
from app.rules.ids import make_id
from app.store.hot.contract import NewDelivery, NewEvent
from app.store.hot.event_statements import FANOUT_TABLES
from app.store.hot.scripts import Fetch, Publish, Script
from app.wiring import Wiring

# How long deliveries leave the processors to those who wait for an answer. Should this process end meanwhile, their
# leases lapse, and they go out a moment later.
LATER_SECONDS = 0.015

# How often a fan-out is repeated because endpoints changed meanwhile, before it is called a bug.
MOST_REPETITIONS = 20


class Announcer:
    """Publishes for the transactions of this process."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.fanout = Fanout(wiring.database)
        self.lease = timedelta(seconds=wiring.settings.lease_seconds)
        self._later: list[Announcement] = []

    def compose(self, event_type: str, data: Any, *, workspace_id: str, hops: int) -> NewEvent:
        """Return an event that is to be published now; `data` is what orjson writes."""
        now = self.wiring.clock()
        event_id = make_id("evt", self.wiring.chance.uuid7())
        body = compose_body(
            event_type=event_type,
            event_id=event_id,
            timestamp=format_timestamp(now),
            data=orjson.dumps(data),
        )
        return NewEvent(workspace_id, event_id, event_type, body, now, 0, hops)

    def begin(self) -> "Announcement":
        """Return what is to be announced with one transaction."""
        return Announcement(self)

    def tell(self, announcement: "Announcement", *, later: bool) -> None:
        """Hint at what was committed, now or with others in a moment, when it would keep people from their answers."""
        if not announcement.has_events:
            return
        if not later:
            announcement.tell()
            return
        if not self._later:
            asyncio.get_running_loop().call_later(LATER_SECONDS, self._tell_all)
        self._later.append(announcement)

    def _tell_all(self) -> None:
        announcements, self._later = self._later, []
        for announcement in announcements:
            announcement.tell()


class Announcement:
    """The events of one transaction: `publish` is part of its script, `tell` follows its commit."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        self._wiring = announcer.wiring
        self._token: int | None = None
        self._leased_until: datetime | None = None
        self._tables: dict[str, FanoutTable] = {}
        self._events: Sequence[NewEvent] = ()
        self._deliveries: list[NewDelivery] = []

    @property
    def has_events(self) -> bool:
        """Whether the transaction published anything; most that sessions write do not."""
        return bool(self._events)

    def publish(self, events: Sequence[NewEvent]) -> Script[None]:
        """Write events with their deliveries.

        Raises:
            InternalError: endpoints change faster than they can be read.
        """
        # A script that is carried out once more begins anew.
        self._tables, self._events, self._deliveries = {}, events, []
        if self._wiring.queue.carries_leases:
            self._token = self._wiring.chance.token()
            self._leased_until = self._wiring.clock() + self._announcer.lease
        missing = list(events)
        for _ in range(MOST_REPETITIONS):
            yield from self._learn({event.workspace_id for event in missing})
            deliveries = list(self._fan_out(missing))
            written = set((yield Publish(missing, deliveries, self._token, self._leased_until)))
            self._deliveries += [d for d in deliveries if (d.workspace_id, d.event_id) in written]
            missing = [event for event in missing if (event.workspace_id, event.id) not in written]
            if not missing:
                return
        raise InternalError("Endpoints changed faster than events could be fanned out.")

    def tell(self) -> None:
        """Hint at the deliveries, after the commit."""
        for workspace_id, table in self._tables.items():
            self._announcer.fanout.learn(workspace_id, table)
        self._wiring.metrics.events.inc(len(self._events))
        if not self._deliveries:
            return
        if self._token is None or self._leased_until is None:
            self._wiring.queue.give(Look(sorted({d.endpoint_id for d in self._deliveries})))
            return
        places = {(event.workspace_id, event.id): place for place, event in enumerate(self._events)}
        self._wiring.queue.give(
            BornLeased(
                self._token,
                self._leased_until.timestamp(),
                [
                    BornEvent(e.workspace_id, e.id, e.type, e.body, e.endpoints_version, e.hops)
                    for e in self._events
                ],
                [
                    BornDelivery(places[d.workspace_id, d.event_id], d.id, d.endpoint_id)
                    for d in self._deliveries
                ],
            )
        )

    def _learn(self, workspace_ids: set[str]) -> Script[None]:
        """Have a table of each workspace: the one in memory, and one that is read if that turns out to be stale."""
        unread = []
        for workspace_id in sorted(workspace_ids):
            known = self._announcer.fanout.known(workspace_id)
            if known is not None and workspace_id not in self._tables:
                self._tables[workspace_id] = known
            else:
                unread.append(workspace_id)
        if not unread:
            return
        versions: dict[str, int] = {}
        found: dict[str, list[tuple[str, Subscription]]] = {id_: [] for id_ in unread}
        for workspace_id, version, endpoint_id, patterns in (yield Fetch(FANOUT_TABLES, (unread,))):
            versions[workspace_id] = version
            if endpoint_id is not None:
                found[workspace_id].append((endpoint_id, Subscription.of(orjson.loads(patterns))))
        self._tables |= {id_: FanoutTable(versions[id_], found[id_]) for id_ in unread}

    def _fan_out(self, events: Sequence[NewEvent]) -> Iterator[NewDelivery]:
        """Yield the deliveries of events, which get the version that they are fanned out by."""
        for event in events:
            table = self._tables[event.workspace_id]
            event.endpoints_version = table.version
            for endpoint_id in table.receivers(event.type):
                delivery_id = make_id("dlv", self._wiring.chance.uuid7())
                yield NewDelivery(
                    event.workspace_id, delivery_id, event.id, event.type, endpoint_id, event.created_at
                )
