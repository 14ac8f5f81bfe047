"""The hot store on PostgreSQL, on connections whose plans fit their statements.

Whoever locks several deliveries and may wait for one of them takes them in the order of their ids, so that no two
wait for each other; arrays are sorted here for that reason.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any

import asyncpg

from app.store.hot.contract import NewDelivery, NewEvent, Settlement, Work
from app.store.hot.postgresql_statements import (
    CLAIM,
    DUE_ENDPOINTS,
    PUBLISH,
    RELEASE,
    RENEW,
    SETTLE,
    VOID_LEASES,
)

# Settling, renewing and releasing may each have a statement under way, and so may batches.
POOL_SIZE = 4

# A stopped database must become an error while the caller still waits.
TIMEOUT_SECONDS = 5.0

# How much longer a statement that has run into the time-out may take to be cancelled.
CANCEL_SECONDS = 1.0


@asynccontextmanager
async def acquire(pool: asyncpg.Pool | None) -> AsyncIterator[Any]:
    """Give a connection of an opened pool; one whose statement could not even be cancelled in time is dropped."""
    if pool is None:
        raise RuntimeError("the hot store was not opened")
    connection = await pool.acquire(timeout=TIMEOUT_SECONDS)
    try:
        yield connection
    finally:
        await pool.release(connection, timeout=CANCEL_SECONDS)


async def fetch(pool: asyncpg.Pool | None, statement: str, *arguments: Any) -> list[Any]:
    """Run a statement in a transaction of its own and return its rows."""
    async with acquire(pool) as connection:
        rows: list[Any] = await connection.fetch(statement, *arguments)
        return rows


async def keep_session(_: Any) -> None:
    """Spare the round trip that undoes session settings when a connection is given back: nothing here makes any."""


# Rows are found through an index, always; compiling a plan costs more than any of these statements.
BY_INDEX = {
    "application_name": "aetherflow",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_mergejoin": "off",
}

# Publishing and settling plan once for each connection, often while the tables are empty, and keep the plan: so
# there must be only one index that it could take. Deliveries are joined to the events just written by a hash.
PUBLISHING = BY_INDEX | {"plan_cache_mode": "force_generic_plan"}
SETTLING = PUBLISHING | {"enable_hashjoin": "off"}

# Claiming has several indexes to choose from, of which a planner that knows no sizes took one that reads all of a
# workspace's events. It comes rarely and brings many rows, so it is planned each time, by the sizes of the day.
CLAIMING = BY_INDEX | {"plan_cache_mode": "force_custom_plan", "enable_hashjoin": "off"}


async def make_pool(dsn: str, settings: dict[str, str]) -> asyncpg.Pool:
    """Return a pool that connects with the first statement."""
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=POOL_SIZE,
        timeout=TIMEOUT_SECONDS,
        command_timeout=TIMEOUT_SECONDS,
        reset=keep_session,
        server_settings=settings,
    )


def publish_arguments(
    events: Sequence[NewEvent],
    deliveries: Sequence[NewDelivery],
    *,
    token: int | None,
    leased_until: datetime | None,
) -> list[Any]:
    """Return what PUBLISH takes."""
    return [
        [e.workspace_id for e in events],
        [e.id for e in events],
        [e.type for e in events],
        [e.body for e in events],
        [e.created_at for e in events],
        [e.endpoints_version for e in events],
        [d.workspace_id for d in deliveries],
        [d.id for d in deliveries],
        [d.event_id for d in deliveries],
        [d.event_type for d in deliveries],
        [d.endpoint_id for d in deliveries],
        [d.created_at for d in deliveries],
        leased_until,
        token,
        [e.hops for e in events],
    ]


class PostgresqlHotStore:
    """See `contract.HotStore`."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._publishing: asyncpg.Pool | None = None
        self._settling: asyncpg.Pool | None = None
        self._claiming: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Make the pools; connections follow with the first statements, so a database may come later."""
        self._publishing = await make_pool(self._dsn, PUBLISHING)
        self._settling = await make_pool(self._dsn, SETTLING)
        self._claiming = await make_pool(self._dsn, CLAIMING)

    async def close(self) -> None:
        """Close the connections."""
        pools = [pool for pool in (self._publishing, self._settling, self._claiming) if pool is not None]
        # A pool that cannot say goodbye, because the database has stopped, cuts its connections.
        await asyncio.gather(*(pool.close() for pool in pools), return_exceptions=True)

    async def publish(
        self,
        events: Sequence[NewEvent],
        deliveries: Sequence[NewDelivery],
        *,
        token: int | None,
        leased_until: datetime | None,
        whole: bool,
    ) -> set[tuple[str, str]]:
        """See `contract.HotStore.publish`."""
        arguments = publish_arguments(events, deliveries, token=token, leased_until=leased_until)
        async with acquire(self._publishing) as connection:
            if not whole:
                return {(row[0], row[1]) for row in await connection.fetch(PUBLISH, *arguments)}
            transaction = connection.transaction()
            await transaction.start()
            try:
                rows = await connection.fetch(PUBLISH, *arguments)
            except BaseException:
                await transaction.rollback()
                raise
            if len(rows) < len(events):
                await transaction.rollback()
                return set()
            await transaction.commit()
            return {(row[0], row[1]) for row in rows}

    async def due_endpoints(self, *, now: datetime, limit: int, after: str = "") -> list[str]:
        """See `contract.HotStore.due_endpoints`."""
        return [row[0] for row in await fetch(self._claiming, DUE_ENDPOINTS, now, limit, after)]

    async def claim(
        self, rooms: Sequence[tuple[str, int]], *, token: int, now: datetime, leased_until: datetime
    ) -> list[Work]:
        """See `contract.HotStore.claim`."""
        rows = await fetch(
            self._claiming, CLAIM, [r[0] for r in rooms], [r[1] for r in rooms], token, now, leased_until
        )
        lease: tuple[Any, ...] = (token, leased_until)
        return [Work(*(*row, *lease)) for row in rows]

    async def settle(self, settlements: Sequence[Settlement]) -> int:
        """See `contract.HotStore.settle`."""
        ordered = sorted(settlements, key=attrgetter("delivery_id"))
        columns = [[getattr(s, name) for s in ordered] for name in Settlement.__struct_fields__]
        rows = await fetch(self._settling, SETTLE, *columns)
        return int(rows[0][0])

    async def renew(self, works: Sequence[Work], *, leased_until: datetime) -> set[str]:
        """See `contract.HotStore.renew`."""
        columns = [[w.workspace_id for w in works], [w.delivery_id for w in works], [w.token for w in works]]
        return {row[0] for row in await fetch(self._settling, RENEW, *columns, leased_until)}

    async def release(self, leases: Sequence[tuple[str, str, int]]) -> None:
        """See `contract.HotStore.release`."""
        ordered = sorted(leases, key=itemgetter(1))
        await fetch(self._settling, RELEASE, *([lease[place] for lease in ordered] for place in range(3)))

    async def void_leases(self) -> None:
        """See `contract.HotStore.void_leases`."""
        await fetch(self._settling, VOID_LEASES)
