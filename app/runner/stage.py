"""What all performances of a process share."""

import asyncio
from dataclasses import dataclass, field

from app.inbound.answers import Waiters
from app.outbound.announce import Announcer
from app.runner.processes import Processes
from app.runner.programs import Programs
from app.runner.writer import SessionWriter
from app.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Stage:
    """The parts that performances work with."""

    wiring: Wiring
    programs: Programs
    processes: Processes
    writer: SessionWriter
    waiters: Waiters
    announcer: Announcer
    bells: "Bells" = field(default_factory=lambda: Bells())


class Bells:
    """Wakes performances that wait for something to arrive."""

    def __init__(self) -> None:
        self._bells: dict[str, asyncio.Event] = {}

    def hang(self, session_id: str) -> asyncio.Event:
        """Return the bell of a session that is performed here."""
        bell = self._bells[session_id] = asyncio.Event()
        return bell

    def ring(self, session_id: str) -> None:
        """Have the session look at what has come."""
        if (bell := self._bells.get(session_id)) is not None:
            bell.set()

    def take_down(self, session_id: str, bell: asyncio.Event) -> None:
        """Forget the bell of a performance that is over, unless the session has begun again with another one."""
        if self._bells.get(session_id) is bell:
            del self._bells[session_id]
