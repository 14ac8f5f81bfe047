"""The one thread that writes hot rows to SQLite.

SQLite has one writer at a time and each commit waits for the disk, so all jobs that come while a commit is
under way go into the next one together. A job is a function of the connection; it is answered after the COMMIT.

`turn` is held while a transaction is open, by this writer and by `Database.write` alike, so that the writers of
a process queue in order instead of polling SQLite's lock. A writer in another process is waited for by SQLite.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], Any]

# The longest wait for a writer in another process, such as the command line.
BUSY_MILLISECONDS = 5000


class Writer:
    """Runs jobs in group commits on one connection in one thread."""

    def __init__(self, path: Path, turn: asyncio.Lock, *, busy_milliseconds: int = BUSY_MILLISECONDS) -> None:
        self._path = path
        self._turn = turn
        self._busy_milliseconds = busy_milliseconds
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._waiting: list[tuple[Job, asyncio.Future[Any]]] = []
        self._drain: asyncio.Task[None] | None = None
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Connect."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connect)

    async def close(self) -> None:
        """Commit what is waiting, then disconnect."""
        self._closed = True
        while self._drain is not None:
            await asyncio.wait([self._drain])
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown()

    def run(self, job: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Return a future that has the job's result once it is on disk, or its error once it is rolled back."""
        if self._closed:
            raise RuntimeError("the writer was closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, future))
        if self._drain is None:
            self._drain = asyncio.get_running_loop().create_task(self._commit_waiting())
        return future

    async def _commit_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                async with self._turn:
                    group, self._waiting = self._waiting, []
                    results = await loop.run_in_executor(
                        self._thread, self._commit, [job for job, _ in group]
                    )
                for (_, future), (value, error) in zip(group, results, strict=True):
                    if future.done():
                        continue
                    if error is None:
                        future.set_result(value)
                    else:
                        future.set_exception(error)
        finally:
            self._drain = None

    def _commit(self, jobs: list[Job]) -> list[tuple[Any, Exception | None]]:
        """Run all jobs in one transaction; if one fails, each in its own, so that only it suffers."""
        connection = self._connection
        if connection is None:
            raise sqlite3.ProgrammingError("the writer is not connected")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            # No job's fault: another process holds the lock, and each alone would wait for it as long.
            return [(None, error)] * len(jobs)
        try:
            return [(value, None) for value in self._finish(connection, jobs)]
        except Exception as error:
            if len(jobs) == 1:
                return [(None, error)]
        return [self._commit([job])[0] for job in jobs]

    def _finish(self, connection: sqlite3.Connection, jobs: list[Job]) -> list[Any]:
        try:
            values = [job(connection) for job in jobs]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return values

    def _connect(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None, cached_statements=256)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={self._busy_milliseconds}"):
            self._connection.execute(f"PRAGMA {pragma}")

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
