"""The hot statements on SQLite, carried out by the one writer thread.

Python gives up its interpreter lock around every step of a statement, and under load it may wait long to
get it back. So rows travel together: values that JSON can hold as one JSON array that `json_each` unpacks,
blobs as VALUES lists of a few fixed lengths, results as one JSON text.
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from app.store.columns import to_microseconds
from app.store.hot.contract import NewDelivery, NewEvent, Settlement, Work
from app.store.hot.writer import Writer

# Lengths of VALUES lists: few, so that their prepared statements stay cached.
CHUNKS = (64, 16, 4, 1)

VERSIONS = """
SELECT json_group_object(id, endpoints_version) FROM workspaces WHERE id IN (SELECT value FROM json_each(?))
"""

KNOWN_EVENTS = """
SELECT json_group_array(json_array(e.workspace_id, e.id)) FROM json_each(?) i CROSS JOIN events e
WHERE e.workspace_id = json_extract(i.value, '$[0]') AND e.id = json_extract(i.value, '$[1]')
"""

INSERT_EVENTS = "INSERT INTO events (workspace_id, id, type, body, created_at) VALUES "

INSERT_DELIVERIES = """
INSERT INTO deliveries (workspace_id, id, event_id, event_type, endpoint_id, status, attempt_count, single_try,
                        test, due_at, created_at, leased_until, lease_token, claimed_at)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), 'pending', 0, 0,
       0, json_extract(value, '$[5]'), json_extract(value, '$[5]'), :until, :token,
       CASE WHEN :token IS NOT NULL THEN json_extract(value, '$[5]') END
FROM json_each(:rows)
"""

# Hops from endpoint to endpoint through the index of pending rows instead of reading all of them. A disabled endpoint
# may hold very many, so its tests are looked for in their own index.
DUE_ENDPOINTS = """
WITH RECURSIVE hop (endpoint_id) AS (
    SELECT min(endpoint_id) FROM deliveries WHERE status = 'pending'
    UNION ALL
    SELECT (SELECT min(d.endpoint_id) FROM deliveries d
            WHERE d.status = 'pending' AND d.endpoint_id > hop.endpoint_id)
    FROM hop WHERE hop.endpoint_id IS NOT NULL
)
SELECT e.id FROM hop JOIN endpoints e ON e.id = hop.endpoint_id
WHERE ((e.enabled OR e.deleted_at IS NOT NULL)
       AND EXISTS (SELECT 1 FROM deliveries d WHERE d.endpoint_id = e.id AND d.status = 'pending' AND d.due_at <= :now
                   AND (d.leased_until IS NULL OR d.leased_until <= :now)))
   OR EXISTS (SELECT 1 FROM deliveries t INDEXED BY ix_deliveries_test
              WHERE t.endpoint_id = e.id AND t.status = 'pending' AND t.test AND t.due_at <= :now
              AND (t.leased_until IS NULL OR t.leased_until <= :now))
LIMIT :limit
"""

# The longest due rows of one endpoint.
CLAIMABLE = """
SELECT json_group_array(row) FROM (
    SELECT d.rowid AS row FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id
    WHERE d.endpoint_id = :endpoint AND d.status = 'pending' AND d.due_at <= :now
      AND (d.leased_until IS NULL OR d.leased_until <= :now)
      AND (e.enabled OR e.deleted_at IS NOT NULL OR d.test)
    ORDER BY d.due_at LIMIT :room
)
"""

CLAIM = """
UPDATE deliveries SET lease_token = :token, leased_until = :until, claimed_at = coalesce(claimed_at, :now)
WHERE rowid IN (SELECT value FROM json_each(:rows))
"""

# By their rows and not by their token: no index leads to that, and an endpoint may have a million pending.
CLAIMED = """
SELECT json_group_array(json_array(workspace_id, id, event_id, event_type, endpoint_id, body, number, single_try, test))
FROM (
    SELECT d.workspace_id, d.id, d.event_id, d.event_type, d.endpoint_id, CAST(e.body AS TEXT) AS body,
           d.attempt_count + 1 AS number, d.single_try, d.test
    FROM json_each(:rows) i CROSS JOIN deliveries d ON d.rowid = i.value
    JOIN events e ON e.workspace_id = d.workspace_id AND e.id = d.event_id
    ORDER BY d.due_at, d.id
)
"""

# Positions of those of (workspace id, delivery id, token) whose lease still holds.
HELD = """
SELECT json_group_array(i.key) FROM json_each(?) i CROSS JOIN deliveries d
WHERE d.workspace_id = json_extract(i.value, '$[0]') AND d.id = json_extract(i.value, '$[1]')
  AND d.lease_token = json_extract(i.value, '$[2]')
