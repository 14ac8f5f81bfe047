"""Transactions on either database: hints after the commit, writers in turn, and what absence looks like."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import datetime

import asyncpg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from app.errors import Unavailable
from app.queue import Changed, Hint, LocalQueue, Look, RequestsAnswered, SessionsDue, SessionsWoken
from app.store.address import Address
from app.store.database import Database, is_away
from app.store.hot.sqlite import SqliteHotStore
from app.store.models import Workspace
from tests.opened import opened
from tests.postgres_server import Postgres
from tests.processes import free_port
from tests.services import migrate
from tests.store.rows import (
    START,
    add_endpoint,
    add_workspace,
    claim,
    new_event,
    publish,
    publish_to,
    settlement,
)


@pytest.fixture
async def hints(queue: LocalQueue) -> AsyncIterator[list[Hint]]:
    given: list[Hint] = []
    queue.connect(given.append)
    yield given
    queue.connect(None)


async def name_of(database: Database, workspace_id: str) -> str | None:
    async with database.read() as tx:
        return await tx.scalar(select(Workspace.name).where(Workspace.id == workspace_id))


async def break_connection(database: Database, pid: int | None) -> None:
    other = await asyncpg.connect(database.address.url)
    await other.execute("SELECT pg_terminate_backend($1)", pid)
    await other.close()


async def test_hints_are_given_after_the_commit(database: Database, queue: LocalQueue) -> None:
    open_at_hint: list[bool] = []
    async with database.write() as tx:
        queue.connect(lambda _: open_at_hint.append(tx.in_transaction()))
        tx.hint("ep_1")
        tx.add(Workspace(id="ws_1", name="one", endpoints_version=0, created_at=START))
        await tx.flush()
        assert open_at_hint == []
    assert open_at_hint == [False]
    assert await name_of(database, "ws_1") == "one"


async def test_hints_of_sessions_are_given_after_the_commit_too(
    database: Database, hints: list[Hint]
) -> None:
    async with database.write() as tx:
        for session_id in ("ses_2", "ses_1", "ses_2"):
            tx.hint_woken(session_id)
        tx.hint_sessions_due()
        tx.hint_answered("req_1")
        assert hints == []
    assert hints == [SessionsWoken(["ses_1", "ses_2"]), SessionsDue(), RequestsAnswered(["req_1"])]


async def test_a_hint_names_each_endpoint_once(database: Database, hints: list[Hint]) -> None:
    async with database.write() as tx:
        for endpoint_id in ("ep_2", "ep_1", "ep_2"):
            tx.hint(endpoint_id)
        tx.hint_change("ws_1")
        tx.hint_change("ws_1")
    assert hints == [Changed(["ws_1"]), Look(["ep_1", "ep_2"])]


async def test_a_transaction_without_hints_gives_none(database: Database, hints: list[Hint]) -> None:
    await add_workspace(database)
    assert hints == []


async def test_a_rollback_drops_the_hints_with_the_rows(database: Database, hints: list[Hint]) -> None:
    async def fail() -> None:
        async with database.write() as tx:
            tx.add(Workspace(id="ws_1", name="one", endpoints_version=0, created_at=START))
            await tx.flush()
            tx.hint("ep_1")
            tx.hint_change("ws_1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert hints == []
    assert await name_of(database, "ws_1") is None


async def test_a_commit_that_fails_gives_no_hints(database: Database, hints: list[Hint]) -> None:
    async def fail() -> None:
        async with database.write() as tx:
            tx.hint("ep_1")
            tx.add(Workspace(id="ws_1", name="one", endpoints_version=0, created_at=START))
            await tx.flush()
            if database.address.path is None:
                await break_connection(database, await tx.scalar(text("SELECT pg_backend_pid()")))
            else:
                # Checked at the commit instead of at the statement.
                await tx.execute(text("PRAGMA defer_foreign_keys=ON"))
                await tx.execute(text("UPDATE workspaces SET id = 'ws_2'"))
                await tx.execute(
                    text(
                        "INSERT INTO api_keys (id, workspace_id, name, digest, prefix, scopes, created_at)"
                        " VALUES ('key_1', 'ws_nowhere', '', x'00', '', '[]', 0)"
                    )
                )

    with pytest.raises((IntegrityError, Unavailable)):
        await fail()
    assert hints == []
    assert await name_of(database, "ws_1") is None


async def test_of_many_updates_at_the_same_time_none_is_lost(database: Database) -> None:
    workspace_id = await add_workspace(database)

    async def count_up() -> None:
        async with database.write() as tx:
            statement = select(Workspace).where(Workspace.id == workspace_id).with_for_update()
            workspace = (await tx.scalars(statement)).one()
            workspace.endpoints_version += 1

    await asyncio.gather(*(count_up() for _ in range(200)))
    async with database.read() as tx:
        assert (await tx.get_one(Workspace, workspace_id)).endpoints_version == 200


async def test_verbs_and_hot_statements_write_at_the_same_time(database: Database) -> None:
    workspace_id = await add_workspace(database)
    endpoint_id = await add_endpoint(database, workspace_id)

    async def rename(number: int) -> None:
        async with database.write() as tx:
            (await tx.get_one(Workspace, workspace_id)).name = f"name {number}"

    async def deliver() -> int:
        await publish_to(database, endpoint_id, workspace_id=workspace_id)
        works = await claim(database, endpoint_id, 1)
        return await database.hot.settle([settlement(work) for work in works])

    results = await asyncio.gather(*(job for n in range(40) for job in (rename(n), deliver())))
    # A claim passes by what another has locked, so it may come back with nothing; none fails.
    assert sum(result for result in results if result is not None) <= 40


async def test_a_reader_sees_one_state_from_its_first_statement_to_its_last(database: Database) -> None:
    workspace_id = await add_workspace(database)
    async with database.read() as tx:
        before = await tx.scalar(select(Workspace.endpoints_version))
        async with database.write() as other:
            (await other.get_one(Workspace, workspace_id)).endpoints_version = 7
        assert await tx.scalar(select(Workspace.endpoints_version)) == before == 0
    async with database.read() as tx:
        assert await tx.scalar(select(Workspace.endpoints_version)) == 7


async def test_an_error_does_not_repeat_what_was_to_be_written(database: Database) -> None:
    workspace_id = await add_workspace(database)
    with pytest.raises(IntegrityError) as caught:
        async with database.write() as tx:
            tx.add(Workspace(id=workspace_id, name="canary", endpoints_version=0, created_at=START))
    assert "canary" not in str(caught.value)


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 1, 31, 9, 30)

    async def fail() -> None:
        async with database.write() as tx:
            tx.add(Workspace(id="ws_1", name="one", endpoints_version=0, created_at=naive))

    with pytest.raises(StatementError, match="without a zone"):
        await fail()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_reader_on_postgresql_cannot_write(database: Database) -> None:
    await add_workspace(database)

    async def fail() -> None:
        async with database.read() as tx:
            await tx.execute(text("UPDATE workspaces SET name = 'other'"))

    with pytest.raises(DBAPIError, match="read-only"):
        await fail()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_connection_to_sqlite_waits_for_the_disk_and_checks_foreign_keys(
    database: Database,
) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}

    async def look(arrived: asyncio.Barrier) -> dict[str, object]:
        async with database.read() as tx:
            # All at once, so that each has a connection of its own.
            await arrived.wait()
            return {name: await tx.scalar(text(f"PRAGMA {name}")) for name in wanted}

    arrived = asyncio.Barrier(10)
    assert await asyncio.gather(*(look(arrived) for _ in range(10))) == [wanted] * 10
    async with database.write() as tx:
        assert {name: await tx.scalar(text(f"PRAGMA {name}")) for name in wanted} == wanted


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_writer_of_hot_rows_waits_for_the_disk_too(database: Database) -> None:
    assert isinstance(database.hot, SqliteHotStore)
    found = await database.hot._writer.run(
        lambda connection: [
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
        ]
    )
    assert found == ["wal", 2]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_file_locked_by_another_process_is_unavailable(database: Database, database_url: str) -> None:
    workspace_id = await add_workspace(database)
    async with database.write() as tx:
        # The pool gives the same connection again.
        await tx.execute(text("PRAGMA busy_timeout=50"))
    other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as caught:
        await add_workspace(database)
    assert caught.value.headers == {"Retry-After": "2"}
    assert await name_of(database, workspace_id) == workspace_id
    other.close()
    await add_workspace(database)


async def test_a_file_that_cannot_be_opened_is_unavailable() -> None:
    database = Database(Address.parse("sqlite:////nowhere/at/all.db"), LocalQueue())
    with pytest.raises(Unavailable):
        await add_workspace(database)
    await database.engine.dispose()


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    async with opened(url) as database:
        with pytest.raises(Unavailable) as caught:
            await add_workspace(database)
        assert caught.value.headers == {"Retry-After": "2"}
        with pytest.raises(ConnectionRefusedError):
            await publish(database, [new_event("ws_1")])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_connection_that_breaks_in_the_middle_is_unavailable_and_the_next_one_works(
    database: Database,
) -> None:
    async def fail() -> None:
        async with database.write() as tx:
            await break_connection(database, await tx.scalar(text("SELECT pg_backend_pid()")))
            tx.add(Workspace(id="ws_1", name="one", endpoints_version=0, created_at=START))

    with pytest.raises(Unavailable):
        await fail()
    assert await name_of(database, "ws_1") is None
    await add_workspace(database)


async def test_a_server_that_has_stopped_to_answer_is_unavailable_and_can_be_left(
    own_postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a frozen machine or a firewall that drops packets looks: the connections stay, and nothing comes."""
    monkeypatch.setattr("app.store.hot.postgresql.TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr("app.store.database.TIMEOUT_SECONDS", 0.5)
    await asyncio.to_thread(migrate, own_postgres.url())
    async with opened(own_postgres.url()) as database:
        workspace_id = await add_workspace(database)
        await publish(database, [new_event(workspace_id)])
        own_postgres.pause()
        async with asyncio.timeout(30):
            with pytest.raises(Unavailable):
                await add_workspace(database)
            with pytest.raises(TimeoutError):
                await publish(database, [new_event(workspace_id)])
        own_postgres.resume()
        assert len(await publish(database, [new_event(workspace_id)])) == 1
        own_postgres.pause()
        async with asyncio.timeout(30):
            await database.close()
        own_postgres.resume()


def test_a_driver_that_lost_its_place_when_the_server_died_means_that_the_database_is_away() -> None:
    # Seen once in ten rounds of killing PostgreSQL under load; asyncpg has no way to bring it about at will.
    lost = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
    assert is_away(lost)
    assert not is_away(asyncpg.UniqueViolationError("a mistake of ours"))
