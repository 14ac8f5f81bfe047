"""The processes that perform sessions: some warm ones for each program, and a bound on how many work at once.

1. A process performs one session at a time, and only sessions of its program.
2. Whoever comes first is served first. Callers that wait for an answer have places of their own, so that a
   backlog does not hold them up.
3. A session that waits for something gives its place to another one, but keeps its process.
4. Idle processes stay for a while; when there are too many, the one that has been idle longest ends.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator

from app.runner.programs import Program
from app.runner.zygote import Process, Zygote

# How long an idle process stays.
IDLE_SECONDS = 60.0

# Processes for each that may work at once, counting those that wait and those that are idle.
PROCESSES_PER_PLACE = 8


class Place:
    """A share of the processors, given up while a session waits."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self.is_held = False

    async def take(self) -> None:
        """Wait for one's turn."""
        if not self.is_held:
            await self._places.acquire()
            self.is_held = True

    def give_up(self) -> None:
        """Let another session go on."""
        if self.is_held:
            self._places.release()
            self.is_held = False


class Processes:
    """The processes of one service process."""

    def __init__(self, zygote: Zygote, *, limit: int) -> None:
        self._zygote = zygote
        self.most = limit * PROCESSES_PER_PLACE
        self._places = {False: asyncio.Semaphore(limit), True: asyncio.Semaphore(limit)}
        # From the one that has been idle longest to the one that was used last.
        self._idle: OrderedDict[Process, tuple[Program, asyncio.TimerHandle]] = OrderedDict()
        self._busy: set[Process] = set()

    @property
    def room(self) -> int:
        """How many more sessions can have a process."""
        return self.most - len(self._busy)

    @property
    def is_crowded(self) -> bool:
        """Whether a session that can wait without its process should."""
        return len(self._busy) > self.most // 2

    @contextlib.asynccontextmanager
    async def place(self, *, is_sync: bool) -> AsyncIterator[Place]:
        """Hold a place, when it is one's turn."""
        place = Place(self._places[is_sync])
        await place.take()
        try:
            yield place
        finally:
            place.give_up()

    async def acquire(self, program: Program, *, is_fresh: bool = False) -> Process:
        """Return a warm process of a program, or a new one, as a session gets that comes back after a wait.

        Raises:
            OSError: the system does not allow another process.
        """
        if not is_fresh and (process := self._take_idle(program)) is not None:
            return process
        if self.room <= 0:
            raise OSError("too many sessions wait in processes of their own")
        if len(self._idle) >= self.room and self._idle:
            self._end(next(iter(self._idle)))
        process = await self._zygote.fork(program.folder, program.environment, packages=program.packages)
        self._busy.add(process)
        return process

    def _take_idle(self, program: Program) -> Process | None:
        """Return the process of a program that was used last, if one is idle and alive."""
        for process, (other, timer) in reversed(self._idle.items()):
            if other.key == program.key:
                timer.cancel()
                del self._idle[process]
                if not process.is_alive:
                    return None
                self._busy.add(process)
                return process
        return None

    def release(self, process: Process, program: Program, *, is_reusable: bool) -> None:
        """Keep a process for its program's next session, or end it."""
        self._busy.discard(process)
        if not is_reusable or not process.is_alive:
            process.kill()
            return
        timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._end, process)
        self._idle[process] = (program, timer)

    async def stop(self) -> None:
        """End all of them."""
        for process in [*self._idle, *self._busy]:
            process.kill()
        for _, timer in self._idle.values():
            timer.cancel()
        self._idle.clear()
        await self._zygote.stop()

    def _end(self, process: Process) -> None:
        found = self._idle.pop(process, None)
        if found is not None:
            found[1].cancel()
        process.kill()
