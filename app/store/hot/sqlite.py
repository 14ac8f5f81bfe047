"""The hot statements on SQLite, carried out by the one writer thread.

Python gives up its interpreter lock around every step of a statement, and under load it may wait long to
get it back. So rows travel together: values that JSON can hold as one JSON array that `json_each` unpacks,
blobs as VALUES lists of a few fixed lengths, results as one JSON text.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import orjson

from app.store.columns import to_microseconds
from app.store.hot.contract import NewDelivery, NewEvent, Settlement, Work
from app.store.hot.sqlite_statements import (
    CLAIM,
    CLAIMABLE,
    CLAIMED,
    DUE_ENDPOINTS,
    HELD,
    INSERT_ATTEMPTS,
    INSERT_DELIVERIES,
    INSERT_EVENTS,
    KNOWN_EVENTS,
    LOST,
    SET_LEASES,
    SETTLE,
    VERSIONS,
    VOID_LEASES,
)
from app.store.hot.writer import Writer

# Lengths of VALUES lists: few, so that their prepared statements stay cached.
CHUNKS = (64, 16, 4, 1)


@cache
def values_list(columns: int, rows: int) -> str:
    """Return the text after VALUES for so many rows."""
    row = f"({','.join('?' * columns)})"
    return ",".join([row] * rows)


def insert_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows that hold blobs, in as few steps as a handful of prepared statements allows."""
    start = 0
    for length in CHUNKS:
        while len(rows) - start >= length:
            chunk = rows[start : start + length]
            connection.execute(
                statement + values_list(len(chunk[0]), length), [v for row in chunk for v in row]
            )
            start += length


def read_json(connection: sqlite3.Connection, statement: str, *arguments: Any) -> Any:
    """Return what a statement that yields one JSON text says."""
    return orjson.loads(connection.execute(statement, *arguments).fetchone()[0])


def publish_rows(
    connection: sqlite3.Connection,
    events: Sequence[NewEvent],
    deliveries: Sequence[NewDelivery],
    *,
    token: int | None,
    leased_until: datetime | None,
    whole: bool,
) -> set[tuple[str, str]]:
    """Publish in a transaction that has begun: see `contract.HotStore.publish`."""
    versions = read_json(connection, VERSIONS, [to_json({e.workspace_id for e in events})])
    known = read_json(connection, KNOWN_EVENTS, [to_json((e.workspace_id, e.id) for e in events)])
    known_ids = {(workspace_id, event_id) for workspace_id, event_id in known}
    fresh = [
        e
        for e in events
        if versions.get(e.workspace_id) == e.endpoints_version and (e.workspace_id, e.id) not in known_ids
    ]
    if whole and len(fresh) < len(events):
        return set()
    written = {(e.workspace_id, e.id) for e in fresh}
    insert_rows(
        connection,
        INSERT_EVENTS,
        [(e.workspace_id, e.id, e.type, e.body, e.hops, to_microseconds(e.created_at)) for e in fresh],
    )
    rows = to_json(
        (d.workspace_id, d.id, d.event_id, d.event_type, d.endpoint_id, to_microseconds(d.created_at))
        for d in deliveries
        if (d.workspace_id, d.event_id) in written
    )
    until = leased_until and to_microseconds(leased_until)
    connection.execute(INSERT_DELIVERIES, {"rows": rows, "until": until, "token": token})
    return written


