"""What the database says of deliveries and attempts, read past the service."""

import asyncio
import sqlite3
from collections.abc import Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

SQLITE = "sqlite:///"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DELIVERIES = "SELECT id, event_id, endpoint_id, status, attempt_count FROM deliveries"
ATTEMPTS = "SELECT delivery_id, number, result, started_at FROM attempts ORDER BY delivery_id, number"
PENDING = "SELECT endpoint_id FROM deliveries WHERE status = 'pending'"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One recorded try."""

    number: int
    result: str
    started_ns: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery with its attempts in order."""

    id: str
    event_id: str
    endpoint_id: str
    status: str
    attempt_count: int
    attempts: list[Attempt] = field(default_factory=list)


def read_deliveries(database_url: str) -> dict[str, Delivery]:
    """Return every delivery by its id."""
    found, tried = read(database_url, [DELIVERIES, ATTEMPTS])
    deliveries = {row[0]: Delivery(*row) for row in found}
    for delivery_id, number, result, started_at in tried:
        deliveries[delivery_id].attempts.append(Attempt(number, result, to_ns(started_at)))
    return deliveries


def is_settled(database_url: str, endpoint_ids: Container[str]) -> bool:
    """Whether no delivery to these endpoints is pending."""
    [pending] = read(database_url, [PENDING])
    return not any(row[0] in endpoint_ids for row in pending)


def read(database_url: str, queries: Sequence[str]) -> list[list[Any]]:
    """Return the rows of each query; all see the same moment."""
    if database_url.startswith(SQLITE):
        connection = sqlite3.connect(database_url.removeprefix(SQLITE), isolation_level=None)
        try:
            connection.execute("BEGIN")
            return [connection.execute(query).fetchall() for query in queries]
        finally:
            connection.close()
    # A thread of its own, because the calling one may have an event loop that runs.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, read_postgresql(database_url, queries)).result()


async def read_postgresql(database_url: str, queries: Sequence[str]) -> list[list[Any]]:
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return [[tuple(row) for row in await connection.fetch(query)] for query in queries]
    finally:
        await connection.close()


def to_ns(moment: datetime | int) -> int:
    """Return nanoseconds since 1970; SQLite keeps microseconds."""
    microseconds = moment if isinstance(moment, int) else (moment - EPOCH) // timedelta(microseconds=1)
    return microseconds * 1_000
