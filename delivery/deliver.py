"""Takes deliveries, sends them and has them settled: claim -> send -> settle.

Deliveries come in two ways. A publish hands over what was born under a lease; everything else, a retry that is
due, a delivery whose process died, what had no room before, is claimed from the database. Either way they
wait in their endpoint's lane, and a lane sends as many at a time as its endpoint can take.

1. A delivery is in a lane only under a lease of this process, and `Leases` renews it until it is settled.
2. What a lane has no room for is given back at once, and the lane remembers that there is more.
3. No transaction is open while a request is on the wire.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import assert_never

import structlog

from app.errors import Unavailable
from app.outbound.deliveries import cancel_pending
from app.outbound.gone import settle_gone
from app.queue import BornLeased, Changed, DeliveryHint, Look
from app.rules.lifecycle import Outcome, ResultClass
from app.store.database import is_away
from app.store.hot.contract import Settlement, Work
from app.wiring import Wiring
from delivery.endpoints import EndpointBook, ReadyEndpoint
from delivery.lanes import Lane
from delivery.leases import Leases
from delivery.sender import Sender
from delivery.settling import Settler

# Leased deliveries in memory for each attempt that may be in flight; the rest stays in the database.
HELD_PER_ATTEMPT = 16

# Deliveries in one claim, so that none takes long.
MOST_CLAIMED = 1_000
MOST_CLAIMED_PER_LANE = 200

# Lanes that are kept for their limit's sake although nothing is in them.
MOST_LANES = 20_000

# How long a stop waits for attempts that are in flight.
STOP_SECONDS = 30.0

# How long it then waits for a database that is away.
DRAIN_SECONDS = 5.0

log = structlog.get_logger()


class Deliverer:
    """One process's share of the deliveries."""

    def __init__(self, wiring: Wiring, *, sender: Sender, endpoints: EndpointBook) -> None:
        self._wiring = wiring
        self._hot = wiring.database.hot
        self._sender = sender
        self._endpoints = endpoints
        self._concurrency = wiring.settings.worker_concurrency
        self._most_held = self._concurrency * HELD_PER_ATTEMPT
        self._lease = timedelta(seconds=wiring.settings.lease_seconds)
        self.leases = Leases(self._hot, clock=wiring.clock, lease_seconds=wiring.settings.lease_seconds)
        self._settler = Settler(
            self._hot, metrics=wiring.metrics, settled=self._forget, token_of=self.leases.token_of
        )
        self._lanes: dict[str, Lane] = {}
        self._in_flight: set[asyncio.Task[None]] = set()
        self._busy = 0
        wiring.metrics.in_flight.set_function(lambda: self._busy)
        self._stalled: deque[Lane] = deque()
        self._hungry: dict[str, Lane] = {}
        self._claiming: asyncio.Task[None] | None = None
        self._stopping = False
        # Asked for once, because asking costs a system call.
        self._loop = asyncio.get_running_loop()

    def take(self, hint: DeliveryHint) -> None:
        """Act on a hint. Never waits."""
        if self._stopping:
            return
        match hint:
            case BornLeased():
                self._take_born(hint)
            case Look():
                self.look(hint.endpoint_ids)
            case Changed():
                for workspace_id in hint.workspace_ids:
                    self._endpoints.forget(workspace_id)
            case _:
                assert_never(hint)

    def look(self, endpoint_ids: Iterable[str]) -> None:
        """Claim what is due for these endpoints, as far as there is room."""
        for endpoint_id in endpoint_ids:
            lane = self._lane(endpoint_id)
            lane.backlog = True
            self._feed(lane)

    @property
    def has_room(self) -> bool:
        """Whether it makes sense to take more work; not while results of what was sent cannot be recorded."""
        return not (self._stopping or self._settler.is_behind) and len(self.leases) < self._most_held

    async def stop(self) -> None:
        """Take nothing more, give back what has not begun, let what is in flight end, and settle it."""
        self._stopping = True
        for lane in self._lanes.values():
            self.leases.give_back(lane.waiting)
            lane.waiting.clear()
        if self._claiming is not None:
            await asyncio.wait([self._claiming])
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=STOP_SECONDS)
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._settler.drain()
                await self.leases.drain()
        except TimeoutError:
            # Their leases lapse, and they are sent once more: the promised duplicate of a process that died.
            log.error("stopped_unsettled", deliveries=len(self.leases))

    def _take_born(self, hint: BornLeased) -> None:
        leased_until = datetime.fromtimestamp(hint.leased_until, UTC)
        if leased_until <= self._wiring.clock():
            self.look({delivery.endpoint_id for delivery in hint.deliveries})
            return
        for event in hint.events:
            self._endpoints.note_version(event.workspace_id, event.endpoints_version)
        refused = []
        for delivery in hint.deliveries:
            event = hint.events[delivery.event]
            work = Work(
                event.workspace_id,
                delivery.id,
                event.id,
                event.type,
                delivery.endpoint_id,
                event.body,
                1,
                False,
                False,
                event.hops,
                hint.token,
                leased_until,
            )
            if not self._admit(work):
                refused.append(work)
        self.leases.give_back(refused)

    def _admit(self, work: Work) -> bool:
        """Put a leased delivery into its lane; False when there is no room, so that it has to go back."""
        lane = self._lane(work.endpoint_id)
        if lane.room <= 0 or len(self.leases) >= self._most_held:
            lane.backlog = True
            return False
        self.leases.hold(work)
        lane.waiting.append(work)
        self._pump(lane)
        return True

    def _lane(self, endpoint_id: str) -> Lane:
        lane = self._lanes.get(endpoint_id)
        if lane is None:
            if len(self._lanes) >= MOST_LANES:
                self._lanes = {id_: lane for id_, lane in self._lanes.items() if not lane.idle}
            lane = self._lanes[endpoint_id] = Lane(endpoint_id)
        return lane

    def _pump(self, lane: Lane) -> None:
        """Send from a lane as long as its endpoint and this process have places."""
        while lane.may_send:
            if self._busy >= self._concurrency:
                if not lane.stalled:
                    lane.stalled = True
                    self._stalled.append(lane)
                return
            work = lane.waiting.popleft()
            lane.in_flight += 1
            self._busy += 1
            task = self._loop.create_task(self._perform(lane, work))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)

    async def _perform(self, lane: Lane, work: Work) -> None:
        try:
            result, status_code = await self._attempt(lane, work)
        except Exception as error:
            # The lease lapses, and the delivery is claimed again; a mistake of ours must not stop the lane.
            self.leases.drop(work.delivery_id)
            lane.backlog = True
            if not isinstance(error, Unavailable) and not is_away(error):
                log.exception("attempt_failed", delivery_id=work.delivery_id)
        else:
            if result is not None:
                lane.limit.record(result, work_waits=bool(lane.waiting), status_code=status_code)
                if lane.room < 0:
                    lane.backlog = True
                    self.leases.give_back(lane.shed())
        finally:
            # Before the next one is begun, which may need this very place.
            self._busy -= 1
            lane.in_flight -= 1
            if not self._stopping:
                self._feed(lane)
                self._pump(lane)
                self._pump_stalled()

    async def _attempt(self, lane: Lane, work: Work) -> tuple[ResultClass | None, int | None]:
        """Make an attempt and pass it on to be settled; no result when none was made."""
        endpoint = self._endpoints.find(work.endpoint_id) or await self._endpoints.load(work.endpoint_id)
        if self.leases.has_lapsed(work):
            self.leases.drop(work.delivery_id)
            lane.backlog = True
            return None, None
        if endpoint is None or endpoint.deleted or not (endpoint.enabled or work.test):
            await self._put_aside(lane, work, endpoint)
            return None, None
        if lane.follow(endpoint.concurrency):
            self._pump(lane)
        settlement, outcome = await self._sender.attempt(work, endpoint)
        if outcome is Outcome.FAILED_AND_GONE:
            async with self._wiring.database.write() as tx:
                await settle_gone(tx, settlement, wiring=self._wiring)
            self._endpoints.forget(work.workspace_id)
            self._forget([settlement])
        else:
            self._settler.put(settlement)
        return ResultClass(settlement.result), settlement.status_code

    async def _put_aside(self, lane: Lane, work: Work, endpoint: ReadyEndpoint | None) -> None:
        """Leave a delivery unsent: cancelled when its endpoint was deleted, held while it is disabled."""
        if endpoint is None or endpoint.deleted:
            async with self._wiring.database.write() as tx:
                await cancel_pending(tx, work.endpoint_id, now=self._wiring.clock())
            self.leases.give_back(lane.waiting)
            lane.waiting.clear()
        self.leases.give_back([work])

    def _pump_stalled(self) -> None:
        while self._stalled and self._busy < self._concurrency:
            lane = self._stalled.popleft()
            lane.stalled = False
            self._pump(lane)

    def _feed(self, lane: Lane) -> None:
        """Have more claimed for a lane that runs low."""
        if lane.wants_more and self.has_room:
            self._hungry[lane.endpoint_id] = lane
            if self._claiming is None:
                self._claiming = self._loop.create_task(self._claim())

    async def _claim(self) -> None:
        try:
            while self._hungry and self.has_room:
                await self._claim_some()
        except Exception as error:
            # The next sweep looks again.
            self._hungry.clear()
            if not is_away(error):
                log.exception("claim_failed")
        finally:
            self._claiming = None

    async def _claim_some(self) -> None:
        rooms: dict[str, int] = {}
        left = min(MOST_CLAIMED, self._most_held - len(self.leases))
        while self._hungry and left > 0:
            # The one that has waited longest; what the others become hungry for meanwhile stands behind it.
            endpoint_id = next(iter(self._hungry))
            lane = self._hungry.pop(endpoint_id)
            # It may have been filled since.
            if lane.room <= 0:
                continue
            # A hint that comes during the claim may speak of what the claim does not see.
            lane.backlog = False
            rooms[endpoint_id] = min(lane.room, left, MOST_CLAIMED_PER_LANE)
            left -= rooms[endpoint_id]
        now = self._wiring.clock()
        works = await self._hot.claim(
            list(rooms.items()),
            token=self._wiring.chance.token(),
            now=now,
            leased_until=now + self._lease,
        )
        counts = dict.fromkeys(rooms, 0)
        refused = []
        for work in works:
            counts[work.endpoint_id] += 1
            # What is in hand already was claimed because its lease lapsed here; one try of it is enough.
            if self.leases.take_over(work):
                continue
            if self._stopping or not self._admit(work):
                refused.append(work)
        self.leases.give_back(refused)
        for endpoint_id, count in counts.items():
            lane = self._lane(endpoint_id)
            lane.backlog = lane.backlog or count == rooms[endpoint_id]
            self._feed(lane)

    def _forget(self, settlements: Sequence[Settlement]) -> None:
        for settlement in settlements:
            self.leases.drop(settlement.delivery_id)
