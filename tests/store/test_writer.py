"""The one writer of SQLite: many jobs in a commit, and each job's answer its own."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.store.database import is_away
from app.store.hot.writer import Writer

# Long beside a turn of the loop, short beside a test.
BUSY_MILLISECONDS = 300


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE jobs (name TEXT PRIMARY KEY)")
    connection.close()
    return path


@pytest.fixture
async def writer(path: Path) -> AsyncIterator[Writer]:
    writer = Writer(path, asyncio.Lock(), busy_milliseconds=BUSY_MILLISECONDS)
    await writer.open()
    yield writer
    await writer.close()


@pytest.fixture
def other(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection such as another process has."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    yield connection
    connection.close()


def insert(name: str) -> Callable[[sqlite3.Connection], str]:
    def job(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO jobs VALUES (?)", (name,))
        return name

    return job


def names(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT name FROM jobs ORDER BY rowid")]


async def test_a_job_is_answered_when_others_can_read_what_it_wrote(
    writer: Writer, other: sqlite3.Connection
) -> None:
    for name in ("a", "b", "c"):
        assert await writer.run(insert(name)) == name
        assert names(other)[-1] == name


async def test_jobs_that_come_during_a_commit_go_into_the_next_one_together(
    writer: Writer, other: sqlite3.Connection
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hold_up(_: sqlite3.Connection) -> None:
        begun.set()
        go_on.wait(10)

    held = writer.run(hold_up)
    await asyncio.to_thread(begun.wait, 10)
    waiting = [writer.run(insert(name)) for name in ("a", "b")]
    seen = writer.run(lambda connection: (names(connection), names(other)))
    last = writer.run(insert("c"))
    go_on.set()
    # The third job sees what the first two wrote, and nobody else does yet.
    assert await seen == (["a", "b"], [])
    await asyncio.gather(held, *waiting, last)
    assert names(other) == ["a", "b", "c"]


async def test_jobs_run_in_the_order_in_which_they_came(writer: Writer, other: sqlite3.Connection) -> None:
    order = [f"{number:03d}" for number in range(200)]
    futures = []
    for name in order:
        futures.append(writer.run(insert(name)))
        if name.endswith("7"):
            await asyncio.sleep(0)
    assert await asyncio.gather(*futures) == order
    assert names(other) == order


async def test_a_job_that_fails_harms_only_itself(writer: Writer, other: sqlite3.Connection) -> None:
    def fail_halfway(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO jobs VALUES ('half')")
        raise ValueError("halfway")

    futures: list[asyncio.Future[Any]] = [
        writer.run(insert("a")),
        writer.run(fail_halfway),
        writer.run(insert("b")),
    ]
    first, second, third = await asyncio.gather(*futures, return_exceptions=True)
    assert (first, third) == ("a", "b")
    assert isinstance(second, ValueError)
    assert names(other) == ["a", "b"]


async def test_a_job_that_fails_alone_leaves_nothing_behind(
    writer: Writer, other: sqlite3.Connection
) -> None:
    await writer.run(insert("a"))
    with pytest.raises(sqlite3.IntegrityError):
        await writer.run(insert("a"))
    assert await writer.run(insert("b")) == "b"
    assert names(other) == ["a", "b"]


async def test_a_job_after_one_that_failed_does_not_see_what_it_wrote(writer: Writer) -> None:
    def fail_halfway(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO jobs VALUES ('half')")
        raise ValueError("halfway")

    futures: list[asyncio.Future[Any]] = [writer.run(fail_halfway), writer.run(names)]
    assert (await asyncio.gather(*futures, return_exceptions=True))[1] == []


async def test_a_caller_that_stops_waiting_disturbs_nobody_else(
    writer: Writer, other: sqlite3.Connection
) -> None:
    async def call(name: str) -> str:
        return await writer.run(insert(name))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call(name)) for name in ("a", "b", "c")]
        await asyncio.sleep(0)
        tasks[1].cancel()
    assert (tasks[0].result(), tasks[2].result()) == ("a", "c")
    assert tasks[1].cancelled()
    assert {"a", "c"} <= set(names(other))


async def test_closing_commits_what_is_waiting(path: Path, other: sqlite3.Connection) -> None:
    writer = Writer(path, asyncio.Lock())
    await writer.open()
    futures = [writer.run(insert(str(number))) for number in range(10)]
    await writer.close()
    assert [future.result() for future in futures] == names(other) == [str(n) for n in range(10)]


async def test_a_closed_writer_refuses_jobs_instead_of_leaving_them_to_wait(path: Path) -> None:
    writer = Writer(path, asyncio.Lock())
    await writer.open()
    await writer.close()
    with pytest.raises(RuntimeError, match="closed"):
        writer.run(names)


async def test_a_writer_in_another_process_is_waited_for(writer: Writer, other: sqlite3.Connection) -> None:
    other.execute("BEGIN IMMEDIATE")
    futures = [writer.run(insert("a")), writer.run(insert("b"))]
    await asyncio.sleep(0.05)
    assert not any(future.done() for future in futures)
    other.execute("COMMIT")
    assert await asyncio.gather(*futures) == ["a", "b"]


async def test_a_lock_that_does_not_go_away_is_waited_for_once_by_all_together(
    writer: Writer, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")
    futures = [writer.run(insert(str(number))) for number in range(400)]
    # Each by itself would take two minutes.
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*futures, return_exceptions=True)
    assert all(isinstance(answer, sqlite3.OperationalError) and is_away(answer) for answer in answers)
    other.execute("ROLLBACK")
    assert await writer.run(insert("a")) == "a"
    assert names(other) == ["a"]


async def test_a_full_disk_is_told_as_such_and_leaves_nothing_behind(
    writer: Writer, other: sqlite3.Connection
) -> None:
    pages = await writer.run(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
    await writer.run(lambda connection: connection.execute(f"PRAGMA max_page_count={pages + 2}").fetchone())
    futures = [writer.run(insert("a")), writer.run(insert("b" * 100_000)), writer.run(insert("c"))]
    first, second, third = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(second, sqlite3.OperationalError)
    assert is_away(second)
    assert (first, third) == ("a", "c")
    assert names(other) == ["a", "c"]
