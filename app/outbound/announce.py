"""Events that tell of sessions: rows in the transaction that changes the session.

1. The transaction is a script (see `app.store.hot.scripts`) and publishes as a part of it, so the change and its event
   stand or fall together.
2. Endpoints are known from memory. The transaction asks for the version of each workspace's endpoints, and reads
   those that changed.
3. Deliveries are born leased when a hint will find a worker, as those of `app.outbound.publish` are.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson

from app.outbound.envelopes import compose_body, format_timestamp
from app.outbound.fanout import Fanout, FanoutTable
from app.queue import BornDelivery, BornEvent, BornLeased, Look
from app.rules.event_types import Subscription
from app.rules.ids import make_id
from app.store.hot.contract import NewDelivery, NewEvent
from app.store.hot.event_statements import (
    ENDPOINTS_VERSIONS,
    FANOUT_TABLES,
    INSERT_DELIVERY,
    INSERT_EVENT,
)
from app.store.hot.scripts import Each, Fetch, Script
from app.wiring import Wiring


class Announcer:
    """Publishes for the transactions of this process."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.fanout = Fanout(wiring.database)
        self.lease = timedelta(seconds=wiring.settings.lease_seconds)

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


class Announcement:
    """The events of one transaction: `publish` is part of its script, `tell` follows its commit."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        self._wiring = announcer.wiring
        self._token = self._wiring.chance.token() if self._wiring.queue.carries_leases else None
        self._learned: list[tuple[str, FanoutTable]] = []
        self._events: Sequence[NewEvent] = ()
        self._deliveries: list[tuple[int, NewDelivery]] = []

    def publish(self, events: Sequence[NewEvent]) -> Script[None]:
        """Write events with their deliveries."""
        # A script that is carried out once more begins anew.
        self._learned, self._events, self._deliveries = [], events, []
        tables = yield from self._read_tables(sorted({event.workspace_id for event in events}))
        for position, event in enumerate(events):
            table = tables[event.workspace_id]
            event.endpoints_version = table.version
            for endpoint_id in table.receivers(event.type):
                self._deliveries.append((position, self._make_delivery(event, endpoint_id)))
        yield Each(
            INSERT_EVENT, [(e.workspace_id, e.id, e.type, e.body, e.hops, e.created_at) for e in events]
        )
        leased = self._token is not None
        yield Each(
            INSERT_DELIVERY,
            [
                (
                    d.workspace_id, d.id, d.event_id, d.event_type, d.endpoint_id, d.created_at,
                    d.created_at + self._announcer.lease if leased else None, self._token,
                    d.created_at if leased else None,
                )
                for _, d in self._deliveries
            ],
        )  # fmt: skip

    def tell(self) -> None:
        """Hint at the deliveries, after the commit."""
        for workspace_id, table in self._learned:
            self._announcer.fanout.learn(workspace_id, table)
        self._wiring.metrics.events.inc(len(self._events))
        if not self._deliveries:
            return
        if self._token is None:
            self._wiring.queue.give(Look(sorted({d.endpoint_id for _, d in self._deliveries})))
            return
        lease_end = min(event.created_at for event in self._events) + self._announcer.lease
        self._wiring.queue.give(
            BornLeased(
                self._token,
                lease_end.timestamp(),
                [
                    BornEvent(e.workspace_id, e.id, e.type, e.body, e.endpoints_version, e.hops)
                    for e in self._events
                ],
                [BornDelivery(position, d.id, d.endpoint_id) for position, d in self._deliveries],
            )
        )

    def _read_tables(self, workspace_ids: list[str]) -> Script[dict[str, FanoutTable]]:
        """Return the tables of workspaces as they are now."""
        versions = {row[0]: row[1] for row in (yield Fetch(ENDPOINTS_VERSIONS, (workspace_ids,)))}
        tables, stale = {}, []
        for workspace_id, version in versions.items():
            known = self._announcer.fanout.known(workspace_id)
            if known is not None and known.version == version:
                tables[workspace_id] = known
            else:
                stale.append(workspace_id)
        if stale:
            found = defaultdict(list)
            for workspace_id, version, endpoint_id, patterns in (yield Fetch(FANOUT_TABLES, (stale,))):
                versions[workspace_id] = version
                if endpoint_id is not None:
                    found[workspace_id].append((endpoint_id, Subscription.of(orjson.loads(patterns))))
            self._learned = [(id_, FanoutTable(versions[id_], found[id_])) for id_ in stale]
            tables |= dict(self._learned)
        return tables

    def _make_delivery(self, event: NewEvent, endpoint_id: str) -> NewDelivery:
        delivery_id = make_id("dlv", self._wiring.chance.uuid7())
        return NewDelivery(
            event.workspace_id, delivery_id, event.id, event.type, endpoint_id, event.created_at
        )
