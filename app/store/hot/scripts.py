"""Transactions written once for both databases.

A script is a generator: it yields statements and gets their rows back. On PostgreSQL a driver awaits each of them
in one transaction, on SQLite the writer thread carries them out in its group commit. Statements are written for
PostgreSQL, with `$1` for what is bound; `to_sqlite` says what SQLite says differently.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, Protocol, TypeVar

import asyncpg
import orjson

from app.store.columns import from_microseconds, to_microseconds
from app.store.hot.contract import NewDelivery, NewEvent
from app.store.hot.postgresql import BY_INDEX, acquire, make_pool, publish_arguments
from app.store.hot.postgresql_statements import PUBLISH
from app.store.hot.sqlite import publish_rows
from app.store.hot.writer import Writer

T = TypeVar("T")

# Each statement finds its rows by one index that it could take, so it may be planned once. With bitmaps a planner
# that knows no sizes adds another index to it, and reads that one from end to end.
SETTINGS = BY_INDEX | {"plan_cache_mode": "force_generic_plan", "enable_bitmapscan": "off"}


class Fetch(NamedTuple):
    """A statement whose rows are wanted."""

    statement: str
    arguments: tuple[Any, ...]


class Each(NamedTuple):
    """A statement that is carried out for each row of values; none, if there is none."""

    statement: str
    rows: Sequence[tuple[Any, ...]]


class Publish(NamedTuple):
    """Events that are published with their deliveries, as `contract.HotStore.publish` does; (workspace id, event id) of
    those that were written come back.
    """

    events: Sequence[NewEvent]
    deliveries: Sequence[NewDelivery]
    token: int | None
    leased_until: datetime | None


Step = Fetch | Each | Publish
Script = Generator[Step, list[Any], T]


def read_instant(value: Any) -> datetime:
    """Return a time that a script fetched, of whichever database."""
    return value if isinstance(value, datetime) else from_microseconds(value)


class ScriptRunner(Protocol):
    """Carries scripts out, each in one transaction."""

    async def run(self, make_script: Callable[[], Script[T]]) -> T:
        """Return what the script returns, once it is committed."""


class PostgresqlScripts:
    """Carries scripts out on connections of its own."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Make the pool; connections follow with the first script."""
        self._pool = await make_pool(self._dsn, SETTINGS)

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            # A pool that cannot say goodbye, because the database has stopped, cuts its connections.
            await asyncio.gather(self._pool.close(), return_exceptions=True)

    async def run(self, make_script: Callable[[], Script[T]]) -> T:
        """See `ScriptRunner.run`."""
        script = make_script()
        async with acquire(self._pool) as connection, connection.transaction():
            try:
                step = next(script)
                while True:
                    step = script.send(await take_step(connection, step))
            except StopIteration as end:
                value: T = end.value
        return value


async def take_step(connection: Any, step: Step) -> list[Any]:
    """Carry out a step on PostgreSQL and return its rows."""
    match step:
        case Fetch():
            return list(await connection.fetch(step.statement, *step.arguments))
        case Each():
            if step.rows:
                await connection.executemany(step.statement, step.rows)
            return []
        case Publish():
            arguments = publish_arguments(
                step.events, step.deliveries, token=step.token, leased_until=step.leased_until
            )
            return [tuple(row) for row in await connection.fetch(PUBLISH, *arguments)]


class SqliteScripts:
    """Carries scripts out in the writer's thread, in its group commits."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def run(self, make_script: Callable[[], Script[T]]) -> T:
        """See `ScriptRunner.run`. The script may be made twice, when another one of the group fails."""
        return await self._writer.run(lambda connection: carry_out(connection, make_script()))


def carry_out(connection: sqlite3.Connection, script: Script[T]) -> T:
    """Carry a script out in a transaction that has begun."""
    try:
        step = next(script)
        while True:
            step = script.send(take_sqlite_step(connection, step))
    except StopIteration as end:
        value: T = end.value
        return value


def take_sqlite_step(connection: sqlite3.Connection, step: Step) -> list[Any]:
    """Carry out a step on SQLite and return its rows."""
    match step:
        case Fetch():
            return connection.execute(to_sqlite(step.statement), bind(step.arguments)).fetchall()
        case Each():
            if step.rows:
                connection.executemany(to_sqlite(step.statement), [bind(row) for row in step.rows])
            return []
        case Publish():
            published = publish_rows(
                connection,
                step.events,
                step.deliveries,
                token=step.token,
                leased_until=step.leased_until,
                whole=False,
            )
            return list(published)


def bind(values: Sequence[Any]) -> list[Any]:
    """Return values as SQLite takes them."""
    return [bind_value(value) for value in values]


def bind_value(value: Any) -> Any:
    """Return microseconds for a time and JSON for a list."""
    if isinstance(value, datetime):
        return to_microseconds(value)
    return orjson.dumps(value).decode() if isinstance(value, list) else value


@cache
def to_sqlite(statement: str) -> str:
    """Return a statement in SQLite's words: it has no arrays, no types of what is bound, and one writer at a time."""
    statement = re.sub(r"= ANY\(\$(\d+)\)", r"IN (SELECT value FROM json_each($\1))", statement)
    statement = re.sub(r"\$(\d+)(::\w+)?", r"?\1", statement)
    return re.sub(r"FOR (UPDATE|SHARE)( SKIP LOCKED)?", "", statement)