class SqliteHotStore:
    """See `contract.HotStore`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def open(self) -> None:
        """Start the writer."""
        await self._writer.open()

    async def close(self) -> None:
        """Stop the writer after its last commit."""
        await self._writer.close()

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

        return await self._writer.run(
            lambda connection: publish_rows(
                connection, events, deliveries, token=token, leased_until=leased_until, whole=whole
            )
        )

    async def due_endpoints(self, *, now: datetime, limit: int, after: str = "") -> list[str]:
        """See `contract.HotStore.due_endpoints`."""

        def find(connection: sqlite3.Connection) -> list[str]:
            asked = {"now": to_microseconds(now), "limit": limit, "after": after}
            rows = connection.execute(DUE_ENDPOINTS, asked)
            return [row[0] for row in rows]

        return await self._writer.run(find)

    async def claim(
        self, rooms: Sequence[tuple[str, int]], *, token: int, now: datetime, leased_until: datetime
    ) -> list[Work]:
        """See `contract.HotStore.claim`."""

        def claim(connection: sqlite3.Connection) -> Any:
            moment, until = to_microseconds(now), to_microseconds(leased_until)
            found: list[int] = []
            for endpoint_id, room in rooms:
                asked = {"endpoint": endpoint_id, "room": room, "now": moment}
                found += read_json(connection, CLAIMABLE, asked)
            rows = to_json(found)
            connection.execute(CLAIM, {"rows": rows, "token": token, "until": until, "now": moment})
            return read_json(connection, CLAIMED, {"rows": rows})

        return list(read_works(await self._writer.run(claim), token, leased_until))

    async def settle(self, settlements: Sequence[Settlement]) -> int:
        """See `contract.HotStore.settle`."""

        def settle(connection: sqlite3.Connection) -> int:
            leases = to_json((s.workspace_id, s.delivery_id, s.token) for s in settlements)
            counted = [settlements[place] for place in read_json(connection, HELD, [leases])]
            connection.execute(SETTLE, [to_json(delivery_values(s) for s in counted)])
            insert_rows(connection, INSERT_ATTEMPTS, [attempt_values(s) for s in counted])
            return len(counted)

        return await self._writer.run(settle)

    async def renew(self, works: Sequence[Work], *, leased_until: datetime) -> set[str]:
        """See `contract.HotStore.renew`."""
        rows = to_json((w.workspace_id, w.delivery_id, w.token) for w in works)

        def renew(connection: sqlite3.Connection) -> set[str]:
            connection.execute(SET_LEASES, {"rows": rows, "until": to_microseconds(leased_until)})
            return set(read_json(connection, LOST, [rows]))

        return await self._writer.run(renew)

    async def release(self, leases: Sequence[tuple[str, str, int]]) -> None:
        """See `contract.HotStore.release`."""
        rows = to_json(leases)
        await self._writer.run(
            lambda connection: connection.execute(SET_LEASES, {"rows": rows, "until": None}).rowcount
        )

    async def void_leases(self) -> None:
        """See `contract.HotStore.void_leases`."""
        await self._writer.run(lambda connection: connection.execute(VOID_LEASES).rowcount)


def to_json(rows: Iterable[Any]) -> str:
    """Return rows as one JSON array."""
    return orjson.dumps(list(rows)).decode()


def delivery_values(s: Settlement) -> tuple[Any, ...]:
    """Return what SETTLE unpacks."""
    finished = s.finished_at and to_microseconds(s.finished_at)
    due, started = to_microseconds(s.due_at), to_microseconds(s.started_at)
    return (s.workspace_id, s.delivery_id, s.token, s.number, s.status, s.reason, due, finished, started)


def attempt_values(s: Settlement) -> tuple[Any, ...]:
    """Return a row of INSERT_ATTEMPTS."""
    return (
        s.delivery_id,
        s.number,
        s.workspace_id,
        to_microseconds(s.started_at),
        s.result,
        s.error,
        s.status_code,
        s.connect_ms,
        s.tls_ms,
        s.first_byte_ms,
        s.duration_ms,
        s.peer,
        s.key_id,
        s.request_headers,
        s.response_headers,
        s.response_body,
        s.response_truncated,
    )


def read_works(rows: list[list[Any]], token: int, leased_until: datetime) -> Iterator[Work]:
    """Turn the rows of CLAIMED into works."""
    for (
        workspace_id,
        delivery_id,
        event_id,
        event_type,
        endpoint_id,
        body,
        number,
        single_try,
        test,
        hops,
    ) in rows:
        yield Work(
            workspace_id=workspace_id,
            delivery_id=delivery_id,
            event_id=event_id,
            event_type=event_type,
            endpoint_id=endpoint_id,
            body=body.encode(),
            number=number,
            single_try=bool(single_try),
            test=bool(test),
            hops=hops,
            token=token,
            leased_until=leased_until,
        )