"""

# Ids of those of (workspace id, delivery id, token) that are lost to the caller, or have ended.
LOST = """
SELECT json_group_array(json_extract(i.value, '$[1]')) FROM json_each(?) i LEFT JOIN deliveries d
ON d.workspace_id = json_extract(i.value, '$[0]') AND d.id = json_extract(i.value, '$[1]')
WHERE d.lease_token IS NOT json_extract(i.value, '$[2]') OR d.status <> 'pending'
"""

SETTLE = """
UPDATE deliveries
SET attempt_count = i.number, leased_until = NULL, lease_token = NULL,
    first_attempt_at = coalesce(first_attempt_at, i.started_at),
    status = iif(deliveries.status = 'pending', i.status, deliveries.status),
    reason = iif(deliveries.status = 'pending', i.reason, deliveries.reason),
    due_at = iif(deliveries.status = 'pending', i.due_at, deliveries.due_at),
    finished_at = iif(deliveries.status = 'pending', i.finished_at, deliveries.finished_at)
FROM (
    SELECT json_extract(value, '$[0]') AS workspace_id, json_extract(value, '$[1]') AS id,
           json_extract(value, '$[2]') AS token, json_extract(value, '$[3]') AS number,
           json_extract(value, '$[4]') AS status, json_extract(value, '$[5]') AS reason,
           json_extract(value, '$[6]') AS due_at, json_extract(value, '$[7]') AS finished_at,
           json_extract(value, '$[8]') AS started_at
    FROM json_each(?)
) i
WHERE deliveries.workspace_id = i.workspace_id AND deliveries.id = i.id AND deliveries.lease_token = i.token
"""

INSERT_ATTEMPTS = """
INSERT INTO attempts (delivery_id, number, workspace_id, started_at, result, error, status_code, connect_ms,
                      tls_ms, first_byte_ms, duration_ms, peer, key_id, request_headers,
                      response_headers, response_body, response_truncated) VALUES """

SET_LEASES = """
UPDATE deliveries SET leased_until = :until, lease_token = iif(:until IS NULL, NULL, lease_token)
FROM (SELECT json_extract(value, '$[0]') AS workspace_id, json_extract(value, '$[1]') AS id,
             json_extract(value, '$[2]') AS token FROM json_each(:rows)) i
WHERE deliveries.workspace_id = i.workspace_id AND deliveries.id = i.id AND deliveries.lease_token = i.token
"""

VOID_LEASES = """
UPDATE deliveries SET leased_until = NULL, lease_token = NULL WHERE status = 'pending' AND lease_token IS NOT NULL
"""


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


class SqliteHotStore:
    """See `contract.HotStore`."""

    def __init__(self, path: Path, turn: asyncio.Lock) -> None:
        self._writer = Writer(path, turn)

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

        def publish(connection: sqlite3.Connection) -> set[tuple[str, str]]:
            versions = read_json(connection, VERSIONS, [to_json({e.workspace_id for e in events})])
            known = read_json(connection, KNOWN_EVENTS, [to_json((e.workspace_id, e.id) for e in events)])
            known_ids = {(workspace_id, event_id) for workspace_id, event_id in known}
            fresh = [
                e
                for e in events
                if versions.get(e.workspace_id) == e.endpoints_version
                and (e.workspace_id, e.id) not in known_ids
            ]
            if whole and len(fresh) < len(events):
                return set()
            written = {(e.workspace_id, e.id) for e in fresh}
            insert_rows(
                connection,
                INSERT_EVENTS,
                [(e.workspace_id, e.id, e.type, e.body, to_microseconds(e.created_at)) for e in fresh],
            )
            rows = to_json(
                (d.workspace_id, d.id, d.event_id, d.event_type, d.endpoint_id, to_microseconds(d.created_at))
                for d in deliveries
                if (d.workspace_id, d.event_id) in written
            )
            until = leased_until and to_microseconds(leased_until)
            connection.execute(INSERT_DELIVERIES, {"rows": rows, "until": until, "token": token})
            return written

        return await self._writer.run(publish)

    async def due_endpoints(self, *, now: datetime, limit: int) -> list[str]:
        """See `contract.HotStore.due_endpoints`."""

        def find(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute(DUE_ENDPOINTS, {"now": to_microseconds(now), "limit": limit})
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
    for workspace_id, delivery_id, event_id, event_type, endpoint_id, body, number, single_try, test in rows:
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
            token=token,
            leased_until=leased_until,
        )
