"""Whole deliverers for tests: with or without what runs in the background."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from delivery.deliver import Deliverer
from delivery.endpoints import EndpointBook
from delivery.engine import Engine
from delivery.sender import Sender
from delivery.transport import Transport
from tests.eventually import eventually
from tests.outbound.sites import Site
from tests.receivers import Script, Visit, answer


@contextlib.asynccontextmanager
async def bare_deliverer(site: Site) -> AsyncIterator[Deliverer]:
    """A deliverer that does what it is told and nothing by itself: no sweep, no renewal, no hint."""
    wiring = site.wiring
    transport = Transport(wiring.egress)
    book = EndpointBook(wiring.database, keyring=wiring.keyring, egress=wiring.egress, user_agent="Tests/1")
    sender = Sender(transport, clock=wiring.clock, fraction=wiring.chance.take_fraction)
    deliverer = Deliverer(wiring, sender=sender, endpoints=book)
    try:
        yield deliverer
    finally:
        await deliverer.stop()
        await transport.close()


@contextlib.asynccontextmanager
async def running_engine(site: Site) -> AsyncIterator[Engine]:
    """The delivering half of a process, connected to what the site publishes, as an embedded process has it."""
    engine = Engine(site.wiring)
    engine.start()
    site.queue.connect(engine.deliverer.take)
    try:
        yield engine
    finally:
        site.queue.connect(None)
        await engine.stop()


async def settled(site: Site, number: int, *, status: str = "succeeded") -> None:
    """Wait until so many deliveries have a status."""

    async def enough() -> bool:
        return len(await site.deliveries(status=status)) >= number

    await eventually(enough, what=f"{number} deliveries have {status}")


class Gate:
    """A receiver's script that holds every request back until it is opened, and counts those held."""

    def __init__(self, then: Script | None = None) -> None:
        self._then = then or answer()
        self._open = asyncio.Event()
        self.held = 0
        self.most_held = 0

    async def __call__(self, visit: Visit) -> None:
        self.held += 1
        self.most_held = max(self.most_held, self.held)
        await self._open.wait()
        self.held -= 1
        await self._then(visit)

    def open(self) -> None:
        """Answer what is held back and everything that comes."""
        self._open.set()

    async def holds(self, number: int) -> None:
        """Wait until so many requests are held back."""
        await eventually(lambda: self.held >= number, what=f"{number} requests are held back")
