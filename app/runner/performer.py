"""Takes up sessions and performs them: claim -> perform -> settle.

A process of the API performs what its callers wait for, and claims nothing; every other one claims sessions in the
order in which they became due, as many as have a place. All renew their leases each second, and learn in the same
statement which of their sessions are to stop.
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from app.errors import Unavailable
from app.inbound.answers import Waiters
from app.inbound.schedules import fire_due, is_due
from app.outbound.announce import Announcer
from app.queue import RequestsAnswered, SessionHint, SessionsDue, SessionsWoken
from app.runner.announcing import announce_start
from app.runner.ends import Abandoned, HandedOver
from app.runner.held import Held
from app.runner.packages import Packages
from app.runner.processes import Processes
from app.runner.programs import Programs, private_folder
from app.runner.session_run import SessionRun
from app.runner.stage import Stage
from app.runner.writer import SessionWriter
from app.runner.zygote import Zygote, python_of
from app.store.database import is_away
from app.store.hot.session_rows import ClaimedSession, LeaseState, NewSession
from app.wiring import Wiring

# Sessions claimed beyond those that have a place, so that the next one is at hand when a place is free.
AHEAD = 2

# How long a stop waits for sessions that are being performed.
STOP_SECONDS = 30.0

# How long it then takes to write that others may have them.
HAND_OVER_SECONDS = 5.0

RENEW_SECONDS = 1.0

# The lease of a session that is lost with the connection of its caller. Nobody else can go on with it, so this only
# has to be longer than the database may be away without its caller hearing of it.
CALLER_LEASE = timedelta(seconds=30)

log = structlog.get_logger()


class Performer:
    """One process's share of the sessions."""

    def __init__(self, wiring: Wiring, *, claims: bool) -> None:
        settings = wiring.settings
        self._wiring = wiring
        self._claims = claims
        self._places = settings.runner_processes or 2 * (os.cpu_count() or 1)
        folder, python = runner_folder(wiring), python_of(settings.runner_python)
        packages = Packages(folder / "packages", python=python) if settings.runner_install else None
        zygote = Zygote(python=python, memory_bytes=settings.runner_memory_mb * 1024 * 1024)
        self.waiters = Waiters(wiring.database)
        announcer = Announcer(wiring)
        self.stage = Stage(
            wiring,
            Programs(wiring, folder / "deployments", packages=packages),
            Processes(zygote, limit=self._places),
            SessionWriter(wiring.database, announcer, self.waiters),
            self.waiters,
            announcer,
        )
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._held: dict[str, Held] = {}
        self._renewed_at = wiring.clock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._background: list[asyncio.Task[None]] = []
        self._due = asyncio.Event()
        self._claimed = 0
        self._stopping = False

    def start(self) -> None:
        """Begin to work."""
        loop = asyncio.get_running_loop()
        self._background.append(loop.create_task(self._renew_forever()))
        if self._claims:
            self._background.append(loop.create_task(self._claim_forever()))
            self._background.append(loop.create_task(self._tick_forever()))

    async def stop(self) -> None:
        """Claim nothing more, let what is performed end for a while, and leave the rest to others."""
        self._stopping = True
        self._due.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
        for held in list(self._held.values()):
            held.cut(HandedOver())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=HAND_OVER_SECONDS)
        for task in [*self._tasks, *self._background]:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._background, return_exceptions=True)
        await self.stage.processes.stop()

    def take(self, hint: SessionHint) -> None:
        """Act on a hint. Never waits."""
        match hint:
            case SessionsDue():
                self._due.set()
            case SessionsWoken():
                for session_id in hint.session_ids:
                    self.stage.bells.ring(session_id)
                self._due.set()
            case RequestsAnswered():
                self._start(self._look(hint.request_ids))

    def perform_now(self, session: ClaimedSession) -> None:
        """Perform a session that was born under a lease of this process."""
        self._begin(session)

    def _begin(self, session: ClaimedSession) -> None:
        if (earlier := self._held.get(session.id)) is not None:
            earlier.cut(Abandoned())
        held = self._held[session.id] = Held(session)
        self._claimed += not session.is_sync
        self._start(self._perform(held))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _perform(self, held: Held) -> None:
        session = held.session
        try:
            await SessionRun(self.stage, held).run()
        except Exception:
            log.exception("session_not_performed", session=session.id)
        finally:
            # Unless its lease lapsed, and this very process has claimed it again.
            if self._held.get(session.id) is held:
                del self._held[session.id]
            self._claimed -= not session.is_sync
            self._due.set()

    async def _look(self, request_ids: list[str]) -> None:
        try:
            await self.waiters.look(request_ids)
        except Unavailable:
            # They look by themselves each second.
            return

    async def _claim_forever(self) -> None:
        while not self._stopping:
            self._due.clear()
            waiting = sum(held.is_waiting for held in self._held.values() if not held.session.is_sync)
            # Each session in hand has a process or will have one, and callers that wait need some as well.
            unused = self.stage.processes.most - self._places - len(self._held)
            room = min(self._places + AHEAD - (self._claimed - waiting), unused)
            claimed: list[ClaimedSession] = []
            if room > 0:
                claimed = await self._claim(room)
                for session in claimed:
                    self._begin(session)
            if room <= 0 or len(claimed) < room:
                try:
                    async with asyncio.timeout(self._wiring.settings.sweep_seconds):
                        await self._due.wait()
                except TimeoutError:
                    continue

    async def _claim(self, limit: int) -> list[ClaimedSession]:
        if self._held and self._wiring.clock() - self._renewed_at > self._lease / 2:
            # The machine slept, or was too busy. What this process performs itself must not look abandoned to it.
            await self._renew()
        now, announcer = self._wiring.clock(), self.stage.announcer
        announcement = announcer.begin()
        try:
            claimed = await self._wiring.database.sessions.claim(
                token=self._wiring.chance.token(),
                now=now,
                leased_until=now + self._lease,
                limit=limit,
                publish=lambda begun: announcement.publish([announce_start(one, announcer) for one in begun]),
            )
        except Exception as error:
            if not is_away(error):
                log.exception("sessions_not_claimed")
            return []
        announcer.tell(announcement, later=False)
        return claimed

    async def _tick_forever(self) -> None:
        """Start what schedules are due, with the same patience as everything else that is swept."""
        while True:
            try:
                await self._tick()
            except Unavailable:
                log.warning("schedules_wait_for_database")
            except Exception:
                log.exception("schedules_not_fired")
            await asyncio.sleep(self._wiring.settings.sweep_seconds)

    async def _tick(self) -> None:
        async with self._wiring.database.read() as tx:
            if not await is_due(tx, wiring=self._wiring):
                return
        async with self._wiring.database.write() as tx:
            fired = await fire_due(tx, wiring=self._wiring)
        if fired:
            self._due.set()
            self._wiring.queue.give(SessionsDue())

    async def _renew_forever(self) -> None:
        while True:
            started = time.monotonic()
            if self._held:
                await self._renew()
            await asyncio.sleep(max(0.0, RENEW_SECONDS - (time.monotonic() - started)))

    async def _renew(self) -> None:
        leases: dict[timedelta, list[tuple[str, int]]] = defaultdict(list)
        asked = dict(self._held)
        for held in asked.values():
            session = held.session
            leases[lease_of(session, least=self._lease)].append((session.id, session.token))
        now, states = self._wiring.clock(), dict[str, LeaseState]()
        try:
            for lease, ours in leases.items():
                states |= await self._wiring.database.sessions.renew(ours, leased_until=now + lease)
        except Exception as error:
            if not is_away(error):
                log.exception("leases_not_renewed")
            return
        self._renewed_at = now
        for session_id, state in states.items():
            asked[session_id].heed(state, grace_seconds=self._wiring.settings.runner_grace_seconds)


def lease_of(session: NewSession | ClaimedSession, *, least: timedelta) -> timedelta:
    """Return how long a process that performs a session keeps it from others after it was last heard of."""
    return max(least, CALLER_LEASE) if session.is_sync and not session.is_durable else least


def runner_folder(wiring: Wiring) -> Path:
    """Return where deployed files and their packages lie for running."""
    if (given := wiring.settings.runner_folder) is not None:
        return Path(given)
    path = wiring.database.address.path
    return private_folder("runner") if path is None else path.parent / "runner"
