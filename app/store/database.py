"""The database: transactions on it, and what its absence looks like.

A verb gets a `Tx` and never commits. `Database.write` commits when the block ends and only then gives the
hints that verbs left, so a hint never speaks of rows that nobody can see, and none is given for a rollback.

SQLite transactions that write begin with BEGIN IMMEDIATE: one that reads first and upgrades later fails when
another writer came in between. Within the process writers queue for `turn`; see `app.store.hot.writer`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from app.errors import Misconfigured, Unavailable
from app.queue import Changed, Look, Queue, RequestsAnswered, SessionsDue, SessionsWoken
from app.store.address import Address
from app.store.hot.contract import HotStore
from app.store.hot.postgresql import TIMEOUT_SECONDS, PostgresqlHotStore
from app.store.hot.scripts import PostgresqlScripts, SqliteScripts
from app.store.hot.sessions import SessionStore
from app.store.hot.sqlite import SqliteHotStore
from app.store.hot.writer import BUSY_MILLISECONDS, Writer

RETRY_AFTER = {"Retry-After": "2"}


class Tx(AsyncSession):
    """A transaction. Verbs take it first and never commit it."""

    def hint(self, endpoint_id: str) -> None:
        """Say that there is due work for this endpoint, once the transaction has committed."""
        self.info.setdefault("looks", set()).add(endpoint_id)

    def hint_change(self, workspace_id: str) -> None:
        """Say that endpoints of this workspace have changed, once the transaction has committed."""
        self.info.setdefault("changes", set()).add(workspace_id)

    def hint_sessions_due(self) -> None:
        """Say that there are sessions to take up, once the transaction has committed."""
        self.info["sessions_due"] = True

    def hint_woken(self, session_id: str) -> None:
        """Say that a session has something to look at, or is to stop, once the transaction has committed."""
        self.info.setdefault("woken", set()).add(session_id)

    def hint_answered(self, request_id: str) -> None:
        """Say that whoever waits for a request's answer has one, once the transaction has committed."""
        self.info.setdefault("answered", set()).add(request_id)

    def give_hints(self, queue: Queue) -> None:
        """Pass on what was said, after the commit."""
        if changes := self.info.get("changes"):
            queue.give(Changed(sorted(changes)))
        if looks := self.info.get("looks"):
            queue.give(Look(sorted(looks)))
        if woken := self.info.get("woken"):
            queue.give(SessionsWoken(sorted(woken)))
        if self.info.get("sessions_due"):
            queue.give(SessionsDue())
        if answered := self.info.get("answered"):
            queue.give(RequestsAnswered(sorted(answered)))


class Database:
    """One database, with the pool that everything but the hot statements uses, and the hot store."""

    def __init__(self, address: Address, queue: Queue) -> None:
        self.address = address
        self._queue = queue
        self._turn = asyncio.Lock()
        self._scripts: PostgresqlScripts | None = None
        if address.path is not None:
            writer = Writer(address.path, self._turn)
            self.engine = make_sqlite_engine(address.url)
            self.hot: HotStore = SqliteHotStore(writer)
            self.sessions = SessionStore(SqliteScripts(writer))
            self._read, self._write = self.engine, self.engine.execution_options(immediate=True)
        else:
            self.engine = make_postgresql_engine(address.url)
            self.hot = PostgresqlHotStore(address.url)
            self._scripts = PostgresqlScripts(address.url)
            self.sessions = SessionStore(self._scripts)
            snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            self._read, self._write = self.engine.execution_options(**snapshot), self.engine

    async def open(self) -> None:
        """Get the hot statements ready; must be awaited in the event loop that is to use them."""
        await self.hot.open()
        if self._scripts is not None:
            await self._scripts.open()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """One snapshot, for reading only.

        Raises:
            Unavailable: the database is away.
        """
        with unavailable_when_away():
            async with Tx(self._read, expire_on_commit=False) as tx:
                yield tx

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        """One transaction, committed at the end of the block, whose hints are given after the commit.

        Raises:
            Unavailable: the database is away; nothing was written.
        """
        with unavailable_when_away():
            async with AsyncExitStack() as stack:
                if self.address.path is not None:
                    await stack.enter_async_context(self._take_turn())
                async with Tx(self._write, expire_on_commit=False) as tx, tx.begin():
                    yield tx
        tx.give_hints(self._queue)

    @asynccontextmanager
    async def _take_turn(self) -> AsyncIterator[None]:
        """Queue behind the writers of this process, one of whom may be waiting for another process's."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()

    async def close(self) -> None:
        """Let go of every connection; a database that has stopped is not waited for."""
        await self.hot.close()
        if self._scripts is not None:
            await self._scripts.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self.engine.dispose()


def make_postgresql_engine(url: str) -> AsyncEngine:
    """Return an engine that connects as asyncpg reads the URL, so that both pools understand the same options.

    Neither engine repeats in an error what was to be written: errors are logged, and rows hold what strangers sent.
    """

    async def connect() -> asyncpg.Connection:
        # Statements are planned by the sizes of the day: a plan that was made for empty tables and kept reads all
        # of a workspace's rows to find one.
        settings = {"application_name": "aetherflow", "jit": "off", "plan_cache_mode": "force_custom_plan"}
        return await asyncpg.connect(
            url, timeout=TIMEOUT_SECONDS, command_timeout=TIMEOUT_SECONDS, server_settings=settings
        )

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=10,
        max_overflow=10,
        pool_timeout=TIMEOUT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
    )


def make_sqlite_engine(url: str) -> AsyncEngine:
    """Return an engine whose transactions begin when we say so, and as writers when they are to write."""
    engine = create_async_engine(
        url, connect_args={"timeout": BUSY_MILLISECONDS / 1000}, hide_parameters=True
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        # The driver would begin transactions on its own, later than it must be.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


AWAY = (
    OSError,
    TimeoutError,
    PoolTimeoutError,
    asyncpg.InterfaceError,
    # The driver's word for a connection that broke while it was being given back.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)

# Primary result codes of SQLite that speak of the file, not of our statement.
SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}


def is_away(error: BaseException) -> bool:
    """Whether an error says that the database cannot be used now, rather than that we used it wrongly."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_away(cause_of(error)))
    if isinstance(error, sqlite3.OperationalError):
        # The primary code is the low byte (sqlite.org/rescode.html).
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in SQLITE_AWAY
    return isinstance(error, AWAY)


# What a database answers that is there and will not have us, until somebody changes the settings.
REFUSALS = (
    asyncpg.ClientConfigurationError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)


@contextmanager
def misconfigured_when_refused() -> Iterator[None]:
    """Turn what only the operator can change into an error that says so; for a first contact.

    Raises:
        Misconfigured: with what the database said, which names users and databases but no password.
    """
    try:
        yield
    except Exception as error:
        cause = cause_of(error)
        not_a_database = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB
        if not (not_a_database or isinstance(cause, REFUSALS)):
            raise
        raise Misconfigured(f"AETHERFLOW_DATABASE_URL: {str(cause).rstrip('.')}.") from error


def cause_of(error: BaseException) -> BaseException:
    """Return what the driver raised, out of what SQLAlchemy made of it."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return error
    return error.orig.__cause__ or error.orig


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Turn the many errors of a database that is away into the one that callers know.

    Raises:
        Unavailable: with Retry-After.
    """
    try:
        yield
    except Exception as error:
        if not is_away(error):
            raise
        raise Unavailable(headers=RETRY_AFTER) from error
