"""Writes what happens in sessions, many sessions to a commit.

A writing waits while the database is away: what has happened cannot be undone, and if the lease is another's by the
time the database is back, the writing changes nothing.
"""

import asyncio

import structlog

from app.inbound.answers import Waiters
from app.outbound.announce import Announcer
from app.store.database import Database, is_away
from app.store.hot.session_rows import Writing, Written

# Sessions in one commit.
MOST_WRITINGS = 200

# Pause before the database is tried again.
AWAY_SECONDS = 0.5

Waiting = tuple[Writing, asyncio.Future[Written]]

log = structlog.get_logger()


class SessionWriter:
    """The writings of this process. Of one session there is never more than one at a time."""

    def __init__(self, database: Database, announcer: Announcer, waiters: Waiters) -> None:
        self._database = database
        self._announcer = announcer
        self._waiters = waiters
        self._waiting: list[Waiting] = []
        self._committing: asyncio.Task[None] | None = None

    async def write(self, writing: Writing) -> Written:
        """Commit a writing together with those of others, and return what became of it."""
        future: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._waiting.append((writing, future))
        if self._committing is None:
            self._committing = asyncio.get_running_loop().create_task(self._commit_waiting())
        return await future

    async def _commit_waiting(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MOST_WRITINGS], self._waiting[MOST_WRITINGS:]
                try:
                    await self._write_group(group)
                except Exception:
                    # What one session left cannot be written; the others must not suffer for it.
                    for one in group:
                        await self._write_alone(one)
        finally:
            self._committing = None

    async def _write_group(self, group: list[Waiting]) -> None:
        results = await self._commit([writing for writing, _ in group])
        for (_, future), written in zip(group, results, strict=True):
            if not future.done():
                future.set_result(written)

    async def _write_alone(self, one: Waiting) -> None:
        try:
            await self._write_group([one])
        except Exception as error:
            if not one[1].done():
                one[1].set_exception(error)

    async def _commit(self, writings: list[Writing]) -> list[Written]:
        while True:
            announcement = self._announcer.begin()
            try:
                written = await self._database.sessions.write(writings, publish=announcement.publish)
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("sessions_wait_for_database", count=len(writings))
            else:
                self._announcer.tell(announcement, later=self._waiters.has_callers)
                return written
            await asyncio.sleep(AWAY_SECONDS)
