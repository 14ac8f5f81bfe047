"""Publishing: an event and all its deliveries in one commit, many callers to a commit.

1. Publications that come while a commit is under way go into the next one together; nobody waits for a timer.
2. Each caller is answered after the COMMIT that holds its event, and hints go out after it too.
3. The database refuses what was fanned out by a stale table or has an id that exists. Both are rare, so they
   are looked into afterwards, one by one.
4. When a hint will find a worker, deliveries are born leased: the transaction writes the lease, the hint
   carries what sending needs, and the happy path reads nothing. Otherwise the sweep finds them.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.errors import InternalError, Unavailable
from app.outbound.drafts import Draft, Publication, Published
from app.outbound.envelopes import compose_body, format_timestamp
from app.outbound.fanout import Fanout, FanoutTable
from app.outbound.known_events import settle_known
from app.queue import BornDelivery, BornEvent, BornLeased, Look, Queue
from app.rules.ids import make_id
from app.store.database import Database, is_away, unavailable_when_away
from app.store.hot.contract import NewDelivery, NewEvent
from app.telemetry import Metrics
from app.wiring import Chance

# Deliveries in one commit: beyond this a longer statement saves nothing and keeps everybody waiting.
MOST_DELIVERIES = 2_000

# Commits begin at least so far apart. A publish that comes alone waits for nothing; from some hundred a second on
# they gather, which saves a statement, a commit and a hint for each that joins another.
APART_SECONDS = 0.002

# How often a fan-out is repeated because endpoints changed meanwhile, before it is called a bug.
MOST_REPETITIONS = 20


class Publisher:
    """Publishes for the callers of this process."""

    def __init__(
        self,
        database: Database,
        *,
        fanout: Fanout,
        queue: Queue,
        metrics: Metrics,
        clock: Callable[[], datetime],
        chance: Chance,
        lease_seconds: float,
    ) -> None:
        self._database = database
        self._fanout = fanout
        self._queue = queue
        self._metrics = metrics
        self._clock = clock
        self._chance = chance
        self._lease = timedelta(seconds=lease_seconds)
        self._waiting: list[tuple[Draft, asyncio.Future[Published]]] = []
        self._committing: asyncio.Task[None] | None = None
        self._committed_at = 0.0
        # Asked for once, because asking costs a system call.
        self._loop = asyncio.get_running_loop()
        self._background: set[asyncio.Task[None]] = set()
        queue.on_refusal(self._give_back)

    def draft(self, given: Publication) -> Draft:
        """Fill in what the caller left to us and compose the body."""
        now = self._clock()
        event_id = given.id or make_id("evt", self._chance.uuid7())
        timestamp = given.timestamp or format_timestamp(now)
        body = compose_body(event_type=given.type, event_id=event_id, timestamp=timestamp, data=given.data)
        return Draft(given, event_id, timestamp, body, now)

    async def publish(self, draft: Draft) -> Published:
        """Commit one event with its deliveries, together with whoever else publishes now.

        Raises:
            Conflict: the id belongs to an event with other content.
            Unavailable: the database is away; nothing was written.
        """
        future: asyncio.Future[Published] = self._loop.create_future()
        self._waiting.append((draft, future))
        if self._committing is None:
            self._committing = self._loop.create_task(self._commit_waiting())
        return await future

    async def publish_batch(self, drafts: Sequence[Draft]) -> list[Published]:
        """Commit events of one workspace with their deliveries, all or none.

        Raises:
            Conflict: an id belongs to an event with other content; `problems` names each.
            Unavailable: the database is away; nothing was written.
        """
        missing = list(drafts)
        for _ in range(MOST_REPETITIONS):
            if missing := await settle_known(self._database, missing):
                await self._write(missing, whole=True)
                missing = [draft for draft in missing if draft.published is None]
            if not missing:
                return [draft.published for draft in drafts if draft.published is not None]
            await self._fanout.read(missing[0].given.workspace_id)
        raise InternalError("Endpoints changed faster than a batch could be fanned out.")

    async def _commit_waiting(self) -> None:
        try:
            while self._waiting:
                await self._keep_apart()
                group = self._take_group()
                try:
                    await self._write([draft for draft, _ in group], whole=False)
                except Exception as error:
                    if isinstance(error, Unavailable):
                        # Whoever came meanwhile has waited as long, and would wait as long again.
                        group, self._waiting = group + self._waiting, []
                    for _, future in group:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for draft, future in group:
                    if draft.published is None:
                        self._start(self._look_into(draft, future))
                    elif not future.done():
                        future.set_result(draft.published)
        finally:
            self._committing = None

    async def _keep_apart(self) -> None:
        pause = self._committed_at + APART_SECONDS - self._loop.time()
        if pause > 0:
            await asyncio.sleep(pause)
        self._committed_at = self._loop.time()

    def _take_group(self) -> list[tuple[Draft, asyncio.Future[Published]]]:
        """Take what fits into one statement, in which no id may stand twice."""
        group: dict[tuple[str, str], tuple[Draft, asyncio.Future[Published]]] = {}
        left = []
        size = 0
        for entry in self._waiting:
            given = entry[0].given
            key = (given.workspace_id, entry[0].id)
            if key in group or size >= MOST_DELIVERIES:
                left.append(entry)
            else:
                group[key] = entry
                table = self._fanout.known(given.workspace_id)
                size += 1 + (0 if table is None else len(table.receivers(given.type)))
        self._waiting = left
        return list(group.values())

    async def _look_into(self, draft: Draft, future: asyncio.Future[Published]) -> None:
        """Answer a caller whose event the database refused: its fan-out was stale, or it exists."""
        try:
            tried = draft.endpoints_version
            table = await self._fanout.renew(draft.given.workspace_id, unlike=tried)
            if table.version != tried or await settle_known(self._database, [draft]):
                published = await self.publish(draft)
            else:
                published = draft.published  # type: ignore[assignment]
        except Exception as error:
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(published)

    async def _write(self, drafts: Sequence[Draft], *, whole: bool) -> None:
        """Run one transaction, mark what it wrote as published and give the hint."""
        tables: dict[str, FanoutTable] = {}
        for draft in drafts:
            workspace_id = draft.given.workspace_id
            if workspace_id not in tables:
                known = self._fanout.known(workspace_id)
                tables[workspace_id] = known or await self._fanout.read(workspace_id)
        events, deliveries, hint = self._fan_out(drafts, tables)
        leased = self._queue.carries_leases
        with unavailable_when_away():
            written = await self._database.hot.publish(
                events,
                deliveries,
                token=hint.token if leased else None,
                leased_until=events[0].created_at + self._lease if leased else None,
                whole=whole,
            )
        for draft, event in zip(drafts, events, strict=True):
            if (event.workspace_id, event.id) in written:
                count = len(tables[event.workspace_id].receivers(event.type))
                draft.published = Published(draft.id, event.type, draft.timestamp, count)
        self._metrics.events.inc(len(written))
        if leased and written:
            self._give(hint, written)

    def _fan_out(
        self, drafts: Sequence[Draft], tables: dict[str, FanoutTable]
    ) -> tuple[list[NewEvent], list[NewDelivery], BornLeased]:
        """Work out the rows of events and deliveries, and the hint that speaks of them."""
        now = self._clock()
        events: list[NewEvent] = []
        deliveries: list[NewDelivery] = []
        hint = BornLeased(self._chance.token(), (now + self._lease).timestamp(), [], [])
        for position, draft in enumerate(drafts):
            workspace_id, event_type = draft.given.workspace_id, draft.given.type
            table = tables[workspace_id]
            draft.created_at, draft.endpoints_version = now, table.version
            events.append(NewEvent(workspace_id, draft.id, event_type, draft.body, now, table.version))
            hint.events.append(BornEvent(workspace_id, draft.id, event_type, draft.body, table.version))
            for endpoint_id in table.receivers(event_type):
                delivery_id = make_id("dlv", self._chance.uuid7())
                deliveries.append(
                    NewDelivery(workspace_id, delivery_id, draft.id, event_type, endpoint_id, now)
                )
                hint.deliveries.append(BornDelivery(position, delivery_id, endpoint_id))
        return events, deliveries, hint

    def _give(self, hint: BornLeased, written: set[tuple[str, str]]) -> None:
        if len(written) < len(hint.events):
            kept = {n for n, e in enumerate(hint.events) if (e.workspace_id, e.id) in written}
            hint.deliveries = [d for d in hint.deliveries if d.event in kept]
        if hint.deliveries:
            self._queue.give(hint)

    def _give_back(self, hints: Sequence[BornLeased]) -> None:
        """Release the leases of hints that reached nobody, so that a sweep need not wait for their end."""
        leases = [
            (hint.events[delivery.event].workspace_id, delivery.id, hint.token)
            for hint in hints
            for delivery in hint.deliveries
        ]
        if leases:
            free = Look(sorted({delivery.endpoint_id for hint in hints for delivery in hint.deliveries}))
            self._start(self._release(leases, free))

    async def _release(self, leases: list[tuple[str, str, int]], free: Look) -> None:
        try:
            await self._database.hot.release(leases)
        except Exception as error:
            # They lapse by themselves.
            if not is_away(error):
                raise
        else:
            # Not earlier, because whoever looks at once would find them leased.
            self._queue.give(free)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
